//! What the head of a frame tells about its sender. Pure.

use std::{fmt::Display, net::IpAddr};

use vrrp_ebpf::{
    abi::Sample,
    types::{Mac, mac_text},
    wire::{
        ethernet::{self, Ethernet},
        ipv4::Ipv4,
        ipv6::{self, Ipv6},
        vrrp::{HEADER, Header},
    },
};

use crate::{ids::InterfaceId, proto::Instant};

/// An advert that was refused, or that was accepted and is odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) at: Instant,
    pub(super) interface: InterfaceId,
    /// 0 for none.
    pub(super) vlan: u16,
    pub(super) mac: Mac,
    pub(super) source: IpAddr,
    pub(super) vrid: u8,
    /// Its address list, as far as it was kept.
    pub(super) addresses: Vec<IpAddr>,
    /// How many addresses it says there are.
    pub(super) count: usize,
}

impl Sighting {
    /// Nothing if no frame was kept, if it is just being written, or if it ends before its list.
    pub(super) fn of(sample: &Sample) -> Option<Self> {
        if sample.stamp == 0 || sample.stamp != sample.sealed {
            return None;
        }
        let frame = bytemuck::bytes_of(&sample.head).get(..usize::from(sample.length))?;
        let ethernet = Ethernet::parse(frame, sample.stripped_vlan)?;
        let (source, message) = match ethernet.ethertype {
            ethernet::IPV4 => {
                let ip = Ipv4::parse(frame, ethernet.payload)?;
                (IpAddr::from(ip.source), ip.payload())
            }
            ethernet::IPV6 => {
                let ip = Ipv6::parse(frame, ethernet.payload)?;
                let source = ipv6::address(frame, ip.source_at())?;
                (IpAddr::from(source.to_be_bytes()), ip.upper(frame)?.at)
            }
            _ => return None,
        };
        let (header, list) = frame.get(message..)?.split_first_chunk::<HEADER>()?;
        let header = Header::parse(*header);
        let count = usize::from(header.count);
        let addresses = match source {
            IpAddr::V4(_) => addresses::<4>(list, count),
            IpAddr::V6(_) => addresses::<16>(list, count),
        };
        Some(Self {
            at: Instant(sample.stamp),
            interface: InterfaceId(sample.ifindex),
            vlan: ethernet.vlan,
            mac: ethernet::source(frame)?,
            source,
            vrid: header.vrid,
            addresses,
            count,
        })
    }

    /// Its sender: address and MAC.
    pub(super) fn who(&self) -> String {
        format!("{} ({})", self.source, mac_text(self.mac))
    }

    /// Its address list.
    pub(super) fn list(&self) -> String {
        let more = self.count - self.addresses.len();
        let listed = comma_separated(&self.addresses);
        match (listed.is_empty(), more) {
            (true, _) => "none".to_owned(),
            (false, 0) => listed,
            (false, more) => format!("{listed} and {more} more"),
        }
    }

    /// Whether all of its addresses are known.
    pub(super) fn is_complete(&self) -> bool {
        self.addresses.len() == self.count
    }
}

pub(super) fn comma_separated(items: &[impl Display]) -> String {
    let texts = items.iter().map(ToString::to_string);
    texts.collect::<Vec<_>>().join(", ")
}

fn addresses<const N: usize>(list: &[u8], count: usize) -> Vec<IpAddr>
where
    IpAddr: From<[u8; N]>,
{
    let (addresses, _) = list.as_chunks::<N>();
    let addresses = addresses.iter().take(count);
    addresses.map(|address| IpAddr::from(*address)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use bytemuck::Zeroable as _;

    use vrrp_ebpf::wire::encode::{self, Format, Message};

    use super::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 7];

    /// What is kept of a frame.
    fn sample(frame: &[u8]) -> Sample {
        let mut sample = Sample {
            stamp: 5,
            sealed: 5,
            ifindex: 3,
            ..Sample::zeroed()
        };
        let head = bytemuck::bytes_of_mut(&mut sample.head);
        let length = frame.len().min(head.len());
        head[..length].copy_from_slice(&frame[..length]);
        sample.length = u16::try_from(length).unwrap();
        sample
    }

    /// An advert of version 3 for VRID 51.
    fn advert(source: &str, addresses: &[&str]) -> Vec<u8> {
        let addresses: Vec<IpAddr> = addresses.iter().map(|one| one.parse().unwrap()).collect();
        let message = Message {
            format: Format::V3 {
                pseudo_header: true,
            },
            vrid: 51,
            priority: 150,
            interval: Duration::from_secs(1),
            addresses: &addresses,
            source: source.parse().unwrap(),
        };
        encode::advert(MAC, &message).unwrap()
    }

    pub(in crate::io::control) fn sighting(source: &str, addresses: &[&str]) -> Sighting {
        Sighting::of(&sample(&advert(source, addresses))).unwrap()
    }

    #[test]
    fn says_who_and_what() {
        let seen = sighting("192.0.2.3", &["192.0.2.20", "192.0.2.21"]);
        assert_eq!(seen.who(), "192.0.2.3 (02:00:00:00:00:07)");
        assert_eq!(seen.list(), "192.0.2.20, 192.0.2.21");
        assert_eq!(
            (seen.at, seen.interface, seen.vlan),
            (Instant(5), InterfaceId(3), 0)
        );
        assert_eq!((seen.vrid, seen.is_complete()), (51, true));
        let seen = sighting("fe80::3", &["fe80::20", "2001:db8::20"]);
        assert_eq!(seen.who(), "fe80::3 (02:00:00:00:00:07)");
        assert_eq!(seen.list(), "fe80::20, 2001:db8::20");
        let mut tagged = advert("192.0.2.3", &["192.0.2.20"]);
        tagged.splice(12..12, [0x81, 0, 0x20, 10]);
        let seen = Sighting::of(&sample(&tagged)).unwrap();
        assert_eq!((seen.vlan, seen.list()), (10, "192.0.2.20".to_owned()));
        let stripped = Sample {
            stripped_vlan: 11,
            ..sample(&advert("192.0.2.3", &["192.0.2.20"]))
        };
        assert_eq!(Sighting::of(&stripped).unwrap().vlan, 11);
    }

    #[test]
    fn a_long_list_is_told_as_far_as_it_is_known() {
        let many: Vec<_> = (1..=30).map(|one| format!("10.0.0.{one}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let seen = sighting("192.0.2.3", &many);
        assert_eq!(seen.addresses.len(), (128 - 42) / 4);
        assert!(!seen.is_complete() && seen.list().ends_with("10.0.0.21 and 9 more"));
    }

    #[test]
    fn half_written_or_cut_short_it_is_nothing() {
        let whole = sample(&advert("192.0.2.3", &["192.0.2.20"]));
        assert!(Sighting::of(&whole).is_some());
        assert_eq!(Sighting::of(&Sample { sealed: 4, ..whole }), None);
        assert_eq!(Sighting::of(&Sample::zeroed()), None);
        for length in 0..42 {
            assert_eq!(Sighting::of(&Sample { length, ..whole }), None, "{length}");
        }
        let long = Sample {
            length: 129,
            ..whole
        };
        assert_eq!(Sighting::of(&long), None);
    }
}
