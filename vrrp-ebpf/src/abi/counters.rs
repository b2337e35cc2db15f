//! What is counted, and under which name it is shown.

/// Counters per virtual router, per CPU; `COUNTERS` is indexed by slot, [`NO_ROUTER`](super::NO_ROUTER) last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// Adverts accepted.
    AdvertAccepted,
    /// Accepted adverts with priority 0.
    AdvertPriorityZero,
    /// v3 over IPv4, accepted: checksum over the message alone.
    ChecksumPlain,
    /// v3 over IPv4, accepted: checksum with pseudo-header.
    ChecksumPseudo,
    /// Accepted although the ring was full: the record is lost, `last_seen` is not.
    RingFull,
    /// Accepted adverts and conflicts whose record was left out, because too many came at once
    /// ([`pace`](crate::pace)); the stamps of the slot are not.
    RateLimited,
    /// Accepted (v3) with an address list that differs from ours.
    AddressListDiffers,
    /// Accepted (v3) with an interval that differs from the configured one.
    IntervalDiffers,
    /// Refused: TTL / Hop Limit is not 255, or outside of what a unicast peer may have.
    BadTtl,
    /// Refused: not a version that this virtual router speaks.
    BadVersion,
    /// Refused: Type is not 1.
    BadType,
    /// Refused: incomplete, count and length disagree, or a fragment.
    BadLength,
    /// Refused: checksum.
    BadChecksum,
    /// Refused: carries no address.
    BadCount,
    /// Refused: interval 0, or (v2) not the configured one.
    BadInterval,
    /// Refused: v2 Auth Type is not the configured one.
    BadAuthType,
    /// Refused: v2 password.
    BadPassword,
    /// Refused: v2, not from the owner, address list differs (RFC 3768 section 7.1); IPv6, the
    /// first address of a multicast advert is not link-local (RFC 9568 section 5.2.9).
    BadAddressList,
    /// Refused: the source is our own address.
    OwnSource,
    /// Refused: the source is none of the unicast peers.
    BadSource,
    /// Refused: the source is an address that no router can send from, or a virtual IP of this virtual
    /// router without the priority of its owner.
    MartianSource,
    /// Refused: sent to our own address, although this virtual router has no unicast peers.
    BadDestination,
    /// Multicast adverts with a VRID that no virtual router has where they came from; left to the
    /// stack. Only [`NO_ROUTER`](super::NO_ROUTER) has any.
    UnknownVrid,
    /// ARP requests answered in place.
    ArpAnswered,
    /// ARP requests for a virtual IP dropped because we do not own it.
    ArpIgnored,
    /// Gratuitous ARPs for a virtual IP that we own, from somebody else.
    ArpConflict,
    /// Packets to a virtual IP passed to the stack.
    VipPassed,
    /// Packets to a virtual IP dropped: installed here, owned elsewhere.
    VipNotOwner,
    /// Packets to a virtual IP dropped: owned, but the kernel has no address yet.
    VipNotReady,
    /// Packets to a virtual IP dropped: owned, but Accept_Mode is off.
    VipNotAccepted,
    /// IP packets from a virtual IP held back in egress because we do not own it.
    EgressIp,
    /// ARP from a virtual IP held back in egress because we do not own it.
    EgressArp,
    /// ICMP redirects held back in egress. Only [`NO_ROUTER`](super::NO_ROUTER) has any.
    EgressRedirect,
    /// Neighbour Solicitations answered in place.
    NdAnswered,
    /// Neighbour Solicitations for a virtual IP dropped because we do not own it.
    NdIgnored,
    /// Neighbour Discovery as a virtual IP that we own, from somebody else.
    NdConflict,
    /// Neighbour Discovery as a virtual IP held back in egress because we do not own it, or because it
    /// might tell another MAC than its Virtual Router MAC.
    EgressNd,
    /// Frames to the Virtual Router MAC given to the stack as ours.
    MacTaken,
    /// Frames to the Virtual Router MAC dropped because we do not own it.
    MacNotOwner,
    /// Frames from a virtual IP that left with the Virtual Router MAC.
    MacWritten,
    /// Proxy ARP that left with the Virtual Router MAC.
    ProxyArpWritten,
    /// Proxy ARP held back in egress because we do not own the Virtual Router MAC.
    EgressProxyArp,
}

impl Counter {
    /// Every counter with the name that `status --json` shows, in order of their index.
    pub const ALL: [(Self, &'static str); 42] = [
        (Self::AdvertAccepted, "advert_accepted"),
        (Self::AdvertPriorityZero, "advert_priority_zero"),
        (Self::ChecksumPlain, "checksum_plain"),
        (Self::ChecksumPseudo, "checksum_pseudo"),
        (Self::RingFull, "ring_full"),
        (Self::RateLimited, "rate_limited"),
        (Self::AddressListDiffers, "address_list_differs"),
        (Self::IntervalDiffers, "interval_differs"),
        (Self::BadTtl, "bad_ttl"),
        (Self::BadVersion, "bad_version"),
        (Self::BadType, "bad_type"),
        (Self::BadLength, "bad_length"),
        (Self::BadChecksum, "bad_checksum"),
        (Self::BadCount, "bad_count"),
        (Self::BadInterval, "bad_interval"),
        (Self::BadAuthType, "bad_auth_type"),
        (Self::BadPassword, "bad_password"),
        (Self::BadAddressList, "bad_address_list"),
        (Self::OwnSource, "own_source"),
        (Self::BadSource, "bad_source"),
        (Self::MartianSource, "martian_source"),
        (Self::BadDestination, "bad_destination"),
        (Self::UnknownVrid, "unknown_vrid"),
        (Self::ArpAnswered, "arp_answered"),
        (Self::ArpIgnored, "arp_ignored"),
        (Self::ArpConflict, "arp_conflict"),
        (Self::VipPassed, "vip_passed"),
        (Self::VipNotOwner, "vip_not_owner"),
        (Self::VipNotReady, "vip_not_ready"),
        (Self::VipNotAccepted, "vip_not_accepted"),
        (Self::EgressIp, "egress_ip"),
        (Self::EgressArp, "egress_arp"),
        (Self::EgressRedirect, "egress_redirect"),
        (Self::NdAnswered, "nd_answered"),
        (Self::NdIgnored, "nd_ignored"),
        (Self::NdConflict, "nd_conflict"),
        (Self::EgressNd, "egress_nd"),
        (Self::MacTaken, "mac_taken"),
        (Self::MacNotOwner, "mac_not_owner"),
        (Self::MacWritten, "mac_written"),
        (Self::ProxyArpWritten, "proxy_arp_written"),
        (Self::EgressProxyArp, "egress_proxy_arp"),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(counter, _)| *counter == self)
            .map_or("", |(_, name)| name)
    }
}

/// Value of `COUNTERS` (per CPU): one word per [`Counter`].
pub type Counters = [u64; Counter::ALL.len()];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_listed_in_order() {
        for (index, (counter, _)) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index);
        }
    }
}
