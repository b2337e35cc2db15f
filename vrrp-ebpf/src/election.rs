//! Who is better: the rule by which an Active gives way. Both halves go by it: XDP silences an Active
//! at a better router's advert, and the core makes a Backup of it.

/// Priority of the router that owns the virtual IPs (RFC 9568 section 5.2.4).
//= C6: RFC 9568 section 5.2.4
pub const OWNER: u8 = 255;

/// A router as an election sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// 1-255.
    pub priority: u8,
    /// Primary address in network order, read as a number; IPv4 in the first four bytes.
    pub address: u128,
}

impl Candidate {
    /// Whether this router's adverts depose an Active of the same family.
    #[must_use]
    #[inline(always)]
    pub const fn deposes(self, active: Self) -> bool {
        //= C41: RFC 9568 section 6.4.3
        //# If the Priority in the ADVERTISEMENT is greater than the local Priority or the Priority in
        //# the ADVERTISEMENT is equal to the local Priority and the primary IPvX address of the sender
        //# is greater than the local primary IPvX address (based on an unsigned integer comparison of
        //# the IPvX addresses in network byte order)
        self.priority > active.priority
            || self.priority == active.priority && self.address > active.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Candidate = Candidate {
        priority: 100,
        address: 0xc0a8_0102 << 96,
    };

    #[test]
    fn higher_priority_deposes_whatever_the_address() {
        for address in [0, OURS.address, u128::MAX] {
            let other = |priority| Candidate { priority, address };
            assert!(other(101).deposes(OURS) && other(255).deposes(OURS));
            assert!(!other(99).deposes(OURS) && !other(1).deposes(OURS));
        }
    }

    #[test]
    fn equal_priority_goes_by_the_unsigned_address() {
        let other = |address: u128| Candidate { address, ..OURS };
        assert!(other(0xc0a8_0103 << 96).deposes(OURS));
        assert!(other(0xc0a8_01c8 << 96).deposes(OURS));
        assert!(!other(0x64ff_ffff << 96).deposes(OURS));
        assert!(!OURS.deposes(OURS));
        // All sixteen bytes count.
        assert!(other(OURS.address + 1).deposes(OURS));
        assert!(!OURS.deposes(other(OURS.address + 1)));
    }
}
