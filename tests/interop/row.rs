//! What a row of the matrix is: who stands beside us and how all speak.

use std::{fmt, time::Duration};

use crate::play::{Column, Play};

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

    /// Why our node cannot take part yet.
    pub(crate) fn not_yet(self) -> Option<&'static str> {
        match self.speech.family {
            Family::V6 => Some("xvrrp speaks IPv4 only"),
            Family::V4 => None,
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
    pub(crate) version: u8,
    /// Whole seconds in version 2.
    pub(crate) interval_ms: u32,
    pub(crate) family: Family,
    pub(crate) transport: Transport,
    /// `auth_type PASS`: version 2 only.
    pub(crate) password: bool,
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
        let password = if self.password { ", PASS" } else { "" };
        let Self {
            version,
            interval_ms,
            ..
        } = self;
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

/// How adverts travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Multicast,
    /// To each other router's address: `unicast_peer`.
    Unicast,
}
