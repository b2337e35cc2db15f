//! Events of which the log says nothing, or only at DEBUG.

use super::*;
use crate::io::engine::{RouterSnapshot, Timeline};

#[test]
fn bookkeeping_is_not_logged() {
    let snapshot = Event::Snapshot {
        router: RouterId::first(0),
        snapshot: RouterSnapshot::default(),
    };
    assert!(texts(&snapshot, State::Active).is_empty());
    assert!(texts(&Event::Stopped, State::Active).is_empty());
    let promoted = Event::Promoted {
        router: RouterId::first(0),
        timeline: Timeline::default(),
    };
    let instance = crate::io::control::tests::instance("VI_1");
    let lines = lines(&promoted, &desired(instance), State::Active);
    assert!(lines.iter().all(|(level, _)| *level == Level::DEBUG));
}
