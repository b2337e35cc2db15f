//! What the kernel says about our interfaces and addresses, as far as the engine has to know.

mod elsewhere;
pub(super) mod inventory;
mod names;
mod news;
mod peers;
mod room;
mod router;
mod sources;
mod table;
mod verdict;
mod watch;

use std::{collections::BTreeSet, io, net::IpAddr, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage, link::LinkExtentMask};
use rtnetlink::{MulticastGroup, new_connection, new_multicast_connection};
use tokio::time::{Instant, timeout, timeout_at};

pub use inventory::Inventory;
pub(in crate::io) use inventory::SourceFlaw;
pub(super) use news::News;
pub(super) use room::excess;
pub(super) use router::{Change, Device, WatchedRouter};
use table::Table;
pub(super) use watch::Watched;

use crate::{
    ids::{InterfaceId, RouterId},
    proto::FaultReason,
};

/// The kernel answers a dump within microseconds; this is for a kernel that does not answer at all.
const DUMP_LIMIT: Duration = Duration::from_secs(5);
/// How many waiting messages are looked at before the state is judged.
const BATCH: usize = 4096;

/// How long the kernel may take from the first to the last address that it takes off an interface (`ip addr
/// flush`, `disable_ipv6`). What is about to be in FAULT puts nothing back.
const SETTLING: Duration = Duration::from_millis(1);

/// `None` stands for lost messages.
type Messages = BoxStream<'static, Option<RouteNetlinkMessage>>;

/// Watches every interface and address of the network namespace.
pub(super) struct Monitor {
    messages: Messages,
    table: Table,
    watched: Watched,
    /// The table may have missed something. Set before anything that can be cancelled.
    stale: bool,
    /// When the table is to be judged, if something has changed since it was.
    look: Option<Instant>,
    /// An interface came, went or was renamed since that was asked last.
    moved: bool,
    /// The interfaces that went since that was asked last.
    went: BTreeSet<InterfaceId>,
}

impl Monitor {
    /// Subscribes. The first [`changes`](Self::changes) reports the state of every router.
    pub(super) fn new(watched: Watched) -> io::Result<Self> {
        Ok(Self {
            messages: subscribe()?,
            table: Table::default(),
            watched,
            stale: true,
            look: None,
            moved: false,
            went: BTreeSet::new(),
        })
    }

    /// Keeps a router from working (FAULT) for a reason that the kernel does not tell here, until it is called
    /// with `None`. The next [`changes`](Self::changes) tells what that makes of the router.
    pub(super) fn hold(&mut self, router: RouterId, reason: Option<FaultReason>) {
        self.watched.hold(router, reason);
        self.look = Some(Instant::now());
    }

    /// Reads what it may have missed.
    pub(super) async fn read(&mut self) -> io::Result<()> {
        if self.stale {
            self.went.append(&mut self.table.take_went());
            self.table = dump().await?;
            self.stale = false;
            self.look = Some(Instant::now());
        }
        Ok(())
    }

    /// Whether an interface came, went or was renamed since the last call.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// The interfaces that went since the last call. One that is there has been made since then.
    pub(super) fn take_went(&mut self) -> BTreeSet<InterfaceId> {
        std::mem::take(&mut self.went)
    }

    /// Everything that is there now.
    pub(super) fn inventory(&self) -> Inventory {
        Inventory::new(self.table.clone())
    }

    /// Whether an interface has this address, as far as was heard.
    pub(super) fn has_address(&self, interface: InterfaceId, address: IpAddr) -> bool {
        self.table.is_on(interface, address)
    }

    /// Watches these routers from now on; of those that are as before nothing is said again.
    pub(super) fn watch(&mut self, routers: Vec<WatchedRouter>) {
        self.watched.set(routers);
    }

    /// What changed since that was told last.
    pub(super) fn judge(&mut self) -> Vec<Change> {
        self.watched.judge(&mut self.table, Instant::now())
    }

    /// What an interface is called now.
    pub(super) fn name(&self, interface: InterfaceId) -> Option<&str> {
        Some(&self.table.link(interface)?.name)
    }

    /// Waits until something changed that the engine has to know, or until an interface came, went or was renamed.
    /// Cancelling loses nothing.
    pub(super) async fn changes(&mut self) -> io::Result<Vec<Change>> {
        loop {
            self.read().await?;
            let next = self.messages.next();
            match self.look.into_iter().chain(self.watched.due()).min() {
                None => {
                    let message = next.await;
                    self.hear(message)?;
                }
                Some(at) => {
                    if let Ok(message) = timeout_at(at, next).await {
                        self.hear(message)?;
                    }
                }
            }
            for _ in 0..BATCH {
                match self.messages.next().now_or_never() {
                    Some(message) => self.hear(message)?,
                    None => break,
                }
            }
            let now = Instant::now();
            let due = self.look.into_iter().chain(self.watched.due()).min();
            if self.stale || due.is_none_or(|at| at > now) {
                continue;
            }
            self.look = None;
            let changes = self.watched.judge(&mut self.table, now);
            // None of the routers may be on an interface that came, yet.
            self.moved |= self.table.take_moved();
            self.went.append(&mut self.table.take_went());
            if !changes.is_empty() || self.moved {
                return Ok(changes);
            }
        }
    }

    fn hear(&mut self, message: Option<Option<RouteNetlinkMessage>>) -> io::Result<()> {
        match message {
            Some(message) => self.take(message),
            None => self.resubscribe()?,
        }
        Ok(())
    }

    fn take(&mut self, message: Option<RouteNetlinkMessage>) {
        let Some(message) = message else {
            tracing::warn!("netlink messages were lost, reading the state again");
            self.stale = true;
            return;
        };
        self.table.apply(&message);
        let now = Instant::now();
        // An address that goes may be the first of all of them.
        let settled = match message {
            RouteNetlinkMessage::DelAddress(_) => now + SETTLING,
            _ => now,
        };
        self.look = Some(self.look.map_or(settled, |look| look.min(settled)));
    }

    fn resubscribe(&mut self) -> io::Result<()> {
        tracing::warn!("the netlink connection ended, making a new one");
        self.stale = true;
        self.messages = subscribe()?;
        Ok(())
    }
}

fn subscribe() -> io::Result<Messages> {
    let groups = [
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
    ];
    let (connection, _, messages) = new_multicast_connection(&groups)?;
    tokio::spawn(connection);
    let messages = messages.filter_map(async |(message, _)| match message.payload {
        NetlinkPayload::InnerMessage(message) => Some(Some(message)),
        // The kernel says ENOBUFS when the socket's buffer was full.
        NetlinkPayload::Overrun(_) => Some(None),
        _ => None,
    });
    Ok(messages.boxed())
}

/// Reads the whole state. On a connection of its own, because the answer to a dump cannot overrun a
/// buffer that no multicast message goes to.
async fn dump() -> io::Result<Table> {
    timeout(DUMP_LIMIT, try_dump())
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer from rtnetlink"))?
        .map_err(|error| io::Error::other(error.to_string()))
}

async fn try_dump() -> Result<Table, rtnetlink::Error> {
    let (connection, handle, _) =
        new_connection().map_err(|error| rtnetlink::Error::NamespaceError(error.to_string()))?;
    tokio::spawn(connection);
    let mut table = Table::default();
    let mut links = std::pin::pin!(
        handle
            .link()
            .get()
            .set_filter_mask(AddressFamily::Unspec, vec![LinkExtentMask::SkipStats])
            .execute()
    );
    while let Some(link) = links.try_next().await? {
        table.apply(&RouteNetlinkMessage::NewLink(link));
    }
    let mut addresses = std::pin::pin!(handle.address().get().execute());
    while let Some(address) = addresses.try_next().await? {
        table.apply(&RouteNetlinkMessage::NewAddress(address));
    }
    Ok(table)
}

#[cfg(test)]
mod tests;
