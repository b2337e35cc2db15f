//! Interfaces of the lab: veth pairs into a bridge, addresses, and the two ways to lose a link.

use std::{
    collections::BTreeSet,
    env, fs,
    net::IpAddr,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{netns::Netns, realtime, run, xdp_pass::XdpPass};

/// Name of the switch's bridge.
pub const BRIDGE: &str = "br0";

/// The switch's table of [`Port::lose_adverts`].
const ADVERTS: &str = "adverts";

/// Makes every port of every switch [bare](Ports::Bare).
pub const BARE_VARIABLE: &str = "XVRRP_LAB_BARE";

/// What is at the switch's end of the veth to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// An XDP program that passes everything: what the host sends by XDP_TX arrives.
    Xdp,
    /// Nothing, as in containers: what the host sends by XDP_TX does not arrive.
    Bare,
}

impl Ports {
    /// [`Ports::Xdp`], unless the environment says otherwise.
    #[must_use]
    pub fn usual() -> Self {
        if env::var_os(BARE_VARIABLE).is_some() {
            Self::Bare
        } else {
            Self::Xdp
        }
    }
}

/// A learning switch in a namespace of its own.
#[derive(Debug)]
pub struct Switch {
    netns: Arc<Netns>,
    ports: Ports,
}

impl Switch {
    /// A bridge that forwards from the first moment, floods multicast, and is not filtered.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new() -> Result<Self> {
        Self::with(Ports::usual())
    }

    /// The same with such ports.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn with(ports: Ports) -> Result<Self> {
        let netns = Netns::new("sw")?;
        netns.ip(&format!(
            "link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
        ))?;
        quieten(&netns)?;
        for family in ["arptables", "iptables", "ip6tables"] {
            let key = format!("net/bridge/bridge-nf-call-{family}");
            if std::path::Path::new("/proc/sys").join(&key).exists() {
                netns.sysctl(&key, "0")?;
            }
        }
        netns.ip(&format!("link set {BRIDGE} up"))?;
        Ok(Self {
            netns: Arc::new(netns),
            ports,
        })
    }

    /// Its namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Plugs `interface` of `host` into a new port named `port`, both up.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn plug(&self, host: &Netns, interface: &str, port: &str) -> Result<Port> {
        quieten(host)?;
        host.ip(&format!(
            "link add {interface} type veth peer name {port} netns {}",
            self.netns.name()
        ))?;
        self.netns
            .ip(&format!("link set {port} master {BRIDGE} up"))?;
        host.ip(&format!("link set {interface} up"))?;
        Ok(Port {
            name: port.to_owned(),
            switch: Arc::clone(&self.netns),
            pass: match self.ports {
                Ports::Xdp => Some(XdpPass::attach(&self.netns, port)?),
                Ports::Bare => None,
            },
        })
    }
}

/// A port of the switch. The switch's namespace stays as long as one of its ports.
#[derive(Debug)]
pub struct Port {
    name: String,
    switch: Arc<Netns>,
    pass: Option<XdpPass>,
}

impl Port {
    /// Its name in the switch's namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether what the host sends by XDP_TX arrives here.
    #[must_use]
    pub fn runs_xdp(&self) -> bool {
        self.pass.is_some()
    }

    /// The switch's namespace.
    pub(crate) fn switch(&self) -> &Netns {
        &self.switch
    }

    /// `ip link set NAME how`, or `bridge link set dev NAME how`, at the switch.
    fn set(&self, tool: &str, dev: &str, how: &str) -> Result<()> {
        let change = format!("link set {dev}{} {how}", self.name);
        self.switch.tool(tool, &change).map(drop)
    }

    /// Cuts the link: the port goes down and takes the host's carrier with it.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn cut(&self) -> Result<()> {
        self.set("ip", "", "down")
    }

    /// Mends a cut link.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn mend(&self) -> Result<()> {
        self.set("ip", "", "up")
    }

    /// Silent loss: the port forwards nothing either way, both carriers stay.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn silence(&self) -> Result<()> {
        self.set("bridge", "dev ", "state 0")
    }

    /// Ends a silent loss.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn heal(&self) -> Result<()> {
        self.set("bridge", "dev ", "state 3")
    }

    /// Makes the port receive for a millisecond of every ten. In between, a veth keeps 256 frames and
    /// refuses the rest. For ports that [run XDP](Self::runs_xdp), on Linux 5.12 or newer.
    ///
    /// # Errors
    /// If the kernel has no thread that receives, or does not let it be slowed down.
    pub fn slow(&self) -> Result<()> {
        let before = self.receivers()?;
        let switch = format!("/sys/class/net/{}/threaded", self.name);
        // `ip netns exec`, because only its /sys shows the namespace.
        let mut write = Command::new("ip");
        write.args(["netns", "exec", self.switch.name(), "sh", "-c"]);
        run::run(write.arg(format!("echo 1 > {switch}")))?;
        let receivers = &self.receivers()? - &before;
        ensure!(
            !receivers.is_empty(),
            "no thread receives for {}",
            self.name
        );
        receivers.into_iter().try_for_each(slow_down)
    }

    /// The threads of the kernel that receive for ports of this name, whatever switch they are of.
    fn receivers(&self) -> Result<BTreeSet<i32>> {
        let name = format!("napi/{}-", self.name);
        let mut threads = BTreeSet::new();
        for entry in fs::read_dir("/proc").context("/proc")? {
            let path = entry?.path();
            let number = path.file_name().and_then(|number| number.to_str());
            let Some(thread) = number.and_then(|number| number.parse().ok()) else {
                continue;
            };
            // It may have ended meanwhile.
            let called = fs::read_to_string(path.join("comm")).unwrap_or_default();
            if called.starts_with(&name) {
                threads.insert(thread);
            }
        }
        Ok(threads)
    }

    /// Loses the adverts of both families, both ways, and nothing else.
    ///
    /// # Errors
    /// If the kernel or nft refuses.
    pub fn lose_adverts(&self) -> Result<()> {
        let mut rules = format!("add table bridge {ADVERTS};");
        for (hook, side) in [("prerouting", "iifname"), ("postrouting", "oifname")] {
            rules += &format!(
                "add chain bridge {ADVERTS} {hook} {{ type filter hook {hook} priority 0; }};"
            );
            for protocol in ["ip protocol", "ip6 nexthdr"] {
                let name = &self.name;
                rules += &format!(
                    "add rule bridge {ADVERTS} {hook} {side} \"{name}\" {protocol} 112 drop;"
                );
            }
        }
        run::run(self.switch.command("nft").arg(rules)).map(drop)
    }

    /// Ends the loss of adverts, of every port of the switch.
    ///
    /// # Errors
    /// If there was none.
    pub fn pass_adverts(&self) -> Result<()> {
        let mut nft = self.switch.command("nft");
        run::run(nft.args(["delete", "table", "bridge", ADVERTS])).map(drop)
    }
}

/// Addresses a host's interface.
///
/// # Errors
/// If the kernel refuses.
pub fn add_address(
    host: &Netns,
    interface: &str,
    address: impl Into<IpAddr>,
    prefix: u8,
) -> Result<()> {
    let address = address.into();
    host.ip(&format!("addr add {address}/{prefix} dev {interface}"))
        .map(drop)
}

/// The MAC of an interface.
///
/// # Errors
/// If there is no such interface.
pub fn mac(host: &Netns, interface: &str) -> Result<[u8; 6]> {
    let text = host.ip(&format!("-br link show dev {interface}"))?;
    text.split_whitespace()
        .find_map(parse_mac)
        .with_context(|| format!("no MAC in {text:?}"))
}

/// Whether an interface carries an address.
///
/// # Errors
/// If there is no such interface.
pub fn has_address(host: &Netns, interface: &str, address: impl Into<IpAddr>) -> Result<bool> {
    let text = host.ip(&format!("-o addr show dev {interface}"))?;
    Ok(lists_address(&text, address))
}

/// Whether the output of `ip -o addr show` lists an address.
#[must_use]
pub fn lists_address(text: &str, address: impl Into<IpAddr>) -> bool {
    let wanted = format!("{}/", address.into());
    text.split_whitespace()
        .any(|word| word.starts_with(&wanted))
}

/// A MAC from `aa:bb:cc:dd:ee:ff`.
#[must_use]
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let bytes = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect::<Option<Vec<_>>>()?;
    bytes.try_into().ok()
}

/// Switches off what would make a case depend on things it is not about: duplicate address
/// detection, reverse path filters, ICMP redirects. For interfaces made later, too.
fn quieten(netns: &Netns) -> Result<()> {
    netns.run(|| {
        for (key, value) in [
            ("net/ipv4/conf/all/rp_filter", "0"),
            ("net/ipv4/conf/default/rp_filter", "0"),
            ("net/ipv4/conf/all/send_redirects", "0"),
            ("net/ipv4/conf/default/send_redirects", "0"),
            ("net/ipv6/conf/all/accept_dad", "0"),
            ("net/ipv6/conf/default/accept_dad", "0"),
            ("net/ipv6/conf/default/dad_transmits", "0"),
        ] {
            let path = std::path::Path::new("/proc/sys").join(key);
            // A kernel without IPv6 has none of its switches.
            if path.exists() {
                fs::write(&path, value).with_context(|| format!("sysctl {key}={value}"))?;
            }
        }
        Ok(())
    })
}

/// Gives a thread that receives a millisecond of every ten. The nodes of other scenes may have been promised all
/// that the kernel has to promise; then this waits for one of them to end.
fn slow_down(thread: i32) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let begun = Instant::now();
    loop {
        let shared = realtime::share(thread, Duration::from_millis(1), Duration::from_millis(10));
        match shared {
            Err(error) if begun.elapsed() < PATIENCE && realtime::is_promised_away(&error) => {
                thread::sleep(Duration::from_millis(50));
            }
            shared => return shared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_parse_or_not() {
        assert_eq!(
            parse_mac("00:00:5e:00:01:33"),
            Some([0, 0, 0x5e, 0, 1, 0x33])
        );
        assert_eq!(parse_mac("00:00:5e:00:01"), None);
        assert_eq!(parse_mac("ens33@if2"), None);
    }
}
