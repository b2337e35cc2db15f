//! The loaded programs and their maps.

use std::{
    fmt,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf, EbpfLoader, Pod,
    maps::{Array, HashMap, MapData, MapError, PerCpuArray, PerCpuValues, RingBuf},
    programs::{ProgramInfo, SchedClassifier, TestRun as _, TestRunOptions, Xdp},
    util::KernelVersion,
};
use vrrp_ebpf::{
    abi::{
        Counter, Counters, Event, FILTER_WORDS, NO_ROUTER, RouterEntry, RouterKey, Sample, Slot,
        VipEntry, VipKey, sample_index,
    },
    pace::Paces,
};

use super::World;

/// Room for the frame that a test run gives back.
const FRAME_ROOM: usize = 4096;

/// The programs of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Received frames in one buffer.
    Ingress,
    /// Received frames in several buffers.
    IngressFrags,
    /// Received frames in tc instead of XDP.
    Receive,
    /// Frames to be sent.
    Egress,
    /// Received frames between XDP and the stack, where Virtual Router MACs are used.
    Mark,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ingress,
        Self::IngressFrags,
        Self::Receive,
        Self::Egress,
        Self::Mark,
    ];

    /// Its name in the object.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "xvrrp_ingress",
            Self::IngressFrags => "xvrrp_ingress_frags",
            Self::Receive => "xvrrp_receive",
            Self::Egress => "xvrrp_egress",
            Self::Mark => "xvrrp_mark",
        }
    }

    /// Whether it sees received frames as the driver has them, not as the stack does.
    #[must_use]
    pub fn is_xdp(self) -> bool {
        matches!(self, Self::Ingress | Self::IngressFrags)
    }

    /// Whether it has the verdict on received frames.
    #[must_use]
    pub fn receives(self) -> bool {
        self.is_xdp() || self == Self::Receive
    }

    /// Whether this kernel can load it. XDP in several buffers came with Linux 5.18 ("bpf:
    /// introduce BPF_F_XDP_HAS_FRAGS flag in prog_flags loading the ebpf program").
    fn is_supported(self) -> Result<bool> {
        Ok(self != Self::IngressFrags || KernelVersion::current()? >= KernelVersion::new(5, 18, 0))
    }
}

/// The outcome of a test run.
#[derive(Debug)]
pub struct Run {
    /// What the program returned, the last time.
    pub returned: u32,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// Time per run, whole nanoseconds.
    pub duration: Duration,
}

/// Programs and maps of one load of the object; they go with it.
pub struct Kernel {
    ebpf: Ebpf,
    programs: Vec<Program>,
    events: RingBuf<MapData>,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let programs = &self.programs;
        f.debug_struct("Kernel")
            .field("programs", programs)
            .finish_non_exhaustive()
    }
}

impl Kernel {
    /// Loads an object's bytes. `log` is the level of the programs' own log: 0 off, 4 debug.
    ///
    /// # Errors
    /// Without privilege, or what the verifier has against a program.
    pub fn load(object: &[u8], log: u8) -> Result<Self> {
        Self::loaded(object, log, false)
    }

    /// The same with the bounds that the node has on the rate of records. Elsewhere each record counts.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_bounded(object: &[u8]) -> Result<Self> {
        Self::loaded(object, 0, true)
    }

    fn loaded(object: &[u8], log: u8, bounded: bool) -> Result<Self> {
        let mut ebpf = EbpfLoader::new()
            .override_global("AYA_LOG_LEVEL", &log, true)
            .override_global("BOUNDED", &u8::from(bounded), true)
            .load(object)
            .context("load the BPF object")?;
        let mut programs = Vec::new();
        for program in Program::ALL {
            if !program.is_supported()? {
                continue;
            }
            let loaded = ebpf.program_mut(program.name()).context(program.name())?;
            if program.is_xdp() {
                <&mut Xdp>::try_from(loaded)?.load()
            } else {
                <&mut SchedClassifier>::try_from(loaded)?.load()
            }
            .with_context(|| format!("load {}", program.name()))?;
            programs.push(program);
        }
        let events = ebpf.take_map("EVENTS").context("no map EVENTS")?;
        Ok(Self {
            ebpf,
            programs,
            events: RingBuf::try_from(events)?,
        })
    }

    /// The programs that this kernel can load.
    #[must_use]
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Leaves these entries in a map and no others: those of another case are strangers in this one.
    fn refill<K: Pod, V: Pod>(&mut self, name: &str, entries: &[(K, V)]) -> Result<()> {
        let mut map: HashMap<_, K, V> = self.map(name)?;
        let known: Vec<_> = map.keys().collect::<Result<_, _>>()?;
        for key in known {
            map.remove(&key)?;
        }
        for (key, value) in entries {
            map.insert(key, value, 0)?;
        }
        Ok(())
    }

    /// Fills the maps.
    ///
    /// # Errors
    /// If the world does not fit in.
    pub fn install(&mut self, world: &World) -> Result<()> {
        let mut routers: HashMap<_, RouterKey, RouterEntry> = self.map("ROUTERS")?;
        for (key, entry) in &world.routers {
            routers.insert(key, entry, 0)?;
        }
        self.refill("PEERS", &world.peers)?;
        self.refill("MACS", &world.macs)?;
        self.refill("PROXIES", &world.proxies)?;
        let mut virtual_macs: Array<_, u64> = self.map(".data")?;
        virtual_macs.set(0, u64::from(!world.macs.is_empty()), 0)?;
        let mut slots: Array<_, Slot> = self.map("SLOTS")?;
        for (index, slot) in (0..).zip(&world.slots) {
            slots.set(index, slot, 0)?;
        }
        let mut vips: HashMap<_, VipKey, VipEntry> = self.map("VIPS")?;
        for (key, entry) in &world.vips {
            vips.insert(key, entry, 0)?;
        }
        let mut states: Array<_, u64> = self.map("VIP_STATES")?;
        for (index, state) in (0..).zip(&world.vip_states) {
            states.set(index, state, 0)?;
        }
        let mut filter: Array<_, [u64; FILTER_WORDS]> = self.map("FILTER")?;
        filter.set(0, world.filter(), 0)?;
        Ok(())
    }

    /// Has every bound on records as after a long silence.
    ///
    /// # Errors
    /// If the map cannot be written.
    pub fn rest(&mut self, slots: u32) -> Result<()> {
        let mut paces: Array<_, Paces> = self.map("PACES")?;
        for slot in (0..slots).chain([NO_ROUTER]) {
            paces.set(slot, [0; 8], 0)?;
        }
        Ok(())
    }

    /// What is kept of the last frame that moved a counter of a slot; afterwards it is `next`.
    ///
    /// # Errors
    /// If nothing is ever kept for this counter.
    pub fn replace_sample(&mut self, slot: u32, counter: Counter, next: &Sample) -> Result<Sample> {
        let index = sample_index(slot, counter as usize).context("a counter without samples")?;
        let mut samples: Array<_, Sample> = self.map("SAMPLES")?;
        let sample = samples.get(&index, 0)?;
        samples.set(index, next, 0)?;
        Ok(sample)
    }

    /// The words of a slot.
    ///
    /// # Errors
    /// If there is no such slot.
    pub fn slot(&mut self, slot: u32) -> Result<Slot> {
        let slots: Array<_, Slot> = self.map("SLOTS")?;
        Ok(slots.get(&slot, 0)?)
    }

    /// The counters of a slot, those of all CPUs together.
    ///
    /// # Errors
    /// If there is no such slot.
    pub fn counters(&mut self, slot: u32) -> Result<Counters> {
        let counters: PerCpuArray<_, Counters> = self.map("COUNTERS")?;
        let mut sums = [0; Counter::ALL.len()];
        for cpu in counters.get(&slot, 0)?.iter() {
            for (sum, value) in sums.iter_mut().zip(cpu) {
                *sum += value;
            }
        }
        Ok(sums)
    }

    /// Sets the words of a slot.
    ///
    /// # Errors
    /// If there is no such slot.
    pub fn set_slot(&mut self, index: u32, slot: &Slot) -> Result<()> {
        let mut slots: Array<_, Slot> = self.map("SLOTS")?;
        Ok(slots.set(index, slot, 0)?)
    }

    /// Which counters of these slots, and of no router's, are not 0, with their value; all are 0
    /// afterwards.
    ///
    /// # Errors
    /// If there are not so many slots.
    pub fn take_counters(&mut self, slots: u32) -> Result<Vec<(u32, Counter, u64)>> {
        let mut counters: PerCpuArray<_, Counters> = self.map("COUNTERS")?;
        let mut moved = Vec::new();
        for slot in (0..slots).chain([NO_ROUTER]) {
            let values = counters.get(&slot, 0)?;
            for (index, (counter, _)) in Counter::ALL.into_iter().enumerate() {
                let value = values.iter().map(|cpu| cpu[index]).sum();
                if value != 0 {
                    moved.push((slot, counter, value));
                }
            }
            let zero = vec![[0; Counter::ALL.len()]; values.len()];
            counters.set(slot, PerCpuValues::try_from(zero)?, 0)?;
        }
        Ok(moved)
    }

    /// Every record that is in the ring.
    pub fn take_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(record) = self.events.next() {
            events.push(bytemuck::pod_read_unaligned(&record));
        }
        events
    }

    /// File descriptor of the ring, for epoll.
    #[must_use]
    pub fn ring_fd(&self) -> i32 {
        self.events.as_raw_fd()
    }

    /// Runs a program `repeat` times over the frame. What a run makes of the frame, the next one
    /// meets.
    ///
    /// # Errors
    /// If the kernel does not take the frame.
    pub fn run(&self, program: Program, frame: &[u8], repeat: u32) -> Result<Run> {
        let mut out = vec![0; FRAME_ROOM];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            repeat,
            ..TestRunOptions::new()
        };
        let loaded = self.program(program)?;
        let result = if program.is_xdp() {
            <&Xdp>::try_from(loaded)?.test_run(options)
        } else {
            <&SchedClassifier>::try_from(loaded)?.test_run(options)
        }
        .with_context(|| format!("run {}", program.name()))?;
        out.truncate(usize::try_from(result.data_size_out)?);
        Ok(Run {
            returned: result.return_value,
            frame: out,
            duration: result.duration,
        })
    }

    /// What the kernel says about a program.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn info(&self, program: Program) -> Result<ProgramInfo> {
        Ok(self.program(program)?.info()?)
    }

    /// The descriptor of the program for received frames.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn ingress_fd(&self) -> Result<BorrowedFd<'_>> {
        let loaded = <&Xdp>::try_from(self.program(Program::Ingress)?)?;
        Ok(loaded.fd()?.as_fd())
    }

    fn program(&self, program: Program) -> Result<&aya::programs::Program> {
        self.ebpf
            .program(program.name())
            .with_context(|| format!("no program {}", program.name()))
    }

    fn map<'a, M>(&'a mut self, name: &str) -> Result<M>
    where
        M: TryFrom<&'a mut aya::maps::Map, Error = MapError>,
    {
        let map = self.ebpf.map_mut(name);
        let map = map.with_context(|| format!("no map {name}"))?;
        M::try_from(map).with_context(|| name.to_owned())
    }
}
