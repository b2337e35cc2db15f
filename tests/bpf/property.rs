//! Nothing that is corrupt is ever accepted, whichever bit it is.

use std::cell::RefCell;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use vrrp_tests::{
    datapath::world::{VIP, VRID, World},
    frames::Advert,
};

use crate::bench::Bench;

//= C24: refusal
#[test]
fn corrupt_adverts_are_never_accepted() {
    let bench = RefCell::new(Bench::new());
    let intact = Advert::v3(VRID, &[VIP]).build();
    // Behind the source MAC; version and VRID decide whether it is ours at all.
    let place = 26..intact.len();
    let mut runner = TestRunner::new(Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&(place, 0..8_u8), |(at, bit)| {
            let mut frame = intact.clone();
            frame[at] ^= 1 << bit;
            let outcome = bench.borrow_mut().receive(&World::new(), &frame);
            prop_assert!(
                outcome.event.is_none() && outcome.seen.is_none(),
                "{outcome:?}"
            );
            Ok(())
        })
        .unwrap();
}
