//! The loaded programs and their maps.

use std::{env, fs, os::fd::AsRawFd as _, time::Duration};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, HashMap, PerCpuArray, PerCpuValues, RingBuf},
    programs::{ProgramInfo, SchedClassifier, TestRun as _, TestRunOptions, Xdp},
};
use vrrp_ebpf::abi::{
    Counter, Counters, Event, NO_ROUTER, RouterEntry, RouterKey, Slot, VipEntry, VipKey,
};

use crate::world::World;

/// Room for the frame that a test run gives back.
const FRAME_ROOM: usize = 4096;

/// The programs of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ingress,
    IngressFrags,
    Egress,
}

impl Program {
    pub(crate) const ALL: [Self; 3] = [Self::Ingress, Self::IngressFrags, Self::Egress];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ingress => "xvrrp_ingress",
            Self::IngressFrags => "xvrrp_ingress_frags",
            Self::Egress => "xvrrp_egress",
        }
    }
}

/// The outcome of a test run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) returned: u32,
    pub(crate) frame: Vec<u8>,
    /// Time per run.
    pub(crate) duration: Duration,
}

/// Programs and maps of one load of the object; they go with it.
pub(crate) struct Kernel {
    ebpf: Ebpf,
    pub(crate) events: RingBuf<aya::maps::MapData>,
}

impl Kernel {
    /// Loads the object, or tells why the suite goes on without. `log` is the level of the
    /// programs' own log.
    pub(crate) fn load(log: u8) -> Option<Self> {
        let object = match requirement() {
            Ok(object) => object,
            Err(missing) if env::var_os("XVRRP_SKIP_PRIVILEGED").is_some() => {
                eprintln!("on the host only: {missing}");
                return None;
            }
            Err(missing) => panic!("{missing}; XVRRP_SKIP_PRIVILEGED=1 leaves the kernel out"),
        };
        let mut ebpf = EbpfLoader::new()
            .override_global("AYA_LOG_LEVEL", &log, true)
            .load(&object)
            .unwrap();
        for program in Program::ALL {
            let loaded = ebpf.program_mut(program.name()).unwrap();
            if program == Program::Egress {
                let loaded: &mut SchedClassifier = loaded.try_into().unwrap();
                loaded
                    .load()
                    .unwrap_or_else(|error| panic!("{}: {error:?}", program.name()));
            } else {
                let loaded: &mut Xdp = loaded.try_into().unwrap();
                loaded
                    .load()
                    .unwrap_or_else(|error| panic!("{}: {error:?}", program.name()));
            }
        }
        let events = RingBuf::try_from(ebpf.take_map("EVENTS").unwrap()).unwrap();
        Some(Self { ebpf, events })
    }

    /// Fills the maps.
    pub(crate) fn install(&mut self, world: &World) {
        let mut routers: HashMap<_, RouterKey, RouterEntry> = self.map("ROUTERS");
        for (key, entry) in &world.routers {
            routers.insert(key, entry, 0).unwrap();
        }
        let mut slots: Array<_, Slot> = self.map("SLOTS");
        for (index, slot) in (0..).zip(&world.slots) {
            slots.set(index, slot, 0).unwrap();
        }
        let mut vips: HashMap<_, VipKey, VipEntry> = self.map("VIPS");
        for (key, entry) in &world.vips {
            vips.insert(key, entry, 0).unwrap();
        }
        let mut states: Array<_, u64> = self.map("VIP_STATES");
        for (index, state) in (0..).zip(&world.vip_states) {
            states.set(index, state, 0).unwrap();
        }
        let mut filter: Array<_, [u64; 16]> = self.map("FILTER");
        filter.set(0, world.filter(), 0).unwrap();
    }

    /// The words of a slot.
    pub(crate) fn slot(&mut self, slot: u32) -> Slot {
        let slots: Array<_, Slot> = self.map("SLOTS");
        slots.get(&slot, 0).unwrap()
    }

    /// Which counters of these slots, and of no router's, are not 0, with their value; all are 0
    /// afterwards.
    pub(crate) fn take_counters(&mut self, slots: u32) -> Vec<(u32, Counter, u64)> {
        let mut counters: PerCpuArray<_, Counters> = self.map("COUNTERS");
        let mut moved = Vec::new();
        for slot in (0..slots).chain([NO_ROUTER]) {
            let values = counters.get(&slot, 0).unwrap();
            for (index, (counter, _)) in Counter::ALL.into_iter().enumerate() {
                let value = values.iter().map(|cpu| cpu[index]).sum();
                if value != 0 {
                    moved.push((slot, counter, value));
                }
            }
            let zero = vec![[0; Counter::ALL.len()]; values.len()];
            counters
                .set(slot, PerCpuValues::try_from(zero).unwrap(), 0)
                .unwrap();
        }
        moved
    }

    /// Every record that is in the ring.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(record) = self.events.next() {
            events.push(bytemuck::pod_read_unaligned(&record));
        }
        events
    }

    /// File descriptor of the ring, for epoll.
    pub(crate) fn ring_fd(&self) -> i32 {
        self.events.as_raw_fd()
    }

    /// Runs a program `repeat` times over the frame.
    pub(crate) fn run(&self, program: Program, frame: &[u8], repeat: u32) -> Run {
        let mut out = vec![0; FRAME_ROOM];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            repeat,
            ..TestRunOptions::new()
        };
        let loaded = self.ebpf.program(program.name()).unwrap();
        let result = if program == Program::Egress {
            let loaded: &SchedClassifier = loaded.try_into().unwrap();
            loaded.test_run(options)
        } else {
            let loaded: &Xdp = loaded.try_into().unwrap();
            loaded.test_run(options)
        }
        .unwrap();
        out.truncate(result.data_size_out as usize);
        Run {
            returned: result.return_value,
            frame: out,
            duration: result.duration,
        }
    }

    /// What the kernel says about a program.
    pub(crate) fn info(&self, program: Program) -> ProgramInfo {
        let loaded = self.ebpf.program(program.name()).unwrap();
        loaded.info().unwrap()
    }

    fn map<'a, M>(&'a mut self, name: &str) -> M
    where
        M: TryFrom<&'a mut aya::maps::Map, Error = aya::maps::MapError>,
    {
        M::try_from(self.ebpf.map_mut(name).unwrap()).unwrap()
    }
}

/// The object, or what is missing to load it.
fn requirement() -> Result<Vec<u8>, String> {
    let path = env::var_os("XVRRP_BPF_OBJECT")
        .ok_or("XVRRP_BPF_OBJECT does not name the BPF object (cargo xtask test sets it)")?;
    if !nix::unistd::geteuid().is_root() {
        return Err("loading BPF programs needs root".to_owned());
    }
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}
