//! Files as users have written them.

use super::*;

/// An instance as in every tutorial, with this in front of its last brace; the body begins in line 8.
fn file(body: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n state BACKUP\n interface ens33\n virtual_router_id 51\n priority 100\n advert_int 1\n\n\
         {body}\n}}\n"
    )
}

fn vips() -> &'static str {
    "virtual_ipaddress {\n 192.0.2.254/24\n}"
}

#[test]
fn an_unresolved_merge_is_an_error() {
    let text = "vrrp_instance VI_1 {\n<<<<<<< HEAD\n state BACKUP\n=======\n state MASTER\n>>>>>>> 0123456789abcdef\n \
                interface ens33\n virtual_router_id 10\n<<<<<<< HEAD\n priority 50\n||||||| base\n=======\r\n priority 100\n\
                >>>>>>> 0123456789abcdef\n virtual_ipaddress {\n  192.0.2.1/24 dev ens33 label ens33:1\n }\n}\n";
    let error = "an unresolved merge: from here on the file has two versions of itself; \
                 choose one, and remove the lines of `<<<<<<<`, `=======` and `>>>>>>>`";
    let found = found(text);
    let errors: Vec<_> = found
        .iter()
        .filter(|line| line.contains(" error: "))
        .collect();
    assert_eq!(
        errors,
        [
            &format!("k.conf:2: error: {error}"),
            &format!("k.conf:9: error: {error}")
        ]
    );
    // A line of signs is none.
    let ruled = format!("#=======\n{}", file(vips()));
    assert_eq!(super::found(&ruled), [""; 0]);
}

#[test]
fn a_template_that_nobody_filled_in_is_one_error_a_line() {
    let text = file(
        "authentication {\n auth_type PASS\n auth_pass {password}\n}\nvirtual_ipaddress {\n {VIRTUAL_IP}\n}\nnopreempt",
    );
    let missing = |line: usize, name: &str| {
        format!(
            "k.conf:{line}: error: `{name}` is a placeholder of a template, its value is missing; \
             write the value in its place"
        )
    };
    assert_eq!(
        found(&text),
        [missing(10, "{password}"), missing(13, "{VIRTUAL_IP}")]
    );
    let jinja = file("virtual_ipaddress {\n {{ vip }}/24\n}").replace("100", "{{ priority }}");
    assert_eq!(
        found(&jinja),
        [missing(5, "{{ priority }}"), missing(9, "{{ vip }}")]
    );
}

#[test]
fn a_missing_brace_and_a_priority_of_300_are_told_with_their_lines() {
    let text = "vrrp_instance vip1 {\n state MASTER\n interface ens33\n virtual_router_id 1\n priority 300\n \
                virtual_ipaddress {\n  192.0.2.11\n}\n\nvrrp_instance vip2 {\n state BACKUP\n interface ens33\n \
                virtual_router_id 2\n priority 200\n virtual_ipaddress {\n  192.0.2.12\n}\n";
    assert_eq!(
        found(text),
        [
            "k.conf:1: error: the block of `vrrp_instance` is not closed before `vrrp_instance` in line 10; \
             add the missing `}`",
            "k.conf:5: error: `priority 300`: not a number from 1 to 255",
            "k.conf:10: error: the block of `vrrp_instance` is not closed; add the missing `}`",
        ]
    );
}

#[test]
fn a_word_that_is_no_state_is_backup() {
    for word in ["EQUAL", "master", "BACUP"] {
        let text = file(vips()).replace("BACKUP", word);
        assert_eq!(
            found(&text),
            [format!(
                "k.conf:2: warning: `state {word}`: neither MASTER nor BACKUP, BACKUP is used"
            )]
        );
    }
}

#[test]
fn a_label_that_is_too_long_does_not_cost_the_address() {
    let text = file("virtual_ipaddress {\n 192.0.2.10/24 label enp216s0f1np1:vip\n}");
    let instance = instance(&text);
    assert_eq!(
        (instance.vips.len(), instance.vips[0].label.as_ref()),
        (1, None)
    );
    assert_eq!(found(&text).len(), 1);
}

#[test]
fn an_invented_notify_names_the_right_one() {
    let said = |keyword: &str| {
        let text = file(&format!("{}\n{keyword} \"/tmp/role --primary\"", vips()));
        let found = found(&text);
        assert_eq!(found.len(), 1, "{found:#?}");
        let prefix = format!(
            "k.conf:11: warning: `{keyword}` is not a keyword, ignored: the script is never run; "
        );
        found[0]
            .strip_prefix(&prefix)
            .unwrap_or_else(|| panic!("{found:#?}"))
            .to_owned()
    };
    assert_eq!(said("notify_primary"), "did you mean `notify_master`?");
    assert_eq!(said("notify_standby"), "did you mean `notify_backup`?");
    assert_eq!(said("notify_bakcup"), "did you mean `notify_backup`?");
    assert_eq!(
        said("notify_all_the_time"),
        "known are notify_master, notify_backup, notify_fault, notify_stop and notify"
    );
}

#[test]
fn defaults_that_are_spelled_out_are_accepted() {
    let globals = "global_defs { router_id gw1\n enabled_script_security\n vrrp_mcast_group4 224.0.0.18\n}\n\
                   static_ipaddress {\n}\nstatic_routes {\n}\n";
    let text = format!("{globals}{}", file(vips()));
    assert_eq!(
        found(&text),
        [
            "k.conf:2: warning: `enabled_script_security` is not a keyword, ignored; \
             did you mean `enable_script_security`?"
        ]
    );
    let config = parse("k.conf", text.as_bytes()).config.expect("no error");
    assert_eq!(config.globals.router_id.as_deref(), Some("gw1"));
}

#[test]
fn an_include_in_a_block_is_one_error() {
    let text = "vrrp_instance VI_1 {\n interface ens33\n include role.inc\n virtual_router_id 51\n include vips.inc\n}\n";
    let found = found(text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("k.conf:3: error: `include` is not supported yet"));
    assert!(found[1].starts_with("k.conf:5: error: `include` is not supported yet"));
}

#[test]
fn two_families_in_one_list_are_told_what_to_write() {
    let text = file("virtual_ipaddress {\n 192.0.2.1/24\n 2001:db8::1/64\n}");
    assert_eq!(
        found(&text),
        [
            "k.conf:10: error: (VI_1) 2001:db8::1 is not of the family of its first virtual IP 192.0.2.1; \
             move it to `virtual_ipaddress_excluded`, or to an instance of its own"
        ]
    );
}

#[test]
fn a_file_without_instances_has_nothing_to_run() {
    let text = "virtual_server 192.0.2.211 8082 {\n delay_loop 6\n real_server 192.0.2.211 8080 {\n  weight 1\n }\n}\n";
    assert_eq!(
        found(text),
        [
            "k.conf: error: there is no `vrrp_instance` in this file, nothing to run; \
             add one; load balancing alone is done by `keepalived --check`",
            "k.conf:1: warning: `virtual_server` is not supported yet, ignored with its block: no load balancing is set up",
        ]
    );
}

#[test]
fn no_virtual_ip_is_told_to_be_missing_in_xvrrp() {
    let says = "k.conf:1: error: (VI_1) has no virtual IP, and an instance without one is not supported yet; \
                add one to `virtual_ipaddress`";
    for body in [
        "nopreempt",
        "virtual_ipaddress {\n}",
        "no_virtual_ipaddress",
        "version 3",
        "virtual_ipaddress_excluded {\n 10.0.0.1\n}",
    ] {
        assert_eq!(found(&file(body)), [says], "{body}");
    }
    // Nothing is missing here.
    let text = file(&format!("no_virtual_ipaddress\n{}", vips()));
    assert_eq!(found(&text), [""; 0]);
}
