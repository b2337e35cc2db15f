//! What nodes and loads are called, in which order they stand, and a node's colour; of events, what
//! becomes of those that this bench does not know.

use vrrp_tests::failover::Event;

const NODES: [(&str, &str); 5] = [
    ("xvrrp", "#0072b2"),
    ("keepalived", "#d55e00"),
    ("keepalived-tuned", "#e69f00"),
    ("keepalived-vmac", "#cc79a7"),
    ("frr", "#009e73"),
];

/// For nodes that the user named, in turn.
const FURTHER_COLOURS: [&str; 3] = ["#56b4e9", "#000000", "#8c6d31"];

const LOADS: [(&str, &str); 3] = [
    ("idle", "idle machine"),
    ("busy", "all cores busy"),
    ("flood", "packet flood"),
];

/// An event in words.
pub(super) fn event_title(event: &str) -> &str {
    event.parse().map_or(event, |event: Event| event.title())
}

/// What is done, in a sentence; nothing if nobody knows.
pub(super) fn event_explanation(event: &str) -> &'static str {
    event.parse().map_or("", Event::explanation)
}

/// A load in words.
pub(super) fn load_title(load: &str) -> &str {
    LOADS
        .iter()
        .find(|(name, _)| *name == load)
        .map_or(load, |(_, title)| title)
}

/// Events that nobody knows stand last.
pub(super) fn event_rank(event: &str) -> usize {
    rank(Event::ALL.into_iter().map(Event::name), event)
}

/// Nodes that the user named stand last.
pub(super) fn node_rank(node: &str) -> usize {
    rank(NODES.iter().map(|(name, _)| *name), node)
}

/// From the quiet to the hard.
pub(super) fn load_rank(load: &str) -> usize {
    rank(LOADS.iter().map(|(name, _)| *name), load)
}

/// Whether the event asks for another Active at all.
pub(super) fn moves(event: &str) -> bool {
    event.parse().map_or(true, Event::moves)
}

/// Nodes and their colours, which can be told apart without seeing red or green (Okabe and Ito).
#[derive(Debug)]
pub(super) struct Colours<'a> {
    /// In the order of the report.
    pub(super) nodes: Vec<(&'a str, &'static str)>,
}

impl<'a> Colours<'a> {
    /// Of the nodes of a report, in any order and as often as they occur.
    pub(super) fn of(nodes: impl Iterator<Item = &'a str>) -> Self {
        let mut names: Vec<_> = nodes.collect();
        names.sort_by_key(|name| (node_rank(name), *name));
        names.dedup();
        let mut further = FURTHER_COLOURS.into_iter().cycle();
        let nodes = names
            .into_iter()
            .map(|name| {
                let known = NODES.iter().find(|(known, _)| *known == name);
                let colour = known.map(|(_, colour)| *colour).or_else(|| further.next());
                (name, colour.unwrap_or("#000000"))
            })
            .collect();
        Self { nodes }
    }

    /// The colour of one of them.
    pub(super) fn get(&self, node: &str) -> &'static str {
        self.nodes
            .iter()
            .find(|(name, _)| *name == node)
            .map_or("#000000", |(_, colour)| colour)
    }
}

fn rank(mut names: impl Iterator<Item = &'static str>, wanted: &str) -> usize {
    names.position(|name| name == wanted).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_first_and_strangers_are_last() {
        let colours = Colours::of(["older", "frr", "xvrrp", "frr", "newer"].into_iter());
        let names: Vec<_> = colours.nodes.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["xvrrp", "frr", "newer", "older"]);
        assert_eq!(colours.get("xvrrp"), "#0072b2");
        assert_ne!(colours.get("newer"), colours.get("older"));
    }

    #[test]
    fn an_unknown_event_keeps_its_name() {
        assert_eq!(event_title("kill"), "kill -9");
        assert_eq!(event_title("earthquake"), "earthquake");
        assert_eq!(event_explanation("earthquake"), "");
        assert!(event_rank("earthquake") > event_rank("calm"));
    }
}
