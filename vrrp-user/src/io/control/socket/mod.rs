//! The control socket: one JSON request in one line, one JSON answer in one line, then the end.
//!
//! ```text
//! → {"method":"status"}
//! ← {"version":"0.1.0", …}   or   {"error":"…"}
//! → {"method":"reload"}
//! ← {"taken":true,"diagnostics":[],"changes":[…]}   or   {"error":"…"}
//! ```
//!
//! The socket is root's alone, but a client may still be broken: what it sends is limited in length
//! and time, and so is how many there are.

mod client;
mod server;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

pub use client::{ClientError, ask_reload, ask_status, preview_reload, understand};
pub(super) use server::{Question, Reply, StatusRequest, serve};

const REQUEST_BYTES: u64 = 4096;
/// To ask, and to read the answer.
const CLIENT_LIMIT: Duration = Duration::from_secs(5);
/// For a reload to end: routers that restart first serve on until a successor has taken over.
const RELOAD_LIMIT: Duration = Duration::from_secs(60);

/// What a node can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// A [`Status`](crate::status::Status).
    Status {},
    /// To read its file again: a [`Reloaded`](crate::status::Reloaded), once everything is done.
    Reload {},
    /// What a reload would do if its file were this one: a [`Reloaded`](crate::status::Reloaded), and nothing is done.
    Preview {
        /// An absolute path, as the node sees it.
        file: PathBuf,
    },
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

    /// The command that asks this.
    fn command(&self) -> &'static str {
        match self {
            Self::Status {} => "status",
            Self::Reload {} => "reload",
            Self::Preview { .. } => "check --diff",
        }
    }

    /// How long an answer may take.
    fn patience(&self) -> Duration {
        match self {
            Self::Status {} | Self::Preview { .. } => CLIENT_LIMIT,
            Self::Reload {} => RELOAD_LIMIT + CLIENT_LIMIT,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    error: String,
}

#[cfg(test)]
mod tests;
