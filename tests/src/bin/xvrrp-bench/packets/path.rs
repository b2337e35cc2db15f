//! A way through a router: client, router, server, a veth pair between each two of them.
//!
//! ```text
//! client eth0 192.168.1.100 ── ens33 192.168.1.1 router ens34 10.77.0.1 ── eth0 10.77.0.100 server
//! ```

use std::{net::Ipv4Addr, path::Path as FilePath, time::Duration};

use anyhow::{Result, ensure};
use vrrp_tests::{
    frames::Advert,
    link,
    netns::{self, Netns},
    node::{BACKUP, MASTER, NATIVE, Node as _, Xvrrp},
    xdp_pass::XdpPass,
};

use super::sender::Sender;

/// The router's own address towards the client.
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// The server.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
/// Virtual IP and VRID towards the client, and towards the server.
pub(crate) const VIPS: [(Ipv4Addr, u8); 2] = [
    (Ipv4Addr::new(192, 168, 1, 254), 51),
    (Ipv4Addr::new(10, 77, 0, 254), 52),
];
/// The only interface of client and server.
pub(crate) const INTERFACE: &str = "eth0";

/// The server's MAC as the router has it. It is not the server's: what arrives there is counted and
/// then thrown away at once, as meant for another host.
const SERVER_MAC: &str = "02:00:00:00:00:99";
/// Time limit for a node to get into its state.
const START_LIMIT: Duration = Duration::from_secs(20);

/// What is attached to the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Nothing.
    Bare,
    /// An XDP program of two instructions that passes everything: what XDP itself costs on a veth.
    Pass,
    /// A node that is Active on both sides.
    Active,
    /// A node that is Backup on both sides.
    Backup,
}

/// A way through a router.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) setup: Setup,
    pub(crate) client: Netns,
    pub(crate) server: Netns,
    pub(crate) router_mac: [u8; 6],
    /// Sends from the client.
    pub(crate) sender: Sender,
    // The node ends before the router's namespace is removed.
    node: Option<Xvrrp>,
    _passes: Vec<XdpPass>,
    _router: Netns,
}

impl Path {
    /// Makes it, with a node of this binary where the setup has one, and waits for its state.
    pub(crate) fn new(setup: Setup, binary: &FilePath) -> Result<Self> {
        netns::ensure_bpffs()?;
        let [client, router, server] = [Netns::new("pc")?, Netns::new("pr")?, Netns::new("ps")?];
        pair(&client, &router, "ens33")?;
        pair(&server, &router, "ens34")?;
        link::add_address(&client, INTERFACE, Ipv4Addr::new(192, 168, 1, 100), 24)?;
        link::add_address(&router, "ens33", ROUTER, 24)?;
        link::add_address(&router, "ens34", Ipv4Addr::new(10, 77, 0, 1), 24)?;
        link::add_address(&server, INTERFACE, SERVER, 24)?;
        router.sysctl("net/ipv4/ip_forward", "1")?;
        router.ip(&format!(
            "neigh add {SERVER} lladdr {SERVER_MAC} dev ens34 nud permanent"
        ))?;

        let mut passes = Vec::new();
        if setup != Setup::Bare {
            // Without one here, what the router sends by XDP_TX never arrives.
            passes.push(XdpPass::attach(&client, INTERFACE)?);
        }
        let mut node = None;
        match setup {
            Setup::Bare => {}
            Setup::Pass => {
                for interface in ["ens33", "ens34"] {
                    passes.push(XdpPass::attach(&router, interface)?);
                }
            }
            Setup::Active => node = Some(start(binary, &router, "0.1", MASTER)?),
            // It would wait for two minutes before it takes over, and is told in time not to.
            Setup::Backup => node = Some(start(binary, &router, "40", BACKUP)?),
        }
        Ok(Self {
            setup,
            router_mac: link::mac(&router, "ens33")?,
            sender: Sender::open(&client, INTERFACE)?,
            client,
            server,
            node,
            _passes: passes,
            _router: router,
        })
    }

    /// Tells a Backup on both sides that there is a better node, which lasts for two minutes.
    pub(crate) fn keep_backup(&self) -> Result<()> {
        if self.setup != Setup::Backup {
            return Ok(());
        }
        for ((vip, vrid), host) in VIPS.into_iter().zip([&self.client, &self.server]) {
            let mut advert = Advert::v3(vrid, &[vip.octets()]);
            advert.priority = 200;
            advert.timing = 4000_u16.to_be_bytes();
            advert.ip.source[..3].copy_from_slice(&vip.octets()[..3]);
            Sender::open(host, INTERFACE)?.send_one(&advert.build())?;
        }
        Ok(())
    }

    /// Makes sure that the node is in the state that figures are told of.
    pub(crate) fn is_still_as_set_up(&mut self) -> Result<()> {
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let lines = node.process()?.log().lines();
        let lines: Vec<_> = lines.into_iter().map(|line| line.text).collect();
        let moves = lines
            .iter()
            .filter(|line| line.contains("Entering") && !line.contains("(init)"));
        let as_set_up = match self.setup {
            Setup::Active => moves.clone().all(|line| line.contains(MASTER)) && moves.count() == 2,
            Setup::Bare | Setup::Pass | Setup::Backup => moves.count() == 0,
        };
        ensure!(
            as_set_up,
            "the node of {:?} did not stay so:\n{}",
            self.setup,
            lines.join("\n")
        );
        Ok(())
    }
}

/// Starts a node with a virtual router on each side and waits until both are in a state.
fn start(binary: &FilePath, router: &Netns, advert_int: &str, state: &str) -> Result<Xvrrp> {
    let mut config = "global_defs {\n    vrrp_version 3\n}\n".to_owned();
    for ((vip, vrid), interface) in VIPS.into_iter().zip(["ens33", "ens34"]) {
        config += &format!(
            "vrrp_instance VI_{vrid} {{
    state BACKUP
    interface {interface}
    virtual_router_id {vrid}
    priority 100
    advert_int {advert_int}
    virtual_ipaddress {{
        {vip}
    }}
}}
"
        );
    }
    let mut node = Xvrrp::inside(binary, router, &config)?;
    node.add_arguments(&NATIVE);
    node.start()?;
    let log = node.process()?.log();
    for (_, vrid) in VIPS {
        log.wait(&format!("(VI_{vrid}) {state}"), START_LIMIT)?;
    }
    Ok(node)
}

fn pair(host: &Netns, router: &Netns, port: &str) -> Result<()> {
    let to = router.name();
    host.ip(&format!(
        "link add {INTERFACE} type veth peer name {port} netns {to}"
    ))?;
    host.ip(&format!("link set {INTERFACE} up"))?;
    router.ip(&format!("link set {port} up"))?;
    Ok(())
}
