//! A source address that is gone, for a moment or for good.

use super::*;

const GRACE: Duration = Duration::from_millis(10);
const LOST: News = News::AddressLost {
    router: RouterId::first(0),
    vip: VipId(0),
};

/// A router that runs, with its virtual IP, which has this grace.
fn running(grace: Duration) -> World {
    let mut graced = router(&["192.168.1.254"]);
    graced.grace = grace;
    let mut world = World::new(vec![graced]);
    let commands = world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(commands, [link_up("192.168.1.1")]);
    assert_eq!(world.see(&[add("192.168.1.254/32")]), []);
    world
}

fn flush() -> [RouteNetlinkMessage; 2] {
    ["192.168.1.1/24", "192.168.1.254/32"].map(remove)
}

//= C4: proof
#[test]
fn a_source_that_is_back_within_the_grace_is_no_fault() {
    let mut world = running(GRACE);
    assert_eq!(world.watched.due(), None);
    assert_eq!(world.see(&[remove("192.168.1.1/24")]), []);
    assert_eq!(world.watched.due(), Some(world.now + GRACE));
    // Nothing that happens meanwhile makes it longer.
    world.now += GRACE / 2;
    assert_eq!(world.see(&[up(3, "other")]), []);
    assert_eq!(world.watched.due(), Some(world.now + GRACE / 2));
    world.now += GRACE / 2 - Duration::from_nanos(1);
    assert_eq!(world.see(&[add("192.168.1.1/24")]), []);
    assert_eq!(world.watched.due(), None);
    // The next one begins anew.
    world.now += GRACE;
    assert_eq!(world.see(&[remove("192.168.1.1/24")]), []);
    assert_eq!(world.watched.due(), Some(world.now + GRACE));
}

//= C4: refusal
#[test]
fn a_source_that_is_not_back_is_a_fault_when_the_grace_is_over() {
    let mut world = running(GRACE);
    assert_eq!(world.see(&flush()), []);
    world.now += GRACE;
    // The virtual IP, too, is not put back.
    assert_eq!(world.see(&[]), [NO_ADDRESS]);
    assert_eq!(world.watched.due(), None);
    assert_eq!(
        world.see(&[add("192.168.1.1/24")]),
        [link_up("192.168.1.1")]
    );
}

#[test]
fn a_virtual_ip_that_went_with_the_source_is_put_back_when_that_is_back() {
    let mut world = running(GRACE);
    assert_eq!(world.see(&flush()), []);
    assert_eq!(world.see(&[add("192.168.1.1/24")]), [LOST]);
}

#[test]
fn another_source_is_used_at_once_and_any_other_fault_has_no_grace() {
    let mut world = running(GRACE);
    let [own, _] = flush();
    assert_eq!(
        world.see(&[own, add("192.168.1.7/24")]),
        [link_up("192.168.1.7")]
    );
    assert_eq!(world.see(&[remove("192.168.1.7/24")]), []);
    let both = faults(&[FaultReason::LinkDown, FaultReason::NoAddress]);
    assert_eq!(
        world.see(&[without(2, "ens33", LinkFlags::LowerUp)]),
        [both]
    );
    assert_eq!(world.watched.due(), None);
}

#[test]
fn a_router_that_never_had_a_source_has_no_grace() {
    let mut graced = router(&["192.168.1.254"]);
    graced.grace = GRACE;
    let mut world = World::new(vec![graced]);
    assert_eq!(world.see(&[up(2, "ens33")]), [NO_ADDRESS]);
    assert_eq!(world.watched.due(), None);
}
