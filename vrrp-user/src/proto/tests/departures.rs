//! C30 and keepalived's other departures from the RFC: `down_timer_adverts`, `lower_prio_no_advert`,
//! `higher_prio_send_advert`, `vrrp_startup_delay`.

use std::time::Duration;

use vrrp_ebpf::ownership;

use super::{
    ADVERTISE, Bench, Cause, DISOWN, DOWN, Departures, FaultReason, Input, Instant, Lease, OURS,
    Output, Router, SKEW, START, Settings, State, Version, advert, assert_moved, ms, own, peer,
    settings,
};
use crate::proto::Intervals;

fn with(departures: Departures) -> Settings {
    Settings {
        departures,
        ..settings()
    }
}

fn missing(down_timer_adverts: u8) -> Settings {
    with(Departures {
        down_timer_adverts,
        ..Departures::default()
    })
}

fn delayed(delay: Duration) -> Settings {
    with(Departures {
        startup_delay: delay,
        ..Departures::default()
    })
}

//= C30: proof
#[test]
fn c30_a_backup_waits_for_as_many_adverts_as_it_is_told() {
    for adverts in [1, 2, 3, 5, 100] {
        let mut bench = Bench::in_state(State::Backup, missing(adverts));
        let down = ms(10) * u32::from(adverts) + SKEW;
        assert_eq!(bench.deadline(), START + down, "{adverts}");
        // Also of an interval that was learned.
        let heard = START + ms(1);
        bench.hear(heard, 200);
        assert_eq!(bench.deadline(), heard + down, "{adverts}");
        // Skew_Time is what it was.
        let left = START + ms(2);
        bench.hear(left, 0);
        assert_eq!(bench.deadline(), left + SKEW, "{adverts}");
    }
}

/// A peer has the same number, or the RFC's.
#[test]
fn c30_the_lease_ends_before_any_peer_takes_over() {
    for version in [Version::V2, Version::V3] {
        for adverts in 1..=15 {
            let settings = Settings {
                version,
                advert_interval: ms(1000),
                ..missing(adverts)
            };
            let mut bench = Bench::in_state(State::Active, settings);
            let out = bench.feed(START, Input::AdvertSent { at: START });
            let [Output::Own { expiry, .. }] = *out else {
                panic!("{out:?}");
            };
            let peer = Intervals::new(version, 254, ms(1000));
            let same = peer.down_after(adverts).active_down();
            let earliest = peer.active_down().min(same);
            assert!(expiry < (START + earliest).0, "{version:?} {adverts}");
            assert!(expiry > (START + ms(1000)).0, "{version:?} {adverts}");
        }
    }
}

#[test]
fn c30_a_lease_that_was_asked_for_is_given() {
    let settings = Settings {
        lease: Lease::Span(ms(15)),
        ..missing(2)
    };
    let mut bench = Bench::in_state(State::Active, settings);
    assert_eq!(
        bench.feed(START, Input::AdvertSent { at: START }),
        [own(ownership::State::Active, START + ms(15))]
    );
}

/// Until the slowest peer would have taken over: priority 1, and the larger of both numbers.
#[test]
fn c30_a_planned_stop_waits_for_the_slowest_peer() {
    for (adverts, waited) in [(1, 3), (3, 3), (10, 10)] {
        let mut bench = Bench::in_state(State::Active, missing(adverts));
        bench.feed(START, Input::Shutdown);
        let slowest = Intervals::new(Version::V3, 1, ms(10)).down_after(waited);
        // The repeated priority 0 comes in between.
        bench.expire();
        assert_eq!(bench.deadline(), START + slowest.active_down(), "{adverts}");
    }
}

#[test]
fn c42_a_worse_advert_stays_unanswered_if_told_so() {
    let quiet = with(Departures {
        lower_prio_no_advert: true,
        ..Departures::default()
    });
    let mut bench = Bench::in_state(State::Active, quiet);
    let now = START + ms(3);
    // The hosts are told all the same.
    assert_eq!(bench.hear(now, 99), [Output::Announce { repeat: 1 }]);
    assert_eq!(bench.deadline(), START + ms(10));
    // Priority 0 is answered (C40).
    assert_eq!(bench.hear(now, 0), [ADVERTISE]);
}

#[test]
fn a_deposed_active_has_a_last_word_unless_told_otherwise() {
    let silent = with(Departures {
        higher_prio_send_advert: false,
        ..Departures::default()
    });
    let now = START + ms(4);
    for input in [advert(now, 101), Input::BetterSeen(now)] {
        let mut bench = Bench::in_state(State::Active, silent.clone());
        assert!(!bench.feed(now, input).contains(&ADVERTISE));
    }
    let polite = with(Departures::default());
    let mut bench = Bench::in_state(State::Active, polite.clone());
    let now = START + ms(4);
    let out = bench.hear(now, 101).to_vec();
    assert_eq!(
        out.get(..4),
        Some(&[DISOWN, ADVERTISE, Output::Remove, peer(101, 100)][..])
    );
    assert_moved(&out, State::Active, State::Backup, Cause::BetterAdvert);
    // It entitles to nothing.
    assert_eq!(bench.feed(now, Input::AdvertSent { at: now }), []);
    // Also if the better advert's record was lost.
    let mut bench = Bench::in_state(State::Active, polite.clone());
    let out = bench.feed(now, Input::BetterSeen(now));
    assert_eq!(out.get(..2), Some(&[DISOWN, ADVERTISE][..]));
    // A router that was about to be Active has told nobody so.
    let mut bench = Bench::in_state(State::Rising, polite);
    let now = START + ms(1);
    assert!(!bench.hear(now, 101).contains(&ADVERTISE));
}

#[test]
fn nobody_takes_over_during_the_startup_delay() {
    let mut bench = Bench::in_state(State::Backup, delayed(ms(500)));
    let end = START + ms(500);
    assert_eq!(bench.deadline(), end + DOWN);
    // Neither what is heard nor who leaves makes it earlier.
    let heard = START + ms(100);
    bench.hear(heard, 200);
    assert_eq!(bench.deadline(), end + DOWN);
    let left = START + ms(200);
    bench.hear(left, 0);
    assert_eq!(bench.deadline(), end + SKEW);
    bench.feed(left, Input::Seen(left + ms(1)));
    assert_eq!(bench.deadline(), end + DOWN);
    // What comes after it counts from its arrival.
    let heard = end + ms(3);
    bench.hear(heard, 200);
    assert_eq!(bench.deadline(), heard + DOWN);
}

#[test]
fn the_startup_delay_counts_from_the_start_and_once() {
    let mut bench = Bench::new(delayed(ms(500)));
    bench.feed(START, Input::Fault(FaultReason::LinkDown.into()));
    let up = START + ms(100);
    bench.feed(up, Input::LinkUp { primary: OURS });
    assert_eq!(bench.deadline(), START + ms(500) + DOWN);
    let down = START + ms(1000);
    bench.feed(down, Input::Fault(FaultReason::LinkDown.into()));
    let up = START + ms(1100);
    bench.feed(up, Input::LinkUp { primary: OURS });
    assert_eq!(bench.deadline(), up + DOWN);
}

/// As with keepalived, where a reload knows no such delay.
#[test]
fn whoever_comes_later_waits_for_no_startup_delay() {
    let router = Router::new(delayed(ms(500))).of_node_since(START);
    let mut bench = Bench::of(router);
    let late = START + ms(501);
    bench.feed(late, Input::LinkUp { primary: OURS });
    assert_eq!(bench.deadline(), late + DOWN);
}

#[test]
fn the_owner_waits_for_the_startup_delay_alone() {
    let settings = delayed(ms(500)).with_priority(255);
    let mut bench = Bench::new(settings);
    bench.feed(START, Input::LinkUp { primary: OURS });
    assert_eq!(bench.state(), State::Backup);
    let (due, out) = bench.expire();
    assert_eq!(due, START + ms(500));
    assert_moved(out, State::Backup, State::Active, Cause::ActiveDown);
    // Later in its life it owns at once.
    let now: Instant = START + ms(600);
    bench.feed(now, Input::Fault(FaultReason::LinkDown.into()));
    bench.feed(now, Input::LinkUp { primary: OURS });
    assert_eq!(bench.state(), State::Active);
}
