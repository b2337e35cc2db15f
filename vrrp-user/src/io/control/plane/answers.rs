//! Answers to whoever asks for the status: clients of the control socket, SIGUSR1.

use std::time::Duration;

use tokio::time::Instant;
use vrrp_ebpf::abi::NO_ROUTER;

use super::{Asked, Plane};
use crate::{
    io::{
        bpf::counters::Counts,
        clock,
        control::{
            ControlError, datetime::date_and_time, record::ietf_vrrp, socket::StatusRequest,
        },
        log,
    },
    status::{Status, ThreadStatus},
};

/// A snapshot that has not come by then was lost, and is asked for again when somebody asks.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(1);
impl Plane<'_> {
    /// Without a client the status goes to the log.
    pub(super) fn ask_status(&mut self, client: Option<StatusRequest>) -> Result<(), ControlError> {
        let mut asked = match self.asked.take() {
            Some(asked) if asked.since.elapsed() < SNAPSHOT_LIMIT => asked,
            late => Asked {
                since: Instant::now(),
                missing: self.ask_engine()?,
                clients: late.map(|late| late.clients).unwrap_or_default(),
                log: false,
            },
        };
        asked.clients.retain(|client| !client.is_closed());
        asked.log |= client.is_none();
        asked.clients.extend(client);
        let complete = asked.missing.is_empty();
        self.asked = Some(asked);
        if complete {
            self.answer_status();
        }
        Ok(())
    }

    pub(super) fn answer_status(&mut self) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        let status = self.status();
        if asked.log {
            for line in (self.setup.show)(&status).lines() {
                tracing::info!("{line}");
            }
        }
        for client in asked.clients {
            // A client that has gone wants no answer.
            drop(client.send(status.clone()));
        }
    }

    fn status(&self) -> Status {
        let discontinuity = date_and_time(self.started);
        let counters = &self.setup.counters;
        let instances: Vec<_> = self.in_order().map(|one| &one.router().instance).collect();
        let counts: Vec<Counts> = self.in_order().map(|one| self.counts(one)).collect();
        let others = counters.counters(NO_ROUTER);
        let routers = self.in_order().zip(&counts).map(|(known, counts)| {
            let missing = |vip| !(self.setup.has_vip)(vip);
            let router = known.router();
            let interface = router.interface;
            let interface = interface.and_then(|id| self.interfaces.get(&id));
            let mut status =
                known
                    .record
                    .status(router, counts, interface, missing, &discontinuity);
            status.unserved = known.unserved.missing().to_vec();
            status
        });
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.setup.directory.instance().to_string(),
            pid: std::process::id(),
            now_ns: clock::now().0,
            events_lost: self.events_lost,
            log_lines_lost: log::lost(),
            threads: self.threads.iter().map(ThreadStatus::from).collect(),
            counters: others.of_no_router(),
            ietf_vrrp: ietf_vrrp::node(&instances, &counts, &others, &discontinuity),
            routers: routers.collect(),
        }
    }
}
