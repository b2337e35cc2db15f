//! Virtual IPs that get other options, and what the kernel takes off with another.

use super::*;
use crate::io::clock;

#[test]
fn other_options_are_those_of_a_fresh_installation() {
    for (before, after, stays) in [
        ("10.0.0.1/32", "10.0.0.1/24", false),
        ("10.0.0.1/24", "10.0.0.1/24 label ens33:1", false),
        ("10.0.0.1/24", "10.0.0.1/24 brd +", false),
        ("10.0.0.1/24", "10.0.0.1/24 scope link", false),
        ("10.0.0.1/24", "10.0.0.1/24 noprefixroute", false),
        ("2001:db8::1", "2001:db8::1/64 preferred_lft 0", false),
        ("2001:db8::1/64", "2001:db8::1/64 preferred_lft 0", true),
        ("2001:db8::1/64 preferred_lft 0", "2001:db8::1/64", true),
        ("2001:db8::1/64", "2001:db8::1/64 noprefixroute", true),
    ] {
        get_other_options(before, after, stays);
    }
}

fn get_other_options(before: &'static str, after: &'static str, stays: bool) {
    const SHOW: &str = "ip -o addr show dev ens33 to 10.0.0.0/8; ip -o addr show dev ens33 to 2001:db8::/32; \
                        ip route show dev ens33; ip -6 route show dev ens33 to root 2001:db8::/32";
    in_namespace(async move || {
        let mut fresh = World::new();
        let family = if after.contains(':') && !after.starts_with("10.") {
            "fe80::9"
        } else {
            "192.168.9.9"
        };
        fresh.change(ROUTER, Operation::Install, &[(1, family), (0, after)]);
        let expected = run(SHOW);
        fresh.order_of(ROUTER, Operation::Remove);
        fresh.change(ROUTER, Operation::Install, &[(1, family), (0, before)]);
        assert_ne!(run(SHOW), expected);
        let stamps = found("ens33");
        wait_for_another_stamp().await;
        let began = clock::now();
        fresh.change(ROUTER, Operation::Install, &[(1, family), (0, after)]);
        // The worker's patience with an IPv6 address that is not told of is a second.
        let took = clock::now().since(began);
        assert!(
            took < Duration::from_millis(950),
            "{before}, {after}: {took:?}"
        );
        assert_eq!(run(SHOW), expected);
        assert_eq!(fresh.states([0, 1]), [READY; 2]);
        let created = |found: &BTreeMap<_, Found>, vip: &str| {
            let vip = vip.split([' ', '/']).next().unwrap();
            let mut all = found.iter();
            let found =
                all.find(|((address, _), _): &(&(IpAddr, u8), _)| address.to_string() == vip);
            found.unwrap().1.created
        };
        let now = found("ens33");
        assert_eq!(created(&now, after) == created(&stamps, before), stays);
        assert_eq!(created(&now, family), created(&stamps, family));
        fresh.order_of(ROUTER, Operation::Remove);
        assert_eq!(names("ens33"), [""; 0]);
    });
}

/// The kernel takes 10.0.0.2 and 10.0.0.9 for parts of the subnet of 10.0.0.1.
#[test]
fn what_goes_along_with_an_address_of_its_subnet_comes_back() {
    for after in [
        &[(1, "10.0.0.2/24")][..],
        &[(0, "10.0.0.1/24 label ens33:1"), (1, "10.0.0.2/24")],
        &[(0, "10.0.0.1/16"), (1, "10.0.0.2/24")],
    ] {
        comes_back(after);
    }
}

fn comes_back(after: &'static [(u32, &'static str)]) {
    for promote in [0, 1] {
        in_namespace(async move || {
            let mut world = World::new();
            run(&format!(
                "sysctl -qw net.ipv4.conf.all.promote_secondaries={promote} net.ipv4.conf.ens33.promote_secondaries={promote}"
            ));
            let before = [(0, "10.0.0.1/24"), (1, "10.0.0.2/24")];
            world.change(ROUTER, Operation::Install, &before);
            run("ip addr add 10.0.0.9/24 dev ens33");
            world.change(ROUTER, Operation::Install, after);
            let mut expected: Vec<_> = after
                .iter()
                .map(|(_, line)| line.split(' ').next().unwrap().to_owned())
                .collect();
            expected.push("10.0.0.9/24".to_owned());
            expected.sort();
            assert_eq!(names("ens33"), expected);
            for (id, _) in after {
                assert_eq!(world.states([*id]), [READY]);
            }
            world.order_of(ROUTER, Operation::Remove);
            assert_eq!(names("ens33"), ["10.0.0.9/24"]);
        });
    }
}
