use serde_json::Value;

use super::*;

/// An answer in which nothing is left out: one line, as it goes over the control socket.
const FULL: &str = include_str!("full.json");

#[test]
fn an_answer_keeps_its_names_and_their_order() {
    let status: Status = serde_json::from_str(FULL).unwrap();
    let again = serde_json::to_string(&status).unwrap();
    assert_eq!(again, FULL.trim_end());
}

#[test]
fn what_an_older_node_does_not_say_has_a_default() {
    let status: Status = serde_json::from_str(OLDER_NODE).unwrap();
    assert_eq!(status.ietf_vrrp, Vrrp::default());
    assert!(status.counters.is_empty());
    let [router] = &status.routers[..] else {
        panic!("{status:?}");
    };
    assert_eq!(router.state, "MASTER");
    assert_eq!(router.counters["advert_accepted"], 12);
    assert_eq!(router.ietf_vrrp, VrrpInstance::default());
}

#[test]
fn an_answer_without_its_routers_is_none() {
    let mut status: Value = serde_json::from_str(FULL).unwrap();
    status.as_object_mut().unwrap().remove("routers");
    let error = serde_json::from_value::<Status>(status).unwrap_err();
    assert_eq!(error.to_string(), "missing field `routers`");
}
