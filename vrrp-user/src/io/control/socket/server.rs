//! The node's side.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{CLIENT_LIMIT, RELOAD_LIMIT, REQUEST_BYTES, Refusal, Request};
use crate::{
    io::runtime_dir::{CONTROL_SOCKET, RuntimeDir},
    status::{Reloaded, Status},
};

pub(super) const CLIENTS: usize = 16;
/// Shorter than the client's patience, so that it is told.
const ENGINE_LIMIT: Duration = Duration::from_secs(3);

/// A client asks for the status; dropping the sender answers with an error.
pub(in crate::io::control) type StatusRequest = oneshot::Sender<Status>;

/// Where the answer about a reload goes, or why there is none; dropping it answers with an error.
pub(in crate::io::control) type Reply = oneshot::Sender<Result<Reloaded, String>>;

/// What a client wants of the control plane.
#[derive(Debug)]
pub(in crate::io::control) enum Question {
    /// The status.
    Status(StatusRequest),
    /// A reload; the answer comes when all is done.
    Reload(Reply),
    /// What a reload with this file would do.
    Preview(PathBuf, Reply),
}

/// Makes the socket and answers on it: when the receiver of `requests` is dropped, that the node is stopping.
pub(in crate::io::control) fn serve(
    directory: &RuntimeDir,
    requests: mpsc::Sender<Question>,
) -> io::Result<()> {
    // The lock is ours, so a socket that is there was left by a dead node.
    directory.remove(CONTROL_SOCKET).map_err(io::Error::other)?;
    let path = directory.path(CONTROL_SOCKET);
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    tokio::spawn(accept(listener, requests));
    Ok(())
}

async fn accept(listener: UnixListener, requests: mpsc::Sender<Question>) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        // Taken before accepting: further clients wait in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("control socket: {error}");
                // Out of descriptors, most likely: accepting at once would spin.
                tokio::time::interval_at(tokio::time::Instant::now() + CLIENT_LIMIT, CLIENT_LIMIT)
                    .tick()
                    .await;
                continue;
            }
        };
        let requests = requests.clone();
        tokio::spawn(async move {
            if let Err(error) = client(stream, requests).await {
                tracing::debug!("control client: {error}");
            }
            drop(place);
        });
    }
}

async fn client(mut stream: UnixStream, requests: mpsc::Sender<Question>) -> io::Result<()> {
    let mut line = Vec::new();
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader.take(REQUEST_BYTES));
    timeout(CLIENT_LIMIT, reader.read_until(b'\n', &mut line)).await??;
    let mut answer = match answer(&line, &requests).await {
        Ok(answer) => answer,
        Err(error) => serde_json::to_vec(&Refusal { error })?,
    };
    answer.push(b'\n');
    let told = async {
        writer.write_all(&answer).await?;
        writer.shutdown().await
    };
    timeout(CLIENT_LIMIT, told).await?
}

/// The answer to a line, or what the client is told instead.
async fn answer(line: &[u8], requests: &mpsc::Sender<Question>) -> Result<Vec<u8>, String> {
    match Request::read(line)? {
        Request::Status {} => {
            let status = ask(requests, Question::Status, ENGINE_LIMIT).await?;
            let hangs = "its engine has not answered";
            let ends = "it hangs or gets no CPU time, and what it owns ends with the lease";
            json(&status.ok_or_else(|| late(hangs, ENGINE_LIMIT, ends))?)
        }
        Request::Reload {} => {
            let reloaded = ask(requests, Question::Reload, RELOAD_LIMIT).await?;
            let not_ended = "its reload has not ended";
            json(
                &reloaded
                    .ok_or_else(|| late(not_ended, RELOAD_LIMIT, "it goes on; see the log"))??,
            )
        }
        Request::Preview { file } => {
            let question = |reply| Question::Preview(file, reply);
            let reloaded = ask(requests, question, ENGINE_LIMIT).await?;
            let busy = "it has not answered";
            json(&reloaded.ok_or_else(|| late(busy, ENGINE_LIMIT, "it is busy or hangs"))??)
        }
    }
}

fn late(what: &str, limit: Duration, why: &str) -> String {
    format!("{what} for {} s: {why}", limit.as_secs())
}

/// What the control plane answers; `None` if it does not within a limit.
async fn ask<Answer>(
    requests: &mpsc::Sender<Question>,
    question: impl FnOnce(oneshot::Sender<Answer>) -> Question,
    limit: Duration,
) -> Result<Option<Answer>, String> {
    let (reply, answer) = oneshot::channel();
    let asked = async {
        requests.send(question(reply)).await.ok()?;
        answer.await.ok()
    };
    match timeout(limit, asked).await {
        Ok(Some(answer)) => Ok(Some(answer)),
        Ok(None) => Err("it is stopping".to_owned()),
        Err(_) => Ok(None),
    }
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(answer).map_err(|error| error.to_string())
}
