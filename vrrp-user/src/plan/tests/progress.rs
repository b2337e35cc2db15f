//! Which steps wait for which.

use super::{super::Progress, *};

/// The steps that can begin now, as they are logged; those about routers are under way then.
fn begun(progress: &mut Progress) -> Vec<String> {
    let mut begun = Vec::new();
    while let Some(step) = progress.begin() {
        begun.push(step.to_string());
    }
    begun
}

fn pair(a: &str, b: &str) -> String {
    let on = |vrid| format!("interface eth0\n virtual_router_id {vrid}");
    file(&[("A", &on(1), a), ("B", &on(2), b)])
}

/// What runs by the first of two files, and the way to the second.
fn between(before: &str, after: &str) -> (Desired, Progress) {
    let before = desired(before);
    let after = desired_from(&before, after, &ETH);
    let progress = Progress::new(diff(&before, &after));
    (before, progress)
}

#[test]
fn what_is_taken_down_waits_for_every_router() {
    let all = desired(&pair("10.0.0.1", "10.0.0.2"));
    let mut progress = Progress::new(diff(&all, &Desired::default()));
    assert_eq!(begun(&mut progress), ["(A) remove", "(B) remove"]);
    progress.ended(id(&all, "A"));
    assert_eq!(begun(&mut progress), [""; 0]);
    assert!(!progress.is_over());
    progress.ended(id(&all, "B"));
    assert_eq!(
        begun(&mut progress),
        [
            "leave 224.0.0.18 on interface 2",
            "detach the programs from eth0"
        ]
    );
    assert!(progress.is_over());
}

/// A stop in the middle of a reload.
#[test]
fn a_turn_removes_at_once_and_forgets_nothing() {
    let on = |vrid, interface| format!("interface {interface}\n virtual_router_id {vrid}");
    let (a, b) = (on(1, "eth0"), on(2, "eth1"));
    let before = desired(&file(&[("A", &a, "10.0.0.1"), ("B", &b, "10.0.0.2")]));
    let (c, moved) = (on(3, "eth0"), on(2, "eth2"));
    let others = [
        ("A", &*a, "10.0.0.3"),
        ("C", &c, "10.0.0.5"),
        ("B", &moved, "10.0.0.4"),
    ];
    let after = desired_from(&before, &file(&others), &ETH);
    let mut progress = Progress::new(diff(&before, &after));
    let first = begun(&mut progress);
    assert!(first.contains(&"(B) remove".to_owned()), "{first:?}");
    assert!(!first.contains(&"(B) add".to_owned()), "{first:?}");

    progress.turn_to(diff(&after, &after.without_routers()));
    let removed = ["(A) remove", "(C) remove", "(B) remove"];
    assert_eq!(begun(&mut progress), removed);
    for name in ["A", "C", "B"] {
        progress.ended(id(&after, name));
        assert_eq!(begun(&mut progress), [""; 0], "the first B has not gone");
    }
    progress.ended(id(&before, "B"));
    let mut last = begun(&mut progress);
    last.sort();
    let mut expected = Vec::new();
    for (index, interface) in [(2, "eth0"), (3, "eth1"), (4, "eth2")] {
        expected.push(format!("detach the programs from {interface}"));
        expected.push(format!("leave 224.0.0.18 on interface {index}"));
    }
    expected.sort();
    assert_eq!(last, expected);
    assert!(progress.is_over());
}

#[test]
fn who_takes_waits_for_who_gives() {
    let (before, mut progress) = between(
        &pair("10.0.0.1, 10.0.0.9", "10.0.0.2"),
        &pair("10.0.0.1", "10.0.0.2, 10.0.0.9"),
    );
    let [first] = &begun(&mut progress)[..] else {
        panic!("one at a time");
    };
    assert!(first.starts_with("(A) change"), "{first}");
    // Not the one that is waited for.
    progress.ended(id(&before, "B"));
    assert_eq!(begun(&mut progress), [""; 0]);
    progress.ended(id(&before, "A"));
    assert_eq!(begun(&mut progress).len(), 1);
    assert!(!progress.is_over());
    progress.ended(id(&before, "B"));
    assert!(progress.is_over());
}

#[test]
fn others_wait_for_nobody() {
    let (_, mut progress) = between(&pair("10.0.0.1", "10.0.0.2"), &pair("10.0.0.3", "10.0.0.4"));
    assert_eq!(begun(&mut progress).len(), 2);
}
