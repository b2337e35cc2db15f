//! Any frame, met in any state.

use vrrp_ebpf::{
    abi::{Counter, Event, Follow, NO_ROUTER, router_flags},
    ownership::State,
    policy::{self, Action, EgressVerdict, Link, Submission, Verdict},
    wire::mac,
};
use vrrp_tests::{
    datapath::{
        v6,
        world::{IFINDEX, SLOT, SLOT_V2, SLOT_VLAN, VLAN, World},
    },
    frames::{PEER, v6::PEER as PEER_V6},
};

use crate::repair;

/// A verdict is reached, and makes sense. The first four bytes of the input say what the node knows,
/// the others are the frame.
pub fn frames(input: &[u8]) {
    let Some((setting, frame)) = input.split_first_chunk() else {
        return;
    };
    let setting = Setting::new(*setting);
    let mut frame = frame.to_vec();
    if setting.repaired {
        repair::frame(&mut frame);
    }
    let Some(verdict) = setting.judge(&frame) else {
        return;
    };
    setting.makes_sense(&verdict);
    match verdict.action {
        Action::AnswerArp | Action::AnswerNeighbour => setting.is_answered(&verdict, &frame),
        Action::Readdress => setting.leaves_from_virtual_mac(&frame),
        Action::Pass | Action::Accept | Action::Drop => {}
    }
    if verdict.action != Action::Drop {
        frame.extend([0xee; 46]);
        let padded = setting.judge(&frame).map(timeless);
        assert_eq!(padded, Some(timeless(verdict)), "padding is no frame");
    }
}

/// Where a frame is met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Received,
    /// Between XDP and the stack, as one for another host.
    Marked,
    Sent,
}

/// What the node knows.
struct Setting {
    world: World,
    link: Link,
    way: Way,
    /// Whether the frame gets its checksums before it is met.
    repaired: bool,
}

impl Setting {
    fn new([first, second, priority, restart_min]: [u8; 4]) -> Self {
        let bit = |byte: u8, at: u32| byte >> at & 1 != 0;
        let state = match first & 3 {
            0 => State::Idle,
            1 => State::Rising,
            2 => State::Active,
            _ => State::Retiring,
        };
        let vip_state = u64::from(first >> 4 & 3);
        let mut world = v6::world().with_vip_state(vip_state);
        let [.., a, b, c, d] = PEER_V6;
        let tail = [a, b, c, d];
        for (slot, source_tail) in [
            (SLOT, PEER),
            (SLOT_V2, PEER),
            (SLOT_VLAN, PEER),
            (v6::SLOT, tail),
            (v6::SLOT_VLAN, tail),
        ] {
            world = if bit(first, 2) {
                world.with_state(slot, state)
            } else {
                world.with_expired(slot, state)
            };
            let words = world.slot(slot);
            words.last_seen = u64::from(bit(first, 3));
            words.follow = Follow {
                source_tail,
                interval_cs: 100,
                priority,
                restart_min,
            }
            .pack();
        }
        if bit(second, 4) {
            for slot in [SLOT, SLOT_VLAN, v6::SLOT, v6::SLOT_VLAN] {
                world = world.with_virtual_mac(slot);
            }
            world = world.with_proxy(SLOT);
        }
        if bit(second, 0) {
            world.router(SLOT).flags |= router_flags::ACCEPT_V2;
        }
        if bit(second, 1) {
            world.router(SLOT_V2).flags |= router_flags::SKIP_ADDRESS_CHECK;
        }
        if bit(second, 2) {
            world.router(SLOT_V2).auth_type = 0;
        }
        Self {
            world,
            link: Link {
                ifindex: IFINDEX,
                stripped_vlan: if bit(second, 3) { VLAN } else { 0 },
            },
            way: match (bit(first, 6), bit(second, 5)) {
                (true, _) => Way::Sent,
                (false, true) => Way::Marked,
                (false, false) => Way::Received,
            },
            repaired: bit(first, 7),
        }
    }

    fn judge(&self, frame: &[u8]) -> Option<Verdict> {
        match self.way {
            Way::Received => policy::ingress(frame, &self.world, self.link),
            Way::Marked => policy::mark(frame, &self.world, self.link),
            Way::Sent => self.depart(frame).map(|leaving| leaving.verdict),
        }
    }

    fn depart(&self, frame: &[u8]) -> Option<EgressVerdict> {
        policy::egress(frame, &self.world, &self.world, self.link)
    }

    fn makes_sense(&self, verdict: &Verdict) {
        let counted = verdict.counters.iter().count();
        let told = verdict.submission != Submission::Nothing;
        let slots = self.world.slots.len() as u64;
        let mut counters = verdict.counters.iter();
        let nobodys = counters
            .any(|counter| matches!(counter, Counter::UnknownVrid | Counter::EgressRedirect));
        assert!(
            u64::from(verdict.slot) < slots || verdict.slot == NO_ROUTER && nobodys,
            "{verdict:?}"
        );
        assert!(counted > 0 || told, "why is it not None? {verdict:?}");
        if verdict.action != Action::Pass {
            let trace = (counted, told, verdict.seen, verdict.better_seen);
            assert_eq!(trace, (1, false, 0, 0), "{verdict:?}");
        }
        let possible: &[Action] = match self.way {
            Way::Received => &[
                Action::Pass,
                Action::Drop,
                Action::AnswerArp,
                Action::AnswerNeighbour,
            ],
            Way::Marked => &[Action::Accept],
            Way::Sent => &[Action::Drop, Action::Readdress],
        };
        assert!(possible.contains(&verdict.action), "{verdict:?}");
    }

    /// What is given the Virtual Router MAC can be written, and is let go if it comes by once more.
    fn leaves_from_virtual_mac(&self, frame: &[u8]) {
        let mut told = frame.to_vec();
        let source = self.depart(frame).map(|leaving| leaving.source);
        let written = source.and_then(|source| source.write(told.as_mut_slice()));
        assert!(written.is_some(), "{source:?}");
        let from = told.get(6..12).and_then(|mac| mac.try_into().ok());
        assert!(from.and_then(mac::router).is_some(), "{from:?}");
        let again = self.judge(&told);
        assert!(
            again.is_none_or(|verdict| verdict.action == Action::Readdress),
            "{again:?}"
        );
    }

    /// There is an answer, and it is no request itself: two owners would never end.
    fn is_answered(&self, verdict: &Verdict, request: &[u8]) {
        let mut answer = request.to_vec();
        let written = if verdict.action == Action::AnswerNeighbour {
            answer.resize(verdict.advertisement.frame_length(), 0);
            verdict.advertisement.write(answer.as_mut_slice())
        } else {
            verdict.answer.write(answer.as_mut_slice())
        };
        assert!(written.is_some(), "{verdict:?}");
        let again = self.judge(&answer);
        assert!(
            again.is_none_or(|verdict| verdict.action == Action::Pass),
            "{again:?}"
        );
    }
}

/// The verdict without the times in it.
fn timeless(verdict: Verdict) -> Verdict {
    Verdict {
        seen: u64::from(verdict.seen != 0),
        better_seen: u64::from(verdict.better_seen != 0),
        event: Event {
            stamp: 0,
            ..verdict.event
        },
        ..verdict
    }
}
