//! What is noticed about other routers.

use std::net::IpAddr;

use super::*;
use crate::{io::engine::message::Notice, proto::Version};

//= C67: proof
#[test]
fn notices_read_like_keepaliveds() {
    use Notice::{
        AddressList, Conflict, EqualPriority, HigherPriority, Interval, LowerPriority,
        PriorityZero, TwoOwners, Version3Alone,
    };
    let conflict = Conflict {
        vip: VipId(0),
        mac: [2, 0, 0, 0, 0xab, 1],
    };
    let table = [
        (
            State::Backup,
            PriorityZero,
            "(VI_1) Backup received priority 0 advertisement",
        ),
        (
            State::Active,
            PriorityZero,
            "(VI_1) Master received priority 0 message",
        ),
        (
            State::Active,
            HigherPriority(150),
            "(VI_1) Master received advert from 10.99.0.1 with higher priority 150, ours 100",
        ),
        (
            State::Active,
            LowerPriority(50),
            "(VI_1) Received advert from 10.99.0.1 with lower priority 50, ours 100, forcing new \
             election",
        ),
        (
            State::Backup,
            LowerPriority(50),
            "(VI_1) received lower priority (50) advert from 10.99.0.1 - discarding",
        ),
        (
            State::Active,
            EqualPriority(100),
            "(VI_1) received advert from 10.99.0.1 with same priority 100: the higher IP address \
             wins; give every router a priority of its own",
        ),
        (
            State::Active,
            TwoOwners,
            "(VI_1) CONFIGURATION ERROR: 10.99.0.1 claims priority 255 (address owner), and so do \
             we: both are MASTER until one of them gets a lower priority",
        ),
        (
            State::Backup,
            Version3Alone,
            "(VI_1) 10.99.0.1 sends version 3 alone: with it as the Active, routers of version 2 \
             hear nobody and take over",
        ),
        (
            State::Backup,
            AddressList,
            "(VI_1) received advert from 10.99.0.1 with other virtual IPs than ours",
        ),
        (
            State::Backup,
            Interval(10),
            "(VI_1) advertisement interval of 10.99.0.1 is 100ms, ours 1000ms",
        ),
        (
            State::Active,
            conflict,
            "(VI_1) address conflict: 02:00:00:00:ab:01 (10.99.0.1) announces our virtual IP \
             192.168.1.254 on ens33",
        ),
    ];
    for (state, notice, expected) in table {
        let event = Event::Notice {
            router: RouterId::first(0),
            notice,
            source: IpAddr::from([10, 99, 0, 1]),
        };
        assert_eq!(texts(&event, state), [expected]);
    }
}

#[test]
fn virtual_ips_elsewhere_are_told_with_their_interface() {
    let mut instance = crate::io::control::tests::instance("VI_1");
    let mut inner = instance.vips[0].clone();
    inner.device = Some("ens34".to_owned());
    instance.vips.push(inner);
    let router = desired(instance);
    let named = [0, 1, 2].map(|vip| interface(&router, VipId(vip)));
    assert_eq!(named, ["lo", "ens34", "lo"]);
    let notice = Notice::Conflict {
        vip: VipId(1),
        mac: [2, 0, 0, 0, 0xab, 1],
    };
    let event = Event::Notice {
        router: RouterId::first(0),
        notice,
        source: IpAddr::from([10, 99, 0, 1]),
    };
    let [(_, line)] = &lines(&event, &router, State::Active)[..] else {
        panic!();
    };
    assert!(line.ends_with("192.168.1.254 on ens34"), "{line}");
}

#[test]
fn no_election_is_forced_where_nothing_is_sent() {
    let plain = crate::io::control::tests::instance("VI_1");
    let mut silent = plain.clone();
    silent.settings.departures.lower_prio_no_advert = true;
    let mut owner = plain;
    owner.settings = owner.settings.with_priority(255);
    let mut third = owner.clone();
    third.settings.version = Version::V3;
    let event = Event::Notice {
        router: RouterId::first(0),
        notice: Notice::LowerPriority(50),
        source: IpAddr::from([10, 99, 0, 1]),
    };
    for (instance, end) in [
        (silent, "ours 100"),
        (owner, "ours 255"),
        (third, "ours 255, forcing new election"),
    ] {
        let [(_, line)] = &lines(&event, &desired(instance), State::Active)[..] else {
            panic!();
        };
        let start = "(VI_1) Received advert from 10.99.0.1 with lower priority 50, ";
        assert_eq!(line, &format!("{start}{end}"));
    }
}
