//! Version 2 and other address lists or intervals than ours: taken from the router that we follow or followed
//! last (C19, C20).

use vrrp_ebpf::{
    abi::{Counter, Event, Follow, event_flags, router_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{SLOT_V2, VIP, World},
    frames::{Advert, PEER},
};

use super::is_accepted;
use crate::{
    bench::Bench,
    family::{Family as _, V4, version_2},
};

const FLAGS: u8 = event_flags::ADDRESS_LIST_DIFFERS | event_flags::REFUSES_OURS;

/// The router of version 2, with this word for whom it follows.
fn with_follow(follow: Follow) -> World {
    let mut world = World::new();
    world.slot(SLOT_V2).follow = follow.pack();
    world
}

/// Follows [`PEER`] with priority 100, and is restarted by 101.
const FOLLOWS: Follow = Follow {
    source_tail: PEER,
    interval_cs: 100,
    priority: 100,
    restart_min: 101,
};

fn with_another_list(priority: u8) -> Advert {
    Advert {
        addresses: vec![[192, 168, 1, 253]],
        priority,
        ..version_2()
    }
}

//= C20: proof
#[test]
fn another_list_of_the_followed_is_only_reported() {
    let mut bench = Bench::new();
    let nobody = Follow {
        source_tail: PEER,
        restart_min: 101,
        ..Follow::default()
    };
    for follow in [FOLLOWS, nobody] {
        for priority in [100, 99, 200, 0] {
            let outcome = bench.receive(&with_follow(follow), &with_another_list(priority).build());
            let event = Event {
                slot: SLOT_V2,
                version: 2,
                priority,
                flags: FLAGS,
                ..V4::EVENT
            };
            let mut counters = vec![Counter::AdvertAccepted];
            counters.extend((priority == 0).then_some(Counter::AdvertPriorityZero));
            counters.push(Counter::AddressListDiffers);
            counters.sort_by_key(|counter| *counter as u32);
            is_accepted(&outcome, &counters, event);
        }
    }
}

/// Of 2 s, with our list or another one.
fn with_another_interval(priority: u8, addresses: &[[u8; 4]]) -> Advert {
    Advert {
        timing: [1, 2],
        addresses: addresses.to_vec(),
        priority,
        ..version_2()
    }
}

//= C19: proof
#[test]
fn another_interval_of_the_followed_is_only_reported() {
    let mut bench = Bench::new();
    let world = with_follow(FOLLOWS);
    let other = [[192, 168, 1, 253]];
    for (addresses, differs) in [(&[VIP], false), (&other, true)] {
        for priority in [100, 99] {
            let advert = with_another_interval(priority, addresses);
            let outcome = bench.receive(&world, &advert.build());
            let list = u8::from(differs) * event_flags::ADDRESS_LIST_DIFFERS;
            let event = Event {
                slot: SLOT_V2,
                version: 2,
                priority,
                interval_cs: 200,
                flags: event_flags::REFUSES_OURS | list,
                ..V4::EVENT
            };
            let mut counters = vec![Counter::AdvertAccepted];
            counters.extend(differs.then_some(Counter::AddressListDiffers));
            counters.push(Counter::IntervalDiffers);
            is_accepted(&outcome, &counters, event);
            assert_eq!(outcome.seen, Some(SLOT_V2));
        }
    }
}

//= C19: refusal
#[test]
fn another_interval_of_anybody_else_is_refused() {
    let mut bench = Bench::new();
    let mut world = with_follow(FOLLOWS);
    let advert = with_another_interval(100, &[[192, 168, 1, 253]]);
    let stranger = advert.clone().sent_by([192, 168, 1, 3]).build();
    for flags in [0, router_flags::SKIP_ADDRESS_CHECK] {
        world.router(SLOT_V2).flags |= flags;
        let outcome = bench.receive(&world, &stranger);
        outcome.is_dropped(SLOT_V2, Counter::BadInterval);
    }
    let world = with_follow(Follow::default());
    let outcome = bench.receive(&world, &advert.build());
    outcome.is_dropped(SLOT_V2, Counter::BadInterval);
}

//= C20: refusal
#[test]
fn another_list_of_anybody_else_is_refused() {
    let mut bench = Bench::new();
    for state in [State::Idle, State::Rising, State::Active, State::Retiring] {
        let mut world = with_follow(FOLLOWS).with_state(SLOT_V2, state);
        for priority in [100, 0] {
            let stranger = with_another_list(priority).sent_by([192, 168, 1, 3]);
            let outcome = bench.receive(&world, &stranger.build());
            outcome.is_dropped(SLOT_V2, Counter::BadAddressList);
        }
        world.slot(SLOT_V2).follow = Follow::default().pack();
        let outcome = bench.receive(&world, &with_another_list(100).build());
        outcome.is_dropped(SLOT_V2, Counter::BadAddressList);
    }
}

/// It does not hear us, so that it is not preempted.
//= C20, C37: refusal
#[test]
fn a_worse_active_with_another_list_is_a_sign_of_life() {
    let mut bench = Bench::new();
    let mut world = with_follow(FOLLOWS);
    let mut seen = |world: &World, advert: &Advert| bench.receive(world, &advert.build()).seen;
    let (differs, same) = (with_another_list(100), version_2());
    assert_eq!(seen(&world, &differs), Some(SLOT_V2));
    assert_eq!(seen(&world, &with_another_list(0)), None);
    assert_eq!(seen(&world, &same), None);
    // Beside version 3 its interval is rounded up, and says nothing of the sender's.
    let flags = world.router(SLOT_V2).flags;
    world.router(SLOT_V2).flags = flags | router_flags::ACCEPT_V3;
    assert_eq!(seen(&world, &differs), None);
    // Whoever does not mind other lists is not minded for them.
    world.router(SLOT_V2).flags = flags | router_flags::SKIP_ADDRESS_CHECK;
    assert_eq!(seen(&world, &differs), None);
}
