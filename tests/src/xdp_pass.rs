//! An XDP program that passes everything, attached natively. Two uses: the switch's end of a veth
//! whose other end answers by XDP_TX needs one, and it is the foreign program that a node must not
//! replace. Two instructions, loaded by bare bpf(2): the lab depends on no BPF toolchain.

use std::{
    ffi::CString,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;

use crate::netns::Netns;

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
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
            let program = load().context("load an XDP program")?;
            link(&program, index).with_context(|| format!("attach XDP to {interface}"))
        })?;
        Ok(Self { _link: link })
    }
}

/// The start of `union bpf_attr` for BPF_PROG_LOAD.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

/// The start of `union bpf_attr` for BPF_LINK_CREATE.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

fn load() -> Result<OwnedFd> {
    let license = CString::new("GPL")?;
    let mut prog_name = [0; 16];
    prog_name[..7].copy_from_slice(b"xv_pass");
    let attributes = ProgLoad {
        prog_type: BPF_PROG_TYPE_XDP,
        insn_cnt: 2,
        insns: PASS.as_ptr() as u64,
        license: license.as_ptr() as u64,
        prog_name,
        ..ProgLoad::default()
    };
    Ok(bpf(BPF_PROG_LOAD, &attributes)?)
}

fn link(program: &OwnedFd, index: u32) -> Result<OwnedFd> {
    let attributes = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_ifindex: index,
        attach_type: BPF_XDP,
        flags: XDP_FLAGS_DRV_MODE,
    };
    Ok(bpf(BPF_LINK_CREATE, &attributes)?)
}

/// The bpf(2) commands that return a descriptor.
fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: `attributes` is a live, fully initialised prefix of `union bpf_attr` of the stated
    // size; the addresses in it point to data that outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    let fd = i32::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just gave this descriptor to us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
