//! Who is told that another one serves, and whom the hosts believe.

use std::time::Duration;

use vrrp_user::proto::{Departures, State, Version};

use super::{DELAY, Story, TURN};
use crate::{engine::DEFEND_INTERVAL, hosts::Believed};

/// Better and worse routers up to `worse` do not hear each other, and the worse one has taken over. The loss ends
/// right after an advert of the usurper, so that the next one is of the better router.
fn after_a_loss(priorities: &[u8], departures: Departures) -> Story {
    let interval = Duration::from_millis(10);
    let mut story = Story::departing(Version::V3, interval, priorities, departures);
    let others = 1..priorities.len();
    let cut = |story: &mut Story, cut| {
        for other in others.clone() {
            story.world.cut(0, other, cut);
            story.world.cut(other, 0, cut);
        }
    };
    cut(&mut story, true);
    story.takeover(1);
    story.run(3 * story.interval);
    assert_eq!(story.states()[..2], [State::Active, State::Active]);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(1));
    let lease = |story: &Story| story.world.nodes[1].word(0).expiry();
    let before = lease(&story);
    while lease(&story) == before {
        story.run(10_000);
    }
    cut(&mut story, false);
    story
}

/// The better router has no other reason to announce itself than the last advert of the other one.
//= C41, C42: proof
#[test]
fn who_was_not_heard_is_told_of_a_usurper() {
    let mut story = after_a_loss(&[254, 253], Departures::default());
    let adverts = story.world.adverts;
    while story.world.nodes[1].state(0) == State::Active {
        story.run(1_000);
    }
    // An advert's way there, one's way back, and a turn at either end.
    story.run(2 * DELAY + 2 * TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    assert_eq!(story.states(), [State::Active, State::Backup]);
    // The regular one, that of the router that gives way, and the answer.
    assert_eq!(story.world.adverts - adverts, 3);
}

#[test]
fn a_usurper_leaves_in_silence_if_told_so() {
    let silent = Departures {
        higher_prio_send_advert: false,
        ..Departures::default()
    };
    let mut story = after_a_loss(&[254, 253], silent);
    story.comes_to(100, &[State::Active, State::Backup]);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(1));
}

/// A third router that hears the last advert of the one that gives way neither rises nor stays with it.
#[test]
fn a_last_advert_leads_nobody_astray() {
    for priorities in [[254, 200, 100], [254, 101, 100], [101, 100, 1]] {
        let mut story = after_a_loss(&priorities, Departures::default());
        let promotions = story.world.watches[0].promotions;
        story.run(20 * story.interval);
        assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
        assert_eq!(
            story.world.watches[0].promotions, promotions,
            "{priorities:?}"
        );
        assert_eq!(
            story.states(),
            [State::Active, State::Backup, State::Backup]
        );
        let third = story.world.nodes[2].engine.as_ref().unwrap();
        assert_eq!(
            third.core(0).unwrap().active_priority(),
            Some(priorities[0])
        );
    }
}

/// With a return, each says one thing: the better one that it serves, the other its last, and the answer.
#[test]
fn a_planned_return_takes_three_adverts() {
    let mut story = Story::pair();
    story.crash_and_return();
    while story.world.nodes[0].state(0) != State::Active {
        story.run(1_000);
    }
    let adverts = story.world.adverts;
    story.run(story.interval / 2);
    assert_eq!(story.states(), [State::Active, State::Backup]);
    assert_eq!(story.world.adverts - adverts, 3);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
}

/// The second claim comes when the first was just answered. Without an answer the hosts would stay with it.
#[test]
fn a_claim_that_may_not_be_answered_yet_is_answered_when_it_may() {
    let mut story = Story::pair();
    let defended = u64::try_from(DEFEND_INTERVAL.as_nanos()).unwrap();
    // At the start, both may have announced themselves.
    story.run(defended);
    story.world.claim(0);
    story.run(DELAY + TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    story.world.claim(0);
    story.run(defended - DELAY - TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Stranger);
    story.run(DELAY + 2 * TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    assert_eq!(story.states(), [State::Active, State::Backup]);
}
