//! Proxy ARP: RFC 9568 section 8.1.3.

use etherparse::{ArpOperation, EtherType};
use vrrp_ebpf::abi::Counter;
use vrrp_tests::datapath::{behind::BEHIND, world::MAC};

use super::{Opinion, Taken, arp_packet};
use crate::{agree::setting::Setting, bench::Fate};

/// The opinion on a reply for a host behind us; nothing about any other frame.
pub(super) fn sent(setting: &Setting, taken: &Taken<'_>) -> Option<Opinion> {
    if (taken.ethertype, taken.vlan) != (EtherType::ARP, 0) {
        return None;
    }
    let packet = arp_packet(taken.payload)?;
    let is_ours = packet.operation() == ArpOperation::REPLY && packet.sender_hw_addr() == MAC;
    if !is_ours || !packet.sender_protocol_addr().starts_with(&BEHIND) {
        return None;
    }
    let router = setting.proxy()?;
    if !setting.role(router.slot).answers() {
        let counter = Counter::EgressProxyArp;
        return Some(Opinion::counted(
            taken.frame,
            Fate::Drop,
            router.slot,
            counter,
        ));
    }
    let mut told = taken.frame.to_vec();
    let sender = told.len() - taken.payload.len() + 8;
    for at in [6, sender] {
        told[at..at + 6].copy_from_slice(&router.virtual_mac()?);
    }
    let counter = Counter::ProxyArpWritten;
    Some(Opinion::counted(&told, Fate::Pass, router.slot, counter))
}
