//! The kernel half, loaded: programs, maps and pins.

pub mod attach;
mod clocks;
pub mod counters;
pub mod device;
mod foreign;
mod log;
mod offload;
pub mod pinned;
pub mod shared;
mod tables;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, MapError, PerCpuArray, RingBuf},
    programs::ProgramError,
};
use thiserror::Error;

pub use attach::{Choice, EgressHook, Mode, Reception};
use counters::CounterTable;
use device::Devices;
pub use device::VlanTags;
use shared::{Slots, VipStates};
pub use tables::{TableError, Tables};

/// The object, compiled in by `build.rs`; empty if it was not built.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/xvrrp.bpf.o"));

/// What can go wrong with the kernel half.
#[derive(Debug, Error)]
pub enum BpfError {
    /// Built without the object.
    #[error(
        "this xvrrp was built without its BPF programs and cannot run; \
         build it with `cargo xtask build`"
    )]
    Stub,
    /// The object could not be loaded.
    #[error(
        "cannot load the BPF programs (root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and Linux 5.10 or newer are needed)"
    )]
    Load(#[from] aya::EbpfError),
    /// A program was refused.
    #[error("the kernel refused a BPF program")]
    Program(#[from] ProgramError),
    /// Something in the object is not what we expect.
    #[error("BPF object: {0}")]
    Object(&'static str),
    /// A map operation failed.
    #[error("BPF map {name}")]
    Map {
        /// Which map.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Pinning failed.
    #[error("cannot pin under {}", path.display())]
    Pin {
        /// The pin.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Our clock is not that of the programs.
    #[error(
        "CLOCK_MONOTONIC of this process is not that of the kernel: it runs in a time namespace with an \
         offset, in which a lease would not end when it has to; start xvrrp outside of it \
         (/proc/self/timens_offsets has to show 0)"
    )]
    Clock,
    /// The interfaces could not be read.
    #[error("cannot read the interfaces")]
    Interfaces(#[source] io::Error),
    /// Somebody else's XDP program is on the interface.
    #[error(
        "{interface} already has an XDP program {program}, which xvrrp does not replace; detach it \
         (`ip link set dev {interface} xdp off`, or end who holds it: `bpftool link`) or choose another interface"
    )]
    Foreign {
        /// The interface.
        interface: String,
        /// Name and id, as far as known.
        program: String,
    },
    /// Another node's programs are on the interface.
    #[error(
        "{interface} already has the programs of {}: stop that node, or put the virtual routers of both into \
         one file; if it is dead, `xvrrp cleanup --instance NAME` removes them",
        other_instance(instances)
    )]
    Ours {
        /// The interface.
        interface: String,
        /// Whose it may be, by the pins that are there.
        instances: Vec<String>,
    },
    /// XDP in the driver was asked for, and no rung of the attach ladder held.
    #[error("cannot attach XDP in the driver of {interface} (--xdp-mode native): {refusals}")]
    Attach {
        /// The interface.
        interface: String,
        /// What each mode was refused with.
        refusals: String,
    },
}

fn other_instance(instances: &[String]) -> String {
    if instances.is_empty() {
        "another xvrrp, whose name is not known here".to_owned()
    } else {
        format!("another xvrrp, instance {}", instances.join(" or "))
    }
}

fn map_error(name: &'static str) -> impl Fn(MapError) -> BpfError {
    move |error| BpfError::Map {
        name,
        source: io::Error::other(error),
    }
}

/// How the programs are attached to one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Interface name.
    pub interface: String,
    /// What judges received frames.
    pub reception: Reception,
    /// Egress hook.
    pub egress: EgressHook,
}

/// How the programs are to be attached.
#[derive(Clone, Copy, Debug)]
pub struct Wishes<'a> {
    /// What is to judge received frames.
    pub choice: Choice,
    /// Interfaces where virtual MACs are used.
    pub marked: &'a [u32],
    /// The programs log every frame that they refuse.
    pub log: bool,
}

/// The loaded programs. Dropping it closes our references; pinned links live on until
/// [`pinned::remove`].
#[derive(Debug)]
pub struct Dataplane {
    ebpf: Ebpf,
    /// How each interface is served.
    pub attachments: Vec<Attachment>,
    /// Shared words, for engine and address worker.
    pub slots: Arc<Slots>,
    /// Shared words of the virtual IPs.
    pub vip_states: Arc<VipStates>,
}

impl Dataplane {
    /// Loads the programs, attaches them to each interface (name, index), and pins links and the
    /// `SLOTS` map under `pins`, as the wishes have it. After an error the caller removes the pins.
    ///
    /// # Errors
    /// Without the object, without permission, when the kernel refuses a program; [`BpfError::Clock`]
    /// in a time namespace; [`BpfError::Foreign`] beside somebody else's program,
    /// [`BpfError::Attach`] when the wanted mode does not work.
    pub fn attach(
        pins: &Path,
        interfaces: &[(String, u32)],
        wishes: Wishes<'_>,
    ) -> Result<Self, BpfError> {
        if OBJECT.is_empty() {
            return Err(BpfError::Stub);
        }
        let level = log::level(wishes.log);
        let mut ebpf = EbpfLoader::new()
            .override_global(aya_log::LEVEL, &level, true)
            .load(OBJECT)?;
        clocks::compare(&mut ebpf)?;
        let devices = Devices::read().map_err(BpfError::Interfaces)?;
        let slots = shared::array_data(&ebpf, "SLOTS")?;
        let pin = pins.join(pinned::SLOTS);
        slots.pin(&pin).map_err(|error| BpfError::Pin {
            path: pin,
            source: io::Error::other(error),
        })?;
        let slots = Arc::new(Slots::map(slots)?);
        let vip_states = Arc::new(VipStates::map(shared::array_data(&ebpf, "VIP_STATES")?)?);
        let attachments = interfaces
            .iter()
            .map(|(name, index)| attach_one(&mut ebpf, pins, (name, *index), wishes, &devices))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            ebpf,
            attachments,
            slots,
            vip_states,
        })
    }

    /// Takes the maps that describe virtual routers and virtual IPs.
    ///
    /// # Errors
    /// When the object lacks one, or they were taken before.
    pub fn tables(&mut self) -> Result<Tables, BpfError> {
        Tables::take(&mut self.ebpf)
    }

    /// What forwards the programs' log to ours, for as long as it is polled.
    ///
    /// # Errors
    /// When the object lacks the map.
    pub fn log_records(
        &mut self,
    ) -> Result<impl Future<Output = io::Result<()>> + use<>, BpfError> {
        log::forward(&mut self.ebpf)
    }

    /// Takes the event ring.
    ///
    /// # Errors
    /// When the object lacks it, or it was taken before.
    pub fn events(&mut self) -> Result<RingBuf<MapData>, BpfError> {
        RingBuf::try_from(take(&mut self.ebpf, "EVENTS")?).map_err(map_error("EVENTS"))
    }

    /// Takes the counters.
    ///
    /// # Errors
    /// When the object lacks them, or they were taken before.
    pub fn counters(&mut self) -> Result<CounterTable, BpfError> {
        let map = take(&mut self.ebpf, "COUNTERS")?;
        let counters = PerCpuArray::try_from(map).map_err(map_error("COUNTERS"))?;
        let map = take(&mut self.ebpf, "SAMPLES")?;
        let samples = Array::try_from(map).map_err(map_error("SAMPLES"))?;
        Ok(CounterTable { counters, samples })
    }
}

fn attach_one(
    ebpf: &mut Ebpf,
    pins: &Path,
    (interface, index): (&str, u32),
    wishes: Wishes<'_>,
    devices: &Devices,
) -> Result<Attachment, BpfError> {
    // The gate on the way out comes first: nothing of a virtual IP leaves before it is judged what comes
    // in. In tc the last one attached is the first one asked, so that marking follows the judgement.
    let gate = pins.join(format!("egress-{index}"));
    foreign::refuse_other_nodes(interface, &gate)?;
    let egress = attach::egress(ebpf, interface, &gate)?;
    if wishes.marked.contains(&index) {
        attach::mark(ebpf, interface, &pins.join(format!("mark-{index}")))?;
    }
    let reception = attach::ingress(ebpf, wishes.choice, devices, (interface, index), pins)?;
    Ok(Attachment {
        interface: interface.to_owned(),
        reception,
        egress,
    })
}

/// Takes a map out. Only after every program is loaded: until then programs refer to maps by
/// descriptor.
fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, BpfError> {
    ebpf.take_map(name).ok_or(BpfError::Object(name))
}
