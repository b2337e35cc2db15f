//! ARP: RFC 9568 sections 6.4 and 8.1.2, RFC 826, RFC 5227.

use etherparse::{ArpOperation, ArpPacket, ArpPacketSlice};
use vrrp_ebpf::{
    abi::{Counter, Event, EventKind},
    ownership::State,
};
use vrrp_tests::datapath::world::wide;

use super::{Opinion, Taken};
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
        return spoken_as(setting, taken, packet, vip);
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

/// Somebody says that the virtual IP is his.
fn spoken_as(
    setting: &Setting,
    taken: &Taken<'_>,
    packet: &ArpPacketSlice<'_>,
    vip: &Vip<4>,
) -> Option<Opinion> {
    let role = setting.role(vip.slot);
    let by_another = packet.sender_hw_addr() != vip.mac;
    let announced = packet.sender_protocol_addr() == packet.target_protocol_addr();
    let mut opinion = Opinion::untouched(taken.frame);
    let kind = match role.state {
        State::Active if by_another && role.owns() => {
            opinion.outcome.counters = vec![(vip.slot, Counter::ArpConflict)];
            EventKind::Conflict
        }
        State::Retiring if by_another || announced => {
            opinion.outcome.seen = Some(vip.slot);
            EventKind::SuccessorAnnounced
        }
        _ => return None,
    };
    let event = Event {
        stamp: 0,
        slot: vip.slot,
        vip: vip.index,
        source: wide(vip.address),
        mac: packet.sender_hw_addr().try_into().unwrap(),
        interval_cs: 0,
        kind: kind as u8,
        version: 0,
        priority: 0,
        flags: 0,
        count: 0,
        _pad: [0; 3],
    };
    Some(opinion.with_event(event, true))
}
