//! `use_vmac`, `use_vmac_addr` and `vmac_xmit_base`.

use std::time::Duration;

use super::*;

const NOTE: &str = "7: note: `use_vmac` makes no interface, its name and options have no effect";

#[test]
fn forms_of_use_vmac() {
    check(&[
        ("use_vmac", &[]),
        ("use_vmac\nvmac_xmit_base", &[]),
        ("use_vmac_addr", &[]),
        ("use_vmac vrrp.51", &[NOTE]),
        ("use_vmac vrrp.51 netlink_notify_msg group 4", &[NOTE]),
        ("use_vmac vrrp.51 00:00:5e:00:01:33", &[NOTE]),
        ("use_vmac 0:0:5E:0:1:33", &[NOTE]),
        (
            "use_vmac vrrp.51 more",
            &[
                "7: warning: `more` is not a parameter of `use_vmac`, ignored",
                NOTE,
            ],
        ),
        (
            "vmac_xmit_base",
            &["7: warning: (VI_1) `vmac_xmit_base` has no effect without `use_vmac`"],
        ),
        (
            "unicast_peer {\n 192.168.1.2\n}\nuse_vmac",
            &[
                "10: note: (VI_1) adverts to unicast peers leave from the interface's own MAC, as with `vmac_xmit_base`",
            ],
        ),
    ]);
}

//= C3: refusal
#[test]
fn no_other_mac_is_used() {
    for mac in [
        "02:00:00:00:00:01",
        "00:00:5e:00:01:34",
        "00:00:5e:00:02:33",
    ] {
        let shown = found(&with(&format!("use_vmac vrrp.51 {mac}")));
        let error = "k.conf:7: error: (VI_1) `use_vmac` with another MAC than 00:00:5e:00:01:33 is not supported; \
                     remove the MAC, on every router of the group";
        assert!(shown.iter().any(|line| line == error), "{shown:#?}");
    }
    // Not a MAC, and no name of an interface either.
    let shown = found(&with("use_vmac 00:00:5e:00:01:33:00"));
    assert!(
        shown.iter().any(|line| line.contains("error")),
        "{shown:#?}"
    );
}

/// Whether adverts leave from the virtual MAC, the virtual IPs that are found at it, and seconds
/// between refreshes.
fn model(body: &str) -> (bool, Vec<String>, u64) {
    let instance = instance(&with(&format!(
        "virtual_ipaddress {{\n 10.0.0.1 dev eth1\n 10.0.0.2 dev eth2 use_vmac\n 10.0.0.3 dev ens33\n}}\n{body}"
    )));
    let at_mac = instance.vips.iter().filter(|vip| vip.virtual_mac);
    (
        instance.adverts_from_virtual_mac,
        at_mac.map(|vip| vip.address.to_string()).collect(),
        instance.settings.garp.refresh.as_secs(),
    )
}

#[test]
fn which_addresses_and_adverts_use_it() {
    let here = ["192.168.1.254", "10.0.0.3"];
    let sorted = |more: &[&str]| {
        let all = ["192.168.1.254", "10.0.0.1", "10.0.0.2", "10.0.0.3"];
        let wanted = all.into_iter().filter(|one| more.contains(one));
        wanted.map(str::to_owned).collect::<Vec<_>>()
    };
    let alone = sorted(&["10.0.0.2"]);
    let with_it = sorted(&[here[0], here[1], "10.0.0.2"]);
    assert_eq!(model(""), (false, alone, 60));
    assert_eq!(model("use_vmac"), (true, with_it.clone(), 60));
    assert_eq!(
        model("use_vmac\nvmac_xmit_base"),
        (false, with_it.clone(), 60)
    );
    let unicast = "use_vmac\nunicast_peer {\n 192.168.1.2\n}";
    assert_eq!(model(unicast), (false, with_it.clone(), 60));
    let everywhere = sorted(&[here[0], here[1], "10.0.0.1", "10.0.0.2"]);
    assert_eq!(model("use_vmac\nuse_vmac_addr"), (true, everywhere, 60));
    assert_eq!(
        model("use_vmac_addr"),
        (false, sorted(&["10.0.0.1", "10.0.0.2"]), 60)
    );
    assert_eq!(model("use_vmac\ngarp_master_refresh 7"), (true, with_it, 7));
}

#[test]
fn adverts_from_the_virtual_mac_tell_switches_where_it_is() {
    let refresh = |body: &str| instance(&with(body)).settings.garp.refresh;
    assert_eq!(refresh(""), Duration::ZERO);
    assert_eq!(refresh("use_vmac"), Duration::ZERO);
    assert_eq!(refresh("use_vmac\nvmac_xmit_base"), Duration::from_secs(60));
}

#[test]
fn one_mac_on_one_interface_is_of_one_router() {
    let router = |name: &str, interface: &str, vip: &str, body: &str| {
        format!(
            "vrrp_instance {name} {{\n interface {interface}\n virtual_router_id 51\n \
             virtual_ipaddress {{\n  {vip}\n }}\n {body}\n}}\n"
        )
    };
    let outer = router("A", "eth0", "10.0.0.1 dev eth1 use_vmac", "");
    let inner = |body| router("B", "eth1", "10.0.0.2", body);
    assert_eq!(found(&format!("{outer}{}", inner(""))), [""; 0]);
    assert_eq!(
        found(&format!("{outer}{}", inner("use_vmac"))),
        [
            "k.conf:9: error: (B) and (A) both use the virtual MAC of VRID 51 on interface eth1; \
             give each of them a `virtual_router_id` of its own, or remove `use_vmac` from one"
        ]
    );
    // Also where one has nothing there but its adverts.
    let adverts = router("C", "eth1", "10.0.0.3 dev eth2", "use_vmac");
    assert_eq!(
        found(&format!("{outer}{adverts}")),
        [
            "k.conf:9: error: (C) and (A) both use the virtual MAC of VRID 51 on interface eth1; \
             give each of them a `virtual_router_id` of its own, or remove `use_vmac` from one"
        ]
    );
}

#[test]
fn strict_mode_sends_adverts_from_the_virtual_mac() {
    let text = with("version 3\nstrict_mode\naccept\nuse_vmac\nvmac_xmit_base");
    assert_eq!(
        found(&text),
        [
            "k.conf:11: warning: (VI_1) `vmac_xmit_base` does not go with strict mode and is ignored: \
             adverts leave from the virtual MAC"
        ]
    );
    assert!(instance(&text).adverts_from_virtual_mac);
    assert!(!instance(&with("use_vmac\nvmac_xmit_base")).adverts_from_virtual_mac);
}
