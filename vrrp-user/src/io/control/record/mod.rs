//! What the control plane remembers about one virtual router, and the status that is made of it.

pub(super) mod ietf_vrrp;
mod parts;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vrrp_ebpf::types::mac_text;

use super::{Interface, datetime::date_and_time, warnings::Warning, wording};
use crate::{
    config::Instance,
    ids::VipId,
    io::{
        bpf::counters::Counts,
        clock,
        engine::{RouterSnapshot, Timeline, message::Lapse},
    },
    plan::DesiredRouter,
    proto::{FaultReason, Reasons, State, Transition, Version},
    status::{
        LapseStatus, MissingVip, RouterStatus, TimelineStatus, TransitionStatus, WarningStatus,
    },
};

use parts::micros;
pub(super) use words::state_name;

/// Transitions that are remembered per virtual router.
const HISTORY: usize = 16;

/// What the control plane remembers about one virtual router.
#[derive(Debug, Default)]
pub(in crate::io::control) struct Record {
    history: VecDeque<Transition>,
    timeline: Option<Timeline>,
    snapshot: RouterSnapshot,
    /// What the engine was last told to keep the router from working.
    faults: Reasons,
    /// errno of the last refusal, by virtual IP.
    refusals: BTreeMap<VipId, i32>,
    /// What is wrong although it works, as far as the engine does not tell.
    warnings: BTreeSet<Warning>,
    /// The last time in which another router served instead of a Master.
    lapse: Option<Lapse>,
    /// The date of the snapshot's `up_since`. Worked out once, or it would differ from one answer to
    /// the next.
    up: Option<String>,
}

impl Record {
    pub(in crate::io::control) fn remember(&mut self, transition: Transition) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(transition);
    }

    pub(in crate::io::control) fn take_snapshot(&mut self, snapshot: RouterSnapshot) {
        let up_since = snapshot.history.up_since;
        if up_since != self.snapshot.history.up_since {
            self.up = up_since.map(|moment| date_and_time(clock::wall(moment)));
        }
        self.snapshot = snapshot;
    }

    /// Takes note of what keeps the router from working; returns what did before.
    pub(in crate::io::control) fn faulted(&mut self, reasons: Reasons) -> Reasons {
        std::mem::replace(&mut self.faults, reasons)
    }

    /// What keeps the router from working.
    pub(in crate::io::control) fn fault(&self) -> Option<FaultReason> {
        self.faults.first()
    }

    /// The kernel has refused a virtual IP.
    pub(in crate::io::control) fn refused(&mut self, vip: VipId, errno: i32) {
        self.refusals.insert(vip, errno);
    }

    /// Forgets the refusal of what it has taken since.
    pub(in crate::io::control) fn accepted(&mut self, has_vip: impl Fn(VipId) -> bool) {
        self.refusals.retain(|vip, _| !has_vip(*vip));
    }

    /// The virtual IPs that a router that serves does not have where they belong.
    fn missing(
        &self,
        router: &DesiredRouter,
        is_missing: impl Fn(VipId) -> bool,
    ) -> Vec<MissingVip> {
        if self.snapshot.state != State::Active {
            return Vec::new();
        }
        let missing = router.vips.iter().filter(|placed| is_missing(placed.id));
        missing
            .map(|placed| MissingVip {
                address: placed.vip.address,
                interface: wording::interface(router, placed.id).to_owned(),
                reason: self
                    .refusals
                    .get(&placed.id)
                    .map(|errno| wording::refusal(router, placed.id, *errno)),
            })
            .collect()
    }

    /// A Master has not served for some time.
    pub(in crate::io::control) fn lapsed(&mut self, lapse: Lapse) {
        self.lapse = Some(lapse);
    }

    /// Takes note of what is wrong although the router works, or is no longer.
    pub(in crate::io::control) fn warned(&mut self, warning: Warning, begins: bool) {
        if begins {
            self.warnings.insert(warning);
        } else {
            self.warnings.remove(&warning);
        }
    }

    fn warnings(&self, instance: &Instance) -> Vec<WarningStatus> {
        let owners = self
            .snapshot
            .other_owner
            .map(|other| Warning::TwoOwners { other });
        let all = self.warnings.iter().copied().chain(owners);
        all.map(|warning| WarningStatus {
            warning: warning.name().to_owned(),
            text: warning.text(instance),
        })
        .collect()
    }

    pub(in crate::io::control) fn promoted(&mut self, timeline: Timeline) {
        self.timeline = Some(timeline);
    }

    /// State after the last transition.
    pub(in crate::io::control) fn state(&self) -> State {
        self.history
            .back()
            .map_or(State::Initialize, |last| last.to)
    }

    /// `interface` is where its adverts leave, `is_missing` tells of a virtual IP that the kernel does not have
    /// it, `discontinuity` when the counters began at 0.
    pub(in crate::io::control) fn status(
        &self,
        router: &DesiredRouter,
        counts: &Counts,
        interface: Option<&Interface>,
        is_missing: impl Fn(VipId) -> bool,
        discontinuity: &str,
    ) -> RouterStatus {
        let RouterSnapshot {
            state,
            since,
            active,
            active_priority,
            intervals,
            deadline,
            ownership,
            send_errno,
            stats,
            other_owner: _,
            now: _,
            history: _,
        } = self.snapshot;
        let instance = &router.instance;
        let reception = interface.map(|one| &one.reception);
        let serving = matches!(state, State::Active | State::Retiring);
        let faults = self.faults.iter().filter(|_| state == State::Fault);
        let faults = Vec::from_iter(faults.map(|reason| parts::fault(router, reason)));
        RouterStatus {
            name: instance.name.clone(),
            interface: instance.interface.clone(),
            renamed_to: interface.and_then(|one| one.renamed_to.clone()),
            vrid: instance.settings.vrid,
            version: match instance.settings.version {
                Version::V2 => 2,
                Version::V3 => 3,
            },
            state: state_name(state).to_owned(),
            fault: faults.first().cloned(),
            faults,
            warnings: self.warnings(instance),
            since_ns: since.0,
            priority: instance.settings.priority,
            active,
            active_priority,
            advert_interval_us: micros(intervals.active_adver()),
            skew_us: micros(intervals.skew()),
            down_us: micros(intervals.active_down()),
            deadline_ns: deadline.map(|deadline| deadline.0),
            lease_ns: serving.then(|| ownership.expiry()),
            send_error: send_errno
                .map(|errno| std::io::Error::from_raw_os_error(errno).to_string()),
            lapse: self.lapse.as_ref().map(LapseStatus::from),
            vips: instance
                .vips
                .iter()
                .map(|vip| format!("{}/{}", vip.address, vip.prefix))
                .collect(),
            missing_vips: self.missing(router, is_missing),
            unserved: Vec::new(),
            virtual_mac: instance.virtual_mac().map(mac_text),
            promiscuous: interface.is_some_and(|one| one.promiscuous),
            counters: counts.by_name(),
            xdp_mode: reception.map_or_else(|| "none".to_owned(), |one| one.mode.to_string()),
            xdp_mode_reason: reception.and_then(|one| one.reason.clone()),
            vlan_tags: reception.map(|one| one.vlan_tags.word().to_owned()),
            adverts_sent: stats.adverts_sent,
            priority_zero_sent: stats.priority_zero_sent,
            became_master: stats.became_active,
            worst_lag_us: stats.worst_lag_ns / 1000,
            transitions: self.history.iter().map(TransitionStatus::from).collect(),
            timeline: self.timeline.as_ref().map(TimelineStatus::from),
            ietf_vrrp: ietf_vrrp::instance(
                instance,
                &self.snapshot,
                counts,
                self.up.clone(),
                discontinuity,
            ),
        }
    }
}

#[cfg(test)]
mod tests;
