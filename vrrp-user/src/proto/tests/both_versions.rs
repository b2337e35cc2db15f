//! C68-C70: versions 2 and 3 at once (RFC 9568 section 8.4.2).

use std::net::IpAddr;

use super::{
    ADVERTISE, Advert, Bench, DOWN, Departures, Input, Instant, Output, PEER, SKEW, START,
    Settings, State, Version, an_advert, ms, settings,
};

/// Version 3 at 10 ms, and version 2 at 1 s.
fn both() -> Settings {
    Settings {
        departures: Departures {
            also_version_2: Some(ms(1000)),
            ..Departures::default()
        },
        ..settings()
    }
}

fn heard(source: IpAddr, arrived: Instant, version: Version, priority: u8) -> Input {
    Input::Advert(Advert {
        version,
        interval_cs: if version == Version::V2 { 100 } else { 1 },
        ..an_advert(source, arrived, priority)
    })
}

fn peer(arrived: Instant, version: Version, priority: u8) -> Input {
    heard(PEER, arrived, version, priority)
}

//= C69: proof
#[test]
fn c69_an_active_of_version_2_is_waited_for_in_its_seconds() {
    let mut bench = Bench::in_state(State::Backup, both());
    let now = START + ms(1);
    bench.feed(now, peer(now, Version::V2, 200));
    assert_eq!(bench.deadline(), now + DOWN * 100);
    assert_eq!(bench.router.intervals().active_adver(), ms(1000));
    let left = START + ms(2);
    bench.feed(left, peer(left, Version::V2, 0));
    assert_eq!(bench.deadline(), left + SKEW * 100);
}

//= C70: refusal
#[test]
fn c70_who_speaks_version_3_is_not_listened_to_in_version_2() {
    let mut bench = Bench::in_state(State::Backup, both());
    let now = START + ms(1);
    bench.feed(now, peer(now, Version::V3, 200));
    assert_eq!(
        bench.feed(now + ms(1), peer(now + ms(1), Version::V2, 200)),
        []
    );
    assert_eq!(bench.deadline(), now + DOWN);
    // Neither does a second goodbye start the Skew_Time over.
    let left = START + ms(5);
    bench.feed(left, peer(left, Version::V3, 0));
    bench.feed(left + ms(1), peer(left + ms(1), Version::V2, 0));
    assert_eq!(bench.deadline(), left + SKEW);
    // Somebody else is.
    let other = "192.168.1.9".parse().unwrap();
    let now = START + ms(7);
    bench.feed(now, heard(other, now, Version::V2, 150));
    assert_eq!(bench.deadline(), now + DOWN * 100);
}

//= C70: proof
#[test]
fn c70_who_has_fallen_silent_in_version_3_is_listened_to_again() {
    let mut bench = Bench::in_state(State::Backup, both());
    bench.feed(START, peer(START, Version::V3, 200));
    // Before the deadline is believed, what arrived is read.
    let late = START + DOWN;
    let early = Instant(late.0 - 1);
    bench.feed(late, peer(early, Version::V2, 200));
    assert_eq!(bench.deadline(), late);
    bench.feed(late, peer(late, Version::V2, 200));
    assert_eq!(bench.deadline(), late + DOWN * 100);
}

//= C70: refusal
#[test]
fn c70_a_worse_router_is_answered_once() {
    let mut bench = Bench::in_state(State::Active, both());
    let now = START + ms(1);
    assert!(
        bench
            .feed(now, peer(now, Version::V3, 99))
            .contains(&ADVERTISE)
    );
    assert_eq!(
        bench.feed(now + ms(1), peer(now + ms(1), Version::V2, 99)),
        []
    );
    let other = "192.168.1.9".parse().unwrap();
    let now = START + ms(4);
    assert!(
        bench
            .feed(now, heard(other, now, Version::V2, 99))
            .contains(&ADVERTISE)
    );
}

/// What `policy` lets wait in the ring, the engine takes for nothing new.
#[test]
fn an_advert_repeats_what_is_followed() {
    let followed = an_advert(PEER, START, 200);
    let follow = followed.follow(100);
    assert!(followed.repeats(follow));
    // In version 2 the interval is another word for the same.
    let second = Advert {
        version: Version::V2,
        interval_cs: 100,
        ..followed
    };
    assert!(second.repeats(follow));

    let other = "192.168.1.9".parse().unwrap();
    let slower = Advert {
        interval_cs: 2,
        ..followed
    };
    assert!(!slower.repeats(follow));
    for advert in [followed, second] {
        let elsewhere = Advert {
            source: other,
            ..advert
        };
        let worse = Advert {
            priority: 199,
            ..advert
        };
        assert!(!elsewhere.repeats(follow) && !worse.repeats(follow));
    }
}

#[test]
fn an_address_of_ipv6_is_followed_by_its_end() {
    let advert = an_advert("fe80::1:203:405:607".parse().unwrap(), START, 200);
    assert_eq!(advert.follow(100).source_tail, [4, 5, 6, 7]);
}

/// A router of version 2 takes over a Skew_Time in seconds after priority 0, and we serve until then.
#[test]
fn c68_a_planned_stop_waits_for_routers_of_version_2() {
    let mut bench = Bench::in_state(State::Active, both());
    bench.feed(START, Input::Shutdown);
    // Priority 0 is repeated after the longest Skew_Time, 1 s.
    let (due, out) = bench.expire();
    assert_eq!(due, START + ms(1000));
    assert_eq!(out, [Output::Advertise { priority: 0 }]);
    // 3 s and the Skew_Time of priority 1.
    assert_eq!(bench.deadline(), START + ms(3000) + ms(1000) * 255 / 256);
}
