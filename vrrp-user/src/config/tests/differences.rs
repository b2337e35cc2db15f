//! Where a plain reading of a file is not keepalived's: each is understood as keepalived 2.4.3 does, or
//! refused. Beside a keepalived with the same file anything else makes two masters.

use super::*;
use crate::proto::InitialState;

fn password(body: &str) -> Option<String> {
    let auth = instance(&with(body)).auth;
    auth.map(|Auth::Pass(bytes)| bytes.escape_ascii().to_string())
}

fn pass(line: &str) -> String {
    format!("authentication {{\n auth_type PASS\n {line}\n}}")
}

/// The errors of an instance with this body.
fn errors(body: &str) -> Vec<String> {
    let errors = found(&with(body)).into_iter();
    errors.filter(|line| line.contains(" error: ")).collect()
}

#[test]
fn a_password_is_what_keepalived_compares() {
    let twice = "the line twice, and a comment starts there the second time";
    let rows = [
        // As it is written, without quotes or with them.
        ("auth_pass 1111", Ok(Some(r"1111\x00\x00\x00\x00"))),
        ("auth_pass a\\b\\c", Ok(Some(r"a\\b\\c\x00\x00\x00"))),
        ("auth_pass \"a#b!c\"", Ok(Some(r"a#b!c\x00\x00\x00"))),
        ("auth_pass long!pass", Ok(Some(r"long\x00\x00\x00\x00"))),
        ("auth_pass \"!p%Q!long4PaSs\"", Ok(Some(r"!p%Q!lon"))),
        ("auth_pass £6nj7^5", Ok(Some(r"\xc2\xa36nj7^5"))),
        ("auth_pass \"\"", Ok(None)),
        ("auth_pass \"\" # nothing", Ok(None)),
        ("auth_pass a\\#b", Err(twice)),
        ("auth_pass a\\!b", Err(twice)),
        (
            "auth_pass \"a\\\"b\"",
            Err("does not protect a double quote"),
        ),
        ("auth_pass abc \\", Err("does not continue the line")),
        (
            "auth_pass \"abc",
            Err("a double quote is opened and not closed"),
        ),
        (
            "auth_pass {password}",
            Err("`{password}` is a placeholder of a template"),
        ),
        ("auth_pass ${PW}", Err("`${PW}` is not defined")),
        (
            "auth_pass \"${_ENV PW}\"",
            Err("`${_ENV PW}`, a definition that keepalived has by itself,"),
        ),
        (
            "auth_pass $_HASH",
            Err("`$_HASH`, a definition that keepalived has by itself,"),
        ),
    ];
    for (line, expected) in rows {
        let body = pass(line);
        match expected {
            Ok(bytes) => assert_eq!(password(&body).as_deref(), bytes, "{line}"),
            Err(why) => {
                let errors = errors(&body);
                assert!(errors.len() == 1, "{line}: {errors:#?}");
                assert!(
                    errors[0].starts_with("k.conf:9: error: ") && errors[0].contains(why),
                    "{errors:#?}"
                );
            }
        }
    }
    assert_eq!(
        found(&with(&pass("auth_pass long!pass"))),
        [
            "k.conf:9: warning: the password ends where a `#` or `!` starts a comment; \
             put it in double quotes if these belong to it, on every router"
        ]
    );
    assert_eq!(found(&with(&pass("auth_pass long # pass"))), [""; 0]);
    assert_eq!(
        found(&with(&pass("auth_pass \"\""))),
        [
            "k.conf:9: warning: (VI_1) `auth_pass` is empty, authentication is ignored as keepalived does; \
             remove `authentication`, or write a password, on every router"
        ]
    );
}

#[test]
fn a_definition_is_not_used_before_a_double_quote() {
    let text = |line: &str| format!("$PW=topsecre\n{}", with(&pass(line)));
    let password = |line: &str| match instance(&text(line)).auth {
        Some(Auth::Pass(bytes)) => bytes.escape_ascii().to_string(),
        None => String::new(),
    };
    assert_eq!(password("auth_pass \"$PW\""), r"$PW\x00\x00\x00\x00\x00");
    assert_eq!(password("auth_pass \"${PW}\""), "topsecre");
    assert_eq!(password("auth_pass $PW"), "topsecre");
    let notify = format!("$V=val\n{}", with("notify \"/x $V y$V ${V} $V\""));
    let argv = instance(&notify).notify.any.expect("a script").argv;
    assert_eq!(argv, ["/x", "val", "yval", "val", "$V"]);
}

/// A configuration with this password line, in which `byte` stands for the question mark.
fn with_byte(line: &str, byte: u8) -> Vec<u8> {
    let mut text = with(&pass(line)).into_bytes();
    let mut bytes = text.iter_mut();
    *bytes.find(|byte| **byte == b'?').expect("it is there") = byte;
    text
}

#[test]
fn passwords_of_any_bytes() {
    let text = with_byte("auth_pass a?b", 0xa3);
    let auth = |text: &[u8]| {
        let parsed = parse("k.conf", text);
        assert_eq!(parsed.diagnostics, []);
        parsed.config.expect("no error").instances[0].auth
    };
    assert_eq!(auth(&text), Some(Auth::Pass(*b"a\xa3b\0\0\0\0\0")));
    // UTF-8 beside a comment in another encoding.
    let text = with_byte("auth_pass £x # ?", 0xe4);
    assert_eq!(auth(&text), Some(Auth::Pass(*b"\xc2\xa3x\0\0\0\0\0")));
}

#[test]
fn blocks_of_authentication_add_up() {
    let later = "authentication {\n auth_pass def\n}";
    assert_eq!(
        password(&format!("authentication {{\n auth_type PASS\n}}\n{later}")).as_deref(),
        Some(r"def\x00\x00\x00\x00\x00")
    );
    let both = format!("{}\n{later}", pass("auth_pass abc"));
    assert_eq!(password(&both).as_deref(), Some(r"def\x00\x00\x00\x00\x00"));
    assert_eq!(
        found(&with(&both)),
        ["k.conf:12: warning: `auth_pass` was given in line 9 already, the last one counts"]
    );
}

#[test]
fn a_line_is_never_continued() {
    for (line, at) in [
        ("advert_int 2 \\", 7),
        ("advert_int 2\\", 7),
        ("advert_int 2 \\ # two", 7),
        ("advert_int 2 \\\r", 7),
        ("priority \\\n 100", 7),
    ] {
        let errors = errors(line);
        assert!(
            errors.len() == 1
                && errors[0].starts_with(&format!(
                    "k.conf:{at}: error: a `\\` at the end does not continue the line"
                )),
            "{line}: {errors:#?}"
        );
    }
}

#[test]
fn a_master_stays_whatever_follows() {
    let said = |line: usize, before: usize| {
        format!(
            "k.conf:{line}: warning: `state` was given in line {before} already, MASTER counts if it is one of them"
        )
    };
    let rows = [
        ("state MASTER\nstate BACKUP", InitialState::Master),
        ("state BACKUP\nstate MASTER", InitialState::Master),
        ("state BACKUP\nstate BACKUP", InitialState::Backup),
        ("state MASTER\nstate EQUAL", InitialState::Backup),
    ];
    for (body, state) in rows {
        let text = with(&format!("{body}\npriority 9"));
        assert_eq!(instance(&text).settings.initial, state, "{body}");
        assert_eq!(found(&text)[0], said(8, 7));
    }
}

#[test]
fn a_command_is_unescaped_once() {
    let text = with(r#"notify_master "/usr/bin/echo \"c d\" e\\f x\ty""#);
    assert_eq!(found(&text), [""; 0]);
    let argv = instance(&text).notify.master.expect("a script").argv;
    assert_eq!(argv, ["/usr/bin/echo", "\"c", "d\"", "e\\f", "x\ty"]);
}

#[test]
fn variables_of_a_shell_stay_in_a_command() {
    let text = with("notify_master \"/bin/sh -c 'echo ${X} $Y'\"");
    assert_eq!(
        found(&text),
        [
            "k.conf:7: warning: `${X}` is not defined and stays as it is, as with keepalived; \
             define it before, with a line `$NAME=VALUE`"
        ]
    );
    let argv = instance(&text).notify.master.expect("a script").argv;
    assert_eq!(argv, ["/bin/sh", "-c", "echo ${X} $Y"]);
    let errors = errors("notify \"/x ${_ENV HOME}\"");
    assert!(
        errors.len() == 1 && errors[0].contains("is not supported yet; write its value"),
        "{errors:#?}"
    );
}

#[test]
fn strict_mode_makes_an_owner_master() {
    let text = with("strict_mode\npriority 255\nstate BACKUP");
    assert_eq!(
        found(&text),
        [
            "k.conf:9: warning: (VI_1) `state BACKUP` does not go with strict mode and priority 255, MASTER is used; \
             write `state MASTER`"
        ]
    );
    assert_eq!(instance(&text).settings.initial, InitialState::Master);
    let plain = instance(&with("priority 255\nstate BACKUP"));
    assert_eq!(plain.settings.initial, InitialState::Backup);
}

#[test]
fn an_owner_accepts_all_the_same() {
    assert!(instance(&with("priority 255\nno_accept")).accept);
}

#[test]
fn numbers_may_have_a_plus() {
    let text = with("priority +60\nadvert_int +2\ngarp_master_repeat 300");
    assert_eq!(
        found(&text),
        ["k.conf:9: warning: `garp_master_repeat` of 300: 255 are sent"]
    );
    let instance = instance(&text);
    assert_eq!(
        (instance.settings.priority, instance.settings.garp.repeat),
        (60, 255)
    );
    assert_eq!(instance.settings.advert_interval.as_secs(), 2);
    for line in [
        "priority ++60",
        "priority +",
        "priority -60",
        "advert_int +",
    ] {
        assert_eq!(errors(line).len(), 1, "{line}");
    }
}

#[test]
fn what_says_nothing_new_is_accepted() {
    let globals = "global_defs {\n vrrp_mcast_group4 224.0.0.18\n vrrp_mcast_group6 ff02::12\n v3_checksum_as_v2\n}\n\
                   static_ipaddress {\n}\nstatic_routes { }\nstatic_rules {\n # none\n}\n";
    let text = format!(
        "{globals}{}",
        with("virtual_routes {\n}\nvirtual_rules {\n}")
    );
    assert_eq!(found(&text), [""; 0]);
    assert!(instance(&text).v3_checksum_as_v2);
    let off = format!("{globals}{}", with("v3_checksum_as_v2 off"));
    assert!(!instance(&off).v3_checksum_as_v2);
    for refused in [
        "global_defs {\n vrrp_mcast_group4 224.0.0.19\n}\n",
        "global_defs {\n vrrp_mcast_group6 224.0.0.18\n}\n",
        "global_defs {\n vrrp_mcast_group4\n}\n",
        "static_routes {\n 10.0.0.0/8 via 10.0.0.1\n}\n",
        "static_routes\n",
    ] {
        let text = format!("{refused}{}", with(""));
        assert!(
            parse("k.conf", text.as_bytes()).config.is_none(),
            "{refused}"
        );
    }
}

#[test]
fn a_skipped_block_may_say_what_it_likes() {
    let body = "@main x\n include more\n ~SEQ(a, 1, 2) y\n z ${X}\n p a\\#b\n q \"r\n s \\\n";
    for block in [
        format!(
            "global_defs {{\n notification_email {{\n {body} }}\n}}\n{}",
            with("")
        ),
        format!(
            "virtual_server 10.0.0.1 80 {{\n {body} real_server {{\n {body}}}\n}}\n{}",
            with("")
        ),
        with(&format!("track_script {{\n {body}}}\nbogus {{\n {body}}}")),
    ] {
        let parsed = parse("k.conf", block.as_bytes());
        let shown: Vec<_> = parsed.diagnostics.iter().map(ToString::to_string).collect();
        assert!(parsed.config.is_some(), "{shown:#?}");
    }
    // In what is read they stay errors, one each.
    for (line, says) in [
        ("@main priority 5", "lines for one configuration id"),
        ("include more", "`include` is not supported yet"),
        ("~SEQ(a, 1, 2) y", "`~SEQ` and `~LST` are not supported yet"),
        (
            "virtual_ipaddress {\n @main 10.0.0.1\n}",
            "lines for one configuration id",
        ),
        (
            "virtual_routes {\n @main 10.0.0.1\n}",
            "`virtual_routes` is not supported yet",
        ),
    ] {
        let errors = errors(line);
        assert!(
            errors.len() == 1 && errors[0].contains(says),
            "{line}: {errors:#?}"
        );
    }
    let behind_a_brace = found(&format!(
        "global_defs {{ @main router_id x\n}}\n{}",
        with("")
    ));
    assert!(
        behind_a_brace.len() == 1
            && behind_a_brace[0].starts_with("k.conf:1: error: lines for one"),
        "{behind_a_brace:#?}"
    );
    let outside = found("@main vrrp_instance X {\n priority 5\n}\ninclude other\n");
    assert!(
        outside.len() == 2
            && outside[0].contains(":1: error: lines for one")
            && outside[1].contains(":4: error: `include`"),
        "{outside:#?}"
    );
}

#[test]
fn a_keyword_in_the_wrong_place_is_ignored_if_nothing_is_lost() {
    let globals = |line: &str| found(&format!("global_defs {{\n {line}\n}}\n{}", with("")));
    assert_eq!(
        globals("garp_master_delay 1"),
        [
            "k.conf:2: warning: `garp_master_delay` has no effect in `global_defs`, ignored; \
             write `vrrp_garp_master_delay`, or move it to the `vrrp_instance`"
        ]
    );
    assert_eq!(
        globals("nopreempt"),
        [
            "k.conf:2: warning: `nopreempt` has no effect in `global_defs`, ignored; move it to the `vrrp_instance`"
        ]
    );
    assert_eq!(
        globals("virtual_ipaddress {\n 10.0.0.1\n }"),
        [
            "k.conf:2: error: `virtual_ipaddress` stands in `global_defs`, where it has no effect; \
             it belongs in a `vrrp_instance`: is a `}` missing, or one too many before it?"
        ]
    );
}

#[test]
fn one_error_has_no_others_behind_it() {
    let instance = |lines: &str| format!("vrrp_instance A {{\n{lines}\n}}");
    let rows: [(&str, usize); 6] = [
        (
            "interface\nvirtual_router_id 1\nvirtual_ipaddress {\n 10.0.0.1\n}",
            2,
        ),
        (
            "interface a/b\nvirtual_router_id 1\nvirtual_ipaddress {\n 10.0.0.1\n}",
            2,
        ),
        (
            "interface e\nvirtual_router_id 0\nvirtual_ipaddress {\n 10.0.0.1\n}",
            3,
        ),
        (
            "interface e\nvirtual_router_id 1\nvirtual_ipaddress {\n 10.0.0.300\n}",
            5,
        ),
        (
            "interface e\nvirtual_router_id 1\nvirtual_ipaddress {\n ${VIP}\n}",
            5,
        ),
        ("interface e\nvirtual_router_id 1\ninclude vips", 4),
    ];
    for (lines, line) in rows {
        let found = found(&instance(lines));
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("k.conf:{line}: error: ")),
            "{lines}: {found:#?}"
        );
    }
}
