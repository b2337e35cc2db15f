use std::{
    cell::{Cell, RefCell},
    io,
    net::IpAddr,
    path::PathBuf,
};

use super::*;
use crate::io::{
    bpf::pinned::Fenced,
    engine::resignation::Resignation,
    journal::{AddressRecord, MacRecord, Undo},
    testing::{in_namespace, index, is_isolated, run as ip},
};

/// Pins that only take notes. `detach_filters` does what the real one does, with iproute2.
#[derive(Default)]
struct Notes {
    calls: RefCell<Vec<String>>,
    pinned: Cell<bool>,
    /// Slot 0 was in service as the Active.
    active: Cell<bool>,
    failing: Cell<bool>,
}

impl Notes {
    fn note(&self, call: &str) -> io::Result<()> {
        self.calls.borrow_mut().push(call.to_owned());
        if self.failing.get() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(())
    }
}

impl Pins for Notes {
    fn fence(&self) -> io::Result<Vec<Fenced>> {
        self.note("fence")?;
        let served = Fenced {
            slot: 0,
            was_active: self.active.get(),
        };
        Ok(Vec::from_iter(self.pinned.get().then_some(served)))
    }

    fn detach_filters(&self, interface: &str) -> io::Result<()> {
        self.note("detach")?;
        ip(&format!("tc filter del dev {interface} egress pref 77"));
        Ok(())
    }

    fn remove(&self, _: bool) -> io::Result<bool> {
        self.note("unpin")?;
        Ok(self.pinned.replace(false))
    }
}

/// What a node left behind: its directory, with the journal once it is stored, and its pins.
struct Left {
    temporary: tempfile::TempDir,
    directory: RuntimeDir,
    journal: Journal,
    pins: Notes,
}

impl Left {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let base = temporary.path().join("base");
        Self {
            directory: RuntimeDir::create(&base, &InstanceName::default()).unwrap(),
            journal: Journal::new(netns::current().unwrap()),
            pins: Notes::default(),
            temporary,
        }
    }

    fn base(&self) -> PathBuf {
        self.temporary.path().join("base")
    }

    fn store(&self) {
        self.journal.store(&self.directory).unwrap();
    }

    /// With a clsact qdisc of the node's own on an interface.
    fn with_clsact(mut self, index: u32) -> Self {
        self.journal.owe(Undo::Filters(index));
        self.journal.owe(Undo::Clsact(index));
        self
    }

    fn with_addresses<const N: usize>(mut self, addresses: [AddressRecord; N]) -> Self {
        for address in addresses {
            self.journal.owe(Undo::Address(address));
        }
        self
    }

    async fn clean(&self, fence: Fence) -> Result<Removed, CleanupError> {
        run(&self.base(), &InstanceName::default(), &self.pins, fence).await
    }

    /// A cleanup has removed 192.168.1.254 and the directory, and left 192.168.1.253 alone.
    fn is_gone_but_for_253(&self, removed: &Removed) {
        assert_eq!(removed.addresses, [IpAddr::from([192, 168, 1, 254])]);
        assert!(addresses().contains("192.168.1.253/32"));
        assert!(!self.base().exists());
    }

    /// What a cleanup removes that goes by the journal as it is now.
    async fn removed(&self) -> Removed {
        self.store();
        self.clean(Fence::Never).await.unwrap()
    }

    async fn refused(&self, fence: Fence) -> CleanupError {
        self.clean(fence).await.unwrap_err()
    }
}

fn address(index: u32, text: &str) -> AddressRecord {
    AddressRecord {
        instance: "VI_1".to_owned(),
        index,
        address: text.parse().unwrap(),
        prefix: 32,
    }
}

fn addresses() -> String {
    assert!(is_isolated());
    ip("ip -o addr show")
}

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

#[test]
fn damaged_journal_has_a_copy() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip addr add 192.168.1.253/32 dev ens33");
        ip("ip addr add 192.168.1.254/32 dev ens33");
        let left = Left::new().with_addresses([address(index("ens33"), "192.168.1.254")]);
        left.directory.replace(JOURNAL, b"{").unwrap();
        left.pins.pinned.set(true);
        let error = left.refused(Fence::Never).await;
        for file in [JOURNAL, JOURNAL_COPY] {
            let file = left.directory.path(file).display().to_string();
            assert!(error.to_string().contains(&file), "{error}");
        }
        assert!(error.to_string().contains("`ip address del`"), "{error}");
        // The programs keep the kernel from answering for what is left.
        assert_eq!(*left.pins.calls.borrow(), ["fence"]);

        left.store();
        left.directory.replace(JOURNAL, b"{").unwrap();
        let removed = left.clean(Fence::Never).await.unwrap();
        assert!(removed.pins);
        left.is_gone_but_for_253(&removed);
    });
}

/// Whose network namespace is not found, and may be alive all the same.
#[test]
fn fencing_from_elsewhere_removes_nothing_here() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip addr add 192.168.1.254/32 dev ens33");
        let mut left = Left::new().with_addresses([address(index("ens33"), "192.168.1.254")]);
        left.journal.netns = 1;
        left.store();
        let _lock = left.directory.lock().unwrap();
        left.pins.pinned.set(true);
        let error = left.refused(Fence::Anyone).await;
        let told =
            "fenced (1 virtual routers taken out of service), but instance default is already";
        assert!(error.to_string().starts_with(told), "{error}");
        assert!(addresses().contains("192.168.1.254/32"));
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

#[tokio::test(flavor = "current_thread")]
async fn failed_step_keeps_the_journal_for_the_next_try() {
    let left = Left::new();
    left.store();
    left.pins.failing.set(true);
    let error = left.refused(Fence::Never).await;
    assert_eq!(error.to_string(), "fence: permission denied");
    assert_eq!(
        *left.pins.calls.borrow(),
        ["fence"],
        "still gated by the programs"
    );
    left.pins.failing.set(false);
    left.clean(Fence::Never).await.unwrap();
    assert!(!left.base().exists());
}

#[tokio::test(flavor = "current_thread")]
async fn living_node_is_left_alone_unless_it_is_to_be_fenced() {
    let left = Left::new();
    let lock = left.directory.lock().unwrap();
    let error = left.refused(Fence::Never).await;
    assert!(
        error.to_string().contains("already running (process "),
        "{error}"
    );
    assert!(left.pins.calls.borrow().is_empty());

    let error = left.refused(Fence::Anyone).await;
    assert!(matches!(error, CleanupError::StillAlive { .. }), "{error}");
    assert_eq!(
        *left.pins.calls.borrow(),
        ["fence"],
        "the programs keep it quiet"
    );
    assert!(left.base().join("default").exists());

    // A node that notices and ends is cleaned up after.
    let asked = left.pins.calls.borrow().len();
    let ending = async {
        while left.pins.calls.borrow().len() == asked {
            tokio::task::yield_now().await;
        }
        drop(lock);
    };
    left.pins.pinned.set(true);
    let (cleaned, ()) = tokio::join!(left.clean(Fence::Anyone), ending);
    // Once each time it was asked; a real one is in service only once.
    assert_eq!(cleaned.unwrap().fenced, [0, 0]);
    assert!(!left.base().exists());
}

#[tokio::test(flavor = "current_thread")]
async fn end_of_the_service_fences_its_own_main_process_only() {
    let left = Left::new();
    let _lock = left.directory.lock().unwrap();
    let own = std::process::id();
    for main in [None, Some(own + 1)] {
        let error = left.refused(Fence::MainProcess(main)).await;
        assert!(matches!(error, CleanupError::NotTheServices(_)), "{error}");
    }
    assert!(left.pins.calls.borrow().is_empty());
    let error = left.refused(Fence::MainProcess(Some(own))).await;
    assert!(matches!(error, CleanupError::StillAlive { .. }), "{error}");
    assert_eq!(*left.pins.calls.borrow(), ["fence"]);
}

#[test]
fn systemd_says_whom_to_fence() {
    let told = |main: Option<&str>, result: Option<&str>| {
        Fence::requested(|name| {
            let value = match name {
                "MAINPID" => main,
                "SERVICE_RESULT" => result,
                _ => None,
            };
            value.map(str::to_owned)
        })
    };
    assert_eq!(told(None, None), Fence::Anyone);
    assert_eq!(told(None, Some("exit-code")), Fence::MainProcess(None));
    assert_eq!(
        told(Some("77"), Some("watchdog")),
        Fence::MainProcess(Some(77))
    );
}
