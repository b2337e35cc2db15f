//! What judges received frames: XDP if it is wanted and to be had, else tc.

use std::path::Path;

use aya::{
    Ebpf,
    programs::{LinkOrder, TcAttachType},
};

use super::{
    RECEIVE_PROGRAM,
    choice::{Choice, Mode, Reception},
    tc::{self, Filters},
    xdp,
};
use crate::io::bpf::{
    BpfError,
    device::{Devices, VlanTags},
    foreign,
};

/// Attaches what judges received frames, and pins it.
pub(in crate::io::bpf) fn ingress(
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
        None => match xdp::attach(ebpf, devices, (interface, index), pins)? {
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
    tc::attach(
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
