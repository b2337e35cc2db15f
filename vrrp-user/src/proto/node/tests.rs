use std::time::Duration;

use super::*;
use crate::proto::{
    State,
    tests::{OURS, PEER, START, an_advert, ms, settings},
};

const LINK_UP: Input = Input::LinkUp { primary: OURS };

/// Routers in these slots, started one after the other, a millisecond between them.
fn node(slots: &[u16]) -> (Node, Vec<RouterId>) {
    let mut node = Node::new(8);
    let ids = Vec::from_iter(slots.iter().copied().map(RouterId::first));
    for (later, id) in (0..).zip(&ids) {
        node.insert(*id, Router::new(settings())).unwrap();
        assert!(node.handle(*id, START + ms(later), LINK_UP, &mut Vec::new()));
    }
    (node, ids)
}

fn states(node: &Node) -> Vec<(RouterId, State)> {
    node.routers()
        .map(|(id, router)| (id, router.state()))
        .collect()
}

#[test]
fn each_router_takes_what_is_for_it() {
    let (mut node, ids) = node(&[5, 2]);
    let heard = an_advert(PEER, START + ms(3), 0);
    let mut out = Vec::new();
    node.handle(ids[1], START + ms(3), Input::Advert(heard), &mut out);
    assert_eq!(node.due(START + ms(20), None), Some(ids[1]));
    assert!(node.handle(ids[1], START + ms(20), Input::Timeout, &mut out));
    let expected = [(ids[1], State::Rising), (ids[0], State::Backup)];
    assert_eq!(states(&node), expected, "by slot");
    assert_eq!(node.router(ids[0]).unwrap().state(), State::Backup);
}

#[test]
fn deadlines_come_one_by_one() {
    let (mut node, ids) = node(&[7, 0, 3]);
    let down = Duration::from_nanos(36_093_750);
    assert_eq!(node.deadline(), Some(START + down));
    assert_eq!(node.due(START, None), None);
    let late = START + down + ms(2);
    let mut order = Vec::new();
    let mut after = None;
    while let Some(due) = node.due(late, after) {
        node.handle(due, late, Input::Timeout, &mut Vec::new());
        order.push(due);
        after = Some(due);
    }
    assert_eq!(order, [ids[1], ids[2], ids[0]]);
    assert_eq!(node.due(late, None), None);
    assert_eq!(node.deadline(), Some(late + ms(10)));
    // The deadline is that of the new settings.
    let other = Settings {
        advert_interval: ms(5),
        ..settings()
    };
    assert!(node.reconfigure(ids[2], late, &other, 100, &mut Vec::new()));
    assert_eq!(node.deadline(), Some(late + ms(5)));
    assert_eq!(node.due(late + ms(5), None), Some(ids[2]));
}

#[test]
fn what_is_for_one_that_has_gone_is_for_nobody() {
    let (mut node, ids) = node(&[1]);
    let [gone] = ids[..] else { unreachable!() };
    let next = gone.next();
    let taken = node.insert(next, Router::new(settings()));
    assert!(taken.is_err(), "the slot is taken");
    assert!(node.remove(next).is_none());
    assert_eq!(node.remove(gone).unwrap().state(), State::Backup);
    assert!(node.remove(gone).is_none());
    assert_eq!(
        (node.deadline(), node.due(START + ms(99), None)),
        (None, None)
    );
    node.insert(next, Router::new(settings())).unwrap();
    let mut out = Vec::new();
    assert!(!node.handle(gone, START, LINK_UP, &mut out));
    assert!(!node.reconfigure(gone, START, &settings(), 7, &mut out));
    assert!(node.router(gone).is_none());
    assert_eq!(states(&node), [(next, State::Initialize)]);
    assert_eq!(out, []);
    assert!(node.handle(next, START, LINK_UP, &mut out));
}

#[test]
fn slots_that_are_not_there_are_nobodys() {
    let mut node = Node::new(2);
    let beyond = RouterId::first(2);
    let refused = node.insert(beyond, Router::new(settings()));
    let NoRoom(router) = refused.unwrap_err();
    assert_eq!(router.settings(), &settings());
    assert!(!node.handle(beyond, START, LINK_UP, &mut Vec::new()));
    assert!(node.router(beyond).is_none() && node.remove(beyond).is_none());
    assert_eq!(node.due(START, Some(RouterId::first(1))), None);
    assert_eq!(node.due(START, Some(beyond)), None);
}
