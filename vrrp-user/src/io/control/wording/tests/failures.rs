//! What the kernel refused.

use super::*;
use crate::io::{bpf::TableError, engine::message::InterfaceError};

#[test]
fn failures_are_named_with_their_remedy() {
    let failed = texts(
        &Event::SendFailed {
            router: RouterId::first(0),
            errno: 100,
        },
        State::Active,
    );
    assert_eq!(
        failed,
        ["(VI_1) sending an advert failed: Network is down (os error 100)"]
    );
    for (errno, delayed, end) in [
        (100, false, "failed: Network is down (os error 100)"),
        (
            105,
            true,
            "is delayed, its interface takes no more at once: No buffer space available (os error 105)",
        ),
    ] {
        let announcing = Event::AnnouncingFailed {
            router: RouterId::first(0),
            errno,
            delayed,
        };
        let line = format!("(VI_1) announcing the virtual IPs {end}");
        assert_eq!(texts(&announcing, State::Active), [line]);
    }
    let unusable = Event::InterfaceFailed {
        router: RouterId::first(0),
        error: InterfaceError::Table(TableError {
            name: "VIPS",
            errno: 7,
        }),
    };
    assert_eq!(
        texts(&unusable, State::Fault),
        [
            "(VI_1) cannot take over what changed on its interfaces, and stays as it is: BPF map VIPS: Argument list \
             too long (os error 7)"
        ]
    );
    let refused = Event::AddressFailed {
        router: RouterId::first(0),
        vip: VipId(0),
        errno: 13,
    };
    assert_eq!(
        texts(&refused, State::Active),
        ["(VI_1) the kernel refused virtual IP 192.168.1.254: Permission denied (os error 13)"]
    );
    let every = Event::OrderFailed {
        router: RouterId::first(0),
        errno: 105,
    };
    assert_eq!(
        texts(&every, State::Active),
        [
            "(VI_1) cannot ask the kernel about the virtual IPs: No buffer space available (os error 105)"
        ]
    );
    let [(_, line)] = &of_the_node(&Event::MemoryNotLocked { errno: 1 })[..] else {
        panic!();
    };
    assert!(line.contains("CAP_IPC_LOCK"), "{line}");
}
