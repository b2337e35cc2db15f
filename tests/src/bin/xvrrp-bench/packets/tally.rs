//! Counts frames that arrive and match a filter. The kernel counts them at the packet socket, full or
//! not, so nobody has to read them: the count costs little and misses none.

use std::time::Duration;

use anyhow::Result;
use vrrp_tests::{
    clock,
    netns::Netns,
    packet::{Instruction, PacketSocket, byte, half, only, word},
};

/// What is on its way when sending ends gets this long to arrive.
const SETTLE: Duration = Duration::from_millis(5);

/// ARP replies whose sender is this address.
pub(crate) fn answers_of(address: [u8; 4]) -> [Instruction; 8] {
    let sender = u32::from_be_bytes(address);
    only([half(12, 0x0806), half(20, 2), word(28, sender)])
}

/// UDP to this address.
pub(crate) fn udp_to(address: [u8; 4]) -> [Instruction; 8] {
    let receiver = u32::from_be_bytes(address);
    only([half(12, 0x0800), byte(23, 17), word(30, receiver)])
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

    /// The same, what is still on its way included.
    pub(crate) fn take_all(&self) -> Result<u64> {
        clock::sleep(SETTLE);
        self.take()
    }
}
