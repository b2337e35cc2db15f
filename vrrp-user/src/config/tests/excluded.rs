//! `virtual_ipaddress_excluded`.

use std::fmt::Write as _;

use super::*;
use crate::proto::Family;

/// Addresses and whether adverts carry them.
fn vips(text: &str) -> Vec<(String, bool)> {
    let vips = instance(text).vips;
    let shown = vips
        .iter()
        .map(|vip| (vip.address.to_string(), !vip.excluded));
    shown.collect()
}

fn owned(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    let expected = expected.iter();
    expected
        .map(|(address, advertised)| ((*address).to_owned(), *advertised))
        .collect()
}

#[test]
fn excluded_addresses_come_last_and_may_be_of_the_other_family() {
    let before = "virtual_ipaddress_excluded {\n 2001:db8::1/64 dev eth1\n}\n";
    let after = "virtual_ipaddress_excluded {\n 10.0.0.1/24\n fe80::1\n}\n";
    let text = with(&format!(
        "{before}virtual_ipaddress {{\n 192.168.1.253\n}}\n{after}"
    ));
    assert_eq!(found(&text), [""; 0]);
    assert_eq!(
        vips(&text),
        owned(&[
            ("192.168.1.254", true),
            ("192.168.1.253", true),
            ("2001:db8::1", false),
            ("10.0.0.1", false),
            ("fe80::1", false),
        ])
    );
    let instance = instance(&text);
    assert_eq!(instance.family(), Family::V4);
    assert_eq!(instance.advertised().count(), 2);
    assert_eq!(instance.vips[2].device.as_deref(), Some("eth1"));
}

//= C7: refusal
#[test]
fn an_advert_carries_something() {
    let text = "vrrp_instance A {\n interface e\n virtual_router_id 1\n virtual_ipaddress_excluded {\n  10.0.0.1\n }\n}";
    assert_eq!(
        found(text),
        [
            "k.conf:1: error: (A) has no virtual IP, and an instance without one is not supported yet; add one to `virtual_ipaddress`"
        ]
    );
}

#[test]
fn an_address_is_in_one_list_only() {
    check(&[(
        "virtual_ipaddress_excluded {\n 192.168.1.254\n}",
        &[
            "1: error: (VI_1) virtual IP 192.168.1.254 on ens33 is in (VI_1) already; remove one of them",
        ],
    )]);
}

//= C7: proof
#[test]
fn what_an_advert_has_no_room_for_is_excluded() {
    let mut lines = String::new();
    for number in 1..=255 {
        writeln!(lines, " 10.0.0.{number}").expect("a string");
    }
    let text = with(&format!("virtual_ipaddress {{\n{lines}}}"));
    assert_eq!(
        found(&text),
        [
            "k.conf:262: warning: (VI_1) has 256 virtual IPs and an advert holds 255: those from here on are served, \
             but not advertised; move them to `virtual_ipaddress_excluded`, on every router"
        ]
    );
    let shown = vips(&text);
    assert_eq!(shown.len(), 256);
    assert_eq!(
        shown[254..],
        owned(&[("10.0.0.254", true), ("10.0.0.255", false)])
    );

    let mut full = instance(&text);
    assert_eq!(full.limit_advertised(255), None);
    assert_eq!(full.limit_advertised(89), Some(255));
    assert_eq!(full.advertised().count(), 89);
    assert_eq!(full.limit_advertised(0), Some(89));
    assert_eq!(full.advertised().count(), 1);
}

/// In the version whose adverts have the least room.
#[test]
fn what_fits_depends_on_the_version_and_the_mtu() {
    let many: String = (0..255).map(|last| format!(" 10.0.0.{last}\n")).collect();
    let body = |more: &str| with(&format!("{more}virtual_ipaddress {{\n{many}}}"));
    for (more, mtu, fitting) in [
        ("", 1500, 255),
        ("", 68, 4),
        ("", 53, 0),
        ("version 3\n", 68, 6),
        ("version 3\nv2_interop\n", 68, 4),
    ] {
        let text = body(more).replacen(" 192.168.1.254", "", 1);
        assert_eq!(instance(&text).fitting(mtu), fitting, "{more}{mtu}");
    }
}
