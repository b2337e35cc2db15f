//! The network of every case: hosts around one switch, as the tutorial has it.
//!
//! ```text
//! client eth0 192.168.1.100/24 ──┐
//! r1 ens33 192.168.1.1/24 ───────┤ switch
//! r2 ens33 192.168.1.2/24 ───────┤
//! …                              ┘
//! ```

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};

use crate::{
    link::{self, Port, Switch},
    netns::{self, Netns},
};

/// The virtual IP of the tutorial.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 254);
/// The routers' interface.
pub const ROUTER_INTERFACE: &str = "ens33";
/// The client's interface.
pub const CLIENT_INTERFACE: &str = "eth0";

/// A machine of the lab.
#[derive(Debug)]
pub struct Host {
    /// Its namespace.
    pub netns: Netns,
    /// Its one interface.
    pub interface: &'static str,
    /// Address of the interface, a /24.
    pub address: Ipv4Addr,
    /// MAC of the interface.
    pub mac: [u8; 6],
    /// Where it is plugged into the switch.
    pub port: Port,
}

impl Host {
    /// Whether its interface carries this address.
    ///
    /// # Errors
    /// If the interface is gone.
    pub fn has_address(&self, address: Ipv4Addr) -> Result<bool> {
        link::has_address(&self.netns, self.interface, address)
    }
}

/// A client and routers around a switch.
#[derive(Debug)]
pub struct Lab {
    /// The switch.
    pub switch: Switch,
    /// The client.
    pub client: Host,
    /// The routers; index 0 is `r1`, 192.168.1.1.
    pub routers: Vec<Host>,
}

impl Lab {
    /// The tutorial's lab: a client and two routers.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn pair() -> Result<Self> {
        Self::builder().build()
    }

    /// Describes another lab.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            routers: 2,
            forwarding: true,
        }
    }
}

/// What a lab is to look like.
#[derive(Clone, Copy, Debug)]
pub struct Builder {
    routers: u8,
    forwarding: bool,
}

impl Builder {
    /// How many routers, 1-99. Default 2.
    #[must_use]
    pub fn routers(mut self, count: u8) -> Self {
        self.routers = count;
        self
    }

    /// Whether routers forward IPv4, as gateways do. Default yes.
    #[must_use]
    pub fn forwarding(mut self, on: bool) -> Self {
        self.forwarding = on;
        self
    }

    /// Makes the namespaces and wires them.
    ///
    /// # Errors
    /// Without privilege, or if a tool is missing.
    pub fn build(self) -> Result<Lab> {
        netns::ensure_bpffs()?;
        let switch = Switch::new()?;
        let client = host(&switch, "client", CLIENT_INTERFACE, 100)?;
        let routers = (1..=self.routers)
            .map(|number| {
                let label = format!("r{number}");
                let router = host(&switch, &label, ROUTER_INTERFACE, number)?;
                let forward = if self.forwarding { "1" } else { "0" };
                router.netns.sysctl("net/ipv4/ip_forward", forward)?;
                // Forwarding resets what is derived from it; redirects stay off.
                router
                    .netns
                    .sysctl("net/ipv4/conf/all/send_redirects", "0")?;
                Ok(router)
            })
            .collect::<Result<_>>()?;
        Ok(Lab {
            switch,
            client,
            routers,
        })
    }
}

fn host(switch: &Switch, label: &str, interface: &'static str, number: u8) -> Result<Host> {
    let netns = Netns::new(label)?;
    let port = switch
        .plug(&netns, interface, &format!("to-{label}"))
        .with_context(|| format!("plug in {label}"))?;
    let address = Ipv4Addr::new(192, 168, 1, number);
    link::add_address(&netns, interface, address, 24)?;
    let mac = link::mac(&netns, interface)?;
    Ok(Host {
        netns,
        interface,
        address,
        mac,
        port,
    })
}
