//! Who is better: priorities, addresses, and Preempt_Mode.

use std::net::IpAddr;

pub use vrrp_ebpf::election::OWNER;
use vrrp_ebpf::{election::Candidate, types::address_bytes};

use super::{Advert, Settings, Version};

/// Whether an advert deposes an Active of this priority and source address, as XDP finds, too. The advert's priority
/// is not 0.
#[must_use]
pub fn deposes(advert: &Advert, priority: u8, primary: IpAddr) -> bool {
    //= C41: RFC 9568 section 6.4.3
    candidate(advert.priority, advert.source).deposes(candidate(priority, primary))
}

fn candidate(priority: u8, address: IpAddr) -> Candidate {
    Candidate {
        priority,
        address: u128::from_be_bytes(address_bytes(address)),
    }
}

/// Whether an advert of this version is nothing to us, because we own the addresses. Version 3 has the
/// owner process what it hears (RFC 9568 erratum 8298).
#[must_use]
pub fn owner_discards(version: Version, settings: &Settings) -> bool {
    //= C18: RFC 3768 section 7.1
    //# MUST verify that the VRID is configured on the receiving interface and the local router is
    //# not the IP Address owner (Priority equals 255 (decimal)).
    version == Version::V2 && settings.owner
}

/// The lowest priority whose adverts restart the Active_Down_Timer of a Backup (RFC 9568 section
/// 6.4.2): our own, which is `priority`, if we preempt, any (1) if not. `held_back`: `preempt_delay` still runs.
#[must_use]
pub fn restart_min(settings: &Settings, priority: u8, held_back: bool) -> u8 {
    //= C43: RFC 9568 section 6.1
    // The owner preempts whatever Preempt_Mode says (RFC 9568 section 6.1).
    let preempts = settings.owner || (settings.preempt && !held_back);
    //= C36, C37: RFC 9568 section 6.4.2
    if preempts { priority } else { 1 }
}
