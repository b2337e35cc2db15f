//! Neighbour Solicitations and Advertisements (RFC 4861 sections 4.3 and 4.4), and the answer to a
//! solicitation.

use super::{
    ethernet,
    ipv6::{self, ICMPV6, Ipv6},
    source::HIDDEN,
};
use crate::{
    checksum::Sum,
    frame::{Frame, FrameMut, WORD},
};

const SOLICITATION: u8 = 135;
pub(super) const ADVERTISEMENT: u8 = 136;
/// Hop limit that proves a sender on the same link.
pub(super) const HOP_LIMIT: u8 = 255;
/// Type, code, checksum, flags or reserved bits, target address.
const FIXED: usize = 24;
pub(super) const CHECKSUM_AT: usize = 2;
const TARGET_AT: usize = 8;
/// Type, length in units of as many bytes, MAC.
const OPTION: usize = 8;
const SOURCE_LINK_LAYER: u8 = 1;
pub(super) const TARGET_LINK_LAYER: u8 = 2;
pub(super) const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
pub(super) const OVERRIDE: u8 = 0x20;
/// First byte of a multicast address.
const MULTICAST: u8 = 0xff;
/// ff02::1:ff00:0/104 (RFC 4291 section 2.7.1); the last 24 bits are the target's.
const SOLICITED_NODE: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
const SOLICITED_NODE_BITS: u32 = 0x00ff_ffff;
/// `::`, which stands for no address.
const UNSPECIFIED: u128 = 0;
pub(super) const ALL_NODES: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// Bytes of an advertisement with its option.
const ANSWER: u8 = 32;

/// Which of the two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Who has the target?
    Solicitation,
    /// I have the target.
    Advertisement,
}

impl Kind {
    /// Reads the type of the ICMPv6 message that starts `at` bytes into the frame. Nothing if it
    /// is another one.
    #[inline(always)]
    pub fn read<F: Frame + ?Sized>(frame: &F, at: usize) -> Option<Self> {
        let [icmp_type] = frame.read(at)?;
        Self::of(icmp_type)
    }

    /// The message with this type.
    #[must_use]
    #[inline(always)]
    pub const fn of(icmp_type: u8) -> Option<Self> {
        match icmp_type {
            SOLICITATION => Some(Self::Solicitation),
            ADVERTISEMENT => Some(Self::Advertisement),
            _ => None,
        }
    }

    /// The option that tells the MAC which the message is about.
    #[inline(always)]
    const fn link_layer_option(self) -> u8 {
        match self {
            Self::Solicitation => SOURCE_LINK_LAYER,
            Self::Advertisement => TARGET_LINK_LAYER,
        }
    }
}

/// Where the target address of the message that starts `message` bytes into the frame starts.
#[must_use]
#[inline(always)]
pub const fn target_at(message: usize) -> usize {
    message + TARGET_AT
}

/// Where the checksum of the message that starts `message` bytes into the frame starts.
#[must_use]
#[inline(always)]
pub const fn checksum_at(message: usize) -> usize {
    message + CHECKSUM_AT
}

/// Where a message that is about to leave tells the MAC of its sender (a solicitation) or of its target
/// (an advertisement); 0 if it does not. [`HIDDEN`] for one with more than a single option of eight bytes,
/// of which [`Sender::parse`] tells why.
#[inline(always)]
pub fn told_mac_at<F: Frame + ?Sized>(frame: &F, ip: &Ipv6, kind: Kind) -> usize {
    let option_at = ip.payload_at() + FIXED;
    if ip.length == FIXED {
        return 0;
    }
    match frame.read::<OPTION>(option_at) {
        Some([option, 1, ..]) if ip.length == usize::from(ANSWER) => {
            if option == kind.link_layer_option() {
                option_at + 2
            } else {
                0
            }
        }
        _ => HIDDEN,
    }
}

/// What an intact message tells of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Where its MAC starts in the frame: in its link-layer address option, or in the Ethernet header
    /// if it has no such option.
    pub mac_at: usize,
    /// The Solicited flag; false in a solicitation.
    pub answers: bool,
}

impl Sender {
    /// Checks the message that follows the IPv6 header as RFC 4861 sections 7.1.1 and 7.1.2 ask.
    ///
    /// Nothing if it fails, and nothing for one with more than a single option of eight bytes: that
    /// is all there is in practice (link-layer address, or the nonce of RFC 7527), and it needs no
    /// loop. Whoever has such a message leaves it to the stack.
    #[inline(always)]
    pub fn parse<F: Frame + ?Sized>(frame: &F, ip: &Ipv6, kind: Kind) -> Option<Self> {
        let at = ip.payload_at();
        let [_, code, _, _, flags, _, _, _] = frame.read(at)?;
        if ip.hop_limit != HOP_LIMIT || code != 0 {
            return None;
        }
        let bare = ip.length == FIXED;
        if !bare && ip.length != usize::from(ANSWER) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "24 or 32")]
        let mut sum = Sum::ZERO
            .add_pseudo_v6(frame, ip.source_at(), ip.length as u16, ICMPV6)?
            .add_words::<{ FIXED / WORD }, _>(frame, at)?;
        let mut has_mac = false;
        if !bare {
            let option_at = frame.blur(at + FIXED);
            sum = sum.add_words::<{ OPTION / WORD }, _>(frame, option_at)?;
            let [option, units] = frame.read(option_at)?;
            if units != 1 {
                return None;
            }
            has_mac = option == kind.link_layer_option();
        }
        if !sum.is_valid() {
            return None;
        }
        let answers = kind == Kind::Advertisement && flags & SOLICITED != 0;
        if frame.read(ip.source_at())? == [MULTICAST]
            || frame.read(target_at(at))? == [MULTICAST]
            || (answers && frame.read(ip.destination_at())? == [MULTICAST])
            || (kind == Kind::Solicitation
                && ipv6::address(frame, ip.source_at())? == UNSPECIFIED
                && (has_mac || !is_probe(frame, ip)?))
        {
            return None;
        }
        let mac_at = if has_mac {
            at + FIXED + 2
        } else {
            ethernet::SOURCE_AT
        };
        Some(Self { mac_at, answers })
    }
}

/// The answer to a solicitation, written over it (RFC 4861 section 7.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where the IPv6 header starts.
    pub at: usize,
    /// MAC that has the address.
    pub mac: [u8; 6],
    /// Where the MAC of who asked starts in the frame.
    pub asker_mac_at: usize,
}

impl Answer {
    /// Bytes that the frame must have before [`Self::write`] and has on the wire. A solicitation may
    /// be shorter: it need not tell its sender's MAC, an answer has to tell ours.
    #[must_use]
    #[inline(always)]
    pub const fn frame_length(&self) -> usize {
        self.at + ipv6::HEADER + ANSWER as usize
    }

    /// Turns the solicitation into its answer: from the target to the asker, as a solicited
    /// advertisement; or, if the asker has no address yet, to all nodes and not as a solicited one.
    /// Nothing is returned, and the frame is not to be sent, if it is too short.
    #[inline(always)]
    pub fn write<F: FrameMut + ?Sized>(&self, frame: &mut F) -> Option<()> {
        let source_at = self.at + ipv6::SOURCE_AT;
        let destination_at = self.at + ipv6::DESTINATION_AT;
        let message = self.at + ipv6::HEADER;
        //= C53: RFC 4861 section 7.2.4
        let flags = if ipv6::address(frame, source_at)? == UNSPECIFIED {
            frame.write(0, ALL_NODES_MAC)?;
            frame.write(destination_at, ALL_NODES)?;
            ROUTER | OVERRIDE
        } else {
            let asker_mac: [u8; 6] = frame.read(self.asker_mac_at)?;
            frame.write(0, asker_mac)?;
            copy_address(frame, source_at, destination_at)?;
            ROUTER | OVERRIDE | SOLICITED
        };
        copy_address(frame, target_at(message), source_at)?;
        frame.write(ethernet::SOURCE_AT, self.mac)?;
        frame.write(self.at, [0x60, 0, 0, 0, 0, ANSWER, ICMPV6, HOP_LIMIT])?;
        frame.write(message, [ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0])?;
        let [a, b, c, d, e, f] = self.mac;
        frame.write(message + FIXED, [TARGET_LINK_LAYER, 1, a, b, c, d, e, f])?;
        let [high, low] = Sum::ZERO
            .add_pseudo_v6(frame, source_at, ANSWER.into(), ICMPV6)?
            .add_words::<{ ANSWER as usize / WORD }, _>(frame, message)?
            .checksum()
            .to_be_bytes();
        frame.write(message + CHECKSUM_AT, [high, low])
    }
}

/// Copies an address within a frame, by halves: sixteen bytes are too many for a BPF program's
/// registers, and each would take eight of its stack.
#[inline(always)]
fn copy_address<F: FrameMut + ?Sized>(frame: &mut F, from: usize, to: usize) -> Option<()> {
    for half in [0, WORD] {
        let bytes = frame.word(from + half)?.to_be_bytes();
        frame.write(to + half, bytes)?;
    }
    Some(())
}

/// Whether a solicitation from `::` goes to the solicited-node group of its target, as it must.
#[inline(always)]
fn is_probe<F: Frame + ?Sized>(frame: &F, ip: &Ipv6) -> Option<bool> {
    let destination = ipv6::address(frame, ip.destination_at())?;
    let tail = u32::from_be_bytes(frame.read(target_at(ip.payload_at()) + 12)?);
    Some(destination == SOLICITED_NODE | u128::from(tail & SOLICITED_NODE_BITS))
}

#[cfg(test)]
mod tests;
