//! One node: the kernel half, and the process.

use vrrp_ebpf::{
    abi::vip_state,
    ownership::{self, Ownership},
    types::Mac,
};
use vrrp_user::{
    io::engine::{
        addresses::{Operation, Order},
        driver::Driver,
    },
    proto::{FaultReason, Instant, Reasons, Settings, State},
};

use crate::{
    clock::Clock,
    engine::{Effect, Engine, ROUTER},
    kernel::Kernel,
    planted::Plant,
};

/// A node of the world.
#[derive(Debug)]
pub(crate) struct Node {
    /// What the configuration says. A planted fault tells the core something else.
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) kernel: Kernel,
    ring_size: usize,
    /// The process, if it runs.
    pub(crate) engine: Option<Engine>,
    /// Carrier.
    pub(crate) plugged: bool,
    /// It has a source address.
    pub(crate) addressed: bool,
    /// The engine gets no CPU until then.
    pub(crate) stalled_until: u64,
    pub(crate) plant: Option<Plant>,
    pub(crate) mac: Mac,
    /// When the address worker has done what it was asked for so far.
    pub(crate) worker_free: u64,
    /// Of the last writer of the word; the next one takes the following number.
    pub(crate) epoch: u16,
}

impl Node {
    pub(crate) fn new(index: usize, settings: Settings, clock: Clock, ring_size: usize) -> Self {
        Self {
            kernel: Kernel::new(ring_size),
            settings,
            clock,
            ring_size,
            engine: None,
            plugged: true,
            addressed: true,
            stalled_until: 0,
            plant: None,
            mac: [2, 0, 0, 0, 0, u8::try_from(index).unwrap() + 1],
            worker_free: 0,
            epoch: 0,
        }
    }

    /// The process starts: what an earlier one left is removed, programs and maps are new.
    pub(crate) fn start(&mut self, now: u64, priority: u8) {
        self.settings = self.settings.clone().with_priority(priority);
        self.unload();
        // In fresh maps every writer would be the first. Here each is told from all before it.
        self.kernel.ownership = Ownership::new(ownership::State::Idle, self.epoch, 0);
        self.worker_free = 0;
        let mut effects = Vec::new();
        self.begin(now, &mut effects);
        // They are gone before the control plane has looked at the link.
        for effect in effects {
            if let Effect::Ordered(order, epoch) = effect {
                self.work(order, epoch, true);
            }
        }
    }

    /// Programs and maps are gone.
    pub(crate) fn unload(&mut self) {
        self.kernel = Kernel::new(self.ring_size);
    }

    /// `xvrrp cleanup --fence` from beside: the word is another writer's.
    pub(crate) fn fence(&mut self) {
        self.epoch += 1;
        self.kernel.ownership = Ownership::new(ownership::State::Idle, self.epoch, 0);
    }

    /// What the core is told of the settings.
    pub(crate) fn told(&self) -> Settings {
        match self.plant {
            Some(plant) => plant.settings(&self.settings),
            None => self.settings.clone(),
        }
    }

    /// What keeps it from working.
    pub(crate) fn faults(&self) -> Reasons {
        let down = (!self.plugged).then_some(FaultReason::LinkDown);
        let bare = (!self.addressed).then_some(FaultReason::NoAddress);
        down.into_iter().chain(bare).collect()
    }

    /// The engine does nothing at this moment, whatever happens.
    pub(crate) fn stands_still(&self, now: u64) -> bool {
        self.engine.is_none() || self.stalled_until > now
    }

    pub(crate) fn state(&self) -> State {
        self.engine
            .as_ref()
            .map_or(State::Initialize, Engine::state)
    }

    pub(crate) fn answers(&self, now: u64) -> bool {
        self.kernel.answers(self.clock.local(now))
    }

    pub(crate) fn takes(&self, now: u64) -> bool {
        self.kernel.takes(self.clock.local(now))
    }

    /// The address worker begins with an order of the writer with this epoch, or reports that the kernel has
    /// carried it out. The addresses of their owner are there before the node is, and after it.
    pub(crate) fn work(&mut self, order: Order, epoch: u16, done: bool) {
        let Some(engine) = &mut self.engine else {
            return;
        };
        if epoch != self.epoch {
            return;
        }
        let kept = self.settings.owner;
        let before = self.kernel.vip_state;
        let ready = vip_state::INSTALLED | vip_state::READY;
        self.kernel.vip_state = match (order.operation, done) {
            (Operation::Install, false) if !kept => before | vip_state::INSTALLED,
            (Operation::Install, _) => ready,
            (Operation::Remove, true) if !kept => 0,
            (Operation::Remove, _) => vip_state::INSTALLED,
            // The worker's own.
            (Operation::Try, _) => return,
        };
        if done {
            engine.reported(order, epoch);
        }
    }

    /// The moment at which the answers end if nothing else happens.
    pub(crate) fn answers_until(&self) -> u64 {
        let expiry = self.kernel.ownership.expiry();
        self.clock.world(Instant(expiry))
    }

    /// When the timer fires.
    pub(crate) fn due(&self) -> Option<u64> {
        let driver = &self.engine.as_ref()?.driver;
        let deadline = driver.deadline()?.0;
        let deadline = deadline.saturating_add_signed(-self.haste(driver));
        Some(self.clock.world(Instant(deadline)))
    }

    /// By how much the process takes its clock to be fast.
    pub(crate) fn haste(&self, driver: &Driver) -> i64 {
        match (self.plant, driver.router(ROUTER)) {
            (Some(plant), Some(router)) => plant.haste(router),
            _ => 0,
        }
    }
}
