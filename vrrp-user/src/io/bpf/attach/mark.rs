//! What takes frames to virtual MACs, between XDP and the stack.

use std::path::Path;

use aya::{
    Ebpf,
    programs::{LinkOrder, TcAttachType},
};

use super::{
    MARK_PROGRAM, RECEIVE_PROGRAM,
    choice::Mode,
    tc::{self, EgressHook, Filters},
};
use crate::io::bpf::BpfError;

/// Attaches what takes frames to virtual MACs, after the egress gate, before what judges received frames and in the same
/// way.
pub(in crate::io::bpf) fn mark(
    ebpf: &mut Ebpf,
    interface: &str,
    pin: &Path,
    filters: &mut Filters,
) -> Result<(), BpfError> {
    in_order(ebpf, interface, LinkOrder::first(), pin, filters).map(drop)
}

/// The same after what judges received frames, whose judgement comes first all the same.
pub(in crate::io::bpf) fn mark_later(
    ebpf: &mut Ebpf,
    interface: &str,
    reception: Mode,
    pin: &Path,
    filters: &mut Filters,
) -> Result<(), BpfError> {
    if reception != Mode::Tc {
        return mark(ebpf, interface, pin, filters);
    }
    let order = LinkOrder::after_program(tc::named(ebpf, RECEIVE_PROGRAM)?)?;
    if in_order(ebpf, interface, order, pin, filters)? == EgressHook::Tcx {
        return Ok(());
    }
    let place = (interface, TcAttachType::Ingress);
    tc::ask_first(ebpf, RECEIVE_PROGRAM, place, filters)
}

fn in_order(
    ebpf: &mut Ebpf,
    interface: &str,
    order: LinkOrder,
    pin: &Path,
    filters: &mut Filters,
) -> Result<EgressHook, BpfError> {
    let place = (interface, TcAttachType::Ingress);
    tc::attach(ebpf, MARK_PROGRAM, place, order, pin, filters)
}
