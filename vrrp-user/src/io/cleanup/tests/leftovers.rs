//! What is removed, and what stays.

use super::*;
use crate::io::{
    journal::MacRecord,
    testing::{in_namespace, index},
};

#[tokio::test(flavor = "current_thread")]
async fn nothing_to_do_is_success() {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().join("base");
    for fence in [Fence::Never, Fence::Anyone] {
        let removed = run(&base, &InstanceName::default(), &Notes::default(), fence).await;
        assert!(removed.unwrap().is_empty());
    }
    assert!(!base.exists(), "and leaves nothing");
}

/// The kernel takes it for a part of the virtual IP that was there first.
#[test]
fn gives_back_what_the_kernel_removes_with_a_virtual_ip() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip addr add 10.7.7.7/24 dev ens33");
        ip("ip addr add 10.7.7.8/24 dev ens33");
        ip("ip addr add 10.7.7.1/24 dev ens33");
        ip("ip addr add 10.7.7.2/24 dev ens33");
        let index = index("ens33");
        let left = Left::new().with_addresses(["10.7.7.7", "10.7.7.8"].map(|text| AddressRecord {
            prefix: 24,
            ..address(index, text)
        }));
        let removed = left.removed().await;
        assert_eq!(removed.addresses, [IpAddr::from([10, 7, 7, 7])]);
        let present = addresses();
        for (address, is_there) in [
            ("10.7.7.7/", false),
            ("10.7.7.8/", false),
            ("10.7.7.1/24", true),
            ("10.7.7.2/24", true),
        ] {
            assert_eq!(present.contains(address), is_there, "{address}: {present}");
        }
    });
}

#[test]
fn removes_what_a_dead_node_left_and_nothing_else() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip link set ens33 up");
        ip("ip addr add 192.168.1.1/24 dev ens33");
        ip("ip addr add 192.168.1.253/32 dev ens33");
        ip("ip addr add 192.168.1.254/32 dev ens33");
        ip("ip addr add 2001:db8::fe/128 dev ens33 nodad");
        ip("tc qdisc add dev ens33 clsact");
        ip("tc filter add dev ens33 egress pref 77 bpf bytecode '1,6 0 0 0'");
        let index = index("ens33");
        let ipv6 = AddressRecord {
            prefix: 128,
            ..address(index, "2001:db8::fe")
        };
        let mut left = Left::new().with_clsact(index).with_addresses([
            address(index, "192.168.1.254"),
            address(index, "192.168.1.252"),
            ipv6,
        ]);
        ip("bridge fdb add 00:00:5e:00:01:33 dev ens33 self");
        ip("bridge fdb add 00:00:5e:00:01:34 dev ens33 self");
        let mac = |vrid| MacRecord {
            index,
            mac: [0, 0, 0x5e, 0, 1, vrid],
        };
        for record in [mac(51), mac(53)] {
            left.journal.owe(Undo::Mac(record));
        }
        left.store();
        left.pins.pinned.set(true);

        let removed = left.clean(Fence::Never).await.unwrap();
        let expected: [IpAddr; 2] = ["192.168.1.254", "2001:db8::fe"].map(|a| a.parse().unwrap());
        assert_eq!(removed.addresses, expected);
        assert_eq!(
            (removed.macs, &removed.qdiscs[..]),
            (1, &["ens33".to_owned()][..])
        );
        assert!(removed.pins);
        let filter = ip("bridge fdb show dev ens33");
        assert!(
            filter.contains("00:00:5e:00:01:34") && !filter.contains("00:00:5e:00:01:33"),
            "{filter}"
        );
        assert_eq!(*left.pins.calls.borrow(), ["fence", "detach", "unpin"]);
        let present = addresses();
        assert!(
            present.contains("192.168.1.1/24") && present.contains("192.168.1.253/32"),
            "{present}"
        );
        assert!(
            !present.contains("192.168.1.254") && !present.contains("2001:db8::fe"),
            "{present}"
        );
        assert!(!ip("tc qdisc show dev ens33").contains("clsact"));
        assert!(!left.base().exists());

        let again = left.clean(Fence::Never).await.unwrap();
        assert!(again.is_empty(), "{again}");
    });
}

/// It was killed, and the machine upgraded.
#[test]
fn removes_what_a_node_of_the_first_layout_left() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip addr add 192.168.1.253/32 dev ens33");
        ip("ip addr add 192.168.1.254/32 dev ens33");
        ip("tc qdisc add dev ens33 clsact");
        ip("tc filter add dev ens33 egress pref 77 bpf bytecode '1,6 0 0 0'");
        ip("bridge fdb add 00:00:5e:00:01:33 dev ens33 self");
        let index = index("ens33");
        let address = |text: &str, preexisting| {
            serde_json::json!({
                "instance": "VI_1", "index": index, "address": text, "prefix": 32, "preexisting": preexisting,
            })
        };
        let journal = serde_json::json!({
            "layout": 1,
            "netns": netns::current().unwrap(),
            "bpffs_mounted": false,
            "interfaces": [{ "index": index, "name": "ens33", "egress": "own_clsact" }],
            "addresses": [address("192.168.1.253", true), address("192.168.1.254", false)],
            "macs": [{ "index": index, "mac": [0, 0, 0x5e, 0, 1, 51] }],
        });
        let left = Left::new();
        let journal = serde_json::to_vec(&journal).unwrap();
        left.directory.replace(JOURNAL, &journal).unwrap();
        let removed = left.clean(Fence::Never).await.unwrap();
        assert_eq!((removed.macs, removed.qdiscs.len()), (1, 1));
        left.is_gone_but_for_253(&removed);
    });
}

#[test]
fn filters_are_removed_from_an_interface_that_was_renamed() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("tc qdisc add dev ens33 clsact");
        ip("tc filter add dev ens33 egress pref 77 bpf bytecode '1,6 0 0 0'");
        let left = Left::new().with_clsact(index("ens33"));
        left.store();
        ip("ip link set ens33 name wan0");
        let removed = left.clean(Fence::Never).await.unwrap();
        assert_eq!(removed.qdiscs, ["wan0"]);
        assert!(!ip("tc qdisc show dev wan0").contains("clsact"));
    });
}

#[test]
fn clsact_with_a_strangers_filter_stays() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("tc qdisc add dev ens33 clsact");
        ip("tc filter add dev ens33 egress pref 77 bpf bytecode '1,6 0 0 0'");
        ip("tc filter add dev ens33 ingress pref 5 bpf bytecode '1,6 0 0 0'");
        let left = Left::new().with_clsact(index("ens33"));
        let removed = left.removed().await;
        assert!(removed.qdiscs.is_empty());
        assert!(ip("tc filter show dev ens33 ingress").contains("pref 5"));
        assert!(!ip("tc filter show dev ens33 egress").contains("pref 77"));
    });
}

#[test]
fn interfaces_that_have_gone_are_no_obstacle() {
    in_namespace(async || {
        let left = Left::new().with_clsact(77);
        let left = left.with_addresses([address(77, "192.168.1.254")]);
        let removed = left.removed().await;
        assert!(removed.is_empty(), "{removed}");
    });
}

#[test]
fn another_namespaces_addresses_are_not_ours_to_remove() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip addr add 192.168.1.254/32 dev ens33");
        let mut left = Left::new().with_addresses([address(index("ens33"), "192.168.1.254")]);
        // Of the main thread, which stays where it is.
        let other = std::fs::metadata("/proc/self/ns/net").unwrap();
        left.journal.netns = std::os::unix::fs::MetadataExt::ino(&other);
        left.store();
        let error = left.refused(Fence::Never).await;
        assert!(matches!(error, CleanupError::OtherNamespace(_)), "{error}");
        assert!(
            left.pins.calls.borrow().is_empty(),
            "its Backups are not here"
        );

        // One that has gone took its addresses with it.
        left.journal.netns = 1;
        let removed = left.removed().await;
        assert!(removed.addresses.is_empty());
        assert!(addresses().contains("192.168.1.254/32"));
    });
}
