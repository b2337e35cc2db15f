//! The kernel half, loaded: programs, maps and pins.

pub mod attach;
mod clocks;
pub mod counters;
mod dataplane;
pub mod device;
mod foreign;
mod log;
mod offload;
pub mod pinned;
pub mod shared;
mod tables;
mod undisturbed;

use std::{io, path::PathBuf};

use aya::{
    Ebpf,
    maps::{Map, MapError},
    programs::ProgramError,
};
use thiserror::Error;

pub use attach::{Choice, EgressHook, Mode, Reception};
pub use dataplane::{Attached, Attachment, Dataplane, Place, Wishes};
pub use device::VlanTags;
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

/// Takes a map out. Only after every program is loaded: until then programs refer to maps by
/// descriptor.
fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, BpfError> {
    ebpf.take_map(name).ok_or(BpfError::Object(name))
}
