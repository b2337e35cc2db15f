//! The event ring: who is woken for what, and what a full ring costs.

use std::os::fd::BorrowedFd;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use vrrp_ebpf::{
    abi::{Counter, Event, Follow, RING_BYTES, router_flags},
    ownership::State,
    policy::Submission,
};
use vrrp_tests::{
    datapath::{
        Program,
        world::{SLOT, SLOT_V2, VIP, VRID, World, following},
    },
    frames::{Advert, Arp, PEER},
};

use crate::{bench::verdict, family::version_2, kernel::load};

fn followed() -> World {
    let mut world = World::new();
    world.slot(SLOT).follow = following(PEER).pack();
    world
}

/// Worlds, frames, and whether the node is woken.
fn cases() -> Vec<(&'static str, World, Vec<u8>, bool)> {
    let advert = Advert::v3(VRID, &[VIP]);
    let mut other_source = advert.clone();
    other_source.ip.source = [192, 168, 1, 3];
    let priority = |priority| Advert {
        priority,
        ..advert.clone()
    };
    let other_interval = Advert {
        timing: [0, 10],
        ..advert.clone()
    };
    let mut nothing_followed = followed();
    nothing_followed.slot(SLOT).follow = Follow {
        source_tail: PEER,
        interval_cs: 100,
        ..Follow::default()
    }
    .pack();
    // A router of both versions (RFC 9568 section 8.4.2).
    let mut both = followed();
    both.router(SLOT).flags |= router_flags::ACCEPT_V2;
    let second = |priority, seconds| Advert {
        priority,
        timing: [0, seconds],
        ..Advert::v2(VRID, &[VIP])
    };
    let mut others_second = second(100, 3);
    others_second.ip.source = [192, 168, 1, 3];
    let mut followed_v2 = World::new();
    followed_v2.slot(SLOT_V2).follow = following(PEER).pack();
    let other_list = |priority| {
        let advert = Advert {
            addresses: vec![[192, 168, 1, 253]],
            priority,
            ..version_2()
        };
        advert.build()
    };
    let state = |state| followed().with_state(SLOT, state);
    let claim = Arp::gratuitous(1, VIP).build();
    vec![
        ("the followed advert", followed(), advert.build(), false),
        ("another source", followed(), other_source.build(), true),
        ("a higher priority", followed(), priority(101).build(), true),
        ("a lower priority", followed(), priority(99).build(), true),
        ("a stop", followed(), priority(0).build(), true),
        ("another interval", followed(), other_interval.build(), true),
        (
            "a stop, nothing followed",
            nothing_followed,
            priority(0).build(),
            true,
        ),
        (
            "the followed advert in version 2",
            both.clone(),
            second(100, 3).build(),
            false,
        ),
        (
            "another source in version 2",
            both.clone(),
            others_second.build(),
            true,
        ),
        (
            "another priority in version 2",
            both.clone(),
            second(99, 3).build(),
            true,
        ),
        ("a stop in version 2", both, second(0, 3).build(), true),
        (
            "the followed advert with another list in version 2",
            followed_v2.clone(),
            other_list(100),
            false,
        ),
        (
            "another priority and another list in version 2",
            followed_v2,
            other_list(99),
            true,
        ),
        ("while Rising", state(State::Rising), advert.build(), true),
        ("while Active", state(State::Active), advert.build(), true),
        (
            "while Retiring",
            state(State::Retiring),
            advert.build(),
            true,
        ),
        ("a conflict", state(State::Active), claim.clone(), true),
        ("a successor", state(State::Retiring), claim, true),
    ]
}

#[test]
fn policy_wakes_for_what_needs_a_decision() {
    for (what, world, frame, wakes) in cases() {
        let report = verdict(&world, &frame, Program::Ingress)
            .unwrap()
            .submission;
        assert_eq!(
            report,
            if wakes {
                Submission::Wake
            } else {
                Submission::Quiet
            },
            "{what}"
        );
    }
}

#[test]
fn kernel_wakes_as_the_policy_says() {
    let Some(mut kernel) = load() else {
        return;
    };
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    // SAFETY: `kernel` keeps the ring open to the end of the test.
    let ring = unsafe { BorrowedFd::borrow_raw(kernel.ring_fd()) };
    let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
    epoll.add(ring, EpollEvent::new(interest, 0)).unwrap();
    for (what, world, frame, wakes) in cases() {
        kernel.install(&world).unwrap();
        // Twice: unread records must not swallow a wake-up.
        for _ in 0..2 {
            kernel.run(Program::Ingress, &frame, 1).unwrap();
            let patience = EpollTimeout::from(if wakes { 1000_u16 } else { 20 });
            let woken = epoll.wait(&mut [EpollEvent::empty()], patience).unwrap();
            assert_eq!(woken == 1, wakes, "{what}");
        }
        assert_eq!(kernel.take_events().len(), 2, "{what}");
    }
}

#[test]
fn full_ring_loses_history_but_no_decision() {
    let Some(mut kernel) = load() else {
        return;
    };
    kernel.install(&followed()).unwrap();
    let frame = Advert::v3(VRID, &[VIP]).build();
    // A record is preceded by eight bytes of the ring's own.
    let room = RING_BYTES / (u32::try_from(size_of::<Event>()).unwrap() + 8);
    kernel.run(Program::Ingress, &frame, room + 10).unwrap();
    assert_eq!(kernel.take_counters(3).unwrap().last().unwrap().2, 10);

    let before = kernel.slot(SLOT).unwrap().last_seen;
    assert_eq!(kernel.run(Program::Ingress, &frame, 1).unwrap().returned, 2);
    assert!(kernel.slot(SLOT).unwrap().last_seen > before);
    let counters = kernel.take_counters(3).unwrap();
    assert_eq!(
        counters,
        [
            (SLOT, Counter::AdvertAccepted, 1),
            (SLOT, Counter::ChecksumPseudo, 1),
            (SLOT, Counter::RingFull, 1),
        ]
    );
    let kept = kernel.take_events();
    assert_eq!(kept.len(), room as usize);
    kernel.run(Program::Ingress, &frame, 1).unwrap();
    assert_eq!(kernel.take_events().len(), 1);
    assert!(
        !kernel
            .take_counters(3)
            .unwrap()
            .iter()
            .any(|(_, counter, _)| *counter == Counter::RingFull)
    );
}
