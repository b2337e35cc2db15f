//! The programs' own log statements, for debugging: one line per frame that they refuse.

use std::{future::Future, io};

use aya::Ebpf;
use aya_log::EbpfLogger;
use tokio::io::{Interest, unix::AsyncFd};

use super::BpfError;

/// Level at which the statements are compiled in by the verifier; at 0 they are dead code.
pub(super) fn level(enabled: bool) -> u8 {
    if enabled {
        aya_log::Level::Debug as u8
    } else {
        0
    }
}

/// Forwards records to the node's log as long as it is polled.
pub(super) fn forward(
    ebpf: &mut Ebpf,
) -> Result<impl Future<Output = io::Result<()>> + use<>, BpfError> {
    let logger = EbpfLogger::init(ebpf).map_err(|error| BpfError::Map {
        name: "AYA_LOGS",
        source: io::Error::other(error),
    })?;
    Ok(async move {
        // SAFETY: the logger's descriptor is that of its ring, open and the same until the logger
        // is dropped, which happens after the `AsyncFd` has deregistered it.
        let records = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) };
        let mut records = records?;
        loop {
            let mut ready = records.readable_mut().await?;
            ready.get_inner_mut().flush();
            ready.clear_ready();
        }
    })
}
