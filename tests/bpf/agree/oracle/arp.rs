//! ARP: RFC 9568 sections 6.4 and 8.1.2, RFC 826, RFC 5227.

use etherparse::{ArpOperation, ArpPacket, ArpPacketSlice};
use vrrp_ebpf::abi::Counter;

use super::{
    Opinion, Taken,
    claim::{self, Claim},
};
use crate::{
    agree::setting::{Setting, Vip},
    bench::Fate,
};

/// The opinion on an ARP packet; nothing if no virtual IP of ours is in it where it matters.
pub(super) fn received(
    setting: &Setting,
    taken: &Taken<'_>,
    packet: &ArpPacketSlice<'_>,
) -> Option<Opinion> {
    let sender = packet.sender_protocol_addr();
    let target = packet.target_protocol_addr();
    if let Some(vip) = taken.vip(&setting.vips, sender) {
        let claim = Claim {
            mac: packet.sender_hw_addr().try_into().unwrap(),
            announced: sender == target,
            conflict: Counter::ArpConflict,
        };
        return claim::opinion(setting, taken, vip, &claim);
    }
    let vip = taken.vip(&setting.vips, target)?;
    if packet.operation() != ArpOperation::REQUEST {
        return None;
    }
    let from_group = packet.sender_hw_addr()[0] % 2 == 1;
    if from_group || !setting.role(vip.slot).answers() {
        let counter = Counter::ArpIgnored;
        return Some(Opinion::counted(taken.frame, Fate::Drop, vip.slot, counter));
    }
    let counter = Counter::ArpAnswered;
    let mut opinion = Opinion::counted(taken.frame, Fate::Answer, vip.slot, counter);
    opinion.outcome.frame = answer(taken, packet, vip);
    Some(opinion)
}

/// The request's frame with the answer in it.
fn answer(taken: &Taken<'_>, packet: &ArpPacketSlice<'_>, vip: &Vip<4>) -> Vec<u8> {
    let reply = ArpPacket::new(
        packet.hw_addr_type(),
        packet.proto_addr_type(),
        ArpOperation::REPLY,
        &vip.mac,
        &vip.address,
        packet.sender_hw_addr(),
        packet.sender_protocol_addr(),
    );
    let reply = reply.unwrap().to_bytes();
    let tags_and_type = &taken.frame[12..taken.frame.len() - taken.payload.len()];
    let padding = &taken.payload[reply.len()..];
    [
        packet.sender_hw_addr(),
        &vip.mac,
        tags_and_type,
        &reply,
        padding,
    ]
    .concat()
}
