//! Neighbour Discovery: RFC 9568 sections 6.4 and 8.2, RFC 4861 sections 4.3, 4.4, 7.1 and 7.2.

use etherparse::{
    Icmpv6Header, Icmpv6Slice, Icmpv6Type, IpNumber, Ipv6FlowLabel, Ipv6Header, Ipv6HeaderSlice,
    icmpv6::NeighborAdvertisementHeader,
};
use vrrp_ebpf::abi::Counter;

use super::{
    Opinion, Taken,
    claim::{self, Claim},
    v6::Upper,
};
use crate::{
    agree::setting::{Setting, Vip},
    bench::Fate,
};

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const ALL_NODES: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// A Neighbour Solicitation or Advertisement, going by its type.
pub(super) struct Message<'a> {
    header: &'a Ipv6HeaderSlice<'a>,
    pub(super) solicits: bool,
    /// The bytes behind the IPv6 header, padding of the frame included.
    behind: &'a [u8],
}

/// Who sent a message that is in order.
struct Sender {
    mac: [u8; 6],
    /// An advertisement that answers a question.
    answers: bool,
}

impl<'a> Message<'a> {
    pub(super) fn read(header: &'a Ipv6HeaderSlice<'a>, behind: &'a [u8]) -> Option<Self> {
        let icmp = header.next_header() == IpNumber::IPV6_ICMP;
        let kind = *behind.first().filter(|_| icmp)?;
        [SOLICITATION, ADVERTISEMENT]
            .contains(&kind)
            .then_some(Self {
                header,
                solicits: kind == SOLICITATION,
                behind,
            })
    }

    fn target(&self) -> Option<&'a [u8]> {
        self.behind.get(8..24)
    }

    /// The address that an advertisement speaks for.
    pub(super) fn claimed(&self) -> Option<&'a [u8]> {
        self.target().filter(|_| !self.solicits)
    }

    /// Its frame with this MAC in the place of the one that it tells. Nothing if it has other options than
    /// one of eight bytes, or not all of that.
    pub(super) fn telling(&self, frame: &[u8], mac: [u8; 6]) -> Option<Vec<u8>> {
        let mut telling = frame.to_vec();
        let length = usize::from(self.header.payload_length());
        if length == 24 {
            return Some(telling);
        }
        let option = self.behind.get(24..32)?;
        if length != 32 || option[1] != 1 {
            return None;
        }
        if option[0] == if self.solicits { 1 } else { 2 } {
            let at = frame.len() - self.behind.len();
            let checksum = [self.behind[2], self.behind[3]];
            let checksum = replaced(checksum, &option[2..], &mac);
            telling[at + 2..at + 4].copy_from_slice(&checksum);
            telling[at + 26..at + 32].copy_from_slice(&mac);
        }
        Some(telling)
    }

    /// Sections 7.1.1 and 7.1.2: "A node MUST silently discard any received messages that do not satisfy
    /// all of the following validity checks". Messages with more than one option of eight bytes are left
    /// to the stack.
    fn sender(&self, taken: &Taken<'_>) -> Option<Sender> {
        let (source, destination) = (self.header.source(), self.header.destination());
        let length = usize::from(self.header.payload_length());
        let bytes = self.behind.get(..length)?;
        let icmp = Icmpv6Slice::from_slice(bytes).ok()?;
        let (target, options) = (bytes.get(8..24)?, bytes.get(24..)?);
        let intact = self.header.hop_limit() == 255
            && icmp.code_u8() == 0
            && icmp.is_checksum_valid(source, destination);
        let (kind, mac) = match *options {
            [] => (0, None),
            [kind, 1, a, b, c, d, e, f] => (kind, Some([a, b, c, d, e, f])),
            _ => return None,
        };
        let mac = mac.filter(|_| kind == if self.solicits { 1 } else { 2 });
        let answers = !self.solicits && icmp.bytes5to8()[0] & 0x40 != 0;
        let multicast = |address: &[u8]| address.first() == Some(&0xff);
        let asks_for_nobody = self.solicits && source == [0; 16];
        let misplaced = multicast(target)
            || multicast(&source)
            || (answers && multicast(&destination))
            || (asks_for_nobody && (mac.is_some() || destination != solicited_node(target)));
        (intact && !misplaced).then(|| Sender {
            mac: mac.unwrap_or(taken.source),
            answers,
        })
    }
}

/// "HC' = ~(~HC + ~m + m')" (RFC 1624), for as many words as there are.
pub(super) fn replaced(checksum: [u8; 2], before: &[u8], after: &[u8]) -> [u8; 2] {
    let words = |bytes: &[u8]| {
        let pairs = bytes.chunks(2);
        Vec::from_iter(pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])))
    };
    let mut sum = u32::from(!u16::from_be_bytes(checksum));
    for (old, new) in words(before).into_iter().zip(words(after)) {
        sum += u32::from(!old) + u32::from(new);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

/// "The solicited-node multicast address is formed by taking the low-order 24 bits of an address and
/// appending those bits to the prefix FF02:0:0:0:0:1:FF00::/104" (RFC 4291 section 2.7.1).
fn solicited_node(address: &[u8]) -> [u8; 16] {
    let mut group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0];
    group[13..].copy_from_slice(&address[13..]);
    group
}

/// A message that is received.
pub(super) fn received(
    setting: &Setting,
    taken: &Taken<'_>,
    message: &Message<'_>,
) -> Option<Opinion> {
    let target = message.target();
    let speaker = if message.solicits {
        Some(message.header.source())
    } else {
        target.and_then(|target| target.try_into().ok())
    };
    let vips = &setting.vips_v6;
    if let Some(vip) = speaker.and_then(|speaker| taken.vip(vips, &speaker)) {
        let sender = message.sender(taken)?;
        let claim = Claim {
            mac: sender.mac,
            announced: !message.solicits && !sender.answers,
            conflict: Counter::NdConflict,
        };
        return claim::opinion(setting, taken, vip, &claim);
    }
    if !message.solicits {
        return None;
    }
    let vip = taken.vip(vips, target?)?;
    let ignored = || Opinion::counted(taken.frame, Fate::Drop, vip.slot, Counter::NdIgnored);
    if !setting.role(vip.slot).answers() {
        return Some(ignored());
    }
    let sender = message.sender(taken)?;
    if sender.mac[0] % 2 == 1 {
        return Some(ignored());
    }
    let counter = Counter::NdAnswered;
    let mut opinion = Opinion::counted(taken.frame, Fate::Answer, vip.slot, counter);
    opinion.outcome.frame = answer(taken, message, &sender, vip);
    Some(opinion)
}

/// Whether a message lies behind extension headers.
pub(super) fn is_in(upper: &Upper<'_>) -> bool {
    let kind = upper.behind.first().filter(|_| upper.begins);
    let kinds = [SOLICITATION, ADVERTISEMENT];
    upper.number == IpNumber::IPV6_ICMP && kind.is_some_and(|kind| kinds.contains(kind))
}

/// A message behind extension headers: a solicitation that nobody but the owner's stack may hear.
pub(super) fn hidden(setting: &Setting, taken: &Taken<'_>, upper: &Upper<'_>) -> Option<Opinion> {
    if upper.behind.first() != Some(&SOLICITATION) {
        return None;
    }
    let vip = taken.vip(&setting.vips_v6, upper.behind.get(8..24)?)?;
    let counter = Counter::NdIgnored;
    (!setting.role(vip.slot).answers())
        .then(|| Opinion::counted(taken.frame, Fate::Drop, vip.slot, counter))
}

/// Section 7.2.4: to the asker, solicited; or to all nodes where the asker has no address yet.
fn answer(taken: &Taken<'_>, question: &Message<'_>, asker: &Sender, vip: &Vip<16>) -> Vec<u8> {
    let solicited = question.header.source() != [0; 16];
    let (destination, mac) = if solicited {
        (question.header.source(), asker.mac)
    } else {
        (ALL_NODES, [0x33, 0x33, 0, 0, 0, 1])
    };
    let target = vip.address;
    let body = [&target[..], &[2, 1], &vip.mac].concat();
    let kind = Icmpv6Type::NeighborAdvertisement(NeighborAdvertisementHeader {
        router: true,
        solicited,
        r#override: true,
    });
    let message = Icmpv6Header::with_checksum(kind, target, destination, &body).unwrap();
    let header = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: 32,
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: 255,
        source: target,
        destination,
    };
    let tags_and_type = &taken.frame[12..taken.frame.len() - taken.payload.len()];
    [
        &mac[..],
        &vip.mac,
        tags_and_type,
        &header.to_bytes(),
        &message.to_bytes(),
        &body,
    ]
    .concat()
}
