//! Everybody who watches a failover, started and stopped together.

use std::{
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};

use crate::{
    addresses::AddressWatch,
    arp_prober::{ArpProber, ArpRecording},
    capture::{Capture, Seen},
    clock::{self, Nanos},
    fdb::{FdbMove, FdbWatch},
    gap::Recording,
    lab::{Behind, INNER_VIP, Lab, SERVER, VIP},
    prober::Prober,
    sightings::{SightingRecording, Sightings},
    stream::{Stream, StreamRecording},
};

use super::Timing;

/// How often a TCP client speaks.
const STREAM: Duration = Duration::from_millis(2);
/// How long a client of the service waits before it connects anew: the new owner does not know the
/// connection.
const GIVE_UP: Duration = Duration::from_millis(50);
/// A client of the server behind waits for its TCP to recover.
const PATIENCE: Duration = Duration::from_secs(2);

/// Running judges; they end when dropped.
#[derive(Debug)]
pub(super) struct Judges {
    from: Nanos,
    capture: Capture,
    arp: ArpProber,
    prober: Prober,
    more: Option<More>,
}

/// Those that only the bench calls in.
#[derive(Debug)]
struct More {
    sightings: Sightings,
    behind: Sightings,
    fdb: FdbWatch,
    addresses: Vec<AddressWatch>,
    service: Stream,
    routed: Prober,
    routed_stream: Stream,
}

/// What they saw.
#[derive(Debug)]
pub(super) struct Evidence {
    /// From and to when all watched.
    pub(super) watch: (Nanos, Nanos),
    pub(super) wire: Vec<Seen>,
    pub(super) arp: ArpRecording,
    pub(super) client: Recording,
    pub(super) more: Option<MoreEvidence>,
}

/// What those of the bench saw.
#[derive(Debug)]
pub(super) struct MoreEvidence {
    /// Who claimed the virtual router towards the client.
    pub(super) sightings: SightingRecording,
    /// Who claimed the one towards the server.
    pub(super) behind: SightingRecording,
    pub(super) fdb: Vec<FdbMove>,
    /// Per router.
    pub(super) addresses: Vec<Vec<(Nanos, bool)>>,
    pub(super) service: StreamRecording,
    pub(super) routed: Recording,
    pub(super) routed_stream: StreamRecording,
}

impl Judges {
    /// Calls them in; those of the bench if there is a server behind the routers.
    pub(super) fn start(lab: &Lab, timing: &Timing) -> Result<Self> {
        let more = lab.behind.as_ref();
        let more = more.map(|behind| More::start(lab, behind, timing));
        Ok(Self {
            more: more.transpose()?,
            capture: Capture::start(&lab.switch)?,
            arp: ArpProber::start(&lab.client, VIP, timing.arp)?,
            prober: Prober::start(&lab.client.netns, VIP, timing.probe)?,
            from: clock::now(),
        })
    }

    /// The router that answered the client last; 0 before the first answer.
    pub(super) fn answering(&self) -> u8 {
        self.prober.answering()
    }

    /// When the last answer of the server behind arrived, if it is asked.
    pub(super) fn routed_until(&self) -> Option<Nanos> {
        self.more.as_ref().map(|more| more.routed.heard())
    }

    /// Ends the watch.
    pub(super) fn stop(self) -> Result<Evidence> {
        let until = clock::now();
        // Side by side: each has a grace for what is on its way, and there are many rounds to go.
        thread::scope(|scope| {
            let client = scope.spawn(|| self.prober.stop());
            let arp = scope.spawn(|| self.arp.stop());
            let wire = scope.spawn(|| self.capture.stop());
            let more = self.more.map(More::stop).transpose()?;
            Ok(Evidence {
                watch: (self.from, until),
                client: joined(client).context("the prober")?,
                arp: joined(arp).context("the ARP prober")?,
                wire: joined(wire).context("the capture")?,
                more,
            })
        })
    }
}

fn joined<T>(judge: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    judge.join().map_err(|_panic| anyhow!("a judge died"))?
}

impl More {
    fn start(lab: &Lab, behind: &Behind, timing: &Timing) -> Result<Self> {
        let client = &lab.client.netns;
        let addresses = lab.routers.iter();
        Ok(Self {
            sightings: Sightings::start(&lab.switch, &[VIP])?,
            behind: Sightings::start(&behind.switch, &[INNER_VIP])?,
            fdb: FdbWatch::start(&lab.switch)?,
            addresses: addresses
                .map(|router| AddressWatch::start(&router.netns, VIP))
                .collect::<Result<_>>()?,
            service: Stream::start(client, VIP, STREAM, GIVE_UP)?,
            routed: Prober::start(client, SERVER, timing.routed)?,
            routed_stream: Stream::start(client, SERVER, STREAM, PATIENCE)?,
        })
    }

    fn stop(self) -> Result<MoreEvidence> {
        thread::scope(|scope| {
            let sightings = scope.spawn(|| self.sightings.stop());
            let behind = scope.spawn(|| self.behind.stop());
            let fdb = scope.spawn(|| self.fdb.stop());
            let service = scope.spawn(|| self.service.stop());
            let routed = scope.spawn(|| self.routed.stop());
            let routed_stream = scope.spawn(|| self.routed_stream.stop());
            let addresses = self.addresses.into_iter().map(AddressWatch::stop);
            let addresses = addresses.collect::<Result<_>>();
            Ok(MoreEvidence {
                sightings: joined(sightings).context("the switch's capture")?,
                behind: joined(behind).context("the capture of the switch behind")?,
                fdb: joined(fdb).context("the watch of the fdb")?,
                addresses: addresses.context("the watch of the addresses")?,
                service: joined(service).context("the client of the service")?,
                routed: joined(routed).context("the routed prober")?,
                routed_stream: joined(routed_stream).context("the routed client")?,
            })
        })
    }
}
