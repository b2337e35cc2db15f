//! The attach ladder: native with frags, native, generic for XDP; tcx, clsact for the rest.

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

use super::{BpfError, foreign};

/// Name of the egress program, under which clsact filters are found again.
pub const EGRESS_PROGRAM: &str = "xvrrp_egress";
/// Name of the program between XDP and the stack, under which clsact filters are found again.
pub const MARK_PROGRAM: &str = "xvrrp_mark";

/// How XDP came to run on an interface, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the driver, frames over several buffers included (jumbo MTU).
    NativeFrags,
    /// In the driver.
    Native,
    /// In the network stack, after the driver made an skb of the frame.
    Generic,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NativeFrags => "native+frags",
            Self::Native => "native",
            Self::Generic => "generic",
        })
    }
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

const LADDER: [(Mode, &str, XdpMode); 3] = [
    (Mode::NativeFrags, "xvrrp_ingress_frags", XdpMode::Driver),
    (Mode::Native, "xvrrp_ingress", XdpMode::Driver),
    (Mode::Generic, "xvrrp_ingress", XdpMode::Skb),
];

/// Attaches XDP in the best mode that the interface takes and pins the link.
pub(super) fn ingress(ebpf: &mut Ebpf, interface: &str, pin: &Path) -> Result<Mode, BpfError> {
    let mut refusals = Vec::new();
    for (mode, program, flags) in LADDER {
        match attach_xdp(ebpf, program, interface, flags) {
            Ok(link) => {
                pin_xdp(ebpf, program, link, pin)?;
                return Ok(mode);
            }
            Err(error) => match errno_of(&error) {
                Some(Errno::EBUSY | Errno::EEXIST) => {
                    return Err(BpfError::Foreign {
                        interface: interface.to_owned(),
                        program: foreign::xdp_program(interface),
                    });
                }
                _ => refusals.push(format!("{mode}: {}", explain(&error))),
            },
        }
    }
    Err(BpfError::Attach {
        interface: interface.to_owned(),
        refusals: refusals.join("; "),
    })
}

fn attach_xdp(
    ebpf: &mut Ebpf,
    program: &'static str,
    interface: &str,
    mode: XdpMode,
) -> Result<XdpLinkId, ProgramError> {
    let program = xdp(ebpf, program)?;
    // Linux before 5.18 refuses the frags program here, and the ladder goes on without.
    match program.load() {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => program.attach(interface, mode),
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
pub(super) fn egress(ebpf: &mut Ebpf, interface: &str, pin: &Path) -> Result<EgressHook, BpfError> {
    classifier(ebpf, EGRESS_PROGRAM, TcAttachType::Egress, interface, pin)
}

/// Attaches what takes frames to virtual MACs, after [`egress`] and in the same way.
pub(super) fn mark(ebpf: &mut Ebpf, interface: &str, pin: &Path) -> Result<(), BpfError> {
    classifier(ebpf, MARK_PROGRAM, TcAttachType::Ingress, interface, pin).map(drop)
}

fn classifier(
    ebpf: &mut Ebpf,
    name: &'static str,
    place: TcAttachType,
    interface: &str,
    pin: &Path,
) -> Result<EgressHook, BpfError> {
    let program = ebpf.program_mut(name).ok_or(BpfError::Object(name))?;
    let program: &mut SchedClassifier = program.try_into()?;
    match program.load() {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => {}
        Err(error) => return Err(error.into()),
    }
    let order = TcAttachOptions::TcxOrder(LinkOrder::first());
    match program.attach_with_options(interface, place, order) {
        Ok(id) => pin_tcx(program, id, pin).map(|()| EgressHook::Tcx),
        // Before 6.6 the attach type is unknown to BPF_LINK_CREATE.
        Err(error) if errno_of(&error) == Some(Errno::EINVAL) => clsact(program, place, interface),
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
    place: TcAttachType,
    interface: &str,
) -> Result<EgressHook, BpfError> {
    let added = match tc::qdisc_add_clsact(interface) {
        Ok(()) => true,
        Err(TcError::NetlinkError(error)) if error.raw_os_error() == Some(Errno::EEXIST as i32) => {
            false
        }
        Err(error) => return Err(ProgramError::from(error).into()),
    };
    let options = TcAttachOptions::Netlink(tc::NlOptions::default());
    program.attach_with_options(interface, place, options)?;
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
