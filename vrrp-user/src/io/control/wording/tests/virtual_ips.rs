//! Virtual IPs that are refused, missing, or somewhere they should not be.

use super::*;

#[test]
fn what_becomes_of_a_virtual_ip_is_told_with_its_interface() {
    let (router, vip, prefix) = (RouterId::first(0), VipId(1), 24);
    let mut instance = crate::io::control::tests::instance("VI_1");
    let mut elsewhere = instance.vips[0].clone();
    elsewhere.address = "2001:db8::fe".parse().unwrap();
    elsewhere.device = Some("ens34".to_owned());
    instance.vips.push(elsewhere);
    let mut desired = desired(instance);
    let failed = |errno| Event::AddressFailed { router, vip, errno };
    let refused = "the kernel refused virtual IP 2001:db8::fe:";
    for (event, level, says) in [
        (
            failed(libc::EACCES),
            Level::ERROR,
            format!(
                "{refused} Permission denied (os error 13); is IPv6 off (sysctl \
                 net.ipv6.conf.ens34.disable_ipv6)?"
            ),
        ),
        (
            failed(libc::EPERM),
            Level::ERROR,
            format!("{refused} Operation not permitted (os error 1); xvrrp needs CAP_NET_ADMIN"),
        ),
        (
            failed(libc::ENODEV),
            Level::ERROR,
            format!("{refused} No such device (os error 19)"),
        ),
        (
            Event::AddressMissing { router, vip },
            Level::WARN,
            "virtual IP 2001:db8::fe is missing from ens34, putting it back".to_owned(),
        ),
        (
            Event::AddressStray {
                router,
                vip,
                prefix,
            },
            Level::WARN,
            "somebody put virtual IP 2001:db8::fe/24 on ens34, which this router does not serve now: \
             removed"
                .to_owned(),
        ),
        (
            Event::AddressesAccepted { router },
            Level::INFO,
            "the kernel takes every advertised virtual IP again".to_owned(),
        ),
    ] {
        let told = lines(&event, &desired, State::Backup);
        assert_eq!(told, [(level, format!("(VI_1) {says}"))]);
    }
    let found = Event::AddressFound {
        router,
        vip,
        prefix,
    };
    let told = lines(&found, &desired, State::Backup);
    assert_eq!(told[0].0, Level::ERROR);
    let own = "virtual IP 2001:db8::fe/24 has become ens34's own address: it stays";
    assert!(told[0].1.contains(own), "{told:?}");
    let owner = desired.instance.settings.with_priority(255);
    desired.instance.settings = owner;
    let told = lines(&found, &desired, State::Active);
    assert_eq!(told[0].0, Level::INFO, "{told:?}");
}
