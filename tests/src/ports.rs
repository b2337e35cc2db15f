//! Which router is behind a port of the switch.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use nix::net::if_::if_indextoname;

/// Ports of the switch by interface index. For threads in the switch's namespace.
#[derive(Debug, Default)]
pub(crate) struct Ports(BTreeMap<u32, Option<u8>>);

impl Ports {
    /// The number of the router behind an interface; `None` for other hosts and the bridge itself.
    ///
    /// # Errors
    /// If there is no such interface.
    pub(crate) fn router(&mut self, interface: u32) -> Result<Option<u8>> {
        if let Some(known) = self.0.get(&interface) {
            return Ok(*known);
        }
        let name = if_indextoname(interface)
            .with_context(|| format!("the name of the switch's interface {interface}"))?;
        let router = number(&name.to_string_lossy());
        self.0.insert(interface, router);
        Ok(router)
    }
}

/// `to-r1` is router 1's.
fn number(port: &str) -> Option<u8> {
    port.strip_prefix("to-r")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_routers_have_their_number() {
        assert_eq!(number("to-r1"), Some(1));
        assert_eq!(number("to-r12"), Some(12));
        for other in ["to-client", "to-r", "to-router", "br0", "ens33"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
