//! Values that cannot be read, and what becomes of those that can.

use std::time::Duration;

use super::*;

//= C6, C28: refusal
#[test]
fn values_that_cannot_be_read_are_errors() {
    check(&[
        (
            "virtual_router_id 0",
            &[
                "7: warning: `virtual_router_id` was given in line 3 already, the last one counts",
                "7: error: `virtual_router_id 0`: not a number from 1 to 255",
            ],
        ),
        (
            "priority 60x",
            &["7: error: `priority 60x`: not a number from 1 to 255"],
        ),
        (
            "priority 256",
            &["7: error: `priority 256`: not a number from 1 to 255"],
        ),
        (
            "priority -1",
            &["7: error: `priority -1`: not a number from 1 to 255"],
        ),
        ("priority", &["7: error: `priority` needs a parameter"]),
        (
            "\n\npriority 0",
            &["9: error: `priority 0`: not a number from 1 to 255"],
        ),
        (
            "advert_int 0",
            &["7: error: `advert_int 0`: not a number of seconds from 0.01 to 255"],
        ),
        (
            "version 3\nadvert_int 0.005",
            &["8: error: `advert_int 0.005`: not a number of seconds from 0.01 to 255"],
        ),
        (
            "advert_int 0.0099",
            &["7: error: `advert_int 0.0099`: not a number of seconds from 0.01 to 255"],
        ),
        (
            "advert_int 10ms",
            &["7: error: `advert_int 10ms`: not a number of seconds from 0.01 to 255"],
        ),
        (
            "advert_int 256",
            &["7: error: `advert_int 256`: not a number of seconds from 0.01 to 255"],
        ),
        (
            "version 4",
            &["7: error: `version 4`: not a number from 2 to 3"],
        ),
        (
            "preempt_delay 2000",
            &["7: error: `preempt_delay 2000`: not a number of seconds from 0 to 1000"],
        ),
        (
            "garp_master_delay 2.5",
            &["7: error: `garp_master_delay 2.5`: not a number from 0 to 86400"],
        ),
        (
            "skip_check_adv_addr maybe",
            &["7: error: `skip_check_adv_addr maybe`: neither on, true, yes nor off, false, no"],
        ),
        (
            "lease never",
            &["7: error: `lease never`: not a number of seconds from 0.001 to 1000"],
        ),
        (
            "lease 1",
            &[
                "7: error: (VI_1) `lease` ends before the next advert renews it; write `lease auto`, or more than `advert_int`",
            ],
        ),
        (
            "down_timer_adverts 0",
            &["7: error: `down_timer_adverts 0`: not a number from 1 to 100"],
        ),
        (
            "down_timer_adverts 101",
            &["7: error: `down_timer_adverts 101`: not a number from 1 to 100"],
        ),
        (
            "lower_prio_no_advert never",
            &["7: error: `lower_prio_no_advert never`: neither on, true, yes nor off, false, no"],
        ),
        ("notify", &["7: error: `notify` needs a command"]),
        (
            "notify_master \"\"",
            &["7: error: `notify_master` needs a command"],
        ),
        (
            "notify_master \"x 'y\"",
            &["7: error: `notify_master`: a quote is opened and not closed"],
        ),
        (
            "notify_master /bin/x a b c",
            &[
                "7: error: `notify_master` takes a command, a user and a group, more words follow; \
             put the command and its arguments in double quotes",
            ],
        ),
        (
            "state BACKUP priority 5",
            &[
                "7: error: `priority` stands on the line of `state`, where keepalived ignores it; give it a line of its own",
            ],
        ),
        ("priority 5 {\n}", &["7: error: `priority` takes no block"]),
        (
            "v2_interop",
            &[
                "7: error: (VI_1) `v2_interop` is for IPv4 routers of version 3; write `version 3`, or remove it",
            ],
        ),
        (
            "authentication",
            &["7: error: `authentication` needs a block"],
        ),
        (
            "authentication {\n auth_type AH\n auth_pass x\n}",
            &[
                "8: error: `auth_type AH` is not supported: peers would drop our adverts, and both machines would be master; \
             use PASS or no authentication, on every router",
            ],
        ),
    ]);
}

//= C28: proof
#[test]
fn intervals_are_what_a_packet_can_say() {
    let rows = [
        (2, "1", 1000),
        (2, "0.4", 1000),
        (2, "1.4", 1000),
        (2, "1.5", 2000),
        (2, "255", 255_000),
        (3, "0.01", 10),
        (3, "0.014", 10),
        (3, "0.015", 20),
        (3, "0.5", 500),
        (3, "100", 40_950),
    ];
    for (version, asked, millis) in rows {
        let text = with(&format!("version {version}\nadvert_int {asked}"));
        assert_eq!(
            instance(&text).settings.advert_interval,
            Duration::from_millis(millis),
            "{asked}"
        );
        let exact = asked.parse::<f64>().expect("a number") * 1000.0
            == f64::from(u32::try_from(millis).expect("small"));
        assert_eq!(found(&text).is_empty(), exact, "{asked}");
    }
    let unasked = instance(&with("version 3")).settings.advert_interval;
    assert_eq!(unasked, Duration::from_secs(1));
}
