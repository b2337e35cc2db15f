//! The engine thread of a node, driven as `io::engine` drives the core, step by step, so that it can
//! stand still between any two of them.

use std::{collections::VecDeque, net::IpAddr, rc::Rc, time::Duration};

use vrrp_ebpf::{
    abi::{Event, EventKind},
    ownership::{self, Ownership},
};
use vrrp_user::proto::{
    Advert, FaultReason, Input, Instant, Output, Router, Settings, State, Transition, Version,
};

use crate::{chance::Moment, node::Node, planted::Plant};

/// Between two answers to conflicts, at least (RFC 5227 section 1.1).
pub(crate) const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// The process.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) core: Router,
    /// What is still to be done of this turn, the next one last.
    steps: Vec<Step>,
    /// The time that this turn goes by.
    pub(crate) woken: Instant,
    word: Ownership,
    epoch: u16,
    generation: u32,
    sent: Option<Instant>,
    /// An announcement was put off, because the lease had ended.
    owed: bool,
    /// When the core was last told of a conflict that it could answer; for a planted fault.
    defended: Option<Instant>,
    /// XDP has raised the ring's fd.
    pub(crate) signalled: bool,
    reports: VecDeque<Order>,
    pub(crate) commands: VecDeque<Input>,
    /// The advert being looked at.
    pub(crate) advert: Option<Advert>,
}

/// What was asked of the address worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) install: bool,
    generation: u32,
    pub(crate) epoch: u16,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ring(usize),
    Timers,
    /// `last_seen` was looked at.
    Better,
    /// `better_seen` was looked at, too.
    Believe,
    Reports,
    Commands,
    Output(Output),
    Emit {
        priority: u8,
        at: Instant,
    },
    /// The list is carried out: tell the core what left.
    Renew,
}

/// What a step did to the rest of the world.
#[derive(Debug)]
pub(crate) enum Effect {
    /// An advert left, or was refused by the kernel.
    Advert {
        priority: u8,
        frame: Rc<[u8]>,
    },
    Announcement {
        frame: Rc<[u8]>,
    },
    Ordered(Order),
    /// Decided, and about to be carried out.
    Decided(Transition),
    Word(Ownership),
    /// The process ended by itself.
    Ended(&'static str),
}

impl Engine {
    /// Has taken the slot over with this word.
    pub(crate) fn new(told: Settings, word: Ownership, fault: Option<FaultReason>) -> Self {
        let up = Input::LinkUp {
            primary: told.primary,
        };
        let first = fault.map_or(up, Input::Fault);
        Self {
            core: Router::new(told),
            steps: Vec::new(),
            woken: Instant::default(),
            word,
            epoch: word.epoch(),
            generation: 0,
            sent: None,
            owed: false,
            defended: None,
            signalled: false,
            reports: VecDeque::new(),
            commands: VecDeque::from([first]),
            advert: None,
        }
    }

    /// It has a reason to wake up other than its timer.
    pub(crate) fn is_called(&self) -> bool {
        self.signalled || !self.reports.is_empty() || !self.commands.is_empty()
    }

    /// A turn is under way.
    pub(crate) fn is_busy(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What it is about to do.
    pub(crate) fn moment(&self) -> Moment {
        match self.steps.last() {
            None | Some(Step::Ring(_)) => Moment::Ring,
            Some(Step::Timers | Step::Better | Step::Believe) => Moment::Timers,
            Some(Step::Output(_)) => Moment::Output,
            Some(Step::Emit { .. }) => Moment::Emission,
            Some(Step::Renew) => Moment::Renewal,
            Some(Step::Reports | Step::Commands) => Moment::Other,
        }
    }

    /// The address worker reports.
    pub(crate) fn reported(&mut self, order: Order) {
        if order.epoch == self.epoch {
            self.reports.push_back(order);
        }
    }
}

impl Node {
    /// The engine wakes up, or does its next step. `sends`: the kernel takes an advert.
    pub(crate) fn act(&mut self, now: u64, sends: bool, effects: &mut Vec<Effect>) {
        let local = self.clock.local(now);
        let Some(mut engine) = self.engine.take() else {
            return;
        };
        let goes_on = match engine.steps.pop() {
            None => self.wake(&mut engine, local),
            Some(step) => self.step(&mut engine, step, local, sends, effects),
        };
        if !goes_on {
            effects.push(Effect::Ended("superseded"));
        } else if engine.core.is_finished() && engine.steps.is_empty() {
            effects.push(Effect::Ended("stopped"));
        } else {
            self.engine = Some(engine);
        }
    }

    fn wake(&self, engine: &mut Engine, local: Instant) -> bool {
        engine.woken = local;
        engine.signalled = false;
        engine.steps = vec![
            Step::Commands,
            Step::Reports,
            Step::Timers,
            Step::Ring(self.kernel.ring.len()),
        ];
        if self.plant.is_some_and(Plant::believes_timers_first) {
            engine.steps.swap(2, 3);
        }
        self.owns_word(engine)
    }

    /// The time that timers are compared with.
    fn pretended(&self, engine: &Engine) -> Instant {
        Instant(
            engine
                .woken
                .0
                .saturating_add_signed(self.haste(&engine.core)),
        )
    }

    fn owns_word(&self, engine: &Engine) -> bool {
        self.kernel.ownership == engine.word || self.plant.is_some_and(Plant::ignores_other_writers)
    }

    fn step(
        &mut self,
        engine: &mut Engine,
        step: Step,
        local: Instant,
        sends: bool,
        effects: &mut Vec<Effect>,
    ) -> bool {
        match step {
            Step::Ring(0) => {}
            Step::Ring(left) => {
                engine.steps.push(Step::Ring(left - 1));
                if let Some(event) = self.kernel.ring.pop_front() {
                    self.record(engine, &event, effects);
                }
            }
            Step::Timers => {
                let woken = self.pretended(engine);
                if engine
                    .core
                    .deadline()
                    .is_none_or(|deadline| deadline > woken)
                {
                    return true;
                }
                engine.steps.push(Step::Believe);
                engine.steps.push(Step::Better);
                let seen = self.kernel.last_seen;
                if seen > 0 && !self.plant.is_some_and(Plant::believes_timers_first) {
                    self.feed(engine, Input::Seen(Instant(seen)), effects);
                }
            }
            Step::Better => {
                let seen = self.kernel.better_seen;
                if seen > 0 {
                    self.feed(engine, Input::BetterSeen(Instant(seen)), effects);
                }
            }
            Step::Believe => {
                let woken = self.pretended(engine);
                if engine
                    .core
                    .deadline()
                    .is_some_and(|deadline| deadline <= woken)
                {
                    self.handle(engine, woken, Input::Timeout, effects);
                }
            }
            Step::Reports => {
                while let Some(order) = engine.reports.pop_front() {
                    if order.generation == engine.generation {
                        engine.steps.push(Step::Reports);
                        let input = if order.install {
                            Input::AddressesReady
                        } else {
                            Input::AddressesGone
                        };
                        self.feed(engine, input, effects);
                        break;
                    }
                }
            }
            Step::Commands => {
                if let Some(command) = engine.commands.pop_front() {
                    engine.steps.push(Step::Commands);
                    self.feed(engine, command, effects);
                }
            }
            Step::Output(output) => return self.carry_out(engine, output, local, effects),
            Step::Emit { priority, at } => {
                // A frame that was refused leaves no trace but the missing renewal.
                if sends {
                    let frames = &self.frames;
                    let frame = if priority == 0 {
                        &frames.resignation
                    } else {
                        &frames.advert
                    };
                    effects.push(Effect::Advert {
                        priority,
                        frame: Rc::clone(frame),
                    });
                }
                let late = self.plant.is_some_and(Plant::renews_from_the_end);
                if sends || self.plant.is_some_and(Plant::renews_unsent) {
                    engine.sent = Some(if late { Instant(0) } else { at });
                }
            }
            Step::Renew => {
                if let Some(at) = engine.sent.take() {
                    let at = if at == Instant(0) { local } else { at };
                    self.handle(engine, at, Input::AdvertSent { at }, effects);
                }
            }
        }
        true
    }

    fn record(&self, engine: &mut Engine, event: &Event, effects: &mut Vec<Effect>) {
        let input = if event.kind == EventKind::Advert as u8 {
            let advert = advert(event);
            engine.advert = Some(advert);
            Input::Advert(advert)
        } else if event.kind == EventKind::SuccessorAnnounced as u8 {
            Input::SuccessorAnnounced
        } else if engine.core.state() == State::Active && !self.forgets(engine) {
            Input::Conflict
        } else {
            return;
        };
        self.feed(engine, input, effects);
    }

    /// A conflict is not told to the core at all, for want of an answer that may be sent at once.
    fn forgets(&self, engine: &mut Engine) -> bool {
        let last = engine.defended;
        let early = last.is_some_and(|last| engine.woken < last + DEFEND_INTERVAL);
        if !early {
            engine.defended = Some(engine.woken);
        }
        early && self.plant.is_some_and(Plant::forgets_conflicts)
    }

    fn feed(&self, engine: &mut Engine, input: Input, effects: &mut Vec<Effect>) {
        let state = engine.core.state();
        let input = match self.plant {
            Some(plant) => plant.input(state, &self.settings, engine.woken, input),
            None => Some(input),
        };
        if let Some(input) = input {
            self.handle(engine, engine.woken, input, effects);
        }
    }

    fn handle(&self, engine: &mut Engine, at: Instant, input: Input, effects: &mut Vec<Effect>) {
        if !matches!(input, Input::Advert(_)) {
            engine.advert = None;
        }
        let before = engine.core.state();
        let mut outputs = Vec::with_capacity(16);
        engine.core.handle(at, input, &mut outputs);
        engine.steps.push(Step::Renew);
        for output in outputs.into_iter().rev() {
            if let Output::Transition(transition) = output {
                effects.push(Effect::Decided(transition));
                continue;
            }
            let output = match self.plant {
                Some(plant) => plant.output(before, output),
                None => Some(output),
            };
            engine.steps.extend(output.map(Step::Output));
        }
    }

    fn carry_out(
        &mut self,
        engine: &mut Engine,
        output: Output,
        local: Instant,
        effects: &mut Vec<Effect>,
    ) -> bool {
        match output {
            Output::Own { state, expiry } => {
                if !self.owns_word(engine) {
                    return false;
                }
                let active = ownership::State::Active;
                let heeds = !self.plant.is_some_and(Plant::considers_nothing);
                if state == active && engine.word.state() != active && heeds {
                    self.kernel.considered_until = engine.core.considered_until().0;
                }
                engine.word = Ownership::new(state, engine.epoch, expiry);
                self.kernel.ownership = engine.word;
                effects.push(Effect::Word(engine.word));
                if std::mem::take(&mut engine.owed) && state == active {
                    self.announce(engine, local, effects);
                }
            }
            Output::Follow { follow, clear_seen } => {
                if clear_seen {
                    self.kernel.last_seen = 0;
                }
                self.kernel.follow = follow;
            }
            Output::Advertise { priority } => {
                if !self.owns_word(engine) {
                    return false;
                }
                engine.steps.push(Step::Emit {
                    priority,
                    at: local,
                });
            }
            Output::Announce { .. } => {
                if !self.owns_word(engine) {
                    return false;
                }
                self.announce(engine, local, effects);
            }
            Output::Install | Output::Remove => {
                engine.generation += 1;
                effects.push(Effect::Ordered(Order {
                    install: output == Output::Install,
                    generation: engine.generation,
                    epoch: engine.epoch,
                }));
            }
            Output::Transition(_) => {}
        }
        true
    }

    fn announce(&self, engine: &mut Engine, local: Instant, effects: &mut Vec<Effect>) {
        if self.kernel.serves(local) || self.plant.is_some_and(Plant::announces_unleased) {
            let frame = Rc::clone(&self.frames.announcement);
            effects.push(Effect::Announcement { frame });
        } else {
            engine.owed = true;
        }
    }
}

/// A record as the engine understands it.
pub(crate) fn advert(event: &Event) -> Advert {
    let [a, b, c, d, ..] = event.source;
    Advert {
        arrived: Instant(event.stamp),
        source: IpAddr::from([a, b, c, d]),
        version: if event.version == 2 {
            Version::V2
        } else {
            Version::V3
        },
        priority: event.priority,
        interval_cs: event.interval_cs,
    }
}
