//! Unicast peers as XDP knows them, and what each has to prove.

use vrrp_ebpf::{
    abi::{PeerEntry, PeerKey},
    types::address_bytes,
    wire::vrrp::TTL,
};

use crate::config::{Peer, Unicast};

/// One unicast peer of a virtual router.
#[derive(Clone, Copy, Debug)]
pub struct PeerPlan {
    key: PeerKey,
    /// What it has to prove on a network of our interface, and behind a router.
    near: PeerEntry,
    far: PeerEntry,
    is_near: bool,
}

impl PeerPlan {
    /// A peer of the router with this slot, behind a router until [`set_on_link`](Self::set_on_link) says
    /// otherwise.
    ///
    /// On a network of our interface it has to prove by a TTL of 255 that it is there, as if it were spoken to
    /// by multicast. One that is routed cannot, nor one in a group whose adverts are sent with less; of these
    /// any TTL is taken, as keepalived does, unless the configuration says which. Over IPv6, a keepalived sends
    /// 255 only if it was told to, and otherwise what its kernel sends, 64 as a rule.
    pub(super) fn new(peer: &Peer, unicast: &Unicast, slot: u32) -> Self {
        let sent_with_255 = match unicast.ttl {
            Some(ttl) => ttl == TTL,
            None => peer.address.is_ipv4(),
        };
        let entry = |usual: u8| {
            let asked = peer.ttl.as_ref();
            let (min_ttl, max_ttl) =
                asked.map_or((usual, u8::MAX), |ttl| (*ttl.start(), *ttl.end()));
            PeerEntry {
                min_ttl,
                max_ttl,
                _pad: [0; 2],
            }
        };
        Self {
            key: PeerKey {
                slot,
                address: address_bytes(peer.address),
            },
            near: entry(if sent_with_255 { TTL } else { 0 }),
            far: entry(0),
            is_near: false,
        }
    }

    /// Whether it is on a network of our interface.
    pub fn set_on_link(&mut self, is_near: bool) {
        self.is_near = is_near;
    }

    /// What XDP is to know of it.
    #[must_use]
    pub fn entry(&self) -> (PeerKey, PeerEntry) {
        (self.key, if self.is_near { self.near } else { self.far })
    }
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
            let mut plan = PeerPlan::new(peer, unicast, 0);
            [true, false].map(|is_near| {
                plan.set_on_link(is_near);
                let (_, entry) = plan.entry();
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
    fn peer_is_taken_for_routed_until_it_is_known_where_it_is() {
        let unicast = Unicast {
            peers: Vec::new(),
            ttl: None,
            check_source: false,
        };
        let peer = Peer {
            address: [10, 0, 0, 3].into(),
            ttl: None,
        };
        let (key, entry) = PeerPlan::new(&peer, &unicast, 7).entry();
        assert_eq!((key.slot, &key.address[..5]), (7, &[10, 0, 0, 3, 0][..]));
        assert_eq!((entry.min_ttl, entry.max_ttl), ANY);
    }
}
