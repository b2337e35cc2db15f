//! The rtnetlink requests of a cleanup.

use std::{io, net::IpAddr};

use futures_util::{StreamExt as _, TryStreamExt as _};
use netlink_packet_route::{
    address::AddressMessage,
    tc::{TcAttribute, TcHandle},
};
use nix::errno::Errno;
use rtnetlink::{Error, Handle};

use crate::io::{
    journal::AddressRecord,
    netlink::{address::Address, link::Link, present, secondaries},
};

/// The addresses of the network namespace at one moment.
pub(super) struct Addresses {
    handle: Handle,
    messages: Vec<AddressMessage>,
}

impl Addresses {
    pub(super) async fn read() -> io::Result<Self> {
        let handle = connect()?;
        // The filter of the request is honoured with strict checking only: look at everything.
        let messages = handle.address().get().execute().try_collect().await;
        Ok(Self {
            messages: messages.map_err(to_io)?,
            handle,
        })
    }

    /// Removes one. Returns whether it was there.
    pub(super) async fn remove(&self, index: u32, address: IpAddr, prefix: u8) -> io::Result<bool> {
        let mut messages = self.messages.iter();
        let is_it = |one: Address| (one.address, one.prefix) == (address, prefix);
        let found = messages.find(|message| {
            message.header.index == index && Address::told(message).is_some_and(is_it)
        });
        let Some(message) = found else {
            return Ok(false);
        };
        let request = self.handle.address().del(message.clone());
        match request.execute().await.map_err(to_io) {
            Ok(()) => Ok(true),
            Err(error) if gone(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Addresses {
    /// Gives back what the kernel has taken off an interface with the addresses that were removed.
    pub(super) async fn put_back(
        &self,
        is_removed: impl Fn(u32, IpAddr) -> bool,
    ) -> io::Result<()> {
        if !secondaries::any(&self.messages) {
            return Ok(());
        }
        let after = Self::read().await?;
        secondaries::put_back(&self.messages, &after.messages, is_removed)
    }
}

/// Removes addresses, those of them that are there.
pub(in crate::io) async fn remove_addresses(records: &[AddressRecord]) -> io::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let present = Addresses::read().await?;
    for record in records {
        present
            .remove(record.index, record.address, record.prefix)
            .await?;
    }
    let is_removed = |index, address| {
        let mut records = records.iter();
        records.any(|one| (one.index, one.address) == (index, address))
    };
    present.put_back(is_removed).await
}

/// The name that an interface has now, if it still exists.
pub(super) async fn link_name(index: u32) -> Option<String> {
    let handle = connect().ok()?;
    let mut links = std::pin::pin!(handle.link().get().match_index(index).execute());
    let link = links.next().await?.ok()?;
    Link::told(&link).name
}

/// Removes the clsact qdisc unless somebody else has put a filter into it. Returns whether it was
/// removed.
pub(in crate::io) async fn remove_unused_clsact(index: u32) -> io::Result<bool> {
    let index = i32::try_from(index).map_err(|_| Errno::ENODEV)?;
    let handle = connect()?;
    for egress in [false, true] {
        let filters = handle.clone().traffic_filter(index).get();
        let filters = if egress {
            filters.egress()
        } else {
            filters.ingress()
        };
        let mut filters = std::pin::pin!(filters.execute());
        match filters.try_next().await.map_err(to_io) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(false),
            // The qdisc is not there.
            Err(error) if error.raw_os_error() == Some(Errno::EINVAL as i32) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    let mut request = handle.clone().qdisc().del(index);
    let message = request.message_mut();
    message.header.parent = TcHandle::CLSACT;
    message.header.handle = TcHandle {
        major: u16::MAX,
        minor: 0,
    };
    message
        .attributes
        .push(TcAttribute::Kind("clsact".to_owned()));
    match request.execute().await.map_err(to_io) {
        Ok(()) => Ok(true),
        Err(error) if gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn connect() -> io::Result<Handle> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    tokio::spawn(connection);
    Ok(handle)
}

/// Whether something cannot be removed because it, or what it was on, is not there.
fn gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    present::is_gone(error) || matches!(errno, Some(Errno::ENOENT | Errno::EINVAL))
}

fn to_io(error: Error) -> io::Error {
    match error {
        Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}
