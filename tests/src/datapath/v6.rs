//! Virtual routers of IPv6 beside those of [`World::new`], with the VRID of the first of them: a
//! VRID belongs to a family.

use bytemuck::Zeroable as _;
use vrrp_ebpf::{
    abi::{RouterKey, Slot},
    types::Family,
};

use super::world::{IFINDEX, VLAN, VRID, World, entry, vip};

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
        (router(0), entry(SLOT, PRIMARY, &[VIP, VIP_GLOBAL])),
        (router(VLAN), entry(SLOT_VLAN, PRIMARY, &[VIP_VLAN])),
    ]);
    world.vips.extend([
        vip((SLOT, VIP_INDEX), 0, Family::V6, VIP),
        vip((SLOT, VIP_INDEX + 1), 0, Family::V6, VIP_GLOBAL),
        vip((SLOT_VLAN, VIP_INDEX + 2), VLAN, Family::V6, VIP_VLAN),
    ]);
    world
}

fn router(vlan: u16) -> RouterKey {
    RouterKey::new(IFINDEX, vlan, Family::V6, VRID)
}
