//! ARP for IPv4 over Ethernet (RFC 826), and the answer to a request.

use crate::{
    frame::{Frame, FrameMut},
    wire::ethernet,
};

/// Hardware type Ethernet, protocol IPv4, lengths 6 and 4.
pub(super) const ETHERNET_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const OPERATION_AT: usize = 6;
const SENDER_AT: usize = 8;
pub(super) const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply; others exist.
    pub operation: u16,
    /// Sender hardware address.
    pub sender_mac: [u8; 6],
    /// Sender protocol address; 0.0.0.0 in a probe (RFC 5227 section 1.1).
    pub sender: [u8; 4],
    /// Target protocol address.
    pub target: [u8; 4],
}

impl Arp {
    /// Reads the packet that starts `at` bytes into the frame. Nothing if it is cut short or not
    /// for IPv4 over Ethernet.
    #[inline(always)]
    pub fn parse<F: Frame + ?Sized>(frame: &F, at: usize) -> Option<Self> {
        if frame.read(at)? != ETHERNET_IPV4 {
            return None;
        }
        Some(Self {
            operation: u16::from_be_bytes(frame.read(at + OPERATION_AT)?),
            sender_mac: frame.read(at + SENDER_AT)?,
            sender: frame.read(at + SENDER_AT + 6)?,
            target: frame.read(at + SENDER_AT + 16)?,
        })
    }

    /// Whether somebody asks who has `target`.
    #[must_use]
    #[inline(always)]
    pub const fn is_request(&self) -> bool {
        self.operation == REQUEST
    }

    /// Whether `target` is told who has `sender`.
    #[must_use]
    #[inline(always)]
    pub const fn is_reply(&self) -> bool {
        self.operation == REPLY
    }
}

/// Where the sender hardware address of the packet that starts `packet` bytes into the frame starts.
#[must_use]
#[inline(always)]
pub const fn sender_mac_at(packet: usize) -> usize {
    packet + SENDER_AT
}

/// The answer to a request, written over the request: its length and VLAN tag stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where the ARP packet starts.
    pub at: usize,
    /// MAC that has the address.
    pub mac: [u8; 6],
    /// The address that was asked for.
    pub address: [u8; 4],
    /// Hardware address of who asked.
    pub asker_mac: [u8; 6],
    /// Protocol address of who asked.
    pub asker: [u8; 4],
}

impl Answer {
    /// Turns the request into its answer. Nothing is returned, and the frame is not to be sent,
    /// if it is too short.
    #[inline(always)]
    pub fn write<F: FrameMut + ?Sized>(&self, frame: &mut F) -> Option<()> {
        frame.write(0, self.asker_mac)?;
        frame.write(ethernet::SOURCE_AT, self.mac)?;
        frame.write(self.at + OPERATION_AT, REPLY.to_be_bytes())?;
        frame.write(self.at + SENDER_AT, self.mac)?;
        frame.write(self.at + SENDER_AT + 6, self.address)?;
        frame.write(self.at + SENDER_AT + 10, self.asker_mac)?;
        frame.write(self.at + SENDER_AT + 16, self.asker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST_FRAME: [u8; 42] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6, // Ethernet
        0, 1, 8, 0, 6, 4, 0, 1, // request
        2, 0, 0, 0, 0, 9, 192, 168, 1, 9, // sender
        0, 0, 0, 0, 0, 0, 192, 168, 1, 254, // target
    ];

    #[test]
    fn answer_is_a_reply_from_the_address() {
        let mut frame = REQUEST_FRAME;
        let frame = frame.as_mut_slice();
        let request = Arp::parse(&*frame, 14).unwrap();
        assert!(request.is_request());
        let answer = Answer {
            at: 14,
            mac: [2, 0, 0, 0, 0, 1],
            address: request.target,
            asker_mac: request.sender_mac,
            asker: request.sender,
        };
        answer.write(frame).unwrap();
        let reply = Arp::parse(&*frame, 14).unwrap();
        assert!(reply.is_reply() && !reply.is_request() && !request.is_reply());
        assert_eq!(
            frame,
            [
                2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 6, // Ethernet
                0, 1, 8, 0, 6, 4, 0, 2, // reply
                2, 0, 0, 0, 0, 1, 192, 168, 1, 254, // sender
                2, 0, 0, 0, 0, 9, 192, 168, 1, 9, // target
            ]
        );
    }

    #[test]
    fn other_hardware_and_short_packets_are_nothing() {
        let mut frame = REQUEST_FRAME;
        assert_eq!(Arp::parse(&frame[..41], 14), None);
        frame[15] = 6;
        assert_eq!(Arp::parse(frame.as_slice(), 14), None);
    }
}
