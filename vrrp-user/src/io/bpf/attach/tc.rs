//! Programs in tc: by a tcx link where the kernel has them, which is pinned, else by a filter of a clsact qdisc.

use std::{fmt, path::Path};

use aya::{
    Ebpf,
    programs::{
        LinkOrder, ProgramError, SchedClassifier, TcAttachType,
        links::FdLink,
        tc::{self, SchedClassifierLinkId, TcAttachOptions, TcError},
    },
};
use nix::errno::Errno;

use super::{pin_link, refusals::errno_of};
use crate::io::bpf::{BpfError, undisturbed::undisturbed};

/// How the egress gate is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressHook {
    /// A tcx link (Linux 6.6).
    Tcx,
    /// A filter of the clsact qdisc.
    Clsact {
        /// The qdisc was not there before us.
        added: bool,
    },
}

impl fmt::Display for EgressHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcx => "tcx",
            Self::Clsact { .. } => "clsact",
        })
    }
}

/// The filters of clsact qdiscs on one interface: nothing pins them.
#[derive(Debug, Default)]
pub(in crate::io::bpf) struct Filters {
    attached: Vec<(&'static str, SchedClassifierLinkId)>,
    /// The qdisc was not there before us.
    pub(in crate::io::bpf) added_qdisc: bool,
}

impl Filters {
    /// Detaches the filter of a program; none, or one that has gone with its interface, is no error.
    pub(in crate::io::bpf) fn remove(
        &mut self,
        ebpf: &mut Ebpf,
        program: &'static str,
    ) -> Result<(), BpfError> {
        let mut filters = self.attached.iter();
        let Some(position) = filters.position(|(name, _)| *name == program) else {
            return Ok(());
        };
        let (_, id) = self.attached.swap_remove(position);
        match named(ebpf, program)?.detach(id) {
            Err(error) if !is_gone(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Whether a filter is not there, or not even its qdisc or interface.
fn is_gone(error: &ProgramError) -> bool {
    let raw = match error {
        ProgramError::NetlinkError(error) => error.raw_os_error(),
        _ => None,
    };
    matches!(
        raw.map(Errno::from_raw),
        Some(Errno::ENOENT | Errno::EINVAL | Errno::ENODEV)
    )
}

pub(super) fn load(ebpf: &mut Ebpf, name: &'static str) -> Result<(), BpfError> {
    let program = named(ebpf, name)?;
    match undisturbed(|| program.load()) {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn named<'ebpf>(
    ebpf: &'ebpf mut Ebpf,
    name: &'static str,
) -> Result<&'ebpf mut SchedClassifier, BpfError> {
    let program = ebpf.program_mut(name).ok_or(BpfError::Object(name))?;
    Ok(program.try_into()?)
}

/// Attaches a program to one side of an interface; pins its link, or keeps its filter.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    name: &'static str,
    place: (&str, TcAttachType),
    order: LinkOrder,
    pin: &Path,
    filters: &mut Filters,
) -> Result<EgressHook, BpfError> {
    load(ebpf, name)?;
    let program = named(ebpf, name)?;
    let (interface, side) = place;
    match program.attach_with_options(interface, side, TcAttachOptions::TcxOrder(order)) {
        Ok(id) => pin_tcx(program, id, pin).map(|()| EgressHook::Tcx),
        // Before 6.6 the attach type is unknown to BPF_LINK_CREATE.
        Err(error) if errno_of(&error) == Some(Errno::EINVAL) => {
            clsact(program, name, place, filters)
        }
        Err(error) => Err(error.into()),
    }
}

fn pin_tcx(
    program: &mut SchedClassifier,
    id: SchedClassifierLinkId,
    pin: &Path,
) -> Result<(), BpfError> {
    let link = FdLink::try_from(program.take_link(id)?)
        .map_err(|_| BpfError::Object("tcx attachment is not a link"))?;
    pin_link(link, pin)
}

fn clsact(
    program: &mut SchedClassifier,
    name: &'static str,
    (interface, side): (&str, TcAttachType),
    filters: &mut Filters,
) -> Result<EgressHook, BpfError> {
    let added = match tc::qdisc_add_clsact(interface) {
        Ok(()) => {
            filters.added_qdisc = true;
            true
        }
        Err(TcError::NetlinkError(error)) if error.raw_os_error() == Some(Errno::EEXIST as i32) => {
            false
        }
        Err(error) => return Err(ProgramError::from(error).into()),
    };
    let options = TcAttachOptions::Netlink(tc::NlOptions::default());
    let id = program.attach_with_options(interface, side, options)?;
    filters.attached.push((name, id));
    Ok(EgressHook::Clsact { added })
}

/// Adds the filter of a program again and removes the former: the filter that was added last is asked first. For a moment
/// both are asked, and judge alike.
pub(super) fn ask_first(
    ebpf: &mut Ebpf,
    name: &'static str,
    place: (&str, TcAttachType),
    filters: &mut Filters,
) -> Result<(), BpfError> {
    let program = named(ebpf, name)?;
    let mut before = Filters::default();
    std::mem::swap(&mut before.attached, &mut filters.attached);
    let again = clsact(program, name, place, filters);
    let removed = again.and_then(|_| before.remove(ebpf, name));
    filters.attached.append(&mut before.attached);
    removed
}
