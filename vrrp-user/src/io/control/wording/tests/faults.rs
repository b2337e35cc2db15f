//! Reasons for FAULT.

use super::*;
use crate::proto::{Family, FaultReason};

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
