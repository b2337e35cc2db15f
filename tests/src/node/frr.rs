//! FRR's vrrpd with its zebra, as a contender.
//!
//! Set up word for word as FRR's documentation says ("VRRP", "System Configuration"): one macvlan per
//! virtual router in bridge mode, with the virtual MAC and the virtual IP, made before vrrpd starts
//! and there for as long as the machine is set up; and `ignore_routes_with_linkdown` on the interface
//! below ("Troubleshooting"). vrrpd never touches the address: a Backup has it on a macvlan whose
//! carrier is off (`protodown`). A virtual router of IPv6 is set up in the same way.
//!
//! What that means, seen with 8.4.4 on Linux 6.18:
//! - The address is local to both routers at all times, and Linux answers an ARP question on whatever
//!   interface it arrives: Active and Backup, even a stopped one, answer from their physical
//!   interfaces with their physical MACs, and the Active's macvlan answers as third (FRR's issues
//!   #16696, #18379). A client that took the Backup's answer is served by the Backup: its figures are
//!   not failovers. `arp_ignore=1` on the interface below cures it ([`Frr::ignore_foreign_arp`]); the
//!   documentation does not ask for it.
//! - A killed Active leaves its macvlan up and answers for good. Nothing clears that up but vrrpd's
//!   next start, which takes the carrier off first.
//! - A router that loses its link becomes Active of its own, and its macvlan is up until it hears
//!   adverts again (#16658, #16995).
//! - vrrpd's orders to zebra (`protodown` on at the start, off as Active) can cross: at 10 ms adverts on
//!   a busy machine a started vrrpd logged `Backup -> Master` while its macvlan stayed down for good,
//!   sent nothing, and the other router went on as Active. Another start helps.
//! - Even the best router waits a master down interval after its start.

use std::{fmt::Write as _, fs, net::IpAddr, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Node, STOP_LIMIT,
    before::{Before, set, tool},
    started,
};
use crate::{
    cleanup::{self, Guard},
    clock::Nanos,
    lab::Host,
    netns::Entrance,
    process::Process,
    run,
};

/// Where Debian, like FRR's own packages, has the daemons.
pub const DAEMONS: &str = "/usr/lib/frr";

/// What Debian's `/etc/frr/daemons` gives zebra.
const ZEBRA_OPTIONS: [&str; 4] = ["-A", "127.0.0.1", "-s", "90000000"];
/// What zebra says when vrrpd can reach it.
const ZEBRA_READY: &str = " starting: ";
/// Time limit for that.
const ZEBRA_LIMIT: Duration = Duration::from_secs(15);

/// A virtual router of FRR's: one interface and its virtual IPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Virtual router id.
    pub vrid: u8,
    /// The interface below the macvlan.
    pub interface: String,
    /// The virtual IPs, all of one family, each a /24 or a /64.
    pub vips: Vec<IpAddr>,
}

impl Group {
    /// Its lines of `vrrpd.conf`, the interval in milliseconds; and as comments what the system is
    /// given beforehand.
    #[must_use]
    pub fn config(&self, version: u8, advert_int_ms: u32, priority: u8) -> String {
        let Self {
            vrid,
            interface,
            vips,
        } = self;
        let word = if self.is_ipv6() { "ipv6" } else { "ip" };
        let mut text = String::new();
        for command in self.commands() {
            // Writing into a String cannot fail.
            writeln!(text, "! ip {command}").ok();
        }
        let [path, value] = self.switch("ignore_routes_with_linkdown");
        writeln!(text, "! sysctl {path}={value}").ok();
        writeln!(text, "interface {interface}").ok();
        writeln!(text, " vrrp {vrid} version {version}").ok();
        writeln!(text, " vrrp {vrid} priority {priority}").ok();
        writeln!(text, " vrrp {vrid} advertisement-interval {advert_int_ms}").ok();
        writeln!(text, " vrrp {vrid} preempt").ok();
        for vip in vips {
            writeln!(text, " vrrp {vrid} {word} {vip}").ok();
        }
        text
    }

    fn is_ipv6(&self) -> bool {
        self.vips.first().is_some_and(IpAddr::is_ipv6)
    }

    fn macvlan(&self) -> String {
        let family = if self.is_ipv6() { 6 } else { 4 };
        format!("vrrp{family}-{}", self.vrid)
    }

    /// As the documentation has them. `addrgenmode` is set by a command of its own: newer kernels
    /// refuse it for an interface that does not exist yet.
    ///
    /// Of several link-local addresses vrrpd takes the newest for its own: that is the one that the
    /// kernel makes when the interface goes up, after the virtual IPs.
    fn commands(&self) -> Vec<String> {
        let (name, vrid) = (self.macvlan(), self.vrid);
        let (family, prefix) = if self.is_ipv6() { (2, 64) } else { (1, 24) };
        let mut commands = vec![
            format!(
                "link add {name} link {} type macvlan mode bridge",
                self.interface
            ),
            format!("link set dev {name} addrgenmode random"),
            format!("link set dev {name} address 00:00:5e:00:{family:02x}:{vrid:02x}"),
        ];
        let addresses = self.vips.iter();
        commands.extend(addresses.map(|vip| format!("addr add {vip}/{prefix} dev {name}")));
        commands.push(format!("link set dev {name} up"));
        commands
    }

    /// Path and value of a switch of the interface below, on.
    fn switch(&self, name: &str) -> [String; 2] {
        let family = if self.is_ipv6() { "ipv6" } else { "ipv4" };
        let path = format!("net/{family}/conf/{}/{name}", self.interface);
        [path, "1".to_owned()]
    }
}

/// zebra and vrrpd on a router, with files of their own, nice as Debian's unit makes them. Neither
/// watchfrr, which would start killed daemons anew, nor staticd, which has nothing to do.
#[derive(Debug)]
pub struct Frr {
    entrance: Entrance,
    groups: Vec<Group>,
    arp_ignore: bool,
    vrrpd: Option<Process>,
    zebra: Option<Process>,
    // After the processes: its end removes the interfaces they use.
    system: Option<System>,
    folder: TempDir,
}

/// A router that is set up for FRR; no longer when dropped.
#[derive(Debug)]
struct System {
    before: Before,
    _undo: Guard,
}

impl Frr {
    /// Lays down `vrrpd.conf` for virtual routers; the first start sets the system up as well.
    ///
    /// # Errors
    /// If the configuration cannot be written, or there is no user `frr`.
    pub fn new(router: &Host, config: &str, groups: &[Group]) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the configuration")?;
        let path = folder.path();
        fs::write(path.join("zebra.conf"), "").context("write zebra's configuration")?;
        fs::write(path.join("vrrpd.conf"), config).context("write vrrpd's configuration")?;
        let mut chown = Command::new("chown");
        run::run(chown.args(["-R", "frr:frr"]).arg(path)).context("is FRR installed?")?;
        Ok(Self {
            entrance: router.netns.entrance(),
            groups: groups.to_vec(),
            arp_ignore: false,
            vrrpd: None,
            zebra: None,
            system: None,
            folder,
        })
    }

    /// Sets `arp_ignore=1` on the interfaces below the macvlans as well, which the documentation does
    /// not ask for: an interface then answers for its own addresses only.
    #[must_use]
    pub fn ignore_foreign_arp(mut self) -> Self {
        self.arp_ignore = true;
        self
    }

    fn set_up(&mut self) -> Result<()> {
        if self.system.is_some() {
            return Ok(());
        }
        let before = Before::take(&self.entrance)?;
        let (router, former) = (self.entrance.clone(), before.clone());
        // Best effort: the router may be gone, and there is nobody to hear of an error.
        let undo = cleanup::register(move || drop(former.restore(&router)))?;
        self.system = Some(System {
            before,
            _undo: undo,
        });
        for group in &self.groups {
            for command in group.commands() {
                tool(&self.entrance, "ip", &command)?;
            }
            let [path, value] = group.switch("ignore_routes_with_linkdown");
            set(&self.entrance, &path, &value)?;
            // An interface answers Neighbour Solicitations for its own addresses only, in any case.
            if self.arp_ignore && !group.is_ipv6() {
                let [path, value] = group.switch("arp_ignore");
                set(&self.entrance, &path, &value)?;
            }
        }
        Ok(())
    }

    fn daemon(&self, name: &str) -> Command {
        let folder = self.folder.path();
        let mut command = self.entrance.command("nice");
        command
            .args(["-n", "-5"])
            .arg(Path::new(DAEMONS).join(name));
        command.args(["--log", "stdout", "-P", "0"]);
        command.arg("-i").arg(folder.join(format!("{name}.pid")));
        command.arg("-f").arg(folder.join(format!("{name}.conf")));
        command.arg("-z").arg(folder.join("zserv"));
        command.arg("--vty_socket").arg(folder);
        command
    }

    fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.vrrpd.iter_mut().chain(&mut self.zebra)
    }

    fn is_running(&self) -> Result<bool> {
        for process in self.vrrpd.iter().chain(&self.zebra) {
            if process.is_running()? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Node for Frr {
    fn kind(&self) -> &'static str {
        "frr"
    }

    fn start(&mut self) -> Result<()> {
        ensure!(!self.is_running()?, "the node runs already");
        self.set_up()?;
        let mut zebra = self.daemon("zebra");
        zebra.args(ZEBRA_OPTIONS);
        let zebra = self.zebra.insert(Process::start(zebra)?);
        // vrrpd would try again only ten seconds later.
        zebra.log().wait(ZEBRA_READY, ZEBRA_LIMIT)?;
        self.vrrpd = Some(Process::start(self.daemon("vrrpd"))?);
        Ok(())
    }

    /// That of vrrpd.
    fn process(&mut self) -> Result<&mut Process> {
        started(&mut self.vrrpd)
    }

    fn pids(&mut self) -> Result<Vec<u32>> {
        started(&mut self.vrrpd)?;
        let mut pids = Vec::new();
        for process in self.processes() {
            if process.is_running()? {
                pids.push(process.pid());
            }
        }
        Ok(pids)
    }

    fn kill(&mut self) -> Result<Nanos> {
        let at = self.signal_all(Signal::SIGKILL)?;
        for process in self.processes() {
            process.wait(STOP_LIMIT)?;
        }
        Ok(at)
    }

    /// Nothing: no service manager removes the macvlan of a killed vrrpd.
    fn clear_up(&mut self) -> Result<()> {
        Ok(())
    }

    fn retire(&mut self) -> Result<()> {
        if self.is_running()? {
            self.kill()?;
        }
        match self.system.take() {
            Some(system) => system.before.restore(&self.entrance),
            None => Ok(()),
        }
    }

    /// The carrier of the first macvlan: vrrpd may take itself for the Active and have none.
    fn is_active(&mut self) -> Result<bool> {
        let Some(group) = self.groups.first() else {
            return Ok(false);
        };
        let running = started(&mut self.vrrpd)?.is_running()?;
        let link = format!("-br link show dev {}", group.macvlan());
        let text = tool(&self.entrance, "ip", &link)?;
        Ok(running && text.split_whitespace().nth(1) == Some("UP"))
    }

    fn status(&self) -> Result<Option<Value>> {
        Ok(None)
    }

    /// Begins what Debian's `frrinit.sh stop` does: SIGINT to vrrpd.
    fn terminate(&mut self) -> Result<Nanos> {
        self.process()?.signal(Signal::SIGINT)
    }

    /// Waits for vrrpd's end and then, as `frrinit.sh stop` does, ends zebra.
    fn wait_stopped(&mut self) -> Result<()> {
        self.process()?.wait(STOP_LIMIT)?;
        let zebra = started(&mut self.zebra)?;
        zebra.signal(Signal::SIGINT)?;
        zebra.wait(STOP_LIMIT).map(drop)
    }
}
