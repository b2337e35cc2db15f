//! The keywords of keepalived: which we act on, which we do not, and what that means.

mod tables;

use tables::{
    GLOBALS, GLOBALS_ACTED_ON, GLOBALS_PLAIN, INSTANCE, INSTANCE_ACTED_ON, INSTANCE_PLAIN, TOP,
    TOP_PLAIN,
};

/// What becomes of a keyword of keepalived that we do not act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// Nothing is lost by ignoring it.
    Accepted,
    /// Part of the mail settings: one note for all of them.
    Mail,
    /// Ignored with a warning that says what will not happen; empty where the keyword says it.
    Ignored(&'static str),
    /// Unsafe to ignore: the node does not start. Says why.
    Refused(&'static str),
}

/// Where a keyword stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// Outside of all blocks.
    Top,
    /// `global_defs`.
    Globals,
    /// `vrrp_instance`.
    Instance,
}

impl Context {
    /// What we do about a keyword of keepalived that is not in [`Self::acted_on`].
    pub(super) fn support(self, keyword: &str) -> Option<Support> {
        let special = match self {
            Self::Top => TOP,
            Self::Globals => GLOBALS,
            Self::Instance => INSTANCE,
        };
        let plain = match self {
            Self::Top => TOP_PLAIN,
            Self::Globals => GLOBALS_PLAIN,
            Self::Instance => INSTANCE_PLAIN,
        };
        let special = special
            .iter()
            .find(|(name, _)| *name == keyword)
            .map(|(_, support)| *support);
        special.or_else(|| plain.contains(&keyword).then_some(Support::Ignored("")))
    }

    /// The keywords we act on.
    pub(super) fn acted_on(self) -> &'static [&'static str] {
        match self {
            Self::Top => &["global_defs", "vrrp_instance"],
            Self::Globals => GLOBALS_ACTED_ON,
            Self::Instance => INSTANCE_ACTED_ON,
        }
    }

    /// What the block of a keyword consists of, if of keywords.
    pub(super) fn inside(self, keyword: &str) -> Option<Self> {
        match (self, keyword) {
            (Self::Top, "global_defs") => Some(Self::Globals),
            (Self::Top, "vrrp_instance") => Some(Self::Instance),
            _ => None,
        }
    }

    /// The keyword that was probably meant.
    pub(super) fn similar(self, word: &str) -> Option<&'static str> {
        let mistakes = |name: &str| 1 + name.len() / 8;
        let known = self.acted_on().iter().copied();
        known
            // What differs in length by more, differs by more; a file may be full of such words.
            .filter(|name| name.len().abs_diff(word.len()) <= mistakes(name))
            .map(|name| (distance(name, word), name))
            .filter(|(distance, name)| *distance <= mistakes(name))
            .min()
            .map(|(_, name)| name)
    }
}

/// Keywords that a block follows.
const BLOCKS: [&str; 6] = [
    "authentication",
    "global_defs",
    "unicast_peer",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "vrrp_instance",
];

/// Whether a word is a keyword that a value has to follow. The name of an instance is one.
pub(super) fn takes_value(word: &str) -> bool {
    word == "vrrp_instance"
        || !BLOCKS.contains(&word) && (is_statement(word) || GLOBALS_ACTED_ON.contains(&word))
}

/// Whether a word is a keyword that starts a line of its own in an instance.
pub(super) fn is_statement(word: &str) -> bool {
    INSTANCE_ACTED_ON.contains(&word) || matches!(word, "auth_type" | "auth_pass")
}

/// Levenshtein distance; words longer than any keyword are far from all.
fn distance(a: &str, b: &str) -> usize {
    if b.len() > 40 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (pair, y) in row.windows(2).zip(b.bytes()) {
            let &[diagonal, above] = pair else { break };
            left = (diagonal + usize::from(x != y))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_is_in_one_table() {
        for context in [Context::Top, Context::Globals, Context::Instance] {
            let (special, plain) = match context {
                Context::Top => (TOP, TOP_PLAIN),
                Context::Globals => (GLOBALS, GLOBALS_PLAIN),
                Context::Instance => (INSTANCE, INSTANCE_PLAIN),
            };
            let mut all: Vec<_> = special.iter().map(|(name, _)| *name).collect();
            all.extend(plain);
            all.extend(context.acted_on());
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{context:?}");
        }
    }

    #[test]
    fn typing_mistakes_are_recognised() {
        let cases = [
            ("priorty", Some("priority")),
            ("virtual_ipadress", Some("virtual_ipaddress")),
            ("virtual_routerid", Some("virtual_router_id")),
            ("nopremt", Some("nopreempt")),
            ("stat", Some("state")),
            ("bogus", None),
            ("", None),
        ];
        for (word, meant) in cases {
            assert_eq!(Context::Instance.similar(word), meant, "{word}");
        }
        assert_eq!(Context::Top.similar("vrrp_instnace"), Some("vrrp_instance"));
    }
}
