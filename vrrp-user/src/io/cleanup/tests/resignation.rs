//! A dead Active gives its priority up.

use super::*;
use crate::io::{
    engine::resignation::Resignation,
    testing::{in_namespace, index},
};

/// Frames that have arrived at the other end of `ens33`.
fn arrived() -> u64 {
    let shown = ip("ip -s -j link show dev peer");
    let (_, rx) = shown.split_once("\"rx\":").unwrap();
    let (_, packets) = rx.split_once("\"packets\":").unwrap();
    packets.split_once(',').unwrap().0.parse().unwrap()
}

/// The file of resignations.
fn resignations(netns: u64, routers: &[Resignation]) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!({ "netns": netns, "routers": routers })).unwrap()
}

/// Cleans up after a node whose resignations are `said`; tells for which routers priority 0 was sent, and how many
/// frames arrived.
async fn resigned(said: &[u8], was_active: bool) -> (Vec<u32>, u64) {
    let left = Left::new();
    left.store();
    left.directory.replace(RESIGNATIONS, said).unwrap();
    left.pins.pinned.set(true);
    left.pins.active.set(was_active);
    let before = arrived();
    let removed = left.clean(Fence::Never).await.unwrap();
    assert_eq!(removed.fenced, [0]);
    assert!(!left.base().exists(), "and leaves nothing");
    (removed.resigned, arrived() - before)
}

//= C44: proof
#[test]
fn dead_active_resigns_and_nobody_else_does() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip link set ens33 addrgenmode none up");
        ip("ip link set peer addrgenmode none up");
        let router = |slot, frames| Resignation {
            slot,
            ifindex: index("ens33"),
            peers: Vec::new(),
            frames,
        };
        // Two frames for the versions of one, and a router that was not in service.
        let frame = vec![0xff; 60];
        let said = [
            router(0, vec![frame.clone(), frame.clone()]),
            router(1, vec![frame.clone()]),
        ];
        let here = netns::current().unwrap();
        assert_eq!(
            resigned(&resignations(here, &said), true).await,
            (vec![0], 2)
        );
        assert_eq!(
            resigned(&resignations(here, &said), false).await,
            (vec![], 0)
        );
        // Somewhere else the same index is another interface.
        assert_eq!(resigned(&resignations(1, &said), true).await, (vec![], 0));

        // Whatever is wrong with the file or in it keeps nothing from being removed.
        let nowhere = Resignation {
            ifindex: u32::MAX,
            ..router(0, vec![frame.clone()])
        };
        let mixed = Resignation {
            peers: vec!["192.168.1.2".parse().unwrap(), "fe80::2".parse().unwrap()],
            ..router(0, vec![Vec::new(), frame])
        };
        let empty = router(0, vec![Vec::new()]);
        for wrong in [nowhere, mixed, empty] {
            assert_eq!(
                resigned(&resignations(here, &[wrong]), true).await,
                (vec![], 0)
            );
        }
        for damaged in ["", "{", "[]", "[{\"slot\":0}]", "\u{0}"] {
            assert_eq!(resigned(damaged.as_bytes(), true).await, (vec![], 0));
        }
    });
}
