//! The contenders of the bench: nodes under test, each with the configuration that its user would
//! give it.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    config::Settings,
    lab::{Host, Lab, ROUTER_INTERFACE, VIP},
    node::{FRR_DAEMONS, Frr, Group, Keepalived, Node, Xvrrp},
};

/// The virtual router id of the first gateway; of those that do not tie several gateways together,
/// each further one has the next.
const VRID: u8 = 51;

/// Names of [`Contender::standard`] that take part unless others are asked for.
pub const STANDARD: [&str; 5] = [
    "xvrrp",
    "keepalived",
    "keepalived-tuned",
    "keepalived-vmac",
    "frr",
];

/// What every pair under comparison is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// Advertisement interval in milliseconds: whole seconds for version 2, whole centiseconds for
    /// version 3.
    pub advert_int_ms: u32,
    /// Priorities of the better and the other router.
    pub priorities: [u8; 2],
    /// Virtual IPs on the routers' outer interface, all of one family.
    pub vips: Vec<IpAddr>,
    /// Virtual IPs on others.
    pub more: Vec<Gateway>,
    /// More lines for the instance of those that read `keepalived.conf`.
    pub instance: String,
}

/// A virtual IP on another interface of the routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The routers' interface.
    pub interface: String,
    /// The virtual IP, in a /24.
    pub vip: Ipv4Addr,
}

impl Speech {
    /// Version 3, 10 ms, priorities 254 and 253, the shortest timers there are; and the tutorial's
    /// virtual IP.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            version: 3,
            advert_int_ms: 10,
            priorities: [254, 253],
            vips: vec![VIP.into()],
            more: Vec::new(),
            instance: String::new(),
        }
    }

    /// With a further virtual IP.
    #[must_use]
    pub fn and(mut self, interface: &str, vip: Ipv4Addr) -> Self {
        self.more.push(Gateway {
            interface: interface.to_owned(),
            vip,
        });
        self
    }
}

/// A node under test with its configuration.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What the report calls it.
    pub name: String,
    daemon: Daemon,
}

#[derive(Clone, Debug)]
enum Daemon {
    Xvrrp(PathBuf),
    Keepalived(PathBuf, Tuning),
    Frr { arp_ignore: bool },
}

/// How keepalived is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tuning {
    /// As Debian's package does: not at all.
    Default,
    /// As its manual advises against missed adverts on busy machines.
    Tuned,
    /// With the virtual MAC of the RFC on both sides.
    Vmac,
}

impl Contender {
    /// Those of these names, in this order; without names all of [`STANDARD`]. There is one more,
    /// `frr-plain`: FRR as its documentation says. It answers ARP questions on both routers then, so
    /// that nothing fails over; the standard one has `arp_ignore=1` against that.
    ///
    /// # Errors
    /// If a name is none of them.
    pub fn standard(names: &[String], xvrrp: &Path) -> Result<Vec<Self>> {
        if names.is_empty() {
            let all = STANDARD.map(str::to_owned);
            return Self::standard(&all, xvrrp);
        }
        names.iter().map(|name| Self::named(name, xvrrp)).collect()
    }

    fn named(name: &str, xvrrp: &Path) -> Result<Self> {
        let keepalived = |tuning| Daemon::Keepalived("keepalived".into(), tuning);
        let daemon = match name {
            "xvrrp" => Daemon::Xvrrp(xvrrp.to_owned()),
            "keepalived" => keepalived(Tuning::Default),
            "keepalived-tuned" => keepalived(Tuning::Tuned),
            "keepalived-vmac" => keepalived(Tuning::Vmac),
            "frr" => Daemon::Frr { arp_ignore: true },
            "frr-plain" => Daemon::Frr { arp_ignore: false },
            _ => bail!(
                "no node is called {name:?}: there are {}, frr-plain",
                STANDARD.join(", ")
            ),
        };
        Ok(Self {
            name: name.to_owned(),
            daemon,
        })
    }

    /// Another binary of xvrrp or of keepalived, from `NAME=PATH`. It says itself which it is; a
    /// keepalived is tuned.
    ///
    /// # Errors
    /// If the definition has another form, or the binary does not run or is neither.
    pub fn other(definition: &str) -> Result<Self> {
        let (name, path) = definition
            .split_once('=')
            .filter(|(name, path)| !name.is_empty() && !path.is_empty())
            .with_context(|| format!("{definition:?} is not NAME=PATH"))?;
        let path = Path::new(path)
            .canonicalize()
            .with_context(|| format!("no binary at {path}"))?;
        let version = version(&path)?;
        let daemon = match version.split_whitespace().next() {
            Some("xvrrp") => Daemon::Xvrrp(path),
            Some("Keepalived") => Daemon::Keepalived(path, Tuning::Tuned),
            _ => bail!(
                "{} is neither xvrrp nor keepalived: it says {version:?}",
                path.display()
            ),
        };
        Ok(Self {
            name: name.to_owned(),
            daemon,
        })
    }

    /// What has to be done before it can run, if anything.
    #[must_use]
    pub fn is_missing(&self) -> Option<String> {
        let version = self.version().err()?;
        let help = match self.daemon {
            Daemon::Xvrrp(_) => "`cargo xtask build` builds it",
            Daemon::Keepalived(..) | Daemon::Frr { .. } => "`cargo xtask setup` installs it",
        };
        Some(format!("{} does not run ({version:#}): {help}", self.name))
    }

    /// The binary's own word for its version, one line.
    ///
    /// # Errors
    /// If it is not installed or does not say.
    pub fn version(&self) -> Result<String> {
        match &self.daemon {
            Daemon::Xvrrp(binary) | Daemon::Keepalived(binary, _) => version(binary),
            Daemon::Frr { .. } => {
                version(&Path::new(FRR_DAEMONS).join("zebra"))?;
                version(&Path::new(FRR_DAEMONS).join("vrrpd"))
            }
        }
    }

    /// How it is configured, in a few words.
    #[must_use]
    pub fn tuning(&self) -> &'static str {
        match self.daemon {
            Daemon::Xvrrp(_) | Daemon::Keepalived(_, Tuning::Default) => "defaults",
            Daemon::Keepalived(_, Tuning::Tuned) => {
                "vrrp_rt_priority 50, vrrp_no_swap, vrrp_rlimit_rttime 1000000"
            }
            Daemon::Keepalived(_, Tuning::Vmac) => "use_vmac",
            Daemon::Frr { arp_ignore: false } => "as FRR's documentation says",
            Daemon::Frr { arp_ignore: true } => "as FRR's documentation says, and arp_ignore=1",
        }
    }

    /// The configuration files of the better and the other router.
    #[must_use]
    pub fn configs(&self, speech: &Speech) -> [String; 2] {
        speech
            .priorities
            .map(|priority| self.config(speech, priority))
    }

    /// A node on each of the lab's first two routers, the better one first; not started.
    ///
    /// # Errors
    /// If a configuration cannot be laid down.
    pub fn pair(&self, lab: &Lab, speech: &Speech) -> Result<[Box<dyn Node>; 2]> {
        let [better, other] = self.configs(speech);
        let [first, second, ..] = lab.routers.as_slice() else {
            bail!("a pair needs two routers");
        };
        Ok([
            self.node(first, &better, speech)?,
            self.node(second, &other, speech)?,
        ])
    }

    /// A node on one router, with a priority of its own; not started. It starts as the better one of
    /// the speech does if it has that one's priority.
    ///
    /// # Errors
    /// If a configuration cannot be laid down.
    pub fn single(&self, router: &Host, speech: &Speech, priority: u8) -> Result<Box<dyn Node>> {
        self.node(router, &self.config(speech, priority), speech)
    }

    fn node(&self, router: &Host, config: &str, speech: &Speech) -> Result<Box<dyn Node>> {
        Ok(match &self.daemon {
            Daemon::Xvrrp(binary) => Box::new(Xvrrp::new(binary, router, config)?),
            Daemon::Keepalived(binary, _) => {
                Box::new(Keepalived::with_binary(binary, router, config)?)
            }
            Daemon::Frr { arp_ignore } => {
                let frr = Frr::new(router, config, &groups(speech))?;
                Box::new(if *arp_ignore {
                    frr.ignore_foreign_arp()
                } else {
                    frr
                })
            }
        })
    }

    fn config(&self, speech: &Speech, priority: u8) -> String {
        let tuning = match self.daemon {
            Daemon::Xvrrp(_) => Tuning::Default,
            Daemon::Keepalived(_, tuning) => tuning,
            Daemon::Frr { .. } => {
                let config =
                    |group: Group| group.config(speech.version, speech.advert_int_ms, priority);
                let all: Vec<_> = groups(speech).into_iter().map(config).collect();
                return all.join("!\n");
            }
        };
        let (global, instance, vip) = match tuning {
            Tuning::Default => ("", "", ""),
            Tuning::Tuned => (
                "vrrp_rt_priority 50\nvrrp_no_swap\nvrrp_rlimit_rttime 1000000",
                "",
                "",
            ),
            Tuning::Vmac => ("", "use_vmac vrrp.51", " use_vmac"),
        };
        let more = speech.more.iter();
        let more = more.map(|gateway| format!("{} dev {}{vip}\n", gateway.vip, gateway.interface));
        Settings {
            version: speech.version,
            vrid: VRID,
            priority,
            advert_int_ms: speech.advert_int_ms,
            master: Some(&priority) == speech.priorities.first(),
            vips: speech.vips.clone(),
            more_vips: more.collect(),
            global: global.to_owned(),
            instance: format!("{instance}\n{}", speech.instance).trim().to_owned(),
            ..Settings::fast(priority)
        }
        .to_string()
    }
}

/// FRR's virtual routers: one per interface, nothing ties them together.
fn groups(speech: &Speech) -> Vec<Group> {
    let outer = Group {
        vrid: VRID,
        interface: ROUTER_INTERFACE.to_owned(),
        vips: speech.vips.clone(),
    };
    let more = speech
        .more
        .iter()
        .zip(VRID + 1..)
        .map(|(gateway, vrid)| Group {
            vrid,
            interface: gateway.interface.clone(),
            vips: vec![gateway.vip.into()],
        });
    std::iter::once(outer).chain(more).collect()
}

/// The first line of what a binary says about its version; keepalived says it on standard error.
fn version(binary: &Path) -> Result<String> {
    let output = Command::new(binary)
        .arg("--version")
        .output()
        .with_context(|| format!("start {}", binary.display()))?;
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let line = stdout.lines().chain(stderr.lines()).next();
    let line = line.unwrap_or_default().trim();
    ensure!(
        output.status.success() && !line.is_empty(),
        "{} does not tell its version",
        binary.display()
    );
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(name: &str) -> Contender {
        let mut one = Contender::standard(&[name.to_owned()], Path::new("xvrrp")).unwrap();
        one.remove(0)
    }

    fn routed() -> Speech {
        Speech::fast().and("ens34", Ipv4Addr::new(10, 77, 0, 254))
    }

    #[test]
    fn names_are_known_or_refused() {
        let all = Contender::standard(&[], Path::new("xvrrp")).unwrap();
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, STANDARD);
        let error = Contender::standard(&["frrr".to_owned()], Path::new("xvrrp")).unwrap_err();
        assert!(error.to_string().contains("keepalived-vmac"), "{error}");
    }

    #[test]
    fn only_a_virtual_mac_goes_with_every_address() {
        let [plain, _] = contender("keepalived").configs(&routed());
        assert!(plain.contains(" 10.77.0.254 dev ens34\n"), "{plain}");
        let [vmac, _] = contender("keepalived-vmac").configs(&routed());
        assert!(vmac.contains(" 10.77.0.254 dev ens34 use_vmac\n"), "{vmac}");
        assert_eq!(contender("xvrrp").configs(&routed())[0], plain);
    }

    #[test]
    fn frr_has_a_group_per_interface() {
        let [better, other] = contender("frr").configs(&routed());
        for line in [
            "interface ens33",
            " vrrp 51 priority 254",
            " vrrp 51 ip 192.168.1.254",
            "interface ens34",
            " vrrp 52 advertisement-interval 10",
            "! ip link set dev vrrp4-52 address 00:00:5e:00:01:34",
        ] {
            assert!(better.lines().any(|one| one == line), "{line}: {better}");
        }
        assert_eq!(other, better.replace("priority 254", "priority 253"));
    }

    #[test]
    fn frr_has_a_family_per_group() {
        let speech = Speech {
            vips: Settings::fast_v6(254).vips,
            ..Speech::fast()
        };
        let [better, _] = contender("frr").configs(&speech);
        for line in [
            " vrrp 51 ipv6 fe80::5e:33",
            " vrrp 51 ipv6 2001:db8:1::fe",
            "! ip link set dev vrrp6-51 address 00:00:5e:00:02:33",
            "! ip addr add fe80::5e:33/64 dev vrrp6-51",
            "! sysctl net/ipv6/conf/ens33/ignore_routes_with_linkdown=1",
        ] {
            assert!(better.lines().any(|one| one == line), "{line}: {better}");
        }
    }

    #[test]
    fn a_binary_says_what_it_is() {
        let error = Contender::other("odd=/bin/ls").unwrap_err();
        assert!(error.to_string().contains("neither"), "{error}");
        Contender::other("nothing").unwrap_err();
    }
}
