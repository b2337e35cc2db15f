//! Encodes VRRP messages: RFC 3768 section 5.1 (version 2) and RFC 9568 section 5.1 (version 3).
//!
//! Called when a router is configured, never per advert.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use thiserror::Error;

use super::{Family, Version, checksum};

/// IP protocol / Next Header of VRRP (RFC 9568 sections 5.1.1.4 and 5.1.2.4).
//= C2: RFC 9568 section 5.1.1.4
pub const PROTOCOL: u8 = 112;

/// The group that IPv4 adverts go to (RFC 9568 section 5.1.1.2).
//= C2: RFC 9568 section 5.1.1.2
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// The group that IPv6 adverts go to (RFC 9568 section 5.1.2.2).
//= C2: RFC 9568 section 5.1.2.2
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// Type of the only message there is.
const ADVERTISEMENT: u8 = 1;

/// Where the checksum lies in either version.
const CHECKSUM_OFFSET: usize = 6;

/// As many addresses as the Count field takes.
const MAX_ADDRESSES: u32 = 255;

/// How many addresses an advert has room for on a link with this MTU. keepalived counts the Ethernet
/// header in, and routers with the same file have to leave out the same ones.
#[must_use]
pub fn room(version: Version, family: Family, mtu: u32) -> usize {
    const ETHERNET: u32 = 14;
    const HEADER: u32 = 8;
    const AUTHENTICATION_DATA: u32 = 8;
    let (headers, address) = match (family, version) {
        (Family::V4, Version::V2) => (20 + HEADER + AUTHENTICATION_DATA, 4),
        (Family::V4, Version::V3) => (20 + HEADER, 4),
        (Family::V6, _) => (40 + HEADER, 16),
    };
    let room = mtu.saturating_sub(ETHERNET + headers) / address;
    room.min(MAX_ADDRESSES) as usize
}

/// How a message is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Version 2, IPv4 only.
    V2 {
        /// `auth_type PASS`: Auth Type 1 and these eight bytes.
        password: Option<[u8; 8]>,
    },
    /// Version 3.
    V3 {
        /// Over IPv4: include a pseudo-header in the checksum, as keepalived and FRR do by default;
        /// RFC 9568 section 5.2.8 has it over the message alone. IPv6 always includes it.
        pseudo_header: bool,
    },
}

/// An advert to encode.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// How it is put.
    pub format: Format,
    /// Virtual Router ID, 1-255.
    pub vrid: u8,
    /// Priority; 0 to resign.
    pub priority: u8,
    /// Advertisement_Interval: version 2 1-255 s, version 3 10 ms-40.95 s; rounded down.
    pub interval: Duration,
    /// The virtual IPs: 1-255, of the family of `source`, in the order of the configuration.
    pub addresses: &'a [IpAddr],
    /// Source address of the packet: IPv6 checksums include it.
    pub source: IpAddr,
}

/// Why a message cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The Count field takes 1-255.
    #[error("an advert carries 1 to 255 addresses, not {0}")]
    Count(usize),
    /// The interval does not fit its field, or is 0 in its unit.
    #[error("an advertisement interval of {0:?} cannot be expressed in this version")]
    Interval(Duration),
    /// A message has one family (RFC 9568 section 5.2.9).
    #[error("{0} is not of the family of the source address")]
    Family(IpAddr),
    /// There is no version 2 for IPv6.
    #[error("VRRP version 2 has no IPv6")]
    Version2OverIpv6,
}

impl Message<'_> {
    /// The VRRP message to the group, without an IP header.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.encode_to(match self.source {
            IpAddr::V4(_) => GROUP_V4.into(),
            IpAddr::V6(_) => GROUP_V6.into(),
        })
    }

    /// The VRRP message to a unicast peer, whose address a pseudo-header includes; without an IP
    /// header.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encode_to(&self, destination: IpAddr) -> Result<Vec<u8>, EncodeError> {
        if destination.is_ipv4() != self.source.is_ipv4() {
            return Err(EncodeError::Family(destination));
        }
        //= C7: RFC 9568 section 5.2.5
        let count = u8::try_from(self.addresses.len())
            .ok()
            .filter(|count| *count > 0)
            .ok_or(EncodeError::Count(self.addresses.len()))?;
        let version = match self.format {
            Format::V2 { .. } => 2,
            Format::V3 { .. } => 3,
        };
        let version_type = version << 4 | ADVERTISEMENT;
        let mut message = vec![version_type, self.vrid, self.priority, count];
        message.extend(self.interval_field()?);
        message.extend([0; 2]);
        for address in self.addresses {
            match (address, self.source) {
                (IpAddr::V4(address), IpAddr::V4(_)) => message.extend(address.octets()),
                (IpAddr::V6(address), IpAddr::V6(_)) => message.extend(address.octets()),
                //= C7: RFC 9568 section 5.2.9
                _ => return Err(EncodeError::Family(*address)),
            }
        }
        if let Format::V2 { password } = self.format {
            // Authentication Data is there even when Auth Type says that there is none.
            message.extend(password.unwrap_or_default());
        }
        //= C8: RFC 3768 section 5.3.8
        let sum = checksum::finish(
            self.pseudo_header(destination, message.len()) + checksum::sum(&message),
        );
        checksum::put(&mut message, CHECKSUM_OFFSET, sum);
        Ok(message)
    }

    /// Bytes 4 and 5: Auth Type and Adver Int in seconds, or Max Advertise Interval in centiseconds.
    fn interval_field(&self) -> Result<[u8; 2], EncodeError> {
        let error = EncodeError::Interval(self.interval);
        match self.format {
            Format::V2 { .. } if self.source.is_ipv6() => Err(EncodeError::Version2OverIpv6),
            Format::V2 { password } => u8::try_from(self.interval.as_secs())
                .ok()
                .filter(|seconds| *seconds > 0)
                .map(|seconds| [u8::from(password.is_some()), seconds])
                .ok_or(error),
            //= C5: RFC 9568 section 5.2.6
            Format::V3 { .. } => u16::try_from(self.interval.as_millis() / 10)
                .ok()
                .filter(|centiseconds| (1..=0x0fff).contains(centiseconds))
                .map(u16::to_be_bytes)
                .ok_or(error),
        }
    }

    fn pseudo_header(&self, destination: IpAddr, length: usize) -> u64 {
        match self.format {
            Format::V2 { .. } => 0,
            //= C8: RFC 9568 section 5.2.8
            Format::V3 { pseudo_header } if !pseudo_header && self.source.is_ipv4() => 0,
            Format::V3 { .. } => {
                checksum::pseudo_header(self.source, destination, PROTOCOL, length)
            }
        }
    }
}
