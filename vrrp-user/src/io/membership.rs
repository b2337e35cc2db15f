//! Multicast group memberships: without them the NIC, or a switch that listens to IGMP and MLD, keeps
//! from XDP what it has to see.

use std::{
    collections::BTreeSet,
    fmt::Display,
    io,
    net::{IpAddr, Ipv6Addr},
};

use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};
use vrrp_ebpf::wire::vrrp::{GROUP_V4, GROUP_V6};

use super::engine::{Plan, plan::RouterPlan};
use crate::proto::Family;

/// Groups that one socket joins: `igmp_max_memberships` allows 20, and `optmem_max` some hundreds.
const GROUPS_PER_SOCKET: usize = 16;

/// Memberships of every group that the node listens to; they end when this is dropped.
#[derive(Debug)]
pub struct Memberships {
    _sockets: Vec<Socket>,
}

impl Memberships {
    /// Joins the VRRP groups for the routers that are spoken to by multicast, and the solicited-node
    /// group of every IPv6 virtual IP, whether we own it or not.
    ///
    /// # Errors
    /// errno of IP_ADD_MEMBERSHIP or IPV6_ADD_MEMBERSHIP, such as ENODEV, with the group.
    pub fn join(plan: &Plan) -> io::Result<Self> {
        let groups: BTreeSet<_> = plan.routers.iter().flat_map(groups).collect();
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for (ifindex, group) in groups {
            match group {
                IpAddr::V4(group) => v4.push((ifindex, group)),
                IpAddr::V6(group) => v6.push((ifindex, group)),
            }
        }
        let mut sockets = join_all(Domain::IPV4, &v4, |socket, (ifindex, group)| {
            socket.join_multicast_v4_n(group, &InterfaceIndexOrAddress::Index(*ifindex))
        })?;
        sockets.extend(join_all(Domain::IPV6, &v6, |socket, (ifindex, group)| {
            socket.join_multicast_v6(group, *ifindex)
        })?);
        Ok(Self { _sockets: sockets })
    }
}

/// The groups that a router has to hear, and on which interface.
fn groups(router: &RouterPlan) -> impl Iterator<Item = (u32, IpAddr)> {
    let by_multicast = router.frames.peers.is_empty();
    let group: IpAddr = match router.settings.family {
        Family::V4 => GROUP_V4.into(),
        Family::V6 => GROUP_V6.into(),
    };
    let adverts = by_multicast.then_some((router.ifindex, group));
    //= C52: RFC 9568 section 6.4.3
    //= C34: RFC 9568 section 6.4.2
    // Already while we are Backup: the kernel joins when it gets the address, and its MLD report may
    // come up to a second later. Until a switch has seen it, an owner would not hear the question.
    let solicited = router.vips.iter().filter_map(|vip| {
        let is_ipv6 = vip.family() == Family::V6;
        is_ipv6.then(|| (vip.ifindex, IpAddr::V6(solicited_node(vip.address))))
    });
    adverts.into_iter().chain(solicited)
}

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
fn solicited_node(address: [u8; 16]) -> Ipv6Addr {
    let [.., a, b, c] = address;
    let (a, bc) = (u16::from(a), u16::from_be_bytes([b, c]));
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a, bc)
}

fn join_all<Address: Display>(
    domain: Domain,
    groups: &[(u32, Address)],
    join: impl Fn(&Socket, &(u32, Address)) -> io::Result<()>,
) -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for chunk in groups.chunks(GROUPS_PER_SOCKET) {
        // Receives nothing: it is not bound, and the groups carry no UDP.
        let socket = Socket::new(domain, Type::DGRAM, None)?;
        for group in chunk {
            join(&socket, group).map_err(|error| {
                let (ifindex, group) = group;
                let text = format!("{group} on interface {ifindex}: {error}");
                io::Error::new(error.kind(), text)
            })?;
        }
        sockets.push(socket);
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        io::testing::{in_namespace, index, run},
    };

    fn plan(body: &str, ifindex: u32) -> Plan {
        let text =
            format!("vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n{body}\n}}\n");
        let config = config::parse("k.conf", text.as_bytes()).config.unwrap();
        let find = |name: &str| match name {
            "ens33" => Some((ifindex, [2; 6])),
            _ => Some((ifindex + 1, [2; 6])),
        };
        Plan::new(&config.instances, find).unwrap()
    }

    /// What the routers of a configuration join, as text.
    fn joined(body: &str) -> Vec<String> {
        let plan = plan(body, 2);
        let groups: BTreeSet<_> = plan.routers.iter().flat_map(groups).collect();
        let shown = groups
            .into_iter()
            .map(|(ifindex, group)| format!("{group} on {ifindex}"));
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

    #[test]
    fn the_kernel_is_in_every_group_as_long_as_we_are() {
        in_namespace(async || {
            run("ip link add ens33 type veth peer name ens34");
            run("ip link set ens33 up");
            run("ip link set ens34 up");
            let mut body =
                "virtual_ipaddress {\n fe80::51\n}\nvirtual_ipaddress_excluded {\n".to_owned();
            for number in 0x100..0x140 {
                body.push_str(&format!(" 2001:db8::{number:x}\n"));
            }
            body.push('}');
            let memberships = Memberships::join(&plan(&body, index("ens33"))).unwrap();
            let shown = run("ip -6 maddr show dev ens33");
            for group in [
                "ff02::12",
                "ff02::1:ff00:51",
                "ff02::1:ff00:100",
                "ff02::1:ff00:13f",
            ] {
                let is_there = shown.split_whitespace().any(|word| word == group);
                assert!(is_there, "{group}: {shown}");
            }
            drop(memberships);
            let shown = run("ip -6 maddr show dev ens33");
            assert!(!shown.contains("ff02::1:ff00:51"), "{shown}");
        });
    }
}
