//! The third opinion: etherparse takes the frame apart, and what follows from it is written from the
//! text of RFC 9568 and RFC 3768, of nothing that the node runs.
//!
//! All defects of an advert are gathered first, and the one that counts is chosen afterwards; the
//! node goes through its checks one by one and stops at the first.

mod advert;
mod advert_v6;
mod arp;
mod neighbour;
mod v6;

use etherparse::{
    ArpPacketSlice, EtherType, Ethernet2HeaderSlice, IpNumber, Ipv4Header, Ipv4HeaderSlice,
    SingleVlanHeaderSlice,
};
use vrrp_ebpf::abi::{Counter, Event, NO_ROUTER};

use super::setting::{Setting, Vip};
use crate::bench::{Fate, Outcome};

/// What became of a frame, and whether the node is woken for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opinion {
    pub(super) outcome: Outcome,
    pub(super) wakes: bool,
}

impl Opinion {
    /// Nobody looked.
    fn untouched(frame: &[u8]) -> Self {
        Self {
            outcome: Outcome {
                fate: Fate::Pass,
                counters: Vec::new(),
                event: None,
                seen: None,
                better: None,
                frame: frame.to_vec(),
            },
            wakes: false,
        }
    }

    fn counted(frame: &[u8], fate: Fate, slot: u32, counter: Counter) -> Self {
        let mut opinion = Self::untouched(frame);
        opinion.outcome.fate = fate;
        opinion.outcome.counters = vec![(slot, counter)];
        opinion
    }

    /// RFC 9568 section 8.1.1: redirects are off.
    fn redirect(frame: &[u8]) -> Self {
        Self::counted(frame, Fate::Drop, NO_ROUTER, Counter::EgressRedirect)
    }

    /// The same with a full ring: the record is lost, which is counted.
    pub(super) fn lose_event(&mut self) {
        if let Some(event) = self.outcome.event.take() {
            let counters = &mut self.outcome.counters;
            counters.push((event.slot, Counter::RingFull));
            counters.sort_by_key(|(_, counter)| *counter as u32);
        }
    }

    /// The slots in which it leaves something behind.
    pub(super) fn slots(&self) -> Vec<u32> {
        let counted = self.outcome.counters.iter().map(|(slot, _)| *slot);
        counted.chain(self.outcome.seen).collect()
    }

    fn with_event(mut self, event: Event, wakes: bool) -> Self {
        self.outcome.event = Some(event);
        self.wakes = wakes;
        self
    }
}

/// A frame taken apart, as far as its Ethernet header and one VLAN tag.
struct Taken<'a> {
    frame: &'a [u8],
    source: [u8; 6],
    vlan: u16,
    ethertype: EtherType,
    payload: &'a [u8],
}

impl<'a> Taken<'a> {
    fn apart(frame: &'a [u8]) -> Option<Self> {
        let header = Ethernet2HeaderSlice::from_slice(frame).ok()?;
        let payload = &frame[header.slice().len()..];
        let untagged = Self {
            frame,
            source: header.source(),
            vlan: 0,
            ethertype: header.ether_type(),
            payload,
        };
        let tags = [EtherType::VLAN_TAGGED_FRAME, EtherType::PROVIDER_BRIDGING];
        if !tags.contains(&untagged.ethertype) {
            return Some(untagged);
        }
        let tag = SingleVlanHeaderSlice::from_slice(payload).ok()?;
        Some(Self {
            vlan: tag.vlan_identifier().value(),
            ethertype: tag.ether_type(),
            payload: &payload[tag.slice().len()..],
            ..untagged
        })
    }

    /// Whether the ICMP message there is a redirect, and on the interface itself.
    fn redirects(&self, at: usize, kind: u8) -> bool {
        self.vlan == 0 && self.payload.get(at) == Some(&kind)
    }

    /// The virtual IP with this address, if it is one here.
    fn vip<'s, const N: usize>(&self, vips: &'s [Vip<N>], address: &[u8]) -> Option<&'s Vip<N>> {
        let mut vips = vips.iter();
        vips.find(|vip| vip.vlan == self.vlan && vip.address == address)
    }
}

/// A received frame.
pub(super) fn received(setting: &Setting, frame: &[u8]) -> Opinion {
    let judged = Taken::apart(frame).and_then(|taken| match taken.ethertype {
        EtherType::ARP => arp::received(setting, &taken, &arp_packet(taken.payload)?),
        EtherType::IPV4 => {
            let destination = fixed_header(taken.payload)?.destination;
            let advert = Ipv4HeaderSlice::from_slice(taken.payload)
                .ok()
                .filter(|header| header.protocol() == IpNumber::VRRP)
                .and_then(|header| advert::received(setting, &taken, &header));
            advert.or_else(|| {
                let vip = taken.vip(&setting.vips, &destination)?;
                to_vip(setting, &taken, vip)
            })
        }
        EtherType::IPV6 => v6::received(setting, &taken),
        _ => None,
    });
    judged.unwrap_or_else(|| Opinion::untouched(frame))
}

/// A frame about to be sent.
pub(super) fn sent(setting: &Setting, frame: &[u8]) -> Opinion {
    let judged = Taken::apart(frame).and_then(|taken| {
        let (slot, may_leave, counter) = match taken.ethertype {
            EtherType::ARP => {
                let packet = arp_packet(taken.payload)?;
                let vip = taken.vip(&setting.vips, packet.sender_protocol_addr())?;
                let answers = setting.role(vip.slot).answers();
                (vip.slot, answers, Counter::EgressArp)
            }
            EtherType::IPV4 => {
                let header = fixed_header(taken.payload)?;
                let begins = header.fragment_offset.value() == 0;
                if header.protocol == IpNumber::ICMP && begins {
                    let at = usize::from(taken.payload[0] & 0xf) * 4;
                    if taken.redirects(at, 5) {
                        return Some(Opinion::redirect(frame));
                    }
                }
                let vip = taken.vip(&setting.vips, &header.source)?;
                // The node's own adverts, of which an address owner's come from a virtual IP.
                let advert = header.protocol == IpNumber::VRRP;
                let may_leave = advert || setting.role(vip.slot).owns();
                (vip.slot, may_leave, Counter::EgressIp)
            }
            EtherType::IPV6 if v6::redirects(&taken) => return Some(Opinion::redirect(frame)),
            EtherType::IPV6 => v6::sent(setting, &taken)?,
            _ => return None,
        };
        (!may_leave).then(|| Opinion::counted(frame, Fate::Drop, slot, counter))
    });
    judged.unwrap_or_else(|| Opinion::untouched(frame))
}

/// RFC 9568 sections 6.4.2 and 6.4.3: a Backup must not accept packets addressed to the virtual
/// router's address, an Active must, if Accept_Mode is on. Accepting takes an address in the kernel.
fn to_vip<const N: usize>(setting: &Setting, taken: &Taken<'_>, vip: &Vip<N>) -> Option<Opinion> {
    let (fate, counter) = match (setting.role(vip.slot).owns(), vip.ready, vip.installed) {
        (true, ..) if !vip.accepted => (Fate::Drop, Counter::VipNotAccepted),
        (true, true, _) => (Fate::Pass, Counter::VipPassed),
        (true, false, _) => (Fate::Drop, Counter::VipNotReady),
        (false, _, true) => (Fate::Drop, Counter::VipNotOwner),
        (false, _, false) => return None,
    };
    Some(Opinion::counted(taken.frame, fate, vip.slot, counter))
}

/// What stands before the options of a packet whose header makes sense, whether or not they are all
/// there.
fn fixed_header(packet: &[u8]) -> Option<Ipv4Header> {
    let fixed: &[u8; 20] = packet.first_chunk()?;
    let words = fixed[0] & 0xf;
    let mut without_options = *fixed;
    without_options[0] = fixed[0] & 0xf0 | words.min(5);
    let header = Ipv4HeaderSlice::from_slice(&without_options).ok()?;
    let long_enough = header.total_len() >= u16::from(words) * 4;
    long_enough.then(|| header.to_header())
}

/// An ARP packet for IPv4 over Ethernet.
fn arp_packet(bytes: &[u8]) -> Option<ArpPacketSlice<'_>> {
    let packet = ArpPacketSlice::from_slice(bytes).ok()?;
    let kind = (
        packet.hw_addr_type().0,
        packet.proto_addr_type(),
        packet.hw_addr_size(),
        packet.proto_addr_size(),
    );
    (kind == (1, EtherType::IPV4, 6, 4)).then_some(packet)
}
