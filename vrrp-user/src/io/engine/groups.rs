//! The multicast groups that virtual routers have to hear.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
};

use vrrp_ebpf::wire::vrrp::{GROUP_V4, GROUP_V6};

use super::plan::{Plan, RouterPlan};
use crate::{ids::InterfaceId, proto::Family};

impl Plan {
    /// The VRRP groups of the routers that are spoken to by multicast, and the solicited-node group of every IPv6
    /// virtual IP, whether we own it or not; each with the interface where it is to be heard.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<(InterfaceId, IpAddr)> {
        self.routers.iter().flat_map(groups_of).collect()
    }
}

/// The groups that a router has to hear, and on which interface.
fn groups_of(router: &RouterPlan) -> impl Iterator<Item = (InterfaceId, IpAddr)> {
    let by_multicast = router.frames.peers.is_empty();
    let group: IpAddr = match router.settings.family {
        Family::V4 => GROUP_V4.into(),
        Family::V6 => GROUP_V6.into(),
    };
    let adverts = by_multicast.then_some((router.interface, group));
    //= C52: RFC 9568 section 6.4.3
    //= C34: RFC 9568 section 6.4.2
    // Already while we are Backup: the kernel joins when it gets the address, and its MLD report may
    // come up to a second later. Until a switch has seen it, an owner would not hear the question.
    let solicited = router.vips.iter().filter_map(|(_, vip)| {
        let is_ipv6 = vip.family() == Family::V6;
        is_ipv6.then(|| {
            (
                InterfaceId(vip.ifindex),
                IpAddr::V6(solicited_node(vip.address)),
            )
        })
    });
    adverts.into_iter().chain(solicited)
}

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
fn solicited_node(address: [u8; 16]) -> Ipv6Addr {
    let [.., a, b, c] = address;
    let (a, bc) = (u16::from(a), u16::from_be_bytes([b, c]));
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a, bc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn plan(body: &str) -> Plan {
        let text =
            format!("vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n{body}\n}}\n");
        let config = config::parse("k.conf", text.as_bytes()).config.unwrap();
        let find = |name: &str| match name {
            "ens33" => Some((InterfaceId(2), [2; 6])),
            _ => Some((InterfaceId(3), [2; 6])),
        };
        Plan::new(&config.instances, find).unwrap()
    }

    /// What the routers of a configuration join, as text.
    fn joined(body: &str) -> Vec<String> {
        let shown = plan(body)
            .groups()
            .into_iter()
            .map(|(interface, group)| format!("{group} on {}", interface.0));
        shown.collect()
    }

    //= C34, C52: proof
    #[test]
    fn every_ipv6_virtual_ip_has_its_solicited_node_group() {
        let v6 = "virtual_ipaddress {\n fe80::51\n 2001:db8::aabb:ccdd/64\n 2001:db8:1::51 dev ens34\n}\n\
                  virtual_ipaddress_excluded {\n 192.168.1.254\n 2001:db8::1234:5678\n}";
        assert_eq!(
            joined(v6),
            [
                "ff02::12 on 2",
                "ff02::1:ff00:51 on 2",
                "ff02::1:ff34:5678 on 2",
                "ff02::1:ffbb:ccdd on 2",
                "ff02::1:ff00:51 on 3",
            ]
        );
        let v4 =
            "virtual_ipaddress {\n 192.168.1.254\n}\nvirtual_ipaddress_excluded {\n fe80::51\n}";
        assert_eq!(joined(v4), ["224.0.0.18 on 2", "ff02::1:ff00:51 on 2"]);
        let unicast = "virtual_ipaddress {\n fe80::51\n}\nunicast_peer {\n fe80::2\n}";
        assert_eq!(joined(unicast), ["ff02::1:ff00:51 on 2"]);
    }
}
