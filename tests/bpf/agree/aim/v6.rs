//! IPv6: adverts, Neighbour Discovery and packets, in order but for one thing or two.

use vrrp_tests::{
    datapath::{
        v6::{PRIMARY, VIP, VIP_GLOBAL},
        world::{MAC, VLAN},
    },
    dice::Dice,
    frames::{
        Checksum, PEER_MAC,
        v6::{
            ALL_NODES, Advert, Extension, GROUP, Neighbour, PEER, Packet, RouterAdvert, link_layer,
        },
    },
};

use super::{
    advert::{BENDS, Bend},
    tag,
};
use crate::agree::setting::{Router, Setting, Vip};

/// An advert for one of the routers, bent so and perhaps once more.
pub(super) fn advert(dice: &mut Dice, setting: &Setting, bend: Bend) -> Vec<u8> {
    let router = &setting.routers_v6[dice.index(setting.routers_v6.len())];
    let mut advert = Advert {
        priority: dice.pick(&[100, 100, 100, 1, 254, 255]),
        timing: router.interval_cs.to_be_bytes(),
        ..Advert::v3(router.vrid, &router.addresses)
    };
    tag(dice, &mut advert.ethernet, router.vlan);
    // Each way, now and then, where the other one is usual.
    if dice.once_in(8) != router.unicast.is_some() {
        advert.ip.destination = PRIMARY;
    }
    let mut bends = vec![bend];
    if dice.once_in(3) {
        bends.push(dice.pick(&BENDS));
    }
    for bend in bends {
        apply(bend, dice, &mut advert, router);
    }
    advert.build()
}

fn apply(bend: Bend, dice: &mut Dice, advert: &mut Advert, router: &Router<16>) {
    let kind = advert.version_type & 0xf;
    match bend {
        // Of version 2, or of IPv4.
        Bend::None | Bend::Pseudo | Bend::Plain | Bend::AuthType | Bend::Password => {}
        Bend::Ttl => advert.ip.hop_limit = dice.pick(&[254, 1, 0, 64, 127]),
        Bend::Version => advert.version_type = dice.pick(&[0, 1, 2, 3, 4, 5, 15]) << 4 | kind,
        Bend::Type => advert.version_type = advert.version_type & 0xf0 | dice.byte() & 0xf,
        Bend::Length => length(dice, advert),
        Bend::Checksum => advert.checksum = dice.pick(&[Checksum::Wrong, Checksum::Plain]),
        Bend::Count => {
            advert.addresses.clear();
            if dice.once_in(4) {
                advert.count = Some(0);
                advert.addresses.push(VIP);
            }
        }
        Bend::Interval => {
            let [first, _] = advert.timing;
            let centiseconds = dice.pick(&[0, 0, 0, 1, 2, 3, 255]);
            advert.timing = [first & dice.pick(&[0xff, 0xf0]), centiseconds];
        }
        Bend::AddressList => addresses(dice, &mut advert.addresses),
        Bend::OwnSource => advert.ip.source = PRIMARY,
        Bend::Martian => {
            let mut mapped = [0; 16];
            mapped[10..].copy_from_slice(&[0xff, 0xff, 192, 168, 1, 2]);
            let mut loopback = [0; 16];
            loopback[15] = 1;
            let sources = [[0; 16], loopback, mapped, ALL_NODES, GROUP, VIP, VIP_GLOBAL];
            advert.ip.source = dice.pick(&sources);
        }
        Bend::Misdirected => advert.ip.destination = PRIMARY,
        Bend::Options => advert.ip.extensions = extensions(dice),
        Bend::Fragment => {
            let offset = dice.pick(&[1, 1, 0, 8, 9, 0xfff9]);
            advert.ip.extensions.push(Extension::fragment(offset));
        }
        Bend::Priority => advert.priority = dice.pick(&[0, 0, 0, 99, 101, 255]),
        Bend::Stranger => advert.vrid = dice.pick(&[router.vrid ^ 1, 0, 255, router.vrid]),
        Bend::Elsewhere => {
            advert.ip.destination = dice.pick(&[VIP, VIP_GLOBAL, PEER, ALL_NODES]);
        }
        Bend::Vlan => {
            let vlan = dice.pick(&[0, VLAN, VLAN + 1, router.vlan]);
            tag(dice, &mut advert.ethernet, vlan);
        }
    }
}

/// Makes the lengths disagree.
fn length(dice: &mut Dice, advert: &mut Advert) {
    let count = advert.addresses.len();
    let extensions = advert.ip.extensions.iter();
    let extensions: usize = extensions.map(|extension| extension.bytes.len()).sum();
    let true_length = extensions + 8 + 16 * count + advert.tail.len();
    let true_length = u16::try_from(true_length).unwrap();
    match dice.index(3) {
        0 => {
            let count = u8::try_from(count).unwrap();
            advert.count = Some(count.wrapping_add(dice.pick(&[1, 255, 2, 128])));
        }
        1 => advert.tail.extend(vec![0; 1 + dice.index(20)]),
        _ => {
            let by = i16::from(dice.byte() % 48) - 24;
            advert.ip.length = true_length.checked_add_signed(by);
        }
    }
}

/// Changes the list, or only its order, which makes another address the first.
fn addresses(dice: &mut Dice, addresses: &mut Vec<[u8; 16]>) {
    if addresses.is_empty() {
        return;
    }
    let at = dice.index(addresses.len());
    match dice.index(4) {
        0 => addresses[at][dice.index(16)] = dice.byte(),
        1 if addresses.len() > 1 => drop(addresses.remove(at)),
        2 => addresses.reverse(),
        _ if addresses.len() < 255 => addresses.push(VIP_GLOBAL),
        _ => {}
    }
}

/// Some extension headers, now and then more than are followed.
fn extensions(dice: &mut Dice) -> Vec<Extension> {
    let number = dice.pick(&[1, 1, 1, 2, 3, 5, 6]);
    Vec::from_iter((0..number).map(|_| match dice.index(4) {
        0 => Extension::hop_by_hop(),
        1 => Extension::destination_options(dice.pick(&[1, 2, 4])),
        2 => {
            let mut routing = Extension::routing();
            // Segments Left.
            routing.bytes[3] = dice.pick(&[0, 0, 0, 1]);
            routing
        }
        _ => Extension::fragment(dice.pick(&[0, 0, 0, 6, 1, 8])),
    }))
}

/// A virtual IP, mostly, and the VLAN it is in, mostly.
fn target(dice: &mut Dice, setting: &Setting) -> (Vip<16>, u16) {
    let vip = setting.vips_v6[dice.index(setting.vips_v6.len())];
    let vlan = if dice.once_in(16) { VLAN + 1 } else { vip.vlan };
    (vip, vlan)
}

/// Somebody asks for a virtual IP.
pub(super) fn request(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, setting);
    let mut message = if dice.once_in(4) {
        Neighbour::probe(vip.address)
    } else {
        Neighbour::who_has(vip.address)
    };
    match dice.index(8) {
        0 => message.options = link_layer(1, dice.pick(&[[0x33; 6], vip.mac, PEER_MAC])),
        1 => message.options.clear(),
        // A nonce (RFC 7527), and an option that is longer than what is read.
        2 => message.options = vec![14, 1, 1, 2, 3, 4, 5, 6],
        3 => message.options = vec![14, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        _ => {}
    }
    if dice.once_in(16) {
        message.ip.destination = dice.pick(&[vip.address, ALL_NODES]);
    }
    finished(dice, message, vlan)
}

/// Somebody speaks as a virtual IP.
pub(super) fn claim(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, setting);
    let mac = dice.pick(&[PEER_MAC, PEER_MAC, PEER_MAC, vip.mac]);
    let mut message = Neighbour::announcement(vip.address);
    message.options = link_layer(2, mac);
    message.flags = dice.pick(&[0xa0, 0xa0, 0x20, 0xe0, 0]);
    match dice.index(8) {
        0 => {
            message = Neighbour::who_has(PEER);
            message.ip.source = vip.address;
            message.options = link_layer(1, mac);
        }
        1 => message.ip.destination = PEER,
        2 => message.ip.source = PEER,
        3 => message.options.clear(),
        _ => {}
    }
    finished(dice, message, vlan)
}

/// The message's frame, at times with something that RFC 4861 does not want.
fn finished(dice: &mut Dice, mut message: Neighbour, vlan: u16) -> Vec<u8> {
    match dice.index(32) {
        0 => message.corrupt = true,
        1 => message.ip.hop_limit = 254,
        2 => message.code = 1,
        3 => message.ip.extensions = extensions(dice),
        4 => message.kind = dice.pick(&[133, 134, 135, 136, 137]),
        _ => {}
    }
    tag(dice, &mut message.ethernet, vlan);
    message.build()
}

/// A packet from or to a virtual IP.
pub(super) fn packet(dice: &mut Dice, setting: &Setting, from: bool) -> Vec<u8> {
    if from && dice.once_in(3) {
        return router_advert(dice, setting);
    }
    let (vip, vlan) = target(dice, setting);
    let other = dice.pick(&[PEER, VIP, VIP_GLOBAL]);
    let (source, destination) = if from {
        (vip.address, other)
    } else {
        (other, vip.address)
    };
    let mut packet = Packet {
        protocol: dice.pick(&[17, 6, 58, 112]),
        payload: vec![dice.byte(); dice.index(40)],
        ..Packet::to(destination)
    };
    packet.ip.source = source;
    packet.ip.hop_limit = dice.byte();
    if dice.once_in(4) {
        packet.ip.extensions = extensions(dice);
    }
    tag(dice, &mut packet.ethernet, vlan);
    packet.build()
}

/// A Router Advertisement from a virtual IP, its options in order or nearly so.
fn router_advert(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, setting);
    let mut options = Vec::new();
    for _ in 0..dice.pick(&[0, 1, 2, 3, 23, 24, 25]) {
        options.extend(match dice.index(8) {
            0 => link_layer(1, dice.pick(&[MAC, vip.mac])),
            1 => vec![dice.pick(&[1, 2, 5]), dice.pick(&[0, 2]), 0, 0, 0, 0, 0, 0],
            2 => [[3, 4], [0; 2]]
                .concat()
                .into_iter()
                .chain([0; 28])
                .collect(),
            _ => vec![5, 1, 0, 0, 0, 0, 5, 220],
        });
    }
    let mut advert = RouterAdvert::from(vip.address, options);
    advert.ethernet.source = MAC;
    if dice.once_in(8) {
        advert.options.pop();
    }
    tag(dice, &mut advert.ethernet, vlan);
    advert.build()
}

/// An ICMPv6 redirect, mostly, from one of our addresses.
pub(super) fn redirect(dice: &mut Dice) -> Vec<u8> {
    let mut packet = Packet {
        protocol: 58,
        payload: vec![dice.pick(&[137, 137, 137, 134, 1]); 40],
        ..Packet::to(PEER)
    };
    packet.ip.source = dice.pick(&[PRIMARY, VIP]);
    if dice.once_in(8) {
        packet.ip.extensions = extensions(dice);
    }
    let vlan = dice.pick(&[0, 0, 0, VLAN]);
    tag(dice, &mut packet.ethernet, vlan);
    packet.build()
}

/// A frame that is nobody's business here, though it may look so.
pub(super) fn bystander(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    match dice.index(5) {
        0 => advert(dice, setting, Bend::Stranger),
        1 => advert(dice, setting, Bend::Elsewhere),
        2 => advert(dice, setting, Bend::Vlan),
        3 => finished(dice, Neighbour::who_has(PEER), 0),
        _ => {
            let mut packet = Packet::to(PEER);
            packet.ip.destination[8] = dice.byte();
            packet.build()
        }
    }
}
