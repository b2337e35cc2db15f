//! One rule per row.

use std::time::Duration;

use super::*;
use crate::proto::{Departures, InitialState, Lease, Version};

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

#[test]
fn what_is_unsafe_to_ignore_is_an_error_and_the_rest_a_warning() {
    check(&[
        (
            "mcast_dst_ip 224.0.0.100",
            &[
                "7: error: `mcast_dst_ip` is not supported yet, and ignoring it is not safe: adverts would go to 224.0.0.18 \
             or ff02::12, and both machines would be master; remove it if that is what you want",
            ],
        ),
        ("mcast_dst_ip 224.0.0.18", &[]),
        ("mcast_dst_ip ff02:0::12", &[]),
        ("virtual_routes {\n}\nvirtual_rules {\n}", &[]),
        (
            "virtual_rules {\n x\n}",
            &[
                "7: error: `virtual_rules` is not supported yet, and ignoring it is not safe: these rules would be \
                 missing on the master; remove it if that is what you want",
            ],
        ),
        (
            "dont_track_primary",
            &[
                "7: warning: `dont_track_primary` is not supported yet, ignored: \
             the instance goes to FAULT when its interface is down",
            ],
        ),
        (
            "vrf red",
            &["7: warning: `vrf` is not supported yet, ignored"],
        ),
        ("accept\ndebug 4", &[]),
        (
            "priorty 5",
            &["7: warning: `priorty` is not a keyword, ignored; did you mean `priority`?"],
        ),
        (
            "auth_type PASS\nauth_pass 1111",
            &[
                "7: warning: `auth_type` has an effect in an `authentication { }` block alone, ignored; move it into that \
                 block of the `vrrp_instance`, on every router",
                "8: warning: `auth_pass` has an effect in an `authentication { }` block alone, ignored; move it into that \
                 block of the `vrrp_instance`, on every router",
            ],
        ),
        (
            "bogus {\n state {\n }\n}",
            &["7: warning: `bogus` is not a keyword, ignored with its block"],
        ),
        (
            "vrrp_garp_interval 1",
            &[
                "7: warning: `vrrp_garp_interval` has no effect in a `vrrp_instance`, ignored; move it to `global_defs`",
            ],
        ),
    ]);
}

//= C79: refusal
#[test]
fn what_keepalived_mends_is_mended_the_same_way() {
    check(&[
        (
            "state SLAVE",
            &["7: warning: `state SLAVE`: neither MASTER nor BACKUP, BACKUP is used"],
        ),
        (
            "state MASTER",
            &[
                "7: warning: (VI_1) is `state MASTER` without a `priority`, 255 (address owner) is used; add `priority`",
            ],
        ),
        (
            "priority 5 # c\npriority 6",
            &["8: warning: `priority` was given in line 7 already, the last one counts"],
        ),
        (
            "notify /a\nnotify /b",
            &["8: warning: `notify` was given in line 7 already, the first one counts"],
        ),
        (
            "priority 5 now",
            &["7: warning: `priority` takes one parameter, `now` and what follows is ignored"],
        ),
        (
            "state MASTER\npriority 9\nnopreempt",
            &[
                "9: warning: (VI_1) `nopreempt` does not go with state MASTER and is ignored, the instance preempts; \
             use `state BACKUP` and a priority below 255 with `nopreempt`",
            ],
        ),
        (
            "nopreempt\npreempt_delay 5",
            &["8: warning: (VI_1) `preempt_delay` does not go with nopreempt and is ignored"],
        ),
        (
            "advert_int 0.5",
            &[
                "7: warning: (VI_1) `advert_int` of 0.5 s is not possible with version 2, 1 s is used; \
             set `version 3` on every router for fractions of a second",
            ],
        ),
        (
            "garp_master_repeat 0",
            &["7: warning: `garp_master_repeat` must be greater than 0, 1 is used"],
        ),
        (
            "lease 4",
            &[
                "7: warning: (VI_1) `lease` outlasts 3 adverts: a stalled Active may serve beside its successor; \
             write `lease auto`",
            ],
        ),
        ("down_timer_adverts 5\nlease 4", &[]),
        (
            "down_timer_adverts 2\nlease 2.5",
            &[
                "8: warning: (VI_1) `lease` outlasts 2 adverts: a stalled Active may serve beside its successor; \
             write `lease auto`",
            ],
        ),
        (
            "down_timer_adverts 1",
            &[
                "7: warning: with `down_timer_adverts 1` every late advert makes a second master; \
             write 2 or more, the same on every router",
            ],
        ),
        ("strict_mode off\nhigher_prio_send_advert", &[]),
        (
            "version 3\nauthentication {\n auth_type PASS\n auth_pass x\n}",
            &[
                "8: warning: (VI_1) version 3 has no authentication, ignored as keepalived does; remove `authentication`",
            ],
        ),
        (
            "authentication {\n auth_type PASS\n}",
            &["7: warning: (VI_1) `auth_type` without `auth_pass`, authentication is ignored"],
        ),
    ]);
    let strict = instance(&with(
        "strict_mode\nstate MASTER\npriority 9\npreempt_delay 5\nauthentication {\n auth_type PASS\n auth_pass x\n}",
    ));
    assert_eq!(
        (strict.settings.initial, strict.auth),
        (InitialState::Backup, None)
    );
    assert_eq!(strict.settings.preempt_delay, Duration::ZERO);
    let owner = instance(&with("state MASTER"));
    assert_eq!(
        (owner.settings.priority, owner.settings.initial),
        (255, InitialState::Master)
    );
    let owner = instance(&with("priority 255"));
    assert_eq!(
        (owner.settings.priority, owner.settings.initial),
        (255, InitialState::Master)
    );
    let plain = instance(&with(""));
    assert_eq!(
        (plain.settings.priority, plain.settings.initial),
        (100, InitialState::Backup)
    );
    assert_eq!(
        instance(&with("priority 5\npriority 6")).settings.priority,
        6
    );
    assert!(
        instance(&with("state MASTER\npriority 9\nnopreempt"))
            .settings
            .preempt
    );
    assert!(!instance(&with("nopreempt")).settings.preempt);
    assert!(instance(&with("nopreempt\npreempt")).settings.preempt);
    assert_eq!(
        instance(&with("nopreempt\npreempt_delay 5"))
            .settings
            .preempt_delay,
        Duration::ZERO
    );
    assert_eq!(
        instance(&with(
            "version 3\nauthentication {\n auth_type PASS\n auth_pass x\n}"
        ))
        .auth,
        None
    );
    assert!(!instance(&with("skip_check_adv_addr off")).skip_check_adv_addr);
    assert!(instance(&with("v3_checksum_as_v2")).v3_checksum_as_v2);
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

#[test]
fn defaults_of_the_whole_file_hold_wherever_they_stand() {
    let globals = "global_defs {\n vrrp_version 3\n vrrp_garp_master_repeat 2\n vrrp_garp_master_refresh 60\n \
                   vrrp_rt_priority 60\n script_user nobody nogroup\n}\n";
    let body = "garp_master_repeat 3\nnotify_master \"/bin/a 'b c' d\"\nnotify \"/bin/e\" root wheel\nlease off";
    for text in [
        format!("{globals}{}", with(body)),
        format!("{}{globals}", with(body)),
    ] {
        let instance = instance(&text);
        assert_eq!(
            (instance.settings.version, instance.settings.garp.repeat),
            (Version::V3, 3)
        );
        assert_eq!(instance.settings.garp.refresh, Duration::from_secs(60));
        assert_eq!(instance.settings.lease, Lease::Off);
        let line_of = |word: &str| {
            let before = &text[..text.find(word).expect("it is there")];
            1 + before.matches('\n').count()
        };
        let (globals_line, any_line) = (line_of("script_user"), line_of("/bin/e"));
        let script = |argv: &[&str], user: &str, group: &str, line: usize| {
            Some(Script {
                argv: argv.iter().map(ToString::to_string).collect(),
                user: Some(user.to_owned()),
                group: Some(group.to_owned()),
                user_place: Place::new("k.conf", line),
                place: Place::new("k.conf", line_of(argv[0])),
            })
        };
        assert_eq!(
            instance.notify.master,
            script(&["/bin/a", "b c", "d"], "nobody", "nogroup", globals_line)
        );
        assert_eq!(
            instance.notify.any,
            script(&["/bin/e"], "root", "wheel", any_line)
        );
        let config = parse("k.conf", text.as_bytes()).config.expect("no error");
        assert_eq!(config.globals.rt_priority, Some(60));
        assert!(!config.globals.script_security);
    }
    let text = format!("global_defs {{\n enable_script_security\n}}\n{}", with(""));
    let parsed = parse("k.conf", text.as_bytes());
    assert_eq!(parsed.diagnostics, []);
    assert!(parsed.config.unwrap().globals.script_security);
}

#[test]
fn departures_from_the_rfc_are_the_instances_or_the_global_ones() {
    let plain = instance(&with(""));
    assert_eq!(plain.settings.departures, Departures::default());
    let globals = "global_defs {\n vrrp_down_timer_adverts 5\n vrrp_lower_prio_no_advert\n \
                   vrrp_higher_prio_send_advert yes\n vrrp_startup_delay 5.5\n}\n";
    let all = Departures {
        higher_prio_send_advert: true,
        down_timer_adverts: 5,
        lower_prio_no_advert: true,
        startup_delay: Duration::from_millis(5500),
        ..Departures::default()
    };
    assert_eq!(
        instance(&format!("{globals}{}", with("")))
            .settings
            .departures,
        all
    );
    let body = "down_timer_adverts 4\nlower_prio_no_advert off\nhigher_prio_send_advert false";
    assert_eq!(
        instance(&format!("{}{globals}", with(body)))
            .settings
            .departures,
        Departures {
            down_timer_adverts: 4,
            higher_prio_send_advert: false,
            startup_delay: all.startup_delay,
            ..Departures::default()
        }
    );
}

/// In the instance, or for all of them; with the adverts from a virtual MAC only where it is asked for.
#[test]
fn a_deposed_router_sends_one_more_advert_unless_told_otherwise() {
    for (globals, body, sends) in [
        ("", "", true),
        ("", "higher_prio_send_advert false", false),
        ("", "higher_prio_send_advert off", false),
        ("", "higher_prio_send_advert no", false),
        ("", "higher_prio_send_advert", true),
        ("vrrp_higher_prio_send_advert off", "", false),
        (
            "vrrp_higher_prio_send_advert off",
            "higher_prio_send_advert on",
            true,
        ),
        (
            "vrrp_higher_prio_send_advert",
            "higher_prio_send_advert off",
            false,
        ),
        ("", "strict_mode", false),
        ("vrrp_higher_prio_send_advert", "strict_mode", false),
        ("", "use_vmac", false),
        ("", "use_vmac\nhigher_prio_send_advert", true),
        ("vrrp_higher_prio_send_advert", "use_vmac", true),
        ("", "use_vmac\nvmac_xmit_base", true),
    ] {
        let text = format!("global_defs {{\n {globals}\n}}\n{}", with(body));
        let departures = instance(&text).settings.departures;
        assert_eq!(
            departures.higher_prio_send_advert, sends,
            "{globals}; {body}"
        );
    }
}

#[test]
fn strict_mode_leaves_a_worse_router_unanswered() {
    let strict = instance(&with("strict_mode\nhigher_prio_send_advert"));
    assert!(strict.settings.departures.lower_prio_no_advert);
    assert!(!strict.settings.departures.higher_prio_send_advert);
    let shown = found(&with("strict_mode\nhigher_prio_send_advert"));
    assert!(
        shown.contains(
            &"k.conf:8: warning: (VI_1) `higher_prio_send_advert` does not go with strict mode and is ignored"
                .to_owned()
        ),
        "{shown:#?}"
    );
}

//= C56: refusal
#[test]
fn packets_are_accepted_unless_told_otherwise() {
    let dropped = "packets to its virtual IPs are dropped, pings among them";
    let second = format!(
        "k.conf:1: warning: (VI_1) in strict mode {dropped}; \
         remove `vrrp_strict` and `strict_mode` if they are to be answered"
    );
    let third = format!(
        "k.conf:1: warning: (VI_1) in strict mode {dropped}; write `accept` if they are to be answered"
    );
    let ignored = format!(
        "k.conf:8: warning: (VI_1) `accept` does not go with strict mode and version 2 and is ignored: {dropped}; \
         remove `vrrp_strict` and `strict_mode` if they are to be answered"
    );
    let owner =
        "k.conf:8: warning: (VI_1) `no_accept` does not go with priority 255 and is ignored";
    let rows: [(&str, bool, &[&str]); 12] = [
        ("", true, &[]),
        ("accept", true, &[]),
        ("no_accept", false, &[]),
        ("no_accept\naccept", true, &[]),
        ("accept\nno_accept", false, &[]),
        ("strict_mode off", true, &[]),
        ("strict_mode", false, &[second.as_str()]),
        ("version 3\nstrict_mode", false, &[third.as_str()]),
        ("strict_mode\naccept", false, &[ignored.as_str()]),
        ("version 3\nstrict_mode\naccept", true, &[]),
        ("strict_mode\npriority 255", true, &[]),
        ("priority 255\nno_accept", true, &[owner]),
    ];
    for (body, accept, said) in rows {
        let text = with(body);
        assert_eq!(instance(&text).accept, accept, "{body}");
        assert_eq!(found(&text), said, "{body}");
    }
}

#[test]
fn both_versions_at_once() {
    let pass = "authentication {\n auth_type PASS\n auth_pass 1111\n}\n";
    let text = with(&format!("version 3\nv2_interop\nadvert_int 2\n{pass}"));
    assert_eq!(found(&text), [""; 0]);
    let both = instance(&text);
    assert_eq!(both.settings.version, Version::V3);
    let interval = both.settings.departures.also_version_2;
    assert_eq!(interval, Some(Duration::from_secs(2)));
    assert_eq!(both.auth, Some(Auth::Pass(*b"1111\0\0\0\0")));

    assert_eq!(
        instance(&with("version 3\nv2_interop off"))
            .settings
            .departures,
        Departures::default()
    );
    let text = with("version 3\nv2_interop\nadvert_int 0.01");
    assert_eq!(
        found(&text),
        [
            "k.conf:8: warning: (VI_1) `advert_int` in version 2 is 1 s, which routers of version 2 must have, too; \
             give them lower priorities: they notice a failure later than those of version 3"
        ]
    );
    let interval = instance(&text).settings.departures.also_version_2;
    assert_eq!(interval, Some(Duration::from_secs(1)));
}
