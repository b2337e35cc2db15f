use nix::errno::Errno;

use super::*;
use crate::config::{self, Severity};

const FILE: &str = "vrrp_instance VI_1 {\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {\n  \
                    192.168.1.254\n  10.0.0.1 dev ens34\n  10.0.0.2 dev ens34\n }\n}\n";

fn configuration(text: &str) -> Config {
    let parsed = config::parse("k.conf", text.as_bytes());
    parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics))
}

fn check_with(
    config: &Config,
    inventory: &Inventory,
    purpose: Purpose<'_>,
    look_up: impl Fn(&Script) -> Result<(), UserError>,
) -> Found {
    let mut checked = Checked::new(inventory, purpose);
    checked.obstacles(config, look_up);
    checked.finish()
}

fn any_user(_: &Script) -> Result<(), UserError> {
    Ok(())
}

fn found(text: &str, interfaces: &[&str], purpose: Purpose<'_>) -> Vec<String> {
    let interfaces: Vec<(&str, &[&str])> = interfaces.iter().map(|name| (*name, &[][..])).collect();
    let inventory = Inventory::of(&interfaces);
    let found = check_with(&configuration(text), &inventory, purpose, any_user);
    // Interfaces may come.
    assert_eq!(found.refusal, None);
    let found = found.diagnostics;
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_missing_interface_is_named_where_it_is_given() {
    let all = ["lo", "ens33", "ens34"];
    for purpose in [Purpose::Check, Purpose::Run] {
        assert_eq!(found(FILE, &all, purpose), [""; 0]);
    }
    let told = |line, name| {
        format!(
            "k.conf:{line}: warning: (VI_1) there is no interface {name}: FAULT until there is one; `ip link` shows \
             their names; with `dynamic_interfaces` in `global_defs` nothing is said of it"
        )
    };
    for purpose in [Purpose::Check, Purpose::Run] {
        assert_eq!(
            found(FILE, &["lo"], purpose),
            [told(2, "ens33"), told(6, "ens34")]
        );
    }
    let dynamic = format!("{FILE}global_defs {{\n dynamic_interfaces\n}}\n");
    assert_eq!(found(&dynamic, &["lo"], Purpose::Check), [""; 0]);
}

#[test]
fn a_name_as_ip_link_prints_it_is_understood() {
    let text = FILE
        .replace("ens33", "ens33@if7")
        .replace("ens34", "ens33@if7");
    let help = "did you mean `ens33`? `@if7` is what `ip link` shows of the interface below it, and not a part of the name";
    assert_eq!(
        found(&text, &["lo", "ens33"], Purpose::Run),
        [2, 6].map(|line| format!(
            "k.conf:{line}: warning: (VI_1) there is no interface ens33@if7: FAULT until there is one; {help}"
        ))
    );
}

#[test]
fn a_missing_user_is_named_where_it_is_given() {
    let text = format!(
        "global_defs {{\n script_user nobody3\n}}\n{}",
        FILE.replace(
            " interface",
            " notify /bin/a\n notify_fault /bin/b\n notify_master /bin/c nobody4\n interface"
        )
    );
    let inventory = Inventory::of(&[("ens33", &[]), ("ens34", &[])]);
    let no_user = |script: &Script| {
        Err(UserError::User {
            script: script.argv[0].clone(),
            user: script.user.clone().unwrap_or_default(),
        })
    };
    let found = check_with(&configuration(&text), &inventory, Purpose::Run, no_user);
    assert_eq!(found.refusal, Some(Refusal::Wrong));
    let found: Vec<_> = found.diagnostics.iter().map(ToString::to_string).collect();
    let help = "create it, or name another one after the command or in `script_user`";
    assert_eq!(
        found,
        [
            format!("k.conf:2: error: (VI_1) script /bin/b: there is no user nobody3; {help}"),
            format!("k.conf:7: error: (VI_1) script /bin/c: there is no user nobody4; {help}"),
        ]
    );
}

#[test]
fn users_are_looked_up_on_this_machine() {
    let of = |user: &str| {
        let text = FILE.replace(
            " interface",
            &format!(" notify /bin/true {user}\n interface"),
        );
        let inventory = Inventory::of(&[("ens33", &[]), ("ens34", &[])]);
        let config = configuration(&text);
        let crew = Crew::look_up(&config);
        check(&config, &inventory, Purpose::Check, &crew)
    };
    assert_eq!(of("root"), Found::default());
    let Found {
        diagnostics: found,
        refusal,
    } = of("no_such_user");
    assert_eq!(refusal, None);
    assert_eq!(
        (found.len(), found[0].severity, found[0].place.line),
        (1, Severity::Warning, 2)
    );
    assert!(found[0].message.contains("there is no user no_such_user"));
}

#[test]
fn a_user_that_cannot_be_looked_up_is_said() {
    let text = FILE.replace(" interface", " notify /bin/a x\n interface");
    let inventory = Inventory::of(&[("ens33", &[]), ("ens34", &[])]);
    let broken = |script: &Script| {
        Err(UserError::Lookup {
            script: script.argv[0].clone(),
            source: Errno::EIO,
        })
    };
    let found = check_with(&configuration(&text), &inventory, Purpose::Run, broken);
    assert_eq!(found.diagnostics.len(), 1);
    assert_eq!(found.refusal, Some(Refusal::Absent));
}

#[test]
fn what_has_to_be_changed_counts_more_than_what_may_come() {
    let text = FILE.replace(" interface", " notify /bin/a x\n interface");
    let broken = |script: &Script| {
        Err(UserError::Lookup {
            script: script.argv[0].clone(),
            source: Errno::EIO,
        })
    };
    let of = |purpose| {
        let inventory = Inventory::of(&[("ens33", &["192.168.1.254/24"]), ("ens34", &[])]);
        check_with(&configuration(&text), &inventory, purpose, broken)
    };
    let found = of(Purpose::Run);
    assert_eq!(found.diagnostics.len(), 2, "{found:#?}");
    assert_eq!(found.refusal, Some(Refusal::Wrong));
    assert_eq!(of(Purpose::Check).refusal, None);
}

#[test]
fn the_interfaces_own_address_is_named_where_it_is_given() {
    let inventory = Inventory::of(&[("ens33", &["192.168.1.254/24"]), ("ens34", &["10.9.9.9/8"])]);
    let of = |purpose| check_with(&configuration(FILE), &inventory, purpose, any_user);
    let found = of(Purpose::Run);
    assert_eq!(found.refusal, Some(Refusal::Wrong));
    let found = found.diagnostics;
    assert_eq!(found.len(), 1, "{found:#?}");
    let shown = found[0].to_string();
    let expected = "k.conf:5: error: (VI_1) virtual IP 192.168.1.254/24 is ens33's own address";
    assert!(shown.starts_with(expected), "{shown}");
    let found = of(Purpose::Check);
    assert_eq!((found.refusal, found.diagnostics[0].place.line), (None, 5));
    // A node that runs has put it there.
    let (index, _) = inventory.find("ens33").unwrap();
    let held = BTreeSet::from([(index, "192.168.1.254".parse().unwrap())]);
    assert_eq!(of(Purpose::Reload(&held)), Found::default());
}

fn foretold(
    text: &str,
    inventory: &Inventory,
    say: impl Fn(&mut Checked<'_>, &Config),
) -> Vec<String> {
    let config = configuration(text);
    let mut checked = Checked::new(inventory, Purpose::Check);
    say(&mut checked, &config);
    let found = checked.finish();
    assert_eq!(found.refusal, None);
    found.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_wrong_with_a_script_is_said_once_where_it_stands() {
    let text = FILE.replace(
        " interface",
        " notify_master \"/bin/a master\"\n notify_backup \"/bin/a backup\"\n notify /bin/b\n notify_stop /bin/a nobody\n \
         interface",
    );
    let text = format!("{text}global_defs {{\n enable_script_security\n}}\n");
    let flaws = |script: &Script, is_guarded: bool| match script.argv[0].as_str() {
        "/bin/a" => vec![format!("{:?} {is_guarded}", script.user), "2".to_owned()],
        _ => Vec::new(),
    };
    let found = foretold(&text, &Inventory::of(&[]), |checked, config| {
        checked.scripts(config, flaws);
    });
    assert_eq!(
        found,
        [
            "k.conf:2: warning: (VI_1) None true",
            "k.conf:2: warning: (VI_1) 2",
            "k.conf:5: warning: (VI_1) Some(\"nobody\") true",
            "k.conf:5: warning: (VI_1) 2",
        ]
    );
}

#[test]
fn a_source_address_of_another_machine_is_said_where_it_stands() {
    let of = |lines: &str, addresses: &[&str], elsewhere: &[&str]| {
        let text = FILE.replace(" interface", &format!(" {lines}\n interface"));
        let inventory = Inventory::of(&[("ens33", addresses), ("ens34", elsewhere)]);
        foretold(&text, &inventory, |checked, config| checked.sources(config))
    };
    let unicast = "unicast_peer {\n 192.168.1.2\n }\n unicast_src_ip 192.168.1.1";
    let tracked = "track_src_ip\n mcast_src_ip 192.168.1.1";
    for (lines, line) in [(unicast, 5), (tracked, 3)] {
        assert_eq!(
            of(lines, &["192.168.1.7/24"], &[]),
            [format!(
                "k.conf:{line}: warning: (VI_1) its source address 192.168.1.1 is not on this machine: `run` is in FAULT \
                 state until it is; give it to an interface, or write an address that the machine has"
            )]
        );
        assert_eq!(of(lines, &["192.168.1.1/24"], &[]), [""; 0]);
    }
    let multicast = "mcast_src_ip 192.168.1.1";
    let unheard = "other routers may not take it for a neighbour";
    for (lines, line, consequence) in [
        (multicast, 2, unheard),
        (tracked, 3, unheard),
        (
            unicast,
            5,
            "adverts to it may come by another interface, by which they are not heard",
        ),
    ] {
        assert_eq!(
            of(lines, &[], &["192.168.1.1/24"]),
            [format!(
                "k.conf:{line}: warning: (VI_1) source address 192.168.1.1 is not on ens33: {consequence}"
            )]
        );
    }
    assert_eq!(of(multicast, &[], &[]).len(), 1);
    // What is said of the interface is enough.
    let text = FILE.replace(" interface", &format!(" {unicast}\n interface"));
    let found = foretold(&text, &Inventory::of(&[]), |checked, config| {
        checked.sources(config)
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn keepalived_is_to_be_stopped_first() {
    let of = |here: &[u32], somewhere: &[u32]| {
        let found = rivals::Namesakes {
            here: here.to_vec(),
            somewhere: somewhere.to_vec(),
        };
        foretold(FILE, &Inventory::of(&[]), |checked, config| {
            checked.keepalived(config, &found);
        })
    };
    let effect = "`run` takes its virtual IPs away, as if a killed node had left them; stop it before `run`, as by \
                  `systemctl disable --now keepalived`";
    assert_eq!(of(&[], &[]), [""; 0]);
    assert_eq!(
        of(&[12, 13], &[14]),
        [format!(
            "k.conf: warning: keepalived runs in this network namespace, processes 12, 13: {effect}"
        )]
    );
    assert_eq!(
        of(&[], &[14]),
        [format!(
            "k.conf: warning: keepalived runs on this machine (root can tell whether in this network namespace), \
             process 14: {effect}"
        )]
    );
}
