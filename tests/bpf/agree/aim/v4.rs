//! IPv4: adverts, ARP and packets, in order but for one thing or two.

use vrrp_tests::{
    datapath::{
        behind::{BEHIND, BESIDE},
        world::{MAC, PRIMARY, VIP, VIP_VLAN, VLAN},
    },
    dice::Dice,
    frames::{Advert, Arp, Checksum, PEER, PEER_MAC, Packet},
};

use super::{
    advert::{BENDS, Bend},
    tag,
};
use crate::agree::setting::{Router, Setting, Vip};

/// An advert for one of the routers, bent so and perhaps once more.
pub(super) fn advert(dice: &mut Dice, setting: &Setting, bend: Bend) -> Vec<u8> {
    let router = &setting.routers[dice.index(setting.routers.len())];
    let second = if router.version_2 && router.version_3 {
        dice.once_in(2)
    } else {
        router.version_2
    };
    let mut advert = if second {
        let seconds = u8::try_from(router.interval_cs / 100).unwrap();
        Advert {
            timing: [u8::from(router.password.is_some()), seconds],
            tail: router.password.unwrap_or_default().to_vec(),
            ..Advert::v2(router.vrid, &router.addresses)
        }
    } else {
        Advert {
            checksum: dice.pick(&[Checksum::Plain, Checksum::Pseudo]),
            ..Advert::v3(router.vrid, &router.addresses)
        }
    };
    advert.priority = dice.pick(&[100, 100, 100, 1, 254, 255]);
    tag(dice, &mut advert.ethernet, router.vlan);
    advert.ethernet.padded = dice.once_in(2);
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

fn apply(bend: Bend, dice: &mut Dice, advert: &mut Advert, router: &Router<4>) {
    let kind = advert.version_type & 0xf;
    match bend {
        Bend::None => {}
        Bend::Ttl => advert.ip.ttl = dice.pick(&[254, 1, 0, 64, 127]),
        Bend::Version => advert.version_type = dice.pick(&[0, 1, 2, 3, 4, 5, 15]) << 4 | kind,
        Bend::Type => advert.version_type = advert.version_type & 0xf0 | dice.byte() & 0xf,
        Bend::Length => length(dice, advert),
        Bend::Checksum => {
            if dice.once_in(2) {
                advert.checksum = Checksum::Wrong;
            } else {
                advert.ip.corrupt = true;
            }
        }
        Bend::Pseudo => advert.checksum = Checksum::Pseudo,
        Bend::Plain => advert.checksum = Checksum::Plain,
        Bend::Count => {
            advert.addresses.clear();
            if dice.once_in(4) {
                advert.count = Some(0);
                advert.addresses.push(VIP);
            }
        }
        Bend::Interval => {
            let [first, _] = advert.timing;
            let seconds = dice.pick(&[0, 0, 0, 1, 2, 3, 255]);
            advert.timing = [first & dice.pick(&[0xff, 0xf0]), seconds];
        }
        Bend::AuthType => advert.timing[0] = dice.pick(&[0, 1, 2, 3, 254, 255]),
        Bend::Password => {
            for byte in &mut advert.tail {
                if dice.once_in(4) {
                    *byte = dice.byte();
                }
            }
        }
        Bend::AddressList => addresses(dice, &mut advert.addresses),
        Bend::OwnSource => advert.ip.source = PRIMARY,
        Bend::Martian => {
            let [a, b, c] = [dice.byte(), dice.byte(), dice.byte()];
            advert.ip.source = dice.pick(&[
                [0, a, b, c],
                [0; 4],
                [127, a, b, c],
                [224 + a % 32, 0, 0, 18],
                [255; 4],
                VIP,
                VIP_VLAN,
            ]);
        }
        Bend::Misdirected => advert.ip.destination = PRIMARY,
        Bend::Options => advert.ip.options = vec![1; 4 * (1 + dice.index(10))],
        Bend::Fragment => advert.ip.fragment = dice.pick(&[0x2000, 0x2001, 1, 0x4000, 0x8000]),
        Bend::Priority => advert.priority = dice.pick(&[0, 0, 0, 99, 101, 255]),
        Bend::Stranger => advert.vrid = dice.pick(&[router.vrid ^ 1, 0, 255, router.vrid]),
        Bend::Elsewhere => {
            advert.ip.destination = dice.pick(&[VIP, VIP_VLAN, PEER, [224, 0, 0, 19]]);
        }
        Bend::Vlan => {
            let vlan = dice.pick(&[0, VLAN, VLAN + 1, router.vlan]);
            tag(dice, &mut advert.ethernet, vlan);
        }
    }
}

/// Makes the lengths disagree.
fn length(dice: &mut Dice, advert: &mut Advert) {
    let count = u8::try_from(advert.addresses.len()).unwrap();
    let options = advert.ip.options.len();
    let true_length = 20 + options + 8 + 4 * advert.addresses.len() + advert.tail.len();
    let true_length = u16::try_from(true_length).unwrap();
    match dice.index(4) {
        0 => advert.count = Some(count.wrapping_add(dice.pick(&[1, 255, 2, 128]))),
        1 => advert.tail.extend(vec![0; 1 + dice.index(8)]),
        2 => advert.tail.truncate(dice.index(8)),
        _ => {
            let by = i16::from(dice.byte() % 24) - 12;
            advert.ip.total_length = true_length.checked_add_signed(by);
        }
    }
}

/// Changes the list, or only its order.
fn addresses(dice: &mut Dice, addresses: &mut Vec<[u8; 4]>) {
    if addresses.is_empty() {
        return;
    }
    let at = dice.index(addresses.len());
    match dice.index(4) {
        0 => addresses[at] = [10, dice.byte(), 0, 1],
        1 if addresses.len() > 1 => drop(addresses.remove(at)),
        2 => addresses.reverse(),
        _ if addresses.len() < 255 => addresses.push([10, 9, dice.byte(), dice.byte()]),
        _ => {}
    }
}

/// A virtual IP, mostly, and the VLAN it is in, mostly.
fn target(dice: &mut Dice, setting: &Setting) -> (Vip<4>, u16) {
    let vip = setting.vips[dice.index(setting.vips.len())];
    let vlan = if dice.once_in(16) { VLAN + 1 } else { vip.vlan };
    (vip, vlan)
}

/// Somebody asks for a virtual IP.
pub(super) fn request(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, setting);
    let mut arp = if dice.once_in(4) {
        Arp::probe(vip.address)
    } else {
        Arp::who_has(vip.address)
    };
    arp.sender_mac = dice.pick(&[PEER_MAC, PEER_MAC, PEER_MAC, [0x33; 6], vip.mac]);
    arp.operation = dice.pick(&[1, 1, 1, 1, 2, 3]);
    arp.target_mac = dice.pick(&[[0; 6], [0xff; 6], vip.mac]);
    tag(dice, &mut arp.ethernet, vlan);
    arp.ethernet.padded = dice.once_in(2);
    arp.build()
}

/// Somebody speaks as a virtual IP.
pub(super) fn claim(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, setting);
    let operation = dice.pick(&[1, 2]);
    let mut arp = Arp::gratuitous(operation, vip.address);
    arp.sender_mac = dice.pick(&[PEER_MAC, PEER_MAC, PEER_MAC, vip.mac]);
    arp.target = dice.pick(&[vip.address, vip.address, PEER, [0; 4]]);
    tag(dice, &mut arp.ethernet, vlan);
    arp.ethernet.padded = dice.once_in(2);
    arp.build()
}

/// The kernel answers for a host behind it, mostly.
pub(super) fn proxied(dice: &mut Dice) -> Vec<u8> {
    let mac = dice.pick(&[MAC, MAC, MAC, PEER_MAC]);
    let [first, second] = dice.pick(&[BEHIND, BEHIND, BEHIND, BESIDE]);
    let host = [first, second, dice.byte(), dice.byte()];
    let mut arp = Arp::reply(mac, dice.pick(&[host, host, host, PRIMARY]));
    arp.operation = dice.pick(&[2, 2, 2, 1]);
    let vlan = dice.pick(&[0, 0, 0, VLAN]);
    tag(dice, &mut arp.ethernet, vlan);
    arp.ethernet.padded = dice.once_in(2);
    arp.build()
}

/// An IP packet from or to a virtual IP.
pub(super) fn packet(dice: &mut Dice, setting: &Setting, from: bool) -> Vec<u8> {
    let (vip, vlan) = target(dice, setting);
    let other = dice.pick(&[PEER, [10, 9, 8, 7], VIP, VIP_VLAN]);
    let (source, destination) = if from {
        (vip.address, other)
    } else {
        (other, vip.address)
    };
    let mut packet = Packet {
        protocol: dice.pick(&[17, 6, 1, 112]),
        payload: vec![dice.byte(); dice.index(40)],
        ..Packet::to(destination)
    };
    packet.ip.source = source;
    packet.ip.ttl = dice.byte();
    packet.ip.fragment = dice.pick(&[0, 0, 0, 0x2000, 0x4000, 7]);
    packet.ip.options = vec![1; dice.pick(&[0, 0, 0, 4, 40])];
    tag(dice, &mut packet.ethernet, vlan);
    packet.build()
}

/// An ICMP redirect, mostly, from one of our addresses.
pub(super) fn redirect(dice: &mut Dice) -> Vec<u8> {
    let mut packet = Packet {
        protocol: 1,
        payload: vec![dice.pick(&[5, 5, 5, 3, 4]); 8],
        ..Packet::to(PEER)
    };
    packet.ip.source = dice.pick(&[PRIMARY, VIP]);
    packet.ip.fragment = dice.pick(&[0, 0, 0, 0x2000, 7]);
    packet.ip.options = vec![1; dice.pick(&[0, 0, 0, 4, 40])];
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
        3 => {
            let target = [192, 168, 1, dice.byte()];
            let mut arp = Arp::who_has(target);
            tag(dice, &mut arp.ethernet, 0);
            arp.build()
        }
        _ => {
            let mut packet = Packet::to([10, 0, dice.byte(), dice.byte()]);
            packet.ip.source = [192, 168, dice.byte(), dice.byte()];
            tag(dice, &mut packet.ethernet, 0);
            packet.build()
        }
    }
}
