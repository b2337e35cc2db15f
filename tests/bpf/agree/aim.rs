//! Frames near validity: each starts as one that is in order and is bent where a row of the table
//! wants it, sometimes once more elsewhere, and sometimes in any of its bytes.

mod advert;
mod v4;
mod v6;

use vrrp_ebpf::{
    abi::{Counter, EventKind, Follow},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{VLAN, VRID, VRID_V2},
    dice::Dice,
    frames::{Ethernet, Header, IpPacket, PEER, v6::PEER as PEER_V6},
};

use self::advert::{BENDS, Bend};
use super::{
    setting::{Setting, Vip},
    tally::{Family, Row},
};

/// Where a frame is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    /// Received, between XDP and the stack.
    Marked,
    Out,
}

/// Makes a setting in which the row can come about, most of the time.
pub(super) fn prepare(dice: &mut Dice, setting: &mut Setting, (family, row): (Family, Row)) {
    if dice.once_in(8) {
        return;
    }
    let role = |setting: &mut Setting, state, leased| {
        for role in &mut setting.roles {
            (role.state, role.leased, role.outranked) = (state, leased, false);
        }
    };
    match row {
        Row::Counter(Counter::BadAuthType | Counter::BadPassword | Counter::BadAddressList) => {
            for router in &mut setting.routers {
                (router.version_2, router.skip_address_check) = (true, false);
                router.password = Some(*b"1111\0\0\0\0");
            }
            // To whom nobody has been Active, whoever has another list is a stranger.
            for role in &mut setting.roles {
                if !dice.once_in(4) {
                    role.follow = Follow::default();
                }
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
        Row::Counter(Counter::BadDestination) => {
            for router in &mut setting.routers {
                router.unicast = None;
            }
            for router in &mut setting.routers_v6 {
                router.unicast = None;
            }
        }
        Row::Counter(Counter::BadSource) => {
            for router in &mut setting.routers {
                router.hear_nobody();
            }
            for router in &mut setting.routers_v6 {
                router.hear_nobody();
            }
        }
        Row::Counter(Counter::ArpAnswered | Counter::NdAnswered) | Row::Answered => {
            let state = dice.pick(&[State::Active, State::Retiring]);
            role(setting, state, true);
            setting
                .roles
                .iter_mut()
                .for_each(|role| role.successor_heard = false);
        }
        Row::Counter(Counter::ArpConflict | Counter::NdConflict)
        | Row::Event(EventKind::Conflict) => {
            role(setting, State::Active, true);
        }
        Row::Event(EventKind::SuccessorAnnounced) => {
            let leased = dice.once_in(2);
            role(setting, State::Retiring, leased);
        }
        Row::Counter(Counter::VipPassed | Counter::VipNotReady | Counter::VipNotAccepted) => {
            role(setting, State::Active, true);
            let ready = row == Row::Counter(Counter::VipPassed);
            let accepted = row != Row::Counter(Counter::VipNotAccepted);
            for vip in &mut setting.vips {
                (vip.ready, vip.accepted) = (ready, accepted);
            }
            for vip in &mut setting.vips_v6 {
                (vip.ready, vip.accepted) = (ready, accepted);
            }
        }
        Row::Counter(Counter::VipNotOwner) => {
            let state = dice.pick(&[State::Idle, State::Rising]);
            role(setting, state, true);
            setting.vips.iter_mut().for_each(|vip| vip.installed = true);
            setting
                .vips_v6
                .iter_mut()
                .for_each(|vip| vip.installed = true);
        }
        Row::Counter(
            Counter::ArpIgnored
            | Counter::NdIgnored
            | Counter::EgressArp
            | Counter::EgressNd
            | Counter::EgressIp,
        ) => {
            let state = dice.pick(&[State::Idle, State::Rising, State::Active]);
            role(setting, state, state != State::Active);
        }
        Row::Counter(Counter::MacTaken | Counter::MacWritten | Counter::ProxyArpWritten) => {
            let state = dice.pick(&[State::Active, State::Retiring]);
            role(setting, state, true);
            setting.use_virtual_macs();
        }
        Row::Counter(Counter::MacNotOwner | Counter::EgressProxyArp) => {
            let state = dice.pick(&[State::Idle, State::Rising]);
            role(setting, state, true);
            setting.use_virtual_macs();
        }
        Row::Quiet => {
            role(setting, State::Idle, true);
            let [.., a, b, c, d] = PEER_V6;
            for role in &mut setting.roles {
                role.follow = Follow {
                    source_tail: match family {
                        Family::Four => PEER,
                        Family::Six => [a, b, c, d],
                    },
                    interval_cs: 100,
                    priority: 100,
                    ..role.follow
                };
            }
            for router in &mut setting.routers {
                router.interval_cs = 100;
            }
            for router in &mut setting.routers_v6 {
                router.interval_cs = 100;
            }
        }
        _ => {}
    }
}

/// A frame for the row.
pub(super) fn frame(
    dice: &mut Dice,
    setting: &Setting,
    (family, row): (Family, Row),
) -> (Way, Vec<u8>) {
    let (way, mut frame) = aimed(dice, setting, &Makers::of(family), row);
    if dice.once_in(8) {
        scratch(dice, &mut frame);
    }
    let way = match dice.index(32) {
        0 | 1 => Way::Out,
        2 => Way::Marked,
        _ => way,
    };
    (way, frame)
}

/// What draws the frames of a family.
struct Makers {
    /// An advert, bent so.
    advert: fn(&mut Dice, &Setting, Bend) -> Vec<u8>,
    /// Somebody asks for a virtual IP.
    request: fn(&mut Dice, &Setting) -> Vec<u8>,
    /// Somebody speaks as a virtual IP.
    claim: fn(&mut Dice, &Setting) -> Vec<u8>,
    /// An IP packet from (true) or to a virtual IP.
    packet: fn(&mut Dice, &Setting, bool) -> Vec<u8>,
    /// An ICMP redirect, or another message.
    redirect: fn(&mut Dice) -> Vec<u8>,
    /// A question or a packet for somebody else.
    bystander: fn(&mut Dice) -> Vec<u8>,
    /// What tells its Virtual Router MACs from those of the other.
    block: u8,
}

impl Makers {
    fn of(family: Family) -> Self {
        match family {
            Family::Four => Self {
                advert: v4::advert,
                request: v4::request,
                claim: v4::claim,
                packet: v4::packet,
                redirect: v4::redirect,
                bystander: v4::bystander,
                block: 1,
            },
            Family::Six => Self {
                advert: v6::advert,
                request: v6::request,
                claim: v6::claim,
                packet: v6::packet,
                redirect: v6::redirect,
                bystander: v6::bystander,
                block: 2,
            },
        }
    }
}

fn aimed(dice: &mut Dice, setting: &Setting, make: &Makers, row: Row) -> (Way, Vec<u8>) {
    let bend = match row {
        Row::Counter(counter) => match counter {
            Counter::AdvertAccepted
            | Counter::RingFull
            | Counter::RateLimited
            | Counter::BadSource => Bend::None,
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
            Counter::MartianSource => Bend::Martian,
            Counter::BadDestination => Bend::Misdirected,
            Counter::ArpAnswered
            | Counter::ArpIgnored
            | Counter::NdAnswered
            | Counter::NdIgnored => {
                return (Way::In, (make.request)(dice, setting));
            }
            Counter::ArpConflict | Counter::NdConflict => {
                return (Way::In, (make.claim)(dice, setting));
            }
            Counter::VipPassed
            | Counter::VipNotOwner
            | Counter::VipNotReady
            | Counter::VipNotAccepted => {
                return (Way::In, (make.packet)(dice, setting, false));
            }
            Counter::EgressIp => return (Way::Out, (make.packet)(dice, setting, true)),
            Counter::EgressRedirect => return (Way::Out, (make.redirect)(dice)),
            Counter::EgressArp | Counter::EgressNd => {
                return (Way::Out, (make.claim)(dice, setting));
            }
            Counter::ProxyArpWritten | Counter::EgressProxyArp => {
                return (Way::Out, v4::proxied(dice));
            }
            Counter::MacNotOwner => return (Way::In, to_router(dice, setting, make)),
            Counter::MacTaken => return (Way::Marked, to_router(dice, setting, make)),
            Counter::MacWritten => {
                let frame = if dice.once_in(3) {
                    (make.packet)(dice, setting, true)
                } else {
                    (make.claim)(dice, setting)
                };
                return (Way::Out, frame);
            }
        },
        Row::Event(EventKind::Advert) | Row::Quiet | Row::Wakes | Row::Seen | Row::Better => {
            Bend::None
        }
        Row::Event(EventKind::Conflict | EventKind::SuccessorAnnounced) => {
            return (Way::In, (make.claim)(dice, setting));
        }
        Row::Answered => return (Way::In, (make.request)(dice, setting)),
        Row::Untouched => return (Way::In, bystander(dice, setting, make)),
        Row::LeftAlone => return (Way::Out, bystander(dice, setting, make)),
        Row::Dropped | Row::Passed => dice.pick(&BENDS),
    };
    (Way::In, (make.advert)(dice, setting, bend))
}

/// A frame of any kind to a Virtual Router MAC, mostly one that is used.
fn to_router(dice: &mut Dice, setting: &Setting, make: &Makers) -> Vec<u8> {
    let mut frame = match dice.index(3) {
        0 => (make.packet)(dice, setting, false),
        1 => (make.request)(dice, setting),
        _ => bystander(dice, setting, make),
    };
    let vrid = dice.pick(&[VRID, VRID, VRID, VRID_V2, VRID + 10]);
    frame[..6].copy_from_slice(&[0, 0, 0x5e, 0, make.block, vrid]);
    frame
}

/// A virtual IP, mostly, and the VLAN it is in, mostly.
fn target<const N: usize>(dice: &mut Dice, vips: &[Vip<N>]) -> (Vip<N>, u16) {
    let vip = vips[dice.index(vips.len())];
    let vlan = if dice.once_in(16) { VLAN + 1 } else { vip.vlan };
    (vip, vlan)
}

/// A packet from (true) or to a virtual IP.
fn between<I: Header>(
    dice: &mut Dice,
    vip: I::Address,
    other: I::Address,
    from: bool,
) -> IpPacket<I> {
    let (source, destination) = if from { (vip, other) } else { (other, vip) };
    let mut packet = IpPacket::<I>::to(destination);
    packet.payload = vec![dice.byte(); dice.index(40)];
    *packet.ip.ends().0 = source;
    *packet.ip.hops() = dice.byte();
    packet
}

/// An ICMP message of one of these types from one of our addresses, mostly untagged.
fn icmp<I: Header>(
    dice: &mut Dice,
    (protocol, kinds): (u8, &[u8]),
    sources: &[I::Address],
    destination: I::Address,
) -> IpPacket<I> {
    let mut packet = IpPacket::<I>::to(destination);
    packet.protocol = protocol;
    packet.payload = vec![dice.pick(kinds); 40];
    *packet.ip.ends().0 = dice.pick(sources);
    let vlan = dice.pick(&[0, 0, 0, VLAN]);
    tag(dice, &mut packet.ethernet, vlan);
    packet
}

/// A frame that is nobody's business here, though it may look so.
fn bystander(dice: &mut Dice, setting: &Setting, make: &Makers) -> Vec<u8> {
    match dice.index(5) {
        0 => (make.advert)(dice, setting, Bend::Stranger),
        1 => (make.advert)(dice, setting, Bend::Elsewhere),
        2 => (make.advert)(dice, setting, Bend::Vlan),
        _ => (make.bystander)(dice),
    }
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
