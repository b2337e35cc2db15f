//! What an instance needs, what two of them must not share, and the command line.

use std::time::Duration;

use super::*;
use crate::proto::Version;

//= C7: refusal
#[test]
fn an_instance_needs_its_parts() {
    let rows: [(&str, &[&str]); 8] = [
        (
            "",
            &["k.conf: error: there is no `vrrp_instance` in this file, nothing to run; add one"],
        ),
        (
            "vrrp_instance {\n}",
            &["k.conf:1: error: `vrrp_instance` needs a name"],
        ),
        (
            "vrrp_instance A",
            &["k.conf:1: error: `vrrp_instance A` needs a block"],
        ),
        (
            "vrrp_instance A B {\n}",
            &[
                "k.conf:1: error: `vrrp_instance` takes one name; put a name of several words in double quotes",
            ],
        ),
        (
            "vrrp_instance A {\n}",
            &[
                "k.conf:1: error: (A) has no `interface`; add `interface NAME`",
                "k.conf:1: error: (A) has no `virtual_router_id`; add `virtual_router_id` with a number from 1 to 255, \
             the same on every router of the group",
                "k.conf:1: error: (A) has no virtual IP, and an instance without one is not supported yet; add one to `virtual_ipaddress`",
            ],
        ),
        (
            "vrrp_instance A {\n interface e\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1\n }\n",
            &["k.conf:1: error: the block of `vrrp_instance` is not closed; add the missing `}`"],
        ),
        (
            "vrrp_instance A {\n interface e\n virtual_router_id 1\n virtual_ipaddress { 10.0.0.1 }\n }\n nopreempt\n}",
            &[
                "k.conf:6: error: `nopreempt` stands outside of all blocks, where it has no effect; \
             it belongs in a `vrrp_instance`: is a `}` missing, or one too many before it?",
                "k.conf:7: warning: `}` without a `{` before it, ignored; remove it",
            ],
        ),
        (
            "global_defs {\nvrrp_instance A {\n interface e\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1\n }\n}\n}",
            &[
                "k.conf:1: error: the block of `global_defs` is not closed before `vrrp_instance` in line 2; \
                 add the missing `}`",
                "k.conf:9: warning: `}` without a `{` before it, ignored; remove it",
            ],
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(found(text), expected, "{text}");
    }
}

//= C15: refusal
#[test]
fn instances_must_not_collide() {
    let second = |name: &str, interface: &str, vrid: u8, vip: &str| {
        let second = format!(
            "vrrp_instance {name} {{\n interface {interface}\n virtual_router_id {vrid}\n virtual_ipaddress {{\n  {vip}\n }}\n}}"
        );
        found(&format!("{}{second}", with("")))
    };
    assert_eq!(second("VI_2", "ens33", 52, "10.0.0.1"), [""; 0]);
    assert_eq!(second("VI_2", "ens34", 51, "192.168.1.254"), [""; 0]);
    assert_eq!(
        second("VI_1", "ens33", 52, "10.0.0.1"),
        [
            "k.conf:9: error: the name (VI_1) was used in line 1 already, keepalived skips this instance; give it another name",
        ]
    );
    assert_eq!(
        second("VI_2", "ens33", 51, "10.0.0.1"),
        [
            "k.conf:9: error: (VI_2) and (VI_1) in line 1 both use VRID 51 with IPv4 on interface ens33; \
         give each virtual router on an interface a `virtual_router_id` of its own",
        ]
    );
    let twice = [
        "k.conf:9: error: (VI_2) virtual IP 192.168.1.254 on ens33 is in (VI_1) already; remove one of them",
    ];
    assert_eq!(second("VI_2", "ens33", 52, "192.168.1.254/24"), twice);
    assert_eq!(
        second("VI_2", "ens34", 52, "192.168.1.254 dev ens33"),
        twice
    );
}

#[test]
fn the_command_line_follows_the_same_rules() {
    let quick = Quick {
        interface: "ens33".to_owned(),
        vrid: 51,
        priority: 100,
        vips: vec![
            "192.168.1.254/24".to_owned(),
            "192.168.1.253/24 dev eth1".to_owned(),
        ],
        advert_int: Duration::from_millis(10),
        version: None,
    };
    let config = quick.parse().config.expect("no error");
    let instance = &config.instances[0];
    assert_eq!(
        (instance.name.as_str(), instance.settings.version),
        ("VI_51", Version::V3)
    );
    assert_eq!(instance.settings.advert_interval, Duration::from_millis(10));
    assert_eq!(instance.vips[1].device.as_deref(), Some("eth1"));

    let seconds = Quick {
        advert_int: Duration::from_secs(2),
        ..quick.clone()
    };
    assert_eq!(
        seconds.parse().config.expect("no error").instances[0]
            .settings
            .version,
        Version::V2
    );
    let bad = Quick {
        vrid: 0,
        interface: "a b".to_owned(),
        vips: vec!["10.0.0.300".to_owned(), String::new()],
        version: Some(Version::V2),
        ..quick
    };
    let shown: Vec<_> = bad
        .parse()
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown[..2],
        [
            "command line: error: `interface a b`: not the name of an interface; `ip link` shows their names",
            "command line: error: `virtual_router_id 0`: not a number from 1 to 255",
        ]
    );
    assert!(bad.parse().config.is_none());
}

#[test]
fn what_the_programs_have_no_room_for_is_an_error() {
    use std::fmt::Write as _;
    /// `count` instances, the first one in line 1, each with this body on three lines.
    fn file(count: usize, body: impl Fn(usize) -> String) -> String {
        let mut text = String::new();
        for number in 0..count {
            let (interface, vrid) = (number / 255, number % 255 + 1);
            writeln!(
                text,
                "vrrp_instance I{number} {{\n interface eth{interface}\n virtual_router_id {vrid}\n{}\n}}",
                body(number)
            )
            .expect("a string");
        }
        text
    }
    let vip = |number: usize, of: usize| format!("10.{}.{}.{of}", number >> 8, number & 255);
    let one = |number| format!("virtual_ipaddress {{ {} }}", vip(number, 1));
    let many = |number| {
        let all = (1..=128).map(|of| vip(number, of)).collect::<Vec<_>>();
        format!("virtual_ipaddress {{ {}\n}}", all.join("\n"))
    };
    let peers = |number| {
        let all = (1..=128)
            .map(|of| format!("172.16.0.{of}"))
            .collect::<Vec<_>>();
        format!("{}\nunicast_peer {{ {}\n}}", one(number), all.join("\n"))
    };
    let macs = |number| {
        let all = (1..=32).map(|of| format!("{} dev eth0.{of}", vip(number, of)));
        format!(
            "virtual_ipaddress {{ {}\n}}\nuse_vmac_addr",
            all.collect::<Vec<_>>().join("\n")
        )
    };
    let help = "run a second xvrrp with its own file and `--instance NAME`, on other interfaces";
    type Body<'a> = &'a dyn Fn(usize) -> String;
    let rows: [(usize, Body<'_>, usize, &str); 4] = [
        (256, &one, 5, "256 virtual routers"),
        (32, &many, 5 + 128, "4096 virtual IPs"),
        (32, &peers, 6 + 128, "4096 unicast peers"),
        (32, &macs, 6 + 32, "1024 virtual MACs"),
    ];
    for (most, body, lines, what) in rows {
        assert_eq!(found(&file(most, body)), [""; 0], "{what}");
        let line = 1 + most * lines;
        assert_eq!(
            found(&file(most + 1, body)),
            [format!(
                "k.conf:{line}: error: with this instance the file has more than {what}; {help}"
            )]
        );
    }
}
