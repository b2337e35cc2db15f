//! What a node says about a virtual router.

use std::net::IpAddr;

use serde_json::Value;

/// One virtual router in `xvrrp status --json`.
#[derive(Debug)]
pub(crate) struct RouterStatus(pub(super) Value);

impl RouterStatus {
    /// One of its fields, of whatever kind.
    pub(crate) fn field(&self, field: &str) -> &Value {
        &self.0[field]
    }

    /// A number among its fields.
    #[track_caller]
    pub(crate) fn number(&self, field: &str) -> u64 {
        self.0[field]
            .as_u64()
            .unwrap_or_else(|| panic!("no number {field} in {}", self.0))
    }

    /// A moment of the last promotion.
    #[track_caller]
    pub(crate) fn timeline(&self, moment: &str) -> u64 {
        self.0["timeline"][moment]
            .as_u64()
            .unwrap_or_else(|| panic!("no {moment} in {}", self.0))
    }

    /// A text among its fields.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field]
            .as_str()
            .unwrap_or_else(|| panic!("no text {field} in {}", self.0))
    }

    /// An object among its fields, or null.
    pub(crate) fn object(&self, field: &str) -> Value {
        self.0[field].clone()
    }

    /// A counter of the BPF programs.
    #[track_caller]
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.0["counters"][name]
            .as_u64()
            .unwrap_or_else(|| panic!("no counter {name} in {}", self.0))
    }

    /// The words for what is wrong although it works.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        let all = self.0["warnings"].as_array().into_iter().flatten();
        all.map(|one| text(&one["warning"])).collect()
    }

    /// When another router served although this one was Active: begin and end.
    #[track_caller]
    pub(crate) fn lapse(&self, other: impl Into<IpAddr>) -> (u64, u64) {
        let lapse = &self.0["lapse"];
        assert_eq!(text(&lapse["active"]), other.into().to_string(), "{lapse}");
        assert_eq!(lapse["unserved"], false, "{lapse}");
        self.lapse_moments()
    }

    /// When nobody served although this one was Active: begin and end.
    #[track_caller]
    pub(crate) fn lapse_of_all(&self) -> (u64, u64) {
        let lapse = &self.0["lapse"];
        assert_eq!(lapse["unserved"], true, "{lapse}");
        assert_eq!(lapse["active"], Value::Null, "{lapse}");
        self.lapse_moments()
    }

    #[track_caller]
    fn lapse_moments(&self) -> (u64, u64) {
        let lapse = &self.0["lapse"];
        let moment = |name: &str| {
            lapse[name]
                .as_u64()
                .unwrap_or_else(|| panic!("no {name} in {lapse}"))
        };
        (moment("began_ns"), moment("ended_ns"))
    }

    /// A leaf of RFC 8347, by its path below `vrrp-instance`: `state`, `statistics/interval-errors`;
    /// null without it.
    pub(crate) fn ietf(&self, leaf: &str) -> &Value {
        let instance = &self.0["ietf-vrrp:vrrp-instance"];
        leaf.split('/').fold(instance, |value, name| &value[name])
    }

    /// What keeps it from working: reason, interface, address; empty what there is not.
    pub(crate) fn fault(&self) -> [&str; 3] {
        ["reason", "interface", "address"].map(|name| text(&self.0["fault"][name]))
    }

    /// The state changes so far, as `FROM>TO`.
    pub(crate) fn transitions(&self) -> Vec<String> {
        let transitions = self.0["transitions"].as_array();
        transitions
            .into_iter()
            .flatten()
            .map(|one| format!("{}>{}", text(&one["from"]), text(&one["to"])))
            .collect()
    }

    /// When they were decided.
    pub(crate) fn transition_moments(&self) -> Vec<u64> {
        let transitions = self.0["transitions"].as_array();
        let moments = transitions.into_iter().flatten();
        moments.filter_map(|one| one["at_ns"].as_u64()).collect()
    }

    /// Why the last of them was.
    pub(crate) fn last_cause(&self) -> &str {
        let last = self.0["transitions"].as_array().and_then(|all| all.last());
        last.map_or("", |last| text(&last["cause"]))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
