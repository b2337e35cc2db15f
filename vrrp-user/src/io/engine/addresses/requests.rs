//! Netlink requests that are sent again and again, and the answers to them.

use std::net::IpAddr;

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressFlags, AddressMessage},
};

use crate::io::netlink::address::{address, flags};

/// Requests handed over per system call. Many kernels let nobody else have the CPU before a call is over, the
/// engine neither, and IPv6 takes a walk over all multicast groups of the interface per address: 602 in
/// one call stop a CPU for 110 ms.
const BATCH: usize = 8;

/// Requests in one buffer. The sequence number of each is `base` plus the index of its virtual IP.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) bytes: Vec<u8>,
    base: u32,
}

impl Requests {
    /// Numbers the requests from another base, which their answers repeat.
    pub(super) fn renumber(&mut self, base: u32) {
        let mut rest = self.bytes.as_mut_slice();
        // struct nlmsghdr: length, type and flags, sequence number, port; in host order.
        while let Some((length, tail)) = rest.split_first_chunk_mut::<4>() {
            let length = u32::from_ne_bytes(*length) as usize;
            if let Some(sequence) = tail.get_mut(4..).and_then(<[u8]>::first_chunk_mut::<4>) {
                let vip = u32::from_ne_bytes(*sequence).wrapping_sub(self.base);
                *sequence = base.wrapping_add(vip).to_ne_bytes();
            }
            let next = length.next_multiple_of(4).saturating_sub(4);
            rest = tail.get_mut(next..).unwrap_or_default();
        }
        self.base = base;
    }

    /// The requests in order, as many at a time as the kernel is to have.
    pub(super) fn batches(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let mut end = 0;
            for _ in 0..BATCH {
                let Some(length) = rest.get(end..).and_then(<[u8]>::first_chunk::<4>) else {
                    break;
                };
                end += (u32::from_ne_bytes(*length) as usize).next_multiple_of(4);
            }
            let batch;
            (batch, rest) = rest.split_at_checked(end)?;
            (!batch.is_empty()).then_some(batch)
        })
    }
}

/// What the kernel said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// To the request with this sequence number; 0 for success.
    Acknowledged { sequence: u32, errno: i32 },
    /// An interface has an address, and may use it.
    Usable { ifindex: u32, address: IpAddr },
}

/// The answers in a buffer.
pub(super) fn answers(mut bytes: &[u8]) -> impl Iterator<Item = Answer> {
    std::iter::from_fn(move || {
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).ok()?;
        let length = (message.header.length as usize).next_multiple_of(4);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(message)
    })
    .filter_map(|message| match message.payload {
        NetlinkPayload::Error(error) => Some(Answer::Acknowledged {
            sequence: message.header.sequence_number,
            errno: error.code.map_or(0, |code| -code.get()),
        }),
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(message)) => usable(&message),
        _ => None,
    })
}

fn usable(message: &AddressMessage) -> Option<Answer> {
    if flags(message).contains(AddressFlags::Tentative) {
        return None;
    }
    Some(Answer::Usable {
        ifindex: message.header.index,
        address: address(message)?,
    })
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{ErrorMessage, NLM_F_ACK, NetlinkHeader};
    use netlink_packet_route::{AddressFamily, address::AddressAttribute};

    use super::*;
    use crate::io::netlink;

    fn sequences(mut bytes: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        while let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes) {
            found.push(message.header.sequence_number);
            bytes = &bytes[message.header.length as usize..];
        }
        found
    }

    #[test]
    fn requests_of_each_order_are_numbered_anew() {
        let request = |vip| {
            let message = RouteNetlinkMessage::NewAddress(AddressMessage::default());
            netlink::serialize(message, NLM_F_ACK, vip)
        };
        // The second virtual IP is the interface's own and has no request.
        let mut requests = Requests {
            bytes: [request(0), request(2), request(3)].concat(),
            base: 0,
        };
        requests.renumber(1000);
        assert_eq!(sequences(&requests.bytes), [1000, 1002, 1003]);
        requests.renumber(u32::MAX);
        assert_eq!(sequences(&requests.bytes), [u32::MAX, 1, 2]);
    }

    #[test]
    fn requests_are_handed_over_a_few_at_a_time() {
        let batches = |count: u32| {
            let request = |vip| {
                let message = RouteNetlinkMessage::NewAddress(AddressMessage::default());
                netlink::serialize(message, NLM_F_ACK, vip)
            };
            let requests = Requests {
                bytes: (0..count).flat_map(request).collect(),
                base: 0,
            };
            Vec::from_iter(requests.batches().map(sequences))
        };
        assert_eq!(batches(0), [[0; 0]; 0]);
        assert_eq!(batches(3), [[0, 1, 2]]);
        assert_eq!(batches(8), [[0, 1, 2, 3, 4, 5, 6, 7]]);
        let many = batches(20);
        assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 4]);
        assert!(many.into_iter().flatten().eq(0..20));
    }

    #[test]
    fn answers_carry_sequence_and_errno() {
        let answer = |sequence, code: i32| {
            let mut error = ErrorMessage::default();
            error.code = std::num::NonZeroI32::new(code);
            error.header = vec![0; 16];
            let mut message = NetlinkMessage::<RouteNetlinkMessage>::new(
                NetlinkHeader::default(),
                NetlinkPayload::Error(error),
            );
            message.header.sequence_number = sequence;
            message.finalize();
            let mut bytes = vec![0; message.buffer_len()];
            message.serialize(&mut bytes);
            bytes
        };
        let bytes = [answer(7, 0), answer(8, -libc::EEXIST)].concat();
        let expected = [(7, 0), (8, libc::EEXIST)]
            .map(|(sequence, errno)| Answer::Acknowledged { sequence, errno });
        assert!(answers(&bytes).eq(expected));
    }

    #[test]
    fn an_address_is_usable_when_it_is_not_tentative() {
        let word = |flags| {
            let mut message = AddressMessage::default();
            message.header.family = AddressFamily::Inet6;
            message.header.index = 2;
            message.attributes = vec![
                AddressAttribute::Address("fe80::51".parse().unwrap()),
                AddressAttribute::Flags(flags),
            ];
            netlink::serialize(RouteNetlinkMessage::NewAddress(message), 0, 0)
        };
        let tentative = word(AddressFlags::Nodad | AddressFlags::Tentative);
        let settled = word(AddressFlags::Nodad | AddressFlags::Permanent);
        let expected = Answer::Usable {
            ifindex: 2,
            address: "fe80::51".parse().unwrap(),
        };
        assert!(answers(&[tentative, settled].concat()).eq([expected]));
    }
}
