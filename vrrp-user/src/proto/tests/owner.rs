//! The owner of the addresses, priority 255 (C18, C43).

use std::net::IpAddr;

use super::{
    Advert, Bench, Cause, Departures, Input, Instant, OURS, Output, PEER, START, Settings, State,
    Version, an_advert, ms, settings, transition,
};

/// One that has started, at its source address.
fn owner(settings: Settings) -> Bench {
    let primary = settings.primary;
    let mut bench = Bench::new(settings.with_priority(255));
    bench.feed(START, Input::LinkUp { primary });
    bench
}

/// RFC errata 8298: the owner processes what it hears.
//= C18: proof
#[test]
fn c18_two_owners_go_by_address() {
    let mut bench = owner(Settings {
        primary: PEER,
        ..settings()
    });
    let now = START + ms(1);
    let other = an_advert(OURS, now, 255);
    assert!(OURS > PEER);
    bench.feed(now, Input::Advert(other));
    assert_eq!(bench.state(), State::Backup);
}

/// Worse routers, and another owner with a lower address.
//= C18: refusal
#[test]
fn c18_the_owner_answers_what_does_not_depose_it() {
    assert!(PEER < OURS);
    for priority in [1, 254, 255] {
        let mut bench = Bench::of_priority(State::Active, 255);
        let now = START + ms(1);
        assert_eq!(
            bench.hear(now, priority),
            [
                Output::Advertise { priority: 255 },
                Output::Announce { repeat: 1 }
            ]
        );
        assert_eq!(bench.state(), State::Active);
    }
}

/// An owner that speaks version 2, alone or beside version 3.
fn owners_of_version_2() -> [Settings; 2] {
    let owner = settings().with_priority(255);
    let both = Settings {
        departures: Departures {
            also_version_2: Some(ms(1000)),
            ..Departures::default()
        },
        ..owner
    };
    let second = Settings {
        version: Version::V2,
        advert_interval: ms(1000),
        ..owner
    };
    [second, both]
}

/// From an address above ours.
fn rival(arrived: Instant, version: Version, priority: u8) -> Input {
    Input::Advert(Advert {
        version,
        interval_cs: 100,
        ..an_advert(IpAddr::from([192, 168, 1, 200]), arrived, priority)
    })
}

//= C18: refusal
#[test]
fn c18_an_owner_of_version_2_is_neither_deposed_nor_made_to_answer() {
    for settings in owners_of_version_2() {
        let mut bench = Bench::in_state(State::Active, settings.clone());
        let due = bench.deadline();
        let now = START + ms(1);
        assert_eq!(bench.feed(now, rival(now, Version::V2, 255)), []);
        assert_eq!((bench.state(), bench.deadline()), (State::Active, due));
        // Whoever believed a worse router hears from us, also if that one resigns.
        for priority in [0, 1, 254] {
            let mut bench = Bench::in_state(State::Active, settings.clone());
            let now = START + ms(1);
            let before_the_start = rival(Instant(1), Version::V2, priority);
            assert_eq!(bench.feed(now, before_the_start), []);
            let told = [Output::Announce { repeat: 1 }];
            assert_eq!(bench.feed(now, rival(now, Version::V2, priority)), told);
            assert_eq!(bench.state(), State::Active);
        }
    }
}

//= C18: proof
#[test]
fn c18_it_goes_by_the_version_of_the_advert() {
    let [_, both] = owners_of_version_2();
    let mut bench = Bench::in_state(State::Active, both);
    let now = START + ms(1);
    bench.feed(now, rival(now, Version::V2, 255));
    assert_eq!(bench.state(), State::Active);
    bench.feed(now, rival(now, Version::V3, 255));
    assert_eq!(bench.state(), State::Backup);
}

/// Held back by the delay, it is Backup for a while; and it is no Active any more once it retires.
//= C18: refusal
#[test]
fn c18_an_owner_of_version_2_waits_for_nobody() {
    let [second, _] = owners_of_version_2();
    let delayed = Settings {
        departures: Departures {
            startup_delay: ms(500),
            ..Departures::default()
        },
        ..second
    };
    let mut bench = Bench::new(delayed);
    bench.feed(START, Input::LinkUp { primary: OURS });
    let now = START + ms(400);
    for input in [
        rival(now, Version::V2, 255),
        rival(now, Version::V2, 0),
        rival(now, Version::V2, 100),
        Input::Seen(now),
    ] {
        assert_eq!(bench.feed(now, input), []);
        assert_eq!(bench.deadline(), START + ms(500));
    }
    let (_, out) = bench.expire();
    let active = (State::Backup, State::Active, Cause::ActiveDown);
    assert_eq!(transition(out), Some(active));

    let mut bench = Bench::in_state(State::Retiring, second);
    let now = START + ms(100);
    bench.feed(now, rival(now, Version::V2, 100));
    assert_eq!(bench.router.last_advert(), Some(now));
}

/// Preempt_Mode is not for the owner (RFC 9568 section 6.1), nor does it learn from anybody below it.
//= C43: proof
#[test]
fn c43_a_deposed_owner_takes_over_from_everybody_but_an_owner() {
    let mut bench = owner(Settings {
        preempt: false,
        ..settings()
    });
    let heard = |at, priority, interval_cs| {
        Input::Advert(Advert {
            interval_cs,
            ..an_advert("192.168.1.200".parse().unwrap(), at, priority)
        })
    };
    let now = START + ms(1);
    bench.feed(now, heard(now, 255, 1));
    assert_eq!(bench.state(), State::Backup);
    let due = now + ms(30) + ms(10) / 256;
    assert_eq!(bench.deadline(), due);
    bench.feed(START + ms(20), heard(START + ms(20), 254, 100));
    assert_eq!(bench.deadline(), due);
    assert_eq!(
        transition(bench.expire().1),
        Some((State::Backup, State::Rising, Cause::Preempt))
    );
}
