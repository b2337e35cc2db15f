//! An XDP program that passes everything, attached natively. Two uses: the switch's end of a veth
//! whose other end answers by XDP_TX needs one, and it is the foreign program that a node must not
//! replace.

use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;

use crate::{
    bpf::{self, AttachType, ProgramType},
    netns::Netns,
};

const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// `r0 = XDP_PASS; exit`, as two `struct bpf_insn`.
const PASS: [u64; 2] = [0x0000_0002_0000_00b7, 0x0000_0000_0000_0095];

/// A pass program on an interface, as long as this lives.
#[derive(Debug)]
pub struct XdpPass {
    _link: OwnedFd,
}

impl XdpPass {
    /// Loads it and attaches it in native mode.
    ///
    /// # Errors
    /// If there is no such interface, it has a program already, or knows no native XDP.
    pub fn attach(netns: &Netns, interface: &str) -> Result<Self> {
        let link = netns.run(|| {
            let index = if_nametoindex(interface).with_context(|| interface.to_owned())?;
            let program = bpf::load(ProgramType::Xdp, "xv_pass", &PASS)?;
            bpf::link(&program, index, AttachType::Xdp, XDP_FLAGS_DRV_MODE)
                .with_context(|| format!("attach XDP to {interface}"))
        })?;
        Ok(Self { _link: link })
    }
}
