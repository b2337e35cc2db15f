//! What a prober's recording says about a failover. Pure arithmetic over what was sent and received.

use anyhow::{Context as _, Result};

use crate::clock::Nanos;

/// An answer that takes longer than this many nanoseconds is late. A router that just gave the VIP
/// up forwards what still reaches it, and keeps it while nobody answers its own ARP question.
pub const LATE: u64 = 1_000_000;

/// An answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which probe: index into [`Recording::sent`].
    pub probe: u32,
    /// When the kernel received it.
    pub received: Nanos,
    /// The router that answered.
    pub router: u8,
}

/// All that a prober saw.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// When each probe was sent.
    pub sent: Vec<Nanos>,
    /// In the order of arrival.
    pub answers: Vec<Answer>,
    /// The prober's own worst lateness in nanoseconds: no gap is known better than this.
    pub worst_lateness: u64,
}

/// A failover as a client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Last answer of the old owner before the first one of the new.
    pub last_old: Nanos,
    /// First answer of the new owner.
    pub first_new: Nanos,
    /// Probes that nobody answered, in the whole recording.
    pub lost: u64,
    /// Probes that were answered, but later than [`LATE`]: something on the way kept them.
    pub late: u64,
    /// Probes that were answered more than once.
    pub twice: u64,
    /// Answers of the old owner that came after the first one of the new.
    pub old_after_new: u64,
    /// How often the answering router changed in the whole recording; 1 if nothing else happened.
    pub changes: u64,
    /// The longest time without any answer: more than the gap if service broke again.
    pub longest_silence: u64,
}

impl Failover {
    /// Time without service in nanoseconds.
    #[must_use]
    pub fn gap(&self) -> u64 {
        self.first_new.saturating_sub(self.last_old)
    }
}

impl Recording {
    /// The failover from router `old` to router `new` that something at the moment `at` made.
    ///
    /// # Errors
    /// If either did not answer: then there was none.
    pub fn failover(&self, old: u8, new: u8, at: Nanos) -> Result<Failover> {
        let takeover = self
            .answers
            .iter()
            .position(|answer| answer.router == new && answer.received >= at)
            .with_context(|| format!("router {new} never answered"))?;
        let (before, after) = self.answers.split_at(takeover);
        let last_old = before
            .iter()
            .rfind(|answer| answer.router == old)
            .with_context(|| format!("router {old} never answered before router {new}"))?;
        Ok(Failover {
            last_old: last_old.received,
            first_new: self.answers[takeover].received,
            lost: self.lost(),
            late: self.late(),
            twice: self.twice(),
            old_after_new: count(after.iter().filter(|answer| answer.router == old)),
            changes: self.changes(),
            longest_silence: self.longest_silence(),
        })
    }

    /// What there is to say if nothing moved: the longest time without any answer from `at` on
    /// stands for the gap.
    #[must_use]
    pub fn unmoved(&self, at: Nanos) -> Failover {
        let (last_old, first_new) = self.silence_from(at);
        Failover {
            last_old,
            first_new,
            lost: self.lost(),
            late: self.late(),
            twice: self.twice(),
            old_after_new: 0,
            changes: self.changes(),
            longest_silence: self.longest_silence(),
        }
    }

    /// Whether an answer came within 50 ms of the last probe: there was service again at the end.
    #[must_use]
    pub fn recovered(&self) -> bool {
        const LAST: u64 = 50_000_000;
        let heard = self.answers.last().map_or(0, |answer| answer.received);
        self.sent.last().is_some_and(|sent| heard + LAST > *sent)
    }

    /// The longest time without any answer that ends after `at`: from the answer before it to the
    /// one after it, or to the recording's end.
    #[must_use]
    pub fn silence_from(&self, at: Nanos) -> (Nanos, Nanos) {
        self.silences()
            .filter(|(_, end)| *end > at)
            .max_by_key(|(start, end)| end.saturating_sub(*start))
            .unwrap_or((at, at))
    }

    /// Probes that nobody answered.
    #[must_use]
    pub fn lost(&self) -> u64 {
        count(self.answers_per_probe().iter().filter(|&&n| n == 0))
    }

    /// Answers that were [`LATE`].
    #[must_use]
    pub fn late(&self) -> u64 {
        count(self.answers.iter().filter(|answer| {
            let sent = self.sent.get(answer.probe as usize);
            sent.is_some_and(|sent| answer.received.saturating_sub(*sent) > LATE)
        }))
    }

    /// Probes that were answered more than once: by two owners, or by one twice.
    #[must_use]
    pub fn twice(&self) -> u64 {
        count(self.answers_per_probe().iter().filter(|&&n| n > 1))
    }

    /// How often the answering router changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        let routers = self.answers.windows(2);
        count(routers.filter(|pair| pair[0].router != pair[1].router))
    }

    /// The longest time between two answers, or between the first or last answer and the recording's
    /// ends, in nanoseconds.
    #[must_use]
    pub fn longest_silence(&self) -> u64 {
        let lengths = self
            .silences()
            .map(|(start, end)| end.saturating_sub(start));
        lengths.max().unwrap_or(0)
    }

    /// The times between two answers, and to the recording's ends.
    fn silences(&self) -> impl Iterator<Item = (Nanos, Nanos)> {
        let received = self.answers.iter().map(|answer| answer.received);
        let (first, last) = (self.sent.first().copied(), self.sent.last().copied());
        let starts = first.into_iter().chain(received.clone());
        starts.zip(received.chain(last))
    }

    fn answers_per_probe(&self) -> Vec<u32> {
        let mut answers = vec![0; self.sent.len()];
        for answer in &self.answers {
            if let Some(count) = answers.get_mut(answer.probe as usize) {
                *count += 1;
            }
        }
        answers
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: u64 = 1_000;

    /// Probes every 100 µs; each answered 20 µs later by the routers `by` names.
    fn recording(by: &[&[u8]]) -> Recording {
        let mut recording = Recording::default();
        for (probe, routers) in (0_u32..).zip(by) {
            let sent = u64::from(probe) * 100 * US;
            recording.sent.push(sent);
            for &router in *routers {
                recording.answers.push(Answer {
                    probe,
                    received: sent + 20 * US,
                    router,
                });
            }
        }
        recording
    }

    #[test]
    fn a_gap_is_from_the_last_old_answer_to_the_first_new_one() {
        let failover = recording(&[&[1], &[1], &[], &[], &[], &[2], &[2]])
            .failover(1, 2, 0)
            .unwrap();
        assert_eq!(failover.gap(), 400 * US);
        assert_eq!(failover.lost, 3);
        assert_eq!(failover.twice, 0);
        assert_eq!(failover.old_after_new, 0);
        assert_eq!(failover.longest_silence, 400 * US);
    }

    #[test]
    fn two_owners_show() {
        let failover = recording(&[&[1], &[1, 2], &[2, 1], &[2]])
            .failover(1, 2, 0)
            .unwrap();
        assert_eq!(failover.gap(), 0);
        assert_eq!(failover.twice, 2);
        assert_eq!(failover.old_after_new, 1);
    }

    #[test]
    fn a_second_outage_is_not_hidden_by_a_short_gap() {
        let mut by: Vec<&[u8]> = vec![&[1], &[2]];
        by.extend(vec![&[][..]; 50]);
        by.push(&[2]);
        let failover = recording(&by).failover(1, 2, 0).unwrap();
        assert_eq!(failover.gap(), 100 * US);
        assert_eq!(failover.longest_silence, 5_100 * US);
        assert_eq!(failover.lost, 50);
    }

    #[test]
    fn a_kept_probe_is_late_not_lost() {
        let mut recording = recording(&[&[1], &[2], &[2]]);
        recording.answers[1].received += LATE;
        let failover = recording.failover(1, 2, 0).unwrap();
        assert_eq!((failover.late, failover.lost), (1, 0));
    }

    #[test]
    fn no_failover_is_an_error() {
        assert!(recording(&[&[1], &[1]]).failover(1, 2, 0).is_err());
        assert!(recording(&[&[2], &[1]]).failover(1, 2, 0).is_err());
    }

    #[test]
    fn a_flap_before_the_event_is_not_the_failover() {
        let recording = recording(&[&[1], &[2], &[1], &[1], &[], &[], &[2]]);
        let failover = recording.failover(1, 2, 350 * US).unwrap();
        assert_eq!(failover.gap(), 300 * US);
        assert_eq!(failover.changes, 3);
    }

    #[test]
    fn an_outage_before_the_event_is_not_its_silence() {
        let recording = recording(&[&[1], &[], &[], &[], &[1], &[1], &[], &[1], &[1]]);
        let (start, end) = recording.silence_from(450 * US);
        assert_eq!((start, end), (520 * US, 720 * US));
        assert_eq!(recording.unmoved(450 * US).gap(), 200 * US);
    }

    #[test]
    fn changes_are_counted() {
        assert_eq!(recording(&[&[1], &[2], &[2], &[1]]).changes(), 2);
    }
}
