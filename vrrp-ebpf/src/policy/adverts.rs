//! Adverts over IPv4: the receive checks of RFC 9568 section 7.1 and RFC 3768 section 7.1, in
//! keepalived's order.

use super::{Action, NO_EVENT, Place, Report, Tables, Verdict, v4};
use crate::{
    abi::{
        Counter, Event, EventKind, Follow, RouterEntry, address_digest, event_flags, router_flags,
    },
    checksum::{self, Sum},
    frame::Frame,
    ownership::State,
    wire::{
        ethernet,
        ipv4::Ipv4,
        vrrp::{ADVERTISEMENT, AUTH_DATA, GROUP_V4, HEADER, Header, TTL},
    },
};

const MAX_ADDRESSES: usize = 255;
const OWNER_PRIORITY: u8 = 255;
const SIMPLE_PASSWORD: u8 = 1;

/// The verdict on a packet of protocol 112; nothing if it is not for a virtual router of ours.
#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    ip: &Ipv4,
) -> Option<Verdict> {
    // Only the first fragment says which VRID the packet has. It is refused, so that the rest
    // never becomes a packet.
    if ip.is_later_fragment() || ip.payload_length() < 2 {
        return None;
    }
    let [_, vrid] = frame.read(ip.payload())?;
    let entry = tables.router(&place.router_v4(vrid))?;
    let [a, b, c, d, ..] = entry.primary;
    let primary = [a, b, c, d];
    if ip.destination != GROUP_V4 && ip.destination != primary {
        return None;
    }
    if ip.source == primary {
        return Some(Verdict::drop(entry.slot, Counter::OwnSource));
    }
    Some(match check(frame, ip, entry) {
        Ok(advert) => accept(frame, tables, ip, entry, advert),
        Err(counter) => Verdict::drop(entry.slot, counter),
    })
}

/// An advert that passed.
#[derive(Clone, Copy)]
struct Advert {
    header: Header,
    pseudo_header: bool,
    list_differs: bool,
}

#[inline(always)]
fn check<F: Frame + ?Sized>(frame: &F, ip: &Ipv4, entry: &RouterEntry) -> Result<Advert, Counter> {
    let complete =
        ip.payload_length() >= HEADER && frame.read::<1>(ip.at + ip.total_length - 1).is_some();
    if ip.is_fragment() || !complete {
        return Err(Counter::BadLength);
    }
    let bytes = frame.read(ip.payload()).ok_or(Counter::BadLength)?;
    let header = Header::parse(bytes);
    if ip.ttl != TTL {
        return Err(Counter::BadTtl);
    }
    let spoken = match header.version {
        2 => router_flags::ACCEPT_V2,
        3 => router_flags::ACCEPT_V3,
        _ => 0,
    };
    if entry.flags & spoken == 0 {
        return Err(Counter::BadVersion);
    }
    let auth_data = if header.version == 2 {
        check_authentication(frame, ip, entry, &header)?
    } else {
        [0; AUTH_DATA]
    };
    let interval = header.interval_cs();
    // Version 3 must not refuse a differing interval; version 2 must.
    if interval == 0 || (header.version == 2 && interval != entry.interval_cs) {
        return Err(Counter::BadInterval);
    }
    if header.kind != ADVERTISEMENT {
        return Err(Counter::BadType);
    }
    if header.count == 0 {
        return Err(Counter::BadCount);
    }
    if ip.payload_length() != header.length_v4() {
        return Err(Counter::BadLength);
    }

    let (sum, digest) =
        sum_addresses(frame, ip.payload() + HEADER, header.count).ok_or(Counter::BadLength)?;
    let pseudo_header = check_sums(frame, ip, &header, sum.add_pair(bytes).add_pair(auth_data))?;
    let list_differs =
        u16::from(header.count) != entry.address_count || digest != entry.address_digest;
    if list_differs
        && header.version == 2
        && header.priority != OWNER_PRIORITY
        && entry.flags & router_flags::SKIP_ADDRESS_CHECK == 0
    {
        return Err(Counter::BadAddressList);
    }
    Ok(Advert {
        header,
        pseudo_header,
        list_differs,
    })
}

/// Auth Type and password of a version 2 advert; returns the authentication data, which the
/// checksum covers.
#[inline(always)]
fn check_authentication<F: Frame + ?Sized>(
    frame: &F,
    ip: &Ipv4,
    entry: &RouterEntry,
    header: &Header,
) -> Result<[u8; AUTH_DATA], Counter> {
    if header.auth_type() != entry.auth_type {
        return Err(Counter::BadAuthType);
    }
    // Bytes beyond the packet are padding, not a password.
    if ip.payload_length() < header.length_v4() {
        return Err(Counter::BadLength);
    }
    let data = frame
        .read(ip.payload() + header.length_v4() - AUTH_DATA)
        .ok_or(Counter::BadLength)?;
    if entry.auth_type == SIMPLE_PASSWORD && data != entry.auth_data {
        return Err(Counter::BadPassword);
    }
    Ok(data)
}

/// Sum and digest of the address list that starts `at` bytes into the frame.
#[inline(always)]
fn sum_addresses<F: Frame + ?Sized>(frame: &F, at: usize, count: u8) -> Option<(Sum, u32)> {
    let (mut sum, mut digest) = (Sum::ZERO, 0);
    for index in 0..MAX_ADDRESSES {
        if index >= usize::from(count) {
            break;
        }
        let address = frame.read(at + index * 4)?;
        sum = sum.add(address);
        digest = address_digest(digest, address);
    }
    Some((sum, digest))
}

/// Checks the checksums of the IP header, which the stack has not seen yet, and of the message.
/// Tells whether the latter covers a pseudo-header (RFC 9568 section 5.2.8 has none, RFC 5798 was
/// read to have one; version 2 never has).
#[inline(always)]
fn check_sums<F: Frame + ?Sized>(
    frame: &F,
    ip: &Ipv4,
    header: &Header,
    sum: Sum,
) -> Result<bool, Counter> {
    let ip_sum = checksum::ipv4_header(frame, ip.at, ip.header_length).ok_or(Counter::BadLength)?;
    if !ip_sum.is_valid() {
        return Err(Counter::BadChecksum);
    }
    if sum.is_valid() {
        return Ok(false);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "from the 16-bit total length"
    )]
    let length = ip.payload_length() as u16;
    if header.version == 3
        && sum
            .add_pseudo_v4(ip.source, ip.destination, length)
            .is_valid()
    {
        return Ok(true);
    }
    Err(Counter::BadChecksum)
}

#[inline(always)]
fn accept<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    ip: &Ipv4,
    entry: &RouterEntry,
    advert: Advert,
) -> Verdict {
    let Header {
        version,
        priority,
        count,
        ..
    } = advert.header;
    let interval_cs = advert.header.interval_cs();
    let stamp = tables.now();
    let state = tables.ownership(entry.slot).state();
    let follow = tables.follow(entry.slot);

    let alive = priority != 0 && (priority >= follow.restart_min || state == State::Retiring);
    let followed = Follow {
        source_tail: ip.source,
        interval_cs,
        priority,
        restart_min: follow.restart_min,
    };
    let quiet = priority != 0 && followed == follow && state == State::Idle;
    let mut flags = 0;
    if advert.list_differs {
        flags |= event_flags::ADDRESS_LIST_DIFFERS;
    }
    if advert.pseudo_header {
        flags |= event_flags::CHECKSUM_PSEUDO;
    }
    Verdict {
        counters: [
            Some(Counter::AdvertAccepted),
            (priority == 0).then_some(Counter::AdvertPriorityZero),
            match (version, advert.pseudo_header) {
                (3, true) => Some(Counter::ChecksumPseudo),
                (3, false) => Some(Counter::ChecksumPlain),
                _ => None,
            },
            advert.list_differs.then_some(Counter::AddressListDiffers),
        ],
        seen: if alive { stamp } else { 0 },
        report: if quiet { Report::Quiet } else { Report::Wake },
        event: Event {
            stamp,
            slot: entry.slot,
            source: v4(ip.source),
            mac: ethernet::source(frame).unwrap_or_default(),
            interval_cs,
            kind: EventKind::Advert as u8,
            version,
            priority,
            flags,
            count,
            ..NO_EVENT
        },
        ..Verdict::new(Action::Pass, entry.slot, None)
    }
}
