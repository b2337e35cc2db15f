//! The frames whose price a bench tells, each with the world it meets and the verdict it must get:
//! a figure can never be of another path. The suite `bpf` asserts the verdicts, and the bench those
//! of every single batch.

mod v6;

use anyhow::{Result, ensure};
use vrrp_ebpf::{
    abi::{Counter, NO_ROUTER, filter_position, vip_state},
    ownership::State,
};

use super::{
    Kernel, Program, Run, World,
    bare::Bare,
    world::{PASSWORD, PRIMARY, SLOT, SLOT_V2, VIP, VRID, VRID_V2, following},
};
use crate::frames::{Advert, Arp, Checksum, PEER, Packet};

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;
const TC_SHOT: u32 = 2;
const TC_UNSPEC: u32 = u32::MAX;

/// Most frames of one batch: an accepted advert leaves a record in the ring, and a full ring is
/// another path.
pub const BATCH_MAX: u32 = 4000;

/// What a frame is compared with: what a test run of a program that does nothing costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// An XDP program that passes.
    Xdp,
    /// A tc program that leaves it to the next.
    Tc,
    /// An XDP program that writes the frame anew and tail-calls one that passes.
    Rewriting,
}

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Xdp, Self::Tc, Self::Rewriting];
}

/// A frame, the world it meets, and what must become of it.
#[derive(Debug)]
pub struct Scene {
    /// What happens, in a few words.
    pub name: &'static str,
    /// The program that sees it.
    pub program: Program,
    /// What the maps say.
    pub world: World,
    /// The frame.
    pub frame: Vec<u8>,
    /// What the program returns.
    pub returned: u32,
    /// Slot and counters that move by one per frame.
    pub counters: (u32, Vec<Counter>),
    /// Whether each frame leaves a record in the ring.
    pub recorded: bool,
    /// What its price is compared with.
    pub baseline: Baseline,
}

impl Scene {
    /// Fills the maps and prepares to run.
    ///
    /// # Errors
    /// Without privilege.
    pub fn stage(self, object: &[u8]) -> Result<Stage> {
        let mut kernel = Kernel::load(object, 0)?;
        kernel.install(&self.world)?;
        let rewriter = if self.baseline == Baseline::Rewriting {
            Some(Bare::rewriting(&self.frame, kernel.ingress_fd()?)?)
        } else {
            None
        };
        Ok(Stage {
            scene: self,
            kernel,
            rewriter,
        })
    }

    /// A received frame that passes without leaving a trace.
    fn ingress(name: &'static str, world: World, frame: Vec<u8>) -> Self {
        Self {
            name,
            program: Program::Ingress,
            world,
            frame,
            returned: XDP_PASS,
            counters: (SLOT, Vec::new()),
            recorded: false,
            baseline: Baseline::Xdp,
        }
    }

    /// A sent frame that passes without leaving a trace.
    fn egress(name: &'static str, world: World, frame: Vec<u8>) -> Self {
        Self {
            program: Program::Egress,
            returned: TC_UNSPEC,
            baseline: Baseline::Tc,
            ..Self::ingress(name, world, frame)
        }
    }

    fn counted(mut self, slot: u32, counters: &[Counter]) -> Self {
        self.counters = (slot, counters.to_vec());
        self
    }

    fn dropped(mut self, counter: Counter) -> Self {
        self.returned = if self.program.is_xdp() {
            XDP_DROP
        } else {
            TC_SHOT
        };
        self.counted(SLOT, &[counter])
    }

    fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    fn written_anew(mut self) -> Self {
        self.baseline = Baseline::Rewriting;
        self
    }
}

/// A scene that is ready to run, with programs and maps of its own.
#[derive(Debug)]
pub struct Stage {
    /// Which one.
    pub scene: Scene,
    kernel: Kernel,
    rewriter: Option<Bare>,
}

impl Stage {
    /// Runs the frame `repeat` times, [`BATCH_MAX`] at most, and makes sure that every one of them
    /// took the scene's path.
    ///
    /// # Errors
    /// If one did not.
    pub fn run(&mut self, repeat: u32) -> Result<Run> {
        ensure!(repeat <= BATCH_MAX, "a batch of {repeat} fills the ring");
        let scene = &self.scene;
        let run = match &self.rewriter {
            Some(rewriter) => rewriter.run(&scene.frame, repeat),
            None => self.kernel.run(scene.program, &scene.frame, repeat),
        }?;
        let slots = u32::try_from(scene.world.slots.len())?;
        let moved = self.kernel.take_counters(slots)?;
        let (slot, counters) = &scene.counters;
        let expected = counters
            .iter()
            .map(|counter| (*slot, *counter, u64::from(repeat)));
        let expected = Vec::from_iter(expected);
        let records = self.kernel.take_events().len();
        let expected_records = if scene.recorded { repeat } else { 0 };
        ensure!(
            (run.returned, &moved) == (scene.returned, &expected)
                && u32::try_from(records)? == expected_records,
            "{}: not its path: returned {}, counted {moved:?}, {records} records in {repeat} runs",
            scene.name,
            run.returned,
        );
        Ok(run)
    }
}

/// Every scene, in the order of a report.
#[must_use]
pub fn all() -> Vec<Scene> {
    [received(), adverts(), sent(), v6::scenes()]
        .into_iter()
        .flatten()
        .collect()
}

fn received() -> Vec<Scene> {
    let idle = World::new();
    let active = World::new().with_state(SLOT, State::Active);
    let up = vip_state::INSTALLED | vip_state::READY;
    let crowded = World::crowded();
    let (clear, hit) = strangers(&crowded);
    let transit = Packet::to([10, 9, 8, 7]).build();
    let question = Arp::who_has(VIP).build();
    vec![
        Scene::ingress("transit", idle.clone(), transit),
        Scene::ingress(
            "transit, 255 virtual routers",
            crowded.clone(),
            Packet::to(clear).build(),
        ),
        Scene::ingress(
            "transit, 255 virtual routers, filter collision",
            crowded,
            Packet::to(hit).build(),
        ),
        Scene {
            returned: XDP_TX,
            ..Scene::ingress("ARP answered (owner)", active.clone(), question.clone())
                .counted(SLOT, &[Counter::ArpAnswered])
                .written_anew()
        },
        Scene::ingress("ARP ignored (not owner)", idle.clone(), question)
            .dropped(Counter::ArpIgnored),
        Scene::ingress(
            "ARP for another host",
            active.clone(),
            Arp::who_has([192, 168, 1, 7]).build(),
        ),
        Scene::ingress(
            "VIP passed (owner)",
            active.with_vip_state(up),
            Packet::to(VIP).build(),
        )
        .counted(SLOT, &[Counter::VipPassed]),
        Scene::ingress(
            "VIP dropped (not owner)",
            idle.with_vip_state(up),
            Packet::to(VIP).build(),
        )
        .dropped(Counter::VipNotOwner),
    ]
}

fn adverts() -> Vec<Scene> {
    let world = World::new();
    let v3 = Advert::v3(VRID, &[VIP]);
    let v2 = Advert {
        timing: [1, 1],
        tail: PASSWORD.to_vec(),
        ..Advert::v2(VRID_V2, &[VIP])
    };
    let mut followed = World::new();
    followed.slot(SLOT).follow = following(PEER).pack();
    let wrong = Advert {
        checksum: Checksum::Wrong,
        ..v3.clone()
    };
    let mut far = v3.clone();
    far.ip.ttl = 254;
    let stranger = Advert::v3(VRID + 10, &[VIP]);
    let accepted = [Counter::AdvertAccepted, Counter::ChecksumPseudo];
    vec![
        Scene::ingress("advert v3 accepted, as followed", followed, v3.build())
            .counted(SLOT, &accepted)
            .recorded(),
        Scene::ingress("advert v3 accepted, node woken", world.clone(), v3.build())
            .counted(SLOT, &accepted)
            .recorded(),
        Scene::ingress("advert v2 accepted, node woken", world.clone(), v2.build())
            .counted(SLOT_V2, &[Counter::AdvertAccepted])
            .recorded(),
        Scene::ingress("advert refused: checksum", world.clone(), wrong.build())
            .dropped(Counter::BadChecksum),
        Scene::ingress("advert refused: TTL 254", world.clone(), far.build())
            .dropped(Counter::BadTtl),
        Scene::ingress("advert of an unknown VRID", world, stranger.build())
            .counted(NO_ROUTER, &[Counter::UnknownVrid]),
    ]
}

fn sent() -> Vec<Scene> {
    let idle = World::new();
    let active = World::new().with_state(SLOT, State::Active);
    let from = |source| {
        let mut packet = Packet::to([10, 9, 8, 7]);
        packet.ip.source = source;
        packet.build()
    };
    vec![
        Scene::egress("sent: transit", idle.clone(), from([10, 7, 7, 7])),
        Scene::egress("sent: own address", idle.clone(), from(PRIMARY)),
        Scene::egress("sent: from the VIP (owner)", active, from(VIP)),
        Scene::egress(
            "sent: from the VIP, dropped (not owner)",
            idle.clone(),
            from(VIP),
        )
        .dropped(Counter::EgressIp),
        Scene::egress(
            "sent: announcement, dropped (not owner)",
            idle,
            Arp::gratuitous(1, VIP).build(),
        )
        .dropped(Counter::EgressArp),
    ]
}

/// Two addresses that are no virtual IP: one that the filter tells, and one that it does not.
fn strangers(world: &World) -> ([u8; 4], [u8; 4]) {
    let filter = world.filter();
    let told = |address: &[u8; 4]| {
        let (word, bit) = filter_position(*address);
        filter[word] >> bit & 1 == 0
    };
    let mut addresses = (0..=u8::MAX).map(|host| [10, 9, 8, host]);
    let hit = addresses.clone().find(|address| !told(address));
    let clear = addresses.find(told);
    // Of 1024 bits at most 255 are set: 256 addresses meet both.
    (clear.unwrap_or_default(), hit.unwrap_or_default())
}
