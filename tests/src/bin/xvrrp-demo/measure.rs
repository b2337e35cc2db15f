//! The failovers that are measured, and how many.

use std::{thread, time::Duration};

use anyhow::{Result, anyhow};
use vrrp_tests::{
    config::{self, Settings},
    failover::{self, Event, Measurement, Pair, Timing},
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
    arp: Duration::from_millis(10),
    settle: Duration::from_millis(300),
};

/// The shortest interval that version 3 allows, and the priorities with the least skew.
const FAST: Timing = Timing {
    version: 3,
    advert_int_ms: 10,
    priorities: [254, 253],
    probe: Duration::from_micros(100),
    arp: Duration::from_millis(1),
    settle: Duration::from_millis(40),
};

/// What takes the better router away, each followed by its return.
const EVENTS: [Event; 3] = [Event::Stop, Event::Kill, Event::Link];

/// Order of the report.
const REPORTED: [Event; 4] = [Event::Stop, Event::Kill, Event::Link, Event::Preempt];

/// About how long the tutorial, [`slow`] beyond it, and [`fast`] take.
pub(crate) fn plan(quick: bool) -> [Duration; 3] {
    let rounds = u64::try_from(fast_rounds(quick) * EVENTS.len()).unwrap_or(0);
    [
        Duration::from_secs(14),
        Duration::from_secs(20),
        Duration::from_millis(400 * rounds),
    ]
}

/// Measures pairs with the tutorial's configuration, side by side.
pub(crate) fn slow(daemon: &Daemon, quick: bool) -> Result<Vec<Run>> {
    let pairs = if quick { 1 } else { 3 };
    let measurements = thread::scope(|scope| {
        let threads: Vec<_> = (0..pairs)
            .map(|offset| {
                scope.spawn(move || {
                    let configs = [
                        config::TUTORIAL_PRIMARY.to_owned(),
                        config::tutorial_standby(1),
                    ];
                    rounds(daemon, SLOW, &configs, EVENTS.len(), offset, |_, _| {})
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
            // What xvrrp does by itself; without it keepalived flaps on a busy machine.
            settings.global = "vrrp_rt_priority 50
vrrp_no_swap
vrrp_rlimit_rttime 1000000"
                .to_owned();
        }
        settings.to_string()
    });
    let count = fast_rounds(quick) * EVENTS.len();
    let measurements = rounds(daemon, FAST, &configs, count, 0, |done, event| {
        progress.step(done, count, &format!("failovers and returns, {event}"));
    })?;
    Ok(summaries(daemon, FAST, &measurements))
}

fn fast_rounds(quick: bool) -> usize {
    if quick { 10 } else { 30 }
}

/// Runs `count` rounds in a lab of their own, the events taking turns from number `offset` on.
fn rounds(
    daemon: &Daemon,
    timing: Timing,
    configs: &[String; 2],
    count: usize,
    offset: usize,
    mut step: impl FnMut(usize, Event),
) -> Result<Vec<Measurement>> {
    let lab = Lab::pair()?;
    let [better, other] = [0, 1].map(|router| daemon.node(&lab.routers[router], &configs[router]));
    let mut pair = Pair::start(&lab, timing, better?, other?)?;
    let mut all = Vec::new();
    for (done, event) in EVENTS.iter().cycle().skip(offset).take(count).enumerate() {
        step(done, *event);
        all.extend(pair.round(*event)?);
    }
    Ok(all)
}

fn summaries(daemon: &Daemon, timing: Timing, all: &[Measurement]) -> Vec<Run> {
    REPORTED
        .iter()
        .filter_map(|event| failover::summarise(daemon.name(), timing, *event, all))
        .collect()
}
