//! What the programs and the core are told of the configuration.

use vrrp_ebpf::abi::router_flags;

use super::*;

#[test]
fn what_is_heard_is_as_configured() {
    let pass = "authentication {\n auth_type PASS\n auth_pass 1111\n}\n";
    let second = entry(&format!("{pass}advert_int 3"));
    assert_eq!(second.flags, router_flags::ACCEPT_V2);
    assert_eq!((second.auth_type, &second.auth_data), (1, b"1111\0\0\0\0"));
    assert_eq!((second.interval_cs, second.address_count), (300, 2));
    assert_eq!((&second.primary[..4], second.priority), (&OURS[..], 100));
    let third = entry(&format!(
        "{pass}version 3\nadvert_int 0.1\nskip_check_adv_addr"
    ));
    let expected = router_flags::ACCEPT_V3 | router_flags::SKIP_ADDRESS_CHECK;
    assert_eq!((third.flags, third.auth_type), (expected, 0));
    assert_eq!(third.interval_cs, 10);
}

#[test]
fn accept_mode_reaches_every_virtual_ip() {
    let flags = |body: &str| {
        let entries = parts(body).entries;
        Vec::from_iter(entries.vips.iter().map(|(_, entry)| entry.flags))
    };
    assert_eq!(flags(""), [0, 0]);
    assert_eq!(flags("no_accept"), [vip_flags::NO_ACCEPT; 2]);
}

#[test]
fn departures_reach_the_core() {
    let settings = parts("down_timer_adverts 5\nlower_prio_no_advert").settings;
    assert_eq!(settings.departures.down_timer_adverts, 5);
    assert!(settings.departures.lower_prio_no_advert);
}
