//! `virtual_ipaddress` and `virtual_ipaddress_excluded`: one address per line, with iproute2-like
//! options.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    ast::{Statement, Word},
    diag::{Diagnostics, Place},
    model::{FOREVER, Scope, Vip},
    value,
};

/// Most bytes of a label: IFNAMSIZ without its NUL.
const MAX_LABEL: usize = 15;

/// Options of keepalived we do not act on.
const IGNORED: [&str; 3] = ["autojoin", "home", "mngtmpaddr"];

/// Which broadcast address a line asks for.
#[derive(Clone, Copy)]
enum Broadcast {
    AllOnes,
    AllZeros,
    Address(Ipv4Addr),
}

/// Reads a line of `virtual_ipaddress`; `None` after an error.
pub(super) fn vip(statement: &Statement, report: &mut Diagnostics) -> Option<Vip> {
    value::refuse_block(statement, report);
    let mut line = VipLine {
        place: &statement.place,
        report,
        failed: false,
        address: None,
        broadcast: None,
        device: None,
        tracked: true,
        scope: None,
        label: None,
        preferred_lft: None,
        virtual_mac: false,
        no_prefix_route: false,
    };
    line.read(&statement.words);
    line.finish(&statement.raw)
}

struct VipLine<'a> {
    place: &'a Place,
    report: &'a mut Diagnostics,
    failed: bool,
    address: Option<(IpAddr, u8)>,
    broadcast: Option<Broadcast>,
    device: Option<String>,
    tracked: bool,
    scope: Option<Scope>,
    label: Option<String>,
    preferred_lft: Option<u32>,
    virtual_mac: bool,
    no_prefix_route: bool,
}

impl VipLine<'_> {
    fn read(&mut self, words: &[Word]) {
        let mut ignored = Vec::new();
        let mut words = words.iter().map(|word| word.text.as_str());
        while let Some(word) = words.next() {
            if IGNORED.contains(&word) {
                ignored.push(word);
                continue;
            }
            match word {
                "brd" | "broadcast" | "dev" | "scope" | "label" | "preferred_lft" => {
                    match words.next() {
                        Some(parameter) => self.option(word, parameter),
                        None => self.error(format!("`{word}` needs a parameter")),
                    }
                }
                // No virtual IP of IPv6 is ever looked for elsewhere first.
                "-nodad" => {}
                "no_track" | "no-track" => self.tracked = false,
                "use_vmac" => self.virtual_mac = true,
                "noprefixroute" => self.no_prefix_route = true,
                "peer" => {
                    words.next();
                    self.failed = true;
                    self.report.error_help(
                        self.place,
                        "`peer` is not supported yet: without it the route to the other end would be missing",
                        "remove it if that is what you want",
                    );
                }
                _ => self.address(word),
            }
        }
        if !ignored.is_empty() {
            self.report.warn(
                self.place,
                format!("not supported yet, ignored: `{}`", ignored.join("`, `")),
            );
        }
    }

    fn option(&mut self, option: &str, parameter: &str) {
        match option {
            "dev" if self.device.is_some() => {
                self.error(
                    "a virtual IP has one `dev`, keepalived ignores an address with two".to_owned(),
                );
            }
            "dev" => match value::interface("dev", parameter, self.place, self.report) {
                Some(name) => self.device = Some(name),
                None => self.failed = true,
            },
            "scope" => match scope(parameter) {
                Some(scope) => self.scope = Some(scope),
                None => self.error(format!(
                    "`scope {parameter}`: not global, site, link, host or a number from 0 to 255"
                )),
            },
            // The address counts, keepalived would do without it.
            "label" if parameter.len() > MAX_LABEL || parameter.is_empty() => {
                self.report.warn_help(
                    self.place,
                    format!("`label {parameter}`: a label has 1 to {MAX_LABEL} bytes, the address is served without one"),
                    "shorten or remove it: keepalived serves no address with such a label",
                );
            }
            "label" => self.label = Some(parameter.to_owned()),
            "preferred_lft" => match lifetime(parameter) {
                Some(lifetime) => self.preferred_lft = Some(lifetime),
                None => self.error(format!(
                    "`preferred_lft {parameter}`: neither forever nor a number of seconds"
                )),
            },
            _ => match (parameter, parameter.parse()) {
                ("+", _) => self.broadcast = Some(Broadcast::AllOnes),
                ("-", _) => self.broadcast = Some(Broadcast::AllZeros),
                (_, Ok(address)) => self.broadcast = Some(Broadcast::Address(address)),
                (_, Err(_)) => self.error(format!(
                    "`{option} {parameter}`: not +, - or an IPv4 address"
                )),
            },
        }
    }

    fn address(&mut self, word: &str) {
        match (parse_address(word), self.address) {
            (Err(Bad::Prefix(most)), _) => {
                self.error(format!(
                    "`{word}`: the prefix length is not a number from 0 to {most}"
                ));
            }
            (Err(Bad::Use(why)), _) => {
                self.error(format!("`{word}` cannot be a virtual IP: {why}"))
            }
            (Err(Bad::Address), None) => self.error(format!("`{word}` is not an IP address")),
            (Err(Bad::Address), Some(_)) => self.report.warn_help(
                self.place,
                format!("`{word}` is not an option of a virtual IP, ignored"),
                "known are brd, dev, label, no_track, noprefixroute, preferred_lft, scope and use_vmac",
            ),
            (Ok(_), Some(_)) => self.error(format!(
                "`{word}` is the second address on its line, keepalived ignores it"
            )),
            (Ok(address), None) => self.address = Some(address),
        }
    }

    fn error(&mut self, message: String) {
        self.failed = true;
        self.report.error(self.place, message);
    }

    fn finish(mut self, raw: &str) -> Option<Vip> {
        let Some((address, prefix)) = self.address else {
            if !self.failed {
                self.error(format!("`{raw}` has no IP address in it"));
            }
            return None;
        };
        let broadcast = match (self.broadcast, address) {
            (None, _) => None,
            (Some(Broadcast::Address(broadcast)), IpAddr::V4(_)) => Some(broadcast),
            (Some(computed), IpAddr::V4(address)) if prefix <= 30 => {
                let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                Some(Ipv4Addr::from_bits(match computed {
                    Broadcast::AllZeros => address.to_bits() & !hosts,
                    _ => address.to_bits() | hosts,
                }))
            }
            (Some(_), IpAddr::V4(_)) => {
                self.report.warn(
                    self.place,
                    format!("a /{prefix} has no broadcast address, `brd` is ignored"),
                );
                None
            }
            (Some(_), IpAddr::V6(_)) => {
                self.report
                    .warn(self.place, "IPv6 has no broadcast, `brd` is ignored");
                None
            }
        };
        let (scope, label, preferred_lft) = match address {
            IpAddr::V4(_) => {
                self.forget_v6();
                (self.scope, self.label, FOREVER)
            }
            IpAddr::V6(address) => {
                self.forget_v4(address);
                let only_virtual = prefix == 128 || address.is_unicast_link_local();
                let usual = if only_virtual { 0 } else { FOREVER };
                (None, None, self.preferred_lft.unwrap_or(usual))
            }
        };
        (!self.failed).then_some(Vip {
            address,
            prefix,
            broadcast,
            device: self.device,
            tracked: self.tracked,
            scope: scope.unwrap_or(Scope::Global),
            label,
            preferred_lft,
            excluded: false,
            virtual_mac: self.virtual_mac,
            no_prefix_route: self.no_prefix_route,
            place: self.place.clone(),
        })
    }

    /// Says which options mean nothing in IPv4.
    fn forget_v6(&mut self) {
        if self.preferred_lft.is_some() {
            self.report.warn(
                self.place,
                "`preferred_lft` is for IPv6 addresses, and is ignored",
            );
        }
    }

    /// Says which options mean nothing in IPv6, where the kernel reads the scope off the address.
    fn forget_v4(&mut self, address: Ipv6Addr) {
        let scope = if address.is_unicast_link_local() {
            Scope::Link
        } else {
            Scope::Global
        };
        for (option, is_ignored) in [
            ("scope", self.scope.is_some_and(|asked| asked != scope)),
            ("label", self.label.is_some()),
        ] {
            if is_ignored {
                self.report.warn(
                    self.place,
                    format!("IPv6 addresses have no `{option}` to choose, it is ignored"),
                );
            }
        }
    }
}

/// Why a word is not a virtual IP.
enum Bad {
    Address,
    Prefix(u8),
    Use(&'static str),
}

fn parse_address(word: &str) -> Result<(IpAddr, u8), Bad> {
    let (address, prefix) = match word.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (word, None),
    };
    let address: IpAddr = address.parse().map_err(|_error| Bad::Address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => most,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|length| *length <= most)
            .ok_or(Bad::Prefix(most))?,
        Some(_) => return Err(Bad::Prefix(most)),
    };
    unusable(address).map_or(Ok((address, prefix)), |why| Err(Bad::Use(why)))
}

/// Why an address cannot be a machine's.
pub(super) fn unusable(address: IpAddr) -> Option<&'static str> {
    Some(match address {
        _ if address.is_unspecified() => "it stands for no address",
        _ if address.is_multicast() => "it is a multicast group",
        IpAddr::V4(Ipv4Addr::BROADCAST) => "it is the broadcast address",
        _ => return None,
    })
}

/// `preferred_lft`, in seconds.
fn lifetime(text: &str) -> Option<u32> {
    if text == "forever" {
        return Some(FOREVER);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn scope(text: &str) -> Option<Scope> {
    Some(match text {
        "global" | "0" => Scope::Global,
        "site" | "200" => Scope::Site,
        "link" | "253" => Scope::Link,
        "host" | "254" => Scope::Host,
        "nowhere" => Scope::Other(255),
        number => Scope::Other(number.parse().ok()?),
    })
}
