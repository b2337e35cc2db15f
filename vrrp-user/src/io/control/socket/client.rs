//! The side of whoever asks.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

use super::{Refusal, Request};
use crate::{
    io::runtime_dir::InstanceName,
    status::{Reloaded, Status},
};

/// An answer has a few kilobytes per virtual router.
const ANSWER_BYTES: u64 = 16 << 20;

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
    #[error("only root may ask a node (sudo xvrrp {command}{}): no permission for {}", option(path), path.display())]
    Forbidden {
        /// What asked, without its options.
        command: &'static str,
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
    #[error("the node has not answered for {} s: its process is stopped, hangs, or gets no CPU time", .0.as_secs())]
    Silent(Duration),
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

/// Asks a running node for its status: as the node sent it, and understood.
///
/// # Errors
/// See [`ClientError`].
pub async fn ask_status(path: &Path) -> Result<(serde_json::Value, Status), ClientError> {
    understand(&ask(path, &Request::Status {}).await?)
}

/// Has a running node read its file again, and waits until it has done what the file says.
///
/// # Errors
/// See [`ClientError`]; a file that is refused is an answer.
pub async fn ask_reload(path: &Path) -> Result<Reloaded, ClientError> {
    Ok(understand(&ask(path, &Request::Reload {}).await?)?.1)
}

/// Asks a running node what a reload would do if its file were this one.
///
/// # Errors
/// See [`ClientError`]; a file that would be refused is an answer.
pub async fn preview_reload(path: &Path, file: PathBuf) -> Result<Reloaded, ClientError> {
    Ok(understand(&ask(path, &Request::Preview { file }).await?)?.1)
}

/// The answer of a node as it was sent.
async fn ask(path: &Path, request: &Request) -> Result<Vec<u8>, ClientError> {
    let connected = UnixStream::connect(path).await;
    let mut stream =
        connected.map_err(|source| unconnected(path.to_owned(), request.command(), source))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    let exchange = async {
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let patience = request.patience();
    let answer = match timeout(patience, exchange).await {
        Err(_) => return Err(ClientError::Silent(patience)),
        Ok(Err(error)) if is_hang_up(&error) => Vec::new(),
        Ok(answer) => answer?,
    };
    if answer.is_empty() {
        return Err(ClientError::Closed);
    }
    Ok(answer)
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

pub(super) fn unconnected(path: PathBuf, command: &'static str, source: io::Error) -> ClientError {
    match source.kind() {
        io::ErrorKind::NotFound => ClientError::Absent { path },
        io::ErrorKind::PermissionDenied => ClientError::Forbidden { command, path },
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
pub fn understand<Answer: DeserializeOwned>(
    answer: &[u8],
) -> Result<(serde_json::Value, Answer), ClientError> {
    if let Ok(Refusal { error }) = serde_json::from_slice(answer) {
        return Err(ClientError::Refused(error));
    }
    let value: serde_json::Value = serde_json::from_slice(answer)?;
    let understood = serde_json::from_value(value.clone())?;
    Ok((value, understood))
}
