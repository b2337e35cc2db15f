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

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, RingBuf},
    programs::ProgramError,
};
use thiserror::Error;
use vrrp_ebpf::abi::{PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry, VipKey};

pub use attach::{Choice, EgressHook, Mode, Reception};
use counters::CounterTable;
use device::Devices;
pub use device::VlanTags;
use shared::{Filter, Slots, VipStates};

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

/// The kernel did not take what the engine wrote to a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("BPF map {name}: {}", io::Error::from_raw_os_error(*errno))]
pub struct TableError {
    /// Which map.
    pub name: &'static str,
    /// Why.
    pub errno: i32,
}

fn refused(name: &'static str) -> impl Fn(MapError) -> TableError {
    move |error| {
        let errno = match error {
            MapError::SyscallError(error) => error.io_error.raw_os_error(),
            _ => None,
        };
        TableError {
            name,
            errno: errno.unwrap_or(libc::EIO),
        }
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

/// The maps that the engine writes when interfaces change.
#[derive(Debug)]
pub struct Tables {
    routers: HashMap<MapData, RouterKey, RouterEntry>,
    peers: HashMap<MapData, PeerKey, PeerEntry>,
    macs: HashMap<MapData, RouterKey, u32>,
    proxies: HashMap<MapData, u32, ProxyEntry>,
    vips: HashMap<MapData, VipKey, VipEntry>,
    filter: Filter,
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
            .override_global("VIRTUAL_MACS", &u8::from(!wishes.marked.is_empty()), true)
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
        Ok(Tables {
            routers: HashMap::try_from(take(&mut self.ebpf, "ROUTERS")?)
                .map_err(map_error("ROUTERS"))?,
            peers: HashMap::try_from(take(&mut self.ebpf, "PEERS")?).map_err(map_error("PEERS"))?,
            macs: HashMap::try_from(take(&mut self.ebpf, "MACS")?).map_err(map_error("MACS"))?,
            proxies: HashMap::try_from(take(&mut self.ebpf, "PROXIES")?)
                .map_err(map_error("PROXIES"))?,
            vips: HashMap::try_from(take(&mut self.ebpf, "VIPS")?).map_err(map_error("VIPS"))?,
            filter: Filter::map(shared::array_data(&self.ebpf, "FILTER")?)?,
        })
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

impl Tables {
    /// Tells XDP about a virtual router, or changes what it knows.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_router(&mut self, key: RouterKey, entry: RouterEntry) -> Result<(), TableError> {
        self.routers
            .insert(key, entry, 0)
            .map_err(refused("ROUTERS"))
    }

    /// Tells XDP about a unicast peer.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_peer(&mut self, key: PeerKey, entry: PeerEntry) -> Result<(), TableError> {
        self.peers.insert(key, entry, 0).map_err(refused("PEERS"))
    }

    /// Tells the programs which virtual router (its slot) uses its Virtual Router MAC there.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_mac(&mut self, key: RouterKey, slot: u32) -> Result<(), TableError> {
        self.macs.insert(key, slot, 0).map_err(refused("MACS"))
    }

    /// Tells egress who answers by proxy ARP on this interface.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_proxy(&mut self, ifindex: u32, entry: ProxyEntry) -> Result<(), TableError> {
        self.proxies
            .insert(ifindex, entry, 0)
            .map_err(refused("PROXIES"))
    }

    /// Tells XDP and egress about a virtual IP, or changes the MAC they answer with.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_vip(&mut self, key: VipKey, entry: VipEntry) -> Result<(), TableError> {
        // The filter first: a virtual IP that the filter does not know would be a transit address.
        self.filter.insert(&key);
        self.vips.insert(key, entry, 0).map_err(refused("VIPS"))
    }
}
