//! Programs of a few instructions, by bare bpf(2): what a test run costs of itself, and one that
//! writes its frame anew before the program under test sees it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::Run;

const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TEST_RUN: libc::c_int = 10;
const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;
const BPF_PROG_TYPE_SCHED_CLS: u32 = 3;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const BPF_FUNC_TAIL_CALL: i32 = 12;
/// Length of an ARP packet in an untagged frame: what [`Bare::rewriting`] writes.
const ARP: usize = 42;

/// A loaded program, as long as this lives.
#[derive(Debug)]
pub struct Bare {
    program: OwnedFd,
    /// The kernel empties an array of programs when its last descriptor closes.
    _next: Option<OwnedFd>,
}

impl Bare {
    /// XDP: passes every frame (XDP_PASS).
    ///
    /// # Errors
    /// Without privilege.
    pub fn xdp_pass() -> Result<Self> {
        Self::load(BPF_PROG_TYPE_XDP, &[set(0, 2), EXIT])
    }

    /// tc: leaves every frame to the next program (TC_ACT_UNSPEC).
    ///
    /// # Errors
    /// Without privilege.
    pub fn tc_next() -> Result<Self> {
        Self::load(BPF_PROG_TYPE_SCHED_CLS, &[set(0, -1), EXIT])
    }

    /// XDP: writes `frame` over what is there and goes on as `next` (a tail call), so that every
    /// one of many runs over a frame meets the same bytes, whatever the last one made of them.
    /// Without room for it, or without `next`, it returns XDP_ABORTED.
    ///
    /// # Errors
    /// Without privilege, or if `next` is no XDP program.
    pub fn rewriting(frame: &[u8; ARP], next: BorrowedFd<'_>) -> Result<Self> {
        let array = program_array(next).context("make an array of programs")?;
        let (words, rest) = frame.as_chunks::<4>();
        // r6 = context; r2 = data; r3 = data_end; if r2 + ARP > r3, skip what follows.
        let mut code = vec![copy(6, 1), load(2, 1, 0), load(3, 1, 4), copy(4, 2)];
        code.push(instruction(0x07, 4, 0, 0, i32::try_from(ARP)?));
        let stores = words.len() + rest.len().div_ceil(2);
        let skipped = i16::try_from(stores + 5)?;
        code.push(instruction(0x2d, 4, 3, skipped, 0));
        for (offset, word) in (0..).step_by(4).zip(words) {
            code.push(instruction(0x62, 2, 0, offset, i32::from_le_bytes(*word)));
        }
        let [a, b] = *rest else {
            unreachable!("{ARP} is two more than a multiple of four")
        };
        let offset = i16::try_from(ARP - 2)?;
        code.push(instruction(
            0x6a,
            2,
            0,
            offset,
            i16::from_le_bytes([a, b]).into(),
        ));
        // tail_call(context, array, 0)
        code.push(copy(1, 6));
        code.extend([instruction(0x18, 2, 1, 0, array.as_raw_fd()), 0]);
        code.push(set(3, 0));
        code.push(instruction(0x85, 0, 0, 0, BPF_FUNC_TAIL_CALL));
        code.extend([set(0, 0), EXIT]);
        let mut bare = Self::load(BPF_PROG_TYPE_XDP, &code)?;
        bare._next = Some(array);
        Ok(bare)
    }

    /// Runs it `repeat` times over the frame.
    ///
    /// # Errors
    /// If the kernel does not take the frame.
    pub fn run(&self, frame: &[u8], repeat: u32) -> Result<Run> {
        let mut out = vec![0; frame.len()];
        let mut attributes = TestRun {
            prog_fd: number(&self.program),
            data_size_in: u32::try_from(frame.len())?,
            data_size_out: u32::try_from(out.len())?,
            data_in: frame.as_ptr() as u64,
            data_out: out.as_mut_ptr() as u64,
            repeat,
            ..TestRun::default()
        };
        bpf(BPF_PROG_TEST_RUN, &mut attributes).context("run a bare program")?;
        out.truncate(usize::try_from(attributes.data_size_out)?);
        Ok(Run {
            returned: attributes.retval,
            frame: out,
            duration: Duration::from_nanos(attributes.duration.into()),
        })
    }

    fn load(kind: u32, code: &[u64]) -> Result<Self> {
        let mut prog_name = [0; 16];
        prog_name[..7].copy_from_slice(b"xv_bare");
        let mut attributes = ProgLoad {
            prog_type: kind,
            insn_cnt: u32::try_from(code.len())?,
            insns: code.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            prog_name,
            // An array of programs takes only such as agree in this.
            expected_attach_type: if kind == BPF_PROG_TYPE_XDP {
                BPF_XDP
            } else {
                0
            },
            ..ProgLoad::default()
        };
        let fd = bpf(BPF_PROG_LOAD, &mut attributes).context("load a bare program")?;
        Ok(Self {
            program: descriptor(fd),
            _next: None,
        })
    }
}

impl AsFd for Bare {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
}

/// `struct bpf_insn`.
const fn instruction(code: u8, to: u8, from: u8, offset: i16, value: i32) -> u64 {
    (value.cast_unsigned() as u64) << 32
        | (offset.cast_unsigned() as u64) << 16
        | (from as u64) << 12
        | (to as u64) << 8
        | code as u64
}

const EXIT: u64 = instruction(0x95, 0, 0, 0, 0);

/// `to = value`
const fn set(to: u8, value: i32) -> u64 {
    instruction(0xb7, to, 0, 0, value)
}

/// `to = from`
const fn copy(to: u8, from: u8) -> u64 {
    instruction(0xbf, to, from, 0, 0)
}

/// `to = *(u32 *)(from + offset)`
const fn load(to: u8, from: u8, offset: i16) -> u64 {
    instruction(0x61, to, from, offset, 0)
}

/// The starts of `union bpf_attr` for the commands in use.
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

#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

#[repr(C)]
struct MapUpdate {
    map_fd: u32,
    _pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

fn program_array(only: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut create = MapCreate {
        map_type: BPF_MAP_TYPE_PROG_ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
    };
    let array = descriptor(bpf(BPF_MAP_CREATE, &mut create)?);
    let (key, value) = (0_u32, only.as_raw_fd().cast_unsigned());
    let mut update = MapUpdate {
        map_fd: number(&array),
        _pad: 0,
        key: (&raw const key) as u64,
        value: (&raw const value) as u64,
        flags: 0,
    };
    bpf(BPF_MAP_UPDATE_ELEM, &mut update)?;
    Ok(array)
}

fn number(fd: &OwnedFd) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

fn descriptor(fd: i32) -> OwnedFd {
    // SAFETY: called with what the kernel just returned as a new descriptor; nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
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
    match i32::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        Ok(_) | Err(_) => Err(io::Error::last_os_error()),
    }
}
