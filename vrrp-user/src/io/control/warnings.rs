//! What is wrong with a virtual router although it works: for the log when it begins and ends, for the status as
//! long as it lasts. Pure.

use std::net::IpAddr;

use tracing::Level;

use super::wording::Line;
use crate::{config::Instance, proto::Version};

/// Something that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::io::control) enum Warning {
    /// A unicast peer is an address of this machine.
    OwnPeer {
        /// Which.
        peer: IpAddr,
    },
    /// The source address of the adverts is not on the interface that they leave by.
    SourceElsewhere,
    /// Another router says that it owns the addresses (priority 255), and so do we.
    TwoOwners {
        /// Where it is.
        other: IpAddr,
    },
}

impl Warning {
    /// A word for it.
    pub(in crate::io::control) fn name(self) -> &'static str {
        match self {
            Self::OwnPeer { .. } => "own_peer",
            Self::SourceElsewhere => "source_elsewhere",
            Self::TwoOwners { .. } => "two_owners",
        }
    }

    /// For people.
    pub(in crate::io::control) fn text(self, instance: &Instance) -> String {
        match self {
            Self::OwnPeer { peer } => {
                format!("peer {peer} is an address of this machine, no adverts are sent to it")
            }
            Self::SourceElsewhere => {
                let (source, interface) = (instance.source, &instance.interface);
                let source = source.map_or_else(|| "?".to_owned(), |source| source.to_string());
                let unheard = if instance.unicast.is_some() {
                    "adverts to it may come by another interface, by which they are not heard"
                } else {
                    "other routers may not take it for a neighbour"
                };
                format!("source address {source} is not on {interface}: {unheard}")
            }
            Self::TwoOwners { other } => two_owners(instance, other),
        }
    }

    /// The line of the log when it begins or is over.
    pub(in crate::io::control) fn line(self, instance: &Instance, begins: bool) -> Line {
        let (name, text) = (&instance.name, self.text(instance));
        if begins {
            (Level::WARN, format!("({name}) {text}"))
        } else {
            (Level::INFO, format!("({name}) no longer true: {text}"))
        }
    }
}

/// Two routers of priority 255. In version 3 the higher address wins (RFC 9568 erratum 8298); an owner of version 2
/// discards what it hears, by RFC 3768 section 7.1, so that nothing resolves it.
pub(super) fn two_owners(instance: &Instance, other: IpAddr) -> String {
    let serve = match instance.settings.version {
        Version::V2 => ": both are MASTER until one of them gets a lower priority",
        Version::V3 => "",
    };
    format!("{other} claims priority 255 (address owner), and so do we{serve}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn instance(version: u8, body: &str) -> Instance {
        let text = format!(
            "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n version {version}\n \
             priority 255\n virtual_ipaddress {{\n 192.168.1.254\n }}\n {body}\n}}\n"
        );
        let config = parse("k.conf", text.as_bytes()).config.unwrap();
        config.instances.into_iter().next().unwrap()
    }

    #[test]
    fn each_says_what_it_is_about() {
        let other = IpAddr::from([192, 168, 1, 2]);
        let unicast = "unicast_src_ip 10.0.0.1\nunicast_peer {\n 10.0.0.2\n 10.0.0.3\n}";
        for (warning, instance, text) in [
            (
                Warning::OwnPeer {
                    peer: IpAddr::from([10, 0, 0, 3]),
                },
                instance(3, unicast),
                "peer 10.0.0.3 is an address of this machine, no adverts are sent to it",
            ),
            (
                Warning::SourceElsewhere,
                instance(3, unicast),
                "source address 10.0.0.1 is not on ens33: adverts to it may come by another interface, by which they \
                 are not heard",
            ),
            (
                Warning::SourceElsewhere,
                instance(3, "mcast_src_ip 10.0.0.1"),
                "source address 10.0.0.1 is not on ens33: other routers may not take it for a neighbour",
            ),
            (
                Warning::TwoOwners { other },
                instance(3, ""),
                "192.168.1.2 claims priority 255 (address owner), and so do we",
            ),
            (
                Warning::TwoOwners { other },
                instance(2, ""),
                "192.168.1.2 claims priority 255 (address owner), and so do we: both are MASTER until one of them gets \
                 a lower priority",
            ),
        ] {
            assert_eq!(warning.text(&instance), text);
            let lines = [true, false].map(|begins| warning.line(&instance, begins));
            assert_eq!(lines[0], (Level::WARN, format!("(VI_1) {text}")));
            assert_eq!(lines[1].0, Level::INFO);
        }
    }
}
