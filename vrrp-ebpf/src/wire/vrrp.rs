//! VRRP advert header (RFC 9568 section 5.1, RFC 3768 section 5.1): the first eight bytes. The
//! addresses follow, and in version 2 eight bytes of authentication data.

/// IP protocol and Next Header of VRRP (RFC 9568 sections 5.1.1.4 and 5.1.2.4).
//= C2: RFC 9568 section 5.1.1.4
pub const PROTOCOL: u8 = 112;
/// Bytes of the header.
pub const HEADER: usize = 8;
/// Bytes of authentication data that end a version 2 advert.
pub const AUTH_DATA: usize = 8;
/// Type of an advert, the only one there is.
pub const ADVERTISEMENT: u8 = 1;
/// Where adverts over IPv4 are sent to (RFC 9568 section 5.1.1.2).
//= C2: RFC 9568 section 5.1.1.2
pub const GROUP_V4: [u8; 4] = [224, 0, 0, 18];
/// Where adverts over IPv6 are sent to: ff02::12 (RFC 9568 section 5.1.2.2).
//= C2: RFC 9568 section 5.1.2.2
pub const GROUP_V6: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];
/// TTL or Hop Limit that proves a sender on the same link.
pub const TTL: u8 = 255;

/// A version 2 or 3 header; which fields mean something is up to `version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version, 0-15.
    pub version: u8,
    /// Type, 0-15.
    pub kind: u8,
    /// Virtual Router ID.
    pub vrid: u8,
    /// Priority: 0 when its sender stops, 255 from the address owner.
    pub priority: u8,
    /// How many addresses follow.
    pub count: u8,
    /// Bytes 4 and 5: Auth Type and Advertisement Interval in seconds (version 2), or four
    /// reserved bits and Max Advertise Interval in centiseconds (version 3).
    timing: [u8; 2],
}

impl Header {
    /// Takes the header apart.
    #[must_use]
    #[inline(always)]
    pub const fn parse(bytes: [u8; HEADER]) -> Self {
        let [version_type, vrid, priority, count, high, low, _, _] = bytes;
        Self {
            version: version_type >> 4,
            kind: version_type & 0xf,
            vrid,
            priority,
            count,
            timing: [high, low],
        }
    }

    /// Auth Type (version 2).
    #[must_use]
    #[inline(always)]
    pub const fn auth_type(&self) -> u8 {
        self.timing[0]
    }

    /// Interval in centiseconds, whichever version.
    #[must_use]
    #[inline(always)]
    pub const fn interval_cs(&self) -> u16 {
        let [high, low] = self.timing;
        if self.version == 2 {
            low as u16 * 100
        } else {
            //= C5: RFC 9568 section 5.2.6
            u16::from_be_bytes([high & 0xf, low])
        }
    }

    /// Bytes of an advert with this header over IPv4.
    #[must_use]
    #[inline(always)]
    pub const fn length_v4(&self) -> usize {
        let tail = if self.version == 2 { AUTH_DATA } else { 0 };
        HEADER + self.count as usize * 4 + tail
    }

    /// Bytes of an advert with this header over IPv6, of which there is no version 2.
    #[must_use]
    #[inline(always)]
    pub const fn length_v6(&self) -> usize {
        HEADER + self.count as usize * 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_differ_in_timing() {
        let v2 = Header::parse([0x21, 51, 100, 2, 1, 3, 0, 0]);
        assert_eq!((v2.version, v2.kind, v2.vrid, v2.priority), (2, 1, 51, 100));
        assert_eq!(
            (v2.auth_type(), v2.interval_cs(), v2.length_v4()),
            (1, 300, 24)
        );
        let v3 = Header::parse([0x31, 51, 100, 2, 0xf3, 0xe8, 0, 0]);
        assert_eq!(
            (v3.version, v3.interval_cs(), v3.length_v4()),
            (3, 1000, 16)
        );
        assert_eq!(v3.length_v6(), 40);
    }
}
