//! State changes.

use super::*;
use crate::proto::{Cause, FaultReason, Instant, Transition};

#[test]
fn transitions_read_like_keepaliveds() {
    use Cause::{
        ActiveDown, BetterAdvert, Drained, LinkUp, Owner, Preempt, PriorityZero, Shutdown, Startup,
    };
    use State::{Active, Backup, Fault, Initialize, Retiring, Rising};
    let timeout = "(VI_1) Receive advertisement timeout";
    let master = "(VI_1) Entering MASTER STATE";
    let (setting, removing) = ("(VI_1) setting VIPs.", "(VI_1) removing VIPs.");
    let backup = "(VI_1) Entering BACKUP STATE";
    let fault = "(VI_1) Entering FAULT STATE";
    let (sent, stopped) = ("(VI_1) sent 0 priority", "(VI_1) Stopped");
    let [down, no_address] = [FaultReason::LinkDown, FaultReason::NoAddress].map(Cause::Fault);
    let serving = "(VI_1) serving until a successor has taken over";
    let rising = "(VI_1) about to preempt";
    let table: &[(State, State, Cause, &[&str])] = &[
        (
            Initialize,
            Backup,
            Startup,
            &["(VI_1) Entering BACKUP STATE (init)"],
        ),
        (
            Initialize,
            Fault,
            down,
            &["(VI_1) Entering FAULT STATE (init)"],
        ),
        (Initialize, Active, Owner, &[master, setting]),
        (Backup, Active, ActiveDown, &[timeout, master, setting]),
        (Backup, Active, PriorityZero, &[timeout, master, setting]),
        (Backup, Rising, Preempt, &[rising, setting]),
        (Backup, Rising, PriorityZero, &[setting]),
        (Rising, Active, PriorityZero, &[timeout, master]),
        (Rising, Active, Preempt, &[master]),
        (Rising, Active, ActiveDown, &[timeout, master]),
        (Rising, Backup, BetterAdvert, &[backup, removing]),
        (Active, Backup, BetterAdvert, &[backup, removing]),
        (Active, Fault, down, &[fault, removing]),
        (Active, Fault, no_address, &[fault, sent, removing]),
        (Rising, Fault, no_address, &[fault, removing]),
        (Fault, Backup, LinkUp, &[backup]),
        (Backup, Fault, no_address, &[fault]),
        (Active, Retiring, Shutdown, &[sent, serving]),
        (Retiring, Initialize, Drained, &[stopped, removing]),
        (Backup, Initialize, Shutdown, &[stopped]),
    ];
    for &(from, to, cause, expected) in table {
        let event = Event::Transition {
            router: RouterId::first(0),
            transition: Transition {
                from,
                to,
                cause,
                at: Instant(1),
                deadline: Instant(1),
                last_advert: None,
            },
            priority: 100,
        };
        assert_eq!(texts(&event, from), expected, "{from:?} -> {to:?}");
    }
}
