//! What the programs take up of the stack.
//!
//! The kernel that they are built on may be laxer than others: verifiers round what each function of a
//! chain of calls takes up to 16 bytes where there is a JIT, older ones (Linux 6.1 among them) to 32
//! bytes always. Those also count calls that a constant makes dead code. So it is the older reckoning
//! that decides, and nobody needs an old kernel to know.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use object::{
    Endianness, File, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget,
    SectionIndex, SymbolKind,
};

/// `MAX_BPF_STACK`, for a chain of functions.
pub(crate) const LIMIT: u32 = 512;
/// What a function takes up at least, and the unit in which it does.
const UNIT: u32 = 32;
/// `MAX_CALL_FRAMES`.
const MOST_CALLS: u32 = 8;
/// Functions that are no entry points: aya copies those that a program calls behind it.
const LIBRARY: &str = ".text";

const INSTRUCTION: usize = 8;
const FRAME_POINTER: u8 = 10;
const CALL: u8 = 0x85;
/// Source register of a call of another function, which no helper of the kernel is.
const TO_FUNCTION: u8 = 1;
const MOVE: u8 = 0xbf;
const ADD_NUMBER: u8 = 0x07;
/// Classes of instructions, by the three lowest bits.
const CLASS: u8 = 7;
const LOAD: u8 = 1;
const STORE_NUMBER: u8 = 2;
const STORE: u8 = 3;
const JUMPS: [u8; 2] = [5, 6];

/// Where a function starts: the index of its section, and the bytes before it there.
type Place = (usize, u64);

/// A function of the object.
struct Function {
    name: String,
    is_program: bool,
    /// Bytes of the stack that it uses itself.
    frame: u32,
    calls: BTreeSet<Place>,
}

/// What a program takes up.
#[derive(Debug)]
pub(crate) struct Depth {
    /// Its name.
    pub(crate) program: String,
    /// Bytes of the stack, along the deepest chain of calls.
    pub(crate) bytes: u32,
}

/// What every program of the object takes up.
///
/// # Errors
/// If the object cannot be read.
pub(crate) fn depths(file: &File<'_>) -> Result<Vec<Depth>> {
    let functions = functions(file)?;
    let programs = functions.iter().filter(|(_, function)| function.is_program);
    programs
        .map(|(place, function)| {
            Ok(Depth {
                program: function.name.clone(),
                bytes: depth(&functions, *place, MOST_CALLS)?,
            })
        })
        .collect()
}

fn depth(functions: &BTreeMap<Place, Function>, place: Place, most: u32) -> Result<u32> {
    let function = functions
        .get(&place)
        .context("the BPF object has a call to where no function starts")?;
    if most == 0 {
        bail!("too many calls in one another lead to `{}`", function.name);
    }
    let mut deepest = 0;
    for call in &function.calls {
        deepest = deepest.max(depth(functions, *call, most - 1)?);
    }
    Ok(function.frame.max(1).next_multiple_of(UNIT) + deepest)
}

fn functions(file: &File<'_>) -> Result<BTreeMap<Place, Function>> {
    let mut functions = BTreeMap::new();
    for symbol in file.symbols() {
        let Some(section) = symbol.section_index() else {
            continue;
        };
        if symbol.kind() != SymbolKind::Text || symbol.size() == 0 {
            continue;
        }
        let (at, name) = (symbol.address(), symbol.name()?.to_owned());
        let in_section = file.section_by_index(section)?;
        let code = in_section
            .data_range(at, symbol.size())?
            .with_context(|| format!("`{name}` lies outside of its section"))?;
        let code: Vec<_> = code
            .chunks_exact(INSTRUCTION)
            .filter_map(|bytes| bytes.first_chunk())
            .map(|bytes| Instruction::parse(bytes, file.endianness()))
            .collect();
        let function = Function {
            is_program: in_section.name()? != LIBRARY,
            frame: frame(&code),
            calls: calls(file, (section.0, at), &code)?,
            name,
        };
        functions.insert((section.0, at), function);
    }
    Ok(functions)
}

/// Bytes below the frame pointer that the code reaches.
fn frame(code: &[Instruction]) -> u32 {
    let mut deepest = 0;
    // Registers that hold the frame pointer, as it is.
    let mut holders = BTreeSet::new();
    for instruction in code {
        let Instruction {
            code,
            target,
            source,
            offset,
            number,
        } = *instruction;
        let reached = match code & CLASS {
            LOAD if source == FRAME_POINTER => i32::from(offset),
            STORE | STORE_NUMBER if target == FRAME_POINTER => i32::from(offset),
            _ if code == ADD_NUMBER && holders.contains(&target) => number,
            _ => 0,
        };
        deepest = deepest.max(reached.min(0).unsigned_abs());
        if code == MOVE && source == FRAME_POINTER {
            holders.insert(target);
        } else if !JUMPS.contains(&(code & CLASS))
            && ![STORE, STORE_NUMBER].contains(&(code & CLASS))
        {
            holders.remove(&target);
        }
    }
    deepest
}

/// The functions that the code calls.
fn calls(
    file: &File<'_>,
    (section, start): Place,
    code: &[Instruction],
) -> Result<BTreeSet<Place>> {
    let relocations: BTreeMap<_, _> = file
        .section_by_index(SectionIndex(section))?
        .relocations()
        .collect();
    let mut calls = BTreeSet::new();
    for (at, instruction) in (start..).step_by(INSTRUCTION).zip(code) {
        if instruction.code != CALL || instruction.source != TO_FUNCTION {
            continue;
        }
        // In instructions, from the next one on.
        let distance = (i64::from(instruction.number) + 1) * INSTRUCTION as i64;
        let target = match relocations.get(&at).map(object::Relocation::target) {
            None => (section, at.wrapping_add_signed(distance)),
            Some(RelocationTarget::Symbol(index)) => {
                let symbol = file.symbol_by_index(index)?;
                let section = symbol.section_index().with_context(|| {
                    format!(
                        "a BPF program calls `{}`, which is missing",
                        symbol.name().unwrap_or_default()
                    )
                })?;
                (section.0, symbol.address().wrapping_add_signed(distance))
            }
            Some(other) => bail!("the BPF object has a call to {other:?}"),
        };
        calls.insert(target);
    }
    Ok(calls)
}

#[derive(Clone, Copy)]
struct Instruction {
    code: u8,
    target: u8,
    source: u8,
    offset: i16,
    number: i32,
}

impl Instruction {
    fn parse(bytes: &[u8; INSTRUCTION], order: Endianness) -> Self {
        let [code, registers, a, b, c, d, e, f] = *bytes;
        let (low, high) = (registers & 0xf, registers >> 4);
        match order {
            Endianness::Little => Self {
                code,
                target: low,
                source: high,
                offset: i16::from_le_bytes([a, b]),
                number: i32::from_le_bytes([c, d, e, f]),
            },
            Endianness::Big => Self {
                code,
                target: high,
                source: low,
                offset: i16::from_be_bytes([a, b]),
                number: i32::from_be_bytes([c, d, e, f]),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(code: &[[u8; INSTRUCTION]]) -> u32 {
        let code = code.iter();
        let code: Vec<_> = code
            .map(|bytes| Instruction::parse(bytes, Endianness::Little))
            .collect();
        frame(&code)
    }

    #[test]
    fn what_lies_below_the_frame_pointer_is_the_frame() {
        // *(u64 *)(r10 - 16) = r1; r2 = *(u32 *)(r10 - 20); exit
        let spilled = [0x7b, 0x1a, 0xf0, 0xff, 0, 0, 0, 0];
        let loaded = [0x61, 0xa2, 0xec, 0xff, 0, 0, 0, 0];
        let exit = [0x95, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(reach(&[exit]), 0);
        assert_eq!(reach(&[spilled, exit]), 16);
        assert_eq!(reach(&[spilled, loaded, exit]), 20);
        // r2 = r10; r1 = 1; r2 += -40
        let (held, other) = ([0xbf, 0xa2, 0, 0, 0, 0, 0, 0], [0xb7, 1, 0, 0, 1, 0, 0, 0]);
        let below = [0x07, 2, 0, 0, 0xd8, 0xff, 0xff, 0xff];
        assert_eq!(reach(&[held, other, below, exit]), 40);
        assert_eq!(reach(&[other, below, exit]), 0);
        // r2 = 1 in between
        let replaced = [0xb7, 2, 0, 0, 1, 0, 0, 0];
        assert_eq!(reach(&[held, replaced, below, exit]), 0);
    }

    #[test]
    fn registers_and_numbers_have_the_order_of_the_machine() {
        let big = Instruction::parse(&[0x7b, 0xa1, 0xff, 0xf0, 0, 0, 0, 0], Endianness::Big);
        assert_eq!(frame(&[big]), 16);
    }

    #[test]
    fn a_chain_takes_up_whole_units() {
        let function = |frame: u32, calls: &[u64]| Function {
            name: frame.to_string(),
            is_program: false,
            frame,
            calls: calls.iter().map(|at| (1, *at)).collect(),
        };
        let functions = BTreeMap::from([
            ((1, 0), function(0, &[8, 16])),
            ((1, 8), function(480, &[16, 24])),
            ((1, 16), function(8, &[])),
            ((1, 24), function(0, &[])),
            ((1, 32), function(8, &[32])),
            ((1, 40), function(8, &[99])),
        ]);
        let deepest = |at| depth(&functions, (1, at), MOST_CALLS);
        assert_eq!(deepest(0).ok(), Some(544));
        assert_eq!(deepest(8).ok(), Some(512));
        assert_eq!(deepest(16).ok(), Some(32));
        assert!(deepest(32).is_err(), "calls itself");
        assert!(deepest(40).is_err(), "calls nothing");
    }
}
