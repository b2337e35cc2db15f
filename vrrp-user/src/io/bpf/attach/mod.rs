//! How the programs get onto an interface. Received frames: XDP in the driver with frags, without, and
//! where that is not to be had, tc. Each tc program: tcx, clsact.
//!
//! XDP in the stack (generic mode) is left out: it does not see the VLAN tags that were taken off,
//! copies every frame that is not in one piece, and is no earlier than tc.
//!
//! A running node keeps no CAP_PERFMON, without which the verifier refuses the programs: they are loaded before. To
//! attach, pin and detach takes CAP_BPF and CAP_NET_ADMIN.

mod choice;
mod egress;
mod ingress;
mod mark;
mod refusals;
mod tc;
mod xdp;

use std::{io, path::Path};

use aya::{Ebpf, programs::links::FdLink};

use super::BpfError;

pub use choice::{Choice, Mode, Reception};
pub(super) use egress::egress;
pub(super) use ingress::ingress;
pub(super) use mark::{mark, mark_later};
pub use tc::EgressHook;
pub(super) use tc::Filters;

/// How the names of the XDP programs begin.
pub(super) const INGRESS_PROGRAM: &str = "xvrrp_ingress";
/// Name of the egress program, under which clsact filters are found again.
pub const EGRESS_PROGRAM: &str = "xvrrp_egress";
/// Name of the program between XDP and the stack, under which clsact filters are found again.
pub const MARK_PROGRAM: &str = "xvrrp_mark";

/// Name of the program for received frames where XDP does not run.
pub const RECEIVE_PROGRAM: &str = "xvrrp_receive";

/// Loads whatever any interface may need: XDP for frames in several buffers, or on kernels that have none in one
/// buffer; what judges frames in tc; and what is in tc in any case. A driver that takes only the other XDP program gets
/// it at the start alone, and tc later.
pub(super) fn load(ebpf: &mut Ebpf, choice: Choice) -> Result<(), BpfError> {
    if choice != Choice::Tc {
        xdp::load_best(ebpf);
    }
    for program in [EGRESS_PROGRAM, MARK_PROGRAM, RECEIVE_PROGRAM] {
        if program != RECEIVE_PROGRAM || choice != Choice::Native {
            tc::load(ebpf, program)?;
        }
    }
    Ok(())
}

fn pin_link(link: FdLink, pin: &Path) -> Result<(), BpfError> {
    link.pin(pin).map(drop).map_err(|error| BpfError::Pin {
        path: pin.to_owned(),
        source: io::Error::other(error),
    })
}
