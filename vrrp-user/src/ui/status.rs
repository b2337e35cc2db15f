//! `xvrrp status` for people.

use std::fmt::Write as _;

use vrrp_ebpf::abi::Counter;

use crate::status::{
    LapseStatus, RouterStatus, Status, ThreadStatus, TimelineStatus, TransitionStatus,
};

/// The status as text, several lines per virtual router.
#[must_use]
pub fn render(status: &Status) -> String {
    let mut text = format!(
        "xvrrp {} instance {} (process {})\n",
        status.version, status.instance, status.pid
    );
    for thread in &status.threads {
        line(&mut text, &thread.name, &thread_text(thread));
    }
    if status.events_lost > 0 {
        line(
            &mut text,
            "",
            &format!("{} events of the engine were lost", status.events_lost),
        );
    }
    if status.log_lines_lost > 0 {
        line(
            &mut text,
            "",
            &format!(
                "{} log lines were lost, nobody read them",
                status.log_lines_lost
            ),
        );
    }
    let unknown = status.ietf_vrrp.statistics.vrid_errors;
    if unknown > 0 {
        line(
            &mut text,
            "",
            &format!("{unknown} adverts with a VRID that nobody here has"),
        );
    }
    let redirects = status.counters.get(Counter::EgressRedirect.name());
    if let Some(count) = redirects.filter(|count| **count > 0) {
        line(&mut text, "", &format!("{count} ICMP redirects held back"));
    }
    for router in &status.routers {
        text.push('\n');
        text.push_str(&router_text(router, status.now_ns));
    }
    text
}

fn thread_text(thread: &ThreadStatus) -> String {
    let mut text = thread.policy.clone();
    if let Some(priority) = thread.priority {
        text += &format!(", priority {priority}");
    }
    if let (Some(runtime), Some(period)) = (thread.runtime_us, thread.period_us) {
        text += &format!(", {} of every {}", span_us(runtime), span_us(period));
    }
    if let Some(refused) = &thread.refused {
        text += &format!("; {refused}");
    }
    text
}

fn router_text(router: &RouterStatus, now_ns: u64) -> String {
    let mut text = format!(
        "{}: {} for {}\n",
        router.name,
        router.state,
        ago(now_ns, router.since_ns)
    );
    let mut row = |name: &str, value: String| line(&mut text, name, &value);
    // An older node tells one alone.
    let faults = if router.faults.is_empty() {
        router.fault.as_slice()
    } else {
        &router.faults
    };
    for (position, fault) in faults.iter().enumerate() {
        let name = if position == 0 { "fault" } else { "" };
        row(name, fault.text.clone());
    }
    let renamed = router.renamed_to.as_ref();
    let renamed = renamed.map_or_else(String::new, |now| format!(" (called {now} now)"));
    for (position, warning) in router.warnings.iter().enumerate() {
        let name = if position == 0 { "warnings" } else { "" };
        row(name, warning.text.clone());
    }
    row(
        "interface",
        format!(
            "{}{renamed}, VRID {}, VRRPv{}, {}",
            router.interface,
            router.vrid,
            router.version,
            reception(router)
        ),
    );
    row("priority", router.priority.to_string());
    row("master", active(router));
    row(
        "timers",
        format!(
            "advert {}, skew {}, master down {}",
            span_us(router.advert_interval_us),
            span_us(router.skew_us),
            span_us(router.down_us)
        ),
    );
    if let Some(deadline) = router.deadline_ns {
        row(
            "next timer",
            format!("in {}", span(deadline.saturating_sub(now_ns))),
        );
    }
    if let Some(error) = &router.send_error {
        let ended = router.state == "MASTER" && router.lease_ns.is_some_and(|end| end < now_ns);
        let consequence = if ended {
            ": MASTER, but it serves nobody, and a standby may"
        } else {
            ""
        };
        row("adverts fail", format!("{error}{consequence}"));
    }
    if let Some(lease) = router.lease_ns {
        row("lease", lease_text(lease, now_ns));
    }
    if let Some(lapse) = &router.lapse {
        row("did not serve", lapse_text(lapse, now_ns));
    }
    row("virtual IPs", router.vips.join(", "));
    for missing in &router.missing_vips {
        let reason = missing.reason.as_deref().unwrap_or("not there yet");
        let text = format!("{} not on {}: {reason}", missing.address, missing.interface);
        row("missing", text);
    }
    if !router.unserved.is_empty() {
        let unserved = router.unserved.iter().map(ToString::to_string);
        let unserved = unserved.collect::<Vec<_>>().join(", ");
        row(
            "NOT SERVED",
            format!("{unserved}: by nobody, the master has other virtual IPs"),
        );
    }
    if let Some(mac) = &router.virtual_mac {
        let everything = if router.promiscuous {
            ", the interface is promiscuous for it"
        } else {
            ""
        };
        row("virtual MAC", format!("{mac}{everything}"));
    }
    row(
        "adverts sent",
        format!(
            "{} ({} with priority 0)",
            router.adverts_sent, router.priority_zero_sent
        ),
    );
    row("became master", router.became_master.to_string());
    row("worst lag", span_us(router.worst_lag_us));
    let counters = router.counters.iter().filter(|(_, value)| **value != 0);
    for (position, (name, value)) in counters.enumerate() {
        row(
            if position == 0 { "counters" } else { "" },
            format!("{name} {value}"),
        );
    }
    for (position, transition) in router.transitions.iter().rev().enumerate() {
        let name = if position == 0 { "transitions" } else { "" };
        row(name, transition_text(transition, now_ns));
    }
    if let Some(timeline) = &router.timeline {
        row("last promotion", timeline_text(timeline));
    }
    text
}

/// What judges received frames.
fn reception(router: &RouterStatus) -> String {
    let tags = match router.vlan_tags.as_deref() {
        Some("hidden") => ", VLAN tags hidden",
        _ => "",
    };
    match &router.xdp_mode_reason {
        Some(reason) => format!("{} instead of XDP: {reason}{tags}", router.xdp_mode),
        None => format!("XDP {}{tags}", router.xdp_mode),
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String does not fail.
    let written = writeln!(text, "  {name:<14} {value}");
    debug_assert!(written.is_ok());
}

fn active(router: &RouterStatus) -> String {
    match (router.active, router.active_priority) {
        _ if matches!(router.state.as_str(), "MASTER" | "RETIRING") => "this node".to_owned(),
        (Some(address), Some(priority)) => format!("{address}, priority {priority}"),
        (Some(address), None) => address.to_string(),
        (None, _) => "unknown".to_owned(),
    }
}

fn lapse_text(lapse: &LapseStatus, now_ns: u64) -> String {
    let server = match lapse.active {
        Some(other) => other.to_string(),
        None if lapse.unserved => "nobody".to_owned(),
        None => "another router".to_owned(),
    };
    format!(
        "for {} until {} ago: its lease had ended, and {server} served",
        span(lapse.ended_ns.saturating_sub(lapse.began_ns)),
        ago(now_ns, lapse.ended_ns)
    )
}

fn lease_text(lease_ns: u64, now_ns: u64) -> String {
    // Centuries: `lease off` is written as the largest time there is.
    const OFF_NS: u64 = 1 << 57;
    match lease_ns.checked_sub(now_ns) {
        Some(left) if left >= OFF_NS => "off".to_owned(),
        Some(left) => format!("ends in {}", span(left)),
        None => format!("ended {} ago", span(now_ns - lease_ns)),
    }
}

fn transition_text(transition: &TransitionStatus, now_ns: u64) -> String {
    let mut text = format!(
        "{} ago: {} -> {}, {}",
        ago(now_ns, transition.at_ns),
        transition.from,
        transition.to,
        transition.cause
    );
    let moments = [
        ("last advert", transition.last_advert_ns),
        ("deadline", Some(transition.deadline_ns)),
    ];
    for (name, moment) in moments {
        if let Some(moment) = moment
            && moment != transition.at_ns
        {
            let written = write!(text, ", {name} {}", microseconds(moment, transition.at_ns));
            debug_assert!(written.is_ok());
        }
    }
    text
}

/// Every moment relative to the deadline.
fn timeline_text(timeline: &TimelineStatus) -> String {
    let moments = [
        ("last advert", timeline.last_advert_ns),
        ("decided", Some(timeline.decided_ns)),
        ("owned", Some(timeline.owned_ns)),
        ("advert", Some(timeline.advert_ns)),
        ("announced", Some(timeline.announced_ns)),
        ("ready", Some(timeline.ready_ns)),
    ];
    let relative = moments.into_iter().filter_map(|(name, moment)| {
        Some(format!(
            "{name} {}",
            microseconds(moment?, timeline.deadline_ns)
        ))
    });
    format!(
        "{} (from the deadline)",
        relative.collect::<Vec<_>>().join(", ")
    )
}

/// A signed distance in µs, `+42.5 us`.
fn microseconds(moment_ns: u64, from_ns: u64) -> String {
    let (sign, distance) = match moment_ns.checked_sub(from_ns) {
        Some(after) => ('+', after),
        None => ('-', from_ns - moment_ns),
    };
    format!("{sign}{}.{} us", distance / 1000, distance % 1000 / 100)
}

fn ago(now_ns: u64, then_ns: u64) -> String {
    span(now_ns.saturating_sub(then_ns))
}

/// [`span`] of microseconds, of whatever number a node answers with.
fn span_us(microseconds: u64) -> String {
    span(microseconds.saturating_mul(1000))
}

/// A span with a unit that suits it.
fn span(nanoseconds: u64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    match seconds {
        0 if nanoseconds < 1_000_000 => format!("{} us", nanoseconds / 1000),
        0 => format!(
            "{}.{:03} ms",
            nanoseconds / 1_000_000,
            nanoseconds / 1000 % 1000
        ),
        1..60 => format!("{seconds}.{:03} s", nanoseconds / 1_000_000 % 1000),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
