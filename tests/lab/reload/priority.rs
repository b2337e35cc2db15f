//! A priority changes: it leaves with the next advert, and moves an address only if it changes the order.

use rstest::rstest;

use crate::{
    owners::await_owner,
    scene::shared,
    stage::{Family, ONE, Routers as _, Stage, TWO},
};

#[test]
fn one_that_changes_no_order_moves_nothing() {
    let mut stage = Stage::pair(Family::V4);
    let watch = stage.watch(&[ONE, TWO]);
    for (number, priority) in [(1, 150), (2, 50), (2, 149), (1, 254)] {
        let told = stage.change(number, |routers| routers.vrid(ONE).priority = priority);
        assert!(told.contains(&priority.to_string()), "{told}");
        if number == 1 {
            assert_eq!(stage.next_advert(1, ONE).priority, priority);
        }
        let status = stage.status(number, ONE);
        assert_eq!(status.number("priority"), u64::from(priority));
    }
    assert_eq!(stage.next_advert(1, TWO).priority, 200);
    watch.assert(&stage);
}

/// By a planned move: nobody is asked twice, and no question is left.
#[rstest]
#[case::of_the_master(1, 50, Family::V4)]
#[case::of_the_backup(2, 250, Family::V6)]
fn one_that_changes_the_order_moves_its_router_alone(
    #[case] number: u8,
    #[case] priority: u8,
    #[case] family: Family,
) {
    let mut stage = Stage::pair(family);
    let watch = stage.watch(&[TWO]);
    let prober = stage.asking(1, family.vip());
    stage.change(number, |routers| routers.vrid(ONE).priority = priority);
    stage.await_state(2, ONE, "MASTER");
    stage.await_state(1, ONE, "BACKUP");
    await_owner(&stage.scene, 2, &[family.vip()]);
    let recording = prober.stop().unwrap();
    assert_eq!(recording.changes(), 1, "one move");
    assert_eq!(recording.twice(), 0, "no two owners");
    watch.assert(&stage);
    assert_eq!(stage.status(2, ONE).last_cause(), "preempt");
    assert!(!stage.has(1, family.vip()));

    // And back.
    let watch = stage.watch(&[TWO]);
    let before = if number == 1 { 200 } else { 100 };
    stage.change(number, |routers| routers.vrid(ONE).priority = before);
    stage.await_state(1, ONE, "MASTER");
    stage.await_state(2, ONE, "BACKUP");
    await_owner(&stage.scene, 1, &[family.vip()]);
    watch.assert(&stage);
}

#[test]
fn a_better_backup_without_preemption_stays() {
    let family = Family::V6;
    let mut stage = Stage::with(shared(), family, |_, routers| {
        routers.vrid(ONE).instance = "nopreempt".to_owned();
    });
    let watch = stage.watch(&[ONE, TWO]);
    stage.change(2, |routers| routers.vrid(ONE).priority = 250);
    // It would have preempted by then.
    stage.hear(1, ONE, 10);
    watch.assert(&stage);
}

/// Priority 255 is the owner's, which is another router as far as the protocol goes.
#[test]
fn an_owner_is_another_router() {
    let family = Family::V4;
    let mut stage = Stage::pair(family);
    let watch = stage.watch(&[TWO]);
    stage.change(1, |routers| routers.vrid(ONE).priority = 255);
    stage.await_state(1, ONE, "MASTER");
    stage.await_state(2, ONE, "BACKUP");
    await_owner(&stage.scene, 1, &[family.vip()]);
    assert_eq!(stage.next_advert(1, ONE).priority, 255);
    watch.assert(&stage);
}
