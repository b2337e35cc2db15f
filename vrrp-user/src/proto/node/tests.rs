use std::time::Duration;

use super::*;
use crate::proto::{
    State,
    tests::{OURS, PEER, START, an_advert, ms, settings},
};

const LINK_UP: Input = Input::LinkUp { primary: OURS };

fn place(id: RouterId) -> Box<Place<u32>> {
    Box::new(Place::new(id, Router::new(settings()), id.slot()))
}

/// Routers in these slots, started one after the other, a millisecond between them. With each is its slot.
fn node(slots: &[u16]) -> (Node<u32>, Vec<RouterId>) {
    let mut node = Node::new(8);
    let ids = Vec::from_iter(slots.iter().copied().map(RouterId::first));
    for (later, id) in (0..).zip(&ids) {
        node.insert(place(*id)).unwrap();
        assert!(node.handle(*id, START + ms(later), LINK_UP, &mut Vec::new()));
    }
    (node, ids)
}

fn states(node: &Node<u32>) -> Vec<(RouterId, State)> {
    node.iter()
        .map(|(id, router, _)| (id, router.state()))
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
fn each_router_has_its_companion() {
    let (mut node, ids) = node(&[5, 2]);
    assert!(node.iter().map(|(_, _, slot)| *slot).eq([2, 5]));
    *node.get_mut(ids[0]).unwrap().1 = 50;
    let companion = |node: &Node<u32>, id| node.get(id).map(|(_, companion)| *companion);
    assert_eq!(companion(&node, ids[0]), Some(50));
    assert_eq!(companion(&node, ids[1]), Some(2));
    assert_eq!(companion(&node, ids[1].next()), None);
    assert!(node.get_mut(ids[1].next()).is_none());
    let even = |companion: &u32| companion.is_multiple_of(2);
    assert_eq!(node.find(None, even), Some(ids[1]));
    assert_eq!(node.find(Some(ids[1]), even), Some(ids[0]));
    assert_eq!(node.find(Some(ids[0]), even), None);
}

#[test]
fn what_is_for_one_that_has_gone_is_for_nobody() {
    let (mut node, ids) = node(&[1]);
    let [gone] = ids[..] else { unreachable!() };
    let next = gone.next();
    let refused = node.insert(place(next)).unwrap_err();
    assert_eq!((refused.id(), node.tenant(1)), (next, Some(gone)));
    assert!(node.remove(next).is_none());
    assert_eq!(node.remove(gone).unwrap().id(), gone);
    assert!(node.remove(gone).is_none());
    assert_eq!(node.tenant(1), None);
    assert_eq!(
        (node.deadline(), node.due(START + ms(99), None)),
        (None, None)
    );
    node.insert(place(next)).unwrap();
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
    let refused = node.insert(place(beyond)).unwrap_err();
    assert_eq!((refused.id(), node.tenant(2)), (beyond, None));
    assert!(!node.handle(beyond, START, LINK_UP, &mut Vec::new()));
    assert!(node.router(beyond).is_none() && node.remove(beyond).is_none());
    assert_eq!(node.due(START, Some(RouterId::first(1))), None);
    assert_eq!(node.due(START, Some(beyond)), None);
}
