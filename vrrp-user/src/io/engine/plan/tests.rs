use vrrp_ebpf::wire::encode;

use super::*;
use crate::{config, io::engine::frames::Frames, proto::Family};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const OTHER: Mac = [2, 0, 0, 0, 0, 2];
const OURS: [u8; 4] = [192, 168, 1, 1];
/// The Virtual Router MAC.
const VIRTUAL: Mac = [0, 0, 0x5e, 0, 1, 51];

/// The plan for an instance with these lines.
fn plan(body: &str) -> RouterPlan {
    plan_of("192.168.1.254\n  192.168.1.253", body)
}

/// The same with these virtual IPs.
fn plan_of(vips: &str, body: &str) -> RouterPlan {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  \
         {vips}\n }}\n{body}\n}}\n"
    );
    let parsed = config::parse("k.conf", text.as_bytes());
    let instances = parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics))
        .instances;
    let mut plan = Plan::new(&instances, |_| Some((InterfaceId(2), MAC))).unwrap();
    plan.routers.remove(0)
}

fn entry(body: &str) -> RouterEntry {
    plan(body).entry(OURS.into())
}

/// Its adverts, as they leave.
fn adverts(body: &str) -> Vec<Vec<u8>> {
    adverts_of(plan(body), OURS.into())
}

fn adverts_of(plan: RouterPlan, source: IpAddr) -> Vec<Vec<u8>> {
    let frames = frames(plan, source);
    let all = frames.adverts(100).chain(frames.adverts(0));
    all.map(<[u8]>::to_vec).collect()
}

fn frames(mut plan: RouterPlan, source: IpAddr) -> Frames {
    plan.settings.primary = source;
    Frames::build(&plan.frames, &plan.settings, plan.interface, MAC).unwrap()
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
    let form = |body: &str| plan(body).frames.format;
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
        let mut plan = plan(body);
        plan.settings.primary = primary.into();
        let frames = Frames::build(&plan.frames, &plan.settings, plan.interface, MAC).unwrap();
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
        let plan = plan(body);
        let entries = plan.vip_entries(MAC);
        Vec::from_iter(entries.map(|(_, entry)| entry.flags))
    };
    assert_eq!(flags(""), [0, 0]);
    assert_eq!(flags("no_accept"), [vip_flags::NO_ACCEPT; 2]);
}

#[test]
fn departures_reach_the_core() {
    let settings = plan("down_timer_adverts 5\nlower_prio_no_advert").settings;
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
    assert_eq!(plan.key.family(), Family::V6);
    assert_eq!(plan.settings.family, Family::V6);
    assert_eq!(plan.settings.primary, address("::"));
    let entry = plan.entry(address("fe80::1"));
    assert_eq!(entry.flags, router_flags::ACCEPT_V3);
    assert_eq!(entry.address_count, 2);
    assert_eq!(IpAddr::from(entry.primary), address("fe80::1"));

    let frames = adverts_of(plan, address("fe80::1"));
    assert_eq!(frames.len(), 2);
    let frame = &frames[0];
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
    let mixed = plan(excluded);
    let plain = plan("");
    // What a peer compares is the same.
    assert_eq!(mixed.entry(OURS.into()), plain.entry(OURS.into()));
    assert_eq!(adverts(excluded), adverts(""));
    let keys: Vec<_> = mixed
        .vips
        .iter()
        .map(|(_, key)| (key.family(), key.address))
        .collect();
    let expected = ["192.168.1.254", "192.168.1.253", "2001:db8::fe", "10.0.0.1"].map(|text| {
        let address = address(text);
        (Family::of(address), address_bytes(address))
    });
    assert_eq!(keys, expected);

    let frames = frames(mixed, OURS.into());
    let announced = frames.announcements().iter();
    let announced = Vec::from_iter(announced.map(|(_, frames)| frames.clone()));
    let expected = ["192.168.1.254", "192.168.1.253", "2001:db8::fe", "10.0.0.1"];
    let expected = expected.map(|text| encode::announcement(MAC, address(text), true));
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
    assert!(!fitted.fit(3));
    for (room, vips) in [(2, &two[..]), (1, &one), (0, &one), (2, &two), (9, &all)] {
        let is_new = fitted.frames.advertised.len() != vips.len();
        assert_eq!(fitted.fit(room), is_new, "{room}");
        assert_eq!(fitted.entry(source), plan(vips).entry(source), "{room}");
        let mut again = plan(&all);
        again.fit(room);
        let lengths = adverts_of(again, source);
        assert_eq!(lengths, adverts_of(plan(vips), source), "{room}");
        assert_eq!(fitted.frames.vips.len(), 3, "all are served");
    }
}

#[test]
fn excluded_addresses_count_to_the_limit_of_the_node() {
    let mut lines = "virtual_ipaddress_excluded {\n".to_owned();
    for number in 1..abi::MAX_VIPS {
        lines.push_str(&format!(" 2001:db8::{number:x}\n"));
    }
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n fe80::51\n }}\n{lines}}}\n}}\n"
    );
    let mut instances = config::parse("k.conf", text.as_bytes())
        .config
        .unwrap()
        .instances;
    let find = |_: &str| Some((InterfaceId(2), MAC));
    Plan::new(&instances, find).unwrap();
    // The configuration would refuse one more.
    let last = instances[0].vips[1].clone();
    instances[0].vips.push(last);
    let error = Plan::new(&instances, find).unwrap_err();
    assert_eq!(error, PlanError::TooManyVips);
}

/// Source MACs: of its adverts, and of the announcements of its virtual IPs with what they tell.
fn sources(body: &str) -> (Vec<Mac>, Vec<(Mac, Mac)>) {
    let mut plan = plan(body);
    plan.settings.primary = OURS.into();
    let frames = Frames::build(&plan.frames, &plan.settings, plan.interface, MAC).unwrap();
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
        let plan = plan(body);
        let entries = plan.vip_entries(MAC).map(|(_, entry)| entry.mac);
        (plan.macs.clone(), entries.collect::<Vec<_>>())
    };
    let key = plan("").key;
    assert_eq!(told(""), (vec![], vec![MAC; 2]));
    let used = (vec![key], vec![VIRTUAL; 2]);
    assert_eq!(told("use_vmac"), used);
    assert_eq!(told("use_vmac\nvmac_xmit_base"), used);
    assert_eq!(told("use_vmac_addr"), (vec![], vec![MAC; 2]));
}

#[test]
fn a_virtual_ip_elsewhere_has_a_mac_there() {
    let text = "vrrp_instance A {\n interface eth0\n virtual_router_id 51\n use_vmac\n virtual_ipaddress {\n  \
                10.0.0.1 dev eth1\n  10.0.0.2 dev eth2\n  10.0.0.3 dev eth2 use_vmac\n }\n}\n";
    let instances = config::parse("k.conf", text.as_bytes())
        .config
        .unwrap()
        .instances;
    let find = |name: &str| {
        let index = u8::try_from(name.len()).unwrap() + name.as_bytes()[3];
        Some((InterfaceId(u32::from(index)), [2, 0, 0, 0, 0, index]))
    };
    let mut plan = Plan::new(&instances, find).unwrap();
    let index = |name| find(name).unwrap().0;
    let used: Vec<_> = plan.virtual_macs().collect();
    assert_eq!(used, [(index("eth0"), VIRTUAL), (index("eth2"), VIRTUAL)]);
    let router = &mut plan.routers[0];
    let physical = |name| find(name).unwrap().1;
    let macs = |router: &RouterPlan| {
        let entries = router.vip_entries(MAC).map(|(_, entry)| entry.mac);
        Vec::from_iter(entries)
    };
    let expected = [physical("eth1"), physical("eth2"), VIRTUAL];
    assert_eq!(macs(router), expected);
    let own = |router: &RouterPlan| {
        let entries = router.proxy_entries(MAC);
        Vec::from_iter(entries.map(|(interface, entry)| (interface, entry.own)))
    };
    let eth0 = (index("eth0"), MAC);
    assert_eq!(own(router), [eth0, (index("eth2"), physical("eth2"))]);

    let frames = &mut router.frames;
    assert!(
        !frames.set_mac_elsewhere(index("eth0"), OTHER),
        "not elsewhere"
    );
    assert!(!frames.set_mac_elsewhere(index("eth1"), physical("eth1")));
    assert!(frames.set_mac_elsewhere(index("eth2"), OTHER));
    assert_eq!(macs(router), [physical("eth1"), OTHER, VIRTUAL]);
    assert_eq!(own(router), [eth0, (index("eth2"), OTHER)]);
}

//= C3: proof
#[test]
fn ipv6_has_virtual_macs_of_its_own() {
    let plan = plan_of("fe80::51", "use_vmac");
    let entries = plan.vip_entries(MAC).map(|(_, entry)| entry.mac);
    let of_ipv6 = [0, 0, 0x5e, 0, 2, 51];
    assert_eq!(entries.collect::<Vec<_>>(), [of_ipv6]);
    for frame in adverts_of(plan, address("fe80::1")) {
        assert_eq!(frame[6..12], of_ipv6);
    }
}
