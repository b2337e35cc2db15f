//! IPv4: adverts, ARP and packets, in order but for one thing or two.

use vrrp_tests::{
    datapath::{
        behind::{BEHIND, BESIDE},
        world::{MAC, PRIMARY, VIP, VIP_VLAN, VLAN},
    },
    dice::Dice,
    frames::{Advert, Arp, Checksum, Ipv4, PEER, PEER_MAC, Packet},
};

use super::{
    advert::{Bend, Bendable, bent},
    between, icmp, tag, target,
};
use crate::agree::setting::Setting;

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
    advert.ethernet.padded = dice.once_in(2);
    bent(dice, advert, router, bend)
}

impl Bendable<4> for Ipv4 {
    const PRIMARY: [u8; 4] = PRIMARY;
    const VIP: [u8; 4] = VIP;

    fn overhead(&self) -> usize {
        20 + self.options.len()
    }

    fn claim_length(&mut self, length: Option<u16>) {
        self.total_length = length;
    }

    fn spoil(dice: &mut Dice, advert: &mut Advert) {
        if dice.once_in(2) {
            advert.checksum = Checksum::Wrong;
        } else {
            advert.ip.corrupt = true;
        }
    }

    fn replace(dice: &mut Dice, address: &mut [u8; 4]) {
        *address = [10, dice.byte(), 0, 1];
    }

    fn another(dice: &mut Dice) -> [u8; 4] {
        [10, 9, dice.byte(), dice.byte()]
    }

    fn martian(dice: &mut Dice) -> [u8; 4] {
        let [a, b, c] = [dice.byte(), dice.byte(), dice.byte()];
        dice.pick(&[
            [0, a, b, c],
            [0; 4],
            [127, a, b, c],
            [224 + a % 32, 0, 0, 18],
            [255; 4],
            VIP,
            VIP_VLAN,
        ])
    }

    fn elsewhere(dice: &mut Dice) -> [u8; 4] {
        dice.pick(&[VIP, VIP_VLAN, PEER, [224, 0, 0, 19]])
    }

    fn extend(&mut self, dice: &mut Dice) {
        self.options = vec![1; 4 * (1 + dice.index(10))];
    }

    fn fragment(&mut self, dice: &mut Dice) {
        self.fragment = dice.pick(&[0x2000, 0x2001, 1, 0x4000, 0x8000]);
    }

    fn bend_v4(dice: &mut Dice, advert: &mut Advert, bend: Bend) {
        match bend {
            Bend::Pseudo => advert.checksum = Checksum::Pseudo,
            Bend::Plain => advert.checksum = Checksum::Plain,
            Bend::AuthType => advert.timing[0] = dice.pick(&[0, 1, 2, 3, 254, 255]),
            _ => {
                for byte in &mut advert.tail {
                    if dice.once_in(4) {
                        *byte = dice.byte();
                    }
                }
            }
        }
    }
}

/// Somebody asks for a virtual IP.
pub(super) fn request(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, &setting.vips);
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
    let (vip, vlan) = target(dice, &setting.vips);
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
    let (vip, vlan) = target(dice, &setting.vips);
    let other = dice.pick(&[PEER, [10, 9, 8, 7], VIP, VIP_VLAN]);
    let mut packet: Packet = between(dice, vip.address, other, from);
    packet.protocol = dice.pick(&[17, 6, 1, 112]);
    packet.ip.fragment = dice.pick(&[0, 0, 0, 0x2000, 0x4000, 7]);
    packet.ip.options = vec![1; dice.pick(&[0, 0, 0, 4, 40])];
    tag(dice, &mut packet.ethernet, vlan);
    packet.build()
}

/// An ICMP redirect, mostly, from one of our addresses.
pub(super) fn redirect(dice: &mut Dice) -> Vec<u8> {
    let mut packet: Packet = icmp(dice, (1, &[5, 5, 5, 3, 4]), &[PRIMARY, VIP], PEER);
    packet.ip.fragment = dice.pick(&[0, 0, 0, 0x2000, 7]);
    packet.ip.options = vec![1; dice.pick(&[0, 0, 0, 4, 40])];
    packet.build()
}

/// A question or a packet for somebody else.
pub(super) fn bystander(dice: &mut Dice) -> Vec<u8> {
    if dice.once_in(2) {
        let target = [192, 168, 1, dice.byte()];
        let mut arp = Arp::who_has(target);
        tag(dice, &mut arp.ethernet, 0);
        return arp.build();
    }
    let mut packet = Packet::to([10, 0, dice.byte(), dice.byte()]);
    packet.ip.source = [192, 168, dice.byte(), dice.byte()];
    tag(dice, &mut packet.ethernet, 0);
    packet.build()
}
