//! Multicast group memberships: without them the NIC, or a switch that listens to IGMP and MLD, keeps
//! from XDP what it has to see.

use std::{collections::BTreeSet, fmt::Display, io, net::IpAddr};

use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};

/// Groups that one socket joins: `igmp_max_memberships` allows 20, and `optmem_max` some hundreds.
const GROUPS_PER_SOCKET: usize = 16;

/// Memberships of every group that the node listens to; they end when this is dropped.
#[derive(Debug)]
pub struct Memberships {
    _sockets: Vec<Socket>,
}

impl Memberships {
    /// Joins groups, each on the interface with that index.
    ///
    /// # Errors
    /// errno of IP_ADD_MEMBERSHIP or IPV6_ADD_MEMBERSHIP, such as ENODEV, with the group.
    pub fn join(groups: &BTreeSet<(u32, IpAddr)>) -> io::Result<Self> {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for &(ifindex, group) in groups {
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
    use crate::io::testing::{in_namespace, index, run};

    #[test]
    fn the_kernel_is_in_every_group_as_long_as_we_are() {
        in_namespace(async || {
            run("ip link add ens33 type veth peer name ens34");
            run("ip link set ens33 up");
            run("ip link set ens34 up");
            let solicited = (0x100..0x140).map(|number| format!("ff02::1:ff00:{number:x}"));
            let groups = ["ff02::12", "ff02::1:ff00:51"].map(str::to_owned);
            let groups = groups.into_iter().chain(solicited);
            let ifindex = index("ens33");
            let groups = groups
                .map(|group| (ifindex, group.parse().unwrap()))
                .collect();
            let memberships = Memberships::join(&groups).unwrap();
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
