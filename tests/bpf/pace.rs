//! A flood leaves a bounded number of records, loses no stamp, and keeps no other kind of record out.
//! How many there may be is reckoned from the records' own stamps, however long a run took.

use vrrp_ebpf::{
    abi::{Counter, Event, EventKind},
    ownership::State,
    pace::{ADVERTS, CLAIMS, NODE, Pace},
};
use vrrp_tests::{
    datapath::{
        Kernel, Program, v6,
        world::{SLOT, VIP, VRID, World, following},
    },
    frames::{self, Advert, Arp, PEER},
};

use crate::{family::version_2, kernel::load_bounded};

const FLOOD: u32 = 20_000;

/// What a flood left.
struct Left {
    records: Vec<Event>,
    limited: u64,
    others: Vec<(Counter, u64)>,
}

fn flood(kernel: &mut Kernel, frame: &[u8], slot: u32) -> Left {
    kernel.run(Program::Ingress, frame, FLOOD).unwrap();
    let mut counters = kernel.take_counters(8).unwrap();
    counters.retain(|(of, _, _)| *of == slot);
    let limited = counters
        .iter()
        .find(|(_, counter, _)| *counter == Counter::RateLimited)
        .map_or(0, |(_, _, count)| *count);
    Left {
        records: kernel.take_events(),
        limited,
        others: counters
            .into_iter()
            .filter(|(_, counter, _)| *counter != Counter::RateLimited)
            .map(|(_, counter, count)| (counter, count))
            .collect(),
    }
}

/// Each frame was counted, and left a record or was counted as limited; the records keep to the pace.
#[track_caller]
fn keeps_to(left: &Left, pace: Pace, counter: Counter) {
    assert!(
        left.others.contains(&(counter, FLOOD.into())),
        "{:?}",
        left.others
    );
    let records = u64::try_from(left.records.len()).unwrap();
    assert_eq!(records + left.limited, u64::from(FLOOD));
    let (first, last) = (left.records.first().unwrap(), left.records.last().unwrap());
    let most = pace.burst + (last.stamp - first.stamp) / pace.every + 1;
    assert!(
        (pace.burst..=most).contains(&records),
        "{records} of {most}"
    );
}

fn advert(priority: u8) -> Vec<u8> {
    let advert = Advert::v3(VRID, &[VIP]);
    Advert { priority, ..advert }.build()
}

/// Router [`SLOT`], priority 150, in this state; it follows [`PEER`] at 100.
fn world(state: State) -> World {
    let mut world = World::new().with_state(SLOT, state);
    world.slot(SLOT).follow = following(PEER).pack();
    world
}

/// The programs in this world, after a while in which nothing came; nothing if they cannot be loaded.
fn rested(world: &World) -> Option<Kernel> {
    let mut kernel = load_bounded()?;
    kernel.install(world).unwrap();
    kernel.rest(8).unwrap();
    Some(kernel)
}

#[test]
fn announcements_of_others() {
    let Some(mut kernel) = load_bounded() else {
        return;
    };
    let six = v6::world().with_state(v6::SLOT, State::Active);
    let claim = frames::v6::Neighbour::announcement(v6::VIP).build();
    for (world, frame, slot, counter) in [
        (
            world(State::Active),
            Arp::gratuitous(1, VIP).build(),
            SLOT,
            Counter::ArpConflict,
        ),
        (six, claim, v6::SLOT, Counter::NdConflict),
    ] {
        kernel.install(&world).unwrap();
        kernel.rest(8).unwrap();
        let left = flood(&mut kernel, &frame, slot);
        keeps_to(&left, CLAIMS, counter);
        // The last one as well, which left no record.
        let last = left.records.last().unwrap().stamp;
        let seen = kernel.slot(slot).unwrap().conflict_seen;
        assert!(seen > last);
        // After a while there are records again.
        kernel.rest(8).unwrap();
        kernel.run(Program::Ingress, &frame, 1).unwrap();
        let [record] = kernel.take_events()[..] else {
            panic!("no record after the flood");
        };
        assert_eq!(kernel.slot(slot).unwrap().conflict_seen, record.stamp);
        kernel.take_counters(8).unwrap();
    }
}

#[test]
fn adverts_of_every_kind() {
    let Some(mut kernel) = load_bounded() else {
        return;
    };
    let kinds = [
        (State::Idle, 100),
        (State::Idle, 99),
        (State::Idle, 0),
        (State::Idle, 200),
        (State::Active, 100),
        (State::Active, 0),
        (State::Active, 200),
        (State::Rising, 100),
        (State::Retiring, 100),
    ];
    for (state, priority) in kinds {
        kernel.install(&world(state)).unwrap();
        kernel.rest(8).unwrap();
        let left = flood(&mut kernel, &advert(priority), SLOT);
        keeps_to(&left, ADVERTS, Counter::AdvertAccepted);
        let slot = kernel.slot(SLOT).unwrap();
        let last = left.records.last().unwrap().stamp;
        assert_eq!(slot.last_seen > last, priority != 0, "{state:?} {priority}");
        assert_eq!(slot.better_seen > last, priority == 200);
    }
}

#[test]
fn the_next_owner() {
    let Some(mut kernel) = rested(&world(State::Active)) else {
        return;
    };
    let claim = Arp::gratuitous(1, VIP).build();
    flood(&mut kernel, &claim, SLOT);
    // A flood of conflicts does not hide the successor.
    kernel.install(&world(State::Retiring)).unwrap();
    let left = flood(&mut kernel, &claim, SLOT);
    let first = left.records.first().unwrap();
    assert_eq!(first.kind, EventKind::SuccessorAnnounced as u8);
    assert!(left.records.len() >= 8 && left.limited > 0);
}

#[test]
fn a_flood_of_one_kind_keeps_no_other_out() {
    let Some(mut kernel) = rested(&world(State::Idle)) else {
        return;
    };
    // The last flood is of the kind that the other virtual router sends.
    for flooded in [100, 200, 99] {
        kernel
            .run(Program::Ingress, &advert(flooded), FLOOD)
            .unwrap();
    }
    // A whole burst of each follows at once: a bound that the floods used would let a few through by now.
    let burst = u32::try_from(ADVERTS.burst).unwrap();
    for frame in [advert(0), version_2().build()] {
        kernel.run(Program::Ingress, &frame, burst).unwrap();
    }
    let records = kernel.take_events();
    let told = |is_it: fn(&Event) -> bool| {
        let count = records.iter().filter(|one| is_it(one)).count();
        u64::try_from(count).unwrap()
    };
    let leaving = told(|one| one.slot == SLOT && one.priority == 0);
    assert_eq!(leaving, ADVERTS.burst, "the Active resigns");
    let others = told(|one| one.slot != SLOT);
    assert_eq!(others, ADVERTS.burst, "another virtual router");
}

/// However many virtual routers are flooded.
#[test]
fn all_virtual_routers_together() {
    let Some(mut kernel) = load_bounded() else {
        return;
    };
    let crowded = World::crowded();
    kernel.install(&crowded).unwrap();
    kernel.rest(255).unwrap();
    for vrid in 1..=255 {
        let advert = Advert::v3(vrid, &[[10, 1, 2, vrid]]);
        let worse = Advert {
            priority: 1,
            ..advert
        };
        kernel.run(Program::Ingress, &worse.build(), 100).unwrap();
    }
    let records = kernel.take_events();
    let span = records.last().unwrap().stamp - records.first().unwrap().stamp;
    let most = NODE.burst + span / NODE.every + 1;
    let records = u64::try_from(records.len()).unwrap();
    // Each router alone would be allowed 16.
    assert!(
        (NODE.burst..=most).contains(&records),
        "{records} of {most}"
    );
}
