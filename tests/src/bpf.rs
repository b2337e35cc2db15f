//! Bare bpf(2): what the lab's own small programs need to be loaded, attached, run and read. The lab
//! depends on no BPF toolchain, so they are assembled by hand, see [`crate::xdp_pass`],
//! [`crate::loss`] and [`crate::datapath`].

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_LOOKUP_ELEM: libc::c_int = 1;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TEST_RUN: libc::c_int = 10;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_LINK_DETACH: libc::c_int = 34;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;

/// Kinds of programs, as `enum bpf_prog_type` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum ProgramType {
    SchedCls = 3,
    Xdp = 6,
}

/// Where a program can be attached, as `enum bpf_attach_type` numbers it.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum AttachType {
    Xdp = 37,
    TcxIngress = 46,
    TcxEgress = 47,
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
    prog_ifindex: u32,
    expected_attach_type: u32,
}

/// The start of `union bpf_attr` for BPF_LINK_CREATE.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// The start of `union bpf_attr` for BPF_MAP_CREATE.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

/// The start of `union bpf_attr` for BPF_PROG_TEST_RUN.
#[repr(C)]
#[derive(Default)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
}

/// The start of `union bpf_attr` for BPF_MAP_LOOKUP_ELEM and BPF_MAP_UPDATE_ELEM.
#[repr(C)]
struct MapElement {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Loads a program of `struct bpf_insn`s, each as the number whose bytes it is.
///
/// # Errors
/// If the name has more than 15 bytes, without privilege, or if the verifier refuses the program.
pub(crate) fn load(kind: ProgramType, name: &str, instructions: &[u64]) -> Result<OwnedFd> {
    let license = CString::new("GPL")?;
    let mut prog_name = [0; 16];
    ensure!(name.len() < prog_name.len(), "{name} is too long");
    prog_name[..name.len()].copy_from_slice(name.as_bytes());
    let mut attributes = ProgLoad {
        prog_type: kind as u32,
        insn_cnt: u32::try_from(instructions.len())?,
        insns: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        prog_name,
        // An array of programs takes only such as agree in this.
        expected_attach_type: match kind {
            ProgramType::Xdp => AttachType::Xdp as u32,
            ProgramType::SchedCls => 0,
        },
        ..ProgLoad::default()
    };
    descriptor(BPF_PROG_LOAD, &mut attributes).with_context(|| format!("load {name}"))
}

/// Attaches a program to the interface with this index in the caller's network namespace, until
/// the descriptor is closed.
pub(crate) fn link(
    program: &OwnedFd,
    interface: u32,
    place: AttachType,
    flags: u32,
) -> io::Result<OwnedFd> {
    let mut attributes = LinkCreate {
        prog_fd: number(program),
        target_ifindex: interface,
        attach_type: place as u32,
        flags,
    };
    descriptor(BPF_LINK_CREATE, &mut attributes)
}

/// Ends what [`link`] began. Closing the descriptor is not enough for who goes by the moment: a child
/// of another thread has a copy of it from fork to exec.
pub(crate) fn detach(link: &OwnedFd) -> io::Result<()> {
    // `union bpf_attr` for BPF_LINK_DETACH is just the descriptor.
    bpf(BPF_LINK_DETACH, &mut number(link)).map(drop)
}

/// Makes an array map of one value, `N` numbers, all zero.
pub(crate) fn one_value_map<const N: usize>() -> io::Result<OwnedFd> {
    // A handful of numbers.
    let size = u32::try_from(size_of::<[u64; N]>()).map_err(io::Error::other)?;
    one_entry(BPF_MAP_TYPE_ARRAY, size)
}

/// Makes an array of programs that holds just this one, for a tail call to index 0. The kernel
/// empties it when its last descriptor closes.
pub(crate) fn program_array(only: impl AsFd) -> io::Result<OwnedFd> {
    let array = one_entry(BPF_MAP_TYPE_PROG_ARRAY, 4)?;
    let (key, program) = (0_u32, only.as_fd().as_raw_fd().cast_unsigned());
    let mut attributes = MapElement {
        map_fd: number(&array),
        padding: 0,
        key: std::ptr::from_ref(&key) as u64,
        value: std::ptr::from_ref(&program) as u64,
        flags: 0,
    };
    bpf(BPF_MAP_UPDATE_ELEM, &mut attributes)?;
    Ok(array)
}

fn one_entry(map_type: u32, value_size: u32) -> io::Result<OwnedFd> {
    let mut attributes = MapCreate {
        map_type,
        key_size: 4,
        value_size,
        max_entries: 1,
        map_flags: 0,
    };
    descriptor(BPF_MAP_CREATE, &mut attributes)
}

/// What a test run of a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What the program returned.
    pub(crate) returned: u32,
    /// The frame afterwards.
    pub(crate) frame: Vec<u8>,
    /// Time per run.
    pub(crate) duration: Duration,
}

/// Runs a program `repeat` times over a frame.
pub(crate) fn test_run(program: &OwnedFd, frame: &[u8], repeat: u32) -> io::Result<Ran> {
    let mut out = vec![0; frame.len()];
    let size = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut attributes = TestRun {
        prog_fd: number(program),
        data_size_in: size,
        data_size_out: size,
        data_in: frame.as_ptr() as u64,
        data_out: out.as_mut_ptr() as u64,
        repeat,
        ..TestRun::default()
    };
    bpf(BPF_PROG_TEST_RUN, &mut attributes)?;
    out.truncate(usize::try_from(attributes.data_size_out).map_err(io::Error::other)?);
    Ok(Ran {
        returned: attributes.retval,
        frame: out,
        duration: Duration::from_nanos(attributes.duration.into()),
    })
}

/// The value of a map of [`one_value_map`] with the same `N`.
pub(crate) fn read_value<const N: usize>(map: &OwnedFd) -> io::Result<[u64; N]> {
    let key = 0_u32;
    let mut value = [0; N];
    let mut attributes = MapElement {
        map_fd: number(map),
        padding: 0,
        key: std::ptr::from_ref(&key) as u64,
        value: std::ptr::from_mut(&mut value) as u64,
        flags: 0,
    };
    bpf(BPF_MAP_LOOKUP_ELEM, &mut attributes)?;
    Ok(value)
}

/// A descriptor as the kernel's structures have it.
pub(crate) fn number(fd: &OwnedFd) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// The commands that return a descriptor.
fn descriptor<T>(command: libc::c_int, attributes: &mut T) -> io::Result<OwnedFd> {
    let fd = bpf(command, attributes)?;
    // SAFETY: the kernel just gave this descriptor to us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf<T>(command: libc::c_int, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: `attributes` is a live, fully initialised prefix of `union bpf_attr` of the stated
    // size; the addresses in it point to data that outlives the call and is as long as it says.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    let result = i32::try_from(result).unwrap_or(-1);
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
