//! What happens to a pair.

use std::{fmt, str::FromStr};

/// What makes the address move, or should not. In the order in which a report shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// SIGTERM to the Active.
    Stop,
    /// The better router is started again after a stop or a kill.
    Preempt,
    /// SIGKILL to all processes of the Active.
    Kill,
    /// SIGSTOP to all processes of the Active.
    Freeze,
    /// SIGCONT to them, [`FROZEN`] later.
    Thaw,
    /// The switch's port of the Active goes down, and its carrier with it.
    Link,
    /// The link of the better router is mended.
    Mend,
    /// The switch drops all frames from and to the Active; its carrier stays.
    Silence,
    /// The switch forwards them again.
    Heal,
    /// The switch drops [`LOSS_PERCENT`] of them, either way.
    Lossy,
    /// Nothing at all.
    Calm,
}

/// How long a frozen router stays so.
pub const FROZEN: std::time::Duration = std::time::Duration::from_secs(10);
/// Part of the frames that a lossy link drops.
pub const LOSS_PERCENT: u8 = 20;

impl Event {
    /// Every event, in order.
    pub const ALL: [Self; 11] = [
        Self::Stop,
        Self::Preempt,
        Self::Kill,
        Self::Freeze,
        Self::Thaw,
        Self::Link,
        Self::Mend,
        Self::Silence,
        Self::Heal,
        Self::Lossy,
        Self::Calm,
    ];

    /// What brings the pair back to where it was before this; `None` if nothing has to.
    #[must_use]
    pub fn way_back(self) -> Option<Self> {
        match self {
            Self::Stop | Self::Kill => Some(Self::Preempt),
            Self::Link => Some(Self::Mend),
            Self::Freeze => Some(Self::Thaw),
            Self::Silence => Some(Self::Heal),
            Self::Lossy | Self::Calm | Self::Preempt | Self::Mend | Self::Thaw | Self::Heal => None,
        }
    }

    /// The router that serves before and the one that should after, 1 being the better one.
    #[must_use]
    pub fn routers(self) -> (u8, u8) {
        match self {
            Self::Stop | Self::Kill | Self::Freeze | Self::Link | Self::Silence => (1, 2),
            Self::Preempt | Self::Mend | Self::Thaw | Self::Heal => (2, 1),
            Self::Lossy | Self::Calm => (1, 1),
        }
    }

    /// Whether another router is to take over.
    #[must_use]
    pub fn moves(self) -> bool {
        let (old, new) = self.routers();
        old != new
    }

    /// Its name in reports and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.words().1
    }

    /// What is done, in a sentence.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Stop => (
                "stop",
                "planned stop",
                "SIGTERM to the Active: it may say goodbye",
            ),
            Self::Preempt => (
                "preempt",
                "return of the better",
                "the better router is started again after a stop or a kill, and takes the service back",
            ),
            Self::Kill => (
                "kill",
                "kill -9",
                "SIGKILL to all processes of the Active at once",
            ),
            Self::Freeze => (
                "freeze",
                "freeze",
                "SIGSTOP to all processes of the Active for 10 s; its kernel goes on",
            ),
            Self::Thaw => (
                "thaw",
                "thaw",
                "SIGCONT after it: the better router wakes up believing that it is Active",
            ),
            Self::Link => (
                "link",
                "cut link",
                "the Active's link goes down, with loss of carrier",
            ),
            Self::Mend => (
                "mend",
                "mended link",
                "the link comes back, and the better router takes the service back",
            ),
            Self::Silence => (
                "silence",
                "silent loss",
                "the switch drops the Active's frames; its carrier stays",
            ),
            Self::Heal => ("heal", "end of silence", "the switch forwards them again"),
            Self::Lossy => (
                "lossy",
                "lossy link",
                "20 % of the frames from and to the Active are lost for a second; 10 ms adverts are made for better links",
            ),
            Self::Calm => (
                "calm",
                "calm",
                "nothing happens; what is seen is the machine's own noise",
            ),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Event {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|event| event.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            anyhow::anyhow!("no event is called {text:?}; there are {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for event in Event::ALL {
            assert_eq!(event.to_string().parse::<Event>().unwrap(), event);
        }
        assert!("reboot".parse::<Event>().is_err());
    }

    #[test]
    fn all_are_in_order() {
        assert!(Event::ALL.is_sorted());
        assert!(
            Event::ALL
                .map(Event::title)
                .iter()
                .all(|title| !title.is_empty())
        );
    }

    #[test]
    fn a_way_back_leads_back() {
        for event in Event::ALL.into_iter().filter(|event| event.moves()) {
            let (old, new) = event.routers();
            if let Some(back) = event.way_back() {
                assert_eq!(back.routers(), (new, old), "{event}");
            }
        }
    }
}
