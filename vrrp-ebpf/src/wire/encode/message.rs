//! Encodes VRRP messages: RFC 3768 section 5.1 (version 2) and RFC 9568 section 5.1 (version 3).
//!
//! Called when a router is configured, never per advert.

use alloc::{vec, vec::Vec};
use core::{net::IpAddr, time::Duration};

use thiserror::Error;

use super::ip::{Ends, put_checksum};
use crate::{
    checksum::Sum,
    types::{Family, Version},
    wire::{
        ethernet, ipv4, ipv6,
        vrrp::{ADVERTISEMENT, AUTH_DATA, GROUP_V4, GROUP_V6, HEADER, PROTOCOL},
    },
};

/// Where the checksum lies in either version.
const CHECKSUM_AT: usize = 6;

/// As many addresses as the Count field takes.
const MAX_ADDRESSES: usize = 255;

/// How many addresses an advert has room for on a link with this MTU. keepalived counts the Ethernet
/// header in, and routers with the same file have to leave out the same ones.
#[must_use]
pub fn room(version: Version, family: Family, mtu: u32) -> usize {
    let (headers, address) = match (family, version) {
        (Family::V4, Version::V2) => (ipv4::MIN_HEADER + HEADER + AUTH_DATA, 4),
        (Family::V4, Version::V3) => (ipv4::MIN_HEADER + HEADER, 4),
        (Family::V6, _) => (ipv6::HEADER + HEADER, 16),
    };
    let room = (mtu as usize).saturating_sub(ethernet::HEADER + headers) / address;
    room.min(MAX_ADDRESSES)
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
        self.encode_to(self.group())
    }

    /// The group that adverts go to.
    #[must_use]
    pub fn group(&self) -> IpAddr {
        match self.source {
            IpAddr::V4(_) => GROUP_V4.into(),
            IpAddr::V6(_) => GROUP_V6.into(),
        }
    }

    pub(super) fn ends(&self, destination: IpAddr) -> Result<Ends, EncodeError> {
        Ends::new(self.source, destination).ok_or(EncodeError::Family(destination))
    }

    /// The VRRP message to a unicast peer, whose address a pseudo-header includes; without an IP
    /// header.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encode_to(&self, destination: IpAddr) -> Result<Vec<u8>, EncodeError> {
        let ends = self.ends(destination)?;
        //= C7: RFC 9568 section 5.2.5
        let count = u8::try_from(self.addresses.len())
            .ok()
            .filter(|count| *count > 0)
            .ok_or(EncodeError::Count(self.addresses.len()))?;
        let version_type = (self.version() as u8) << 4 | ADVERTISEMENT;
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
        let sum = self.pseudo_header(ends, message.len());
        put_checksum(&mut message, CHECKSUM_AT, sum);
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

    const fn version(&self) -> Version {
        match self.format {
            Format::V2 { .. } => Version::V2,
            Format::V3 { .. } => Version::V3,
        }
    }

    fn pseudo_header(&self, ends: Ends, length: usize) -> Sum {
        match self.format {
            Format::V2 { .. } => Sum::ZERO,
            //= C8: RFC 9568 section 5.2.8
            Format::V3 { pseudo_header } if !pseudo_header && self.source.is_ipv4() => Sum::ZERO,
            Format::V3 { .. } => ends.pseudo_header(PROTOCOL, length),
        }
    }
}
