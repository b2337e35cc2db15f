use std::collections::BTreeMap;

use vrrp_ebpf::{
    abi::{RouterEntry, router_flags},
    wire::encode::{self, Format},
};

use super::*;
use crate::{config, plan::Desired};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const OTHER: Mac = [2, 0, 0, 0, 0, 2];
const OURS: [u8; 4] = [192, 168, 1, 1];
/// The Virtual Router MAC.
const VIRTUAL: Mac = [0, 0, 0x5e, 0, 1, 51];

/// An instance with these lines.
fn plan(body: &str) -> Blueprint {
    plan_of("192.168.1.254\n  192.168.1.253", body)
}

/// The same with these virtual IPs.
fn plan_of(vips: &str, body: &str) -> Blueprint {
    Blueprint::new(RouterId::first(0), desired(vips, body))
}

/// On ens33 (2), and what has `dev` on ens34 (4) or ens35 (5).
fn desired(vips: &str, body: &str) -> DesiredRouter {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  \
         {vips}\n }}\n{body}\n}}\n"
    );
    let parsed = config::parse("k.conf", text.as_bytes());
    let config = parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics));
    let interfaces = [("ens33", 2), ("ens34", 4), ("ens35", 5)];
    let interfaces: BTreeMap<String, InterfaceId> = interfaces
        .into_iter()
        .map(|(name, index)| (name.to_owned(), InterfaceId(index)))
        .collect();
    let desired = Desired::new(&config, &interfaces, &Desired::default()).unwrap();
    desired.routers().next().unwrap().1.clone()
}

/// Its parts where adverts come from this address.
fn parts_of(mut plan: Blueprint, source: IpAddr) -> Parts {
    plan.set_interface(source, MAC);
    plan.news().unwrap().unwrap()
}

fn parts(body: &str) -> Parts {
    parts_of(plan(body), OURS.into())
}

fn entry(body: &str) -> RouterEntry {
    parts(body).entries.router.1
}

/// Its adverts, as they leave.
fn adverts(body: &str) -> Vec<Vec<u8>> {
    adverts_of(plan(body), OURS.into())
}

fn adverts_of(plan: Blueprint, source: IpAddr) -> Vec<Vec<u8>> {
    let frames = parts_of(plan, source).frames;
    let all = frames.adverts(100).chain(frames.adverts(0));
    all.map(<[u8]>::to_vec).collect()
}

/// What the programs know of its virtual IPs, in configured order.
fn vips(plan: &Blueprint, parts: &Parts) -> Vec<VipEntry> {
    let configured = plan.router.vips.iter();
    let found = configured.map(|placed| {
        let mut entries = parts.entries.vips.iter();
        entries
            .find(|(_, entry)| entry.vip == placed.id.state())
            .unwrap()
            .1
    });
    found.collect()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn what_is_heard_is_as_configured() {
    let pass = "authentication {\n auth_type PASS\n auth_pass 1111\n}\n";
    let second = entry(&format!("{pass}advert_int 3"));
    assert_eq!(second.flags, router_flags::ACCEPT_V2);
    assert_eq!((second.auth_type, &second.auth_data), (1, b"1111\0\0\0\0"));
    assert_eq!((second.interval_cs, second.address_count), (300, 2));
    assert_eq!((&second.primary[..4], second.priority), (&OURS[..], 100));
    let third = entry(&format!(
        "{pass}version 3\nadvert_int 0.1\nskip_check_adv_addr"
    ));
    let expected = router_flags::ACCEPT_V3 | router_flags::SKIP_ADDRESS_CHECK;
    assert_eq!((third.flags, third.auth_type), (expected, 0));
    assert_eq!(third.interval_cs, 10);
}

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

#[test]
fn unicast_is_a_packet_per_peer() {
    let packets = adverts("unicast_ttl 64\nunicast_peer {\n 192.168.1.2\n 10.0.0.3\n}");
    let shown: Vec<_> = packets
        .iter()
        .map(|packet| (packet[8], &packet[12..16], &packet[16..20], packet[22]))
        .collect();
    let (one, other) = (&[192, 168, 1, 2][..], &[10, 0, 0, 3][..]);
    assert_eq!(
        shown,
        [
            (64, &OURS[..], one, 100),
            (64, &OURS[..], other, 100),
            (64, &OURS[..], one, 0),
            (64, &OURS[..], other, 0),
        ]
    );
}

#[test]
fn the_source_is_announced_to_unicast_peers_unless_it_is_a_virtual_ip() {
    let announced = |body: &str, primary: [u8; 4]| {
        let frames = parts_of(plan(body), primary.into()).frames;
        frames.source_announcement().map(<[u8]>::to_vec)
    };
    let peers = "unicast_peer {\n 192.168.1.2\n}";
    let frame = encode::gratuitous_arp(MAC, OURS.into());
    assert_eq!(announced(peers, OURS), Some(frame));
    assert_eq!(announced(peers, [192, 168, 1, 254]), None);
    assert_eq!(announced("", OURS), None);
}

#[test]
fn unicast_routers_are_told_from_others() {
    let flags =
        |body: &str| entry(body).flags & (router_flags::UNICAST | router_flags::CHECK_SOURCE);
    let peers = "unicast_peer {\n 192.168.1.2\n}\n";
    assert_eq!(flags(""), 0);
    assert_eq!(flags(peers), router_flags::UNICAST);
    assert_eq!(
        flags(&format!("{peers}check_unicast_src")),
        router_flags::UNICAST | router_flags::CHECK_SOURCE
    );
}

#[test]
fn accept_mode_reaches_every_virtual_ip() {
    let flags = |body: &str| {
        let entries = parts(body).entries;
        Vec::from_iter(entries.vips.iter().map(|(_, entry)| entry.flags))
    };
    assert_eq!(flags(""), [0, 0]);
    assert_eq!(flags("no_accept"), [vip_flags::NO_ACCEPT; 2]);
}

#[test]
fn departures_reach_the_core() {
    let settings = parts("down_timer_adverts 5\nlower_prio_no_advert").settings;
    assert_eq!(settings.departures.down_timer_adverts, 5);
    assert!(settings.departures.lower_prio_no_advert);
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

#[test]
fn peers_of_ipv6_get_packets() {
    let body = "unicast_peer {\n fe80::2\n 2001:db8::3\n}\n";
    let plan = plan_of("fe80::51", body);
    let packets = adverts_of(plan, address("fe80::1"));
    let to = |packet: &Vec<u8>| IpAddr::from(*packet[24..].first_chunk::<16>().unwrap());
    let to: Vec<_> = packets.iter().map(to).collect();
    let (one, other) = (address("fe80::2"), address("2001:db8::3"));
    assert_eq!(to, [one, other, one, other]);
    let usual = adverts_of(plan_of("fe80::51", body), address("fe80::1"));
    assert_eq!(usual[0][7], 255);
    let farther = plan_of("fe80::51", &format!("{body}unicast_ttl 64"));
    let packets = adverts_of(farther, address("fe80::1"));
    assert_eq!(packets[0][7], 64);
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

/// Source MACs: of its adverts, and of the announcements of its virtual IPs with what they tell.
fn sources(body: &str) -> (Vec<Mac>, Vec<(Mac, Mac)>) {
    let frames = parts(body).frames;
    let mac = |frame: &[u8], at: usize| *frame[at..].first_chunk::<6>().unwrap();
    let adverts = frames.adverts(100).chain(frames.adverts(0));
    let adverts = adverts.map(|frame| mac(frame, 6)).collect();
    let mut announced = Vec::new();
    for (_, round) in frames.announcements() {
        announced.extend(round.iter().map(|frame| (mac(frame, 6), mac(frame, 22))));
    }
    (adverts, announced)
}

//= C3, C61: proof
//= C3: refusal
#[test]
fn frames_leave_from_the_virtual_mac_where_it_is_used() {
    let (adverts, announced) = sources("use_vmac");
    assert_eq!(adverts, [VIRTUAL; 2]);
    assert_eq!(announced, [(VIRTUAL, VIRTUAL); 2]);
    let (adverts, announced) = sources("use_vmac\nvmac_xmit_base");
    assert_eq!(adverts, [MAC; 2]);
    assert_eq!(announced, [(VIRTUAL, VIRTUAL); 2]);
    let (adverts, announced) = sources("");
    assert_eq!(adverts, [MAC; 2]);
    assert_eq!(announced, [(MAC, MAC); 2]);
}

#[test]
fn the_programs_know_where_the_virtual_mac_is_used() {
    let told = |body: &str| {
        let entries = parts(body).entries;
        let macs = entries.macs.iter().map(|(key, ())| *key);
        let vips = entries.vips.iter().map(|(_, entry)| entry.mac);
        (Vec::from_iter(macs), Vec::from_iter(vips))
    };
    let (key, _) = parts("").entries.router;
    assert_eq!(told(""), (vec![], vec![MAC; 2]));
    let used = (vec![key], vec![VIRTUAL; 2]);
    assert_eq!(told("use_vmac"), used);
    assert_eq!(told("use_vmac\nvmac_xmit_base"), used);
    assert_eq!(told("use_vmac_addr"), (vec![], vec![MAC; 2]));
}

#[test]
fn a_virtual_ip_elsewhere_has_a_mac_there() {
    let (inner, outer) = (InterfaceId(4), InterfaceId(5));
    let (physical, changed) = ([2, 0, 0, 0, 0, 4], [2, 0, 0, 0, 0, 5]);
    let list = "10.0.0.1 dev ens34\n  10.0.0.2 dev ens35\n  10.0.0.3 dev ens35 use_vmac";
    let mut plan = plan_of(list, "use_vmac");
    plan.set_mac(inner, physical);
    plan.set_mac(outer, physical);
    plan.set_interface(OURS.into(), MAC);
    let parts = plan.news().unwrap().unwrap();
    let macs = |plan: &Blueprint, parts: &Parts| {
        let entries = vips(plan, parts).into_iter();
        Vec::from_iter(entries.map(|entry| entry.mac))
    };
    assert_eq!(macs(&plan, &parts), [physical, physical, VIRTUAL]);
    let own = |parts: &Parts| {
        let entries = parts.entries.proxies.iter();
        Vec::from_iter(entries.map(|(interface, entry)| (*interface, entry.own)))
    };
    let ens33 = (InterfaceId(2), MAC);
    assert_eq!(own(&parts), [ens33, (outer, physical)]);

    plan.set_mac(InterfaceId(9), OTHER);
    plan.set_mac(inner, physical);
    assert!(plan.news().unwrap().is_none(), "nothing is new");
    plan.set_mac(outer, changed);
    let parts = plan.news().unwrap().unwrap();
    assert_eq!(macs(&plan, &parts), [physical, changed, VIRTUAL]);
    assert_eq!(own(&parts), [ens33, (outer, changed)]);
    // Neighbours know the others where they are.
    let again = encode::announcement(changed, address("10.0.0.2"), true);
    assert_eq!(parts.frames.fresh(), [(outer, vec![again])]);
}

//= C3: proof
#[test]
fn ipv6_has_virtual_macs_of_its_own() {
    let of_ipv6 = [0, 0, 0x5e, 0, 2, 51];
    let source = address("fe80::1");
    let parts = parts_of(plan_of("fe80::51", "use_vmac"), source);
    let macs = parts.entries.vips.iter().map(|(_, entry)| entry.mac);
    assert_eq!(macs.collect::<Vec<_>>(), [of_ipv6]);
    for frame in adverts_of(plan_of("fe80::51", "use_vmac"), source) {
        assert_eq!(frame[6..12], of_ipv6);
    }
}

#[test]
fn nothing_is_made_before_the_interface_is_known_nor_twice() {
    let mut plan = plan("");
    assert!(plan.news().unwrap().is_none());
    plan.set_room(1);
    assert!(plan.news().unwrap().is_none());
    plan.set_interface(OURS.into(), MAC);
    let parts = plan.news().unwrap().unwrap();
    assert_eq!(parts.entries.router.1.address_count, 1);
    assert!(parts.addresses.is_some(), "for want of an addition");
    plan.set_interface(OURS.into(), MAC);
    plan.set_near(address("192.168.1.7"), false);
    assert!(plan.news().unwrap().is_none());
}

#[test]
fn a_peer_that_is_this_machine_gets_nothing() {
    let mut plan = plan("unicast_peer {\n 192.168.1.2\n 192.168.1.3\n}");
    plan.set_interface(OURS.into(), MAC);
    let (one, other) = (address("192.168.1.2"), address("192.168.1.3"));
    let sent = |plan: &mut Blueprint| {
        let frames = plan.news().unwrap().unwrap().frames;
        let packets = frames.adverts(0).count();
        (frames.peers().unwrap().to_vec(), packets)
    };
    assert_eq!(sent(&mut plan), (vec![one, other], 2));
    plan.set_ours(one, true);
    assert_eq!(sent(&mut plan), (vec![other], 1));
    plan.set_ours(other, true);
    assert_eq!(sent(&mut plan), (vec![], 0));
    plan.set_ours(one, false);
    assert_eq!(sent(&mut plan), (vec![one], 1));
}

#[test]
fn what_checks_make_of_the_priority_is_said_and_compared() {
    let mut plan = plan("");
    plan.set_interface(OURS.into(), MAC);
    plan.set_priority(Some(7));
    let parts = plan.news().unwrap().unwrap();
    let said: Vec<u8> = parts.frames.adverts(7).map(|frame| frame[36]).collect();
    assert_eq!((said, parts.entries.router.1.priority), (vec![7], 7));
    assert_eq!((parts.settings.priority, parts.priority), (100, 7));
}

#[test]
fn of_another_router_in_its_place_only_what_differs_is_new() {
    let mut plan = plan("");
    plan.set_interface(OURS.into(), MAC);
    drop(plan.take_addresses());
    let first = plan.news().unwrap().unwrap();
    plan.change_to(desired("192.168.1.254\n  192.168.1.253", "priority 7"));
    let second = plan.news().unwrap().unwrap();
    assert_eq!((first.priority, second.priority), (100, 7));
    assert_eq!(first.entries.vips, second.entries.vips);
    assert!(second.frames.fresh().is_empty() && second.addresses.is_none());
    assert_ne!(first.revision, second.revision);

    plan.change_to(desired("192.168.1.254\n  192.168.1.252", "priority 7"));
    let third = plan.news().unwrap().unwrap();
    let fresh = encode::announcement(MAC, address("192.168.1.252"), true);
    assert_eq!(third.frames.fresh(), [(InterfaceId(2), vec![fresh])]);
    assert!(third.addresses.is_some());
}
