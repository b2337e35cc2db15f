//! The failovers that are measured, and how many.

use std::{thread, time::Duration};

use anyhow::{Result, anyhow, ensure};
use vrrp_tests::{
    config::{self, Settings},
    failover::{self, Cell, Event, Measurement, Pair, Services, Timing},
    lab::Lab,
    report::Run,
};

use crate::{Daemon, progress::Progress};

/// The tutorial's timing. A second between adverts asks for no finer probes.
const SLOW: Timing = Timing {
    version: 2,
    advert_int_ms: 1000,
    priorities: [100, 99],
    probe: Duration::from_micros(500),
    routed: Duration::ZERO,
    arp: Duration::from_millis(10),
    settle: Duration::from_millis(300),
    quiet: Duration::ZERO,
    patience: Duration::from_secs(40),
};

/// As fast as it goes.
const FAST: Timing = Timing {
    routed: Duration::ZERO,
    settle: Duration::from_millis(40),
    patience: Duration::from_secs(30),
    ..Timing::SHORTEST
};

/// What takes the better router away, each followed by its return.
const EVENTS: [Event; 3] = [Event::Stop, Event::Kill, Event::Link];

/// The events at 10 ms take turns in this order: a dead process shows little that a cut link does
/// not, so it comes once for three of each other.
const TURNS: [Event; 7] = [
    Event::Stop,
    Event::Link,
    Event::Kill,
    Event::Stop,
    Event::Link,
    Event::Stop,
    Event::Link,
];

/// Settings that give keepalived what xvrrp takes by itself; without them it flaps on a busy machine.
const REALTIME: &str = "vrrp_rt_priority 50\nvrrp_no_swap\nvrrp_rlimit_rttime 1000000";

/// Order of the report.
const REPORTED: [Event; 4] = [Event::Stop, Event::Kill, Event::Link, Event::Preempt];

/// About how long the tutorial, [`slow`] beyond it, and [`fast`] take.
pub(crate) fn plan(quick: bool) -> [Duration; 3] {
    let rounds = u32::try_from(fast_turns(quick) * TURNS.len()).unwrap_or(0);
    [
        Duration::from_secs(10),
        Duration::from_secs(25),
        Duration::from_millis(800) * rounds,
    ]
}

/// Measures pairs with the tutorial's configuration, side by side.
pub(crate) fn slow(daemon: &Daemon, quick: bool) -> Result<Vec<Run>> {
    let pairs = if quick { 1 } else { 3 };
    // Outlive every measurement: while the kernel removes interfaces, no other namespace of the
    // machine can change an address.
    let labs = (0..pairs)
        .map(|_| Lab::pair())
        .collect::<Result<Vec<_>>>()?;
    let measurements = thread::scope(|scope| {
        let threads: Vec<_> = labs
            .iter()
            .enumerate()
            .map(|(offset, lab)| {
                scope.spawn(move || {
                    let configs = [
                        config::TUTORIAL_PRIMARY.to_owned(),
                        config::tutorial_standby(1),
                    ];
                    let mut events = EVENTS;
                    events.rotate_left(offset);
                    rounds(daemon, lab, SLOW, &configs, &events, |_, _| {})
                })
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            let join = thread.join();
            all.extend(join.map_err(|_panic| anyhow!("a measuring thread panicked"))??);
        }
        anyhow::Ok(all)
    })?;
    Ok(summaries(daemon, SLOW, &measurements))
}

/// Measures one pair at 10 ms.
pub(crate) fn fast(daemon: &Daemon, quick: bool, progress: &mut Progress) -> Result<Vec<Run>> {
    let configs = FAST.priorities.map(|priority| {
        let mut settings = Settings::fast(priority);
        if let Daemon::Keepalived = daemon {
            settings.global = REALTIME.to_owned();
        }
        settings.to_string()
    });
    let events = TURNS.repeat(fast_turns(quick));
    let lab = Lab::pair()?;
    let measurements = rounds(daemon, &lab, FAST, &configs, &events, |done, event| {
        progress.step(
            done,
            events.len(),
            &format!("failovers and returns, {event}"),
        );
    })?;
    Ok(summaries(daemon, FAST, &measurements))
}

fn fast_turns(quick: bool) -> usize {
    if quick { 3 } else { 10 }
}

/// Measures these events, each followed by the return.
fn rounds(
    daemon: &Daemon,
    lab: &Lab,
    timing: Timing,
    configs: &[String; 2],
    events: &[Event],
    mut step: impl FnMut(usize, Event),
) -> Result<Vec<Measurement>> {
    let [better, other] = [0, 1].map(|router| daemon.node(&lab.routers[router], &configs[router]));
    let _services = Services::echo(lab)?;
    let mut pair = Pair::start(lab, timing, [better?, other?])?;
    let mut all = Vec::new();
    for (done, event) in events.iter().enumerate() {
        step(done, *event);
        pair.round(*event, 0, &mut all)?;
        ensure!(
            all.iter().all(|one| one.ready && one.moved),
            "the address did not move on {event}"
        );
    }
    for one in &mut all {
        // Every return in one line: few of each kind are measured here.
        if one.event == Event::Mend {
            one.event = Event::Preempt;
        }
    }
    Ok(all)
}

fn summaries(daemon: &Daemon, timing: Timing, all: &[Measurement]) -> Vec<Run> {
    REPORTED
        .iter()
        .flat_map(|&event| {
            let cell = Cell {
                node: daemon.name(),
                load: "idle",
                timing,
                event,
            };
            failover::summarise(cell, all)
        })
        .collect()
}
