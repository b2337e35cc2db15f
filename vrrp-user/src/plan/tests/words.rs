//! What people are told.

use super::*;

/// Lines of an instance before and after, and what is said of the difference.
fn rows(rows: &[(&str, &str, &[&str])]) {
    for (before, after, expected) in rows {
        let before = desired(&one("VI_1", 51, before));
        let after = desired_from(&before, &one("VI_1", 51, after), &ETH);
        let said = told(&diff(&before, &after));
        let expected: Vec<_> = expected
            .iter()
            .map(|line| format!("VI_1: {line}"))
            .collect();
        assert_eq!(said, expected);
    }
}

#[test]
fn settings_are_said_by_their_keywords() {
    rows(&[
        ("", "", &[]),
        ("priority 100", "priority 150", &["priority 100 → 150"]),
        (
            "version 3",
            "version 3\n advert_int 0.01",
            &["advert_int 1 s → 0.01 s"],
        ),
        (
            "",
            "state MASTER\n priority 100",
            &["state BACKUP → MASTER"],
        ),
        ("", "nopreempt", &["nopreempt off → on"]),
        ("", "preempt_delay 5", &["preempt_delay 0 s → 5 s"]),
        ("", "lease off", &["lease auto → off"]),
        ("", "lease 2", &["lease auto → 2 s"]),
        ("", "garp_master_repeat 3", &["garp_master_repeat 5 → 3"]),
        ("", "garp_master_delay 1", &["garp_master_delay 5 s → 1 s"]),
        (
            "",
            "garp_master_refresh 60",
            &["garp_master_refresh 0 s → 60 s"],
        ),
        (
            "",
            "garp_master_refresh_repeat 2",
            &["garp_master_refresh_repeat 1 → 2"],
        ),
        ("", "down_timer_adverts 2", &["down_timer_adverts 3 → 2"]),
        (
            "",
            "lower_prio_no_advert",
            &["lower_prio_no_advert off → on"],
        ),
        (
            "",
            "higher_prio_send_advert off",
            &["higher_prio_send_advert on → off"],
        ),
        (
            "",
            "mcast_src_ip 10.0.0.9",
            &["source address none → 10.0.0.9"],
        ),
        (
            "mcast_src_ip 10.0.0.9",
            "mcast_src_ip 10.0.0.9\n track_src_ip",
            &["track_src_ip off → on"],
        ),
        ("version 3", "version 3\n no_accept", &["accept on → off"]),
        ("", "skip_check_adv_addr", &["skip_check_adv_addr off → on"]),
        ("", "notify /bin/true", &["notify scripts changed"]),
        (
            "notify_master /bin/true",
            "notify_master \"/bin/true x\"",
            &["notify scripts changed"],
        ),
        ("notify /bin/true", "\n\n notify /bin/true", &[]),
    ]);
}

#[test]
fn a_password_is_not_shown() {
    let pass = |word: &str| format!("authentication {{\n auth_type PASS\n auth_pass {word}\n }}");
    rows(&[
        ("", &pass("secret"), &["authentication added"]),
        (&pass("secret"), &pass("better"), &["auth_pass changed"]),
        (&pass("secret"), "", &["authentication removed"]),
    ]);
}

#[test]
fn unicast_peers_are_said_one_by_one() {
    let peers = |list: &str| format!("unicast_peer {{\n {list}\n }}");
    rows(&[
        (
            &peers("10.0.0.7\n 10.0.0.8"),
            &peers("10.0.0.8 min_ttl 254\n 10.0.0.9"),
            &[
                "unicast peer 10.0.0.7 removed",
                "unicast peer 10.0.0.8 changed",
                "unicast peer 10.0.0.9 added",
                "check_unicast_src off → on",
            ],
        ),
        (
            &peers("10.0.0.7\n 10.0.0.8"),
            &peers("10.0.0.8\n 10.0.0.7"),
            &["unicast peers in another order"],
        ),
        (
            &peers("10.0.0.7"),
            &(peers("10.0.0.7") + "\n unicast_ttl 64\n check_unicast_src"),
            &["unicast_ttl none → 64", "check_unicast_src off → on"],
        ),
        ("", &peers("10.0.0.7"), &["restarted (multicast → unicast)"]),
        (&peers("10.0.0.7"), "", &["restarted (unicast → multicast)"]),
    ]);
}

#[test]
fn virtual_ips_are_said_one_by_one() {
    let with = |vips: &str| file(&[("VI_1", "interface eth0\n virtual_router_id 51", vips)]);
    let said = |before: &str, after: &str| {
        let before = desired(&with(before));
        told(&diff(&before, &desired_from(&before, &with(after), &ETH)))
    };
    assert_eq!(
        said("10.0.0.1, 10.0.0.2/24", "10.0.0.1, 192.0.2.9/24 dev eth1"),
        [
            "VI_1: virtual IP 10.0.0.2/24 removed",
            "VI_1: virtual IP 192.0.2.9/24 dev eth1 added",
        ]
    );
    assert_eq!(
        said("10.0.0.1", "10.0.0.1/24 label eth0:1 scope link"),
        [
            "VI_1: virtual IP 10.0.0.1/24 changed (prefix /32 → /24, scope global → link, label none → eth0:1)"
        ]
    );
    assert_eq!(
        said("10.0.0.1, 10.0.0.2, 10.0.0.3", "10.0.0.2, 10.0.0.1"),
        [
            "VI_1: virtual IP 10.0.0.3/32 removed",
            "VI_1: virtual IPs in another order",
        ]
    );
    assert_eq!(
        said(
            "10.0.0.1, 10.0.0.2",
            "10.0.0.1\n }\n virtual_ipaddress_excluded {\n 10.0.0.2"
        ),
        ["VI_1: virtual IP 10.0.0.2/32 changed (excluded from adverts off → on)"]
    );
}

#[test]
fn a_restart_says_why_and_an_instance_that_goes_moves() {
    let before = desired(&(one("A", 51, "") + &one("B", 52, "").replace("0.1", "0.2")));
    let text = one("A", 53, "priority 90") + &one("C", 54, "").replace("0.1", "0.3");
    let after = desired_from(&before, &text, &ETH);
    let steps = diff(&before, &after);
    let said: Vec<_> = summary(&steps)
        .iter()
        .map(|one| (one.to_string(), one.moves))
        .collect();
    let line = |text: &str, moves| (text.to_owned(), moves);
    assert_eq!(
        said,
        [
            line("B: removed", true),
            line(
                "A: restarted (virtual_router_id 51 → 53, priority 100 → 90)",
                true
            ),
            line("C: added", false),
        ]
    );
}

#[test]
fn a_renamed_instance_is_known_also_if_it_restarts() {
    let before = desired(&one("A", 51, ""));
    let after = desired_from(&before, &one("B", 51, ""), &ETH);
    assert_eq!(told(&diff(&before, &after)), ["B: renamed, was A"]);
    let after = desired_from(&before, &one("B", 51, "version 3"), &ETH);
    let said = told(&diff(&before, &after));
    assert_eq!(said, ["B: restarted (renamed, was A, version 2 → 3)"]);
}

#[test]
fn interfaces_that_come_and_go_are_said() {
    let text = file(&[(
        "A",
        "interface eth0\n virtual_router_id 1",
        "10.0.0.1, 10.1.0.1 dev eth1, 10.2.0.1 dev eth2 no_track",
    )]);
    let here = desired(&text);
    let gone = desired_from(&here, &text, &[]);
    let said: Vec<_> = summary(&diff(&here, &gone))
        .into_iter()
        .map(|one| (one.what, one.moves))
        .collect();
    let line = |text: &str, moves| (text.to_owned(), moves);
    assert_eq!(
        said,
        [
            line("interface eth0 is gone: FAULT", true),
            line(
                "virtual IP 10.1.0.1/32 dev eth1: interface eth1 is gone",
                true
            ),
            line(
                "virtual IP 10.2.0.1/32 dev eth2: interface eth2 is gone",
                false
            ),
        ]
    );
    let back = desired_from(&gone, &text, &[("eth0", 9)]);
    assert_eq!(told(&diff(&gone, &back)), ["A: interface eth0 is there"]);
    let again = desired_from(&back, &text, &[("eth0", 10)]);
    assert_eq!(
        told(&diff(&back, &again)),
        ["A: interface eth0 was made again"]
    );
    let again = desired_from(&here, &text, &[("eth0", 2), ("eth1", 9), ("eth2", 4)]);
    assert_eq!(
        told(&diff(&here, &again)),
        ["A: virtual IP 10.1.0.1/32 dev eth1: interface eth1 was made again"]
    );
}

#[test]
fn global_definitions_and_the_order_of_the_file() {
    let globals = |lines: &str| format!("global_defs {{\n {lines}\n}}\n{}", one("A", 51, ""));
    let before = desired(&globals("router_id x\n vrrp_rt_priority 50"));
    let after = desired_from(
        &before,
        &globals("router_id y\n enable_script_security"),
        &ETH,
    );
    assert_eq!(
        told(&diff(&before, &after)),
        [
            "global_defs: router_id x → y",
            "global_defs: vrrp_rt_priority 50 → none, from the next start on",
            "global_defs: enable_script_security off → on",
        ]
    );
    let b = one("B", 52, "").replace("0.1", "0.2");
    let before = desired(&(one("A", 51, "") + &b));
    let after = desired_from(&before, &(b + &one("A", 51, "")), &ETH);
    let steps = diff(&before, &after);
    assert_eq!(steps.len(), 1);
    assert_eq!(told(&steps), [] as [&str; 0]);
}
