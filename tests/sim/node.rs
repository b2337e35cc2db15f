//! One node: the real core in its engine, and the kernel half.

use std::{
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
};

use vrrp_ebpf::{
    abi::vip_state,
    ownership::{self, Ownership},
    types::Mac,
    wire::encode::{self, Format, Message},
};
use vrrp_user::proto::{FaultReason, Instant, Router, Settings, State, Version};

use crate::{
    clock::Clock,
    engine::{Engine, Order},
    kernel::{Kernel, VIP},
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
    pub(crate) frames: Frames,
    /// When the address worker has done what it was asked for so far.
    pub(crate) worker_free: u64,
    /// Of the last writer of the word; the next one takes the following number.
    pub(crate) epoch: u16,
}

#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) advert: Rc<[u8]>,
    pub(crate) resignation: Rc<[u8]>,
    pub(crate) announcement: Rc<[u8]>,
}

impl Node {
    pub(crate) fn new(index: usize, settings: Settings, clock: Clock, ring_size: usize) -> Self {
        let mac = mac(index);
        Self {
            kernel: Kernel::new(&settings, ipv4(&settings), mac, ring_size),
            frames: Frames::new(&settings, mac),
            settings,
            clock,
            ring_size,
            engine: None,
            plugged: true,
            addressed: true,
            stalled_until: 0,
            plant: None,
            worker_free: 0,
            epoch: 0,
        }
    }

    /// The process starts: what an earlier one left is removed, programs and maps are new.
    pub(crate) fn start(&mut self, index: usize, priority: u8) {
        self.settings.priority = priority;
        self.frames = Frames::new(&self.settings, mac(index));
        self.epoch += 1;
        self.unload(index);
        let word = Ownership::new(ownership::State::Idle, self.epoch, 0);
        self.kernel.ownership = word;
        self.worker_free = 0;
        let told = self.told();
        self.engine = Some(Engine::new(told, word, self.fault()));
    }

    /// Programs and maps are gone.
    pub(crate) fn unload(&mut self, index: usize) {
        self.kernel = Kernel::new(
            &self.settings,
            ipv4(&self.settings),
            mac(index),
            self.ring_size,
        );
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
    pub(crate) fn fault(&self) -> Option<FaultReason> {
        if !self.plugged {
            Some(FaultReason::LinkDown)
        } else {
            (!self.addressed).then_some(FaultReason::NoAddress)
        }
    }

    /// The engine does nothing at this moment, whatever happens.
    pub(crate) fn stands_still(&self, now: u64) -> bool {
        self.engine.is_none() || self.stalled_until > now
    }

    pub(crate) fn state(&self) -> State {
        self.engine
            .as_ref()
            .map_or(State::Initialize, |engine| engine.core.state())
    }

    pub(crate) fn answers(&self, now: u64) -> bool {
        self.kernel.answers(self.clock.local(now))
    }

    pub(crate) fn takes(&self, now: u64) -> bool {
        self.kernel.takes(self.clock.local(now))
    }

    /// The address worker begins with an order, or reports that the kernel has carried it out. The
    /// addresses of their owner are there before the node is.
    pub(crate) fn work(&mut self, order: Order, done: bool) {
        let Some(engine) = &mut self.engine else {
            return;
        };
        if order.epoch != self.epoch {
            return;
        }
        let kept = self.settings.is_owner();
        let before = self.kernel.vip_state;
        self.kernel.vip_state = match (order.install, done) {
            (true, false) if !kept => before | vip_state::INSTALLED,
            (true, _) => vip_state::INSTALLED | vip_state::READY,
            (false, false) => vip_state::INSTALLED,
            (false, true) => 0,
        };
        if done {
            engine.reported(order);
        }
    }

    /// The moment at which the answers end if nothing else happens.
    pub(crate) fn answers_until(&self) -> u64 {
        let expiry = self.kernel.ownership.expiry();
        self.clock.world(Instant(expiry))
    }

    /// When the timer fires.
    pub(crate) fn due(&self) -> Option<u64> {
        let core = &self.engine.as_ref()?.core;
        let deadline = core.deadline()?.0.saturating_add_signed(-self.haste(core));
        Some(self.clock.world(Instant(deadline)))
    }

    pub(crate) fn haste(&self, core: &Router) -> i64 {
        self.plant.map_or(0, |plant| plant.haste(core))
    }
}

impl Frames {
    fn new(settings: &Settings, mac: Mac) -> Self {
        let format = match settings.version {
            Version::V2 => Format::V2 { password: None },
            Version::V3 => Format::V3 {
                pseudo_header: true,
            },
        };
        let advert = |priority| {
            let message = Message {
                format,
                vrid: settings.vrid,
                priority,
                interval: settings.advert_interval,
                addresses: &[IpAddr::V4(VIP)],
                source: settings.primary,
            };
            Rc::from(encode::advert(mac, &message).unwrap())
        };
        Self {
            advert: advert(settings.priority),
            resignation: advert(0),
            announcement: Rc::from(encode::gratuitous_arp(mac, VIP)),
        }
    }
}

fn mac(index: usize) -> Mac {
    [2, 0, 0, 0, 0, u8::try_from(index).unwrap() + 1]
}

fn ipv4(settings: &Settings) -> Ipv4Addr {
    match settings.primary {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => unreachable!("the worlds are IPv4"),
    }
}
