//! What the engine's thread is given, and its end.

use std::{thread::JoinHandle, time::Duration};

use anyhow::bail;

use crate::io::{bpf::Dataplane, engine::Resources};

/// How long an engine may take to end that has nothing left to do.
pub(super) const ENGINE_END: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// What the engine needs of the kernel half.
pub(super) fn resources(dataplane: &mut Dataplane) -> anyhow::Result<Resources> {
    Ok(Resources {
        slots: std::sync::Arc::clone(&dataplane.slots),
        vip_states: std::sync::Arc::clone(&dataplane.vip_states),
        tables: dataplane.tables()?,
        events: dataplane.events()?,
    })
}

/// Waits for an engine that has been told to end. One that hangs must not keep us from taking its words.
pub(super) async fn await_end(thread: JoinHandle<()>, limit: Duration) -> anyhow::Result<()> {
    let mut poll = tokio::time::interval(POLL);
    let ended = async {
        while !thread.is_finished() {
            poll.tick().await;
        }
    };
    if tokio::time::timeout(limit, ended).await.is_err() {
        bail!("the engine thread hangs");
    }
    // A panic would have ended the process.
    drop(thread.join());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn an_engine_that_hangs_is_not_waited_for() {
        let (end, ending) = mpsc::channel::<()>();
        let engine = thread::spawn(move || ending.recv().unwrap_or_default());
        let error = await_end(engine, POLL).await.unwrap_err().to_string();
        assert_eq!(error, "the engine thread hangs");
        drop(end);
        let ended = await_end(thread::spawn(|| ()), ENGINE_END).await;
        assert!(ended.is_ok(), "{ended:?}");
    }
}
