//! Unicast peers as XDP knows them, and what each has to prove.

use vrrp_ebpf::{
    abi::{PeerEntry, PeerKey},
    types::address_bytes,
    wire::vrrp::TTL,
};

use crate::config::{Peer, Unicast};

/// What XDP is to know of a peer of the router with this slot. `is_near`: it is on a network of the router's interface.
///
/// There it has to prove by a TTL of 255 that it is there, as if it were spoken to
/// by multicast. One that is routed cannot, nor one in a group whose adverts are sent with less; of these
/// any TTL is taken, as keepalived does, unless the configuration says which. Over IPv6, a keepalived sends
/// 255 only if it was told to, and otherwise what its kernel sends, 64 as a rule.
pub(super) fn entry(
    peer: &Peer,
    unicast: &Unicast,
    slot: u32,
    is_near: bool,
) -> (PeerKey, PeerEntry) {
    let sent_with_255 = match unicast.ttl {
        Some(ttl) => ttl == TTL,
        None => peer.address.is_ipv4(),
    };
    let usual = if is_near && sent_with_255 { TTL } else { 0 };
    let asked = peer.ttl.as_ref();
    let (min_ttl, max_ttl) = asked.map_or((usual, u8::MAX), |ttl| (*ttl.start(), *ttl.end()));
    let key = PeerKey {
        slot,
        address: address_bytes(peer.address),
    };
    let entry = PeerEntry {
        min_ttl,
        max_ttl,
        _pad: [0; 2],
    };
    (key, entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// Lowest and highest TTL that each peer may arrive with on our network, and behind a router.
    fn limits(vip: &str, peers: &str, body: &str) -> Vec<[(u8, u8); 2]> {
        let text = format!(
            "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  {vip}\n }}\n \
             unicast_peer {{\n {peers}\n}}\n{body}\n}}\n"
        );
        let parsed = config::parse("k.conf", text.as_bytes());
        let instances = parsed
            .config
            .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics))
            .instances;
        let unicast = instances[0].unicast.as_ref().unwrap();
        let limits = unicast.peers.iter().map(|peer| {
            [true, false].map(|is_near| {
                let (_, entry) = entry(peer, unicast, 0, is_near);
                (entry.min_ttl, entry.max_ttl)
            })
        });
        limits.collect()
    }

    const ANY: (u8, u8) = (0, 255);
    const NEAR: (u8, u8) = (255, 255);

    //= C9: proof
    #[test]
    fn peers_on_the_link_must_prove_it() {
        let limits = |peers, body| limits("192.168.1.254", peers, body);
        assert_eq!(limits("192.168.1.2", ""), [[NEAR, ANY]]);
        assert_eq!(limits("192.168.1.2", "unicast_ttl 64"), [[ANY; 2]]);
        let asked = "192.168.1.2 min_ttl 9\n 10.0.0.3 min_ttl 250 max_ttl 254";
        assert_eq!(limits(asked, ""), [[(9, 255); 2], [(250, 254); 2]]);
    }

    //= C9: proof
    #[test]
    fn peers_of_ipv6_must_prove_that_they_are_near_where_all_send_what_proves_it() {
        let peers = "2001:db8:1::3\n 2001:db8:1::5 min_ttl 9";
        let limits = |body| limits("fe80::51", peers, body);
        // keepalived sends its kernel's hop limit unless it is told another.
        assert_eq!(limits(""), [[ANY; 2], [(9, 255); 2]]);
        assert_eq!(limits("unicast_ttl 64"), limits(""));
        assert_eq!(limits("unicast_ttl 255"), [[NEAR, ANY], [(9, 255); 2]]);
    }

    #[test]
    fn a_peer_is_known_by_its_router_and_its_address() {
        let unicast = Unicast {
            peers: Vec::new(),
            ttl: None,
            check_source: false,
        };
        let peer = Peer {
            address: [10, 0, 0, 3].into(),
            ttl: None,
        };
        let (key, entry) = entry(&peer, &unicast, 7, false);
        assert_eq!((key.slot, &key.address[..5]), (7, &[10, 0, 0, 3, 0][..]));
        assert_eq!((entry.min_ttl, entry.max_ttl), ANY);
    }
}
