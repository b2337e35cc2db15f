//! Counts frames that arrive and match a filter. The kernel counts them at the packet socket, full or
//! not, so nobody has to read them: the count costs little and misses none.

use anyhow::Result;
use vrrp_tests::{
    netns::Netns,
    packet::{Instruction, PacketSocket},
};

/// `(code, jump if true, jump if false, operand)` of classic BPF: a half, a byte, a word, a test.
const HALF: u16 = 0x28;
const BYTE: u16 = 0x30;
const WORD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Frames of an EtherType in which what is loaded at an offset is `value`, and the address at another one
/// is `address`.
fn matching(
    ethertype: u32,
    (load, at, value): (u16, u32, u32),
    (address_at, address): (u32, [u8; 4]),
) -> [Instruction; 8] {
    [
        (HALF, 0, 0, 12),
        (EQUAL, 0, 5, ethertype),
        (load, 0, 0, at),
        (EQUAL, 0, 3, value),
        (WORD, 0, 0, address_at),
        (EQUAL, 0, 1, u32::from_be_bytes(address)),
        (RETURN, 0, 0, 1),
        (RETURN, 0, 0, 0),
    ]
}

/// ARP replies whose sender is this address.
pub(crate) fn answers_of(address: [u8; 4]) -> [Instruction; 8] {
    matching(0x0806, (HALF, 20, 2), (28, address))
}

/// UDP to this address.
pub(crate) fn udp_to(address: [u8; 4]) -> [Instruction; 8] {
    matching(0x0800, (BYTE, 23, 17), (30, address))
}

/// A count, from when it was opened.
#[derive(Debug)]
pub(crate) struct Tally(PacketSocket);

impl Tally {
    /// Counts what arrives on an interface.
    pub(crate) fn open(netns: &Netns, interface: &str, filter: &[Instruction]) -> Result<Self> {
        netns
            .run(|| PacketSocket::counting(interface, filter))
            .map(Self)
    }

    /// How many since the last time.
    pub(crate) fn take(&self) -> Result<u64> {
        self.0.count()
    }
}
