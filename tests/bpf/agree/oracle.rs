//! The third opinion: etherparse takes the frame apart, and what follows from it is written from the
//! text of RFC 9568 and RFC 3768, of nothing that the node runs.
//!
//! All defects of an advert are gathered first, and the one that counts is chosen afterwards; the
//! node goes through its checks one by one and stops at the first.

mod advert;
mod advert_v6;
mod arp;
mod claim;
mod neighbour;
mod proxy_arp;
mod router_advert;
mod v6;

use etherparse::{
    ArpPacketSlice, EtherType, Ethernet2HeaderSlice, IpNumber, Ipv4Header, Ipv4HeaderSlice,
    SingleVlanHeaderSlice,
};
use vrrp_ebpf::abi::{Counter, Event, NO_ROUTER};
use vrrp_tests::datapath::world::MAC;

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
    destination: [u8; 6],
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
            destination: header.destination(),
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

    /// The opinion that nothing but this becomes of the frame.
    fn refused(&self, (fate, slot, counter): advert::Refusal) -> Opinion {
        Opinion::counted(self.frame, fate, slot, counter)
    }

    /// Slot of the virtual router to whose MAC the frame goes.
    fn router(&self, setting: &Setting) -> Option<u32> {
        setting.router_at(self.vlan, self.destination)
    }

    /// The virtual IP with this address, if it is one here.
    fn vip<'s, const N: usize>(&self, vips: &'s [Vip<N>], address: &[u8]) -> Option<&'s Vip<N>> {
        let mut vips = vips.iter();
        vips.find(|vip| vip.vlan == self.vlan && vip.address == address)
    }
}

/// A received frame. RFC 9568 section 6.4.2: a Backup "MUST discard packets with a destination
/// link-layer MAC address equal to the Virtual Router MAC address".
pub(super) fn received(setting: &Setting, frame: &[u8]) -> Opinion {
    let Some(taken) = Taken::apart(frame) else {
        return Opinion::untouched(frame);
    };
    let strange = taken.router(setting);
    if let Some(slot) = strange.filter(|slot| !setting.role(*slot).owns()) {
        return Opinion::counted(frame, Fate::Drop, slot, Counter::MacNotOwner);
    }
    let judged = match taken.ethertype {
        EtherType::ARP => {
            arp_packet(taken.payload).and_then(|packet| arp::received(setting, &taken, &packet))
        }
        EtherType::IPV4 => received_v4(setting, &taken),
        EtherType::IPV6 => v6::received(setting, &taken),
        _ => None,
    };
    judged.unwrap_or_else(|| Opinion::untouched(frame))
}

fn received_v4(setting: &Setting, taken: &Taken<'_>) -> Option<Opinion> {
    let destination = fixed_header(taken.payload)?.destination;
    let advert = Ipv4HeaderSlice::from_slice(taken.payload)
        .ok()
        .filter(|header| header.protocol() == IpNumber::VRRP)
        .and_then(|header| advert::received(setting, taken, &header));
    advert.or_else(|| {
        let vip = taken.vip(&setting.vips, &destination)?;
        to_vip(setting, taken, vip)
    })
}

/// A received frame of which XDP has let pass what it would, on its way to the stack.
pub(super) fn marked(setting: &Setting, frame: &[u8]) -> Opinion {
    let slot = Taken::apart(frame).and_then(|taken| taken.router(setting));
    match slot.filter(|slot| setting.role(*slot).owns()) {
        Some(slot) => Opinion::counted(frame, Fate::Pass, slot, Counter::MacTaken),
        None => Opinion::untouched(frame),
    }
}

/// What is about to leave from a virtual IP.
struct Leaving {
    slot: u32,
    /// Where the virtual IP is found.
    mac: [u8; 6],
    may_leave: bool,
    /// What is counted if it may not.
    refusal: Counter,
    /// The frame that tells that MAC and no other, its Ethernet source excepted; nothing if it cannot
    /// be said what it tells.
    telling: Option<Vec<u8>>,
}

impl Leaving {
    /// Data: what comes from a virtual MAC tells switches where that is, and is no longer ours to send
    /// once the next owner was heard.
    fn data<const N: usize>(setting: &Setting, taken: &Taken<'_>, vip: &Vip<N>) -> Self {
        let role = setting.role(vip.slot);
        Self {
            slot: vip.slot,
            mac: vip.mac,
            may_leave: if vip.mac == MAC {
                role.owns()
            } else {
                role.answers()
            },
            refusal: Counter::EgressIp,
            telling: Some(taken.frame.to_vec()),
        }
    }
}

/// A frame about to be sent.
pub(super) fn sent(setting: &Setting, frame: &[u8]) -> Opinion {
    if Taken::apart(frame).is_some_and(|taken| redirects(&taken)) {
        return Opinion::redirect(frame);
    }
    let proxied = Taken::apart(frame).and_then(|taken| proxy_arp::sent(setting, &taken));
    if let Some(opinion) = proxied {
        return opinion;
    }
    let leaving = Taken::apart(frame).and_then(|taken| match taken.ethertype {
        EtherType::ARP => {
            let packet = arp_packet(taken.payload)?;
            let vip = taken.vip(&setting.vips, packet.sender_protocol_addr())?;
            let mut telling = frame.to_vec();
            let sender = frame.len() - taken.payload.len() + 8;
            telling[sender..sender + 6].copy_from_slice(&vip.mac);
            Some(Leaving {
                slot: vip.slot,
                mac: vip.mac,
                may_leave: setting.role(vip.slot).answers(),
                refusal: Counter::EgressArp,
                telling: Some(telling),
            })
        }
        EtherType::IPV4 => {
            let header = fixed_header(taken.payload)?;
            let vip = taken.vip(&setting.vips, &header.source)?;
            // The node's own adverts, of which an address owner's come from a virtual IP.
            let advert = header.protocol == IpNumber::VRRP;
            (!advert).then(|| Leaving::data(setting, &taken, vip))
        }
        EtherType::IPV6 => v6::sent(setting, &taken),
        _ => None,
    });
    let Some(leaving) = leaving else {
        return Opinion::untouched(frame);
    };
    let refused = || Opinion::counted(frame, Fate::Drop, leaving.slot, leaving.refusal);
    if !leaving.may_leave {
        return refused();
    }
    if leaving.mac == MAC {
        return Opinion::untouched(frame);
    }
    let Some(mut told) = leaving.telling else {
        return refused();
    };
    told[6..12].copy_from_slice(&leaving.mac);
    Opinion::counted(&told, Fate::Pass, leaving.slot, Counter::MacWritten)
}

/// Whether a frame about to be sent is an ICMP redirect.
fn redirects(taken: &Taken<'_>) -> bool {
    match taken.ethertype {
        EtherType::IPV4 => fixed_header(taken.payload).is_some_and(|header| {
            let at = usize::from(taken.payload[0] & 0xf) * 4;
            let begins = header.fragment_offset.value() == 0;
            header.protocol == IpNumber::ICMP && begins && taken.redirects(at, 5)
        }),
        EtherType::IPV6 => v6::redirects(taken),
        _ => false,
    }
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
