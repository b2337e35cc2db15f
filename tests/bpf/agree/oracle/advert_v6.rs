//! Adverts over IPv6: RFC 9568 sections 5.1.2, 5.2 and 7.1.

use std::{collections::BTreeSet, net::Ipv6Addr};

use etherparse::{IpNumber, Ipv6HeaderSlice};
use vrrp_ebpf::abi::Counter;
use vrrp_tests::datapath::v6::PRIMARY;

use super::{
    Opinion, Taken,
    advert::{Defect, Message, accepted, addressee, is_at, is_intact},
    v6::{Upper, sum},
};
use crate::{
    agree::setting::{Router, Setting},
    bench::Fate,
};

/// "The IPv6 multicast address assigned by IANA for VRRP" (section 5.1.2.2).
const GROUP: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];

/// The opinion on a packet of protocol 112; nothing if it is no advert for a router of ours.
pub(super) fn received(
    setting: &Setting,
    taken: &Taken<'_>,
    header: &Ipv6HeaderSlice<'_>,
    upper: &Upper<'_>,
) -> Option<Opinion> {
    if !upper.begins {
        return None;
    }
    let ends = (header.source(), header.destination());
    let routers = &setting.routers_v6;
    let router = match addressee(taken, routers, ends, upper.bytes, (PRIMARY, GROUP)) {
        Ok(router) => router,
        Err(refusal) => return refusal.map(|refusal| taken.refused(refusal)),
    };
    let drop = |counter| Opinion::counted(taken.frame, Fate::Drop, router.slot, counter);
    if !upper.whole || upper.bytes.len() < upper.length || upper.length < 8 {
        return Some(drop(Defect::Incomplete.counter()));
    }
    let message = Message(upper.bytes);
    let source = header.source_addr();
    let named = setting
        .vips_v6
        .iter()
        .any(|vip| is_at(vip, router, header.source()));
    if !is_possible(source, router.unicast.is_some()) || named && message.is_of_no_owner() {
        return Some(drop(Counter::MartianSource));
    }
    Some(match defects(&message, router, header).first() {
        Some(defect) => drop(defect.counter()),
        None => accepted(setting, taken, router, header.source(), None, &message),
    })
}

/// "The source address ... is the IPv6 link-local address of the interface"; a unicast peer's may be
/// any that a packet may come from.
fn is_possible(source: Ipv6Addr, to_peers: bool) -> bool {
    let forbidden = source.is_unspecified()
        || source.is_loopback()
        || source.is_multicast()
        || source.to_ipv4_mapped().is_some();
    source.is_unicast_link_local() || to_peers && !forbidden
}

fn defects(
    message: &Message<'_>,
    router: &Router<16>,
    header: &Ipv6HeaderSlice<'_>,
) -> BTreeSet<Defect> {
    // fe80::/10.
    let first = message.0.get(8..10).unwrap_or_default();
    let link_local = matches!(*first, [0xfe, second] if second / 64 == 2);
    let needed = 8 + 16 * usize::from(message.count());
    let mut peers = router.peers().iter();
    let peer = peers.find(|(address, _)| *address == header.source());
    let hops = peer.map_or(255..=255, |(_, hops)| hops.clone());
    [
        (Defect::Source, router.checks_source() && peer.is_none()),
        (Defect::Ttl, !hops.contains(&header.hop_limit())),
        (Defect::Version, message.version() != 3 || !router.version_3),
        (Defect::NoInterval, message.interval_cs() == 0),
        (Defect::Type, message.0[0] % 16 != 1),
        (Defect::Count, message.count() == 0),
        (Defect::Length, message.0.len() != needed),
        (
            Defect::Checksum,
            !is_intact(sum(header, IpNumber::VRRP, message.0)),
        ),
        (
            Defect::FirstAddress,
            !link_local && router.unicast.is_none(),
        ),
    ]
    .into_iter()
    .filter_map(|(defect, found)| found.then_some(defect))
    .collect()
}
