//! What the node knows when a frame comes, in a configuration's words: the third opinion is formed
//! over this, and the maps for the other two are filled from it.

use std::ops::RangeInclusive;

use vrrp_ebpf::{
    abi::{Follow, router_flags, vip_flags, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        v6,
        world::{
            MAC, PASSWORD, PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, VRID_V2,
            World, digest,
        },
    },
    dice::Dice,
    frames::{PEER, v6::PEER as PEER_V6},
};

/// A virtual router as configured; its addresses have `N` bytes.
#[derive(Clone, Debug)]
pub(super) struct Router<const N: usize> {
    pub(super) slot: u32,
    pub(super) vlan: u16,
    pub(super) vrid: u8,
    pub(super) priority: u8,
    pub(super) primary: [u8; N],
    pub(super) version_2: bool,
    pub(super) version_3: bool,
    pub(super) skip_address_check: bool,
    pub(super) addresses: Vec<[u8; N]>,
    pub(super) interval_cs: u16,
    pub(super) password: Option<[u8; 8]>,
    pub(super) unicast: Option<Unicast<N>>,
    pub(super) uses_virtual_mac: bool,
}

/// The peers of a virtual router that does not speak by multicast.
#[derive(Clone, Debug)]
pub(super) struct Unicast<const N: usize> {
    /// With the TTLs that their adverts may have.
    pub(super) peers: Vec<([u8; N], RangeInclusive<u8>)>,
    /// Nobody else is heard.
    pub(super) check_source: bool,
}

impl<const N: usize> Router<N> {
    /// Its unicast peers; none if it speaks by multicast.
    pub(super) fn peers(&self) -> &[([u8; N], RangeInclusive<u8>)] {
        let unicast = self.unicast.as_ref();
        unicast.map_or(&[], |unicast| unicast.peers.as_slice())
    }

    /// Whether only its unicast peers are heard.
    pub(super) fn checks_source(&self) -> bool {
        self.unicast
            .as_ref()
            .is_some_and(|unicast| unicast.check_source)
    }

    /// Its Virtual Router MAC (RFC 9568 section 7.3), if it uses that.
    pub(super) fn virtual_mac(&self) -> Option<[u8; 6]> {
        let block = if N == 4 { 1 } else { 2 };
        self.uses_virtual_mac
            .then_some([0, 0, 0x5e, 0, block, self.vrid])
    }

    /// Makes it hear unicast peers only, of which it has none.
    pub(super) fn hear_nobody(&mut self) {
        self.unicast = Some(Unicast {
            peers: Vec::new(),
            check_source: true,
        });
    }

    /// The maps with what it is in them.
    fn enter(&self, mut world: World) -> World {
        let entry = world.router(self.slot);
        entry.flags = [
            (self.version_2, router_flags::ACCEPT_V2),
            (self.version_3, router_flags::ACCEPT_V3),
            (self.skip_address_check, router_flags::SKIP_ADDRESS_CHECK),
            (self.unicast.is_some(), router_flags::UNICAST),
            (self.checks_source(), router_flags::CHECK_SOURCE),
        ]
        .into_iter()
        .filter_map(|(on, flag)| on.then_some(flag))
        .sum();
        entry.address_digest = digest(&self.addresses);
        entry.address_count = u16::try_from(self.addresses.len()).unwrap();
        entry.interval_cs = self.interval_cs;
        entry.priority = self.priority;
        entry.auth_type = u8::from(self.password.is_some());
        entry.auth_data = self.password.unwrap_or_default();
        for (address, ttl) in self.peers() {
            world = world.with_peer(self.slot, *address, *ttl.start(), *ttl.end());
        }
        if self.uses_virtual_mac {
            world = world.with_virtual_mac(self.slot);
        }
        world
    }
}

/// What the node does for a virtual router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) state: State,
    /// Whether the lease still runs.
    pub(super) leased: bool,
    /// While Active: whether a better router was heard since.
    pub(super) outranked: bool,
    /// While Retiring: whether the next owner was heard.
    pub(super) successor_heard: bool,
    pub(super) follow: Follow,
}

impl Role {
    /// Owns the virtual IPs: as the best Active, or as Retiring, and only under a lease.
    pub(super) fn owns(&self) -> bool {
        let rightful = match self.state {
            State::Active => !self.outranked,
            State::Retiring => true,
            State::Idle | State::Rising => false,
        };
        rightful && self.leased
    }

    /// Answers for the virtual IPs.
    pub(super) fn answers(&self) -> bool {
        self.owns() && !(self.state == State::Retiring && self.successor_heard)
    }
}

/// A virtual IP of `N` bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vip<const N: usize> {
    pub(super) index: u32,
    pub(super) slot: u32,
    pub(super) vlan: u16,
    pub(super) address: [u8; N],
    pub(super) mac: [u8; 6],
    pub(super) installed: bool,
    pub(super) ready: bool,
    /// Accept_Mode.
    pub(super) accepted: bool,
}

impl<const N: usize> Vip<N> {
    /// Its index, its MAC, its flags and its bits of `VIP_STATES`.
    fn state(&self) -> (u32, [u8; 6], u8, u64) {
        let bits = [
            (self.installed, vip_state::INSTALLED),
            (self.ready, vip_state::READY),
        ];
        let bits = bits.iter().filter_map(|(on, bit)| on.then_some(*bit));
        let flags = if self.accepted {
            0
        } else {
            vip_flags::NO_ACCEPT
        };
        (self.index, self.mac, flags, bits.sum())
    }
}

/// All of it. Roles are indexed by slot.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) routers: Vec<Router<4>>,
    pub(super) routers_v6: Vec<Router<16>>,
    pub(super) roles: Vec<Role>,
    pub(super) vips: Vec<Vip<4>>,
    pub(super) vips_v6: Vec<Vip<16>>,
}

impl Setting {
    /// The routers and virtual IPs of [`v6::world`], everything else by chance.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let places = [
            (SLOT, 0, VRID, VIP),
            (SLOT_V2, 0, VRID_V2, VIP),
            (SLOT_VLAN, VLAN, VRID, VIP_VLAN),
        ];
        let routers = places.map(|(slot, vlan, vrid, vip)| {
            let version_2 = if slot == SLOT {
                dice.once_in(8)
            } else {
                slot == SLOT_V2 || dice.once_in(3)
            };
            Router {
                slot,
                vlan,
                vrid,
                priority: priority(dice),
                primary: PRIMARY,
                version_2,
                version_3: !version_2 || dice.once_in(3),
                skip_address_check: dice.once_in(8),
                addresses: addresses(dice, vip),
                interval_cs: u16::from(dice.pick(&[1_u8, 1, 2, 5, 255])) * 100,
                password: dice.once_in(2).then_some(PASSWORD),
                unicast: dice.once_in(6).then(|| unicast(dice, PEER, [10, 9, 8, 7])),
                uses_virtual_mac: dice.once_in(2),
            }
        });
        let places_v6 = [
            (v6::SLOT, 0, &[v6::VIP, v6::VIP_GLOBAL][..]),
            (v6::SLOT_VLAN, VLAN, &[v6::VIP_VLAN][..]),
        ];
        let routers_v6 = places_v6.map(|(slot, vlan, vips)| {
            // A configuration cannot ask for version 2, of which IPv6 has none.
            let version_3 = !dice.once_in(16);
            Router {
                slot,
                vlan,
                vrid: VRID,
                priority: priority(dice),
                primary: v6::PRIMARY,
                version_2: !version_3,
                version_3,
                skip_address_check: dice.once_in(8),
                addresses: addresses_v6(dice, vips),
                interval_cs: dice.pick(&[100, 100, 1, 4095]),
                password: None,
                unicast: dice
                    .once_in(6)
                    .then(|| unicast(dice, PEER_V6, v6::VIP_GLOBAL)),
                uses_virtual_mac: dice.once_in(2),
            }
        });
        let roles = (0..routers.len() + routers_v6.len()).map(|_| role(dice));
        let roles = Vec::from_iter(roles);
        let vips = [(0, SLOT, 0, VIP), (1, SLOT_VLAN, VLAN, VIP_VLAN)];
        let first = v6::VIP_INDEX;
        let vips_v6 = [
            (first, v6::SLOT, 0, v6::VIP),
            (first + 1, v6::SLOT, 0, v6::VIP_GLOBAL),
            (first + 2, v6::SLOT_VLAN, VLAN, v6::VIP_VLAN),
        ];
        let mut setting = Self {
            routers: routers.to_vec(),
            routers_v6: routers_v6.to_vec(),
            roles,
            vips: vips.map(|place| vip(dice, place)).to_vec(),
            vips_v6: vips_v6.map(|place| vip(dice, place)).to_vec(),
        };
        setting.give_macs();
        setting
    }

    /// Has every virtual router use its Virtual Router MAC.
    pub(super) fn use_virtual_macs(&mut self) {
        for router in &mut self.routers {
            router.uses_virtual_mac = true;
        }
        for router in &mut self.routers_v6 {
            router.uses_virtual_mac = true;
        }
        self.give_macs();
    }

    /// Has every virtual IP at the MAC of its virtual router.
    fn give_macs(&mut self) {
        for vip in &mut self.vips {
            let mut routers = self.routers.iter();
            let router = routers.find(|router| router.slot == vip.slot);
            vip.mac = router.and_then(Router::virtual_mac).unwrap_or(MAC);
        }
        for vip in &mut self.vips_v6 {
            let mut routers = self.routers_v6.iter();
            let router = routers.find(|router| router.slot == vip.slot);
            vip.mac = router.and_then(Router::virtual_mac).unwrap_or(MAC);
        }
    }

    /// Slot of the virtual router in a VLAN that uses this MAC.
    pub(super) fn router_at(&self, vlan: u16, mac: [u8; 6]) -> Option<u32> {
        let four = self.routers.iter();
        let four = four.map(|router| (router.vlan, router.virtual_mac(), router.slot));
        let six = self.routers_v6.iter();
        let six = six.map(|router| (router.vlan, router.virtual_mac(), router.slot));
        let mut all = four.chain(six);
        let found = all.find(|(place, used, _)| (*place, *used) == (vlan, Some(mac)));
        found.map(|(_, _, slot)| slot)
    }

    /// The virtual router that answers by proxy ARP: of those that use their Virtual Router MAC, the
    /// one with the lowest VRID.
    pub(super) fn proxy(&self) -> Option<&Router<4>> {
        let here = self.routers.iter().filter(|router| router.vlan == 0);
        here.filter(|router| router.uses_virtual_mac)
            .min_by_key(|router| router.vrid)
    }

    /// The role in the virtual router of this slot.
    pub(super) fn role(&self, slot: u32) -> &Role {
        &self.roles[slot as usize]
    }

    /// The maps that say the same.
    pub(super) fn world(&self) -> World {
        let mut world = v6::world();
        for router in &self.routers {
            world = router.enter(world);
        }
        for router in &self.routers_v6 {
            world = router.enter(world);
        }
        if let Some(proxy) = self.proxy() {
            world = world.with_proxy(proxy.slot);
        }
        for (slot, role) in (0..).zip(&self.roles) {
            world = if role.leased {
                world.with_state(slot, role.state)
            } else {
                world.with_expired(slot, role.state)
            };
            let words = world.slot(slot);
            words.last_seen = u64::from(role.successor_heard);
            words.follow = role.follow.pack();
            words.considered_until = 2;
            words.better_seen = if role.outranked { 3 } else { 2 };
        }
        let vips = self.vips.iter().map(Vip::state);
        let vips = vips.chain(self.vips_v6.iter().map(Vip::state));
        for ((index, mac, flags, bits), (_, entry)) in vips.zip(&mut world.vips) {
            (entry.mac, entry.flags) = (mac, flags);
            world.vip_states[index as usize] = bits;
        }
        world
    }
}

/// That of the usual advert, mostly.
fn priority(dice: &mut Dice) -> u8 {
    dice.pick(&[100, 100, 100, 1, 150, 254, 255])
}

/// Peers of which the usual one is one, mostly.
fn unicast<const N: usize>(dice: &mut Dice, peer: [u8; N], other: [u8; N]) -> Unicast<N> {
    let ttl = dice.pick(&[(255, 255), (0, 255), (64, 254), (1, 1)]);
    let near = (peer, ttl.0..=ttl.1);
    let far = (other, 0..=255);
    Unicast {
        peers: match dice.index(4) {
            0 => vec![far],
            1 => vec![near, far],
            _ => vec![near],
        },
        check_source: dice.once_in(2),
    }
}

/// The virtual IP and what else the adverts carry, in any order.
fn addresses(dice: &mut Dice, vip: [u8; 4]) -> Vec<[u8; 4]> {
    let more = match dice.index(16) {
        0 => dice.index(255),
        1..=8 => 0,
        more => more % 12,
    };
    let mut addresses = vec![vip];
    addresses.extend((0..more).map(|_| [10, 20, dice.byte(), dice.byte()]));
    let last = addresses.len() - 1;
    addresses.swap(0, dice.index(last + 1));
    addresses
}

/// The same for IPv6, where the first address has to stay the first. No more than a test run takes.
fn addresses_v6(dice: &mut Dice, vips: &[[u8; 16]]) -> Vec<[u8; 16]> {
    let more = match dice.index(16) {
        0 => dice.index(180),
        1..=8 => 0,
        more => more % 12,
    };
    let mut addresses = vips.to_vec();
    addresses.extend((0..more).map(|_| {
        let mut address = v6::VIP_GLOBAL;
        (address[8], address[15]) = (dice.byte(), dice.byte());
        address
    }));
    addresses
}

fn vip<const N: usize>(
    dice: &mut Dice,
    (index, slot, vlan, address): (u32, u32, u16, [u8; N]),
) -> Vip<N> {
    Vip {
        index,
        slot,
        vlan,
        address,
        mac: MAC,
        installed: dice.once_in(2),
        ready: dice.once_in(2),
        accepted: !dice.once_in(4),
    }
}

fn role(dice: &mut Dice) -> Role {
    let [.., a, b, c, d] = PEER_V6;
    Role {
        state: dice.pick(&[
            State::Idle,
            State::Rising,
            State::Active,
            State::Active,
            State::Retiring,
        ]),
        leased: !dice.once_in(4),
        outranked: dice.once_in(4),
        successor_heard: dice.once_in(3),
        follow: Follow {
            source_tail: dice.pick(&[PEER, PEER, [a, b, c, d], PRIMARY, [0; 4]]),
            interval_cs: dice.pick(&[100, 100, 100, 1, 200]),
            priority: dice.pick(&[100, 100, 255, 1, 0]),
            restart_min: dice.pick(&[1, 1, 99, 100, 101, 254]),
        },
    }
}
