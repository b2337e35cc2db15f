//! Unicast peers.

use vrrp_ebpf::{abi::router_flags, wire::encode};

use super::*;

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
