//! Where keepalived's keywords depart from the RFC.

use vrrp_tests::{
    config::Settings,
    node::{MASTER, Node as _},
};

use crate::scene::{LIMIT, Scene, claim, shared};

/// The owner of the address, which sends an advert every 40 s: whatever else it sends in the course
/// of a case is an answer.
fn slow_owner(lines: &str) -> Settings {
    Settings {
        instance: lines.to_owned(),
        ..Settings::fast(255).every(40_000)
    }
}

#[test]
fn a_worse_advert_is_answered_or_not() {
    for (lines, says, sent) in [
        (
            "",
            "with lower priority 100, ours 255, forcing new election",
            2,
        ),
        (
            "lower_prio_no_advert",
            "with lower priority 100, ours 255",
            1,
        ),
    ] {
        let mut scene = Scene::started(shared(), [slow_owner(lines)]);
        scene.await_state(1, "MASTER");
        assert_eq!(scene.status(1).number("adverts_sent"), 1);
        claim(&scene.lab.client, 100);
        let line = scene.log(1).wait(says, LIMIT).unwrap();
        assert!(line.text.ends_with(says), "{}", line.text);
        assert_eq!(scene.status(1).number("adverts_sent"), sent, "{lines}");
        assert_eq!(scene.status(1).text("state"), "MASTER");
    }
}

#[test]
fn a_deposed_router_has_a_last_word_or_not() {
    for (lines, sent) in [("higher_prio_send_advert off", 1), ("", 2)] {
        let scene = Scene::started(shared(), [slow_owner(lines)]);
        scene.await_state(1, "MASTER");
        // Of two owners the one with the higher address.
        claim(&scene.lab.client, 255);
        scene.await_state(1, "BACKUP");
        assert_eq!(scene.status(1).number("adverts_sent"), sent, "{lines}");
    }
}

/// A moment of the last state change.
fn last_transition(scene: &Scene, number: usize, moment: &str) -> u64 {
    let status = scene.nodes[number - 1].status().unwrap().unwrap();
    let transitions = status["routers"][0]["transitions"].as_array().unwrap();
    transitions.last().unwrap()[moment].as_u64().unwrap()
}

#[test]
fn a_backup_waits_for_as_many_adverts_as_it_is_told() {
    let configs = [254, 253].map(|priority| {
        Settings::fast(priority)
            .every(100)
            .with_lines("down_timer_adverts 5")
    });
    let mut scene = Scene::pair(shared(), configs);
    // 5 x 100 ms and 3/256 of 100 ms.
    assert_eq!(scene.status(2).number("down_us"), 501_171);
    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    assert_eq!(scene.status(2).last_cause(), "active_down");
    let moment = |name| last_transition(&scene, 2, name);
    let waited = moment("deadline_ns") - moment("last_advert_ns");
    assert_eq!(waited, 501_171_875);
}

#[test]
fn nobody_takes_over_during_the_startup_delay() {
    let config = Settings {
        global: "vrrp_startup_delay 1.5".to_owned(),
        ..Settings::fast(100)
    };
    let mut scene = Scene::started(shared(), [config]);
    scene.log(1).wait(MASTER, LIMIT).unwrap();
    let moments = scene.status(1).transition_moments();
    assert_eq!(
        scene.status(1).transitions(),
        ["INIT>BACKUP", "BACKUP>MASTER"]
    );
    assert!(moments[1] - moments[0] >= 1_500_000_000, "{moments:?}");
}
