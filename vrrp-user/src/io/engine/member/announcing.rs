//! Announcements of the virtual IPs, at a rate that interfaces and switches take: a device that has no room
//! for a frame is asked again, so that every virtual IP is announced as often as configured.

use nix::errno::Errno;

use crate::{ids::InterfaceId, io::engine::machine::Offered, proto::Instant};

/// The announcements of a virtual router by interface: one frame per virtual IP.
pub(super) type Groups = [(InterfaceId, Vec<Vec<u8>>)];

/// What is still to be announced: virtual IPs that are new come before all.
#[derive(Debug, Default)]
pub(super) struct Announcing {
    fresh: Course,
    all: Course,
    /// When there is room again.
    due: Option<Instant>,
    /// What the operator was told is in the way.
    told: Option<Errno>,
}

/// A round is every virtual IP once, so that none waits for the repeats of another.
#[derive(Debug, Default)]
struct Course {
    /// Rounds to go, with the present one.
    rounds: u8,
    /// Frames of the present round that are done.
    done: usize,
    /// Whether a round was completed since there was last nothing to do.
    repeats: bool,
}

/// Something is in the way of announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) errno: Errno,
    /// They are late, and not given up.
    pub(super) delayed: bool,
}

impl Announcing {
    /// Adds rounds of every virtual IP.
    pub(super) fn add(&mut self, rounds: u8) {
        self.all.add(rounds);
    }

    /// The virtual IPs are others. What was under way is begun again; those that are new get so many rounds.
    pub(super) fn exchange(&mut self, rounds: u8) {
        let unfinished = std::mem::take(&mut self.fresh).rounds;
        // Which these were is not known any more.
        self.all.rounds = self.all.rounds.max(unfinished);
        self.all.done = 0;
        self.fresh.add(rounds);
    }

    /// Whether virtual IPs wait for their first announcement.
    pub(super) fn is_first(&self) -> bool {
        self.fresh.is_first() || self.all.is_first()
    }

    /// Whether nothing is left to announce.
    pub(super) fn is_done(&self) -> bool {
        self.fresh.rounds == 0 && self.all.rounds == 0
    }

    /// Whether something can be done now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.is_done() && self.due.is_none_or(|due| due <= now)
    }

    /// When to go on; nothing if nothing waits for room.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// It is not for us to announce any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Nothing leaves for the present, until it is called for.
    pub(super) fn halt(&mut self) {
        self.due = None;
    }

    /// Offers frames until all are done or have to wait. Returns what the operator has not been told yet.
    pub(super) fn go_on(
        &mut self,
        fresh: &Groups,
        all: &Groups,
        mut offer: impl FnMut(InterfaceId, &[Vec<u8>]) -> Offered,
    ) -> Option<Trouble> {
        let mut trouble = None;
        let told = &mut self.told;
        let mut note = |refused: Option<Errno>, delayed: bool| {
            if let Some(errno) = refused.filter(|errno| *told != Some(*errno)) {
                *told = refused;
                trouble = Some(Trouble { errno, delayed });
            }
        };
        self.due = self.fresh.go_on(fresh, &mut offer, &mut note);
        if self.due.is_none() {
            self.due = self.all.go_on(all, &mut offer, &mut note);
        }
        if self.due.is_none() && trouble.is_none() {
            self.told = None;
        }
        trouble
    }
}

impl Course {
    fn add(&mut self, rounds: u8) {
        self.rounds = self.rounds.saturating_add(rounds);
    }

    fn is_first(&self) -> bool {
        self.rounds > 0 && !self.repeats
    }

    /// Returns when there is room for the next one, if it has to wait.
    fn go_on(
        &mut self,
        groups: &Groups,
        offer: &mut impl FnMut(InterfaceId, &[Vec<u8>]) -> Offered,
        note: &mut impl FnMut(Option<Errno>, bool),
    ) -> Option<Instant> {
        while self.rounds > 0 {
            let Some((interface, frames)) = rest(groups, self.done) else {
                self.rounds -= 1;
                self.done = 0;
                self.repeats = true;
                continue;
            };
            let Offered {
                taken,
                again,
                refused,
            } = offer(interface, frames);
            self.done += taken;
            note(refused, again.is_some());
            if again.is_some() {
                return again;
            }
            if refused.is_some() {
                // Of this interface, until the next round.
                self.done += frames.len() - taken;
            }
        }
        self.repeats = false;
        None
    }
}

/// What is left of a round after `done` frames: the frames of one interface.
fn rest(groups: &Groups, done: usize) -> Option<(InterfaceId, &[Vec<u8>])> {
    let mut before = done;
    for (interface, frames) in groups {
        match frames.get(before..) {
            Some(rest) if !rest.is_empty() => return Some((*interface, rest)),
            _ => before -= frames.len(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Two interfaces with so many virtual IPs, told apart by their frames.
    fn groups(first: u8, second: u8) -> Vec<(InterfaceId, Vec<Vec<u8>>)> {
        vec![
            (InterfaceId(1), (0..first).map(|vip| vec![vip]).collect()),
            (
                InterfaceId(2),
                (first..first + second).map(|vip| vec![vip]).collect(),
            ),
        ]
    }

    fn taken(taken: usize) -> Offered {
        Offered {
            taken,
            again: None,
            refused: None,
        }
    }

    /// Goes on until all is done, with a device that takes `room` at once; what left, in order.
    fn sent(announcing: &mut Announcing, groups: &Groups, room: usize) -> Vec<(u32, u8)> {
        let mut sent = Vec::new();
        let mut now = Instant(0);
        while announcing.is_due(now) {
            assert!(now < Instant(1000), "announced for ever: {sent:?}");
            let mut left = room;
            announcing.go_on(&[], groups, |interface, frames| {
                let count = left.min(frames.len());
                left -= count;
                sent.extend(frames[..count].iter().map(|frame| (interface.0, frame[0])));
                Offered {
                    again: (count < frames.len()).then_some(Instant(now.0 + 1)),
                    ..taken(count)
                }
            });
            now = announcing.deadline().unwrap_or(now);
        }
        sent
    }

    #[test]
    fn every_virtual_ip_once_before_any_a_second_time() {
        let groups = groups(7, 4);
        for room in 1..30 {
            let mut announcing = Announcing::default();
            announcing.add(2);
            announcing.add(1);
            let sent = sent(&mut announcing, &groups, room);
            assert_eq!(sent.len(), 33, "{room} at once");
            let (first, rest) = sent.split_at(11);
            assert!(first.iter().map(|(_, vip)| *vip).eq(0..11));
            assert!(first.iter().all(|(index, vip)| (*index == 1) == (*vip < 7)));
            let mut times = BTreeMap::<_, usize>::new();
            for one in rest {
                *times.entry(one).or_default() += 1;
            }
            assert!(times.len() == 11 && times.values().all(|times| *times == 2));
            assert!(!announcing.is_due(Instant(u64::MAX)));
        }
    }

    #[test]
    fn the_first_round_is_known_from_its_repeats() {
        let groups = groups(2, 0);
        let mut announcing = Announcing::default();
        assert!(!announcing.is_first());
        announcing.add(2);
        assert!(announcing.is_first());
        let mut offered = 0;
        announcing.go_on(&[], &groups, |_, frames| {
            offered += 1;
            Offered {
                again: (offered == 2).then_some(Instant(5)),
                ..taken(if offered == 1 { frames.len() } else { 0 })
            }
        });
        assert!(!announcing.is_first() && announcing.is_due(Instant(5)));
        assert!(!announcing.is_due(Instant(4)));
        announcing.halt();
        sent(&mut announcing, &groups, 9);
        announcing.add(1);
        assert!(announcing.is_first());
        announcing.clear();
        assert!(!announcing.is_due(Instant(u64::MAX)));
    }

    #[test]
    fn trouble_is_told_once_and_a_dead_interface_holds_nothing_up() {
        let groups = groups(2, 2);
        let mut announcing = Announcing::default();
        announcing.add(2);
        let full = |_: InterfaceId, _: &[Vec<u8>]| Offered {
            taken: 0,
            again: Some(Instant(1)),
            refused: Some(Errno::ENOBUFS),
        };
        let delayed = Trouble {
            errno: Errno::ENOBUFS,
            delayed: true,
        };
        assert_eq!(announcing.go_on(&[], &groups, full), Some(delayed));
        assert_eq!(announcing.go_on(&[], &groups, full), None);
        let mut sent = 0;
        let told = announcing.go_on(&[], &groups, |interface, frames| {
            if interface == InterfaceId(1) {
                return Offered {
                    refused: Some(Errno::ENETDOWN),
                    ..taken(0)
                };
            }
            sent += frames.len();
            taken(frames.len())
        });
        let failed = Trouble {
            errno: Errno::ENETDOWN,
            delayed: false,
        };
        assert_eq!((told, sent), (Some(failed), 4));
    }
}
