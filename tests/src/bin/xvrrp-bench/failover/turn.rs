//! One node's turn: a pair is started, everything happens to it, and it is stopped.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;
use vrrp_tests::{
    clock::{self, Nanos},
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
    pub(super) fn play(&self, contender: &Contender, session: &Session, seed: u64) -> Played {
        let (mut seen, mut flood) = (Vec::new(), None);
        let outcome = self.rounds(contender, session, seed, &mut seen, &mut flood);
        Played {
            seen,
            flood,
            outcome,
        }
    }

    fn rounds(
        &self,
        contender: &Contender,
        session: &Session,
        seed: u64,
        seen: &mut Vec<Measurement>,
        flood: &mut Option<f64>,
    ) -> Result<()> {
        let nodes = contender.pair(self.lab, &session.speech())?;
        let mut pair = Pair::start(self.lab, session.timing, nodes)?;
        let burden = Burden::start(session.load, self.lab)?;
        for event in &session.events {
            pair.round(*event, seed, seen)?;
        }
        *flood = burden.flood_per_s();
        drop(burden);
        pair.stop()
    }
}

/// A turn of one node.
pub(super) struct Played {
    pub(super) seen: Vec<Measurement>,
    /// Packets per second, if there was a flood.
    pub(super) flood: Option<f64>,
    /// Whether it came to its end.
    pub(super) outcome: Result<()>,
}

/// A running load; ends when dropped.
struct Burden {
    began: Nanos,
    _hogs: Option<Hogs>,
    flood: Option<Flood>,
}

impl Burden {
    fn start(load: Load, lab: &Lab) -> Result<Self> {
        let cpus = std::thread::available_parallelism()?.get();
        let hogs = (load == Load::Busy).then(|| Hogs::start(cpus * HOGS, LIMIT));
        let flood =
            (load == Load::Flood).then(|| Flood::start(&lab.client.netns, GROUP, u64::MAX, LIMIT));
        Ok(Self {
            _hogs: hogs.transpose()?,
            flood: flood.transpose()?,
            began: clock::now(),
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a flood has far fewer than 2^52 packets"
    )]
    fn flood_per_s(&self) -> Option<f64> {
        let span = Duration::from_nanos(clock::now() - self.began);
        let sent = self.flood.as_ref()?.sent();
        Some(sent as f64 / span.as_secs_f64())
    }
}
