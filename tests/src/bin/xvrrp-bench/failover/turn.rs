//! One node's turn: a pair is started, everything happens to it, and it is stopped.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;
use vrrp_tests::{
    contender::Contender,
    failover::{Measurement, Pair, Services},
    lab::Lab,
    load::{Flood, Hogs},
    realtime::Spinners,
};

use super::{args::Load, plan::Session};

/// Where adverts go.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// Busy loops per CPU.
const HOGS: usize = 2;
/// A load ends by itself after that, whatever happens to the bench.
const LIMIT: Duration = Duration::from_secs(300);

/// What all nodes share.
pub(super) struct Stage<'lab> {
    pub(super) lab: &'lab Lab,
    pub(super) _services: Services,
    pub(super) _spinners: Spinners,
}

impl Stage<'_> {
    /// Everything that the session has in store for a pair of this node, as far as it gets: what was seen
    /// until then counts.
    pub(super) fn play(
        &self,
        contender: &Contender,
        session: &Session,
        seed: u64,
    ) -> (Vec<Measurement>, Result<()>) {
        let mut seen = Vec::new();
        let outcome = self.rounds(contender, session, seed, &mut seen);
        (seen, outcome)
    }

    fn rounds(
        &self,
        contender: &Contender,
        session: &Session,
        seed: u64,
        seen: &mut Vec<Measurement>,
    ) -> Result<()> {
        let nodes = contender.pair(self.lab, &session.speech())?;
        let mut pair = Pair::start(self.lab, session.timing, nodes)?;
        let _burden = Burden::start(session.load, self.lab)?;
        for event in &session.events {
            pair.round(*event, seed, seen)?;
        }
        pair.stop()
    }
}

/// A running load; ends when dropped.
struct Burden {
    _hogs: Option<Hogs>,
    _flood: Option<Flood>,
}

impl Burden {
    fn start(load: Load, lab: &Lab) -> Result<Self> {
        let cpus = std::thread::available_parallelism()?.get();
        let hogs = (load == Load::Busy).then(|| Hogs::start(cpus * HOGS, LIMIT));
        let flood =
            (load == Load::Flood).then(|| Flood::start(&lab.client.netns, GROUP, u64::MAX, LIMIT));
        Ok(Self {
            _hogs: hogs.transpose()?,
            _flood: flood.transpose()?,
        })
    }
}
