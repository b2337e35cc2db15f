//! IPv6: adverts, Neighbour Discovery and packets, in order but for one thing or two.

use vrrp_tests::{
    datapath::{
        v6::{PRIMARY, VIP, VIP_GLOBAL},
        world::MAC,
    },
    dice::Dice,
    frames::{
        Checksum, PEER_MAC,
        v6::{
            ALL_NODES, Advert, Extension, GROUP, Ipv6, Neighbour, PEER, Packet, RouterAdvert,
            link_layer,
        },
    },
};

use super::{
    advert::{Bend, Bendable, bent},
    between, icmp, tag, target,
};
use crate::agree::setting::Setting;

/// An advert for one of the routers, bent so and perhaps once more.
pub(super) fn advert(dice: &mut Dice, setting: &Setting, bend: Bend) -> Vec<u8> {
    let router = &setting.routers_v6[dice.index(setting.routers_v6.len())];
    let advert = Advert {
        timing: router.interval_cs.to_be_bytes(),
        ..Advert::v3(router.vrid, &router.addresses)
    };
    bent(dice, advert, router, bend)
}

impl Bendable<16> for Ipv6 {
    const PRIMARY: [u8; 16] = PRIMARY;
    const VIP: [u8; 16] = VIP;

    fn overhead(&self) -> usize {
        let extensions = self.extensions.iter();
        extensions.map(|extension| extension.bytes.len()).sum()
    }

    fn claim_length(&mut self, length: Option<u16>) {
        self.length = length;
    }

    fn spoil(dice: &mut Dice, advert: &mut Advert) {
        advert.checksum = dice.pick(&[Checksum::Wrong, Checksum::Plain]);
    }

    fn replace(dice: &mut Dice, address: &mut [u8; 16]) {
        address[dice.index(16)] = dice.byte();
    }

    fn another(_: &mut Dice) -> [u8; 16] {
        VIP_GLOBAL
    }

    fn martian(dice: &mut Dice) -> [u8; 16] {
        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[0xff, 0xff, 192, 168, 1, 2]);
        let mut loopback = [0; 16];
        loopback[15] = 1;
        dice.pick(&[[0; 16], loopback, mapped, ALL_NODES, GROUP, VIP, VIP_GLOBAL])
    }

    fn elsewhere(dice: &mut Dice) -> [u8; 16] {
        dice.pick(&[VIP, VIP_GLOBAL, PEER, ALL_NODES])
    }

    fn extend(&mut self, dice: &mut Dice) {
        self.extensions = extensions(dice);
    }

    fn fragment(&mut self, dice: &mut Dice) {
        let offset = dice.pick(&[1, 1, 0, 8, 9, 0xfff9]);
        self.extensions.push(Extension::fragment(offset));
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

/// Somebody asks for a virtual IP.
pub(super) fn request(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, &setting.vips_v6);
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
    let (vip, vlan) = target(dice, &setting.vips_v6);
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
    let (vip, vlan) = target(dice, &setting.vips_v6);
    let other = dice.pick(&[PEER, VIP, VIP_GLOBAL]);
    let mut packet: Packet = between(dice, vip.address, other, from);
    packet.protocol = dice.pick(&[17, 6, 58, 112]);
    if dice.once_in(4) {
        packet.ip.extensions = extensions(dice);
    }
    tag(dice, &mut packet.ethernet, vlan);
    packet.build()
}

/// A Router Advertisement from a virtual IP, its options in order or nearly so.
fn router_advert(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, &setting.vips_v6);
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
    let kinds = [137, 137, 137, 134, 1];
    let mut packet: Packet = icmp(dice, (58, &kinds), &[PRIMARY, VIP], PEER);
    if dice.once_in(8) {
        packet.ip.extensions = extensions(dice);
    }
    packet.build()
}

/// A question or a packet for somebody else.
pub(super) fn bystander(dice: &mut Dice) -> Vec<u8> {
    if dice.once_in(2) {
        return finished(dice, Neighbour::who_has(PEER), 0);
    }
    let mut packet = Packet::to(PEER);
    packet.ip.destination[8] = dice.byte();
    packet.build()
}
