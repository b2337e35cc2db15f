use super::*;
use crate::{config, io::engine::frames::Frames};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const OURS: [u8; 4] = [192, 168, 1, 1];

/// The plan for an instance with these lines, on an interface in 192.168.1.0/24.
fn plan(body: &str) -> RouterPlan {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  \
         192.168.1.254\n  192.168.1.253\n }}\n{body}\n}}\n"
    );
    let parsed = config::parse("k.conf", text.as_bytes());
    let instances = parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics))
        .instances;
    let near = |_: u32, address: IpAddr| address.to_string().starts_with("192.168.1.");
    let mut plan = Plan::new(&instances, |_| Some((2, MAC)), |_, _| false, near).unwrap();
    plan.routers.remove(0)
}

fn entry(body: &str) -> RouterEntry {
    plan(body).entry(OURS.into())
}

/// Its adverts, as they leave.
fn adverts(body: &str) -> Vec<Vec<u8>> {
    let mut plan = plan(body);
    plan.settings.primary = OURS.into();
    let frames = Frames::build(&plan.frames, &plan.settings, plan.ifindex, MAC).unwrap();
    let all = frames.adverts(100).chain(frames.adverts(0));
    all.map(<[u8]>::to_vec).collect()
}

#[test]
fn what_is_heard_is_as_configured() {
    let pass = "authentication {\n auth_type PASS\n auth_pass 1111\n}\n";
    let second = entry(&format!("{pass}advert_int 3"));
    assert_eq!(second.flags, router_flags::ACCEPT_V2);
    assert_eq!((second.auth_type, &second.auth_data), (1, b"1111\0\0\0\0"));
    assert_eq!((second.interval_cs, second.address_count), (300, 2));
    assert_eq!(second.primary[..4], OURS);
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
        let frames = Frames::build(&plan.frames, &plan.settings, plan.ifindex, MAC).unwrap();
        frames.source_announcement().map(<[u8]>::to_vec)
    };
    let peers = "unicast_peer {\n 192.168.1.2\n}";
    let frame = crate::proto::frame::gratuitous_arp(MAC, OURS.into());
    assert_eq!(announced(peers, OURS), Some(frame));
    assert_eq!(announced(peers, [192, 168, 1, 254]), None);
    assert_eq!(announced("", OURS), None);
}

#[test]
fn peers_on_the_link_must_prove_it() {
    let ttl = |body: &str| {
        let peers = plan(body).peers;
        let ttl = peers
            .iter()
            .map(|(_, entry)| (entry.min_ttl, entry.max_ttl));
        Vec::from_iter(ttl)
    };
    let near_and_far = "unicast_peer {\n 192.168.1.2\n 10.0.0.3\n}";
    assert_eq!(ttl(near_and_far), [(255, 255), (0, 255)]);
    let sent_with_less = format!("{near_and_far}\nunicast_ttl 64");
    assert_eq!(ttl(&sent_with_less), [(0, 255), (0, 255)]);
    let asked = "unicast_peer {\n 192.168.1.2 min_ttl 9\n 10.0.0.3 min_ttl 250 max_ttl 254\n}";
    assert_eq!(ttl(asked), [(9, 255), (250, 254)]);
    assert_eq!(ttl(""), []);

    let (key, _) = plan(near_and_far).peers[1];
    assert_eq!((key.slot, &key.address[..5]), (0, &[10, 0, 0, 3, 0][..]));
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
