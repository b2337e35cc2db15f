//! What is made again when something changes.

use vrrp_ebpf::wire::encode;

use super::*;

#[test]
fn nothing_is_made_before_the_interface_is_known_nor_twice() {
    let mut plan = plan("");
    assert!(plan.news().unwrap().is_none());
    plan.set_room(1);
    assert!(plan.news().unwrap().is_none());
    plan.set_interface(OURS.into(), MAC);
    let parts = plan.news().unwrap().unwrap();
    assert_eq!(parts.entries.router.1.address_count, 1);
    assert!(parts.addresses.is_some(), "for want of an addition");
    plan.set_interface(OURS.into(), MAC);
    plan.set_near(address("192.168.1.7"), false);
    assert!(plan.news().unwrap().is_none());
}

#[test]
fn what_checks_make_of_the_priority_is_said_and_compared() {
    let mut plan = plan("");
    plan.set_interface(OURS.into(), MAC);
    plan.set_priority(Some(7));
    let parts = plan.news().unwrap().unwrap();
    let said: Vec<u8> = parts.frames.adverts(7).map(|frame| frame[36]).collect();
    assert_eq!((said, parts.entries.router.1.priority), (vec![7], 7));
    assert_eq!((parts.settings.priority, parts.priority), (100, 7));
}

#[test]
fn of_another_router_in_its_place_only_what_differs_is_new() {
    let mut plan = plan("");
    plan.set_interface(OURS.into(), MAC);
    drop(plan.take_addresses());
    let first = plan.news().unwrap().unwrap();
    plan.change_to(desired("192.168.1.254\n  192.168.1.253", "priority 7"));
    let second = plan.news().unwrap().unwrap();
    assert_eq!((first.priority, second.priority), (100, 7));
    assert_eq!(first.entries.vips, second.entries.vips);
    assert!(second.frames.fresh().is_empty() && second.addresses.is_none());
    assert_ne!(first.revision, second.revision);

    plan.change_to(desired("192.168.1.254\n  192.168.1.252", "priority 7"));
    let third = plan.news().unwrap().unwrap();
    let fresh = encode::announcement(MAC, address("192.168.1.252"), true);
    assert_eq!(third.frames.fresh(), [(InterfaceId(2), vec![fresh])]);
    assert!(third.addresses.is_some());
}
