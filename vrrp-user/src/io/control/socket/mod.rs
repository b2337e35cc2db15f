//! The control socket: one JSON request in one line, one JSON answer in one line, then the end.
//!
//! ```text
//! → {"method":"status"}
//! ← {"version":"0.1.0", …}   or   {"error":"…"}
//! ```
//!
//! The socket is root's alone, but a client may still be broken: what it sends is limited in length
//! and time, and so is how many there are.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use crate::{
    io::runtime_dir::{CONTROL_SOCKET, InstanceName, RuntimeDir},
    status::Status,
};

const CLIENTS: usize = 16;
const REQUEST_BYTES: u64 = 4096;
const CLIENT_LIMIT: Duration = Duration::from_secs(5);
/// Shorter than the client's patience, so that it is told.
const ENGINE_LIMIT: Duration = Duration::from_secs(3);
/// An answer has a few kilobytes per virtual router.
const ANSWER_BYTES: u64 = 16 << 20;

/// A client asks for the status; dropping the sender answers with an error.
pub(super) type StatusRequest = oneshot::Sender<Status>;

/// What a node can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// A [`Status`].
    Status {},
}

impl Request {
    /// Reads the line of a client, its newline included.
    ///
    /// # Errors
    /// What is wrong with it, in words for the client.
    pub fn read(line: &[u8]) -> Result<Self, String> {
        if line.last() == Some(&b'\n') {
            return serde_json::from_slice(line).map_err(|error| error.to_string());
        }
        Err(if line.len() as u64 == REQUEST_BYTES {
            format!("the request has more than {REQUEST_BYTES} bytes")
        } else {
            "the request does not end with a newline".to_owned()
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    error: String,
}

/// Why a node could not be asked.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There is no socket.
    #[error("no node runs as this instance: there is no {}{}", path.display(), others(path))]
    Absent {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is root's.
    #[error("only root may ask a node (sudo xvrrp status{}): no permission for {}", option(path), path.display())]
    Forbidden {
        /// The socket.
        path: PathBuf,
    },
    /// Nobody listens.
    #[error("the node has died, and nobody cleaned up after it (xvrrp cleanup{}): nobody listens at {}", option(path), path.display())]
    Dead {
        /// The socket.
        path: PathBuf,
    },
    /// Another errno.
    #[error("cannot ask the node at {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// errno.
        source: io::Error,
    },
    /// It took too long.
    #[error("the node has not answered for {} s: its process is stopped, hangs, or gets no CPU time", CLIENT_LIMIT.as_secs())]
    Silent,
    /// The connection was closed before there was an answer.
    #[error(
        "the node closed the connection without an answer: it is ending, or gets next to no CPU time"
    )]
    Closed,
    /// The connection broke.
    #[error("the connection to the node broke")]
    Io(#[from] io::Error),
    /// The node answered with an error.
    #[error("the node says: {0}")]
    Refused(String),
    /// The answer is not what we know; another version of the node may be running.
    #[error("the node's answer cannot be understood")]
    Format(#[from] serde_json::Error),
}

/// Makes the socket and answers on it until the receiver of `requests` is dropped.
pub(super) fn serve(
    directory: &RuntimeDir,
    requests: mpsc::Sender<StatusRequest>,
) -> io::Result<()> {
    // The lock is ours, so a socket that is there was left by a dead node.
    directory.remove(CONTROL_SOCKET).map_err(io::Error::other)?;
    let path = directory.path(CONTROL_SOCKET);
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    tokio::spawn(accept(listener, requests));
    Ok(())
}

async fn accept(listener: UnixListener, requests: mpsc::Sender<StatusRequest>) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        // Taken before accepting: further clients wait in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.map(|(stream, _)| stream),
            () = requests.closed() => return,
        };
        let stream = match stream {
            Ok(stream) => stream,
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
            match timeout(CLIENT_LIMIT, client(stream, requests)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("control client: {error}"),
                Err(_) => tracing::debug!("control client took too long"),
            }
            drop(place);
        });
    }
}

async fn client(mut stream: UnixStream, requests: mpsc::Sender<StatusRequest>) -> io::Result<()> {
    let mut line = Vec::new();
    let (reader, mut writer) = stream.split();
    BufReader::new(reader.take(REQUEST_BYTES))
        .read_until(b'\n', &mut line)
        .await?;
    let mut answer = match answer(&line, requests).await {
        Ok(status) => serde_json::to_vec(&status)?,
        Err(error) => serde_json::to_vec(&Refusal { error })?,
    };
    answer.push(b'\n');
    writer.write_all(&answer).await?;
    writer.shutdown().await
}

async fn answer(line: &[u8], requests: mpsc::Sender<StatusRequest>) -> Result<Status, String> {
    let Request::Status {} = Request::read(line)?;
    let (reply, status) = oneshot::channel();
    let asked = async {
        requests.send(reply).await.ok()?;
        status.await.ok()
    };
    match timeout(ENGINE_LIMIT, asked).await {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err("it is stopping".to_owned()),
        Err(_) => Err(format!(
            "its engine has not answered for {} s: it hangs or gets no CPU time, and what it owns ends with the lease",
            ENGINE_LIMIT.as_secs()
        )),
    }
}

/// Asks a running node for its status: as the node sent it, and understood.
///
/// # Errors
/// See [`ClientError`].
pub async fn ask_status(path: &Path) -> Result<(serde_json::Value, Status), ClientError> {
    let connected = UnixStream::connect(path).await;
    let mut stream = connected.map_err(|source| unconnected(path.to_owned(), source))?;
    let exchange = async {
        let mut request = serde_json::to_vec(&Request::Status {})?;
        request.push(b'\n');
        stream.write_all(&request).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = match timeout(CLIENT_LIMIT, exchange).await {
        Err(_) => return Err(ClientError::Silent),
        Ok(Err(error)) if is_hang_up(&error) => Vec::new(),
        Ok(answer) => answer?,
    };
    if answer.is_empty() {
        return Err(ClientError::Closed);
    }
    understand(&answer)
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn unconnected(path: PathBuf, source: io::Error) -> ClientError {
    match source.kind() {
        io::ErrorKind::NotFound => ClientError::Absent { path },
        io::ErrorKind::PermissionDenied => ClientError::Forbidden { path },
        io::ErrorKind::ConnectionRefused => ClientError::Dead { path },
        _ => ClientError::Connect { path, source },
    }
}

/// Name of the instance that has this socket.
fn instance(path: &Path) -> Option<&OsStr> {
    path.parent().and_then(Path::file_name)
}

/// What a command needs to be about that instance.
fn option(path: &Path) -> String {
    match instance(path) {
        Some(name) if name != InstanceName::default().as_str() => {
            format!(" --instance {}", name.display())
        }
        _ => String::new(),
    }
}

/// The other instances of this machine, as the folders beside that of this socket name them.
fn others(path: &Path) -> String {
    let base = path.parent().and_then(Path::parent);
    let entries = base.and_then(|base| fs::read_dir(base).ok());
    let folders = entries.into_iter().flatten().filter_map(Result::ok);
    let folders = folders.filter(|one| one.path().is_dir());
    let names = folders.map(|one| one.file_name());
    let names = names.filter(|name| Some(name.as_os_str()) != instance(path));
    let mut names = Vec::from_iter(names.map(|name| name.to_string_lossy().into_owned()));
    if names.is_empty() {
        return String::new();
    }
    names.sort();
    format!("; there is --instance {}", names.join(", "))
}

/// Reads the answer of a node: as it was sent, and understood.
///
/// # Errors
/// [`ClientError::Refused`] or [`ClientError::Format`].
pub fn understand(answer: &[u8]) -> Result<(serde_json::Value, Status), ClientError> {
    if let Ok(Refusal { error }) = serde_json::from_slice(answer) {
        return Err(ClientError::Refused(error));
    }
    let value: serde_json::Value = serde_json::from_slice(answer)?;
    let status = serde_json::from_value(value.clone())?;
    Ok((value, status))
}

#[cfg(test)]
mod tests;
