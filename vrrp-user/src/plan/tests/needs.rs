//! Programs, groups, MACs and who answers by proxy ARP.

use super::*;

/// What an instance on eth0 with these lines joins, as text.
fn joined(body: &str) -> Vec<String> {
    let text =
        format!("vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n{body}\n}}\n");
    let groups = desired(&text).groups().into_iter();
    groups
        .map(|(id, group)| format!("{group} on {}", id.0))
        .collect()
}

//= C34, C52: proof
#[test]
fn every_ipv6_virtual_ip_has_its_solicited_node_group() {
    let v6 = "virtual_ipaddress {\n fe80::51\n 2001:db8::aabb:ccdd/64\n 2001:db8:1::51 dev eth1\n}\n\
              virtual_ipaddress_excluded {\n 192.168.1.254\n 2001:db8::1234:5678\n}";
    assert_eq!(
        joined(v6),
        [
            "ff02::12 on 2",
            "ff02::1:ff00:51 on 2",
            "ff02::1:ff34:5678 on 2",
            "ff02::1:ffbb:ccdd on 2",
            "ff02::1:ff00:51 on 3",
        ]
    );
    let v4 = "virtual_ipaddress {\n 192.168.1.254\n}\nvirtual_ipaddress_excluded {\n fe80::51\n}";
    assert_eq!(joined(v4), ["224.0.0.18 on 2", "ff02::1:ff00:51 on 2"]);
    let unicast = "virtual_ipaddress {\n fe80::51\n}\nunicast_peer {\n fe80::2\n}";
    assert_eq!(joined(unicast), ["ff02::1:ff00:51 on 2"]);
}

#[test]
fn an_interface_needs_programs_where_frames_leave_and_marks_where_a_virtual_mac_is_used() {
    let text = file(&[
        (
            "A",
            "interface eth0\n virtual_router_id 1\n use_vmac",
            "10.0.0.1, 10.1.0.1 dev eth1",
        ),
        (
            "B",
            "interface eth1\n virtual_router_id 2",
            "10.1.0.2, 10.2.0.2 dev eth2",
        ),
        (
            "C",
            "interface eth3\n virtual_router_id 3",
            "10.3.0.3, 10.2.0.3 dev eth3",
        ),
    ]);
    let desired = desired(&text);
    let programs = desired.programs();
    let shown: Vec<_> = programs
        .iter()
        .map(|(id, one)| (id.0, &*one.name, one.marked))
        .collect();
    assert_eq!(
        shown,
        [(2, "eth0", true), (3, "eth1", false), (4, "eth2", false)]
    );
    let macs = desired.virtual_macs().into_iter();
    assert_eq!(
        Vec::from_iter(macs),
        [(InterfaceId(2), [0, 0, 0x5e, 0, 1, 1])]
    );
    let missing = desired.get(id(&desired, "C")).unwrap();
    assert_eq!(missing.interface, None);
    assert_eq!(
        missing
            .vips
            .iter()
            .filter(|vip| vip.interface.is_some())
            .count(),
        0
    );
}

/// Names and interfaces of those that answer.
fn answering(desired: &Desired) -> Vec<(&str, u32)> {
    let routers = desired.routers();
    routers
        .flat_map(|(_, router)| {
            router
                .proxied
                .iter()
                .map(|id| (&*router.instance.name, id.0))
        })
        .collect()
}

//= C62: refusal
#[test]
fn nobody_without_a_virtual_mac_answers_by_proxy_arp() {
    let on = |vrid: u8, more: &str| format!("interface eth0\n virtual_router_id {vrid}\n {more}");
    let none = file(&[
        ("A", &on(1, ""), "10.0.0.1"),
        ("B", &on(2, "use_vmac"), "fe80::2"),
    ]);
    assert_eq!(answering(&desired(&none)), []);
}

//= C62: proof
#[test]
fn the_lowest_vrid_with_a_virtual_mac_answers_by_proxy_arp_on_each_interface() {
    let on = |vrid: u8, more: &str| format!("interface eth0\n virtual_router_id {vrid}\n {more}");
    let both = "10.0.0.9, 10.1.0.9 dev eth1 use_vmac";
    let text = file(&[
        ("A", &on(9, "use_vmac"), both),
        ("B", &on(7, ""), "10.0.0.7, 10.1.0.7 dev eth1 use_vmac"),
        ("C", &on(5, ""), "10.0.0.5"),
        ("D", &on(3, "use_vmac"), "fe80::3"),
    ]);
    let before = desired(&text);
    assert_eq!(answering(&before), [("A", 2), ("B", 3)]);
    // C has a virtual MAC, too: A answers no more, and that is a change of A.
    let text = text.replace("virtual_router_id 5", "virtual_router_id 5\n use_vmac");
    let after = desired_from(&before, &text, &ETH);
    assert_eq!(answering(&after), [("B", 3), ("C", 2)]);
    assert_eq!(
        told(&diff(&before, &after)),
        [
            "A: answers by proxy ARP on fewer interfaces",
            "C: higher_prio_send_advert on → off",
            "C: adverts from the virtual MAC off → on",
            "C: virtual IP 10.0.0.5/32 changed (virtual MAC off → on)",
            "C: answers by proxy ARP on more interfaces",
        ]
    );
}
