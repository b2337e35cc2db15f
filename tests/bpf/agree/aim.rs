//! Frames near validity: each starts as one that is in order and is bent where a row of the table
//! wants it, sometimes once more elsewhere, and sometimes in any of its bytes.

mod advert;

use vrrp_ebpf::{
    abi::{Counter, EventKind, Follow},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{VIP, VIP_VLAN, VLAN},
    dice::Dice,
    frames::{Arp, Ethernet, PEER, PEER_MAC, Packet},
};

use self::advert::{BENDS, Bend, advert};
use super::{
    setting::{Setting, Unicast, Vip},
    tally::Row,
};

/// Where a frame is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// Makes a setting in which the row can come about, most of the time.
pub(super) fn prepare(dice: &mut Dice, setting: &mut Setting, row: Row) {
    if dice.once_in(8) {
        return;
    }
    let vip = dice.index(setting.vips.len());
    let role = |setting: &mut Setting, state, leased| {
        for role in &mut setting.roles {
            (role.state, role.leased) = (state, leased);
        }
    };
    match row {
        Row::Counter(Counter::BadAuthType | Counter::BadPassword | Counter::BadAddressList) => {
            for router in &mut setting.routers {
                (router.version_2, router.skip_address_check) = (true, false);
                router.password = Some(*b"1111\0\0\0\0");
            }
        }
        Row::Counter(
            Counter::ChecksumPlain
            | Counter::ChecksumPseudo
            | Counter::AddressListDiffers
            | Counter::IntervalDiffers,
        ) => {
            for router in &mut setting.routers {
                (router.version_2, router.version_3) = (false, true);
            }
        }
        Row::Counter(Counter::BadSource) => {
            for router in &mut setting.routers {
                router.unicast = Some(Unicast {
                    peers: Vec::new(),
                    check_source: true,
                });
            }
        }
        Row::Counter(Counter::ArpAnswered) | Row::Answered => {
            let state = dice.pick(&[State::Active, State::Retiring]);
            role(setting, state, true);
            setting
                .roles
                .iter_mut()
                .for_each(|role| role.successor_heard = false);
        }
        Row::Counter(Counter::ArpConflict) | Row::Event(EventKind::Conflict) => {
            role(setting, State::Active, true);
        }
        Row::Event(EventKind::SuccessorAnnounced) => {
            let leased = dice.once_in(2);
            role(setting, State::Retiring, leased);
        }
        Row::Counter(Counter::VipPassed) => {
            role(setting, State::Active, true);
            setting.vips[vip].ready = true;
        }
        Row::Counter(Counter::VipNotReady) => {
            role(setting, State::Active, true);
            setting.vips[vip].ready = false;
        }
        Row::Counter(Counter::VipNotOwner) => {
            let state = dice.pick(&[State::Idle, State::Rising]);
            role(setting, state, true);
            setting.vips[vip].installed = true;
        }
        Row::Counter(Counter::ArpIgnored | Counter::EgressArp | Counter::EgressIp) => {
            let state = dice.pick(&[State::Idle, State::Rising, State::Active]);
            role(setting, state, state != State::Active);
        }
        Row::Quiet => {
            role(setting, State::Idle, true);
            for role in &mut setting.roles {
                role.follow = Follow {
                    source_tail: PEER,
                    interval_cs: 100,
                    priority: 100,
                    ..role.follow
                };
            }
            for router in &mut setting.routers {
                router.interval_cs = 100;
            }
        }
        _ => {}
    }
}

/// A frame for the row.
pub(super) fn frame(dice: &mut Dice, setting: &Setting, row: Row) -> (Way, Vec<u8>) {
    let (way, mut frame) = aimed(dice, setting, row);
    if dice.once_in(8) {
        scratch(dice, &mut frame);
    }
    (if dice.once_in(16) { Way::Out } else { way }, frame)
}

fn aimed(dice: &mut Dice, setting: &Setting, row: Row) -> (Way, Vec<u8>) {
    let bend = match row {
        Row::Counter(counter) => match counter {
            Counter::AdvertAccepted | Counter::RingFull | Counter::BadSource => Bend::None,
            Counter::AdvertPriorityZero => Bend::Priority,
            Counter::ChecksumPlain => Bend::Plain,
            Counter::ChecksumPseudo => Bend::Pseudo,
            Counter::AddressListDiffers | Counter::BadAddressList => Bend::AddressList,
            Counter::BadTtl => Bend::Ttl,
            Counter::BadVersion => Bend::Version,
            Counter::BadType => Bend::Type,
            Counter::BadLength => Bend::Length,
            Counter::BadChecksum => Bend::Checksum,
            Counter::BadCount => Bend::Count,
            Counter::BadInterval | Counter::IntervalDiffers => Bend::Interval,
            Counter::UnknownVrid => Bend::Stranger,
            Counter::BadAuthType => Bend::AuthType,
            Counter::BadPassword => Bend::Password,
            Counter::OwnSource => Bend::OwnSource,
            Counter::ArpAnswered | Counter::ArpIgnored => {
                return (Way::In, request(dice, setting));
            }
            Counter::ArpConflict => return (Way::In, claim(dice, setting)),
            Counter::VipPassed | Counter::VipNotOwner | Counter::VipNotReady => {
                return (Way::In, packet(dice, setting, false));
            }
            Counter::EgressIp => return (Way::Out, packet(dice, setting, true)),
            Counter::EgressArp => return (Way::Out, claim(dice, setting)),
        },
        Row::Event(EventKind::Advert) | Row::Quiet | Row::Wakes | Row::Seen => Bend::None,
        Row::Event(EventKind::Conflict | EventKind::SuccessorAnnounced) => {
            return (Way::In, claim(dice, setting));
        }
        Row::Answered => return (Way::In, request(dice, setting)),
        Row::Untouched => return (Way::In, bystander(dice, setting)),
        Row::LeftAlone => return (Way::Out, bystander(dice, setting)),
        Row::Dropped | Row::Passed => dice.pick(&BENDS),
    };
    (Way::In, advert(dice, setting, bend))
}

/// Puts the frame into a VLAN, 0 for none: without a tag or, at times, with one that says just that.
/// Two tags, now and then, are one too many.
fn tag(dice: &mut Dice, ethernet: &mut Ethernet, vlan: u16) {
    let tpid = dice.pick(&[0x8100, 0x8100, 0x8100, 0x88a8]);
    let priority = dice.pick(&[0, 0x2000, 0xe000, 0x1000]);
    ethernet.tags = if vlan == 0 && !dice.once_in(8) {
        Vec::new()
    } else {
        vec![(tpid, priority | vlan)]
    };
    if dice.once_in(64) {
        ethernet.tags.push((0x8100, vlan));
    }
}

/// A virtual IP, mostly, and the VLAN it is in, mostly.
fn target(dice: &mut Dice, setting: &Setting) -> (Vip, u16) {
    let vip = setting.vips[dice.index(setting.vips.len())];
    let vlan = if dice.once_in(16) { VLAN + 1 } else { vip.vlan };
    (vip, vlan)
}

/// Somebody asks for a virtual IP.
fn request(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
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
fn claim(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
    let (vip, vlan) = target(dice, setting);
    let operation = dice.pick(&[1, 2]);
    let mut arp = Arp::gratuitous(operation, vip.address);
    arp.sender_mac = dice.pick(&[PEER_MAC, PEER_MAC, PEER_MAC, vip.mac]);
    arp.target = dice.pick(&[vip.address, vip.address, PEER, [0; 4]]);
    tag(dice, &mut arp.ethernet, vlan);
    arp.ethernet.padded = dice.once_in(2);
    arp.build()
}

/// An IP packet from or to a virtual IP.
fn packet(dice: &mut Dice, setting: &Setting, from: bool) -> Vec<u8> {
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

/// A frame that is nobody's business here, though it may look so.
fn bystander(dice: &mut Dice, setting: &Setting) -> Vec<u8> {
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

/// Changes any bytes, or their number; what is left is an Ethernet header at least, because a test
/// run asks for that.
fn scratch(dice: &mut Dice, frame: &mut Vec<u8>) {
    let at = dice.index(frame.len());
    match dice.index(4) {
        0 => frame[at] = dice.byte(),
        1 => frame[at] ^= 1 << dice.index(8),
        2 => frame.truncate(at.max(14)),
        _ => frame.extend(vec![dice.byte(); 1 + dice.index(24)]),
    }
}
