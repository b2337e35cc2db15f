//! What can be done to an advert.

use vrrp_tests::{
    datapath::world::VLAN,
    dice::Dice,
    frames::{Header, IpAdvert},
};

use super::tag;
use crate::agree::setting::Router;

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
    Martian,
    Misdirected,
    Options,
    Fragment,
    Priority,
    Stranger,
    Elsewhere,
    Vlan,
}

/// All of them.
pub(super) const BENDS: [Bend; 22] = [
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
    Bend::Martian,
    Bend::Misdirected,
    Bend::Options,
    Bend::Fragment,
    Bend::Priority,
    Bend::Stranger,
    Bend::Elsewhere,
    Bend::Vlan,
];

/// What bends an advert in another way in each family, whose addresses have `N` bytes.
pub(super) trait Bendable<const N: usize>: Header<Address = [u8; N]> {
    /// Our own address.
    const PRIMARY: [u8; N];
    /// A virtual IP.
    const VIP: [u8; N];

    /// Bytes that the header's length counts beside the message.
    fn overhead(&self) -> usize;

    /// Has the header say another length.
    fn claim_length(&mut self, length: Option<u16>);

    /// A checksum that is wrong.
    fn spoil(dice: &mut Dice, advert: &mut IpAdvert<Self>);

    /// Another address in the place of one in the list.
    fn replace(dice: &mut Dice, address: &mut [u8; N]);

    /// One more address for the list.
    fn another(dice: &mut Dice) -> [u8; N];

    /// A source that no advert may have.
    fn martian(dice: &mut Dice) -> [u8; N];

    /// A destination where no advert of ours goes.
    fn elsewhere(dice: &mut Dice) -> [u8; N];

    /// Options or extension headers.
    fn extend(&mut self, dice: &mut Dice);

    /// Makes it a fragment.
    fn fragment(&mut self, dice: &mut Dice);

    /// What version 2 has, or adverts with and without a pseudo-header: only IPv4.
    fn bend_v4(_: &mut Dice, _: &mut IpAdvert<Self>, _: Bend) {}
}

/// The frame of an advert for `router`, bent so and perhaps once more.
pub(super) fn bent<I: Bendable<N>, const N: usize>(
    dice: &mut Dice,
    mut advert: IpAdvert<I>,
    router: &Router<N>,
    bend: Bend,
) -> Vec<u8> {
    advert.priority = dice.pick(&[100, 100, 100, 1, 254, 255]);
    tag(dice, &mut advert.ethernet, router.vlan);
    // Each way, now and then, where the other one is usual.
    if dice.once_in(8) != router.unicast.is_some() {
        advert = advert.sent_to(I::PRIMARY);
    }
    let mut bends = vec![bend];
    if dice.once_in(3) {
        bends.push(dice.pick(&BENDS));
    }
    for bend in bends {
        advert = apply(bend, dice, advert, router);
    }
    advert.build()
}

fn apply<I: Bendable<N>, const N: usize>(
    bend: Bend,
    dice: &mut Dice,
    mut advert: IpAdvert<I>,
    router: &Router<N>,
) -> IpAdvert<I> {
    let kind = advert.version_type & 0xf;
    match bend {
        Bend::None => {}
        Bend::Ttl => return advert.with_hops(dice.pick(&[254, 1, 0, 64, 127])),
        Bend::Version => advert.version_type = dice.pick(&[0, 1, 2, 3, 4, 5, 15]) << 4 | kind,
        Bend::Type => advert.version_type = advert.version_type & 0xf0 | dice.byte() & 0xf,
        Bend::Length => length(dice, &mut advert),
        Bend::Checksum => I::spoil(dice, &mut advert),
        Bend::Count => {
            advert.addresses.clear();
            if dice.once_in(4) {
                advert.count = Some(0);
                advert.addresses.push(I::VIP);
            }
        }
        Bend::Interval => {
            let [first, _] = advert.timing;
            let second = dice.pick(&[0, 0, 0, 1, 2, 3, 255]);
            advert.timing = [first & dice.pick(&[0xff, 0xf0]), second];
        }
        Bend::AddressList => addresses::<I, N>(dice, &mut advert.addresses),
        Bend::OwnSource => return advert.sent_by(I::PRIMARY),
        Bend::Martian => return advert.sent_by(I::martian(dice)),
        Bend::Misdirected => return advert.sent_to(I::PRIMARY),
        Bend::Options => advert.ip.extend(dice),
        Bend::Fragment => advert.ip.fragment(dice),
        Bend::Priority => advert.priority = dice.pick(&[0, 0, 0, 99, 101, 255]),
        Bend::Stranger => advert.vrid = dice.pick(&[router.vrid ^ 1, 0, 255, router.vrid]),
        Bend::Elsewhere => return advert.sent_to(I::elsewhere(dice)),
        Bend::Vlan => {
            let vlan = dice.pick(&[0, VLAN, VLAN + 1, router.vlan]);
            tag(dice, &mut advert.ethernet, vlan);
        }
        Bend::Pseudo | Bend::Plain | Bend::AuthType | Bend::Password => {
            I::bend_v4(dice, &mut advert, bend);
        }
    }
    advert
}

/// Makes the lengths disagree.
fn length<I: Bendable<N>, const N: usize>(dice: &mut Dice, advert: &mut IpAdvert<I>) {
    let count = advert.addresses.len();
    let true_length = advert.ip.overhead() + 8 + N * count + advert.tail.len();
    let true_length = u16::try_from(true_length).unwrap();
    match dice.index(4) {
        0 => {
            let count = u8::try_from(count).unwrap();
            advert.count = Some(count.wrapping_add(dice.pick(&[1, 255, 2, 128])));
        }
        1 => advert.tail.extend(vec![0; 1 + dice.index(20)]),
        2 if !advert.tail.is_empty() => advert.tail.truncate(dice.index(8)),
        _ => {
            let by = i16::from(dice.byte() % 48) - 24;
            advert.ip.claim_length(true_length.checked_add_signed(by));
        }
    }
}

/// Changes the list, or only its order, which makes another address the first.
fn addresses<I: Bendable<N>, const N: usize>(dice: &mut Dice, addresses: &mut Vec<[u8; N]>) {
    if addresses.is_empty() {
        return;
    }
    let at = dice.index(addresses.len());
    match dice.index(4) {
        0 => I::replace(dice, &mut addresses[at]),
        1 if addresses.len() > 1 => drop(addresses.remove(at)),
        2 => addresses.reverse(),
        _ if addresses.len() < 255 => addresses.push(I::another(dice)),
        _ => {}
    }
}
