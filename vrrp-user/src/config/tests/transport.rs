//! `mcast_src_ip`, `unicast_src_ip`, `unicast_peer` and what belongs to them.

use std::net::IpAddr;

use super::*;

fn peer(address: [u8; 4]) -> Peer {
    Peer {
        address: IpAddr::from(address),
        ttl: None,
    }
}

#[test]
fn adverts_are_multicast_from_the_interfaces_address_unless_told_otherwise() {
    let plain = instance(&with(""));
    assert_eq!((plain.source, plain.track_source), (None, false));
    assert_eq!(plain.unicast, None);

    let source = instance(&with("mcast_src_ip 10.0.0.1\ntrack_src_ip"));
    assert_eq!(source.source, Some(IpAddr::from([10, 0, 0, 1])));
    assert!(source.track_source);
    assert_eq!(source.source_place.line, source.place.line + 6);
    assert_eq!(source.unicast, None);
    assert_eq!(found(&with("mcast_src_ip 10.0.0.1")), [""; 0]);
}

#[test]
fn peers_with_and_without_ttl() {
    let text = with(
        "unicast_src_ip 192.168.1.1\nunicast_ttl 64\nunicast_peer {\n 192.168.1.2\n \
         10.0.0.3 min_ttl 250\n 10.0.0.4 max_ttl 60 min_ttl 50\n}\nunicast_peer { 10.0.0.5 max_ttl 9 }",
    );
    assert_eq!(found(&text), [""; 0]);
    let instance = instance(&text);
    assert_eq!(instance.source, Some(IpAddr::from([192, 168, 1, 1])));
    let unicast = instance.unicast.expect("peers");
    let limited = |address, ttl| Peer {
        ttl: Some(ttl),
        ..peer(address)
    };
    assert_eq!(
        unicast.peers,
        [
            peer([192, 168, 1, 2]),
            limited([10, 0, 0, 3], 250..=255),
            limited([10, 0, 0, 4], 50..=60),
            limited([10, 0, 0, 5], 0..=9),
        ]
    );
    assert_eq!(unicast.ttl, Some(64));
    // keepalived's rule.
    assert!(unicast.check_source);
}

#[test]
fn strangers_are_refused_if_told_so() {
    let peers = "unicast_peer {\n 192.168.1.2\n}\n";
    let globals = "global_defs {\n vrrp_check_unicast_src\n}\n";
    let checks = |text: &str| instance(text).unicast.map(|unicast| unicast.check_source);
    assert_eq!(checks(&with(peers)), Some(false));
    assert_eq!(
        checks(&with(&format!("{peers}check_unicast_src"))),
        Some(true)
    );
    assert_eq!(checks(&format!("{globals}{}", with(peers))), Some(true));
    let never = with(&format!("{peers}check_unicast_src off"));
    assert_eq!(checks(&format!("{globals}{never}")), Some(false));
}

#[test]
fn a_peer_counts_once_and_is_somebody_else() {
    let text = with(
        "unicast_src_ip 192.168.1.1\nunicast_peer {\n 192.168.1.1\n 192.168.1.2\n 192.168.1.2\n}",
    );
    assert_eq!(
        found(&text),
        [
            "k.conf:9: warning: (VI_1) peer 192.168.1.1 is this router, ignored",
            "k.conf:11: warning: peer 192.168.1.2 was given already, ignored",
        ]
    );
    let unicast = instance(&text).unicast.expect("peers");
    assert_eq!(unicast.peers, [peer([192, 168, 1, 2])]);
}

#[test]
fn without_a_list_of_peers_it_is_multicast_as_with_keepalived() {
    let text = with("unicast_src_ip 10.0.0.1");
    assert_eq!(
        found(&text),
        [
            "k.conf:7: warning: (VI_1) has no `unicast_peer`, adverts are multicast as with keepalived; \
             add `unicast_peer`, or write `mcast_src_ip`"
        ]
    );
    let instance = instance(&text);
    assert_eq!(instance.source, Some(IpAddr::from([10, 0, 0, 1])));
    assert_eq!(instance.unicast, None);
    check(&[(
        "unicast_src_ip 10.0.0.1\nunicast_fault_no_peer",
        &[
            "8: error: (VI_1) has no unicast peer and would stay in FAULT; add addresses to `unicast_peer`",
        ],
    )]);
}

/// Nobody would hear its multicast adverts, and it would be a second master.
#[test]
fn a_list_of_peers_names_another_router() {
    let error = "error: (VI_1) `unicast_peer` names no other router, and multicast adverts are not heard by unicast \
                 peers; add the addresses of the other routers, or remove `unicast_peer` on all of them for multicast";
    let ignored = |address| format!("warning: (VI_1) peer {address} is this router, ignored");
    for (body, line, before) in [
        ("unicast_peer {\n}", 7, vec![]),
        ("unicast_peer {\n}\nunicast_fault_no_peer", 7, vec![]),
        ("unicast_src_ip 10.0.0.1\nunicast_peer {\n}", 8, vec![]),
        (
            "unicast_src_ip 10.0.0.1\nunicast_peer {\n 10.0.0.1\n}",
            8,
            vec![(9, ignored("10.0.0.1"))],
        ),
        (
            "unicast_peer {\n 127.0.0.1\n}",
            7,
            vec![(8, ignored("127.0.0.1"))],
        ),
    ] {
        let mut wanted: Vec<_> = before
            .into_iter()
            .map(|(line, text)| format!("k.conf:{line}: {text}"))
            .collect();
        wanted.push(format!("k.conf:{line}: {error}"));
        let mut shown = found(&with(body));
        shown.sort();
        wanted.sort();
        assert_eq!(shown, wanted, "{body}");
    }
    // A line that cannot be read is the error.
    let shown = found(&with("unicast_peer {\n nobody\n}"));
    assert_eq!(shown, ["k.conf:8: error: `nobody` is not an IP address"]);
}

#[test]
fn this_machine_is_no_peer_of_itself() {
    let text = with("unicast_peer {\n 127.0.0.1\n 10.0.0.2\n}");
    assert_eq!(
        found(&text),
        ["k.conf:8: warning: (VI_1) peer 127.0.0.1 is this router, ignored"]
    );
    let unicast = instance(&text).unicast.expect("peers");
    assert_eq!(unicast.peers, [peer([10, 0, 0, 2])]);
}

#[test]
fn nobody_is_reached_by_the_loopback_interface() {
    let text = with("").replace("interface ens33", "interface lo");
    let shown = found(&text);
    assert_eq!(
        shown,
        [
            "k.conf:2: error: `interface lo`: no other router can be reached by the loopback interface; write the \
             interface that adverts leave by; a virtual IP can be on another one (`ADDRESS dev lo`)"
        ]
    );
}

#[test]
fn the_last_source_counts() {
    let text = with("mcast_src_ip 10.0.0.1\nunicast_src_ip 10.0.0.2\nunicast_peer {\n 10.0.0.3\n}");
    assert_eq!(
        found(&text),
        ["k.conf:8: warning: `mcast_src_ip` was given in line 7 already, the last one counts"]
    );
    assert_eq!(instance(&text).source, Some(IpAddr::from([10, 0, 0, 2])));
}

#[test]
fn an_owner_may_send_from_its_virtual_ip() {
    let text = with("mcast_src_ip 192.168.1.254\npriority 255");
    assert_eq!(found(&text), [""; 0]);
}

#[test]
fn what_cannot_work_is_an_error() {
    check(&[
        (
            "mcast_src_ip gateway",
            &["7: error: `gateway` is not an IP address"],
        ),
        (
            "mcast_src_ip 224.0.0.1",
            &["7: error: `mcast_src_ip 224.0.0.1`: it is a multicast group"],
        ),
        (
            "unicast_src_ip 0.0.0.0",
            &["7: error: `unicast_src_ip 0.0.0.0`: it stands for no address"],
        ),
        (
            "mcast_src_ip fe80::1",
            &["7: error: (VI_1) fe80::1 is not of the family of the virtual IPs"],
        ),
        (
            "mcast_src_ip 192.168.1.254",
            &[
                "7: error: (VI_1) 192.168.1.254 is a virtual IP: no router could tell its adverts from ours; \
             write an address that only this router has",
            ],
        ),
        (
            "unicast_peer 10.0.0.1",
            &[
                "7: error: `unicast_peer` needs a block; write `unicast_peer {`, an address per line and `}`",
            ],
        ),
        (
            "unicast_peer {\n 10.0.0.1 10.0.0.2\n}",
            &[
                "8: error: `10.0.0.2` is not an option of a peer; known are min_ttl and max_ttl; \
             each peer has a line of its own",
            ],
        ),
        (
            "unicast_peer {\n 10.0.0/24\n}",
            &["8: error: `10.0.0/24` is not an IP address"],
        ),
        (
            "unicast_peer {\n 255.255.255.255\n}",
            &["8: error: `255.255.255.255` cannot be a peer: it is the broadcast address"],
        ),
        (
            "unicast_peer {\n fe80::2\n}",
            &["8: error: (VI_1) peer fe80::2 is not of the family of the virtual IPs"],
        ),
        (
            "unicast_peer {\n 10.0.0.1 min_ttl 256\n}",
            &["8: error: `min_ttl 256`: not a number from 0 to 255"],
        ),
        (
            "unicast_peer {\n 10.0.0.1 max_ttl\n}",
            &["8: error: `max_ttl` needs a parameter"],
        ),
        (
            "unicast_peer {\n 10.0.0.1 min_ttl 9 max_ttl 8\n}",
            &["8: error: `min_ttl` is greater than `max_ttl`"],
        ),
        (
            "unicast_ttl 0",
            &["7: error: `unicast_ttl 0`: not a number from 1 to 255"],
        ),
        (
            "unicast_peer {\n 10.0.0.1\n}\nold_unicast_checksum",
            &[
                "10: error: `old_unicast_checksum` is not supported: such peers would drop our adverts, \
             and both machines would be master; update keepalived on the peers and remove it",
            ],
        ),
        (
            "unicast_peer {\n 10.0.0.1\n}\nold_unicast_checksum never",
            &[],
        ),
    ]);
    let shown = found(&with("strict_mode\nunicast_peer {\n 10.0.0.1\n}"));
    assert!(
        shown.contains(
            &"k.conf:9: error: (VI_1) strict mode has no unicast peers; \
              remove `vrrp_strict` and `strict_mode`, on every router"
                .to_owned()
        ),
        "{shown:#?}"
    );
}

#[test]
fn a_prefix_length_is_cut_off_as_with_keepalived() {
    let cut = |line: usize, address: &str| {
        format!(
            "k.conf:{line}: warning: `{address}/24`: an address without a prefix length belongs here, \
             `/24` is ignored; write `{address}`"
        )
    };
    let text = with(
        "unicast_src_ip 192.168.1.1/24\nunicast_peer {\n 192.168.1.2/24\n 192.168.1.3/24 min_ttl 9\n}",
    );
    assert_eq!(
        found(&text),
        [
            cut(7, "192.168.1.1"),
            cut(9, "192.168.1.2"),
            cut(10, "192.168.1.3")
        ]
    );
    let unicast = instance(&text);
    assert_eq!(unicast.source, Some(IpAddr::from([192, 168, 1, 1])));
    let peers = unicast.unicast.expect("peers").peers;
    assert_eq!(peers[0], peer([192, 168, 1, 2]));
    assert_eq!(peers[1].address, IpAddr::from([192, 168, 1, 3]));

    let text = with("mcast_src_ip 192.168.1.1/24");
    assert_eq!(found(&text), [cut(7, "192.168.1.1")]);
    assert_eq!(instance(&text).source, Some(IpAddr::from([192, 168, 1, 1])));
}
