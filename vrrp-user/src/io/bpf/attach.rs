//! How the programs get onto an interface. Received frames: XDP in the driver with frags, without, and
//! where that is not to be had, tc. Each tc program: tcx, clsact.
//!
//! XDP in the stack (generic mode) is left out: it does not see the VLAN tags that were taken off,
//! copies every frame that is not in one piece, and is no earlier than tc.

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

/// Attaches what judges received frames, and pins it.
pub(super) fn ingress(
    ebpf: &mut Ebpf,
    choice: Choice,
    devices: &Devices,
    (interface, index): (&str, u32),
    pins: &Path,
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
    classifier(
        ebpf,
        RECEIVE_PROGRAM,
        TcAttachType::Ingress,
        interface,
        &pin,
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
    let program = xdp(ebpf, program)?;
    // Linux before 5.18 refuses the frags program here, and the ladder goes on without.
    match program.load() {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => program.attach(interface, XdpMode::Driver),
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
