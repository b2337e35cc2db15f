//! Who keeps an id, and who gets which.

use vrrp_ebpf::abi;

use super::*;

fn vip_ids(desired: &Desired, name: &str) -> Vec<(String, VipId)> {
    let router = desired.get(id(desired, name)).unwrap();
    let vips = router.vips.iter();
    vips.map(|placed| (placed.vip.address.to_string(), placed.id))
        .collect()
}

/// Whether an instance with the first lines becomes one with the second in place.
fn stays(before: &str, after: &str) -> bool {
    let before = desired(before);
    let after = desired_from(&before, after, &ETH);
    let id = |desired: &Desired| desired.routers().next().unwrap().0;
    id(&before) == id(&after)
}

#[test]
fn most_changes_are_made_in_place() {
    for (before, after) in [
        ("priority 100", "priority 200"),
        ("advert_int 1", "advert_int 2"),
        ("", "use_vmac"),
        ("nopreempt", "preempt_delay 9"),
        ("", "authentication {\n auth_type PASS\n auth_pass x\n }"),
        (
            "unicast_peer {\n 10.0.0.8\n }",
            "unicast_peer {\n 10.0.0.9\n }",
        ),
        (
            "version 3\n v2_interop\n advert_int 1",
            "version 3\n v2_interop\n advert_int 2",
        ),
        ("", "notify /bin/true"),
        ("mcast_src_ip 10.0.0.8", "mcast_src_ip 10.0.0.9"),
    ] {
        assert!(
            stays(&one("A", 51, before), &one("A", 51, after)),
            "{after}"
        );
    }
    assert!(
        stays(&one("A", 51, ""), &one("B", 51, "priority 9")),
        "renamed"
    );
}

#[test]
fn what_a_router_is_cannot_be_changed_in_place() {
    for (before, after) in [
        ("priority 100", "priority 255"),
        ("priority 255", "priority 100"),
        ("version 2", "version 3"),
        ("version 3", "version 3\n v2_interop"),
        ("", "unicast_peer {\n 10.0.0.8\n }"),
    ] {
        assert!(
            !stays(&one("A", 51, before), &one("A", 51, after)),
            "{after}"
        );
    }
    assert!(!stays(&one("A", 51, ""), &one("A", 52, "")));
    let elsewhere = one("A", 51, "").replace("eth0", "eth1");
    assert!(!stays(&one("A", 51, ""), &elsewhere));
    let v6 = one("A", 51, "").replace("10.0.0.1", "fe80::1");
    assert!(!stays(&one("A", 51, ""), &v6));
}

#[test]
fn an_interface_may_come_go_be_made_again_and_be_renamed() {
    let text = one("A", 51, "");
    let mut now = desired_from(&Desired::default(), &text, &[]);
    let first = id(&now, "A");
    let vips = vip_ids(&now, "A");
    for index in [Some(2), None, Some(7)] {
        let found = index.map(|index| ("eth0", index));
        now = desired_from(&now, &text, found.as_slice());
        assert_eq!(id(&now, "A"), first);
        assert_eq!(now.get(first).unwrap().interface, index.map(InterfaceId));
        assert_eq!(vip_ids(&now, "A"), vips);
    }
    let renamed = text.replace("eth0", "lan0");
    let after = desired_from(&now, &renamed, &[("lan0", 7)]);
    assert_eq!((id(&after, "A"), vip_ids(&after, "A")), (first, vips));
    let other = desired_from(&now, &renamed, &[("lan0", 8), ("eth0", 7)]);
    assert_ne!(id(&other, "A"), first);
    // What is there still has to be left in good order.
    let replaced = desired_from(&now, &text, &[("eth0", 8), ("old10", 7)]);
    assert_ne!(id(&replaced, "A"), first);
}

#[test]
fn names_that_are_exchanged_restart_nobody() {
    let before = desired(&(one("A", 51, "") + &one("B", 52, "").replace("0.1", "0.2")));
    let text = one("B", 51, "") + &one("A", 52, "").replace("0.1", "0.2");
    let after = desired_from(&before, &text, &ETH);
    assert_eq!(id(&after, "A"), id(&before, "B"));
    assert_eq!(id(&after, "B"), id(&before, "A"));
}

#[test]
fn the_name_counts_more_than_the_place_in_the_file() {
    let before = desired(&(one("A", 51, "") + &one("B", 52, "").replace("0.1", "0.2")));
    let text = one("B", 52, "").replace("0.1", "0.2") + &one("A", 51, "");
    let after = desired_from(&before, &text, &ETH);
    assert_eq!(id(&after, "A"), id(&before, "A"));
    assert_eq!(vip_ids(&after, "B"), vip_ids(&before, "B"));
}

#[test]
fn a_virtual_ip_that_stays_keeps_its_id() {
    let with = |vips: &str| {
        let body = "interface eth0\n virtual_router_id 51";
        file(&[("A", body, vips)])
    };
    let before = desired(&with("10.0.0.1, 10.0.0.2, 10.0.0.3"));
    let text = with("10.0.0.3/24 label x, 10.0.0.4, 10.0.0.2 dev eth1, 10.0.0.1 dev eth0");
    let after = desired_from(&before, &text, &ETH);
    let ids: Vec<u32> = vip_ids(&after, "A").iter().map(|(_, id)| id.0).collect();
    assert_eq!(ids, [2, 3, 4, 0]);
    let restarted = with("10.0.0.1, 10.0.0.2").replace("51", "52");
    let ids = vip_ids(&desired_from(&after, &restarted, &ETH), "A");
    assert_eq!(
        ids,
        [("10.0.0.1".into(), VipId(1)), ("10.0.0.2".into(), VipId(5))]
    );
}

#[test]
fn nobody_gets_the_id_of_one_that_has_gone() {
    let mut now = desired(&one("A", 51, ""));
    let mut known = vec![id(&now, "A")];
    for vrid in 52..60 {
        now = desired_from(&now, &one("A", vrid, ""), &ETH);
        let id = id(&now, "A");
        assert!(id.slot() < 2 && !known.contains(&id), "{id}");
        known.push(id);
    }
    let empty = desired_from(&now, &one("B", 200, "").replace("eth0", "eth2"), &ETH);
    assert!(!known.contains(&id(&empty, "B")));
}

/// So many instances, each with a virtual IP, from this VRID on.
fn many(count: u32, vrid: u32, lines: &str) -> String {
    let one = |number: u32| {
        let body = format!(
            "interface eth{}\n virtual_router_id {}\n {lines}",
            number % 2,
            (number + vrid) % 255 + 1
        );
        let vip = format!("10.0.{}.{}", number / 200, number % 200 + 1);
        file(&[(&format!("I{number}"), &body, &vip)])
    };
    (0..count).map(one).collect()
}

#[test]
fn a_slot_of_a_router_that_goes_is_used_only_when_no_other_is_free() {
    let before = desired(&many(abi::MAX_ROUTERS, 0, ""));
    let text = many(abi::MAX_ROUTERS, 0, "");
    let same = desired_from(&before, &text, &ETH);
    assert_eq!(diff(&before, &same), []);
    // The first one restarts.
    let text = text.replacen("virtual_router_id 1\n", "virtual_router_id 2\n", 1);
    let text = text.replacen("vrrp_instance I0 ", "vrrp_instance new ", 1);
    let text = text.replacen("10.0.0.1\n", "10.9.0.1\n", 1);
    let after = desired_from(&before, &text, &ETH);
    let (was, is) = (id(&before, "I0"), id(&after, "new"));
    assert_eq!((is, is.slot()), (was.next(), was.slot()));
    let steps = diff(&before, &after);
    let [
        Step::Remove { router: gone, .. },
        Step::Add { router, after, .. },
        _,
    ] = &steps[..]
    else {
        panic!("{steps:?}");
    };
    assert_eq!((*gone, *router, after.contains(&was)), (was, is, true));
}

#[test]
fn limits_are_those_of_the_maps() {
    let refused =
        |config: &Config| Desired::new(config, &interfaces(&ETH), &Desired::default()).unwrap_err();
    let mut config = parse(&many(abi::MAX_ROUTERS, 0, ""));
    config.instances.push(config.instances[0].clone());
    assert_eq!(refused(&config), PlanError::TooManyRouters);

    let mut config = parse(&one("A", 51, "unicast_peer {\n 10.0.0.9\n }"));
    let one = config.instances[0].clone();
    let mut of = |instance: config::Instance| {
        config.instances = vec![instance];
        refused(&config)
    };
    let mut vips = one.clone();
    vips.vips = vec![one.vips[0].clone(); abi::MAX_VIPS as usize + 1];
    assert_eq!(of(vips), PlanError::TooManyVips);
    let mut peers = one.clone();
    let peer = one.unicast.as_ref().unwrap().peers[0].clone();
    peers.unicast.as_mut().unwrap().peers = vec![peer; abi::MAX_PEERS as usize + 1];
    assert_eq!(of(peers), PlanError::TooManyPeers);

    let named: BTreeMap<_, _> = (0..=abi::MAX_MACS)
        .map(|index| (format!("i{index}"), InterfaceId(index)))
        .collect();
    let mut macs = one.clone();
    let vips = named.keys().map(|name| config::Vip {
        device: Some(name.clone()),
        virtual_mac: true,
        ..one.vips[0].clone()
    });
    macs.vips = vips.collect();
    config.instances = vec![macs];
    let found = Desired::new(&config, &named, &Desired::default());
    assert_eq!(found.unwrap_err(), PlanError::TooManyMacs);
}
