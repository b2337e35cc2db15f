//! What a router had before a node ran on it. Whatever else it has after the node died, the node
//! left.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::{netns::Entrance, run};

/// The switches that keepalived and FRR, or those who set them up, turn.
const SWITCHES: [&str; 4] = [
    "arp_filter",
    "arp_ignore",
    "ignore_routes_with_linkdown",
    "rp_filter",
];

/// The part of a router's network that daemons of other makers change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// Interface and address with its prefix.
    addresses: BTreeSet<(String, String)>,
    macvlans: BTreeSet<String>,
    /// [`SWITCHES`] of every interface: path below `/proc/sys` and value.
    switches: BTreeMap<String, String>,
    /// `FAMILY NAME` of nftables' tables.
    tables: BTreeSet<String>,
}

impl Before {
    /// Looks at a router.
    pub(super) fn take(router: &Entrance) -> Result<Self> {
        Ok(Self {
            addresses: addresses(&tool(router, "ip", "-o addr show")?),
            macvlans: links(&tool(router, "ip", "-o link show type macvlan")?),
            switches: switches(router)?,
            // Without nft nobody here can remove a table: keepalived takes its own over.
            tables: tables(&tool(router, "nft", "list tables").unwrap_or_default()),
        })
    }

    /// Makes the router again what it was.
    pub(super) fn restore(&self, router: &Entrance) -> Result<()> {
        let links = links(&tool(router, "ip", "-o link show type macvlan")?);
        for link in links.difference(&self.macvlans) {
            tool(router, "ip", &format!("link del {link}"))?;
        }
        // Addresses of removed links are gone.
        let Self {
            addresses,
            switches,
            tables,
            ..
        } = Self::take(router)?;
        for (link, address) in addresses.difference(&self.addresses) {
            tool(router, "ip", &format!("addr del {address} dev {link}"))?;
        }
        for table in tables.difference(&self.tables) {
            tool(router, "nft", &format!("delete table {table}"))?;
        }
        for (path, value) in &self.switches {
            if switches.get(path).is_some_and(|other| other != value) {
                set(router, path, value)?;
            }
        }
        Ok(())
    }
}

/// Sets a switch of a router's network: its path below `/proc/sys`.
pub(super) fn set(router: &Entrance, path: &str, value: &str) -> Result<()> {
    let mut shell = router.command("sh");
    let script = r#"echo "$1" > "/proc/sys/$2""#;
    run::run(shell.args(["-c", script, "sh", value, path])).map(drop)
}

/// Runs a tool on a router; arguments are split at blanks.
pub(super) fn tool(router: &Entrance, program: &str, arguments: &str) -> Result<String> {
    run::run(router.command(program).args(arguments.split_whitespace()))
}

/// From the output of `ip -o addr show`.
fn addresses(text: &str) -> BTreeSet<(String, String)> {
    let address = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let link = words.next()?.to_owned();
        let mut words = words.skip_while(|word| !word.starts_with("inet"));
        let address = words.nth(1)?;
        Some((link, address.to_owned()))
    };
    text.lines().filter_map(address).collect()
}

/// From the output of `ip -o link show`.
fn links(text: &str) -> BTreeSet<String> {
    let link = |line: &str| {
        let name = line.split(": ").nth(1)?;
        Some(name.split('@').next().unwrap_or(name).to_owned())
    };
    text.lines().filter_map(link).collect()
}

/// From the output of `nft list tables`.
fn tables(text: &str) -> BTreeSet<String> {
    let table = |line: &str| line.trim().strip_prefix("table ").map(str::to_owned);
    text.lines().filter_map(table).collect()
}

fn switches(router: &Entrance) -> Result<BTreeMap<String, String>> {
    let includes = SWITCHES.map(|name| format!("--include={name}"));
    let mut grep = router.command("grep");
    grep.current_dir("/proc/sys").args(["-r", ""]);
    let text = run::run(grep.args(includes).arg("net"))?;
    let switch = |line: &str| {
        let (path, value) = line.split_once(':')?;
        Some((path.to_owned(), value.to_owned()))
    };
    Ok(text.lines().filter_map(switch).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn addresses_come_with_their_interface_and_prefix() {
        let text = "\
2: ens33    inet 192.168.1.1/24 scope global ens33\\       valid_lft forever preferred_lft forever
3: vrrp.51    inet6 2001:db8:1::fe/128 scope global nodad deprecated\\       valid_lft forever";
        let found: Vec<_> = addresses(text).into_iter().collect();
        let pair = |link: &str, address: &str| (link.to_owned(), address.to_owned());
        assert_eq!(
            found,
            [
                pair("ens33", "192.168.1.1/24"),
                pair("vrrp.51", "2001:db8:1::fe/128")
            ]
        );
    }

    #[test]
    fn links_come_without_what_they_are_on() {
        let text = "4: vrrp.51@ens33: <BROADCAST,UP> mtu 1500 qdisc noqueue\n\
                    5: vrrp1.51@ens34: <BROADCAST> mtu 1500 qdisc noqueue\n";
        assert_eq!(links(text), set(&["vrrp.51", "vrrp1.51"]));
    }

    #[test]
    fn tables_come_with_their_family() {
        assert_eq!(tables("table ip keepalived\n"), set(&["ip keepalived"]));
        assert_eq!(tables(""), set(&[]));
    }
}
