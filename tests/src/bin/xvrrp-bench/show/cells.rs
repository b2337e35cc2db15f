//! The runs of a report in the order in which they are shown: adverts, load, event, node; the traffic
//! to the service and the routed traffic side by side.

use vrrp_tests::report::{Report, Run};

use super::names::{event_rank, load_rank, node_rank};

/// Everything measured at one advertisement interval under one load.
#[derive(Debug)]
pub(super) struct Timing<'a> {
    /// Advertisement interval in milliseconds.
    pub(super) advert_int_ms: u32,
    /// As [`Run::load`].
    pub(super) load: &'a str,
    /// In the order of the report.
    pub(super) events: Vec<Event<'a>>,
}

/// One event, for every node.
#[derive(Debug)]
pub(super) struct Event<'a> {
    /// As [`Run::event`].
    pub(super) name: &'a str,
    /// xvrrp first.
    pub(super) cells: Vec<Cell<'a>>,
}

/// One node's failovers.
#[derive(Debug)]
pub(super) struct Cell<'a> {
    /// To the service; the routed traffic if only that was measured.
    pub(super) run: &'a Run,
    /// Through the pair.
    pub(super) routed: Option<&'a Run>,
}

/// Groups the runs of a report.
pub(super) fn timings(report: &Report) -> Vec<Timing<'_>> {
    let mut runs: Vec<_> = report.runs.iter().collect();
    // Routed traffic after that to the service, so that it joins the cell.
    runs.sort_by_key(|run| (place(run), run.traffic == "routed"));

    let mut timings: Vec<Timing<'_>> = Vec::new();
    for run in runs {
        let timing = find_or_add(
            &mut timings,
            |timing| timing.advert_int_ms == run.advert_int_ms && timing.load == run.load,
            || Timing {
                advert_int_ms: run.advert_int_ms,
                load: &run.load,
                events: Vec::new(),
            },
        );
        let event = find_or_add(
            &mut timing.events,
            |event| event.name == run.event,
            || Event {
                name: &run.event,
                cells: Vec::new(),
            },
        );
        let mut routed = (run.traffic == "routed").then_some(run);
        if let Some(cell) = event.cells.last_mut()
            && cell.run.node == run.node
            && cell.run.version == run.version
            && routed.is_some()
            && cell.routed.is_none()
        {
            cell.routed = routed.take();
        } else {
            event.cells.push(Cell { run, routed });
        }
    }
    timings
}

impl Event<'_> {
    /// The cell of a node.
    pub(super) fn of(&self, node: &str) -> Option<&Cell<'_>> {
        self.cells.iter().find(|cell| cell.run.node == node)
    }
}

fn place(run: &Run) -> impl Ord {
    (
        run.advert_int_ms,
        (load_rank(&run.load), run.load.clone()),
        (event_rank(&run.event), run.event.clone()),
        (node_rank(&run.node), run.node.clone()),
        run.version,
    )
}

fn find_or_add<T>(items: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let index = items.iter().position(is).unwrap_or_else(|| {
        items.push(new());
        items.len() - 1
    });
    &mut items[index]
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn runs_stand_in_order_and_routed_traffic_joins_them() {
        let mut routed = sample::run("xvrrp", "stop", &[700.0]);
        routed.traffic = "routed".to_owned();
        let mut slow = sample::run("xvrrp", "stop", &[700.0]);
        slow.advert_int_ms = 1000;
        let mut alone = sample::run("older", "kill", &[700.0]);
        alone.traffic = "routed".to_owned();
        let report = Report {
            runs: vec![
                slow,
                alone,
                routed,
                sample::run("keepalived", "stop", &[700.0]),
                sample::run("xvrrp", "stop", &[700.0]),
            ],
            ..Report::default()
        };

        let timings = timings(&report);
        let intervals: Vec<_> = timings.iter().map(|timing| timing.advert_int_ms).collect();
        assert_eq!(intervals, [10, 1000]);
        let events: Vec<_> = timings[0].events.iter().map(|event| event.name).collect();
        assert_eq!(events, ["stop", "kill"]);
        let [ours, peer] = &timings[0].events[0].cells[..] else {
            panic!("{:?}", timings[0].events[0]);
        };
        assert_eq!(ours.run.node, "xvrrp");
        assert_eq!(ours.run.traffic, "service");
        assert_eq!(ours.routed.unwrap().traffic, "routed");
        assert_eq!(peer.run.node, "keepalived");
        assert!(peer.routed.is_none());
        assert_eq!(
            timings[0].events[1].of("older").unwrap().run.traffic,
            "routed"
        );
    }
}
