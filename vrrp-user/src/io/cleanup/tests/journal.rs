//! The journal, when it is damaged and when a step fails.

use super::*;
use crate::io::testing::{in_namespace, index};

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
