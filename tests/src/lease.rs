//! The ownership words of a node that runs, as its BPF programs read them: whether a router's lease ever lapsed,
//! and each state that its word had.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use aya::maps::{Array, Map, MapData};
use vrrp_ebpf::{
    abi::Slot,
    ownership::{Standing, State},
};

use crate::{
    clock::{self, Nanos},
    netns::Netns,
    node::PINS,
    realtime,
    worker::{Stop, Worker},
};

/// The word of a slot from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it was read first.
    pub at: Nanos,
    /// The slot.
    pub slot: u32,
    /// Its state.
    pub state: State,
    /// Whether its lease ran, and no better router had been heard.
    pub serves: bool,
    /// The writer's epoch.
    pub epoch: u16,
}

/// All that was read.
#[derive(Clone, Debug, Default)]
pub struct LeaseRecording {
    /// What the words were at the start, by slot, and then every change.
    pub changes: Vec<Change>,
    /// How often the words were read.
    pub readings: u64,
    /// The longest time between two readings: a shorter lapse may have been missed.
    pub blind: u64,
}

impl LeaseRecording {
    /// What a slot's word was, one after the other.
    #[must_use]
    pub fn of(&self, slot: u32) -> Vec<Change> {
        let changes = self.changes.iter().copied();
        changes.filter(|change| change.slot == slot).collect()
    }

    /// Whether a slot served from the first reading to the last, as one writer's Active.
    #[must_use]
    pub fn served_throughout(&self, slot: u32) -> bool {
        let [only] = self.of(slot)[..] else {
            return false;
        };
        self.readings > 0 && only.state == State::Active && only.serves
    }
}

/// A running watch; ends when dropped.
#[derive(Debug)]
pub struct LeaseWatch {
    worker: Worker<LeaseRecording>,
}

impl LeaseWatch {
    /// Starts to read the words of these slots of a node that runs, once per `period`.
    ///
    /// # Errors
    /// If its map cannot be opened, or the thread cannot be made.
    pub fn start(host: &Netns, instance: &str, slots: &[u32], period: Duration) -> Result<Self> {
        let path = Path::new(PINS).join(instance).join("slots");
        let map = MapData::from_pin(&path).with_context(|| format!("open {}", path.display()))?;
        let words = Array::try_from(Map::Array(map)).context("the map of slots")?;
        let slots = slots.to_vec();
        let worker = Worker::start(host, "lease", move |stop| {
            realtime::become_fifo(realtime::JUDGE)?;
            watch(&words, &slots, clock::span_nanos(period), stop)
        })?;
        Ok(Self { worker })
    }

    /// Ends the watch.
    ///
    /// # Errors
    /// What made it fail.
    pub fn stop(self) -> Result<LeaseRecording> {
        self.worker.finish()
    }
}

fn watch(
    words: &Array<MapData, Slot>,
    slots: &[u32],
    period: u64,
    stop: &Stop,
) -> Result<LeaseRecording> {
    let mut recording = LeaseRecording::default();
    let mut latest: Vec<Option<Change>> = vec![None; slots.len()];
    let mut before = clock::now();
    while stop.is_awaited() {
        let at = clock::now();
        recording.blind = recording.blind.max(at - before);
        before = at;
        for (slot, latest) in slots.iter().zip(&mut latest) {
            let change = read(words, *slot)?;
            let is_new = latest
                .is_none_or(|latest| Change { at: 0, ..latest } != Change { at: 0, ..change });
            if is_new {
                recording.changes.push(change);
                *latest = Some(change);
            }
        }
        recording.readings += 1;
        clock::sleep_until(at + period);
    }
    Ok(recording)
}

fn read(words: &Array<MapData, Slot>, slot: u32) -> Result<Change> {
    // First: a word that is renewed between both is not taken for one whose lease has ended.
    let at = clock::now();
    let words = words.get(&slot, 0).context("read a slot")?;
    let standing = Standing {
        word: vrrp_ebpf::ownership::Ownership(words.ownership),
        considered_until: words.considered_until,
        better_seen: words.better_seen,
        last_seen: words.last_seen,
    };
    Ok(Change {
        at,
        slot,
        state: standing.word.state(),
        serves: standing.ownership().serves(at),
        epoch: standing.word.epoch(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: Nanos, state: State, serves: bool) -> Change {
        Change {
            at,
            slot: 3,
            state,
            serves,
            epoch: 1,
        }
    }

    fn recording(changes: &[Change]) -> LeaseRecording {
        LeaseRecording {
            changes: changes.to_vec(),
            readings: 100,
            blind: 0,
        }
    }

    #[test]
    fn only_one_active_word_whose_lease_ran_served_throughout() {
        let active = change(0, State::Active, true);
        assert!(recording(&[active]).served_throughout(3));
        assert!(!recording(&[active]).served_throughout(4));
        assert!(!recording(&[]).served_throughout(3));
        assert!(!recording(&[change(0, State::Active, false)]).served_throughout(3));
        assert!(!recording(&[change(0, State::Idle, false)]).served_throughout(3));
        let lapsed = [
            active,
            change(5, State::Active, false),
            change(6, State::Active, true),
        ];
        assert!(!recording(&lapsed).served_throughout(3));
    }
}
