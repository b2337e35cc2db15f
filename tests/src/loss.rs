//! A lossy link: a port of the switch that drops a share of its frames, by a sequence that a seed
//! decides. Two programs of class sched_cls on the port, for kernels that have no netem.
//!
//! Each direction counts its frames, and whether frame number `n` is lost is a pure function of
//! seed, direction and `n`, see [`is_lost`]: what goes one way does not disturb the sequence of
//! what goes the other, nor do frames on two CPUs at a time.
//!
//! An AF_PACKET capture on the port sees what comes in from the host before it is dropped, and what
//! goes out to the host only if it is not.

use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result, ensure};
use nix::{errno::Errno, net::if_::if_nametoindex};

use crate::{
    bpf::{self, AttachType, ProgramType},
    link::Port,
    netns::Netns,
};

/// The way of a frame through a port of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the host.
    In,
    /// To the host.
    Out,
}

/// What both programs count: frames seen and dropped on the way in, then on the way out.
const COUNTERS: usize = 4;

/// Drops frames on a port until dropped itself.
#[derive(Debug)]
pub struct Loss {
    counters: OwnedFd,
    links: [OwnedFd; 2],
}

impl Port {
    /// Loses `percent` % of the frames of either direction, until the result is dropped. The same
    /// seed loses the same frames, by their number.
    ///
    /// # Errors
    /// If `percent` is more than 100, or on Linux before 6.6.
    pub fn lose(&self, percent: u8, seed: u64) -> Result<Loss> {
        ensure!(percent <= 100, "{percent} % of the frames");
        Loss::attach(self.switch(), self.name(), percent, seed)
    }
}

impl Loss {
    /// Frames seen, both directions together.
    ///
    /// # Errors
    /// If the kernel refuses to read the map.
    pub fn seen(&self) -> Result<u64> {
        let [seen_in, _, seen_out, _] = self.read()?;
        Ok(seen_in + seen_out)
    }

    /// Frames dropped, both directions together.
    ///
    /// # Errors
    /// As [`Self::seen`].
    pub fn dropped(&self) -> Result<u64> {
        let [_, dropped_in, _, dropped_out] = self.read()?;
        Ok(dropped_in + dropped_out)
    }

    fn read(&self) -> Result<[u64; COUNTERS]> {
        bpf::read_value(&self.counters).context("read the counters of a lossy link")
    }

    fn attach(netns: &Netns, port: &str, percent: u8, seed: u64) -> Result<Self> {
        let counters = bpf::one_value_map::<COUNTERS>().context("make a map")?;
        let attach = |direction| {
            let instructions = program(bpf::number(&counters), direction, percent, seed);
            let program = bpf::load(ProgramType::SchedCls, "xv_loss", &instructions)?;
            let place = match direction {
                Direction::In => AttachType::TcxIngress,
                Direction::Out => AttachType::TcxEgress,
            };
            let index = if_nametoindex(port).with_context(|| port.to_owned())?;
            bpf::link(&program, index, place, 0).map_err(|error| {
                let missing = error.raw_os_error() == Some(Errno::EINVAL as i32);
                let hint = if missing {
                    ": tcx is in Linux from 6.6"
                } else {
                    ""
                };
                anyhow::Error::new(error).context(format!("attach by tcx to {port}{hint}"))
            })
        };
        let links = netns.run(|| Ok([attach(Direction::In)?, attach(Direction::Out)?]))?;
        Ok(Self { counters, links })
    }
}

impl Drop for Loss {
    fn drop(&mut self) {
        for link in &self.links {
            // Refused if the port is gone, and the loss with it.
            drop(bpf::detach(link));
        }
    }
}

/// The constants of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014): number `n` of its sequence needs only the seed and `n`.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_1: u64 = 0xbf58_476d_1ce4_e5b9;
const MIX_2: u64 = 0x94d0_49bb_1331_11eb;

/// Whether frame `n` of a direction is lost, counted from 0.
#[must_use]
pub fn is_lost(seed: u64, direction: Direction, percent: u8, n: u64) -> bool {
    let start = start(seed, direction);
    let mut z = n.wrapping_mul(GAMMA).wrapping_add(start);
    z = (z ^ (z >> 30)).wrapping_mul(MIX_1);
    z = (z ^ (z >> 27)).wrapping_mul(MIX_2);
    (z ^ (z >> 31)) >> 32 < threshold(percent)
}

/// The generator's state at frame 0. Both directions have sequences of their own: else a question
/// and its answer would be lost together.
fn start(seed: u64, direction: Direction) -> u64 {
    let seed = match direction {
        Direction::In => seed,
        Direction::Out => !seed,
    };
    seed.wrapping_add(GAMMA)
}

/// Of 2^32 equally likely numbers, how many mean a loss.
fn threshold(percent: u8) -> u64 {
    (u64::from(percent) << 32) / 100
}

/// [`is_lost`] in BPF, with the counting of both kinds.
fn program(counters: u32, direction: Direction, percent: u8, seed: u64) -> Vec<u64> {
    use assembler::*;

    let offset = match direction {
        Direction::In => 0,
        Direction::Out => 16,
    };
    let mut code = Vec::new();
    // r6 = the direction's two counters
    code.extend(load_map_value(R6, counters, offset));
    // r1 = n, the number of this frame; the first counter += 1
    code.push(set(R1, 1));
    code.push(fetch_add(R6, 0, R1));
    // r1 = n * GAMMA + start
    code.extend(load_number(R2, GAMMA));
    code.push(multiply(R1, R2));
    code.extend(load_number(R2, start(seed, direction)));
    code.push(add(R1, R2));
    // r1 = (r1 ^ r1 >> 30) * MIX_1, then the same with 27 and MIX_2
    for (shift, factor) in [(30, MIX_1), (27, MIX_2)] {
        code.push(copy(R2, R1));
        code.push(shift_right(R2, shift));
        code.push(xor(R1, R2));
        code.extend(load_number(R2, factor));
        code.push(multiply(R1, R2));
    }
    // r1 = (r1 ^ r1 >> 31) >> 32
    code.push(copy(R2, R1));
    code.push(shift_right(R2, 31));
    code.push(xor(R1, R2));
    code.push(shift_right(R1, 32));
    // if r1 >= threshold: on to the bridge
    code.extend(load_number(R2, threshold(percent)));
    code.push(jump_if_not_below(R1, R2, 4));
    // the second counter += 1, drop the frame
    code.push(set(R1, 1));
    code.push(fetch_add(R6, 8, R1));
    code.push(set(R0, TCX_DROP));
    code.push(exit());
    code.push(set(R0, TCX_NEXT));
    code.push(exit());
    code
}

/// The few instructions that the program needs, each a `struct bpf_insn` as a little-endian number:
/// opcode 8 bits, destination 4, source 4, offset 16, immediate 32.
mod assembler {
    pub(super) const R0: u8 = 0;
    pub(super) const R1: u8 = 1;
    pub(super) const R2: u8 = 2;
    pub(super) const R6: u8 = 6;

    /// The next program decides; without one the frame goes on.
    pub(super) const TCX_NEXT: i32 = -1;
    /// The frame is dropped.
    pub(super) const TCX_DROP: i32 = 2;

    const LD_IMM64: u8 = 0x18;
    const ALU64_ADD_X: u8 = 0x0f;
    const ALU64_MUL_X: u8 = 0x2f;
    const ALU64_RSH_K: u8 = 0x77;
    const ALU64_XOR_X: u8 = 0xaf;
    const ALU64_MOV_K: u8 = 0xb7;
    const ALU64_MOV_X: u8 = 0xbf;
    const JMP_JGE_X: u8 = 0x3d;
    const JMP_EXIT: u8 = 0x95;
    const STX_ATOMIC_DW: u8 = 0xdb;

    /// In the source field of a LD_IMM64: its number is a map's descriptor and an offset.
    const PSEUDO_MAP_VALUE: u8 = 2;
    /// In the immediate of an atomic: add, and fetch the value before.
    const ADD_AND_FETCH: u32 = 0x01;

    fn instruction(code: u8, to: u8, from: u8, offset: i16, immediate: u32) -> u64 {
        u64::from(code)
            | u64::from(to) << 8
            | u64::from(from) << 12
            | u64::from(offset.cast_unsigned()) << 16
            | u64::from(immediate) << 32
    }

    /// `to = value`, of 64 bits: the second half stands in an instruction of its own.
    pub(super) fn load_number(to: u8, value: u64) -> [u64; 2] {
        let high = value >> 32 << 32;
        [instruction(LD_IMM64, to, 0, 0, 0) | value << 32, high]
    }

    /// `to = address of a one-value map's value + offset`.
    pub(super) fn load_map_value(to: u8, map: u32, offset: u32) -> [u64; 2] {
        [
            instruction(LD_IMM64, to, PSEUDO_MAP_VALUE, 0, map),
            instruction(0, 0, 0, 0, offset),
        ]
    }

    /// `to = value`
    pub(super) fn set(to: u8, value: i32) -> u64 {
        instruction(ALU64_MOV_K, to, 0, 0, value.cast_unsigned())
    }

    /// `to = from`
    pub(super) fn copy(to: u8, from: u8) -> u64 {
        instruction(ALU64_MOV_X, to, from, 0, 0)
    }

    /// `to += from`
    pub(super) fn add(to: u8, from: u8) -> u64 {
        instruction(ALU64_ADD_X, to, from, 0, 0)
    }

    /// `to *= from`
    pub(super) fn multiply(to: u8, from: u8) -> u64 {
        instruction(ALU64_MUL_X, to, from, 0, 0)
    }

    /// `to ^= from`
    pub(super) fn xor(to: u8, from: u8) -> u64 {
        instruction(ALU64_XOR_X, to, from, 0, 0)
    }

    /// `to >>= bits`, unsigned
    pub(super) fn shift_right(to: u8, bits: u32) -> u64 {
        instruction(ALU64_RSH_K, to, 0, 0, bits)
    }

    /// `(*(address + offset), value) = (*(address + offset) + value, *(address + offset))`, in one
    pub(super) fn fetch_add(address: u8, offset: i16, value: u8) -> u64 {
        instruction(STX_ATOMIC_DW, address, value, offset, ADD_AND_FETCH)
    }

    /// Over the next `skip` instructions if `left >= right`, unsigned.
    pub(super) fn jump_if_not_below(left: u8, right: u8, skip: i16) -> u64 {
        instruction(JMP_JGE_X, left, right, skip, 0)
    }

    /// Returns r0.
    pub(super) fn exit() -> u64 {
        instruction(JMP_EXIT, 0, 0, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(seed: u64, direction: Direction, percent: u8) -> Vec<u64> {
        let is_lost = |&n: &u64| is_lost(seed, direction, percent, n);
        (0..10_000).filter(is_lost).collect()
    }

    #[test]
    fn the_share_is_as_asked() {
        assert_eq!(lost(1, Direction::In, 0).len(), 0);
        assert_eq!(lost(1, Direction::In, 100).len(), 10_000);
        for seed in 0..100 {
            let count = lost(seed, Direction::In, 20).len();
            // Five standard deviations of the binomial distribution: 5 * sqrt(10000 * 0.2 * 0.8).
            assert!((1_800..=2_200).contains(&count), "seed {seed}: {count}");
        }
    }

    #[test]
    fn seeds_and_directions_differ() {
        let one = lost(1, Direction::In, 20);
        assert_ne!(one, lost(2, Direction::In, 20));
        assert_ne!(one, lost(1, Direction::Out, 20));
        let both = one.iter().filter(|&&n| is_lost(1, Direction::Out, 20, n));
        // 20 % of 20 %: no more often together than chance has it.
        assert!((300..=500).contains(&both.count()));
    }
}
