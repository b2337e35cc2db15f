//! Adverts through the encoder of one half and the receive checks of the other.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use vrrp_ebpf::{
    abi::{Event, EventKind, address_digest, event_flags, router_flags},
    policy::{self, Link},
    types::Mac,
    wire::{
        arp::Arp,
        encode::{self, Format, Message},
        vrrp::{GROUP_V4, GROUP_V6, Header, PROTOCOL},
    },
};
use vrrp_tests::{
    datapath::world::{IFINDEX, SLOT, World, wide},
    frames::{PEER, Packet},
};

use crate::{bytes::Bytes, repair};

const MAC: Mac = [2, 0, 0, 0, 0, 9];
const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;
/// More than a message with 255 addresses has.
const LONGEST: usize = 2000;

/// What we send is understood as it was meant, and what is understood would have been sent the same.
/// The first byte of the input says which: even, fields of an advert; odd, a message.
pub fn codec(input: &[u8]) {
    match input.split_first() {
        None => {}
        Some((kind, fields)) if kind % 2 == 0 => encode(Bytes(fields)),
        Some((_, message)) => decode(message),
    }
}

/// From fields to a frame, and what others make of it.
fn encode(mut fields: Bytes<'_>) {
    let kind = fields.byte();
    let password = Some(fields.array());
    let format = match kind & 3 {
        0 => Format::V2 { password: None },
        1 => Format::V2 { password },
        2 => Format::V3 {
            pseudo_header: false,
        },
        _ => Format::V3 {
            pseudo_header: true,
        },
    };
    let [vrid, priority] = fields.array();
    // 0 to 328 s: both versions end before.
    let interval = Duration::from_millis(u64::from(u16::from_be_bytes(fields.array())) * 5);
    let source = match kind & 4 {
        0 => IpAddr::V4(Ipv4Addr::from(fields.array::<4>())),
        _ => IpAddr::V6(Ipv6Addr::from(fields.array::<16>())),
    };
    let mut addresses = Vec::new();
    if kind & 8 != 0 {
        addresses.push(IpAddr::V4(Ipv4Addr::from(fields.array::<4>())));
    }
    while !fields.0.is_empty() {
        addresses.push(match source {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(fields.array::<4>())),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(fields.array::<16>())),
        });
    }

    let message = Message {
        format,
        vrid,
        priority,
        interval,
        addresses: &addresses,
        source,
    };
    let sent = encode::advert(MAC, &message);
    assert_eq!(sent.is_ok(), can_be_said(&message), "{sent:?} {message:?}");
    if let Ok(sent) = sent {
        match source {
            IpAddr::V4(source) => is_understood(&sent, &message, source),
            IpAddr::V6(source) => is_well_formed(&sent, &message, source),
        }
    }
    for address in addresses {
        is_announced(address);
    }
}

/// Whether a version has words for the message.
fn can_be_said(message: &Message<'_>) -> bool {
    let mut addresses = message.addresses.iter();
    let one_family = addresses.all(|address| address.is_ipv4() == message.source.is_ipv4());
    let interval = message.interval.as_millis();
    let version = match message.format {
        Format::V2 { .. } => message.source.is_ipv4() && (1_000..256_000).contains(&interval),
        Format::V3 { .. } => (10..40_960).contains(&interval),
    };
    one_family && version && (1..=255).contains(&message.addresses.len())
}

/// A node that listens for this advert takes it for what it is.
fn is_understood(sent: &[u8], message: &Message<'_>, source: Ipv4Addr) {
    let addresses = message
        .addresses
        .iter()
        .filter_map(|address| match address {
            IpAddr::V4(address) => Some(address.octets()),
            IpAddr::V6(_) => None,
        });
    let (unit, password) = match message.format {
        Format::V2 { password } => (1000, password),
        Format::V3 { .. } => (10, None),
    };
    let interval = message.interval.as_millis() / unit * unit;
    let [a, b, c, d] = source.octets();
    let world = listener(&Expected {
        vrid: message.vrid,
        interval_cs: u16::try_from(interval / 10).unwrap_or(u16::MAX),
        password,
        addresses: addresses.collect(),
        primary: [a, b, c, !d],
    });
    let event = accepted(&world, sent).map(|event| {
        let interval = u128::from(event.interval_cs) * 10;
        let header = (event.version, event.priority, usize::from(event.count));
        (header, interval, event.source, event.mac, event.flags)
    });

    let (version, pseudo_header) = match message.format {
        Format::V2 { .. } => (2, false),
        Format::V3 { pseudo_header } => (3, pseudo_header),
    };
    // A pseudo-header can sum up to nothing.
    let plain = repair::is_intact(sent.get(ETHERNET + IPV4..).unwrap_or_default());
    assert!(plain || pseudo_header, "{message:?}");
    let flags = if plain {
        0
    } else {
        event_flags::CHECKSUM_PSEUDO
    };
    let header = (version, message.priority, message.addresses.len());
    let expected = (header, interval, wide(source.octets()), MAC, flags);
    assert_eq!(event, Some(expected), "{message:?}");
}

/// An advert over IPv6 has the fields and the checksum of RFC 9568 sections 5.1 and 5.2.
fn is_well_formed(sent: &[u8], message: &Message<'_>, source: Ipv6Addr) {
    let bytes = sent.get(ETHERNET + IPV6..).unwrap_or_default();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let summed = [
        &source.octets()[..],
        &GROUP_V6,
        &length.to_be_bytes(),
        &[0, 0, 0, PROTOCOL],
        bytes,
    ]
    .concat();
    assert!(repair::is_intact(&summed), "{message:?}");

    let (header, list) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let header = Header::parse(*header);
    let fields = (header.version, header.kind, header.vrid, header.priority);
    assert_eq!(fields, (3, 1, message.vrid, message.priority));
    let interval = u128::from(header.interval_cs());
    assert_eq!(interval, message.interval.as_millis() / 10);
    let (listed, rest) = list.as_chunks::<16>();
    let listed = listed.iter().map(|octets| IpAddr::from(*octets));
    assert!(listed.eq(message.addresses.iter().copied()) && rest.is_empty());
    assert_eq!(usize::from(header.count), message.addresses.len());
}

/// An announcement says of an address that it is at our MAC.
fn is_announced(address: IpAddr) {
    let sent = encode::announcement(MAC, address, true);
    match address {
        IpAddr::V4(address) => {
            let said = Arp::parse(sent.as_slice(), ETHERNET);
            let said = said.map(|arp| (arp.operation, arp.sender_mac, arp.sender, arp.target));
            let address = address.octets();
            assert_eq!(said, Some((1, MAC, address, address)));
        }
        // Header, target, and the option with the MAC.
        IpAddr::V6(_) => assert_eq!(sent.len(), ETHERNET + IPV6 + 8 + 16 + 8),
    }
}

/// From bytes to what a node makes of them, and how it would have said it.
fn decode(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let mut bytes = bytes.to_vec();
    repair::message(&mut bytes);
    let Some((header, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let header = Header::parse(*header);
    let (listed, tail) = rest
        .split_at_checked(usize::from(header.count) * 4)
        .unwrap_or((rest, &[]));
    let (addresses, _) = listed.as_chunks::<4>();
    let auth_data = tail.first_chunk().copied().unwrap_or_default();
    let second = header.version == 2;
    let password = (second && header.auth_type() == 1).then_some(auth_data);
    let world = listener(&Expected {
        vrid: header.vrid,
        interval_cs: header.interval_cs(),
        password,
        addresses: addresses.to_vec(),
        primary: [0; 4],
    });
    let packet = Packet {
        protocol: PROTOCOL,
        payload: bytes.clone(),
        ..Packet::to(GROUP_V4)
    };
    let event = accepted(&world, &packet.build());

    let known = header.kind == 1 && [2, 3].contains(&header.version);
    let said = header.count > 0 && header.interval_cs() > 0;
    let authentic = !second || header.auth_type() <= 1;
    let whole = bytes.len() == header.length_v4();
    assert_eq!(event.is_some(), known && said && authentic && whole);
    let Some(event) = event else {
        return;
    };
    let addresses = addresses.iter().map(|octets| IpAddr::from(*octets));
    let addresses = Vec::from_iter(addresses);
    let message = Message {
        format: if second {
            Format::V2 { password }
        } else {
            Format::V3 {
                pseudo_header: false,
            }
        },
        vrid: header.vrid,
        priority: event.priority,
        interval: Duration::from_millis(u64::from(event.interval_cs) * 10),
        addresses: &addresses,
        source: IpAddr::from(PEER),
    };
    let mut encoded = message.encode().unwrap_or_default();
    // What a receiver ignores, and a sender sets to zero: reserved bits, and data of no
    // authentication.
    if !second && let (Some(ours), Some(theirs)) = (encoded.get_mut(4), bytes.get(4)) {
        *ours |= theirs & 0xf0;
    }
    if second && password.is_none() {
        let at = encoded.len().saturating_sub(auth_data.len());
        encoded.truncate(at);
        encoded.extend(auth_data);
    }
    repair::message(&mut encoded);
    assert_eq!(encoded, bytes);
}

/// What a node expects of an advert.
struct Expected {
    vrid: u8,
    interval_cs: u16,
    password: Option<[u8; 8]>,
    addresses: Vec<[u8; 4]>,
    primary: [u8; 4],
}

/// A node with one virtual router, which speaks both versions.
fn listener(expected: &Expected) -> World {
    let mut world = World::new();
    world.routers.truncate(1);
    for (key, entry) in &mut world.routers {
        key.vrid = expected.vrid;
        entry.flags = router_flags::ACCEPT_V2 | router_flags::ACCEPT_V3;
        entry.primary = wide(expected.primary);
        let digest = |digest, address: &[u8; 4]| address_digest(digest, *address);
        entry.address_digest = expected.addresses.iter().fold(0, digest);
        entry.address_count = u16::try_from(expected.addresses.len()).unwrap_or(u16::MAX);
        entry.interval_cs = expected.interval_cs;
        entry.auth_type = u8::from(expected.password.is_some());
        entry.auth_data = expected.password.unwrap_or_default();
    }
    world
}

/// The record of an advert that passes all checks.
fn accepted(world: &World, frame: &[u8]) -> Option<Event> {
    let link = Link {
        ifindex: IFINDEX,
        stripped_vlan: 0,
    };
    let event = policy::ingress(frame, world, link)?.event;
    (event.kind == EventKind::Advert as u8 && event.slot == SLOT).then_some(event)
}
