use std::net::{IpAddr, Ipv4Addr};

use bytemuck::Zeroable as _;
use vrrp_ebpf::types::Family;

use super::*;

const IFINDEX: u32 = 7;

/// Tables that no program reads, in the kernel. As root alone.
fn tables(room: u32) -> Option<Tables> {
    fn table<Key: Pod, Value: Pod>(name: &'static str, room: u32) -> Table<Key, Value> {
        let map = HashMap::create(room, 0).unwrap();
        Table { name, map }
    }
    nix::unistd::geteuid().is_root().then(|| Tables {
        routers: table("ROUTERS", room),
        peers: table("PEERS", room),
        macs: table("MACS", room),
        proxies: table("PROXIES", room),
        vips: table("VIPS", room),
        filter: Filter::unshared(),
        virtual_macs: Switch {
            word: Array::create(1, 0).unwrap(),
            users: 0,
        },
    })
}

fn router_key(vrid: u8) -> RouterKey {
    RouterKey::new(IFINDEX, 0, Family::V4, vrid)
}

fn router(slot: u32) -> RouterEntry {
    RouterEntry {
        slot,
        ..RouterEntry::zeroed()
    }
}

fn proxy(slot: u32) -> ProxyEntry {
    ProxyEntry {
        slot,
        ..ProxyEntry::zeroed()
    }
}

fn vip_key(number: u32) -> VipKey {
    VipKey::of(IFINDEX, Ipv4Addr::from_bits(0xc000_0200 + number).into())
}

fn vip(slot: u32) -> VipEntry {
    VipEntry {
        slot,
        ..VipEntry::zeroed()
    }
}

fn keys<Key: Pod, Value: Pod>(table: &Table<Key, Value>) -> Vec<Key> {
    table.map.keys().map(Result::unwrap).collect()
}

/// Two virtual IPs behind the same bit of the filter.
fn neighbours_in_the_filter() -> (VipKey, VipKey) {
    let first = vip_key(1);
    let same = |key: &VipKey| key.filter_position() == first.filter_position();
    (first, (2..).map(vip_key).find(same).unwrap())
}

#[test]
fn what_a_router_leaves_is_removed_and_no_more() {
    let Some(mut tables) = tables(8) else { return };
    let peer = |slot, last| PeerKey {
        slot,
        address: vrrp_ebpf::types::v4_bytes([192, 0, 2, last]),
    };
    for (slot, vrid) in [(0, 51), (1, 52)] {
        tables.set_router(router_key(vrid), router(slot)).unwrap();
        tables.set_mac(router_key(vrid), slot).unwrap();
        tables.set_proxy(slot, proxy(slot)).unwrap();
        tables.set_peer(peer(slot, 1), PeerEntry::zeroed()).unwrap();
        tables.set_peer(peer(slot, 2), PeerEntry::zeroed()).unwrap();
    }
    // The second time there is nothing left, which is as good.
    for _ in 0..2 {
        tables.remove_router(router_key(51), 0).unwrap();
        tables.remove_mac(router_key(51), 0).unwrap();
        tables.remove_proxy(0, 0).unwrap();
        tables.remove_peer(peer(0, 1)).unwrap();
        tables.remove_peer(peer(0, 2)).unwrap();
        tables.remove_peer(peer(1, 2)).unwrap();
    }
    assert_eq!(keys(&tables.routers), [router_key(52)]);
    assert_eq!(keys(&tables.macs), [router_key(52)]);
    assert_eq!(keys(&tables.proxies), [1]);
    assert_eq!(keys(&tables.peers), [peer(1, 1)]);
}

#[test]
fn what_another_router_has_taken_over_stays() {
    let Some(mut tables) = tables(8) else { return };
    let (old, new) = (3, 4);
    for slot in [old, new] {
        tables.set_router(router_key(51), router(slot)).unwrap();
        tables.set_mac(router_key(51), slot).unwrap();
        tables.set_proxy(IFINDEX, proxy(slot)).unwrap();
        tables.set_vip(vip_key(1), vip(slot)).unwrap();
    }
    tables.remove_router(router_key(51), old).unwrap();
    tables.remove_mac(router_key(51), old).unwrap();
    tables.remove_proxy(IFINDEX, old).unwrap();
    tables.remove_vip(vip_key(1), old).unwrap();
    assert_eq!(
        tables.routers.map.get(&router_key(51), 0).unwrap().slot,
        new
    );
    assert_eq!(tables.macs.map.get(&router_key(51), 0).unwrap(), new);
    assert_eq!(tables.proxies.map.get(&IFINDEX, 0).unwrap().slot, new);
    assert_eq!(tables.vips.map.get(&vip_key(1), 0).unwrap().slot, new);
    assert!(tables.filter.is_open(&vip_key(1)));
    // It counts once, whoever has it.
    tables.remove_vip(vip_key(1), new).unwrap();
    assert!(!tables.filter.is_open(&vip_key(1)));
}

#[test]
fn virtual_macs_are_looked_for_from_the_first_to_the_last() {
    let Some(mut tables) = tables(2) else { return };
    let looked_for = |tables: &Tables| tables.virtual_macs.word.get(&0, 0).unwrap();
    assert_eq!(looked_for(&tables), 0);
    for (vrid, slot) in [(51, 0), (52, 1), (51, 2)] {
        tables.set_mac(router_key(vrid), slot).unwrap();
        assert_eq!(looked_for(&tables), 1);
    }
    assert_eq!(tables.set_mac(router_key(53), 3).unwrap_err().name, "MACS");
    // The first has been replaced by the third.
    for (vrid, slot, left) in [(51, 0, 1), (52, 1, 1), (51, 2, 0), (51, 2, 0)] {
        tables.remove_mac(router_key(vrid), slot).unwrap();
        assert_eq!(looked_for(&tables), left);
    }
}

#[test]
fn a_bit_of_the_filter_goes_with_the_last_virtual_ip_behind_it() {
    let Some(mut tables) = tables(8) else { return };
    let (first, second) = neighbours_in_the_filter();
    assert_ne!(first, second);
    assert!(!tables.filter.is_open(&first));
    for key in [first, second, first] {
        tables.set_vip(key, vip(0)).unwrap();
        assert!(tables.filter.is_open(&key));
    }
    tables.remove_vip(first, 0).unwrap();
    tables.remove_vip(first, 0).unwrap();
    assert!(tables.filter.is_open(&second));
    tables.remove_vip(second, 0).unwrap();
    assert!(!tables.filter.is_open(&second));
    assert_eq!(keys(&tables.vips), []);
}

#[test]
fn a_virtual_ip_that_has_no_room_leaves_the_filter_as_it_was() {
    let Some(mut tables) = tables(1) else { return };
    let (first, second) = neighbours_in_the_filter();
    let elsewhere = VipKey::of(IFINDEX, IpAddr::from([10, 0, 0, 1]));
    tables.set_vip(first, vip(0)).unwrap();
    for key in [second, elsewhere] {
        let error = tables.set_vip(key, vip(0)).unwrap_err();
        assert_eq!((error.name, error.errno), ("VIPS", libc::E2BIG));
    }
    assert!(tables.filter.is_open(&first));
    assert!(!tables.filter.is_open(&elsewhere));
    tables.remove_vip(first, 0).unwrap();
    assert!(!tables.filter.is_open(&first));
}
