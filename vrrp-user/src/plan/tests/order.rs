//! In which order steps come.

use super::{world::World, *};

/// Each step as it is logged.
fn shown(steps: &[Step]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}

/// The steps from the first to the second file, done on the model.
fn between(before: &str, after: &str) -> Vec<Step> {
    let before = desired(before);
    let after = desired_from(&before, after, &ETH);
    let steps = diff(&before, &after);
    let mut world = World::of(&before);
    world.follow(&steps);
    assert!(world.same(&World::of(&after)));
    steps
}

fn on(interface: &str, vrid: u8) -> String {
    format!("interface {interface}\n virtual_router_id {vrid}")
}

#[test]
fn start_and_stop_are_differences_from_and_to_nothing() {
    let text = one("A", 51, "use_vmac") + &file(&[("B", &on("eth1", 52), "fe80::2")]);
    let all = desired(&text);
    let start = [
        "attach the programs to eth0",
        "attach the programs to eth1",
        "mark frames to virtual MACs on eth0",
        "join 224.0.0.18 on interface 2",
        "join ff02::12 on interface 3",
        "join ff02::1:ff00:2 on interface 3",
        "receive frames to 00:00:5e:00:01:33 on interface 2",
        "(A) add",
        "(B) add",
    ];
    assert_eq!(shown(&diff(&Desired::default(), &all)), start);
    let stop = [
        "(A) remove",
        "(B) remove",
        "refuse frames to 00:00:5e:00:01:33 on interface 2",
        "leave ff02::1:ff00:2 on interface 3",
        "leave ff02::12 on interface 3",
        "leave 224.0.0.18 on interface 2",
        "mark no more frames on eth0",
        "detach the programs from eth1",
        "detach the programs from eth0",
    ];
    assert_eq!(shown(&diff(&all, &Desired::default())), stop);
}

#[test]
fn who_takes_an_address_comes_after_who_gives_it() {
    let of = |a: &str, b: &str, c: &str| {
        let on = |vrid| on("eth0", vrid);
        file(&[("A", &on(1), a), ("B", &on(2), b), ("C", &on(3), c)])
    };
    let (one, two, three) = ("10.0.0.1, 10.0.0.9", "10.0.0.2", "10.0.0.3");
    let before = of(one, two, three);
    // C → B → A, each in one step.
    let after = of("10.0.0.1, 10.0.0.9, 10.0.0.2", "10.0.0.3", "10.0.0.4");
    let steps = between(&before, &after);
    let order: Vec<_> = steps
        .iter()
        .map(|step| match step {
            Step::Change { to, after, .. } => (&*to.instance.name, after.len()),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(order, [("C", 0), ("B", 1), ("A", 1)]);
    // Also from one that goes, and to one that comes.
    let steps = between(&before, &of("10.0.0.1", two, "10.0.0.3, 10.0.0.9"));
    assert_eq!(
        told(&steps),
        [
            "A: virtual IP 10.0.0.9/32 removed",
            "C: virtual IP 10.0.0.9/32 added",
        ]
    );
    let steps = between(
        &before,
        &(of("10.0.0.1", two, three) + &file(&[("D", &on("eth0", 4), "10.0.0.9")])),
    );
    assert_eq!(
        told(&steps),
        ["A: virtual IP 10.0.0.9/32 removed", "D: added"]
    );
}

#[test]
fn two_that_exchange_virtual_ips_do_so_by_way_of_nobody() {
    let of = |a: &str, b: &str| file(&[("A", &on("eth0", 1), a), ("B", &on("eth0", 2), b)]);
    let steps = between(
        &of("10.0.0.1, 10.0.0.2", "10.0.0.3"),
        &of("10.0.0.1, 10.0.0.3", "10.0.0.2"),
    );
    assert_eq!(
        told(&steps),
        [
            "A: virtual IP 10.0.0.2/32 removed",
            "B: virtual IP 10.0.0.3/32 removed",
            "B: virtual IP 10.0.0.2/32 added",
            "A: virtual IP 10.0.0.3/32 added",
        ]
    );
    let Some(Step::Change { to, .. }) = steps.first() else {
        panic!("{steps:?}");
    };
    assert_eq!(to.vips.len(), 1);
    assert_eq!(to.instance.vips.len(), 2, "adverts list what they listed");
}

/// With an address that each wants of the other, one gives up that it answers by proxy ARP.
#[test]
fn proxy_arp_goes_to_another_in_the_course_of_an_exchange() {
    let of = |a: &str, b: &str| {
        let with_mac = on("eth0", 5) + "\n use_vmac";
        file(&[("A", &with_mac, a), ("B", &on("eth1", 3), b)])
    };
    let steps = between(
        &of("10.0.0.1, 10.0.0.2", "10.0.0.3, 10.0.0.4 dev eth0"),
        &of("10.0.0.1, 10.0.0.4", "10.0.0.3, 10.0.0.2 dev eth0 use_vmac"),
    );
    assert_eq!(
        told(&steps),
        [
            "A: virtual IP 10.0.0.2/32 removed",
            "A: answers by proxy ARP on fewer interfaces",
            "B: garp_master_refresh 0 s → 60 s",
            "B: virtual IP 10.0.0.4/32 dev eth0 removed",
            "B: virtual IP 10.0.0.2/32 dev eth0 added",
            "B: answers by proxy ARP on more interfaces",
            "A: virtual IP 10.0.0.4/32 added",
        ]
    );
}

#[test]
fn a_restart_waits_for_its_predecessor() {
    let before = desired(&one("A", 51, ""));
    let elsewhere = one("A", 51, "").replace("eth0", "eth1");
    let steps = diff(&before, &desired_from(&before, &elsewhere, &ETH));
    let waits = steps.iter().find_map(|step| match step {
        Step::Add { after, .. } => Some(after.clone()),
        _ => None,
    });
    assert_eq!(waits, Some(vec![id(&before, "A")]));
}

#[test]
fn names_of_interfaces_that_are_exchanged_are_followed() {
    let text = file(&[
        ("A", &on("eth0", 1), "10.0.0.1"),
        ("B", &on("eth1", 1), "10.0.0.1"),
    ]);
    let before = desired(&text);
    let after = desired_from(&before, &text, &[("eth0", 3), ("eth1", 2)]);
    let steps = diff(&before, &after);
    let mut world = World::of(&before);
    world.follow(&steps);
    assert!(world.same(&World::of(&after)));
    assert_eq!(steps.len(), 3);
}

#[test]
fn what_is_still_used_is_neither_detached_nor_left() {
    let two = file(&[
        ("A", &on("eth0", 1), "10.0.0.1"),
        ("B", &on("eth0", 2), "10.0.0.2"),
    ]);
    let steps = between(&two, &file(&[("B", &on("eth0", 2), "10.0.0.2")]));
    assert_eq!(shown(&steps), ["(A) remove"]);
    let moved = two.replacen("eth0", "eth1", 1);
    assert_eq!(
        shown(&between(&two, &moved)),
        [
            "attach the programs to eth1",
            "join 224.0.0.18 on interface 3",
            "(A) remove",
            "(A) add",
            "order of the file",
        ]
    );
}

/// All 4096 are in use, so that new ones get the ids of those that go.
#[test]
fn virtual_ips_can_be_replaced_when_no_id_is_free() {
    let of = |net: u8| {
        let all: Vec<String> = (0..16)
            .map(|number| {
                let vips: Vec<_> = (0..256_u32)
                    .map(|last| format!("10.{net}.{number}.{last}"))
                    .collect();
                let (listed, excluded) = vips.split_at(1);
                let body = format!(
                    "{}\n virtual_ipaddress_excluded {{\n {}\n }}",
                    on("eth0", number + 1),
                    excluded.join("\n ")
                );
                file(&[(&format!("I{number}"), &body, &listed[0])])
            })
            .collect();
        all.concat()
    };
    let steps = between(&of(1), &of(2));
    assert_eq!(steps.len(), 32);
}
