//! What the node knows when a frame comes, in a configuration's words: the third opinion is formed
//! over this, and the maps for the other two are filled from it.

use std::ops::RangeInclusive;

use vrrp_ebpf::{
    abi::{Follow, VipEntry, address_digest, router_flags, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{
        MAC, PASSWORD, PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, VRID_V2, World,
    },
    dice::Dice,
    frames::PEER,
};

/// A virtual router as configured.
#[derive(Clone, Debug)]
pub(super) struct Router {
    pub(super) slot: u32,
    pub(super) vlan: u16,
    pub(super) vrid: u8,
    pub(super) version_2: bool,
    pub(super) version_3: bool,
    pub(super) skip_address_check: bool,
    pub(super) addresses: Vec<[u8; 4]>,
    pub(super) interval_cs: u16,
    pub(super) password: Option<[u8; 8]>,
    pub(super) unicast: Option<Unicast>,
}

/// The peers of a virtual router that does not speak by multicast.
#[derive(Clone, Debug)]
pub(super) struct Unicast {
    /// With the TTLs that their adverts may have.
    pub(super) peers: Vec<([u8; 4], RangeInclusive<u8>)>,
    /// Nobody else is heard.
    pub(super) check_source: bool,
}

impl Router {
    /// Its unicast peers; none if it speaks by multicast.
    pub(super) fn peers(&self) -> &[([u8; 4], RangeInclusive<u8>)] {
        let unicast = self.unicast.as_ref();
        unicast.map_or(&[], |unicast| unicast.peers.as_slice())
    }

    /// Whether only its unicast peers are heard.
    pub(super) fn checks_source(&self) -> bool {
        self.unicast
            .as_ref()
            .is_some_and(|unicast| unicast.check_source)
    }
}

/// What the node does for a virtual router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) state: State,
    /// Whether the lease still runs.
    pub(super) leased: bool,
    /// While Retiring: whether the next owner was heard.
    pub(super) successor_heard: bool,
    pub(super) follow: Follow,
}

impl Role {
    /// Owns the virtual IPs: as Active, or as Retiring, and only under a lease.
    pub(super) fn owns(&self) -> bool {
        self.leased && [State::Active, State::Retiring].contains(&self.state)
    }

    /// Answers for the virtual IPs.
    pub(super) fn answers(&self) -> bool {
        self.owns() && !(self.state == State::Retiring && self.successor_heard)
    }
}

/// A virtual IP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vip {
    pub(super) index: u32,
    pub(super) slot: u32,
    pub(super) vlan: u16,
    pub(super) address: [u8; 4],
    pub(super) mac: [u8; 6],
    pub(super) installed: bool,
    pub(super) ready: bool,
}

/// All of it. Roles are indexed by slot.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) routers: Vec<Router>,
    pub(super) roles: Vec<Role>,
    pub(super) vips: Vec<Vip>,
}

impl Setting {
    /// The routers and virtual IPs of [`World::new`], everything else by chance.
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
                version_2,
                version_3: !version_2 || dice.once_in(3),
                skip_address_check: dice.once_in(8),
                addresses: addresses(dice, vip),
                interval_cs: u16::from(dice.pick(&[1_u8, 1, 2, 5, 255])) * 100,
                password: dice.once_in(2).then_some(PASSWORD),
                unicast: dice.once_in(6).then(|| unicast(dice)),
            }
        });
        let roles = places.map(|_| role(dice));
        let vips = [(0, SLOT, 0, VIP), (1, SLOT_VLAN, VLAN, VIP_VLAN)];
        let vips = vips.map(|(index, slot, vlan, address)| Vip {
            index,
            slot,
            vlan,
            address,
            mac: dice.pick(&[MAC, [0, 0, 0x5e, 0, 1, VRID]]),
            installed: dice.once_in(2),
            ready: dice.once_in(2),
        });
        Self {
            routers: routers.to_vec(),
            roles: roles.to_vec(),
            vips: vips.to_vec(),
        }
    }

    /// The role in the virtual router of this slot.
    pub(super) fn role(&self, slot: u32) -> &Role {
        &self.roles[slot as usize]
    }

    /// The maps that say the same.
    pub(super) fn world(&self) -> World {
        let mut world = World::new();
        for router in &self.routers {
            let entry = world.router(router.slot);
            entry.flags = [
                (router.version_2, router_flags::ACCEPT_V2),
                (router.version_3, router_flags::ACCEPT_V3),
                (router.skip_address_check, router_flags::SKIP_ADDRESS_CHECK),
                (router.unicast.is_some(), router_flags::UNICAST),
                (router.checks_source(), router_flags::CHECK_SOURCE),
            ]
            .into_iter()
            .filter_map(|(on, flag)| on.then_some(flag))
            .sum();
            let digest = |digest, address: &[u8; 4]| address_digest(digest, *address);
            entry.address_digest = router.addresses.iter().fold(0, digest);
            entry.address_count = u16::try_from(router.addresses.len()).unwrap();
            entry.interval_cs = router.interval_cs;
            entry.auth_type = u8::from(router.password.is_some());
            entry.auth_data = router.password.unwrap_or_default();
            for (address, ttl) in router.peers() {
                world = world.with_peer(router.slot, *address, *ttl.start(), *ttl.end());
            }
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
        }
        for (vip, (_, entry)) in self.vips.iter().zip(&mut world.vips) {
            *entry = VipEntry {
                mac: vip.mac,
                ..*entry
            };
            let bits = [
                (vip.installed, vip_state::INSTALLED),
                (vip.ready, vip_state::READY),
            ];
            let bits = bits.iter().filter_map(|(on, bit)| on.then_some(*bit));
            world.vip_states[vip.index as usize] = bits.sum();
        }
        world
    }
}

/// Peers of which the usual one is one, mostly.
fn unicast(dice: &mut Dice) -> Unicast {
    let ttl = dice.pick(&[(255, 255), (0, 255), (64, 254), (1, 1)]);
    let near = (PEER, ttl.0..=ttl.1);
    let far = ([10, 9, 8, 7], 0..=255);
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

fn role(dice: &mut Dice) -> Role {
    Role {
        state: dice.pick(&[
            State::Idle,
            State::Rising,
            State::Active,
            State::Active,
            State::Retiring,
        ]),
        leased: !dice.once_in(4),
        successor_heard: dice.once_in(3),
        follow: Follow {
            source_tail: dice.pick(&[PEER, PEER, PRIMARY, [0; 4]]),
            interval_cs: dice.pick(&[100, 100, 100, 1, 200]),
            priority: dice.pick(&[100, 100, 255, 1, 0]),
            restart_min: dice.pick(&[1, 1, 99, 100, 101, 254]),
        },
    }
}
