//! What happens to a pair.

use std::{fmt, str::FromStr};

/// What makes the address move, or should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// SIGTERM to the Active.
    Stop,
    /// SIGKILL to all processes of the Active.
    Kill,
    /// SIGSTOP to all processes of the Active.
    Freeze,
    /// SIGCONT to them, [`FROZEN`] later.
    Thaw,
    /// The switch's port of the Active goes down, and its carrier with it.
    Link,
    /// The switch drops all frames from and to the Active; its carrier stays.
    Silence,
    /// The switch forwards them again.
    Heal,
    /// The switch drops [`LOSS_PERCENT`] of them, either way.
    Lossy,
    /// Nothing at all.
    Calm,
    /// The better router is started again after a stop or a kill.
    Preempt,
    /// The link of the better router is mended.
    Mend,
}

/// How long a frozen router stays so.
pub const FROZEN: std::time::Duration = std::time::Duration::from_secs(10);
/// Part of the frames that a lossy link drops.
pub const LOSS_PERCENT: u8 = 20;

impl Event {
    /// Every event, in the order in which a report shows them.
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

    fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Link => "link",
            Self::Silence => "silence",
            Self::Heal => "heal",
            Self::Lossy => "lossy",
            Self::Calm => "calm",
            Self::Preempt => "preempt",
            Self::Mend => "mend",
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
    fn a_way_back_leads_back() {
        for event in Event::ALL.into_iter().filter(|event| event.moves()) {
            let (old, new) = event.routers();
            if let Some(back) = event.way_back() {
                assert_eq!(back.routers(), (new, old), "{event}");
            }
        }
    }
}
