//! How often each verdict, counter and record came about, for each family.

use std::fmt;

use vrrp_ebpf::abi::{Counter, EventKind};

use super::{aim::Way, oracle::Opinion};
use crate::bench::Fate;

/// What frames are of. ARP is of IPv4, Neighbour Discovery of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Four,
    Six,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Counter(Counter),
    Event(EventKind),
    /// A record that wakes the node.
    Wakes,
    /// A record that does not.
    Quiet,
    /// A sign of life that restarts the Active_Down_Timer.
    Seen,
    /// An advert that deposes an Active.
    Better,
    /// Counted and passed.
    Passed,
    Dropped,
    Answered,
    /// Received and passed without a trace.
    Untouched,
    /// To be sent, and passed without a trace.
    LeftAlone,
}

impl Row {
    /// Whether a frame of this family can bring it about.
    fn is_of(self, family: Family) -> bool {
        let Self::Counter(counter) = self else {
            return true;
        };
        // Of many frames at once, which `pace` is about.
        if counter == Counter::RateLimited {
            return false;
        }
        let four = matches!(
            counter,
            // A choice that only IPv4 has.
            Counter::ChecksumPlain | Counter::ChecksumPseudo
            // Version 2.
            | Counter::BadAuthType | Counter::BadPassword
            | Counter::ArpAnswered | Counter::ArpIgnored | Counter::ArpConflict | Counter::EgressArp
            | Counter::ProxyArpWritten | Counter::EgressProxyArp
        );
        let six = matches!(
            counter,
            Counter::NdAnswered | Counter::NdIgnored | Counter::NdConflict | Counter::EgressNd
        );
        match family {
            Family::Four => !six,
            Family::Six => !four,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counter(counter) => {
                let (_, name) = Counter::ALL[*counter as usize];
                write!(f, "counter {name}")
            }
            Self::Event(kind) => write!(f, "event {kind:?}"),
            Self::Wakes => write!(f, "event that wakes"),
            Self::Quiet => write!(f, "event that waits"),
            Self::Seen => write!(f, "last_seen moved"),
            Self::Better => write!(f, "better_seen moved"),
            Self::Passed => write!(f, "verdict passed"),
            Self::Dropped => write!(f, "verdict dropped"),
            Self::Answered => write!(f, "verdict answered"),
            Self::Untouched => write!(f, "verdict untouched (received)"),
            Self::LeftAlone => write!(f, "verdict untouched (sent)"),
        }
    }
}

/// The table.
#[derive(Clone, Debug)]
pub(super) struct Tally(Vec<(Family, Row, u64)>);

impl Tally {
    /// Every row there is, at zero.
    pub(super) fn new() -> Self {
        let counters = Counter::ALL.map(|(counter, _)| Row::Counter(counter));
        let kinds = [
            EventKind::Advert,
            EventKind::Conflict,
            EventKind::SuccessorAnnounced,
        ];
        let others = [
            Row::Wakes,
            Row::Quiet,
            Row::Seen,
            Row::Better,
            Row::Passed,
            Row::Dropped,
            Row::Answered,
            Row::Untouched,
            Row::LeftAlone,
        ];
        let rows = counters.into_iter().chain(kinds.map(Row::Event));
        let rows = rows.chain(others).flat_map(|row| {
            let families = [Family::Four, Family::Six].into_iter();
            families.map(move |family| (family, row, 0))
        });
        Self(rows.filter(|(family, row, _)| row.is_of(*family)).collect())
    }

    /// Counts a frame in every row that it belongs to.
    pub(super) fn count(&mut self, family: Family, way: Way, opinion: &Opinion) {
        let outcome = &opinion.outcome;
        for (_, counter) in &outcome.counters {
            self.add(family, Row::Counter(*counter));
        }
        if let Some(event) = outcome.event {
            self.add(family, Row::Event(kind(event.kind)));
            let row = if opinion.wakes {
                Row::Wakes
            } else {
                Row::Quiet
            };
            self.add(family, row);
        }
        if outcome.seen.is_some() {
            self.add(family, Row::Seen);
        }
        if outcome.better.is_some() {
            self.add(family, Row::Better);
        }
        let trace = !outcome.counters.is_empty() || outcome.event.is_some();
        let row = match (outcome.fate, way) {
            (Fate::Drop, _) => Row::Dropped,
            (Fate::Answer, _) => Row::Answered,
            (Fate::Pass, _) if trace => Row::Passed,
            (Fate::Pass, Way::In | Way::Marked) => Row::Untouched,
            (Fate::Pass, Way::Out) => Row::LeftAlone,
        };
        self.add(family, row);
    }

    /// The row with the fewest hits, while it has fewer than `goal`.
    pub(super) fn poorest(&self, goal: u64, among: impl Fn(Row) -> bool) -> Option<(Family, Row)> {
        let rows = self.0.iter().filter(|(_, row, _)| among(*row));
        let (family, row, hits) = rows.min_by_key(|(_, _, hits)| *hits)?;
        (*hits < goal).then_some((*family, *row))
    }

    fn add(&mut self, family: Family, row: Row) {
        let mut rows = self.0.iter_mut();
        let found = rows.find(|(of, candidate, _)| (*of, *candidate) == (family, row));
        let Some((_, _, hits)) = found else {
            panic!("{family:?} has no {row}");
        };
        *hits += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (family, row, hits) in &self.0 {
            let family = match family {
                Family::Four => "IPv4",
                Family::Six => "IPv6",
            };
            writeln!(f, "{family}  {:32}{hits:9}", row.to_string())?;
        }
        Ok(())
    }
}

/// The kind that a record's byte stands for.
fn kind(byte: u8) -> EventKind {
    [
        EventKind::Advert,
        EventKind::Conflict,
        EventKind::SuccessorAnnounced,
    ]
    .into_iter()
    .find(|kind| *kind as u8 == byte)
    .unwrap()
}
