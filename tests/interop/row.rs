//! What a row of the matrix is: who stands beside us and how all speak.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use vrrp_tests::lab::{Host, LINK_LOCAL_VIP, VIP, VIP_V6};

use crate::play::{Column, Play};

/// The virtual router of every row.
const VRID: u8 = 51;
/// A second address, and not in order: everybody compares lists.
const SECOND_VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 253);

/// A row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) speech: Speech,
    pub(crate) play: Play,
    /// Whether it belongs to the ordinary suite.
    pub(crate) ordinary: bool,
}

impl Row {
    pub(crate) const fn new(speech: Speech, play: Play) -> Self {
        Self {
            speech,
            play,
            ordinary: false,
        }
    }

    /// The same as part of the ordinary suite.
    pub(crate) const fn ordinary(self) -> Self {
        Self {
            ordinary: true,
            ..self
        }
    }

    /// Whether something happens in this column.
    pub(crate) fn plays(self, column: Column) -> bool {
        column == Column::Decoded
            || self
                .play
                .scenes()
                .iter()
                .any(|scene| scene.column == column)
    }

    /// Its first three cells: the peer, our part and how they speak.
    pub(crate) fn label(self) -> String {
        let (peer, part) = (self.play.peer(), self.play.part());
        format!("| {peer} | {part} | {} |", self.speech)
    }
}

/// A kind of node. All but the first are Debian's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The node under test.
    Xvrrp,
    /// keepalived as its package configures it.
    Keepalived,
    /// With the virtual MAC of the RFC on both sides: `use_vmac`.
    KeepalivedVmac,
    /// FRR's vrrpd, with `arp_ignore=1` below its macvlans.
    Frr,
    /// As FRR's documentation says: without it.
    FrrPlain,
}

impl Kind {
    /// Its name in the matrix; the bench calls it so as well.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Xvrrp => "xvrrp",
            Self::Keepalived => "keepalived",
            Self::KeepalivedVmac => "keepalived-vmac",
            Self::Frr => "frr",
            Self::FrrPlain => "frr-plain",
        }
    }
}

/// How all nodes of a row are told to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Speech {
    pub(crate) version: Version,
    /// Whole seconds in version 2.
    pub(crate) interval_ms: u32,
    pub(crate) family: Family,
    pub(crate) transport: Transport,
}

/// Which VRRP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Two,
    /// With `auth_type PASS`.
    TwoWithPassword,
    Three,
}

impl Version {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Two | Self::TwoWithPassword => 2,
            Self::Three => 3,
        }
    }
}

impl Speech {
    pub(crate) fn interval(self) -> Duration {
        Duration::from_millis(self.interval_ms.into())
    }
}

impl fmt::Display for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = match self.family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        };
        let transport = match self.transport {
            Transport::Multicast => "multicast",
            Transport::Unicast => "unicast",
        };
        let password = if self.version == Version::TwoWithPassword {
            ", PASS"
        } else {
            ""
        };
        let (version, interval_ms) = (self.version.number(), self.interval_ms);
        write!(
            f,
            "v{version} {family} {transport}, {interval_ms} ms{password}"
        )
    }
}

/// The addresses of adverts and virtual IPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// The virtual IPs, in the order of the adverts.
    pub(crate) fn vips(self) -> [IpAddr; 2] {
        match self {
            Self::V4 => [VIP.into(), SECOND_VIP.into()],
            Self::V6 => [LINK_LOCAL_VIP.into(), VIP_V6.into()],
        }
    }

    /// The one that a client asks for.
    pub(crate) fn vip(self) -> IpAddr {
        match self {
            Self::V4 => VIP.into(),
            Self::V6 => VIP_V6.into(),
        }
    }

    /// Where a router is told things by unicast.
    pub(crate) fn address(self, router: &Host) -> IpAddr {
        match self {
            Self::V4 => router.address.into(),
            Self::V6 => router.address_v6().into(),
        }
    }

    /// Where adverts go by multicast.
    pub(crate) fn group(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(224, 0, 0, 18).into(),
            Self::V6 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12).into(),
        }
    }

    /// The MAC of the virtual router (RFC 9568 section 7.3).
    pub(crate) fn virtual_mac(self) -> [u8; 6] {
        let family = match self {
            Self::V4 => 1,
            Self::V6 => 2,
        };
        [0, 0, 0x5e, 0, family, VRID]
    }
}

/// How adverts travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Multicast,
    /// To each other router's address: `unicast_peer`.
    Unicast,
}
