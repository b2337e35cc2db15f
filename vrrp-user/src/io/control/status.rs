//! What `xvrrp status` tells, as sent over the control socket.
//!
//! Times ending in `_ns` are nanoseconds of CLOCK_MONOTONIC, intervals end in `_us`. Fields are
//! only ever added, and what is added has a default: it is not in the answer of an older node that
//! still runs. `docs/status.md` describes all of them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use vrrp_ebpf::types::mac_text;

use super::{
    Interface,
    counters::Counts,
    datetime::date_and_time,
    ietf_vrrp::{Vrrp, VrrpInstance},
    scheduling::no_deadline_text,
    warnings::Warning,
    wording,
};
use crate::{
    config::Instance,
    io::{
        clock,
        engine::{
            RouterSnapshot, Timeline,
            message::Lapse,
            realtime::{Policy, Scheduling},
        },
    },
    proto::{Cause, FaultReason, Instant, State, Transition, Version},
};

/// Transitions that are remembered per virtual router.
const HISTORY: usize = 16;

/// The answer to `{"method":"status"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of xvrrp.
    pub version: String,
    /// Name of this node on its machine.
    pub instance: String,
    /// Process ID.
    pub pid: u32,
    /// When this was put together.
    pub now_ns: u64,
    /// Events of the engine that did not reach the control plane: log lines and notifications are
    /// missing if this is not 0.
    pub events_lost: u64,
    /// Log lines that were left out, because whoever reads the log did not keep up.
    #[serde(default)]
    pub log_lines_lost: u64,
    /// What the threads with deadlines run under.
    #[serde(default)]
    pub threads: Vec<ThreadStatus>,
    /// Counters of the BPF programs that belong to no virtual router.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// The node in the words of RFC 8347.
    #[serde(rename = "ietf-vrrp:vrrp", default)]
    pub ietf_vrrp: Vrrp,
    /// Every virtual router, in the order of the configuration.
    pub routers: Vec<RouterStatus>,
}

/// One of the threads with deadlines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadStatus {
    /// `engine` or `addresses`.
    pub name: String,
    /// `SCHED_DEADLINE`, `SCHED_FIFO` or `SCHED_OTHER`.
    pub policy: String,
    /// Of SCHED_FIFO.
    pub priority: Option<u8>,
    /// Of SCHED_DEADLINE: CPU time that it is sure of in each period.
    pub runtime_us: Option<u64>,
    /// Of SCHED_DEADLINE.
    pub period_us: Option<u64>,
    /// Why it is not SCHED_DEADLINE, if that was asked for.
    pub refused: Option<String>,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStatus {
    /// Name of the `vrrp_instance`.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// What its interface is called since it was renamed.
    #[serde(default)]
    pub renamed_to: Option<String>,
    /// Virtual Router ID.
    pub vrid: u8,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// `INIT`, `FAULT`, `BACKUP`, `RISING`, `MASTER` or `RETIRING`.
    pub state: String,
    /// What keeps the router from working; null unless it is in `FAULT`.
    #[serde(default)]
    pub fault: Option<FaultStatus>,
    /// What is wrong although it works.
    #[serde(default)]
    pub warnings: Vec<WarningStatus>,
    /// When that state was entered.
    pub since_ns: u64,
    /// Our priority.
    pub priority: u8,
    /// Address of the Active router, ours if it is us; null if none is known.
    pub active: Option<IpAddr>,
    /// Priority of the Active router's last advert.
    pub active_priority: Option<u8>,
    /// Advertisement interval in use: the Active's.
    pub advert_interval_us: u64,
    /// Skew_Time.
    pub skew_us: u64,
    /// Active_Down_Interval.
    pub down_us: u64,
    /// When the engine acts next if nothing happens.
    pub deadline_ns: Option<u64>,
    /// End of the lease under which we serve; null without one.
    pub lease_ns: Option<u64>,
    /// Why the last advert did not leave; null if it did.
    #[serde(default)]
    pub send_error: Option<String>,
    /// The last time in which another router served, because our lease had ended.
    #[serde(default)]
    pub lapse: Option<LapseStatus>,
    /// Virtual IPs with prefix lengths.
    pub vips: Vec<String>,
    /// Those of them that the router ought to have on their interfaces now, and has not.
    #[serde(default)]
    pub missing_vips: Vec<MissingVip>,
    /// Virtual IPs that nobody serves: the Active that we follow does not have them.
    #[serde(default)]
    pub unserved: Vec<IpAddr>,
    /// Virtual Router MAC, if it is used.
    pub virtual_mac: Option<String>,
    /// The interface receives every frame, because it takes no MAC beside its own.
    #[serde(default)]
    pub promiscuous: bool,
    /// Counters of the BPF programs.
    pub counters: BTreeMap<String, u64>,
    /// What judges received frames: XDP in the driver (`native+frags`, `native`), or `tc`.
    pub xdp_mode: String,
    /// Why it is `tc`; null if it is not.
    #[serde(default)]
    pub xdp_mode_reason: Option<String>,
    /// Whether adverts are judged with their VLAN tag, or may have lost it before (`visible`, `hidden`).
    #[serde(default)]
    pub vlan_tags: Option<String>,
    /// Adverts sent, those with priority 0 included.
    pub adverts_sent: u64,
    /// Adverts sent with priority 0.
    pub priority_zero_sent: u64,
    /// How often this router became Master.
    pub became_master: u64,
    /// Longest time from the arrival of an advert to its processing.
    pub worst_lag_us: u64,
    /// The last 16 state changes, oldest first.
    pub transitions: Vec<TransitionStatus>,
    /// Moments of the last promotion.
    pub timeline: Option<TimelineStatus>,
    /// The same and more in the words of RFC 8347.
    #[serde(rename = "ietf-vrrp:vrrp-instance", default)]
    pub ietf_vrrp: VrrpInstance,
}

/// What keeps a virtual router from working.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultStatus {
    /// A word for it, `link_down` or `no_address` for example.
    pub reason: String,
    /// The interface that it is about.
    pub interface: Option<String>,
    /// The address that it is about.
    pub address: Option<IpAddr>,
    /// The same for people.
    pub text: String,
}

impl FaultStatus {
    fn new(instance: &Instance, reason: FaultReason) -> Self {
        let vip = |vip: u32| instance.vips.get(vip as usize).map(|vip| vip.address);
        let own = || Some(instance.interface.clone());
        let (interface, address) = match reason {
            FaultReason::VipInterface { vip: index } | FaultReason::VipRefused { vip: index } => (
                Some(wording::interface(instance, index).to_owned()),
                vip(index),
            ),
            FaultReason::NoSource => (None, instance.source),
            FaultReason::NoPeer => (None, None),
            FaultReason::LinkDown
            | FaultReason::Deleted
            | FaultReason::Recreated
            | FaultReason::NoMac
            | FaultReason::NoAddress
            | FaultReason::NoRoom { .. } => (own(), None),
        };
        Self {
            reason: fault_name(reason).to_owned(),
            interface,
            address,
            text: wording::fault_text(instance, reason),
        }
    }
}

/// A virtual IP that is not where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingVip {
    /// The virtual IP.
    pub address: IpAddr,
    /// The interface that it belongs to.
    pub interface: String,
    /// What the kernel said when it was last to be put there, if it refused.
    pub reason: Option<String>,
}

/// What is wrong with a virtual router although it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningStatus {
    /// A word for it, `own_peer` for example.
    pub warning: String,
    /// The same for people.
    pub text: String,
}

/// A time in which a Master did not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LapseStatus {
    /// When its lease ended.
    pub began_ns: u64,
    /// When it learned that another router was the Active.
    pub ended_ns: u64,
    /// Address of that router, if it is known.
    pub active: Option<IpAddr>,
}

/// One state change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionStatus {
    /// When it was decided.
    pub at_ns: u64,
    /// State left.
    pub from: String,
    /// State entered.
    pub to: String,
    /// Why: `startup`, `owner`, `active_down`, `priority_zero`, `preempt`, `better_advert`,
    /// `link_up`, `shutdown`, `drained`, or the reason of a FAULT as in [`FaultStatus`].
    pub cause: String,
    /// The deadline whose passing decided it, or `at_ns`.
    pub deadline_ns: u64,
    /// Arrival of the last advert before it.
    pub last_advert_ns: Option<u64>,
}

/// Moments of a promotion, in the order in which they happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineStatus {
    /// Arrival of the last advert before it.
    pub last_advert_ns: Option<u64>,
    /// The deadline that fired.
    pub deadline_ns: u64,
    /// The engine had woken up.
    pub decided_ns: u64,
    /// The ownership word was written.
    pub owned_ns: u64,
    /// The first advert had been sent.
    pub advert_ns: u64,
    /// The first announcement had been sent.
    pub announced_ns: u64,
    /// The kernel had every virtual IP.
    pub ready_ns: u64,
}

/// What the control plane remembers about one virtual router.
#[derive(Debug, Default)]
pub(super) struct Record {
    history: VecDeque<Transition>,
    timeline: Option<Timeline>,
    snapshot: RouterSnapshot,
    /// What the engine was last told to keep the router from working.
    fault: Option<FaultReason>,
    /// errno of the last refusal, by virtual IP.
    refusals: BTreeMap<u32, i32>,
    /// What is wrong although it works, as far as the engine does not tell.
    warnings: BTreeSet<Warning>,
    /// The last time in which another router served instead of a Master.
    lapse: Option<Lapse>,
    /// The date of the snapshot's `up_since`. Worked out once, or it would differ from one answer to
    /// the next.
    up: Option<String>,
}

impl Record {
    pub(super) fn remember(&mut self, transition: Transition) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(transition);
    }

    pub(super) fn take_snapshot(&mut self, snapshot: RouterSnapshot) {
        let up_since = snapshot.history.up_since;
        if up_since != self.snapshot.history.up_since {
            self.up = up_since.map(|moment| date_and_time(clock::wall(moment)));
        }
        self.snapshot = snapshot;
    }

    /// Takes note of what keeps the router from working; returns what did before.
    pub(super) fn faulted(&mut self, reason: Option<FaultReason>) -> Option<FaultReason> {
        std::mem::replace(&mut self.fault, reason)
    }

    /// The kernel has refused a virtual IP.
    pub(super) fn refused(&mut self, vip: u32, errno: i32) {
        self.refusals.insert(vip, errno);
    }

    /// Forgets the refusal of what it has taken since.
    pub(super) fn accepted(&mut self, has_vip: impl Fn(u32) -> bool) {
        self.refusals.retain(|vip, _| !has_vip(*vip));
    }

    /// The virtual IPs that a router that serves does not have where they belong.
    fn missing(&self, instance: &Instance, is_missing: impl Fn(u32) -> bool) -> Vec<MissingVip> {
        if self.snapshot.state != State::Active {
            return Vec::new();
        }
        let vips = (0..).zip(&instance.vips);
        let missing = vips.filter(|(number, _)| is_missing(*number));
        missing
            .map(|(number, vip)| MissingVip {
                address: vip.address,
                interface: wording::interface(instance, number).to_owned(),
                reason: self
                    .refusals
                    .get(&number)
                    .map(|errno| wording::refusal(instance, number, *errno)),
            })
            .collect()
    }

    /// Another router has served instead of a Master.
    pub(super) fn lapsed(&mut self, lapse: Lapse) {
        self.lapse = Some(lapse);
    }

    /// Takes note of what is wrong although the router works, or is no longer.
    pub(super) fn warned(&mut self, warning: Warning, begins: bool) {
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

    pub(super) fn promoted(&mut self, timeline: Timeline) {
        self.timeline = Some(timeline);
    }

    /// State after the last transition.
    pub(super) fn state(&self) -> State {
        self.history
            .back()
            .map_or(State::Initialize, |last| last.to)
    }

    /// `interface` is where its adverts leave, `is_missing` tells of a virtual IP that the kernel does not have
    /// it, `discontinuity` when the counters began at 0.
    pub(super) fn status(
        &self,
        instance: &Instance,
        counts: &Counts,
        interface: Option<&Interface>,
        is_missing: impl Fn(u32) -> bool,
        discontinuity: &str,
    ) -> RouterStatus {
        let RouterSnapshot {
            state,
            since,
            active,
            active_priority,
            active_interval_ns,
            skew_ns,
            down_ns,
            deadline,
            adverts_sent,
            priority_zero_sent,
            became_active,
            ownership,
            send_errno,
            worst_lag_ns,
            other_owner: _,
            now: _,
            history: _,
        } = self.snapshot;
        let reception = interface.map(|one| &one.reception);
        let serving = matches!(state, State::Active | State::Retiring);
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
            fault: self
                .fault
                .filter(|_| state == State::Fault)
                .map(|reason| FaultStatus::new(instance, reason)),
            warnings: self.warnings(instance),
            since_ns: since.0,
            priority: instance.settings.priority,
            active,
            active_priority,
            advert_interval_us: active_interval_ns / 1000,
            skew_us: skew_ns / 1000,
            down_us: down_ns / 1000,
            deadline_ns: deadline.map(|deadline| deadline.0),
            lease_ns: serving.then(|| ownership.expiry()),
            send_error: send_errno
                .map(|errno| std::io::Error::from_raw_os_error(errno).to_string()),
            lapse: self.lapse.map(|lapse| LapseStatus {
                began_ns: lapse.began.0,
                ended_ns: lapse.ended.0,
                active: lapse.active,
            }),
            vips: instance
                .vips
                .iter()
                .map(|vip| format!("{}/{}", vip.address, vip.prefix))
                .collect(),
            missing_vips: self.missing(instance, is_missing),
            unserved: Vec::new(),
            virtual_mac: instance.virtual_mac().map(mac_text),
            promiscuous: interface.is_some_and(|one| one.promiscuous),
            counters: counts.by_name(),
            xdp_mode: reception.map_or_else(|| "none".to_owned(), |one| one.mode.to_string()),
            xdp_mode_reason: reception.and_then(|one| one.reason.clone()),
            vlan_tags: reception.map(|one| one.vlan_tags.word().to_owned()),
            adverts_sent,
            priority_zero_sent,
            became_master: became_active,
            worst_lag_us: worst_lag_ns / 1000,
            transitions: self.history.iter().map(TransitionStatus::from).collect(),
            timeline: self.timeline.as_ref().map(TimelineStatus::from),
            ietf_vrrp: VrrpInstance::new(
                instance,
                &self.snapshot,
                counts,
                self.up.clone(),
                discontinuity,
            ),
        }
    }
}

impl From<&Scheduling> for ThreadStatus {
    fn from(scheduling: &Scheduling) -> Self {
        let micros = |span: Duration| u64::try_from(span.as_micros()).ok();
        let (policy, priority, budget) = match scheduling.policy {
            Policy::Deadline(budget) => ("SCHED_DEADLINE", None, Some(budget)),
            Policy::Fifo(priority) => ("SCHED_FIFO", Some(priority), None),
            Policy::Other => ("SCHED_OTHER", None, None),
        };
        Self {
            name: scheduling.thread.name().to_owned(),
            policy: policy.to_owned(),
            priority,
            runtime_us: budget.and_then(|budget| micros(budget.runtime)),
            period_us: budget.and_then(|budget| micros(budget.period)),
            refused: scheduling.no_deadline.map(no_deadline_text),
        }
    }
}

impl From<&Transition> for TransitionStatus {
    fn from(transition: &Transition) -> Self {
        Self {
            at_ns: transition.at.0,
            from: state_name(transition.from).to_owned(),
            to: state_name(transition.to).to_owned(),
            cause: cause_name(transition.cause).to_owned(),
            deadline_ns: transition.deadline.0,
            last_advert_ns: nanoseconds(transition.last_advert),
        }
    }
}

impl From<&Timeline> for TimelineStatus {
    fn from(timeline: &Timeline) -> Self {
        Self {
            last_advert_ns: nanoseconds(timeline.last_advert),
            deadline_ns: timeline.deadline.0,
            decided_ns: timeline.decided.0,
            owned_ns: timeline.owned.0,
            advert_ns: timeline.advert.0,
            announced_ns: timeline.announced.0,
            ready_ns: timeline.ready.0,
        }
    }
}

fn nanoseconds(instant: Option<Instant>) -> Option<u64> {
    instant.map(|instant| instant.0)
}

/// keepalived's word for a state, and ours for the two that it does not have.
pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Initialize => "INIT",
        State::Fault => "FAULT",
        State::Backup => "BACKUP",
        State::Rising => "RISING",
        State::Active => "MASTER",
        State::Retiring => "RETIRING",
    }
}

fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Startup => "startup",
        Cause::Owner => "owner",
        Cause::ActiveDown => "active_down",
        Cause::PriorityZero => "priority_zero",
        Cause::Preempt => "preempt",
        Cause::BetterAdvert => "better_advert",
        Cause::Fault(reason) => fault_name(reason),
        Cause::LinkUp => "link_up",
        Cause::Shutdown => "shutdown",
        Cause::Drained => "drained",
    }
}

fn fault_name(reason: FaultReason) -> &'static str {
    match reason {
        FaultReason::LinkDown => "link_down",
        FaultReason::Deleted => "interface_deleted",
        FaultReason::Recreated => "interface_recreated",
        FaultReason::NoMac => "no_ethernet_address",
        FaultReason::NoAddress => "no_address",
        FaultReason::NoSource => "no_source_address",
        FaultReason::VipInterface { .. } => "vip_interface_down",
        FaultReason::VipRefused { .. } => "vip_refused",
        FaultReason::NoPeer => "no_unicast_peer",
        FaultReason::NoRoom { .. } => "mtu_too_small",
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
