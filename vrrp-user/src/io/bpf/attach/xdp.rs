//! XDP programs: in the driver, by links that are pinned.

use std::path::Path;

use aya::{
    Ebpf,
    programs::{ProgramError, Xdp, XdpMode, links::FdLink, xdp::XdpLinkId},
};
use nix::errno::Errno;

use super::{
    choice::Mode,
    pin_link,
    refusals::{errno_of, explain, told},
};
use crate::io::bpf::{BpfError, device::Devices, foreign, undisturbed::undisturbed};

/// Best first.
const LADDER: [(Mode, &str); 2] = [
    (Mode::NativeFrags, "xvrrp_ingress_frags"),
    (Mode::Native, "xvrrp_ingress"),
];

/// Loads the best program that the kernel takes.
pub(super) fn load_best(ebpf: &mut Ebpf) {
    // What each is refused with is told of the interface that wants it.
    for (_, program) in LADDER {
        if load(ebpf, program).is_ok() {
            break;
        }
    }
}

/// Attaches XDP in the driver in the best mode that the interface takes and pins the link; or says
/// what each mode was refused with.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    devices: &Devices,
    (interface, index): (&str, u32),
    pins: &Path,
) -> Result<Result<Mode, String>, BpfError> {
    let mut refusals = Vec::new();
    for (mode, program) in LADDER {
        match attach_one(ebpf, program, interface) {
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

fn attach_one(
    ebpf: &mut Ebpf,
    program: &'static str,
    interface: &str,
) -> Result<XdpLinkId, ProgramError> {
    load(ebpf, program)?;
    named(ebpf, program)?.attach(interface, XdpMode::Driver)
}

/// Linux before 5.18 refuses the program for several buffers here.
fn load(ebpf: &mut Ebpf, program: &'static str) -> Result<(), ProgramError> {
    let program = named(ebpf, program)?;
    match undisturbed(|| program.load()) {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(()),
        Err(error) => Err(error),
    }
}

fn named<'ebpf>(
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
    let link = named(ebpf, program)?.take_link(link)?;
    // aya falls back to netlink when the kernel has no BPF links; such an attachment would outlive
    // a crash with nothing to find it by. Dropping it detaches it.
    let link = FdLink::try_from(link)
        .map_err(|_| BpfError::Object("the kernel has no XDP links (Linux 5.9 or newer needed)"))?;
    pin_link(link, pin)
}
