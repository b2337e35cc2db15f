//! An interface as a message of rtnetlink tells it. Pure.

use netlink_packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkXdp,
};
use vrrp_ebpf::types::Mac;

/// What a message says of an interface. A message about a change may leave out what has not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::io) struct Link {
    /// Its index, which stays the same under another name.
    pub index: u32,
    /// Its name.
    pub name: Option<String>,
    /// Set up, and with carrier as far as the driver can tell.
    pub up: bool,
    /// Its MAC, if it has one of six bytes that are not all zero, as those of the loopback interface are.
    pub mac: Option<Mac>,
    /// Its MTU, bytes.
    pub mtu: Option<u32>,
    /// What made it (`veth`, `bond`, …); a network card has none.
    pub kind: Option<InfoKind>,
    /// Index of the interface below it, or at the other end of a veth, in whatever namespace that is.
    pub below: Option<u32>,
    /// Index of the interface that it is a port of.
    pub controller: Option<u32>,
    /// ID of the XDP program on it.
    pub xdp_program: Option<u32>,
}

impl Link {
    /// What a message is about.
    pub(in crate::io) fn told(message: &LinkMessage) -> Self {
        // RUNNING follows operstate, which dormant interfaces (802.1X) lack; LOWER_UP is carrier.
        let needed = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
        let mut link = Self {
            index: message.header.index,
            up: message.header.flags.contains(needed),
            ..Self::default()
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = Some(name.clone()),
                LinkAttribute::Address(bytes) => link.mac = mac(bytes),
                LinkAttribute::Mtu(mtu) => link.mtu = Some(*mtu),
                LinkAttribute::Link(index) => link.below = Some(*index),
                LinkAttribute::Controller(index) => link.controller = Some(*index),
                LinkAttribute::LinkInfo(infos) => {
                    link.kind = infos.iter().find_map(|info| match info {
                        LinkInfo::Kind(kind) => Some(kind.clone()),
                        _ => None,
                    });
                }
                LinkAttribute::Xdp(infos) => {
                    link.xdp_program = infos.iter().find_map(|info| match info {
                        LinkXdp::ProgId(id) => Some(*id),
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        link
    }
}

fn mac(bytes: &[u8]) -> Option<Mac> {
    bytes.try_into().ok().filter(|mac| *mac != [0; 6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_six_bytes_that_are_not_zero_are_a_mac() {
        assert_eq!(mac(&[2, 0, 0, 0, 0, 1]), Some([2, 0, 0, 0, 0, 1]));
        assert_eq!(mac(&[0; 6]), None);
        assert_eq!(mac(&[10, 0, 0, 1]), None);
    }

    #[test]
    fn what_a_message_leaves_out_is_not_known() {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.flags = LinkFlags::Up | LinkFlags::Running;
        message.attributes.push(LinkAttribute::Mtu(1500));
        let told = Link::told(&message);
        assert_eq!((told.index, told.mtu, told.name), (7, Some(1500), None));
        assert!(!told.up, "it has no carrier");
    }
}
