//! Who takes over from whom, and how long that takes.

use std::time::Duration;

use vrrp_user::{
    io::engine::Command,
    proto::{Departures, InitialState, State, Version},
};

use super::{DELAY, MILLISECOND, Story, TURN};

#[test]
fn the_best_router_serves_and_goes_on() {
    let mut story = Story::settled(Version::V3, Duration::from_millis(10), &[200, 150, 100]);
    assert_eq!(
        story.states(),
        [State::Active, State::Backup, State::Backup]
    );
    story.world.watches[0].calm = true;
    let before = story.world.watches[0].promotions;
    story.run(100 * story.interval);
    assert_eq!(story.world.watches[0].promotions, before);
}

//= C25: proof
#[test]
fn a_crash_is_over_at_the_floor_of_the_rfc() {
    let mut story = Story::pair();
    let last = story.world.nodes[1]
        .engine
        .as_ref()
        .unwrap()
        .driver
        .deadline()
        .unwrap();
    let floor = story.world.nodes[1].clock.world(last);
    story.world.crash(0);
    story.takeover(1);
    // 3 x 10 ms and the Skew_Time of priority 253 after the last arrival.
    let late = story.world.now.saturating_sub(floor);
    assert!(story.world.now >= floor && late <= TURN, "{late}");
    assert_eq!(story.states(), [State::Initialize, State::Active]);
}

/// A pair of each version, and the Skew_Time of its Backup in nanoseconds.
fn settled_pairs() -> [(Story, u64); 2] {
    [
        (Version::V3, 10, [254, 253], 117_187),
        (Version::V2, 1000, [100, 99], 613_281_250),
    ]
    .map(|(version, interval, priorities, skew)| {
        let interval = Duration::from_millis(interval);
        (Story::settled(version, interval, &priorities), skew)
    })
}

/// Rising waits for the addresses, but not for ever: the other one serves meanwhile, or nobody does.
#[track_caller]
fn assert_took_a_skew(story: &Story, took: u64, skew: u64) {
    const ADDRESSES: u64 = 5_000_000;
    let addresses = ADDRESSES.min(story.interval / 4);
    let latest = skew + DELAY + addresses + 3 * TURN;
    assert!((skew..=latest).contains(&took), "{took}");
}

//= C26, C35, C44: proof
#[test]
fn a_planned_stop_costs_a_skew_and_nobody_notices() {
    for (mut story, skew) in settled_pairs() {
        story.world.watches[0].calm = true;
        story.world.command(0, Command::Stop);
        let took = story.takeover(1);
        assert_took_a_skew(&story, took, skew);
        story.comes_to(5, &[State::Initialize, State::Active]);
        assert!(
            story.world.nodes[0].engine.is_none(),
            "the process has ended"
        );
    }
}

/// The link lives: the Backup is told, and does not wait for longer than after a planned stop. Nobody serves
/// meanwhile, and nobody answers twice.
//= C26, C35, C44: proof
#[test]
fn a_lost_source_address_costs_a_skew() {
    for (mut story, skew) in settled_pairs() {
        story.world.address(0, false);
        let took = story.takeover(1);
        assert_took_a_skew(&story, took, skew);
        story.comes_to(5, &[State::Fault, State::Active]);
        story.world.watches[0].calm = true;
        story.world.address(0, true);
        story.comes_to(20, &[State::Active, State::Backup]);
    }
}

/// Without a link nobody can be told.
//= C25: proof
#[test]
fn a_cut_link_costs_an_active_down_interval() {
    let mut story = Story::pair();
    story.world.plug(0, false);
    let took = story.takeover(1);
    assert!(took > 2 * story.interval, "{took}");
    assert_eq!(story.states(), [State::Fault, State::Active]);
}

#[test]
fn the_better_router_comes_back_without_a_gap() {
    let mut story = Story::pair();
    story.crash_and_return();
    story.comes_to(20, &[State::Active, State::Backup]);
}

/// The engine stands still, the programs do not: the lease ends before the Backup takes over.
#[test]
fn a_frozen_active_has_fenced_itself() {
    let mut story = Story::pair();
    story.world.stall(0, 100 * MILLISECOND);
    story.takeover(1);
    assert!(!story.world.nodes[0].answers(0, story.world.now));
    story.comes_to(20, &[State::Active, State::Backup]);
}

/// And so it has if the routers agree on another number of missing adverts.
#[test]
fn a_frozen_active_has_fenced_itself_however_long_the_others_wait() {
    for adverts in [2, 5] {
        let departures = Departures {
            down_timer_adverts: adverts,
            ..Departures::default()
        };
        let interval = Duration::from_millis(10);
        let mut story = Story::departing(Version::V3, interval, &[254, 253], departures);
        story.world.stall(0, 100 * MILLISECOND);
        let took = story.takeover(1);
        assert!(took > u64::from(adverts - 1) * story.interval, "{took}");
        assert!(!story.world.nodes[0].answers(0, story.world.now));
        story.comes_to(20, &[State::Active, State::Backup]);
    }
}

/// The lease of the worse router still runs when the better one is back, and nobody tells its engine.
//= C41: proof
#[test]
fn a_preempted_router_is_silenced_while_it_stands_still() {
    let mut story = Story::pair();
    story.world.crash(0);
    story.run(10 * story.interval);
    story.world.start(0, 254);
    while story.world.nodes[0].state(0) != State::Rising {
        assert!(story.world.nodes[0].state(0) != State::Active);
        story.run(10_000);
    }
    story.world.stall(1, 100 * story.interval);
    story.takeover(0);
    story.run(DELAY + TURN);
    let [better, worse] = &story.world.nodes[..] else {
        unreachable!("two nodes")
    };
    let now = story.world.now;
    assert!(better.answers(0, now) && !worse.answers(0, now));
    assert!(worse.state(0) == State::Active && worse.answers_until(0) > now);
    story.comes_to(110, &[State::Active, State::Backup]);
}

/// Whatever a router is that was started as MASTER, it may have been started beside a better one that stands still.
#[test]
fn who_starts_as_master_outlives_the_lease_of_an_active_that_stands_still() {
    for (priorities, waits) in [([254, 100], 30), ([100, 254], 30), ([100, 100], 30)] {
        let mut story = Story::settled(Version::V3, Duration::from_millis(10), &priorities);
        let active = story.world.active(0).unwrap();
        let other = 1 - active;
        story.world.crash(other);
        // An advert has just been.
        let sent = |story: &Story| story.world.nodes[active].word(0).expiry();
        let before = sent(&story);
        while sent(&story) == before {
            story.run(10_000);
        }
        story.run(DELAY + TURN);
        story.world.stall(active, 100 * MILLISECOND);
        story.world.nodes[other].file[0].settings.initial = InitialState::Master;
        story.world.start(other, priorities[other]);
        let took = story.takeover(other);
        assert!(took >= waits * MILLISECOND, "{took}");
        assert!(!story.world.nodes[active].answers(0, story.world.now));
        story.run(20 * story.interval);
    }
}

/// A worse one that is heard says that no better one serves.
#[test]
fn who_starts_as_master_relieves_a_worse_router_sooner() {
    let mut story = Story::pair();
    story.world.nodes[0].file[0].settings.initial = InitialState::Master;
    story.crash_and_return();
    let took = story.takeover(0);
    // One interval, the Skew_Time of priority 254, and the addresses.
    let waits = story.interval + 78_125;
    let latest = waits + 2 * MILLISECOND + 4 * TURN;
    assert!((waits..=latest).contains(&took), "{took}");
    story.comes_to(20, &[State::Active, State::Backup]);
}

#[test]
fn of_three_the_second_takes_over() {
    let mut story = Story::settled(Version::V3, Duration::from_millis(10), &[200, 150, 100]);
    story.world.crash(0);
    story.run(10 * story.interval);
    assert_eq!(
        story.states(),
        [State::Initialize, State::Active, State::Backup]
    );
    story.world.command(1, Command::Stop);
    story.run(10 * story.interval);
    assert_eq!(story.states()[1..], [State::Initialize, State::Active]);
    story.world.start(0, 200);
    story.run(20 * story.interval);
    assert_eq!(
        story.states(),
        [State::Active, State::Initialize, State::Backup]
    );
}

//= C41: proof
#[test]
fn equal_priorities_end_with_the_higher_address() {
    let story = Story::settled(Version::V3, Duration::from_millis(10), &[100; 4]);
    // .1, .62, .123, .184: octets are unsigned.
    assert_eq!(story.world.active(0), Some(3));
}
