//! Virtual routers of IPv6.

use std::{net::IpAddr, time::Duration};

use super::*;
use crate::proto::{Family, Version};

/// An instance with these virtual IPs from line 5 on, and `body` behind them.
fn of(vips: &[&str], body: &str) -> String {
    let vips = vips.join("\n");
    format!(
        "vrrp_instance V6 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n{vips}\n}}\n{body}\n}}\n"
    )
}

//= C7: proof
#[test]
fn the_first_address_makes_the_router_one_of_ipv6() {
    let text = of(
        &["fe80::51", "2001:db8::fe/64", "fe80::52/64"],
        "advert_int 0.01",
    );
    assert_eq!(found(&text), [""; 0]);
    let instance = instance(&text);
    assert_eq!(
        (instance.family(), instance.settings.version),
        (Family::V6, Version::V3)
    );
    assert_eq!(instance.settings.advert_interval, Duration::from_millis(10));
    let lengths = instance
        .vips
        .iter()
        .map(|vip| (vip.prefix, vip.preferred_lft));
    // What is only a virtual IP, and link-local ones, are never a source.
    assert_eq!(Vec::from_iter(lengths), [(128, 0), (64, FOREVER), (64, 0)]);
}

//= C7: refusal
#[test]
fn the_first_address_is_link_local() {
    let dropped = "is not link-local: routers that keep to RFC 9568, xvrrp among them, would drop the adverts \
                   and be master, too";
    assert_eq!(
        found(&of(&["2001:db8::fe/64"], "")),
        [format!(
            "k.conf:5: error: (V6) its first virtual IP 2001:db8::fe {dropped}; \
             put a link-local address before it, such as fe80::51, on every router"
        )]
    );
    assert_eq!(
        found(&of(&["fec0::1", "2001:db8::fe/64", "fe80::fe"], "")),
        [format!(
            "k.conf:5: error: (V6) its first virtual IP fec0::1 {dropped}; \
             move fe80::fe to the beginning of `virtual_ipaddress`, on every router"
        )]
    );
    // The end of fe80::/10.
    assert_eq!(found(&of(&["febf::1"], "")), [""; 0]);
    let alone = "unicast_src_ip 2001:db8::1\nunicast_peer {\n 2001:db8::1\n}";
    let shown = found(&of(&["2001:db8::fe/64"], alone));
    assert!(
        shown.iter().any(|line| line.contains(dropped)),
        "{shown:#?}"
    );
    let peers = "unicast_ttl 255\nunicast_peer {\n 2001:db8::2\n}";
    assert_eq!(found(&of(&["2001:db8::fe/64"], peers)), [""; 0]);
}

//= C7: refusal
#[test]
fn adverts_have_one_family() {
    assert_eq!(
        found(&of(&["fe80::51", "192.168.1.254"], "")),
        [
            "k.conf:6: error: (V6) 192.168.1.254 is not of the family of its first virtual IP fe80::51; \
             move it to `virtual_ipaddress_excluded`, or to an instance of its own"
        ]
    );
    let mixed = of(
        &["fe80::51"],
        "virtual_ipaddress_excluded {\n 192.168.1.254\n}",
    );
    assert_eq!(found(&mixed), [""; 0]);
    assert_eq!(instance(&mixed).family(), Family::V6);
}

//= C15: proof
#[test]
fn a_vrid_is_used_once_in_each_family() {
    let both = format!("{}{}", with(""), of(&["fe80::51"], ""));
    assert_eq!(found(&both), [""; 0]);
    let twice = format!(
        "{}{}",
        of(&["fe80::51"], ""),
        of(&["fe80::52"], "").replace("V6", "V6_2")
    );
    let shown = found(&twice);
    assert!(
        shown[0]
            .contains("(V6_2) and (V6) in line 1 both use VRID 51 with IPv6 on interface ens33"),
        "{shown:#?}"
    );
}

#[test]
fn there_is_no_version_2() {
    let text = of(&["fe80::51"], "version 2");
    assert_eq!(
        found(&text),
        [
            "k.conf:7: error: (V6) there is no IPv6 in version 2, which keepalived would speak all the same: \
             both machines would be master; write `version 3`, or remove it and 3 is used, on every router"
        ]
    );
    let strict = of(
        &["fe80::51"],
        "version 2\nstrict_mode\naccept\nadvert_int 1.5",
    );
    assert_eq!(
        found(&strict),
        ["k.conf:7: warning: (V6) there is no IPv6 in version 2, version 3 is used in strict mode"]
    );
    assert_eq!(instance(&strict).settings.version, Version::V3);
    let globals = "global_defs {\n vrrp_version 2\n}\n";
    assert_eq!(
        found(&format!("{globals}{}", of(&["fe80::51"], ""))),
        [""; 0]
    );
    let shown = found(&of(&["fe80::51"], "v2_interop"));
    assert!(
        shown[0].contains("`v2_interop` is for IPv4 routers of version 3"),
        "{shown:#?}"
    );
}

#[test]
fn options_of_a_line() {
    let lifetimes = |line: &str| {
        let text = of(&["fe80::51 preferred_lft forever", line], "");
        let vips = instance(&text).vips;
        Vec::from_iter(vips.iter().map(|vip| vip.preferred_lft))
    };
    assert_eq!(
        lifetimes("2001:db8::fe preferred_lft forever"),
        [FOREVER; 2]
    );
    assert_eq!(lifetimes("2001:db8::fe/64 preferred_lft 0"), [FOREVER, 0]);
    assert_eq!(lifetimes("2001:db8::fe preferred_lft 60"), [FOREVER, 60]);

    let rows: [(&str, &[&str]); 5] = [
        ("fe80::52/64 dev ens33 scope link -nodad", &[]),
        (
            "2001:db8::fe scope link label ens33:1 brd +",
            &[
                "6: warning: IPv6 has no broadcast, `brd` is ignored",
                "6: warning: IPv6 addresses have no `scope` to choose, it is ignored",
                "6: warning: IPv6 addresses have no `label` to choose, it is ignored",
            ],
        ),
        (
            "2001:db8::fe preferred_lft +1",
            &["6: error: `preferred_lft +1`: neither forever nor a number of seconds"],
        ),
        (
            "2001:db8::fe/129",
            &["6: error: `2001:db8::fe/129`: the prefix length is not a number from 0 to 128"],
        ),
        (
            "ff02::12",
            &["6: error: `ff02::12` cannot be a virtual IP: it is a multicast group"],
        ),
    ];
    for (line, expected) in rows {
        let shown = found(&of(&["fe80::51", line], ""));
        let shown: Vec<_> = shown
            .iter()
            .map(|line| line.trim_start_matches("k.conf:"))
            .collect();
        assert_eq!(shown, expected, "{line}");
    }
}

#[test]
fn who_can_be_forged_is_told_of() {
    let of = |peers: &str, more: &str| {
        found(&of(
            &["fe80::51"],
            &format!("unicast_src_ip 2001:db8::1\nunicast_peer {{\n {peers}\n}}\n{more}"),
        ))
    };
    let told = of("fe80::2\n 2001:db8::1\n 2001:db8::2\n 2001:db8::3", "");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].contains("peer 2001:db8::1 is this router"),
        "{told:#?}"
    );
    assert!(
        told[1].contains("adverts of 2001:db8::2 are taken with any hop limit")
            && told[1].ends_with("write `unicast_ttl 255` on every router, keepalived too, or `min_ttl` if they are routed"),
        "{told:#?}"
    );
    for (peers, more) in [
        ("2001:db8::2", "unicast_ttl 255"),
        ("2001:db8::2", "unicast_ttl 64"),
        ("2001:db8::2 min_ttl 250", ""),
        // No router passes it on.
        ("fe80::2", ""),
    ] {
        assert_eq!(of(peers, more), [""; 0], "{peers} {more}");
    }
}

#[test]
fn peers_and_sources_are_of_the_family() {
    let text = of(
        &["fe80::51"],
        "unicast_src_ip 2001:db8::1\nunicast_ttl 64\nunicast_peer {\n fe80::2\n 2001:db8:1::3 min_ttl 60\n}",
    );
    assert_eq!(found(&text), [""; 0]);
    let unicast = instance(&text).unicast.expect("peers");
    let addresses = unicast.peers.iter().map(|peer| peer.address.to_string());
    assert_eq!(Vec::from_iter(addresses), ["fe80::2", "2001:db8:1::3"]);
    assert_eq!(unicast.peers[1].ttl, Some(60..=255));
    assert_eq!(unicast.ttl, Some(64));

    let text = of(
        &["fe80::51"],
        "unicast_src_ip 192.168.1.1\nunicast_peer {\n 192.168.1.2\n}",
    );
    let shown = found(&text);
    assert!(
        shown[0].contains("192.168.1.1 is not of the family of the virtual IPs"),
        "{shown:#?}"
    );
    assert!(
        shown[1].contains("peer 192.168.1.2 is not of the family of the virtual IPs"),
        "{shown:#?}"
    );
}

//= C4: refusal
#[test]
fn the_source_of_multicast_adverts_is_link_local() {
    let source = |address: &str| of(&["fe80::51"], &format!("mcast_src_ip {address}"));
    assert_eq!(found(&source("fe80::1")), [""; 0]);
    assert_eq!(
        instance(&source("fe80::1")).source,
        Some("fe80::1".parse::<IpAddr>().expect("an address"))
    );
    assert_eq!(
        found(&source("2001:db8::1")),
        [
            "k.conf:7: error: (V6) 2001:db8::1 is not link-local, as the source of multicast adverts has to be; \
             write the interface's link-local address, or remove the line and it is used"
        ]
    );
    let to_peers = of(
        &["fe80::51"],
        "unicast_src_ip 2001:db8::1\nunicast_ttl 255\nunicast_peer {\n 2001:db8::2\n}",
    );
    assert_eq!(found(&to_peers), [""; 0]);
    assert_eq!(
        found(&source("fe80::51"))[0],
        "k.conf:7: error: (V6) fe80::51 is a virtual IP: no router could tell its adverts from ours; \
         write an address that only this router has"
    );
}

#[test]
fn the_command_line_takes_ipv6() {
    let quick = Quick {
        interface: "ens33".to_owned(),
        vrid: 51,
        priority: 100,
        vips: vec!["fe80::51".to_owned(), "2001:db8::fe/64".to_owned()],
        advert_int: Duration::from_secs(1),
        version: None,
    };
    let parsed = quick.parse();
    assert_eq!(parsed.diagnostics, []);
    let config = parsed.config.expect("no error");
    let instance = &config.instances[0];
    assert_eq!(
        (instance.family(), instance.settings.version),
        (Family::V6, Version::V3)
    );
}
