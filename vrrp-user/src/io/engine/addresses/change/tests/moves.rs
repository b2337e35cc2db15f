//! Virtual IPs that go to another interface, id or router.

use super::*;

/// `dev` is another one, with the same id.
#[test]
fn to_another_interface_it_moves() {
    in_namespace(async || {
        let mut world = World::new();
        let before = [(0, "10.0.0.1"), (1, "10.0.0.2")];
        world.change(ROUTER, Operation::Install, &before);
        let after = [(0, "10.0.0.1 dev ens34"), (1, "10.0.0.2")];
        world.change(ROUTER, Operation::Install, &after);
        assert_eq!(names("ens33"), ["10.0.0.2/32"]);
        assert_eq!(names("ens34"), ["10.0.0.1/32"]);
        assert_eq!(world.states([0, 1]), [READY; 2]);
    });
}

#[test]
fn under_another_id_it_stays_what_it_was() {
    in_namespace(async || {
        let mut world = World::new();
        let before = [(0, "10.0.0.1"), (1, "10.0.0.2"), (2, "10.0.0.3")];
        world.change(ROUTER, Operation::Install, &before);
        let stamps = found("ens33");
        wait_for_another_stamp().await;
        let after = [(1, "10.0.0.1"), (5, "10.0.0.2"), (2, "10.0.0.3")];
        world.change(ROUTER, Operation::Install, &after);
        assert_eq!(found("ens33"), stamps);
        assert_eq!(world.states([0, 1, 2, 5]), [0, READY, READY, READY]);
        world.order_of(ROUTER, Operation::Remove);
        assert_eq!(names("ens33"), [""; 0]);
    });
}

/// A virtual IP that goes from one instance to another, in whichever order the two change.
#[test]
fn from_one_router_to_another_it_is_never_missing() {
    for taken_first in [false, true] {
        goes_to_another_router(taken_first);
    }
}

fn goes_to_another_router(taken_first: bool) {
    in_namespace(async move || {
        let mut world = World::new();
        world.change(
            ROUTER,
            Operation::Install,
            &[(0, "10.0.0.1"), (1, "10.0.0.2")],
        );
        world.change(OTHER, Operation::Install, &[(2, "10.0.0.3")]);
        let stamps = found("ens33");
        wait_for_another_stamp().await;
        let mut steps = [
            (ROUTER, vec![(0, "10.0.0.1")]),
            (OTHER, vec![(2, "10.0.0.3"), (3, "10.0.0.2")]),
        ];
        if taken_first {
            steps.reverse();
        }
        for (router, vips) in steps {
            world.change(router, Operation::Install, &vips);
        }
        let moved = place("10.0.0.2/32");
        assert_eq!(found("ens33")[&moved] == stamps[&moved], taken_first);
        assert_eq!(world.states([0, 1, 2, 3]), [READY, 0, READY, READY]);
        world.order_of(OTHER, Operation::Remove);
        assert_eq!(names("ens33"), ["10.0.0.1/32"]);
    });
}
