//! The rows.

use crate::{
    play::Play::{self, PeerIsBetter, PeerIsHigher, WeAreBetter, WeAreHigher},
    row::{
        Family,
        Kind::{Frr, FrrPlain, Keepalived, KeepalivedVmac, Xvrrp},
        Row, Speech,
        Transport::{self, Multicast, Unicast},
        Version::{self, Three, Two, TwoWithPassword},
    },
};

const fn speech(version: Version, family: Family, transport: Transport) -> Speech {
    Speech {
        version,
        interval_ms: 1000,
        family,
        transport,
    }
}

/// Version 2 knows whole seconds only.
const fn fast(speech: Speech) -> Speech {
    Speech {
        interval_ms: 10,
        ..speech
    }
}

const V3: Speech = speech(Three, Family::V4, Multicast);
const V2: Speech = speech(Two, Family::V4, Multicast);
const PASS: Speech = speech(TwoWithPassword, Family::V4, Multicast);
const FAST: Speech = fast(V3);
const UNICAST: Speech = speech(Three, Family::V4, Unicast);
const UNICAST_V2: Speech = speech(Two, Family::V4, Unicast);
const UNICAST_FAST: Speech = fast(UNICAST);
const V6: Speech = speech(Three, Family::V6, Multicast);
const V6_FAST: Speech = fast(V6);
const V6_UNICAST: Speech = speech(Three, Family::V6, Unicast);
const V6_UNICAST_FAST: Speech = fast(V6_UNICAST);

const fn row(speech: Speech, play: Play) -> Row {
    Row::new(speech, play)
}

/// Every row, in the order of the matrix.
pub(crate) const ROWS: &[Row] = &[
    row(FAST, PeerIsBetter(Keepalived)).ordinary(),
    row(FAST, WeAreBetter(Keepalived)),
    row(FAST, PeerIsHigher(Keepalived)).ordinary(),
    row(FAST, WeAreHigher(Keepalived)),
    row(V3, PeerIsBetter(Keepalived)),
    row(V3, WeAreBetter(Keepalived)),
    row(V2, PeerIsBetter(Keepalived)),
    row(V2, WeAreBetter(Keepalived)),
    row(PASS, PeerIsBetter(Keepalived)).ordinary(),
    row(PASS, WeAreBetter(Keepalived)).ordinary(),
    row(PASS, PeerIsHigher(Keepalived)),
    row(PASS, WeAreHigher(Keepalived)),
    row(FAST, PeerIsBetter(KeepalivedVmac)).ordinary(),
    row(FAST, WeAreBetter(KeepalivedVmac)),
    row(V3, PeerIsBetter(KeepalivedVmac)),
    row(V3, WeAreBetter(KeepalivedVmac)),
    row(V2, PeerIsBetter(KeepalivedVmac)),
    row(V2, WeAreBetter(KeepalivedVmac)),
    row(FAST, PeerIsBetter(Frr)).ordinary(),
    row(FAST, WeAreBetter(Frr)).ordinary(),
    row(FAST, PeerIsHigher(Frr)),
    row(FAST, WeAreHigher(Frr)),
    row(V3, PeerIsBetter(Frr)),
    row(V3, WeAreBetter(Frr)),
    row(V2, PeerIsBetter(Frr)).ordinary(),
    row(V2, WeAreBetter(Frr)),
    row(V2, PeerIsHigher(Frr)),
    row(V2, WeAreHigher(Frr)),
    row(V3, PeerIsBetter(FrrPlain)),
    row(V3, WeAreBetter(FrrPlain)),
    row(FAST, Play::Three([Xvrrp, Keepalived, Frr])),
    row(FAST, Play::Three([Xvrrp, Frr, Keepalived])),
    row(FAST, Play::Three([Keepalived, Xvrrp, Frr])).ordinary(),
    row(FAST, Play::Three([Frr, Xvrrp, Keepalived])),
    row(FAST, Play::Three([Keepalived, Frr, Xvrrp])),
    row(FAST, Play::Three([Frr, Keepalived, Xvrrp])),
    row(V2, Play::Three([Xvrrp, KeepalivedVmac, Frr])),
    row(V2, Play::Three([KeepalivedVmac, Xvrrp, Frr])),
    row(V2, Play::Three([Frr, KeepalivedVmac, Xvrrp])),
    row(UNICAST, PeerIsBetter(Keepalived)),
    row(UNICAST, WeAreBetter(Keepalived)),
    row(UNICAST_FAST, PeerIsBetter(Keepalived)),
    row(UNICAST_FAST, WeAreBetter(Keepalived)),
    row(UNICAST_V2, PeerIsBetter(Keepalived)),
    row(UNICAST_V2, WeAreBetter(Keepalived)),
    row(V6_UNICAST, PeerIsBetter(Keepalived)),
    row(V6_UNICAST, WeAreBetter(Keepalived)),
    row(V6_UNICAST_FAST, PeerIsBetter(Keepalived)),
    row(V6_UNICAST_FAST, WeAreBetter(Keepalived)),
    row(V6_FAST, PeerIsBetter(Keepalived)).ordinary(),
    row(V6_FAST, WeAreBetter(Keepalived)),
    row(V6_FAST, PeerIsHigher(Keepalived)),
    row(V6_FAST, WeAreHigher(Keepalived)),
    row(V6, PeerIsBetter(Keepalived)),
    row(V6, WeAreBetter(Keepalived)),
    row(V6_FAST, PeerIsBetter(KeepalivedVmac)),
    row(V6_FAST, WeAreBetter(KeepalivedVmac)),
    row(V6_FAST, PeerIsBetter(Frr)),
    row(V6_FAST, WeAreBetter(Frr)).ordinary(),
    // FRR speaks from an address that its kernel draws by lot, always higher than ours.
    row(V6_FAST, PeerIsHigher(Frr)),
    row(V6, PeerIsBetter(Frr)),
    row(V6, WeAreBetter(Frr)),
    row(V6_FAST, Play::Three([Keepalived, Xvrrp, Frr])),
];
