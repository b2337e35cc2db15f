//! Netlink requests that are sent again and again, and the answers to them.

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;

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
}

/// The acknowledgements in a buffer: sequence number and errno, 0 for success.
pub(super) fn answers(mut bytes: &[u8]) -> impl Iterator<Item = (u32, i32)> {
    std::iter::from_fn(move || {
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).ok()?;
        let length = (message.header.length as usize).next_multiple_of(4);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(message)
    })
    .filter_map(|message| match message.payload {
        NetlinkPayload::Error(error) => {
            let errno = error.code.map_or(0, |code| -code.get());
            Some((message.header.sequence_number, errno))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{ErrorMessage, NLM_F_ACK, NetlinkHeader};
    use netlink_packet_route::address::AddressMessage;

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
        assert!(answers(&bytes).eq([(7, 0), (8, libc::EEXIST)]));
    }
}
