//! Two routers with a node each, and what is done to them.

use std::{fmt, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    clock::{self, Nanos},
    effort::Effort,
    lab::{Lab, VIP},
    loss::Loss,
    node::Node,
    prober::Prober,
};

use super::{
    Event, Measurement, Timing,
    event::{FROZEN, LOSS_PERCENT},
    judges::Judges,
    measurement::Cost,
};

/// Between two questions whether a router serves.
const READINESS: Duration = Duration::from_millis(1);

/// Two routers of a lab with a node each, of which the first has the better priority.
pub struct Pair<'lab> {
    lab: &'lab Lab,
    timing: Timing,
    better: Box<dyn Node>,
    other: Box<dyn Node>,
    /// What took the better router away last.
    away: Event,
    /// On the better router's link.
    loss: Option<Loss>,
}

impl fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("kind", &self.better.kind())
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

impl<'lab> Pair<'lab> {
    /// Starts both nodes and gives the better one the time to become Active.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn start(lab: &'lab Lab, timing: Timing, nodes: [Box<dyn Node>; 2]) -> Result<Self> {
        let [better, other] = nodes;
        // Before anything runs: whatever fails from here on is cleared up.
        let mut pair = Self {
            lab,
            timing,
            better,
            other,
            away: Event::Stop,
            loss: None,
        };
        pair.better.start()?;
        pair.other.start()?;
        Ok(pair)
    }

    /// Lets `event` happen to the better router, undoes it if it has to be undone, and adds what was
    /// seen of both. `seed` says which frames a lossy link drops.
    ///
    /// # Errors
    /// If a node or a judge fails. That the address does not move is a finding and no error.
    pub fn round(&mut self, event: Event, seed: u64, seen: &mut Vec<Measurement>) -> Result<()> {
        self.away = event;
        for event in std::iter::once(event).chain(event.way_back()) {
            let measurement = self
                .watch(event, seed)
                .with_context(|| format!("{event}\n{}", self.evidence()))?;
            seen.push(measurement);
        }
        Ok(())
    }

    /// Stops both nodes in good order and makes their routers what they were before.
    ///
    /// # Errors
    /// If one does not stop, or something of it stays.
    pub fn stop(mut self) -> Result<()> {
        for node in [&mut self.other, &mut self.better] {
            node.stop()?;
            node.retire()?;
        }
        Ok(())
    }

    /// Lets `event` happen with every judge watching.
    fn watch(&mut self, event: Event, seed: u64) -> Result<Measurement> {
        let (old, new) = event.routers();
        if event == Event::Preempt {
            self.bury()?;
        }
        let ready = self.is_ready(old)?;
        let judges = Judges::start(self.lab, &self.timing)?;
        // A judge that is not at work yet would see nothing of the event.
        let ready = ready && self.wait_for(old, || judges.answering());
        // At least one advert of the Active, so that the capture knows its last one before the event.
        clock::sleep(self.timing.settle.max(self.timing.interval() * 6 / 5));
        let before = (event == Event::Calm).then(|| self.efforts()).transpose()?;
        let at = self.act(event, seed)?;
        let done = clock::now();
        let moved = match event {
            Event::Lossy | Event::Calm => {
                clock::sleep(self.timing.quiet);
                true
            }
            _ => self.wait_for(new, || judges.answering()),
        };
        self.wait_for_routed(&judges);
        let cost = before
            .map(|before| self.cost_since(before, at))
            .transpose()?;
        clock::sleep(self.timing.settle);
        if event == Event::Freeze {
            clock::sleep(FROZEN.saturating_sub(Duration::from_nanos(clock::now() - at)));
        }
        self.loss = None;
        let evidence = judges.stop()?;
        let owner = if new == 1 { &self.better } else { &self.other };
        let status = if moved { owner.status()? } else { None };
        let mut measurement = Measurement::of(
            event,
            (at, done),
            &self.timing,
            [0, 1].map(|router| self.lab.routers[router].address),
            evidence,
            status.as_ref(),
        );
        measurement.ready = ready;
        measurement.cost = cost;
        Ok(measurement)
    }

    /// Whether a router serves the client. Asked before the judges come: what they count belongs to the
    /// event.
    fn is_ready(&self, router: u8) -> Result<bool> {
        let prober = Prober::start(&self.lab.client.netns, VIP, READINESS)?;
        let ready = self.wait_for(router, || prober.answering());
        prober.stop()?;
        Ok(ready)
    }

    /// Whether a router answers before the longest time that a change may take is over.
    fn wait_for(&self, router: u8, answering: impl Fn() -> u8) -> bool {
        let answers = || Ok(answering() == router);
        clock::wait_until("a router answers", self.timing.patience, answers).is_ok()
    }

    fn act(&mut self, event: Event, seed: u64) -> Result<Nanos> {
        let port = &self.lab.routers[0].port;
        match event {
            Event::Stop => self.better.terminate(),
            Event::Kill => self.better.kill(),
            Event::Freeze => self.better.freeze(),
            Event::Thaw => self.better.thaw(),
            Event::Preempt => timed(|| self.better.start()),
            Event::Mend => timed(|| port.mend()),
            Event::Link => timed(|| port.cut()),
            Event::Silence => timed(|| port.silence()),
            Event::Heal => timed(|| port.heal()),
            Event::Lossy => timed(|| {
                self.loss = Some(port.lose(LOSS_PERCENT, seed)?);
                Ok(())
            }),
            Event::Calm => Ok(clock::now()),
        }
    }

    /// Waits for the end of the better router's node, or clears up after it.
    fn bury(&mut self) -> Result<()> {
        if self.away == Event::Kill {
            self.better.clear_up()
        } else {
            self.better.wait_stopped()
        }
    }

    /// Gives the traffic through the pair the time to recover as well.
    fn wait_for_routed(&self, judges: &Judges) {
        let now = clock::now();
        // Without traffic before the event there is nothing to recover.
        let Some(1..) = judges.routed_until() else {
            return;
        };
        let recovered = || Ok(judges.routed_until() > Some(now));
        // Whether it has is for the evidence to say.
        drop(clock::wait_until(
            "routed traffic",
            self.timing.patience,
            recovered,
        ));
    }

    fn efforts(&mut self) -> Result<[Effort; 2]> {
        let of = |node: &mut Box<dyn Node>| -> Result<_> { Effort::of(&node.pids()?) };
        Ok([of(&mut self.better)?, of(&mut self.other)?])
    }

    fn cost_since(&mut self, before: [Effort; 2], at: Nanos) -> Result<Cost> {
        let after = self.efforts()?;
        let span = Duration::from_nanos(clock::now() - at);
        let [active, backup] = [0, 1].map(|router| after[router].since(&before[router]));
        Ok(Cost {
            span,
            active,
            backup,
        })
    }

    /// What the nodes have to say, for whoever looks for the reason of a failure.
    fn evidence(&mut self) -> String {
        let nodes = [("better", &mut self.better), ("other", &mut self.other)];
        nodes
            .map(|(who, node)| {
                let status = match node.status() {
                    Ok(status) => status.unwrap_or_default().to_string(),
                    Err(error) => format!("{error:#}"),
                };
                let log = node.process().map(|process| process.log().tail(10));
                format!("the {who} router: {status}\n{}", log.unwrap_or_default())
            })
            .join("\n")
    }
}

impl Drop for Pair<'_> {
    /// Leaves the lab to the next pair as it was, wherever this one's round ended.
    fn drop(&mut self) {
        let port = &self.lab.routers[0].port;
        // Whoever stops the pair hears of errors; these are for one that could not go on.
        drop(port.mend());
        drop(port.heal());
        drop(self.other.retire());
        drop(self.better.retire());
    }
}

fn timed(act: impl FnOnce() -> Result<()>) -> Result<Nanos> {
    let at = clock::now();
    act()?;
    Ok(at)
}
