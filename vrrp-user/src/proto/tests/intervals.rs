//! C25, C26: the arithmetic, and the election's comparisons (C36, C38, C41, C43).

use std::{net::IpAddr, time::Duration};

use super::{START, an_advert, ms, settings};
use crate::proto::{Intervals, Settings, Version, election};

//= C25, C30: proof
#[test]
fn c25_version_3_scales_skew_and_keeps_nanoseconds() {
    for (priority, interval, skew, down) in [
        (254, ms(10), 78_125, 30_078_125),
        (253, ms(10), 117_187, 30_117_187),
        (100, ms(10), 6_093_750, 36_093_750),
        (1, ms(10), 9_960_937, 39_960_937),
        (255, ms(1000), 3_906_250, 3_003_906_250),
        (100, ms(1000), 609_375_000, 3_609_375_000),
        (1, ms(40_950), 40_790_039_062, 163_640_039_062),
    ] {
        let intervals = Intervals::new(Version::V3, priority, interval);
        assert_eq!(intervals.skew(), Duration::from_nanos(skew), "{priority}");
        assert_eq!(intervals.active_down(), Duration::from_nanos(down));
        assert_eq!(intervals.active_adver(), interval);
    }
}

//= C26: proof
#[test]
fn c26_version_2_does_not_scale_skew() {
    for (priority, seconds, skew, down) in [
        (100, 1, 609_375_000, 3_609_375_000),
        (100, 5, 609_375_000, 15_609_375_000),
        (254, 255, 7_812_500, 765_007_812_500),
    ] {
        let intervals = Intervals::new(Version::V2, priority, Duration::from_secs(seconds));
        assert_eq!(intervals.skew(), Duration::from_nanos(skew), "{priority}");
        assert_eq!(intervals.active_down(), Duration::from_nanos(down));
    }
}

fn deposes(ours: (u8, &str), theirs: (u8, &str)) -> bool {
    let advert = an_advert(theirs.1.parse::<IpAddr>().unwrap(), START, theirs.0);
    election::deposes(&advert, ours.0, ours.1.parse().unwrap())
}

//= C41: proof
//= C41: refusal
#[test]
fn c41_the_higher_priority_wins_then_the_higher_address() {
    assert!(deposes((100, "192.168.1.200"), (101, "192.168.1.1")));
    assert!(!deposes((100, "192.168.1.1"), (99, "192.168.1.200")));
    assert!(deposes((255, "10.0.0.1"), (255, "10.0.0.2")));
    // Octets are unsigned: 128 and more are not negative.
    assert!(deposes((100, "10.0.0.127"), (100, "10.0.0.128")));
    assert!(!deposes((100, "200.0.0.1"), (100, "100.0.0.1")));
    // Network order: the first octet decides.
    assert!(deposes((100, "10.0.0.255"), (100, "10.0.1.0")));
    assert!(deposes((100, "fe80::7fff:1"), (100, "fe80::8000:0")));
    assert!(!deposes((100, "fe80::ff:fe00:1"), (100, "fe80::fe:fe00:2")));
    // A router does not depose itself.
    assert!(!deposes((100, "fe80::1"), (100, "fe80::1")));
}

//= C36, C43: proof
#[test]
fn c36_c43_who_restarts_the_timer() {
    let with = |priority, preempt| Settings {
        preempt,
        ..settings().with_priority(priority)
    };
    let restart_min = |settings: &Settings, held_back| {
        election::restart_min(settings, settings.priority, held_back)
    };
    assert_eq!(restart_min(&with(100, true), false), 100);
    assert_eq!(restart_min(&with(100, true), true), 1);
    assert_eq!(restart_min(&with(100, false), false), 1);
    // The owner preempts, whatever it is configured to do.
    assert_eq!(restart_min(&with(255, false), false), 255);
    assert_eq!(restart_min(&with(255, true), true), 255);
}
