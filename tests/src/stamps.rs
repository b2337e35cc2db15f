//! The kernel's stamps on the addresses of a host: whether an address is the very one that was there before,
//! or was taken away and put back meanwhile.

use std::{collections::BTreeMap, net::IpAddr};

use anyhow::Result;
use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
};

use crate::{
    clock::Nanos,
    netlink::{self, Observer},
    netns::Netns,
};

/// An address, where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index of the interface.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
}

/// When an address was made and when it was changed last, in hundredths of a second since the boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// `cstamp`.
    pub made: u32,
    /// `tstamp`.
    pub changed: u32,
}

/// Every address of a host with its stamp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps(BTreeMap<Place, Stamp>);

impl Stamps {
    /// Reads them.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn read(host: &Netns) -> Result<Self> {
        let everything = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        netlink::ask(host, everything, Self::default())
    }

    /// Those of one address, on whatever interface.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Vec<(Place, Stamp)> {
        let all = self.0.iter().map(|(place, stamp)| (*place, *stamp));
        all.filter(|(place, _)| place.address == address).collect()
    }
}

impl Observer for Stamps {
    fn take(&mut self, _at: Nanos, message: RouteNetlinkMessage) -> Result<()> {
        if let RouteNetlinkMessage::NewAddress(told) = message {
            self.0.extend(stamped(&told));
        }
        Ok(())
    }

    fn started(&mut self, _at: Nanos) {}
}

fn stamped(told: &AddressMessage) -> Option<(Place, Stamp)> {
    let (mut address, mut local, mut stamp) = (None, None, None);
    for attribute in &told.attributes {
        match attribute {
            AddressAttribute::Address(one) => address = Some(*one),
            AddressAttribute::Local(one) => local = Some(*one),
            AddressAttribute::CacheInfo(info) => {
                stamp = Some(Stamp {
                    made: info.cstamp,
                    changed: info.tstamp,
                });
            }
            _ => {}
        }
    }
    let place = Place {
        interface: told.header.index,
        // Of IPv4, `Address` is the other end of a point-to-point link.
        address: local.or(address)?,
        prefix: told.header.prefix_len,
    };
    Some((place, stamp?))
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::address::CacheInfo;

    use super::*;

    #[test]
    fn the_local_address_is_stamped() {
        let mut told = AddressMessage::default();
        (told.header.index, told.header.prefix_len) = (7, 32);
        let mut info = CacheInfo::default();
        (info.cstamp, info.tstamp) = (100, 200);
        told.attributes = vec![
            AddressAttribute::Address([10, 0, 0, 2].into()),
            AddressAttribute::Local([10, 0, 0, 1].into()),
            AddressAttribute::CacheInfo(info),
        ];
        let (place, stamp) = stamped(&told).unwrap();
        assert_eq!(place.address, IpAddr::from([10, 0, 0, 1]));
        assert_eq!((place.interface, place.prefix), (7, 32));
        assert_eq!((stamp.made, stamp.changed), (100, 200));
        told.attributes.pop();
        assert_eq!(stamped(&told), None);
    }
}
