//! Unicast peers as XDP knows them.

use std::net::IpAddr;

use vrrp_ebpf::abi::{PeerEntry, PeerKey};

use super::plan::{DEFAULT_TTL, address_bytes};
use crate::config::{Peer, Unicast};

/// A peer on a network of our interface has to prove it by a TTL of 255, as if it were spoken to by
/// multicast; a link-local address can be nowhere else. One that is routed cannot, nor one in a group whose
/// adverts are sent with less; of these any TTL is taken, as keepalived does, unless the configuration says
/// which. Over IPv6, a keepalived sends 255 only if it was told to, and otherwise what its kernel sends, 64
/// as a rule.
pub(super) fn peers(
    unicast: &Unicast,
    slot: u32,
    is_on_link: impl Fn(IpAddr) -> bool,
) -> Vec<(PeerKey, PeerEntry)> {
    let entry = |peer: &Peer| {
        let key = PeerKey {
            slot,
            address: address_bytes(peer.address),
        };
        let on_link = is_link_local(peer.address) || is_on_link(peer.address);
        let sent_with_255 = match unicast.ttl {
            Some(ttl) => ttl == DEFAULT_TTL,
            None => peer.address.is_ipv4(),
        };
        let near = sent_with_255 && on_link;
        let usual = (if near { DEFAULT_TTL } else { 0 }, u8::MAX);
        let asked = peer.ttl.as_ref();
        let (min_ttl, max_ttl) = asked.map_or(usual, |ttl| (*ttl.start(), *ttl.end()));
        let entry = PeerEntry {
            min_ttl,
            max_ttl,
            _pad: [0; 2],
        };
        (key, entry)
    };
    unicast.peers.iter().map(entry).collect()
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
