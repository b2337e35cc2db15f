//! Nodes that are alive, and who may take them out of service.

use super::*;
use crate::io::testing::{in_namespace, index};

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
