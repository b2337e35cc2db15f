use std::net::IpAddr;

use super::*;
use crate::{
    ids::RouterId,
    io::{
        bpf::TableError,
        control::tests::desired,
        engine::{
            RouterSnapshot, Timeline,
            message::{InterfaceError, Lapse, Notice, Successor},
        },
    },
    proto::{Cause, Family, FaultReason, Instant, Transition, Version},
};

fn texts(event: &Event, state: State) -> Vec<String> {
    let mut instance = crate::io::control::tests::instance("VI_1");
    instance.interface = "ens33".to_owned();
    let lines = lines(event, &desired(instance), state);
    lines.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn transitions_read_like_keepaliveds() {
    use Cause::{
        ActiveDown, BetterAdvert, Drained, LinkUp, Owner, Preempt, PriorityZero, Shutdown, Startup,
    };
    use State::{Active, Backup, Fault, Initialize, Retiring, Rising};
    let timeout = "(VI_1) Receive advertisement timeout";
    let master = "(VI_1) Entering MASTER STATE";
    let (setting, removing) = ("(VI_1) setting VIPs.", "(VI_1) removing VIPs.");
    let backup = "(VI_1) Entering BACKUP STATE";
    let fault = "(VI_1) Entering FAULT STATE";
    let (sent, stopped) = ("(VI_1) sent 0 priority", "(VI_1) Stopped");
    let [down, no_address] = [FaultReason::LinkDown, FaultReason::NoAddress].map(Cause::Fault);
    let serving = "(VI_1) serving until a successor has taken over";
    let rising = "(VI_1) about to preempt";
    let table: &[(State, State, Cause, &[&str])] = &[
        (
            Initialize,
            Backup,
            Startup,
            &["(VI_1) Entering BACKUP STATE (init)"],
        ),
        (
            Initialize,
            Fault,
            down,
            &["(VI_1) Entering FAULT STATE (init)"],
        ),
        (Initialize, Active, Owner, &[master, setting]),
        (Backup, Active, ActiveDown, &[timeout, master, setting]),
        (Backup, Active, PriorityZero, &[timeout, master, setting]),
        (Backup, Rising, Preempt, &[rising, setting]),
        (Backup, Rising, PriorityZero, &[setting]),
        (Rising, Active, PriorityZero, &[timeout, master]),
        (Rising, Active, Preempt, &[master]),
        (Rising, Active, ActiveDown, &[timeout, master]),
        (Rising, Backup, BetterAdvert, &[backup, removing]),
        (Active, Backup, BetterAdvert, &[backup, removing]),
        (Active, Fault, down, &[fault, removing]),
        (Active, Fault, no_address, &[fault, sent, removing]),
        (Rising, Fault, no_address, &[fault, removing]),
        (Fault, Backup, LinkUp, &[backup]),
        (Backup, Fault, no_address, &[fault]),
        (Active, Retiring, Shutdown, &[sent, serving]),
        (Retiring, Initialize, Drained, &[stopped, removing]),
        (Backup, Initialize, Shutdown, &[stopped]),
    ];
    for &(from, to, cause, expected) in table {
        let event = Event::Transition {
            router: RouterId::first(0),
            transition: Transition {
                from,
                to,
                cause,
                at: Instant(1),
                deadline: Instant(1),
                last_advert: None,
            },
            priority: 100,
        };
        assert_eq!(texts(&event, from), expected, "{from:?} -> {to:?}");
    }
}

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

#[test]
fn failures_are_named_with_their_remedy() {
    let failed = texts(
        &Event::SendFailed {
            router: RouterId::first(0),
            errno: 100,
        },
        State::Active,
    );
    assert_eq!(
        failed,
        ["(VI_1) sending an advert failed: Network is down (os error 100)"]
    );
    for (errno, delayed, end) in [
        (100, false, "failed: Network is down (os error 100)"),
        (
            105,
            true,
            "is delayed, its interface takes no more at once: No buffer space available (os error 105)",
        ),
    ] {
        let announcing = Event::AnnouncingFailed {
            router: RouterId::first(0),
            errno,
            delayed,
        };
        let line = format!("(VI_1) announcing the virtual IPs {end}");
        assert_eq!(texts(&announcing, State::Active), [line]);
    }
    let unusable = Event::InterfaceFailed {
        router: RouterId::first(0),
        error: InterfaceError::Table(TableError {
            name: "VIPS",
            errno: 7,
        }),
    };
    assert_eq!(
        texts(&unusable, State::Fault),
        [
            "(VI_1) cannot take over what changed on its interfaces, and stays as it is: BPF map VIPS: Argument list \
             too long (os error 7)"
        ]
    );
    let refused = Event::AddressFailed {
        router: RouterId::first(0),
        vip: VipId(0),
        errno: 13,
    };
    assert_eq!(
        texts(&refused, State::Active),
        ["(VI_1) the kernel refused virtual IP 192.168.1.254: Permission denied (os error 13)"]
    );
    let every = Event::OrderFailed {
        router: RouterId::first(0),
        errno: 105,
    };
    assert_eq!(
        texts(&every, State::Active),
        [
            "(VI_1) cannot ask the kernel about the virtual IPs: No buffer space available (os error 105)"
        ]
    );
    let [(_, line)] = &of_the_node(&Event::MemoryNotLocked { errno: 1 })[..] else {
        panic!();
    };
    assert!(line.contains("CAP_IPC_LOCK"), "{line}");
}

#[test]
fn bookkeeping_is_not_logged() {
    let snapshot = Event::Snapshot {
        router: RouterId::first(0),
        snapshot: RouterSnapshot::default(),
    };
    assert!(texts(&snapshot, State::Active).is_empty());
    assert!(texts(&Event::Stopped, State::Active).is_empty());
    let promoted = Event::Promoted {
        router: RouterId::first(0),
        timeline: Timeline::default(),
    };
    let instance = crate::io::control::tests::instance("VI_1");
    let lines = lines(&promoted, &desired(instance), State::Active);
    assert!(lines.iter().all(|(level, _)| *level == Level::DEBUG));
}

#[test]
fn faults_read_like_keepaliveds_and_name_what_they_are_about() {
    use FaultReason::{
        LinkDown, NoAddress, NoInterface, NoMac, NoPeer, NoRoom, NoSource, VipInterface, VipRefused,
    };
    let mut instance = crate::io::control::tests::instance("VI_1");
    instance.interface = "ens33".to_owned();
    instance.source = Some("10.0.0.1".parse().unwrap());
    let mut elsewhere = instance.vips[0].clone();
    elsewhere.address = "198.51.100.2".parse().unwrap();
    elsewhere.device = Some("ens34".to_owned());
    instance.vips.push(elsewhere);
    let router = desired(instance);
    let (info, error) = (Level::INFO, Level::ERROR);
    for (reason, level, text) in [
        (LinkDown, info, "interface ens33 down"),
        (NoInterface, error, "there is no interface ens33"),
        (NoMac, error, "interface ens33 has no Ethernet address"),
        (NoAddress, info, "no IPv4 address for interface ens33"),
        (
            NoSource,
            info,
            "its source address 10.0.0.1 is not on this machine",
        ),
        (
            VipInterface { vip: VipId(1) },
            info,
            "interface ens34 of virtual IP 198.51.100.2 down",
        ),
        (
            VipRefused { vip: VipId(1) },
            error,
            "virtual IP 198.51.100.2 cannot be put on ens34",
        ),
        (NoPeer, error, "no unicast peer is left to send adverts to"),
        (
            NoRoom { mtu: 68 },
            error,
            "MTU 68 of interface ens33 is too small for an advert",
        ),
    ] {
        let entering = format!("(VI_1): entering FAULT state ({text})");
        assert_eq!(fault(&router, reason, None), (level, entering));
        let staying = format!("(VI_1): staying in FAULT state ({text})");
        assert_eq!(fault(&router, reason, Some(LinkDown)), (level, staying));
    }
}

#[test]
fn an_ipv6_router_lacks_a_link_local_address() {
    let mut instance = crate::io::control::tests::instance("VI_1");
    instance.interface = "ens33".to_owned();
    instance.vips[0].address = "fe80::fe".parse().unwrap();
    instance.settings.family = Family::V6;
    assert_eq!(
        fault_text(&desired(instance), FaultReason::NoAddress),
        "no IPv6 link-local address for interface ens33"
    );
}

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

#[test]
fn what_becomes_of_a_virtual_ip_is_told_with_its_interface() {
    let (router, vip, prefix) = (RouterId::first(0), VipId(1), 24);
    let mut instance = crate::io::control::tests::instance("VI_1");
    let mut elsewhere = instance.vips[0].clone();
    elsewhere.address = "2001:db8::fe".parse().unwrap();
    elsewhere.device = Some("ens34".to_owned());
    instance.vips.push(elsewhere);
    let mut desired = desired(instance);
    let failed = |errno| Event::AddressFailed { router, vip, errno };
    let refused = "the kernel refused virtual IP 2001:db8::fe:";
    for (event, level, says) in [
        (
            failed(libc::EACCES),
            Level::ERROR,
            format!(
                "{refused} Permission denied (os error 13); is IPv6 off (sysctl \
                 net.ipv6.conf.ens34.disable_ipv6)?"
            ),
        ),
        (
            failed(libc::EPERM),
            Level::ERROR,
            format!("{refused} Operation not permitted (os error 1); xvrrp needs CAP_NET_ADMIN"),
        ),
        (
            failed(libc::ENODEV),
            Level::ERROR,
            format!("{refused} No such device (os error 19)"),
        ),
        (
            Event::AddressMissing { router, vip },
            Level::WARN,
            "virtual IP 2001:db8::fe is missing from ens34, putting it back".to_owned(),
        ),
        (
            Event::AddressStray {
                router,
                vip,
                prefix,
            },
            Level::WARN,
            "somebody put virtual IP 2001:db8::fe/24 on ens34, which this router does not serve now: \
             removed"
                .to_owned(),
        ),
        (
            Event::AddressesAccepted { router },
            Level::INFO,
            "the kernel takes every advertised virtual IP again".to_owned(),
        ),
    ] {
        let told = lines(&event, &desired, State::Backup);
        assert_eq!(told, [(level, format!("(VI_1) {says}"))]);
    }
    let found = Event::AddressFound {
        router,
        vip,
        prefix,
    };
    let told = lines(&found, &desired, State::Backup);
    assert_eq!(told[0].0, Level::ERROR);
    let own = "virtual IP 2001:db8::fe/24 has become ens34's own address: it stays";
    assert!(told[0].1.contains(own), "{told:?}");
    let owner = desired.instance.settings.with_priority(255);
    desired.instance.settings = owner;
    let told = lines(&found, &desired, State::Active);
    assert_eq!(told[0].0, Level::INFO, "{told:?}");
}
