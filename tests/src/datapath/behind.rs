//! The routes that a verdict may ask for, as a [`World`](super::World) knows them and in the kernel.

use anyhow::Result;

use crate::netns::Netns;

/// How every address of the networks behind begins, to which packets are forwarded.
pub const BEHIND: [u8; 2] = [10, 77];
/// How every address begins that is routed back to where it came from.
pub const BESIDE: [u8; 2] = [10, 78];

/// A namespace with these routes, for test runs inside: their frames are met on lo.
///
/// # Errors
/// Without privilege.
pub fn netns() -> Result<Netns> {
    let netns = Netns::new("routes")?;
    netns.sysctl("net/ipv4/conf/lo/forwarding", "1")?;
    netns.ip("link add behind type bridge")?;
    netns.ip("link set behind up")?;
    for ([first, second], device) in [(BEHIND, "behind"), (BESIDE, "lo")] {
        netns.ip(&format!("route add {first}.{second}.0.0/16 dev {device}"))?;
    }
    Ok(netns)
}
