//! Adverts: how they are addressed, and what they list.

use vrrp_ebpf::{
    abi::router_flags,
    wire::encode::{self, Format},
};

use super::*;

#[test]
fn both_checksums_of_version_3_can_be_sent() {
    let form = |body: &str| instance::format(&plan(body).router.instance);
    let with = Format::V3 {
        pseudo_header: true,
    };
    let without = Format::V3 {
        pseudo_header: false,
    };
    assert_eq!(form("version 3"), with);
    assert_eq!(form("version 3\nv3_checksum_as_v2 off"), with);
    assert_eq!(form("version 3\nv3_checksum_as_v2"), without);
    assert_eq!(form("v3_checksum_as_v2"), Format::V2 { password: None });
}

#[test]
fn multicast_is_one_frame() {
    let frames = adverts("");
    assert_eq!(frames.len(), 2);
    // Ethernet, and the group behind it.
    assert_eq!(frames[0][..6], [0x01, 0x00, 0x5e, 0, 0, 0x12]);
    assert_eq!(frames[0][30..34], [224, 0, 0, 18]);
    // The priority.
    assert_eq!((frames[0][36], frames[1][36]), (100, 0));
}

//= C68: proof
#[test]
fn both_versions_are_sent_and_heard() {
    let both = "version 3\nadvert_int 0.1\nv2_interop\nauthentication {\n auth_type PASS\n auth_pass 1111\n}\n";
    let heard = entry(both);
    let expected = router_flags::ACCEPT_V2 | router_flags::ACCEPT_V3;
    assert_eq!((heard.flags, heard.auth_type), (expected, 1));
    // Version, then the interval: centiseconds, or Auth Type and seconds.
    let told = |vrrp: &[u8]| (vrrp[0] >> 4, [vrrp[4], vrrp[5]]);
    let frames: Vec<_> = adverts(both)
        .iter()
        .map(|frame| told(&frame[34..]))
        .collect();
    assert_eq!(
        frames,
        [(3, [0, 10]), (2, [1, 1]), (3, [0, 10]), (2, [1, 1])]
    );

    let peers = format!("{both}unicast_peer {{\n 192.168.1.2\n 10.0.0.3\n}}");
    let packets: Vec<_> = adverts(&peers)
        .iter()
        .take(4)
        .map(|packet| (packet[19], packet[20] >> 4))
        .collect();
    assert_eq!(packets, [(2, 3), (3, 3), (2, 2), (3, 2)]);
}

//= C1, C2, C7: proof
#[test]
fn adverts_of_ipv6_begin_with_the_link_local_address() {
    let plan = plan_of("fe80::51\n2001:db8::fe/64", "");
    assert_eq!(plan.settings().family, Family::V6);
    assert_eq!(plan.settings().primary, address("::"));
    let parts = parts_of(plan, address("fe80::1"));
    let (key, entry) = parts.entries.router;
    assert_eq!(key.family(), Family::V6);
    assert_eq!(entry.flags, router_flags::ACCEPT_V3);
    assert_eq!(entry.address_count, 2);
    assert_eq!(IpAddr::from(entry.primary), address("fe80::1"));

    let frames: Vec<_> = parts.frames.adverts(100).collect();
    let frame = frames[0];
    assert_eq!(frames.len(), 1);
    assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 0x12]);
    // Next Header, Hop Limit.
    assert_eq!(frame[20..22], [112, 255]);
    let at = |at: usize| IpAddr::from(*frame[at..].first_chunk::<16>().unwrap());
    assert_eq!((at(22), at(38)), (address("fe80::1"), address("ff02::12")));
    assert_eq!(frame[54..58], [0x31, 51, 100, 2]);
    assert_eq!(
        (at(62), at(78)),
        (address("fe80::51"), address("2001:db8::fe"))
    );
    assert_eq!(frame.len(), 94);
}

//= C34: proof
#[test]
fn excluded_addresses_are_announced_and_not_advertised() {
    let excluded = "virtual_ipaddress_excluded {\n 2001:db8::fe dev ens33\n 10.0.0.1\n}";
    // What a peer compares is the same.
    assert_eq!(entry(excluded), entry(""));
    assert_eq!(adverts(excluded), adverts(""));
    let mixed = parts(excluded);
    let all = ["192.168.1.254", "192.168.1.253", "2001:db8::fe", "10.0.0.1"];
    let known = mixed.entries.vips.iter().map(|(key, _)| key.ip());
    let known: BTreeSet<IpAddr> = known.collect();
    assert_eq!(known, BTreeSet::from(all.map(address)));

    let announced = mixed.frames.announcements().iter();
    let announced = Vec::from_iter(announced.map(|(_, frames)| frames.clone()));
    let expected = all.map(|text| encode::announcement(MAC, address(text), true));
    assert_eq!(announced, [expected]);
}

/// As if the others were excluded, and back again.
#[test]
fn adverts_are_fitted_to_what_they_have_room_for() {
    let (all, two, one) = (
        ["fe80::51", "fe80::52", "fe80::53"],
        ["fe80::51", "fe80::52"],
        ["fe80::51"],
    );
    let source = address("fe80::1");
    let plan = |vips: &[&str]| plan_of(&vips.join("\n  "), "");
    let mut fitted = plan(&all);
    fitted.set_interface(source, MAC);
    fitted.set_room(3);
    fitted.news().unwrap().unwrap();
    for (room, vips) in [(2, &two[..]), (1, &one), (0, &one), (2, &two), (9, &all)] {
        fitted.set_room(room);
        let Some(parts) = fitted.news().unwrap() else {
            assert_eq!(room, 0, "one less than one is one");
            continue;
        };
        let expected = parts_of(plan(vips), source);
        assert_eq!(parts.entries.router, expected.entries.router, "{room}");
        let adverts = |parts: &Parts| {
            let all = parts.frames.adverts(100).chain(parts.frames.adverts(0));
            Vec::from_iter(all.map(<[u8]>::to_vec))
        };
        assert_eq!(adverts(&parts), adverts(&expected), "{room}");
        assert_eq!(parts.entries.vips.iter().count(), 3, "all are served");
        assert!(parts.frames.fresh().is_empty() && parts.addresses.is_none());
    }
}
