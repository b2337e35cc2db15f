//! What a cleanup removed.

use std::{fmt, net::IpAddr};

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Virtual routers that were in service, by slot.
    pub fenced: Vec<u32>,
    /// Those of them that were Active, and for which priority 0 was sent.
    pub resigned: Vec<u32>,
    /// Virtual IPs.
    pub addresses: Vec<IpAddr>,
    /// How many virtual MACs.
    pub macs: usize,
    /// Interfaces whose clsact qdisc we had added.
    pub qdiscs: Vec<String>,
    /// There were pins.
    pub pins: bool,
}

impl Removed {
    /// Nothing was there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.fenced.is_empty() {
            parts.push(format!(
                "{} virtual routers taken out of service",
                self.fenced.len()
            ));
        }
        if !self.resigned.is_empty() {
            parts.push(format!("priority 0 sent for {}", self.resigned.len()));
        }
        parts.extend(
            self.addresses
                .iter()
                .map(|address| format!("address {address}")),
        );
        if self.macs > 0 {
            parts.push(format!("{} virtual MACs", self.macs));
        }
        parts.extend(
            self.qdiscs
                .iter()
                .map(|name| format!("clsact qdisc of {name}")),
        );
        if self.pins {
            parts.push("BPF programs".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}
