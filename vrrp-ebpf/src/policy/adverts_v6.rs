//! Adverts over IPv6: the receive checks of RFC 9568 section 7.1, in the order of those over IPv4.

use super::{
    Place, Tables, Verdict,
    adverts::{self, CheckedAdvert, Destined, Source},
    counts::Flag,
    list::{self, List, SIX},
};
use crate::{
    abi::{Counter, NO_ROUTER, RouterEntry, router_flags},
    frame::Frame,
    wire::{
        ethernet,
        ipv6::{self, Ipv6, Upper},
        vrrp::{ADVERTISEMENT, GROUP_V6, HEADER, Header, PROTOCOL},
    },
};

/// Chunks of the longest list: 255 addresses.
const CHUNKS: usize = 255 * SIX / list::CHUNK;
/// Bytes of the shortest frame with an advert's header in it.
const SHORTEST_FRAME: usize = ethernet::HEADER + ipv6::HEADER + HEADER;
/// Where the count stands in the header.
const COUNT_AT: usize = 3;

/// The verdict on a packet of protocol 112; nothing if it is not for a virtual router of ours.
#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    ip: &Ipv6,
    upper: &Upper,
) -> Option<Verdict> {
    // As over IPv4, only the first fragment says which VRID the packet has.
    if upper.is_later_fragment() || upper.length < 2 {
        return None;
    }
    let [_, vrid] = frame.read(upper.at)?;
    //= C15: RFC 9568 section 7.1
    let entry = tables.router(&place.router_v6(vrid));
    let destination = ipv6::address(frame, ip.destination_at())?;
    let group = destination == u128::from_be_bytes(GROUP_V6);
    let Some(entry) = entry else {
        // Another daemon here may have that virtual router, so the stack gets the advert.
        return group.then_some(Verdict::pass(NO_ROUTER, Counter::UnknownVrid));
    };
    let primary = u128::from_be_bytes(entry.primary);
    match adverts::destined(frame, group, destination == primary, entry) {
        Destined::Right => {}
        Destined::Wrong => return Some(Verdict::drop(entry.slot, Counter::BadDestination)),
        Destined::Elsewhere => return None,
    }
    //= C23: common practice
    if ipv6::address(frame, ip.source_at())? == primary {
        return Some(Verdict::drop(entry.slot, Counter::OwnSource));
    }
    // From here on the verifier need not follow frames with and without a tag or extension headers
    // one by one.
    let ip = Ipv6 {
        at: frame.blur(ip.at),
        ..*ip
    };
    let upper = Upper {
        at: frame.blur(upper.at),
        length: frame.blur(upper.length),
        ..*upper
    };
    //= C13: RFC 9568 section 7.1
    if upper.is_fragment() {
        return Some(Verdict::drop(entry.slot, Counter::BadLength));
    }
    Some(match check(frame, tables, place, &ip, &upper, entry) {
        Ok(advert) => {
            // Read again: kept, it would take up a quarter of a BPF program's stack.
            let address = ipv6::address(frame, ip.source_at())?.to_be_bytes();
            let [.., a, b, c, d] = address;
            let source = Source {
                address,
                tail: [a, b, c, d],
            };
            adverts::accept(frame, tables, source, entry, advert)
        }
        //= C24: RFC 9568 section 7.1
        Err(counter) => Verdict::drop(entry.slot, counter).blurred(frame),
    })
}

#[inline(always)]
fn check<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    ip: &Ipv6,
    upper: &Upper,
    entry: &RouterEntry,
) -> Result<CheckedAdvert, Counter> {
    // The first condition follows from the others, and spares the verifier paths.
    let complete = frame.read::<1>(SHORTEST_FRAME - 1).is_some()
        && upper.length >= HEADER
        && frame.read::<1>(upper.at + upper.length - 1).is_some();
    //= C13: RFC 9568 section 7.1
    if !complete {
        return Err(Counter::BadLength);
    }
    let [count] = frame.read(upper.at + COUNT_AT).ok_or(Counter::BadLength)?;
    let list = List::read::<SIX, CHUNKS, _>(frame, upper.at + HEADER, usize::from(count));
    // Read again behind the loops, for the same reason as their own numbers are blurred.
    let at = frame.blur(upper.at);
    let word = frame.word(at).ok_or(Counter::BadLength)?;
    let header = Header::parse(word.to_be_bytes());
    let source = ipv6::address(frame, ip.source_at()).ok_or(Counter::BadLength)?;
    let unicast = entry.flags & router_flags::UNICAST != 0;
    //= C81: RFC 9568 section 5.1.2.1
    //= C81: RFC 4291 section 2.5.3
    //= C81: RFC 4291 section 2.7
    let possible = ipv6::is_link_local(source) || unicast && ipv6::is_unicast(source);
    let named = place.vip_v6(frame, tables, ip.source_at());
    if !possible || adverts::is_impostor(named, entry, header.priority) {
        return Err(Counter::MartianSource);
    }
    //= C10: RFC 9568 section 7.1
    adverts::check_sender(tables, source.to_be_bytes(), ip.hop_limit, entry)?;
    //= C11: RFC 9568 section 7.1
    // There is no version 2 for IPv6.
    if header.version != 3 || entry.flags & router_flags::ACCEPT_V3 == 0 {
        return Err(Counter::BadVersion);
    }
    //= C17: RFC 9568 erratum 8301
    if header.interval_cs() == 0 {
        return Err(Counter::BadInterval);
    }
    //= C12: RFC 9568 section 5.2.2
    if header.kind != ADVERTISEMENT {
        return Err(Counter::BadType);
    }
    //= C16: RFC 9568 erratum 8299
    if header.count == 0 {
        return Err(Counter::BadCount);
    }
    //= C13: RFC 9568 section 7.1
    if upper.length != header.length_v6() {
        return Err(Counter::BadLength);
    }
    let list = list.ok_or(Counter::BadLength)?;
    #[expect(clippy::cast_possible_truncation, reason = "of a 16-bit length")]
    let length = upper.length as u16;
    let sum = list
        .sum
        .add_word(word)
        .add_pseudo_v6(frame, ip.source_at(), length, PROTOCOL)
        .ok_or(Counter::BadLength)?;
    //= C14: RFC 9568 section 7.1
    if !sum.is_valid() {
        return Err(Counter::BadChecksum);
    }
    let first = ipv6::address(frame, upper.at + HEADER).ok_or(Counter::BadLength)?;
    //= C22: RFC 9568 erratum 8300
    if !ipv6::is_link_local(first) && !unicast {
        return Err(Counter::BadAddressList);
    }
    let list_differs =
        u16::from(header.count) != entry.address_count || list.digest != entry.address_digest;
    Ok(CheckedAdvert {
        header: Header::parse(frame.blur_word(word).to_be_bytes()),
        plain: Flag::NO,
        pseudo_header: Flag::NO,
        list_differs: Flag::new(frame, list_differs),
        refuses_ours: Flag::NO,
    })
}
