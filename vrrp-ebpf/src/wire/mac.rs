//! The Virtual Router MAC (RFC 9568 section 7.3).

use crate::types::{Family, Mac};

/// The MAC of the virtual router with this VRID: 00-00-5E-00-01-{VRID}, or for IPv6
/// 00-00-5E-00-02-{VRID}.
#[must_use]
#[inline(always)]
pub const fn of_router(family: Family, vrid: u8) -> Mac {
    let block = match family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    [0, 0, 0x5e, 0, block, vrid]
}

/// Family and VRID of the virtual router that has this MAC; nothing for every other MAC.
#[must_use]
#[inline(always)]
pub const fn router(mac: Mac) -> Option<(Family, u8)> {
    let [a, b, c, d, block, vrid] = mac;
    // One comparison instead of four, each of which the verifier would follow both ways.
    if u32::from_be_bytes([a, b, c, d]) != 0x0000_5e00 {
        return None;
    }
    match block {
        1 => Some((Family::V4, vrid)),
        2 => Some((Family::V6, vrid)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= C3: proof
    #[test]
    fn each_virtual_router_has_a_mac_of_its_own() {
        assert_eq!(
            of_router(Family::V4, 51),
            [0x00, 0x00, 0x5e, 0x00, 0x01, 51]
        );
        assert_eq!(
            of_router(Family::V6, 51),
            [0x00, 0x00, 0x5e, 0x00, 0x02, 51]
        );
        for (family, vrid) in [
            (Family::V4, 1),
            (Family::V4, 255),
            (Family::V6, 1),
            (Family::V6, 255),
        ] {
            assert_eq!(router(of_router(family, vrid)), Some((family, vrid)));
        }
    }

    #[test]
    fn other_macs_are_no_virtual_routers() {
        for mac in [
            [0x02, 0, 0, 0, 0, 1],
            [0x00, 0x00, 0x5e, 0x00, 0x00, 51],
            [0x00, 0x00, 0x5e, 0x00, 0x03, 51],
            [0x01, 0x00, 0x5e, 0x00, 0x01, 51],
            [0x00, 0x00, 0x5e, 0x90, 0x01, 51],
        ] {
            assert_eq!(router(mac), None, "{mac:02x?}");
        }
    }
}
