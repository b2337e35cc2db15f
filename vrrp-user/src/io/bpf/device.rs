//! What an interface is, as far as it decides how programs are attached to it.

use std::io;

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkMessage},
};

use super::offload;
use crate::io::netlink::{self, link::Link};

/// All interfaces of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Devices(Vec<Link>);

/// Whether frames are judged with their VLAN tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VlanTags {
    /// With their tag.
    Visible,
    /// The tag may have been taken off: frames of any VLAN then look untagged.
    Hidden {
        /// What makes tags visible.
        remedy: String,
        /// VLAN interfaces on this one, so that tagged frames are to be expected.
        vlans: Vec<String>,
    },
}

impl VlanTags {
    /// The word for it in a status.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Hidden { .. } => "hidden",
        }
    }
}

impl Devices {
    /// Reads them.
    ///
    /// # Errors
    /// errno of RTM_GETLINK.
    pub(super) fn read() -> io::Result<Self> {
        let messages = netlink::list(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        let links = messages.into_iter().filter_map(|message| match message {
            RouteNetlinkMessage::NewLink(link) => Some(Link::told(&link)),
            _ => None,
        });
        Ok(Self(links.collect()))
    }

    /// Why XDP in the driver of this interface cannot be relied upon, although it may be attached there.
    ///
    /// What is made of other interfaces, or leads to another end, has drivers whose XDP sees frames under
    /// the index of the interface below, or whose answers need a program at the other end.
    pub(super) fn distrusted(&self, index: u32) -> Option<String> {
        if let Some(port) = self.0.iter().find(|one| one.controller == Some(index)) {
            return Some(format!("its frames come in by {}", name(port)));
        }
        match self.find(index)?.kind.as_ref()? {
            InfoKind::Veth => Some(
                "a veth, whose other end gets what XDP sends only if it runs XDP itself".to_owned(),
            ),
            kind => Some(format!("an interface of kind {kind}, no network card")),
        }
    }

    /// Whether XDP in the driver sees VLAN tags.
    pub(super) fn tags_in_driver(&self, index: u32) -> VlanTags {
        let Some(device) = self.find(index) else {
            return VlanTags::Visible;
        };
        let remedy = if device.kind == Some(InfoKind::Veth) {
            // Whether the sender leaves the tag beside the frame cannot be seen from this end.
            let end = device.below.map_or_else(String::new, |index| {
                format!(" (interface {index} of its namespace)")
            });
            format!("`ethtool -K INTERFACE txvlan off` at the other end of the veth{end}")
        } else if offload::takes_vlan_tags(name(device)) {
            format!("`ethtool -K {} rxvlan off`", name(device))
        } else {
            return VlanTags::Visible;
        };
        VlanTags::Hidden {
            remedy,
            vlans: self.vlans(index),
        }
    }

    /// ID of the XDP program on an interface.
    pub(super) fn xdp_program(&self, index: u32) -> Option<u32> {
        self.find(index)?.xdp_program
    }

    fn vlans(&self, index: u32) -> Vec<String> {
        let above = self.0.iter().filter(|one| one.below == Some(index));
        above
            .filter(|one| one.kind == Some(InfoKind::Vlan))
            .map(|one| name(one).to_owned())
            .collect()
    }

    fn find(&self, index: u32) -> Option<&Link> {
        self.0.iter().find(|one| one.index == index)
    }
}

/// A dump names every interface.
fn name(link: &Link) -> &str {
    link.name.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(index: u32, name: &str, kind: Option<InfoKind>) -> Link {
        Link {
            index,
            name: Some(name.to_owned()),
            kind,
            ..Link::default()
        }
    }

    #[test]
    fn only_network_cards_run_xdp_in_the_driver() {
        let port = |name: &str, index, of| Link {
            controller: Some(of),
            ..one(index, name, None)
        };
        let devices = Devices(vec![
            one(2, "ens33", None),
            one(3, "eth0", Some(InfoKind::Veth)),
            one(4, "bond0", Some(InfoKind::Bond)),
            port("ens34", 5, 4),
            one(6, "mv0", Some(InfoKind::MacVlan)),
            // Hyper-V: the card that does the work is a port of the one that has the addresses.
            one(7, "eth1", None),
            port("enP1", 8, 7),
        ]);
        assert_eq!(devices.distrusted(2), None);
        // A port of something else still is a card.
        assert_eq!(devices.distrusted(5), None);
        assert_eq!(devices.distrusted(99), None);
        for (index, says) in [
            (3, "a veth"),
            (4, "by ens34"),
            (6, "macvlan"),
            (7, "by enP1"),
        ] {
            let why = devices.distrusted(index).unwrap();
            assert!(why.contains(says), "{why}");
        }
    }

    #[test]
    fn a_veth_names_the_other_end_and_every_interface_its_vlans() {
        let on = |index, name: &str, kind| Link {
            below: Some(3),
            ..one(index, name, Some(kind))
        };
        let veth = Link {
            below: Some(17),
            ..one(3, "eth0", Some(InfoKind::Veth))
        };
        let devices = Devices(vec![
            veth,
            on(4, "eth0.10", InfoKind::Vlan),
            on(5, "mv0", InfoKind::MacVlan),
        ]);
        let VlanTags::Hidden { remedy, vlans } = devices.tags_in_driver(3) else {
            panic!("tags are visible");
        };
        assert!(remedy.contains("txvlan off") && remedy.contains("interface 17"));
        assert_eq!(vlans, ["eth0.10"]);
        // The loopback interface takes no tags off.
        let devices = Devices(vec![one(1, "lo", None)]);
        assert_eq!(devices.tags_in_driver(1), VlanTags::Visible);
    }
}
