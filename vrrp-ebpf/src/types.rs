//! What both halves, and every room of the user half, call the same: address families, protocol
//! versions, hardware addresses, and addresses as maps and records hold them.

#[cfg(not(target_arch = "bpf"))]
use alloc::{format, string::String};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A hardware address.
pub type Mac = [u8; 6];

/// Address family of a virtual router, of its adverts and of the virtual IPs that they carry. The
/// number is that of keys and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// IPv4.
    V4 = 4,
    /// IPv6.
    V6 = 6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The family with this number in a key or record; every other number than 4 is taken for 6.
    #[must_use]
    #[inline(always)]
    pub const fn from_number(number: u8) -> Self {
        if number == Self::V4 as u8 {
            Self::V4
        } else {
            Self::V6
        }
    }

    /// The address that stands for none: 0.0.0.0 or `::`.
    #[must_use]
    pub const fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// Protocol version of a virtual router. The number is that of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Version {
    /// RFC 3768: IPv4 only, whole seconds, unscaled Skew_Time.
    V2 = 2,
    /// RFC 9568.
    V3 = 3,
}

impl Version {
    /// The version with this number on the wire; every other number than 2 is taken for 3.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        if number == Self::V2 as u8 {
            Self::V2
        } else {
            Self::V3
        }
    }
}

/// An address as maps and records hold it: network order, IPv4 in the first four of sixteen bytes.
#[must_use]
pub const fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => v4_bytes(address.octets()),
        IpAddr::V6(address) => address.octets(),
    }
}

/// [`address_bytes`] of an IPv4 address. They are put together as a number, because an array with
/// twelve zeroes is a call of `memset` in BPF, which the verifier follows byte by byte.
#[must_use]
#[inline(always)]
pub const fn v4_bytes(address: [u8; 4]) -> [u8; 16] {
    (u32::from_le_bytes(address) as u128).to_le_bytes()
}

/// The address of this family that a map or record holds.
#[must_use]
pub const fn address_from(family: Family, bytes: [u8; 16]) -> IpAddr {
    match family {
        Family::V4 => {
            let [a, b, c, d, ..] = bytes;
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        Family::V6 => IpAddr::V6(Ipv6Addr::from_octets(bytes)),
    }
}

/// A hardware address as people write it.
#[cfg(not(target_arch = "bpf"))]
#[must_use]
pub fn mac_text([a, b, c, d, e, f]: Mac) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_from_their_bytes() {
        for text in ["192.0.2.1", "255.255.255.255", "2001:db8::1", "::"] {
            let address: IpAddr = text.parse().unwrap();
            let bytes = address_bytes(address);
            assert_eq!(address_from(Family::of(address), bytes), address);
        }
        let bytes = v4_bytes([192, 0, 2, 1]);
        assert_eq!(bytes[..5], [192, 0, 2, 1, 0]);
    }

    #[test]
    fn numbers_are_those_of_keys_and_wire() {
        for family in [Family::V4, Family::V6] {
            assert_eq!(Family::from_number(family as u8), family);
            assert_eq!(Family::of(family.unspecified()), family);
        }
        for version in [Version::V2, Version::V3] {
            assert_eq!(Version::from_number(version as u8), version);
        }
        assert_eq!((Family::V4 as u8, Version::V3 as u8), (4, 3));
    }

    #[test]
    fn hardware_addresses_are_written_in_full() {
        assert_eq!(mac_text([0, 0, 0x5e, 0, 1, 0xab]), "00:00:5e:00:01:ab");
    }
}
