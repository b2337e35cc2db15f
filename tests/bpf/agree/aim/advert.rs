//! Adverts, in order but for one thing or two.

use vrrp_tests::{
    datapath::world::{PRIMARY, VIP, VIP_VLAN, VLAN},
    dice::Dice,
    frames::{Advert, Checksum, PEER},
};

use super::tag;
use crate::agree::setting::{Router, Setting};

/// One thing about an advert that is not as it should be, or not as usual.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bend {
    None,
    Ttl,
    Version,
    Type,
    Length,
    Checksum,
    Pseudo,
    Plain,
    Count,
    Interval,
    AuthType,
    Password,
    AddressList,
    OwnSource,
    Options,
    Fragment,
    Priority,
    Stranger,
    Elsewhere,
    Vlan,
}

/// All of them.
pub(super) const BENDS: [Bend; 20] = [
    Bend::None,
    Bend::Ttl,
    Bend::Version,
    Bend::Type,
    Bend::Length,
    Bend::Checksum,
    Bend::Pseudo,
    Bend::Plain,
    Bend::Count,
    Bend::Interval,
    Bend::AuthType,
    Bend::Password,
    Bend::AddressList,
    Bend::OwnSource,
    Bend::Options,
    Bend::Fragment,
    Bend::Priority,
    Bend::Stranger,
    Bend::Elsewhere,
    Bend::Vlan,
];

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
        bend.apply(dice, &mut advert, router);
    }
    advert.build()
}

impl Bend {
    fn apply(self, dice: &mut Dice, advert: &mut Advert, router: &Router) {
        let kind = advert.version_type & 0xf;
        match self {
            Self::None => {}
            Self::Ttl => advert.ip.ttl = dice.pick(&[254, 1, 0, 64, 127]),
            Self::Version => advert.version_type = dice.pick(&[0, 1, 2, 3, 4, 5, 15]) << 4 | kind,
            Self::Type => advert.version_type = advert.version_type & 0xf0 | dice.byte() & 0xf,
            Self::Length => length(dice, advert),
            Self::Checksum => {
                if dice.once_in(2) {
                    advert.checksum = Checksum::Wrong;
                } else {
                    advert.ip.corrupt = true;
                }
            }
            Self::Pseudo => advert.checksum = Checksum::Pseudo,
            Self::Plain => advert.checksum = Checksum::Plain,
            Self::Count => {
                advert.addresses.clear();
                if dice.once_in(4) {
                    advert.count = Some(0);
                    advert.addresses.push(VIP);
                }
            }
            Self::Interval => {
                let [first, _] = advert.timing;
                let seconds = dice.pick(&[0, 0, 0, 1, 2, 3, 255]);
                advert.timing = [first & dice.pick(&[0xff, 0xf0]), seconds];
            }
            Self::AuthType => advert.timing[0] = dice.pick(&[0, 1, 2, 3, 254, 255]),
            Self::Password => {
                for byte in &mut advert.tail {
                    if dice.once_in(4) {
                        *byte = dice.byte();
                    }
                }
            }
            Self::AddressList => addresses(dice, &mut advert.addresses),
            Self::OwnSource => advert.ip.source = PRIMARY,
            Self::Options => advert.ip.options = vec![1; 4 * (1 + dice.index(10))],
            Self::Fragment => advert.ip.fragment = dice.pick(&[0x2000, 0x2001, 1, 0x4000, 0x8000]),
            Self::Priority => advert.priority = dice.pick(&[0, 0, 0, 99, 101, 255]),
            Self::Stranger => advert.vrid = dice.pick(&[router.vrid ^ 1, 0, 255, router.vrid]),
            Self::Elsewhere => {
                advert.ip.destination = dice.pick(&[VIP, VIP_VLAN, PEER, [224, 0, 0, 19]]);
            }
            Self::Vlan => {
                let vlan = dice.pick(&[0, VLAN, VLAN + 1, router.vlan]);
                tag(dice, &mut advert.ethernet, vlan);
            }
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
