//! An Active whose lease ended.

use std::net::IpAddr;

use super::*;
use crate::{
    io::engine::message::{Lapse, Successor},
    proto::Instant,
};

#[test]
fn a_master_that_cannot_send_says_what_that_means() {
    let errno = nix::errno::Errno::EPERM as i32;
    let ended = Event::LeaseEnded {
        router: RouterId::first(0),
        errno,
    };
    assert_eq!(
        texts(&ended, State::Active),
        [
            "(VI_1) MASTER, but it serves nobody: its adverts do not leave (Operation not permitted (os error 1)), and \
             its lease has ended, so that a standby may serve"
        ]
    );
    assert_eq!(
        texts(
            &Event::LeaseRenewed {
                router: RouterId::first(0)
            },
            State::Active
        ),
        ["(VI_1) adverts leave again, and it serves"]
    );
}

#[test]
fn a_master_that_did_not_serve_says_who_did() {
    let told = |successor| {
        let lapse = Lapse {
            began: Instant(1_000_000_000),
            ended: Instant(3_500_000_000),
            successor,
        };
        texts(
            &Event::Lapsed {
                router: RouterId::first(0),
                lapse,
            },
            State::Active,
        )
    };
    let begins = "(VI_1) was MASTER without serving for 2.5s: its lease had ended, and";
    let other = IpAddr::from([192, 168, 1, 2]);
    for (successor, ends) in [
        (
            Successor::Other(Some(other)),
            "192.168.1.2 served meanwhile",
        ),
        (Successor::Other(None), "another router served meanwhile"),
        (
            Successor::Nobody,
            "nobody else was heard, so nobody served meanwhile: the node stood still, or its adverts did not leave",
        ),
    ] {
        assert_eq!(told(successor), [format!("{begins} {ends}")]);
    }
}
