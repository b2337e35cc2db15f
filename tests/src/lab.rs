//! The network of every case: hosts around one switch, as the tutorial has it; and, if a case is
//! about what the routers forward ([`Builder::behind`]), a network behind them.
//!
//! ```text
//! client eth0 192.168.1.100/24 ──┐
//!                                ├ switch
//! r1 ens33 192.168.1.1/24 ───────┤           r1 ens34 10.77.0.1/24 ──────┐
//! r2 ens33 192.168.1.2/24 ───────┤           r2 ens34 10.77.0.2/24 ──────┤
//! …                              ┘           …                           ├ behind.switch
//!                                            server eth0 10.77.0.100/24 ─┘
//!
//! client: 10.77.0.0/24 via VIP               server: 192.168.1.0/24 via INNER_VIP
//! ```
//!
//! With [`Builder::ipv6`] every host around the first switch has two addresses more, `fe80::N/64` and
//! `2001:db8:1::N/64`, where N is the last byte of its IPv4 address: 1, 2, … and 64, in hexadecimal.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};

use crate::{
    frames,
    link::{self, Port, Ports, Switch},
    netns::{self, Netns},
    packet::PacketSocket,
};

/// The virtual IP of the tutorial.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 254);
/// The virtual IP that clients ask for by IPv6.
pub const VIP_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe);
/// The link-local virtual IP that comes first in adverts over IPv6 (RFC 9568 section 5.2.9).
pub const LINK_LOCAL_VIP: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x5e, 0x33);
/// The routers' interface.
pub const ROUTER_INTERFACE: &str = "ens33";
/// The client's interface, and the server's.
pub const CLIENT_INTERFACE: &str = "eth0";
/// The virtual IP of the network behind the routers.
pub const INNER_VIP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 254);
/// The routers' interface to it.
pub const INNER_INTERFACE: &str = "ens34";
/// The server in it.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);

/// The first three bytes of the addresses of the network that client and routers share.
const OUTER: [u8; 3] = [192, 168, 1];
/// The same of the network behind the routers.
const INNER: [u8; 3] = [10, 77, 0];

/// A machine of the lab.
#[derive(Debug)]
pub struct Host {
    /// Its namespace.
    pub netns: Netns,
    /// Its interface; of a router with a network behind it, the one towards the client.
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
    pub fn has_address(&self, address: impl Into<IpAddr>) -> Result<bool> {
        link::has_address(&self.netns, self.interface, address)
    }

    /// Sends a frame from its interface.
    ///
    /// # Errors
    /// If the interface does not take it.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        self.netns
            .run(|| Ok(PacketSocket::sending(self.interface)?.send(frame)?))
    }

    /// Has it say that it is a router: sends an advert from its address and MAC.
    ///
    /// # Errors
    /// If the interface does not take it.
    pub fn advertise(&self, mut advert: frames::Advert) -> Result<()> {
        advert.ethernet.source = self.mac;
        self.send(&advert.sent_by(self.address.octets()).build())
    }

    /// Its link-local address, if the lab has IPv6.
    #[must_use]
    pub fn link_local(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, self.number())
    }

    /// Its other address of IPv6, a /64, if the lab has IPv6.
    #[must_use]
    pub fn address_v6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, self.number())
    }

    fn number(&self) -> u16 {
        let [.., number] = self.address.octets();
        number.into()
    }

    fn add_ipv6(&self) -> Result<()> {
        for address in [self.link_local(), self.address_v6()] {
            link::add_address(&self.netns, self.interface, address, 64)?;
        }
        Ok(())
    }
}

/// The network behind the routers.
#[derive(Debug)]
pub struct Behind {
    /// Its switch.
    pub switch: Switch,
    /// The server, reached from the client by way of the routers only.
    pub server: Host,
    /// Where the routers' [`INNER_INTERFACE`]s are plugged in; index 0 is that of `r1`.
    pub ports: Vec<Port>,
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
    /// What [`Builder::behind`] asked for.
    pub behind: Option<Behind>,
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
            behind: false,
            ipv6: false,
            ports: Ports::usual(),
        }
    }
}

/// What a lab is to look like.
#[derive(Clone, Copy, Debug)]
pub struct Builder {
    routers: u8,
    forwarding: bool,
    behind: bool,
    ipv6: bool,
    ports: Ports,
}

impl Builder {
    /// How many routers, 1-99. Default 2.
    #[must_use]
    pub fn routers(mut self, count: u8) -> Self {
        self.routers = count;
        self
    }

    /// Whether routers forward, as gateways do. Default yes.
    #[must_use]
    pub fn forwarding(mut self, on: bool) -> Self {
        self.forwarding = on;
        self
    }

    /// With a network behind the routers: a server, and routes by way of the virtual IPs from
    /// client and server to each other. Neither VIP is anybody's yet.
    #[must_use]
    pub fn behind(mut self) -> Self {
        self.behind = true;
        self
    }

    /// With IPv6 as well: the addresses that [`Host::link_local`] and [`Host::address_v6`] tell, and
    /// none that the kernel makes of a MAC. They are there at once, without duplicate address detection.
    #[must_use]
    pub fn ipv6(mut self) -> Self {
        self.ipv6 = true;
        self
    }

    /// Without XDP programs at the switch, as containers have it.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.ports = Ports::Bare;
        self
    }

    /// Makes the namespaces and wires them.
    ///
    /// # Errors
    /// Without privilege, or if a tool is missing.
    pub fn build(self) -> Result<Lab> {
        netns::ensure_bpffs()?;
        let switch = Switch::with(self.ports)?;
        let client = self.host(&switch, "client", CLIENT_INTERFACE, address(OUTER, 100))?;
        let routers = (1..=self.routers)
            .map(|number| self.router(&switch, number))
            .collect::<Result<Vec<_>>>()?;
        let behind = if self.behind {
            let behind = Behind::new(&routers, self.ports)?;
            route(&client, INNER, VIP)?;
            route(&behind.server, OUTER, INNER_VIP)?;
            Some(behind)
        } else {
            None
        };
        Ok(Lab {
            switch,
            client,
            routers,
            behind,
        })
    }

    fn router(self, switch: &Switch, number: u8) -> Result<Host> {
        let label = format!("r{number}");
        let router = self.host(switch, &label, ROUTER_INTERFACE, address(OUTER, number))?;
        let forward = if self.forwarding { "1" } else { "0" };
        router.netns.sysctl("net/ipv4/ip_forward", forward)?;
        // Forwarding resets what is derived from it; redirects stay off.
        router
            .netns
            .sysctl("net/ipv4/conf/all/send_redirects", "0")?;
        if self.ipv6 {
            router
                .netns
                .sysctl("net/ipv6/conf/all/forwarding", forward)?;
        }
        Ok(router)
    }

    /// A host of the first network.
    fn host(
        self,
        switch: &Switch,
        label: &str,
        interface: &'static str,
        address: Ipv4Addr,
    ) -> Result<Host> {
        let netns = Netns::new(label)?;
        if self.ipv6 {
            // IN6_ADDR_GEN_MODE_NONE, for the interfaces to come.
            netns.sysctl("net/ipv6/conf/default/addr_gen_mode", "1")?;
        }
        let host = host(switch, netns, label, interface, address)?;
        if self.ipv6 {
            host.add_ipv6()?;
        }
        Ok(host)
    }
}

impl Behind {
    fn new(routers: &[Host], ports: Ports) -> Result<Self> {
        let switch = Switch::with(ports)?;
        let server = host(
            &switch,
            Netns::new("server")?,
            "server",
            CLIENT_INTERFACE,
            SERVER,
        )?;
        let ports = (1..)
            .zip(routers)
            .map(|(number, router)| {
                let inner = address(INNER, number);
                let label = format!("r{number}");
                plug(&switch, &router.netns, &label, INNER_INTERFACE, inner)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            switch,
            server,
            ports,
        })
    }
}

fn host(
    switch: &Switch,
    netns: Netns,
    label: &str,
    interface: &'static str,
    address: Ipv4Addr,
) -> Result<Host> {
    let port = plug(switch, &netns, label, interface, address)?;
    let mac = link::mac(&netns, interface)?;
    Ok(Host {
        netns,
        interface,
        address,
        mac,
        port,
    })
}

fn plug(
    switch: &Switch,
    netns: &Netns,
    label: &str,
    interface: &str,
    address: Ipv4Addr,
) -> Result<Port> {
    let port = switch
        .plug(netns, interface, &format!("to-{label}"))
        .with_context(|| format!("plug in {label}"))?;
    link::add_address(netns, interface, address, 24)?;
    Ok(port)
}

fn route(host: &Host, [a, b, c]: [u8; 3], via: Ipv4Addr) -> Result<()> {
    let change = format!("route add {a}.{b}.{c}.0/24 via {via}");
    host.netns.ip(&change).map(drop)
}

fn address([a, b, c]: [u8; 3], number: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, number)
}
