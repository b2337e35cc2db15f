//! The verdict on a frame: pure, so that the host tests and the kernel run the same code. The BPF
//! programs supply [`Frame`] and [`Tables`] and carry out the [`Verdict`].

mod adverts;
mod adverts_v6;
mod arp;
mod claim;
mod counts;
mod egress;
mod gate;
mod list;
mod neighbour;
mod proxy_arp;
mod redirect;
mod virtual_mac;

use crate::{
    abi::{
        Counter, Event, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry,
        VipKey,
    },
    frame::Frame,
    ownership::{Ownership, Standing},
    types::{Family, v4_bytes},
    wire::{
        arp::Answer,
        ethernet::{self, Ethernet},
        ipv4::Ipv4,
        ipv6::{self, ICMPV6, Ipv6},
        nd,
        source::Source,
        vrrp::PROTOCOL,
    },
};

pub use self::counts::Counts;

/// What a verdict looks up: the BPF maps, or a model of them.
pub trait Tables {
    /// Nanoseconds of CLOCK_MONOTONIC. Asked only for frames that concern a virtual router of ours.
    fn now(&self) -> u64;
    /// The virtual router of an advert.
    fn router(&self, key: &RouterKey) -> Option<&RouterEntry>;
    /// The unicast peer with this address.
    fn peer(&self, key: &PeerKey) -> Option<&PeerEntry>;
    /// What the words of a slot make us; [`Standing::NONE`] without such a slot.
    fn standing(&self, slot: u32) -> Standing;
    /// The ownership word as it counts.
    #[inline(always)]
    fn ownership(&self, slot: u32) -> Ownership {
        self.standing(slot).ownership()
    }
    /// Whether we answer for the virtual router in this slot, and teach whoever hears it where that is.
    #[inline(always)]
    fn answers(&self, slot: u32) -> bool {
        let standing = self.standing(slot);
        standing.ownership().answers(self.now(), standing.last_seen)
    }
    /// [`Slot::follow`](crate::abi::Slot::follow).
    fn follow(&self, slot: u32) -> Follow;
    /// Whether an address with these last four bytes may be a virtual IP: false for nearly all
    /// that are not, true for all that are.
    fn may_be_vip(&self, tail: [u8; 4]) -> bool;
    /// The virtual IP with this address.
    fn vip(&self, key: &VipKey) -> Option<&VipEntry>;
    /// Bits of [`vip_state`](crate::abi::vip_state); 0 without such a virtual IP.
    fn vip_state(&self, vip: u32) -> u64;
    /// Whether a virtual router of ours uses its Virtual Router MAC. If none does, the verifier takes
    /// what is about it out of the programs.
    fn has_virtual_macs(&self) -> bool;
    /// Slot of the virtual router that uses its Virtual Router MAC there.
    fn virtual_mac(&self, key: &RouterKey) -> Option<u32>;
    /// Who answers by proxy ARP on this interface.
    fn proxy(&self, ifindex: u32) -> Option<&ProxyEntry>;
}

/// What a verdict asks the kernel's routes.
pub trait Routes {
    /// Whether a packet that comes in by this interface leaves by another one.
    fn forwards(&self, ifindex: u32, source: [u8; 4], destination: [u8; 4]) -> bool;
}

/// Where a frame was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Interface that the program is attached to.
    pub ifindex: u32,
    /// VLAN ID of a tag that is not in the frame because the NIC takes care of it; 0 without.
    pub stripped_vlan: u16,
}

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes on as if nobody had looked.
    Pass,
    /// It goes on as one for this host, whatever its destination.
    Accept,
    /// It goes on from [`EgressVerdict::source`].
    Readdress,
    /// It ends here.
    Drop,
    /// It is turned into [`Verdict::answer`] and sent back.
    AnswerArp,
    /// It is given the length of [`Verdict::advertisement`], turned into it and sent back.
    AnswerNeighbour,
}

/// What becomes of [`Verdict::event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    /// There is no event.
    Nothing,
    /// It waits in the ring until the node wakes anyway.
    Quiet,
    /// The node is woken for it.
    Wake,
}

/// What to do about a frame that concerns a virtual router of ours.
///
/// Flat, every field always set: what an enum leaves undefined, the compiler may fill with a
/// packet pointer, which the verifier does not let into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happens to the frame.
    pub action: Action,
    /// Index in `SLOTS` and `COUNTERS`.
    pub slot: u32,
    /// Which counters move by one.
    pub counters: Counts,
    /// What to store as [`Slot::last_seen`](crate::abi::Slot::last_seen); 0 leaves it alone.
    pub seen: u64,
    /// What to store as [`Slot::better_seen`](crate::abi::Slot::better_seen); 0 leaves it alone.
    pub better_seen: u64,
    /// Whether and how to submit `event`.
    pub submission: Submission,
    /// The record for the ring; zeroes without one.
    pub event: Event,
    /// The answer; zeroes without one.
    pub answer: Answer,
    /// The advertisement; zeroes without one.
    pub advertisement: nd::Answer,
}

/// The verdict on a frame about to be sent. What only such a frame has is not in [`Verdict`], which
/// fills a BPF program's stack as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EgressVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// For [`Action::Readdress`], the sender's MAC; zeroes without one.
    pub source: Source,
}

impl EgressVerdict {
    #[inline(always)]
    const fn drop(slot: u32, counters: Counts) -> Self {
        Self {
            verdict: Verdict::new(Action::Drop, slot, counters),
            source: NO_SOURCE,
        }
    }
}

impl Verdict {
    #[inline(always)]
    const fn new(action: Action, slot: u32, counters: Counts) -> Self {
        Self {
            action,
            slot,
            counters,
            seen: 0,
            better_seen: 0,
            submission: Submission::Nothing,
            event: NO_EVENT,
            answer: NO_ANSWER,
            advertisement: NO_ADVERTISEMENT,
        }
    }

    #[inline(always)]
    const fn pass(slot: u32, counter: Counter) -> Self {
        Self::new(Action::Pass, slot, Counts::one(counter))
    }

    #[inline(always)]
    const fn drop(slot: u32, counter: Counter) -> Self {
        Self::new(Action::Drop, slot, Counts::one(counter))
    }

    /// The same verdict, of which the verifier does not know any more what it counts: it then
    /// follows what is done about verdicts once, and not for each reason.
    #[inline(always)]
    fn blurred<F: Frame + ?Sized>(self, frame: &F) -> Self {
        Self {
            counters: self.counters.blurred(frame),
            ..self
        }
    }
}

const NO_EVENT: Event = Event {
    stamp: 0,
    slot: 0,
    vip: 0,
    source: [0; 16],
    mac: [0; 6],
    interval_cs: 0,
    kind: 0,
    version: 0,
    priority: 0,
    flags: 0,
    count: 0,
    _pad: [0; 3],
};

const NO_ADVERTISEMENT: nd::Answer = nd::Answer {
    at: 0,
    mac: [0; 6],
    asker_mac_at: 0,
};

const NO_SOURCE: Source = Source {
    mac: [0; 6],
    told_at: 0,
    checksum_at: 0,
};

const NO_ANSWER: Answer = Answer {
    at: 0,
    mac: [0; 6],
    address: [0; 4],
    asker_mac: [0; 6],
    asker: [0; 4],
};

/// The verdict on a received frame; nothing for one that is not ours and passes untouched.
#[inline(always)]
pub fn ingress<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, link: Link) -> Option<Verdict> {
    let refused = refusal(frame, tables, link);
    if refused.is_some() {
        return refused;
    }
    concern(frame, tables, link)
}

/// The first half of [`ingress`]: the verdict on a received frame to a virtual MAC that another router
/// owns. On its own, because both halves in one function need more than a BPF program's stack.
#[inline(always)]
pub fn refusal<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, link: Link) -> Option<Verdict> {
    if !tables.has_virtual_macs() {
        return None;
    }
    let ethernet = Ethernet::parse(frame, link.stripped_vlan)?;
    virtual_mac::refuse(frame, tables, Place::new(link, ethernet))
}

/// The second half of [`ingress`]: the verdict by what the frame is about.
#[inline(always)]
pub fn concern<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, link: Link) -> Option<Verdict> {
    let ethernet = Ethernet::parse(frame, link.stripped_vlan)?;
    let place = Place::new(link, ethernet).blurred(frame);
    match ethernet.ethertype {
        ethernet::IPV4 => {
            let ip = Ipv4::parse(frame, ethernet.payload)?;
            if ip.protocol == PROTOCOL {
                let verdict = adverts::judge(frame, tables, place, &ip);
                if verdict.is_some() {
                    return verdict;
                }
            }
            gate::judge(tables, place.vip_v4(tables, ip.destination)?)
        }
        ethernet::IPV6 => ingress_v6(frame, tables, place, ethernet.payload),
        ethernet::ARP => arp::judge(frame, tables, place, ethernet.payload),
        _ => None,
    }
}

/// The verdict on the IPv6 packet that starts `at` bytes into a received frame. Neighbour Discovery
/// to a virtual IP does not go through the gate: it is about addresses, not for one of them.
#[inline(always)]
fn ingress_v6<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Verdict> {
    let ip = Ipv6::parse(frame, at)?;
    if ip.next_header == ICMPV6 {
        //= C56: RFC 9568 section 6.4.3
        if let Some(kind) = nd::Kind::read(frame, ip.payload_at()) {
            return neighbour::judge(frame, tables, place, &ip, kind);
        }
    } else if (ip.next_header == PROTOCOL || ip.is_extended())
        && let Some(upper) = ip.upper(frame)
    {
        if upper.protocol == PROTOCOL {
            let verdict = adverts_v6::judge(frame, tables, place, &ip, &upper);
            if verdict.is_some() {
                return verdict;
            }
        } else if upper.protocol == ICMPV6
            && !upper.is_later_fragment()
            && let Some(kind) = nd::Kind::read(frame, upper.at)
        {
            return neighbour::judge_extended(frame, tables, place, &upper, kind);
        }
    }
    gate::judge(tables, place.vip_v6(frame, tables, ip.destination_at())?)
}

/// The verdict on a received frame that the NIC took for another host's, once [`ingress`] has let it
/// pass; nothing for one that is.
#[inline(always)]
pub fn mark<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, link: Link) -> Option<Verdict> {
    let ethernet = Ethernet::parse(frame, link.stripped_vlan)?;
    virtual_mac::accept(frame, tables, Place::new(link, ethernet))
}

/// The verdict on a frame about to be sent; nothing for one that is not ours and passes untouched.
#[inline(always)]
pub fn egress<F: Frame + ?Sized, T: Tables, R: Routes>(
    frame: &F,
    tables: &T,
    routes: &R,
    link: Link,
) -> Option<EgressVerdict> {
    let ethernet = Ethernet::parse(frame, link.stripped_vlan)?;
    let place = Place::new(link, ethernet).blurred(frame);
    let payload = frame.blur(ethernet.payload);
    let speech = match ethernet.ethertype {
        ethernet::IPV4 => egress::ipv4(frame, tables, place, payload),
        ethernet::IPV6 => egress::ipv6(frame, tables, place, payload),
        ethernet::ARP => egress::arp(frame, tables, routes, place, payload),
        _ => None,
    };
    egress::judge(frame, tables, speech?)
}

/// The part of every key that says where: a VRID and a virtual IP belong to an interface and VLAN.
#[derive(Clone, Copy)]
struct Place {
    ifindex: u32,
    vlan: u16,
}

impl Place {
    #[inline(always)]
    const fn new(link: Link, ethernet: Ethernet) -> Self {
        Self {
            ifindex: link.ifindex,
            vlan: ethernet.vlan,
        }
    }

    /// The same, of which the verifier does not know any more whether there is a tag.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a VLAN ID before and after"
    )]
    fn blurred<F: Frame + ?Sized>(self, frame: &F) -> Self {
        Self {
            vlan: frame.blur(usize::from(self.vlan)) as u16,
            ..self
        }
    }

    /// The virtual router with this VRID here.
    #[inline(always)]
    const fn router(self, family: Family, vrid: u8) -> RouterKey {
        RouterKey::new(self.ifindex, self.vlan, family, vrid)
    }

    /// The virtual router with this VRID here, and IPv4.
    #[inline(always)]
    const fn router_v4(self, vrid: u8) -> RouterKey {
        self.router(Family::V4, vrid)
    }

    /// The virtual router with this VRID here, and IPv6.
    #[inline(always)]
    const fn router_v6(self, vrid: u8) -> RouterKey {
        self.router(Family::V6, vrid)
    }

    /// Looks for a virtual IP; no more than the filter's word is read for nearly every address
    /// that is none.
    #[inline(always)]
    fn vip_v4<T: Tables>(self, tables: &T, address: [u8; 4]) -> Option<&VipEntry> {
        if !tables.may_be_vip(address) {
            return None;
        }
        tables.vip(&VipKey::new(
            self.ifindex,
            self.vlan,
            Family::V4,
            v4_bytes(address),
        ))
    }

    /// Looks for the virtual IP that stands `at` bytes into the frame, as [`Self::vip_v4`] does.
    #[inline(always)]
    fn vip_v6<'a, F: Frame + ?Sized, T: Tables>(
        self,
        frame: &F,
        tables: &'a T,
        at: usize,
    ) -> Option<&'a VipEntry> {
        if !tables.may_be_vip(frame.read(at + 12)?) {
            return None;
        }
        tables.vip(&VipKey::new(
            self.ifindex,
            self.vlan,
            Family::V6,
            ipv6::address(frame, at)?.to_be_bytes(),
        ))
    }
}
