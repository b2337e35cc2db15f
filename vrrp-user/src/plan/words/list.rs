//! Collects what differs.

use std::{fmt::Display, time::Duration};

use super::values::seconds;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In words: `priority 100 → 150`.
    pub what: String,
    /// Another router takes over for it.
    pub moves: bool,
}

/// Collects differences.
#[derive(Default)]
pub(super) struct List(pub(super) Vec<Difference>);

impl List {
    pub(super) fn say(&mut self, what: impl Into<String>) {
        self.0.push(Difference {
            what: what.into(),
            moves: false,
        });
    }

    /// A value that is another one now.
    pub(super) fn value<T: PartialEq, Shown: Display>(
        &mut self,
        keyword: &str,
        before: &T,
        after: &T,
        show: impl Fn(&T) -> Shown,
    ) {
        if before != after {
            self.say(format!("{keyword} {} → {}", show(before), show(after)));
        }
    }

    pub(super) fn number<T: PartialEq + Display>(&mut self, keyword: &str, before: T, after: T) {
        self.value(keyword, &before, &after, |number| number.to_string());
    }

    pub(super) fn time(&mut self, keyword: &str, before: Duration, after: Duration) {
        self.value(keyword, &before, &after, |time| seconds(*time));
    }

    /// Something that is on or off.
    pub(super) fn switch(&mut self, keyword: &str, before: bool, after: bool) {
        self.value(
            keyword,
            &before,
            &after,
            |on| if *on { "on" } else { "off" },
        );
    }

    /// Something that may not be given.
    pub(super) fn option<T: PartialEq + Display>(
        &mut self,
        keyword: &str,
        before: Option<T>,
        after: Option<T>,
    ) {
        let show = |value: &Option<T>| {
            let none = || "none".to_owned();
            value.as_ref().map_or_else(none, T::to_string)
        };
        self.value(keyword, &before, &after, show);
    }

    /// Something that is said without its value.
    pub(super) fn changed<T: PartialEq>(&mut self, what: &str, before: &T, after: &T) {
        if before != after {
            self.say(format!("{what} changed"));
        }
    }
}
