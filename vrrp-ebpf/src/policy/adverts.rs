//! Adverts over IPv4: the receive checks of RFC 9568 section 7.1 and RFC 3768 section 7.1, in
//! keepalived's order.

use super::{
    Action, Counts, NO_EVENT, Place, Submission, Tables, Verdict,
    counts::Flag,
    list::{self, FOUR, List},
};
use crate::{
    abi::{
        Counter, Event, EventKind, Follow, NO_ROUTER, PeerKey, RouterEntry, VipEntry,
        address_digest, event_flags, router_flags,
    },
    checksum::{self, Sum},
    election::{Candidate, OWNER},
    frame::{Frame, WORD},
    ownership::State,
    types::v4_bytes,
    wire::{
        ethernet,
        ipv4::{self, Ipv4},
        vrrp::{ADVERTISEMENT, AUTH_DATA, GROUP_V4, HEADER, Header, TTL},
    },
};

/// Bytes of an address.
const ADDRESS: usize = 4;
/// Chunks of the longest list: 255 addresses.
const CHUNKS: usize = 255 * ADDRESS / WORD / list::CHUNK;
/// Bytes of the shortest frame with an advert's header in it.
const SHORTEST_FRAME: usize = ethernet::HEADER + ipv4::MIN_HEADER + HEADER;
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
    //= C15: RFC 9568 section 7.1
    let Some(entry) = tables.router(&place.router_v4(vrid)) else {
        // Another daemon here may have that virtual router, so the stack gets the advert.
        return (ip.destination == GROUP_V4)
            .then_some(Verdict::pass(NO_ROUTER, Counter::UnknownVrid));
    };
    let [a, b, c, d, ..] = entry.primary;
    let primary = [a, b, c, d];
    match destined(
        frame,
        ip.destination == GROUP_V4,
        ip.destination == primary,
        entry,
    ) {
        Destined::Right => {}
        Destined::Wrong => return Some(Verdict::drop(entry.slot, Counter::BadDestination)),
        Destined::Elsewhere => return None,
    }
    //= C23: common practice
    if ip.source == primary {
        return Some(Verdict::drop(entry.slot, Counter::OwnSource));
    }
    // From here on the verifier need not follow tagged and untagged frames one by one.
    let ip = Ipv4 {
        at: frame.blur(ip.at),
        ..*ip
    };
    Some(match check(frame, tables, place, &ip, entry) {
        Ok(advert) => {
            let source = Source {
                address: v4_bytes(ip.source),
                tail: ip.source,
            };
            accept(frame, tables, source, entry, advert)
        }
        //= C24: RFC 9568 section 7.1
        Err(counter) => Verdict::drop(entry.slot, counter).blurred(frame),
    })
}

/// Where an advert goes.
pub(super) enum Destined {
    /// To us, in the way that our peers have.
    Right,
    /// To us, in the other way.
    Wrong,
    /// Not to us.
    Elsewhere,
}

/// Where an advert to the group, or to our own address, goes. One to the group is none of a unicast
/// router's: another daemon here may have the same VRID by multicast.
#[inline(always)]
pub(super) fn destined<F: Frame + ?Sized>(
    frame: &F,
    to_group: bool,
    to_us: bool,
    entry: &RouterEntry,
) -> Destined {
    // Blurred, or the verifier would follow the adverts of unicast routers and those to the group one by
    // one, through every loop to come.
    let unicast = frame.blur_word(u64::from(entry.flags & router_flags::UNICAST)) != 0;
    if to_us && unicast || to_group && !unicast {
        return Destined::Right;
    }
    //= C80: RFC 9568 section 5.1.1.2
    //= C80: RFC 9568 section 5.1.2.2
    if to_us {
        Destined::Wrong
    } else {
        Destined::Elsewhere
    }
}

/// An advert that passed.
#[derive(Clone, Copy)]
pub(super) struct CheckedAdvert {
    pub(super) header: Header,
    /// Version 3 over IPv4: whether the checksum covers the message alone.
    pub(super) plain: Flag,
    /// Version 3 over IPv4: whether it covers a pseudo-header as well.
    pub(super) pseudo_header: Flag,
    pub(super) list_differs: Flag,
    /// Its sender refuses our adverts, as long as it does not follow us: see
    /// [`event_flags::REFUSES_OURS`].
    pub(super) refuses_ours: Flag,
}

/// Where an advert came from.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// As records hold it.
    pub(super) address: [u8; 16],
    /// Its last four bytes.
    pub(super) tail: [u8; 4],
}

#[inline(always)]
fn check<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    ip: &Ipv4,
    entry: &RouterEntry,
) -> Result<CheckedAdvert, Counter> {
    // The first condition follows from the others. It makes the verifier know as much of a frame
    // without a VLAN tag as of one with.
    let complete = frame.read::<1>(SHORTEST_FRAME - 1).is_some()
        && ip.payload_length() >= HEADER
        && frame.read::<1>(ip.at + ip.total_length - 1).is_some();
    //= C13: RFC 9568 section 7.1
    if ip.is_fragment() || !complete {
        return Err(Counter::BadLength);
    }
    let word = frame.word(ip.payload()).ok_or(Counter::BadLength)?;
    let header = Header::parse(word.to_be_bytes());
    let contents = Contents::read(frame, ip, header.count);
    //= C81: RFC 1122 section 3.2.1.3
    let named = place.vip_v4(tables, ip.source);
    if ipv4::is_martian(ip.source) || is_impostor(named, entry, header.priority) {
        return Err(Counter::MartianSource);
    }
    //= C10: RFC 9568 section 7.1
    check_sender(tables, v4_bytes(ip.source), ip.ttl, entry)?;
    let spoken = match header.version {
        2 => router_flags::ACCEPT_V2,
        3 => router_flags::ACCEPT_V3,
        _ => 0,
    };
    //= C11: RFC 9568 section 7.1
    if entry.flags & spoken == 0 {
        return Err(Counter::BadVersion);
    }
    let auth_data = if header.version == 2 {
        check_authentication(frame, ip, entry, &header)?
    } else {
        [0; AUTH_DATA]
    };
    let interval = header.interval_cs();
    //= C17: RFC 9568 erratum 8301
    if interval == 0 {
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
    if ip.payload_length() != header.length_v4() {
        return Err(Counter::BadLength);
    }

    let contents = contents.ok_or(Counter::BadLength)?;
    // The stack has not checked the IP header yet.
    if !contents.ip.is_valid() {
        return Err(Counter::BadChecksum);
    }
    let sum = contents
        .sum
        .add_word(word)
        .add_word(u64::from_be_bytes(auth_data));
    //= C14: RFC 9568 section 7.1
    let pseudo_header = check_sum(ip, &header, sum)?;
    let list_differs =
        u16::from(header.count) != entry.address_count || contents.digest != entry.address_digest;
    //= C19: RFC 9568 section 7.1
    // Version 3 must not refuse a differing interval; version 2 must, unless it stands beside it.
    let fixed = header.version == 2 && entry.flags & router_flags::ACCEPT_V3 == 0;
    let list_matters = header.version == 2
        && header.priority != OWNER
        && entry.flags & router_flags::SKIP_ADDRESS_CHECK == 0;
    let refuses_ours = (fixed && interval != entry.interval_cs) || (list_matters && list_differs);
    Ok(CheckedAdvert {
        header: Header::parse(frame.blur_word(word).to_be_bytes()),
        plain: Flag::new(frame, header.version == 3 && !pseudo_header),
        pseudo_header: Flag::new(frame, pseudo_header),
        list_differs: Flag::new(frame, list_differs),
        refuses_ours: Flag::new(frame, refuses_ours),
    })
}

/// Whether an advert comes from a virtual IP of its own virtual router (`named`, the virtual IP that
/// the source is), and not from the owner: that one says 255, or 0 when it leaves. The virtual IP of
/// another virtual router may well be the address of a Backup.
#[inline(always)]
pub(super) fn is_impostor(named: Option<&VipEntry>, entry: &RouterEntry, priority: u8) -> bool {
    //= C81: RFC 9568 section 5.1.1.1
    //= C81: RFC 9568 section 5.1.2.1
    let ours = named.is_some_and(|vip| vip.slot == entry.slot);
    ours && priority != 0 && priority != OWNER
}

/// The way that an advert has come. One from the link has a TTL of 255, and nobody elsewhere can
/// make one that has; only a unicast peer that is known to be farther away may have less.
#[inline(always)]
pub(super) fn check_sender<T: Tables>(
    tables: &T,
    source: [u8; 16],
    ttl: u8,
    entry: &RouterEntry,
) -> Result<(), Counter> {
    let (mut least, mut most) = (TTL, TTL);
    if entry.flags & router_flags::UNICAST != 0 {
        let key = PeerKey {
            slot: entry.slot,
            address: source,
        };
        match tables.peer(&key) {
            Some(peer) => (least, most) = (peer.min_ttl, peer.max_ttl),
            None if entry.flags & router_flags::CHECK_SOURCE != 0 => {
                return Err(Counter::BadSource);
            }
            None => {}
        }
    }
    //= C9: draft-abinabraham-vrrp-unicast
    if ttl < least || ttl > most {
        return Err(Counter::BadTtl);
    }
    Ok(())
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
    //= C21: RFC 3768 section 7.1
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

/// What takes loops to read. It is read before anything depends on the advert's header, so that the
/// verifier follows each loop once and not once per kind of advert.
#[derive(Clone, Copy)]
struct Contents {
    /// Sum of the IP header.
    ip: Sum,
    /// Sum of the address list.
    sum: Sum,
    /// Digest of the address list.
    digest: u32,
}

impl Contents {
    /// Reads the IP header and `count` addresses. Nothing if they are not all there.
    #[inline(always)]
    fn read<F: Frame + ?Sized>(frame: &F, ip: &Ipv4, count: u8) -> Option<Self> {
        let header = checksum::ipv4_header(frame, ip.at, ip.header_length)?;
        let at = frame.blur(ip.payload() + HEADER);
        let count = usize::from(count);
        // Two addresses are a word.
        let words = count * ADDRESS / WORD;
        let List { sum, digest } = List::read::<FOUR, CHUNKS, _>(frame, at, words)?;
        let mut contents = Self {
            ip: header,
            sum,
            digest,
        };
        if count % 2 != 0 {
            let last = frame.read(frame.blur(at + words * WORD))?;
            contents.sum = sum.add(last);
            contents.digest = address_digest(digest, last);
        }
        Some(contents)
    }
}

/// Tells whether the checksum of the message covers a pseudo-header (RFC 9568 section 5.2.8 has
/// none, RFC 5798 was read to have one; version 2 never has).
#[inline(always)]
fn check_sum(ip: &Ipv4, header: &Header, sum: Sum) -> Result<bool, Counter> {
    //= C8: RFC 9568 section 5.2.8
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
pub(super) fn accept<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    source: Source,
    entry: &RouterEntry,
    advert: CheckedAdvert,
) -> Verdict {
    let Header {
        version,
        priority,
        count,
        ..
    } = advert.header;
    let interval_cs = advert.header.interval_cs();
    let stamp = tables.now();
    // As the node wrote it: a node that was silenced and does not know it must be woken.
    let state = tables.standing(entry.slot).word.state();
    let follow = tables.follow(entry.slot);
    let version_2_alone = entry.flags & router_flags::ACCEPT_V3 == 0;
    // The router that we follow, or followed last, is none that got our VRID by mistake: while a new list or
    // interval goes from router to router, one has it before the other. Deaf to it, we would serve beside it.
    if advert.refuses_ours.holds() && source.tail != follow.source_tail {
        //= C19, C20: RFC 3768 section 7.1
        let counter = if version_2_alone && interval_cs != entry.interval_cs {
            Counter::BadInterval
        } else {
            Counter::BadAddressList
        };
        return Verdict::drop(entry.slot, counter).blurred(frame);
    }

    // Not to be preempted while it does not hear us. The interval of version 2 beside version 3 is
    // rounded up: the node goes by its records then.
    let spared = version_2_alone && advert.refuses_ours.holds();
    let alive =
        priority != 0 && (priority >= follow.restart_min || state == State::Retiring || spared);
    let sender = Candidate {
        priority,
        address: u128::from_be_bytes(source.address),
    };
    let ours = Candidate {
        priority: entry.priority,
        address: u128::from_be_bytes(entry.primary),
    };
    //= C18: RFC 3768 section 7.1
    let discarded = version == 2 && entry.priority == OWNER;
    let better = priority != 0 && !discarded && sender.deposes(ours);
    let followed = Follow {
        source_tail: source.tail,
        interval_cs,
        priority,
        restart_min: follow.restart_min,
    };
    // What is followed in version 3, said once more in version 2 (RFC 9568 section 8.4.2).
    let said_again = version == 2
        && entry.flags & router_flags::ACCEPT_V3 != 0
        && (followed.source_tail, priority) == (follow.source_tail, follow.priority);
    let known = followed == follow || said_again;
    let quiet = priority != 0 && known && state == State::Idle;
    let leaves = Flag::new(frame, priority == 0);
    // Version 2 has refused it.
    let interval_differs = Flag::new(frame, interval_cs != entry.interval_cs);
    //= C20: RFC 9568 section 7.1
    let flags = advert.list_differs.bits(event_flags::ADDRESS_LIST_DIFFERS)
        | advert.refuses_ours.bits(event_flags::REFUSES_OURS)
        | advert.pseudo_header.bits(event_flags::CHECKSUM_PSEUDO);
    Verdict {
        counters: Counts::of([
            (Counter::AdvertAccepted, Flag::YES),
            (Counter::AdvertPriorityZero, leaves),
            (Counter::ChecksumPlain, advert.plain),
            (Counter::ChecksumPseudo, advert.pseudo_header),
            (Counter::AddressListDiffers, advert.list_differs),
            (Counter::IntervalDiffers, interval_differs),
        ]),
        seen: if alive { stamp } else { 0 },
        better_seen: if better { stamp } else { 0 },
        submission: if quiet {
            Submission::Quiet
        } else {
            Submission::Wake
        },
        event: Event {
            stamp,
            slot: entry.slot,
            source: source.address,
            mac: ethernet::source(frame).unwrap_or_default(),
            interval_cs,
            kind: EventKind::Advert as u8,
            version,
            priority,
            flags,
            count,
            ..NO_EVENT
        },
        ..Verdict::new(Action::Pass, entry.slot, Counts::NONE)
    }
}
