//! `virtual_ipaddress`.

use std::net::Ipv4Addr;

use super::*;

//= C7: refusal
#[test]
fn lines_of_virtual_ipaddress() {
    let rows: [(&str, &str); 22] = [
        ("10.0.0.1", ""),
        ("10.0.0.1/24 brd + dev eth1 label eth1:1 scope link", ""),
        ("dev eth1 10.0.0.1/24", ""),
        (
            "10.0.0.1/33",
            "`10.0.0.1/33`: the prefix length is not a number from 0 to 32",
        ),
        (
            "10.0.0.1/",
            "`10.0.0.1/`: the prefix length is not a number from 0 to 32",
        ),
        (
            "10.0.0.1/+8",
            "`10.0.0.1/+8`: the prefix length is not a number from 0 to 32",
        ),
        ("10.0.0.256", "`10.0.0.256` is not an IP address"),
        ("gateway", "`gateway` is not an IP address"),
        (
            "0.0.0.0",
            "`0.0.0.0` cannot be a virtual IP: it stands for no address",
        ),
        (
            "224.0.0.18",
            "`224.0.0.18` cannot be a virtual IP: it is a multicast group",
        ),
        (
            "255.255.255.255",
            "`255.255.255.255` cannot be a virtual IP: it is the broadcast address",
        ),
        (
            "10.0.0.1 10.0.0.2",
            "`10.0.0.2` is the second address on its line, keepalived ignores it",
        ),
        ("10.0.0.1 dev", "`dev` needs a parameter"),
        (
            "10.0.0.1 dev eth0:1",
            "`dev eth0:1`: not the name of an interface; `ip link` shows their names",
        ),
        ("10.0.0.1 brd 10", "`brd 10`: not +, - or an IPv4 address"),
        (
            "10.0.0.1 scope 256",
            "`scope 256`: not global, site, link, host or a number from 0 to 255",
        ),
        ("10.0.0.1/24 noprefixroute", ""),
        (
            "10.0.0.1/24 dev eth0 dev eth1",
            "a virtual IP has one `dev`, keepalived ignores an address with two",
        ),
        (
            "10.0.0.1 peer 10.0.0.2/24",
            "`peer` is not supported yet: without it the route to the other end would be missing; \
             remove it if that is what you want",
        ),
        ("dev eth1", "`dev eth1` has no IP address in it"),
        (
            "fe80::1/64",
            "(VI_1) fe80::1 is not of the family of its first virtual IP 192.168.1.254; \
                        move it to `virtual_ipaddress_excluded`, or to an instance of its own",
        ),
        ("10.0.0.1 { x }", "`10.0.0.1` takes no block"),
    ];
    for (line, error) in rows {
        let shown = found(&with(&format!("virtual_ipaddress {{\n {line}\n}}")));
        let expected = if error.is_empty() {
            vec![]
        } else {
            vec![format!("k.conf:8: error: {error}")]
        };
        assert_eq!(shown, expected, "{line}");
    }
    check(&[
        (
            "virtual_ipaddress {\n 10.0.0.1 eth0 autojoin home\n}",
            &[
                "8: warning: `eth0` is not an option of a virtual IP, ignored; \
                 known are brd, dev, label, no_track, noprefixroute, preferred_lft, scope and use_vmac",
                "8: warning: not supported yet, ignored: `autojoin`, `home`",
            ],
        ),
        (
            "virtual_ipaddress {\n 10.0.0.1 label abcdefghijklmnop\n}",
            &[
                "8: warning: `label abcdefghijklmnop`: a label has 1 to 15 bytes, the address is served without one; \
                 shorten or remove it: keepalived serves no address with such a label",
            ],
        ),
        (
            "virtual_ipaddress {\n 10.0.0.1 -nodad preferred_lft 0\n}",
            &["8: warning: `preferred_lft` is for IPv6 addresses, and is ignored"],
        ),
        (
            "virtual_ipaddress {\n 10.0.0.1 brd +\n}",
            &["8: warning: a /32 has no broadcast address, `brd` is ignored"],
        ),
        (
            "virtual_ipaddress",
            &[
                "7: error: `virtual_ipaddress` needs a block; write `virtual_ipaddress {`, an address per line and `}`",
            ],
        ),
        (
            "virtual_ipaddress_excluded",
            &["7: error: `virtual_ipaddress_excluded` needs a block; \
                 write `virtual_ipaddress_excluded {`, an address per line and `}`"],
        ),
    ]);
    let full = instance(&with(
        "virtual_ipaddress {\n 10.0.0.5/24 brd + dev eth1 label eth1:1 scope link\n 10.1.2.3/8 brd -\n 10.9.0.1/0 brd +\n \
         10.9.0.2 scope 7 brd 10.9.9.9\n}",
    ));
    let broadcasts: Vec<_> = full.vips.iter().map(|vip| vip.broadcast).collect();
    assert_eq!(broadcasts[1], Some(Ipv4Addr::new(10, 0, 0, 255)));
    assert_eq!(broadcasts[2], Some(Ipv4Addr::new(10, 0, 0, 0)));
    assert_eq!(broadcasts[3], Some(Ipv4Addr::BROADCAST));
    assert_eq!(broadcasts[4], Some(Ipv4Addr::new(10, 9, 9, 9)));
    let vip = &full.vips[1];
    assert_eq!((vip.prefix, vip.scope), (24, Scope::Link));
    assert_eq!(
        (vip.device.as_deref(), vip.label.as_deref()),
        (Some("eth1"), Some("eth1:1"))
    );
    assert_eq!(full.vips[4].scope, Scope::Other(7));
    let vips = instance(&with(
        "virtual_ipaddress {\n 10.0.0.1/24 label abcdefghijklmnop noprefixroute\n}",
    ))
    .vips;
    assert_eq!(
        (vips[1].label.as_ref(), vips[1].no_prefix_route),
        (None, true)
    );
    assert!(!vips[0].no_prefix_route);
}

#[test]
fn an_address_counts_once_in_its_list() {
    let twice = |list: &str, line: usize| {
        let name = if line == 9 {
            "192.168.1.254"
        } else {
            "10.0.0.9"
        };
        let text = with(list);
        assert_eq!(
            found(&text),
            [format!(
                "k.conf:{line}: warning: (VI_1) {name} is in the list already, ignored; keepalived before 2.4.3 \
                 advertises it twice, and then refuses our adverts; remove it, on every router"
            )],
            "{list}"
        );
        instance(&text).vips.len()
    };
    assert_eq!(
        twice("virtual_ipaddress {\n 10.0.0.1\n 192.168.1.254/24\n}", 9),
        2
    );
    assert_eq!(
        twice(
            "virtual_ipaddress {\n 10.0.0.1\n 192.168.1.254 dev ens33\n}",
            9
        ),
        2
    );
    let excluded =
        "virtual_ipaddress_excluded {\n 10.0.0.9\n}\nvirtual_ipaddress_excluded {\n 10.0.0.9\n}";
    assert_eq!(twice(excluded, 11), 2);
    let elsewhere = with("virtual_ipaddress {\n 192.168.1.254 dev eth1\n}");
    assert_eq!(
        (found(&elsewhere).len(), instance(&elsewhere).vips.len()),
        (0, 2)
    );
}

#[test]
fn interfaces_of_virtual_ips_are_tracked_unless_told_otherwise() {
    for (options, tracked) in [("", true), (" no_track", false), (" no-track", false)] {
        let found = instance(&with(&format!(
            "virtual_ipaddress {{\n 10.0.0.5 dev eth1{options}\n}}"
        )));
        assert_eq!(found.vips.last().unwrap().tracked, tracked, "{options}");
    }
}
