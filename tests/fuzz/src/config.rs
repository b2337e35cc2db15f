//! Any file for a configuration.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use vrrp_ebpf::wire::encode::{Format, Message};
use vrrp_user::{
    config::{self, Auth, Instance, Severity},
    proto::{Family, Version},
};

const FILE: &str = "fuzz.conf";
/// As many diagnostics as are kept, and one that tells how many are not.
const DIAGNOSTICS: usize = 201;

/// The file is read, what is wrong with it is said in one line each and about a line that it has, and a
/// configuration without an error can be run.
pub fn config(input: &[u8]) {
    let parsed = config::parse(FILE, input);
    let lines = input.split(|byte| *byte == b'\n').count();
    assert!(parsed.diagnostics.len() <= DIAGNOSTICS);
    for found in &parsed.diagnostics {
        let shown = found.to_string();
        assert_eq!(&*found.place.file, FILE);
        assert!(found.place.line <= lines, "{shown}");
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
    let mut severities = parsed.diagnostics.iter().map(|found| found.severity);
    let failed = severities.any(|severity| severity == Severity::Error);
    assert_eq!(parsed.config.is_none(), failed, "{:?}", parsed.diagnostics);

    let mut routers = BTreeSet::new();
    for instance in parsed.config.iter().flat_map(|config| &config.instances) {
        can_be_run(instance, lines);
        assert!(
            routers.insert((
                &instance.interface,
                instance.family(),
                instance.settings.vrid
            )),
            "two of VRID {}",
            instance.settings.vrid
        );
    }
}

fn can_be_run(instance: &Instance, lines: usize) {
    assert!(
        instance.settings.vrid > 0 && instance.settings.priority > 0,
        "{instance:?}"
    );
    assert_eq!(instance.is_owner(), instance.settings.priority == 255);
    for place in [&instance.place, &instance.interface_place] {
        assert!((1..=lines).contains(&place.line), "{instance:?}");
    }
    let addresses = Vec::from_iter(instance.advertised().map(|vip| vip.address));
    for vip in &instance.vips {
        let longest = if vip.address.is_ipv4() { 32 } else { 128 };
        assert!(vip.prefix <= longest, "{vip:?}");
    }
    let source: IpAddr = match instance.family() {
        Family::V4 => Ipv4Addr::LOCALHOST.into(),
        Family::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    let link_local = |address: &IpAddr| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let any = instance.unicast.is_some();
    assert!(
        addresses
            .first()
            .is_some_and(|first| any || link_local(first)),
        "{instance:?}"
    );
    let message = Message {
        format: match (instance.settings.version, instance.auth) {
            (Version::V2, None) => Format::V2 { password: None },
            (Version::V2, Some(Auth::Pass(password))) => Format::V2 {
                password: Some(password),
            },
            (Version::V3, _) => Format::V3 {
                pseudo_header: !instance.v3_checksum_as_v2,
            },
        },
        vrid: instance.settings.vrid,
        priority: instance.settings.priority,
        interval: instance.settings.advert_interval,
        addresses: &addresses,
        source,
    };
    let encoded = message.encode();
    assert!(encoded.is_ok(), "{encoded:?} {instance:?}");
}
