//! Programs of a few instructions: what a test run costs of itself, and one that
//! writes its frame anew before the program under test sees it.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result, bail};

use super::Run;
use crate::bpf::{self, ProgramType};

const BPF_FUNC_TAIL_CALL: i32 = 12;

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
        Self::load(ProgramType::Xdp, &[set(0, 2), EXIT])
    }

    /// tc: leaves every frame to the next program (TC_ACT_UNSPEC).
    ///
    /// # Errors
    /// Without privilege.
    pub fn tc_next() -> Result<Self> {
        Self::load(ProgramType::SchedCls, &[set(0, -1), EXIT])
    }

    /// XDP: writes `frame` over what is there and goes on as `next` (a tail call), so that every
    /// one of many runs over a frame meets the same bytes, whatever the last one made of them.
    /// Without room for it, or without `next`, it returns XDP_ABORTED.
    ///
    /// # Errors
    /// Without privilege, if `next` is no XDP program, or if the frame's length is not by two more
    /// than a multiple of four, as that of an untagged one without padding is.
    pub fn rewriting(frame: &[u8], next: BorrowedFd<'_>) -> Result<Self> {
        let array = bpf::program_array(next).context("make an array of programs")?;
        let (words, rest) = frame.as_chunks::<4>();
        // r6 = context; r2 = data; r3 = data_end; if r2 + length > r3, skip what follows.
        let mut code = vec![copy(6, 1), load(2, 1, 0), load(3, 1, 4), copy(4, 2)];
        code.push(instruction(0x07, 4, 0, 0, i32::try_from(frame.len())?));
        let stores = words.len() + rest.len().div_ceil(2);
        let skipped = i16::try_from(stores + 5)?;
        code.push(instruction(0x2d, 4, 3, skipped, 0));
        for (offset, word) in (0..).step_by(4).zip(words) {
            code.push(instruction(0x62, 2, 0, offset, i32::from_le_bytes(*word)));
        }
        let [a, b] = *rest else {
            bail!("a frame of {} bytes cannot be written anew", frame.len());
        };
        let offset = i16::try_from(frame.len() - 2)?;
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
        let mut bare = Self::load(ProgramType::Xdp, &code)?;
        bare._next = Some(array);
        Ok(bare)
    }

    /// Runs it `repeat` times over the frame.
    ///
    /// # Errors
    /// If the kernel does not take the frame.
    pub fn run(&self, frame: &[u8], repeat: u32) -> Result<Run> {
        let ran = bpf::test_run(&self.program, frame, repeat).context("run a bare program")?;
        Ok(Run {
            returned: ran.returned,
            frame: ran.frame,
            duration: ran.duration,
        })
    }

    fn load(kind: ProgramType, code: &[u64]) -> Result<Self> {
        Ok(Self {
            program: bpf::load(kind, "xv_bare", code)?,
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
