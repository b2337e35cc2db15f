//! One node: the kernel half, and the process.

use std::{collections::VecDeque, rc::Rc};

use vrrp_ebpf::{
    abi::vip_state,
    ownership::{self, Ownership},
    types::Mac,
};
use vrrp_user::{
    io::engine::{
        Event,
        addresses::{Operation, Order},
    },
    proto::{FaultReason, Instant, Reasons, Settings, State},
};

use crate::{
    clock::Clock,
    control::Configured,
    engine::Engine,
    kernel::{Kernel, vip},
    planted::Plant,
};

/// A node of the world.
#[derive(Debug)]
pub(crate) struct Node {
    /// What each virtual router goes by. A planted fault tells the core something else.
    pub(crate) settings: Vec<Settings>,
    /// So many virtual IPs has each of them.
    pub(crate) vips: Vec<u8>,
    /// What the file says of each, if it lists it: so many of them, from the first on.
    pub(crate) file: Vec<Configured>,
    pub(crate) listed: usize,
    /// What the engine was told of each and has not taken up yet, in order.
    pub(crate) under_way: Vec<VecDeque<Configured>>,
    /// The virtual IPs that the address worker knows of each.
    known: Vec<Rc<[u32]>>,
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
    /// Of the last writer of each word; the next one takes the following number.
    pub(crate) epochs: Vec<u16>,
    /// Adverts that wait in the queueing discipline.
    pub(crate) waiting: usize,
}

impl Node {
    pub(crate) fn new(
        index: usize,
        settings: Vec<Settings>,
        clock: Clock,
        ring_size: usize,
    ) -> Self {
        Self {
            kernel: Kernel::new(settings.len(), ring_size),
            epochs: vec![0; settings.len()],
            vips: vec![1; settings.len()],
            under_way: vec![VecDeque::new(); settings.len()],
            known: vec![Rc::from([]); settings.len()],
            listed: settings.len(),
            file: settings
                .iter()
                .cloned()
                .map(|settings| Configured { settings, vips: 1 })
                .collect(),
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
            waiting: 0,
        }
    }

    /// The file gets another priority, for the next start.
    pub(crate) fn set_priority(&mut self, router: usize, priority: u8) {
        let settings = &mut self.file[router].settings;
        *settings = settings.clone().with_priority(priority);
    }

    /// The process starts: programs and maps are new.
    pub(crate) fn start(&mut self) {
        self.unload();
        for (router, configured) in self.file.iter().enumerate() {
            self.settings[router] = configured.settings.clone();
            self.vips[router] = configured.vips;
            self.under_way[router].clear();
        }
        // In fresh maps every writer would be the first. Here each is told from all before it.
        for (slot, epoch) in self.kernel.slots.iter_mut().zip(&self.epochs) {
            slot.ownership = Ownership::new(ownership::State::Idle, *epoch, 0);
        }
        self.worker_free = 0;
        self.begin();
        self.read_file();
    }

    /// The process, if there is one, is to become what the file says.
    pub(crate) fn read_file(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.control.reload(&self.file[..self.listed]);
        }
    }

    /// The engine has told something. Whether that ends a step of the control plane.
    pub(crate) fn tell(&mut self, event: &Event) -> bool {
        let engine = self.engine.as_mut();
        engine.is_some_and(|engine| engine.control.note(event))
    }

    /// Whether a file is being worked off.
    pub(crate) fn is_reloading(&self) -> bool {
        let engine = self.engine.as_ref();
        engine.is_some_and(|engine| !engine.control.is_idle())
    }

    /// Programs and maps are gone.
    pub(crate) fn unload(&mut self) {
        self.kernel = Kernel::new(self.settings.len(), self.ring_size);
        self.known.fill(Rc::from([]));
    }

    /// `xvrrp cleanup --fence` from beside: the words are another writer's.
    pub(crate) fn fence(&mut self) {
        for (slot, epoch) in self.kernel.slots.iter_mut().zip(&mut self.epochs) {
            *epoch += 1;
            slot.ownership = Ownership::new(ownership::State::Idle, *epoch, 0);
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

    /// The state of a router.
    pub(crate) fn state(&self, router: usize) -> State {
        self.engine
            .as_ref()
            .map_or(State::Initialize, |engine| engine.state(router))
    }

    /// A router's ownership word.
    pub(crate) fn word(&self, router: usize) -> Ownership {
        self.kernel.slots[router].ownership
    }

    pub(crate) fn answers(&self, router: usize, now: u64) -> bool {
        self.kernel.slots[router].answers(self.clock.local(now))
    }

    /// Whether a packet to the first virtual IP would get to the service.
    pub(crate) fn takes(&self, router: usize, now: u64) -> bool {
        self.kernel.slots[router].serves(self.clock.local(now)) && self.has(router, 0)
    }

    /// Whether the kernel has a virtual IP.
    pub(crate) fn has(&self, router: usize, number: u8) -> bool {
        let family = self.settings[router].family;
        let bits = self
            .kernel
            .bits(vip(family, u8::try_from(router).unwrap(), number));
        bits.is_some_and(|bits| bits & vip_state::READY != 0)
    }

    /// Whether the kernel has, or may have, a virtual IP that the router does not.
    pub(crate) fn has_others(&self, router: usize) -> bool {
        (self.vips[router]..4).any(|number| {
            let family = self.settings[router].family;
            let vip = vip(family, u8::try_from(router).unwrap(), number);
            self.kernel.bits(vip).is_some()
        })
    }

    /// The address worker begins with an order, maybe with other virtual IPs, or reports that the kernel has carried
    /// it out. The addresses of their owner are there before the node is, and after it.
    pub(crate) fn work(&mut self, order: Order, vips: Option<&Rc<[u32]>>, done: bool) {
        let router = order.router.slot() as usize;
        if self.engine.is_none() || order.epoch != self.epochs[router] {
            return;
        }
        let kept = self.settings[router].owner;
        let ready = vip_state::INSTALLED | vip_state::READY;
        let overlooked = self.overlooks(router, order);
        // Other virtual IPs leave those alone that stay.
        let known = Rc::clone(&self.known[router]);
        let wanted = Rc::clone(vips.unwrap_or(&known));
        let stays = |vip: &u32| vips.is_some() && known.contains(vip);
        for vip in wanted.iter().filter(|vip| !stays(vip) && !overlooked) {
            let before = self.kernel.vip_state(*vip);
            let after = match (order.operation, done) {
                (Operation::Install, false) if !kept => before | vip_state::INSTALLED,
                (Operation::Install, _) => ready,
                (Operation::Remove, true) if !kept => 0,
                (Operation::Remove, _) => vip_state::INSTALLED,
                // The worker's own.
                (Operation::Try, _) => return,
            };
            self.kernel.vip_states.insert(*vip, after);
        }
        for vip in known.iter().filter(|vip| !wanted.contains(vip)) {
            self.kernel.vip_states.insert(*vip, 0);
        }
        if done {
            self.known[router] = wanted;
            if let Some(engine) = &mut self.engine {
                engine.inbox.reports.push_back(order);
            }
        }
    }

    /// The address worker does nothing for this order: a planted fault.
    fn overlooks(&self, router: usize, order: Order) -> bool {
        let Some((plant, engine)) = self.plant.zip(self.engine.as_ref()) else {
            return false;
        };
        let begins = order.generation == 1;
        order.operation == Operation::Remove
            && (begins && plant.overlooks_leftovers()
                || engine.control.is_leaving(router) && plant.leaves_addresses())
    }

    /// The address worker is to forget the virtual IPs of a router. Those of an owner are the host's, and stay.
    pub(crate) fn forget(&mut self, router: usize) {
        let known = std::mem::replace(&mut self.known[router], Rc::from([]));
        if self.settings[router].owner {
            let states = &mut self.kernel.vip_states;
            states.retain(|vip, _| !known.contains(vip));
        }
    }

    /// Whether the kernel has an address that is to be where this router is Active, and there alone.
    pub(crate) fn has_any(&self, router: usize) -> bool {
        !self.settings[router].owner
            && (0..self.vips[router]).any(|number| self.has(router, number))
    }

    /// Whether the kernel has, or may have, an address that was a router's which has gone.
    pub(crate) fn has_leftovers(&self) -> bool {
        let mut states = self.kernel.vip_states.iter();
        states.any(|(vip, bits)| *bits != 0 && !self.kernel.knows(*vip))
    }

    /// The moment at which the answers of a router end if nothing else happens.
    pub(crate) fn answers_until(&self, router: usize) -> u64 {
        self.clock.world(Instant(self.word(router).expiry()))
    }

    /// When the timer fires.
    pub(crate) fn due(&self) -> Option<u64> {
        let engine = self.engine.as_ref()?;
        let deadline = engine.driver.deadline()?.0;
        let deadline = deadline.saturating_add_signed(-self.haste(engine));
        Some(self.clock.world(Instant(deadline)))
    }

    /// By how much the process takes its clock to be fast.
    pub(crate) fn haste(&self, engine: &Engine) -> i64 {
        match (self.plant, engine.core(0)) {
            (Some(plant), Some(router)) => plant.haste(router),
            _ => 0,
        }
    }
}
