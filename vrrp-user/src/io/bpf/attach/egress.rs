//! The egress gate.

use std::path::Path;

use aya::{
    Ebpf,
    programs::{LinkOrder, TcAttachType},
};

use super::{
    EGRESS_PROGRAM,
    tc::{self, EgressHook, Filters},
};
use crate::io::bpf::BpfError;

/// Attaches the egress gate, as a tcx link where the kernel has them.
pub(in crate::io::bpf) fn egress(
    ebpf: &mut Ebpf,
    interface: &str,
    pin: &Path,
    filters: &mut Filters,
) -> Result<EgressHook, BpfError> {
    let place = (interface, TcAttachType::Egress);
    tc::attach(
        ebpf,
        EGRESS_PROGRAM,
        place,
        LinkOrder::first(),
        pin,
        filters,
    )
}
