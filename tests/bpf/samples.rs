//! What is kept of a frame that was counted for a reason: its head, as it was on the wire.

use bytemuck::Zeroable as _;
use vrrp_ebpf::abi::{Counter, NO_ROUTER, SAMPLE_SPACING, Sample, sample_index};
use vrrp_tests::{
    clock,
    datapath::{
        Kernel, Program, v6,
        world::{IFINDEX, PASSWORD, PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, VLAN, VRID, VRID_V2},
    },
    frames::{self, Advert, Arp},
};

use crate::kernel::load;

const OTHER: [u8; 4] = [192, 168, 1, 20];

/// Frames, and what they are kept for.
fn cases() -> Vec<(Vec<u8>, u32, Counter)> {
    let mut tagged = Advert::v3(VRID, &[VIP, OTHER]);
    tagged.ethernet.tags = vec![(0x8100, VLAN)];
    tagged.ip.ttl = 1;
    let mut own = Advert::v3(VRID, &[VIP]);
    own.ip.source = PRIMARY;
    let list = |addresses: &[[u8; 4]]| Advert {
        timing: [1, 1],
        tail: PASSWORD.to_vec(),
        ..Advert::v2(VRID_V2, addresses)
    };
    let mut six = frames::v6::Advert::v3(VRID, &[v6::VIP, v6::VIP_GLOBAL]);
    six.ip.hop_limit = 64;
    let short = list(&[OTHER]).build()[..40].to_vec();
    vec![
        (tagged.build(), SLOT_VLAN, Counter::BadTtl),
        (own.build(), SLOT, Counter::OwnSource),
        (list(&[OTHER]).build(), SLOT_V2, Counter::BadAddressList),
        (list(&[OTHER; 99]).build(), SLOT_V2, Counter::BadAddressList),
        (short, SLOT_V2, Counter::BadLength),
        (
            Advert::v3(VRID, &[OTHER, OTHER]).build(),
            SLOT,
            Counter::AddressListDiffers,
        ),
        (
            Advert::v3(99, &[OTHER]).build(),
            NO_ROUTER,
            Counter::UnknownVrid,
        ),
        (six.build(), v6::SLOT, Counter::BadTtl),
    ]
}

/// What is kept, which is forgotten then.
fn take(kernel: &mut Kernel, slot: u32, counter: Counter) -> Sample {
    kernel
        .replace_sample(slot, counter, &Sample::zeroed())
        .unwrap()
}

fn run(kernel: &Kernel, program: Program, frame: &[u8]) {
    kernel.run(program, frame, 1).unwrap();
}

#[test]
fn the_head_of_the_frame_is_kept() {
    let Some(mut kernel) = load() else {
        return;
    };
    kernel.install(&v6::world()).unwrap();
    for (frame, slot, counter) in cases() {
        for program in kernel.programs().to_vec() {
            if !program.receives() {
                continue;
            }
            let before = clock::now();
            run(&kernel, program, &frame);
            let sample = take(&mut kernel, slot, counter);
            assert!(
                (before..=clock::now()).contains(&sample.stamp),
                "{counter:?}"
            );
            assert_eq!((sample.sealed, sample.ifindex), (sample.stamp, IFINDEX));
            let head = bytemuck::bytes_of(&sample.head);
            let length = usize::from(sample.length);
            assert_eq!(length, frame.len().min(head.len()), "{counter:?}");
            assert_eq!(head[..length], frame[..length], "{counter:?}");
        }
    }
}

/// In a flood of refused adverts a copy of each would be as dear as its record.
#[test]
fn a_sample_stands_for_a_while() {
    let Some(mut kernel) = load() else {
        return;
    };
    kernel.install(&v6::world()).unwrap();
    let (frame, slot, counter) = cases().swap_remove(1);
    let mut next = |stamp| {
        let before = Sample {
            stamp,
            ..Sample::zeroed()
        };
        kernel.replace_sample(slot, counter, &before).unwrap();
        run(&kernel, Program::Ingress, &frame);
        take(&mut kernel, slot, counter).stamp != stamp
    };
    // However long the run takes to begin, a minute from now is not over.
    let now = clock::now();
    assert!(!next(now + 60_000_000_000));
    assert!(next(now - SAMPLE_SPACING));
    assert!(next(0));
}

#[test]
fn nothing_is_kept_of_what_is_as_it_should_be() {
    let Some(mut kernel) = load() else {
        return;
    };
    kernel.install(&v6::world()).unwrap();
    run(&kernel, Program::Ingress, &Advert::v3(VRID, &[VIP]).build());
    run(&kernel, Program::Ingress, &Arp::who_has(VIP).build());
    for (counter, name) in Counter::ALL {
        if sample_index(SLOT, counter as usize).is_none() {
            continue;
        }
        let sample = take(&mut kernel, SLOT, counter);
        assert_eq!((sample.stamp, sample.length), (0, 0), "{name}");
    }
}
