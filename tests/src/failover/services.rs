//! What the routers and the server behind them do for the client. It runs on when a node dies or is
//! frozen: a service is another process.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{
    beacon::Beacon,
    echo::Echo,
    lab::{INNER_VIP, Lab, SERVER, VIP},
    prober::PORT,
    stream::{STREAM_PORT, StreamServer},
};

/// How often a router's service speaks from a virtual IP without being asked:
/// [`crate::dual::MOMENT`] must be longer.
const BEACON: Duration = Duration::from_millis(2);

/// Running services; they end when dropped.
#[derive(Debug)]
pub struct Services {
    _echos: Vec<Echo>,
    _streams: Vec<StreamServer>,
    _beacons: Vec<Beacon>,
}

impl Services {
    /// A UDP echo on the virtual IP, on every router.
    ///
    /// # Errors
    /// If a socket cannot be made.
    pub fn echo(lab: &Lab) -> Result<Self> {
        let echos = (1..)
            .zip(&lab.routers)
            .map(|(number, router)| Echo::start(&router.netns, VIP, PORT, number))
            .collect::<Result<_>>()?;
        Ok(Self {
            _echos: echos,
            _streams: Vec::new(),
            _beacons: Vec::new(),
        })
    }

    /// UDP echo, TCP stream and packets nobody asked for from the virtual IP; such packets from the
    /// virtual IP of the network behind the routers, too; echo and stream on the server there.
    ///
    /// # Errors
    /// If a socket cannot be made, or nothing is behind the routers.
    pub fn everything(lab: &Lab) -> Result<Self> {
        let behind = lab.behind.as_ref().context("a lab without a server")?;
        let server = &behind.server.netns;
        let mut services = Self::echo(lab)?;
        services._echos.push(Echo::start(server, SERVER, PORT, 0)?);
        let stream = StreamServer::start(server, SERVER, STREAM_PORT)?;
        services._streams.push(stream);
        for router in &lab.routers {
            let stream = StreamServer::start(&router.netns, VIP, STREAM_PORT)?;
            services._streams.push(stream);
            for (from, to) in [(VIP, lab.client.address), (INNER_VIP, SERVER)] {
                let beacon = Beacon::start(&router.netns, from, to, BEACON)?;
                services._beacons.push(beacon);
            }
        }
        Ok(services)
    }
}
