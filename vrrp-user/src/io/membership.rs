//! Multicast group memberships: without them the NIC, or a switch that listens to IGMP and MLD, keeps
//! from XDP what it has to see.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use nix::errno::Errno;
use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};

/// Groups that one socket joins: `igmp_max_memberships` allows 20, and `optmem_max` some hundreds.
const GROUPS_PER_SOCKET: usize = 16;

/// Memberships of every group that the node listens to; they end when this is dropped.
#[derive(Debug, Default)]
pub struct Memberships {
    v4: Family<Ipv4Addr>,
    v6: Family<Ipv6Addr>,
}

/// The sockets of one address family.
#[derive(Debug)]
struct Family<Address>(Vec<Members<Address>>);

/// A socket, and the groups that it is in, each on the interface with that index.
#[derive(Debug)]
struct Members<Address> {
    socket: Socket,
    groups: BTreeSet<(u32, Address)>,
}

impl<Address> Default for Family<Address> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// What the kernel calls a group.
trait Group: Copy + Ord {
    const DOMAIN: Domain;
    fn join(self, socket: &Socket, ifindex: u32) -> io::Result<()>;
    fn leave(self, socket: &Socket, ifindex: u32) -> io::Result<()>;
}

impl Group for Ipv4Addr {
    const DOMAIN: Domain = Domain::IPV4;

    fn join(self, socket: &Socket, ifindex: u32) -> io::Result<()> {
        socket.join_multicast_v4_n(&self, &InterfaceIndexOrAddress::Index(ifindex))
    }

    fn leave(self, socket: &Socket, ifindex: u32) -> io::Result<()> {
        socket.leave_multicast_v4_n(&self, &InterfaceIndexOrAddress::Index(ifindex))
    }
}

impl Group for Ipv6Addr {
    const DOMAIN: Domain = Domain::IPV6;

    fn join(self, socket: &Socket, ifindex: u32) -> io::Result<()> {
        socket.join_multicast_v6(&self, ifindex)
    }

    fn leave(self, socket: &Socket, ifindex: u32) -> io::Result<()> {
        socket.leave_multicast_v6(&self, ifindex)
    }
}

impl<Address: Group> Family<Address> {
    fn add(&mut self, ifindex: u32, group: Address) -> io::Result<()> {
        let key = (ifindex, group);
        if self.0.iter().any(|members| members.groups.contains(&key)) {
            return Ok(());
        }
        let mut sockets = self.0.iter_mut();
        if let Some(members) = sockets.find(|one| one.groups.len() < GROUPS_PER_SOCKET) {
            group.join(&members.socket, ifindex)?;
            members.groups.insert(key);
            return Ok(());
        }
        // Receives nothing: it is not bound, and the groups carry no UDP.
        let socket = Socket::new(Address::DOMAIN, Type::DGRAM, None)?;
        group.join(&socket, ifindex)?;
        let groups = BTreeSet::from([key]);
        self.0.push(Members { socket, groups });
        Ok(())
    }

    fn remove(&mut self, ifindex: u32, group: Address) -> io::Result<()> {
        let key = (ifindex, group);
        let mut sockets = self.0.iter_mut();
        let Some(members) = sockets.find(|members| members.groups.contains(&key)) else {
            return Ok(());
        };
        match group.leave(&members.socket, ifindex) {
            Err(error) if !is_gone(&error) => return Err(error),
            _ => {}
        }
        members.groups.remove(&key);
        self.0.retain(|members| !members.groups.is_empty());
        Ok(())
    }
}

/// Whether the kernel has ended the membership with its interface.
fn is_gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENODEV | Errno::EADDRNOTAVAIL))
}

impl Memberships {
    /// Joins a group on an interface, unless it is joined already.
    ///
    /// # Errors
    /// errno of IP_ADD_MEMBERSHIP or IPV6_ADD_MEMBERSHIP, such as ENODEV, with the group.
    pub fn add(&mut self, ifindex: u32, group: IpAddr) -> io::Result<()> {
        let added = match group {
            IpAddr::V4(group) => self.v4.add(ifindex, group),
            IpAddr::V6(group) => self.v6.add(ifindex, group),
        };
        added.map_err(|error| named(ifindex, group, &error))
    }

    /// Leaves a group on an interface. One that is not joined, or whose interface has gone, is no error.
    ///
    /// # Errors
    /// errno of IP_DROP_MEMBERSHIP or IPV6_DROP_MEMBERSHIP, with the group.
    pub fn remove(&mut self, ifindex: u32, group: IpAddr) -> io::Result<()> {
        let removed = match group {
            IpAddr::V4(group) => self.v4.remove(ifindex, group),
            IpAddr::V6(group) => self.v6.remove(ifindex, group),
        };
        removed.map_err(|error| named(ifindex, group, &error))
    }
}

fn named(ifindex: u32, group: IpAddr, error: &io::Error) -> io::Error {
    let text = format!("{group} on interface {ifindex}: {error}");
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::{in_namespace, index, run};

    fn joined(ifindex: u32, groups: &[IpAddr]) -> Memberships {
        let mut memberships = Memberships::default();
        for group in groups {
            memberships.add(ifindex, *group).unwrap();
        }
        memberships
    }

    #[test]
    fn the_kernel_is_in_every_group_as_long_as_we_are() {
        in_namespace(async || {
            run("ip link add ens33 type veth peer name ens34");
            run("ip link set ens33 up");
            run("ip link set ens34 up");
            let solicited = (0x100..0x140).map(|number| format!("ff02::1:ff00:{number:x}"));
            let groups = ["ff02::12", "ff02::1:ff00:51"].map(str::to_owned);
            let groups = groups.into_iter().chain(solicited);
            let groups = Vec::from_iter(groups.map(|group| group.parse().unwrap()));
            let memberships = joined(index("ens33"), &groups);
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

    /// Groups that somebody on the interface is in.
    fn shown(interface: &str, wanted: &[IpAddr]) -> Vec<bool> {
        let shown = run(&format!("ip maddr show dev {interface}"));
        let is_there = |group: &IpAddr| {
            let group = group.to_string();
            shown.split_whitespace().any(|word| word == group)
        };
        wanted.iter().map(is_there).collect()
    }

    #[test]
    fn groups_come_and_go_one_at_a_time() {
        in_namespace(async || {
            run("ip link add ens33 type veth peer name ens34");
            run("ip link set ens33 up");
            run("ip link set ens34 up");
            let ifindex = index("ens33");
            let groups = |number: u8| -> [IpAddr; 2] {
                [
                    [224, 0, 1, number].into(),
                    [0xff02, 0, 0, 0, 0, 1, 0xff00, number.into()].into(),
                ]
            };
            let all = Vec::from_iter((0..40).flat_map(groups));
            let mut memberships = joined(ifindex, &all);
            assert_eq!(shown("ens33", &all), [true; 80]);
            assert_eq!((memberships.v4.0.len(), memberships.v6.0.len()), (3, 3));

            let [first, second] = groups(0);
            for group in [first, second, first, second] {
                memberships.remove(ifindex, group).unwrap();
            }
            let left = shown("ens33", &all);
            assert_eq!(left[..2], [false; 2]);
            assert_eq!(left[2..], [true; 78]);
            // There is room for them where they were.
            for group in [first, second, first, second] {
                memberships.add(ifindex, group).unwrap();
            }
            assert_eq!(shown("ens33", &all), [true; 80]);
            for group in &all {
                memberships.remove(ifindex, *group).unwrap();
            }
            assert_eq!(shown("ens33", &all), [false; 80]);
            assert_eq!((memberships.v4.0.len(), memberships.v6.0.len()), (0, 0));
        });
    }

    #[test]
    fn an_interface_that_is_gone_holds_no_place() {
        in_namespace(async || {
            let groups: [IpAddr; 2] =
                ["224.0.0.18", "ff02::12"].map(|group| group.parse().unwrap());
            run("ip link add ens33 type veth peer name ens34");
            let ifindex = index("ens33");
            let mut memberships = joined(ifindex, &groups);
            run("ip link del ens33");
            for group in groups {
                let error = memberships.add(ifindex + 1000, group).unwrap_err();
                assert!(error.to_string().contains(&format!("{group} on interface")));
                memberships.remove(ifindex, group).unwrap();
            }
            assert_eq!((memberships.v4.0.len(), memberships.v6.0.len()), (0, 0));
        });
    }
}
