//! How the programs get onto an interface. Received frames: XDP in the driver with frags, without, and
//! where that is not to be had, tc. Each tc program: tcx, clsact.
//!
//! XDP in the stack (generic mode) is left out: it does not see the VLAN tags that were taken off,
//! copies every frame that is not in one piece, and is no earlier than tc.
//!
//! A running node keeps no CAP_PERFMON, without which the verifier refuses the programs: they are loaded before. To
//! attach, pin and detach takes CAP_BPF and CAP_NET_ADMIN.

use std::{fmt, io, path::Path};

use aya::{
    Ebpf,
    programs::{
        LinkOrder, ProgramError, SchedClassifier, TcAttachType, Xdp, XdpMode,
        links::FdLink,
        tc::{self, SchedClassifierLinkId, TcAttachOptions, TcError},
        xdp::XdpLinkId,
    },
};
use nix::errno::Errno;

use super::{
    BpfError,
    device::{Devices, VlanTags},
    foreign,
    undisturbed::undisturbed,
};

/// How the names of the XDP programs begin.
pub(super) const INGRESS_PROGRAM: &str = "xvrrp_ingress";
/// Name of the egress program, under which clsact filters are found again.
pub const EGRESS_PROGRAM: &str = "xvrrp_egress";
/// Name of the program between XDP and the stack, under which clsact filters are found again.
pub const MARK_PROGRAM: &str = "xvrrp_mark";

/// Name of the program for received frames where XDP does not run.
pub const RECEIVE_PROGRAM: &str = "xvrrp_receive";

/// What received frames are judged by, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// XDP in the driver, frames over several buffers included (jumbo MTU).
    NativeFrags,
    /// XDP in the driver.
    Native,
    /// tc, after the driver made an skb of the frame.
    Tc,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NativeFrags => "native+frags",
            Self::Native => "native",
            Self::Tc => "tc",
        })
    }
}

/// What received frames are to be judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// XDP where its answers are sure to arrive, else tc.
    #[default]
    Auto,
    /// XDP in the driver, or not at all.
    Native,
    /// tc.
    Tc,
}

/// What received frames came to be judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// Where they are.
    pub mode: Mode,
    /// Why not by XDP, if they are not.
    pub reason: Option<String>,
    /// Whether their VLAN tags are seen.
    pub vlan_tags: VlanTags,
}

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

const LADDER: [(Mode, &str); 2] = [
    (Mode::NativeFrags, "xvrrp_ingress_frags"),
    (Mode::Native, "xvrrp_ingress"),
];

/// The filters of clsact qdiscs on one interface: nothing pins them.
#[derive(Debug, Default)]
pub(super) struct Filters {
    attached: Vec<(&'static str, SchedClassifierLinkId)>,
    /// The qdisc was not there before us.
    pub(super) added_qdisc: bool,
}

impl Filters {
    /// Detaches the filter of a program; none, or one that has gone with its interface, is no error.
    pub(super) fn remove(
        &mut self,
        ebpf: &mut Ebpf,
        program: &'static str,
    ) -> Result<(), BpfError> {
        let mut filters = self.attached.iter();
        let Some(position) = filters.position(|(name, _)| *name == program) else {
            return Ok(());
        };
        let (_, id) = self.attached.swap_remove(position);
        match classifier_of(ebpf, program)?.detach(id) {
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

/// Loads whatever any interface may need: XDP for frames in several buffers, or on kernels that have none in one
/// buffer; what judges frames in tc; and what is in tc in any case. A driver that takes only the other XDP program gets
/// it at the start alone, and tc later.
pub(super) fn load(ebpf: &mut Ebpf, choice: Choice) -> Result<(), BpfError> {
    if choice != Choice::Tc {
        // What each is refused with is told of the interface that wants it.
        for (_, program) in LADDER {
            if load_xdp(ebpf, program).is_ok() {
                break;
            }
        }
    }
    for program in [EGRESS_PROGRAM, MARK_PROGRAM, RECEIVE_PROGRAM] {
        if program != RECEIVE_PROGRAM || choice != Choice::Native {
            load_classifier(ebpf, program)?;
        }
    }
    Ok(())
}

/// Attaches what judges received frames, and pins it.
pub(super) fn ingress(
    ebpf: &mut Ebpf,
    choice: Choice,
    devices: &Devices,
    (interface, index): (&str, u32),
    pins: &Path,
    filters: &mut Filters,
) -> Result<Reception, BpfError> {
    let reason = match choice {
        Choice::Auto => devices.distrusted(index),
        Choice::Native => None,
        Choice::Tc => Some("--xdp-mode tc".to_owned()),
    };
    let reason = match reason {
        Some(reason) => reason,
        None => match native(ebpf, devices, (interface, index), pins)? {
            Ok(mode) => {
                return Ok(Reception {
                    mode,
                    reason: None,
                    vlan_tags: devices.tags_in_driver(index),
                });
            }
            Err(refusals) if choice == Choice::Native => {
                return Err(BpfError::Attach {
                    interface: interface.to_owned(),
                    refusals,
                });
            }
            Err(refusals) => refusals,
        },
    };
    let pin = pins.join(format!("receive-{index}"));
    let place = (interface, TcAttachType::Ingress);
    classifier(
        ebpf,
        RECEIVE_PROGRAM,
        place,
        LinkOrder::first(),
        &pin,
        filters,
    )?;
    if let Some(id) = devices.xdp_program(index) {
        tracing::warn!(
            "{interface} has an XDP program {}, which sees every frame before xvrrp: what it drops or \
             redirects, adverts included, xvrrp does not get",
            foreign::program_name(Some(id))
        );
    }
    Ok(Reception {
        mode: Mode::Tc,
        reason: Some(reason),
        vlan_tags: VlanTags::Visible,
    })
}

/// Attaches XDP in the driver in the best mode that the interface takes and pins the link; or says
/// what each mode was refused with.
fn native(
    ebpf: &mut Ebpf,
    devices: &Devices,
    (interface, index): (&str, u32),
    pins: &Path,
) -> Result<Result<Mode, String>, BpfError> {
    let mut refusals = Vec::new();
    for (mode, program) in LADDER {
        match attach_xdp(ebpf, program, interface) {
            Ok(link) => {
                pin_xdp(ebpf, program, link, &pins.join(format!("xdp-{index}")))?;
                return Ok(Ok(mode));
            }
            Err(error) => match errno_of(&error) {
                Some(Errno::EBUSY | Errno::EEXIST) => {
                    let pin = pins.join(format!("xdp-{index}"));
                    return Err(foreign::refusal(
                        interface,
                        devices.xdp_program(index),
                        &pin,
                    ));
                }
                _ => refusals.push((mode, explain(&error))),
            },
        }
    }
    Ok(Err(told(&refusals)))
}

/// What the modes were refused with: once, if all were with the same.
fn told(refusals: &[(Mode, String)]) -> String {
    match refusals {
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => first.clone(),
        _ => {
            let each = refusals.iter().map(|(mode, why)| format!("{mode}: {why}"));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

fn attach_xdp(
    ebpf: &mut Ebpf,
    program: &'static str,
    interface: &str,
) -> Result<XdpLinkId, ProgramError> {
    load_xdp(ebpf, program)?;
    xdp(ebpf, program)?.attach(interface, XdpMode::Driver)
}

/// Linux before 5.18 refuses the program for several buffers here.
fn load_xdp(ebpf: &mut Ebpf, program: &'static str) -> Result<(), ProgramError> {
    let program = xdp(ebpf, program)?;
    match undisturbed(|| program.load()) {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(()),
        Err(error) => Err(error),
    }
}

fn xdp<'ebpf>(
    ebpf: &'ebpf mut Ebpf,
    program: &'static str,
) -> Result<&'ebpf mut Xdp, ProgramError> {
    ebpf.program_mut(program)
        .ok_or(ProgramError::UnexpectedProgramType)?
        .try_into()
}

fn pin_xdp(
    ebpf: &mut Ebpf,
    program: &'static str,
    link: XdpLinkId,
    pin: &Path,
) -> Result<(), BpfError> {
    let link = xdp(ebpf, program)?.take_link(link)?;
    // aya falls back to netlink when the kernel has no BPF links; such an attachment would outlive
    // a crash with nothing to find it by. Dropping it detaches it.
    let link = FdLink::try_from(link)
        .map_err(|_| BpfError::Object("the kernel has no XDP links (Linux 5.9 or newer needed)"))?;
    pin_link(link, pin)
}

fn pin_link(link: FdLink, pin: &Path) -> Result<(), BpfError> {
    link.pin(pin).map(drop).map_err(|error| BpfError::Pin {
        path: pin.to_owned(),
        source: io::Error::other(error),
    })
}

/// Attaches the egress gate, as a tcx link where the kernel has them.
pub(super) fn egress(
    ebpf: &mut Ebpf,
    interface: &str,
    pin: &Path,
    filters: &mut Filters,
) -> Result<EgressHook, BpfError> {
    let place = (interface, TcAttachType::Egress);
    classifier(
        ebpf,
        EGRESS_PROGRAM,
        place,
        LinkOrder::first(),
        pin,
        filters,
    )
}

/// Attaches what takes frames to virtual MACs, after [`egress`], before [`ingress`] and in the same way.
pub(super) fn mark(
    ebpf: &mut Ebpf,
    interface: &str,
    pin: &Path,
    filters: &mut Filters,
) -> Result<(), BpfError> {
    mark_in_order(ebpf, interface, LinkOrder::first(), pin, filters).map(drop)
}

/// The same after [`ingress`], whose judgement comes first all the same.
pub(super) fn mark_later(
    ebpf: &mut Ebpf,
    interface: &str,
    reception: Mode,
    pin: &Path,
    filters: &mut Filters,
) -> Result<(), BpfError> {
    if reception != Mode::Tc {
        return mark(ebpf, interface, pin, filters);
    }
    let order = LinkOrder::after_program(classifier_of(ebpf, RECEIVE_PROGRAM)?)?;
    if mark_in_order(ebpf, interface, order, pin, filters)? == EgressHook::Tcx {
        return Ok(());
    }
    // The filter that was added last is asked first. For a moment frames are judged twice, and alike.
    let mut before = Filters::default();
    std::mem::swap(&mut before.attached, &mut filters.attached);
    let program = classifier_of(ebpf, RECEIVE_PROGRAM)?;
    let again = clsact(
        program,
        RECEIVE_PROGRAM,
        (interface, TcAttachType::Ingress),
        filters,
    );
    let removed = again.and_then(|_| before.remove(ebpf, RECEIVE_PROGRAM));
    filters.attached.append(&mut before.attached);
    removed
}

fn mark_in_order(
    ebpf: &mut Ebpf,
    interface: &str,
    order: LinkOrder,
    pin: &Path,
    filters: &mut Filters,
) -> Result<EgressHook, BpfError> {
    let place = (interface, TcAttachType::Ingress);
    classifier(ebpf, MARK_PROGRAM, place, order, pin, filters)
}

fn load_classifier(ebpf: &mut Ebpf, name: &'static str) -> Result<(), BpfError> {
    let program = classifier_of(ebpf, name)?;
    match undisturbed(|| program.load()) {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn classifier_of<'ebpf>(
    ebpf: &'ebpf mut Ebpf,
    name: &'static str,
) -> Result<&'ebpf mut SchedClassifier, BpfError> {
    let program = ebpf.program_mut(name).ok_or(BpfError::Object(name))?;
    Ok(program.try_into()?)
}

fn classifier(
    ebpf: &mut Ebpf,
    name: &'static str,
    place: (&str, TcAttachType),
    order: LinkOrder,
    pin: &Path,
    filters: &mut Filters,
) -> Result<EgressHook, BpfError> {
    load_classifier(ebpf, name)?;
    let program = classifier_of(ebpf, name)?;
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

fn errno_of(error: &ProgramError) -> Option<Errno> {
    let raw = match error {
        ProgramError::SyscallError(syscall) => syscall.io_error.raw_os_error(),
        ProgramError::LoadError { io_error, .. } => io_error.raw_os_error(),
        _ => None,
    };
    raw.map(Errno::from_raw)
}

/// One line for people: the errno, and what it usually means here.
fn explain(error: &ProgramError) -> String {
    match errno_of(error) {
        Some(Errno::EOPNOTSUPP) => "the driver has no native XDP".to_owned(),
        Some(Errno::ERANGE) => "the MTU is too large for one buffer".to_owned(),
        Some(Errno::EPERM) => {
            "not permitted (CAP_BPF and CAP_NET_ADMIN, or root, are needed)".to_owned()
        }
        Some(errno) => errno.desc().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_refusals_are_told_once() {
        let both = |first: &str, second: &str| {
            told(&[
                (Mode::NativeFrags, first.to_owned()),
                (Mode::Native, second.to_owned()),
            ])
        };
        assert_eq!(both("no XDP", "no XDP"), "no XDP");
        assert_eq!(both("no XDP", "MTU"), "native+frags: no XDP; native: MTU");
    }
}
