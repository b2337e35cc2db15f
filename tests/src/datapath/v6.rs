//! Virtual routers of IPv6 beside those of [`World::new`], with the VRID of the first of them: a
//! VRID belongs to a family.

use bytemuck::Zeroable as _;
use vrrp_ebpf::{
    abi::{RouterEntry, RouterKey, Slot, VipEntry, VipKey, address_digest, router_flags},
    types::Family,
};

use super::world::{IFINDEX, MAC, PRIORITY, VLAN, VRID, World};

/// Our own address.
pub const PRIMARY: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// Link-local virtual IP of the untagged router: the first of its adverts.
pub const VIP: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54];
/// Global virtual IP of the untagged router. The filter cannot tell it from [`VIP`].
pub const VIP_GLOBAL: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54];
/// Virtual IP of the router in [`VLAN`].
pub const VIP_VLAN: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 2, 0x54];
/// Slot of the untagged router.
pub const SLOT: u32 = 3;
/// Slot of the router in [`VLAN`].
pub const SLOT_VLAN: u32 = 4;
/// Index of [`VIP`] in `VIP_STATES`; [`VIP_GLOBAL`] and [`VIP_VLAN`] follow.
pub const VIP_INDEX: u32 = 2;

/// Both families, all Idle.
#[must_use]
pub fn world() -> World {
    let mut world = World::new();
    world.slots.resize(5, Slot::zeroed());
    world.vip_states.resize(5, 0);
    world.routers.extend([
        (router(0), entry(SLOT, &[VIP, VIP_GLOBAL])),
        (router(VLAN), entry(SLOT_VLAN, &[VIP_VLAN])),
    ]);
    world.vips.extend([
        vip(SLOT, VIP_INDEX, 0, VIP),
        vip(SLOT, VIP_INDEX + 1, 0, VIP_GLOBAL),
        vip(SLOT_VLAN, VIP_INDEX + 2, VLAN, VIP_VLAN),
    ]);
    world
}

/// With these bits of every virtual IP of IPv6.
#[must_use]
pub fn with_vip_state(mut world: World, bits: u64) -> World {
    for state in world.vip_states.iter_mut().skip(VIP_INDEX as usize) {
        *state = bits;
    }
    world
}

fn router(vlan: u16) -> RouterKey {
    RouterKey::new(IFINDEX, vlan, Family::V6, VRID)
}

fn entry(slot: u32, addresses: &[[u8; 16]]) -> RouterEntry {
    RouterEntry {
        slot,
        flags: router_flags::ACCEPT_V3,
        primary: PRIMARY,
        priority: PRIORITY,
        address_digest: digest(addresses),
        address_count: u16::try_from(addresses.len()).unwrap_or(u16::MAX),
        interval_cs: 100,
        ..RouterEntry::zeroed()
    }
}

/// [`address_digest`] of a list.
#[must_use]
pub fn digest(addresses: &[[u8; 16]]) -> u32 {
    let words = addresses.iter().flat_map(|address| {
        let (words, _) = address.as_chunks();
        words
    });
    words.fold(0, |digest, word| address_digest(digest, *word))
}

fn vip(slot: u32, vip: u32, vlan: u16, address: [u8; 16]) -> (VipKey, VipEntry) {
    let key = VipKey::new(IFINDEX, vlan, Family::V6, address);
    let entry = VipEntry {
        slot,
        vip,
        mac: MAC,
        flags: 0,
        _pad: 0,
    };
    (key, entry)
}
