//! What a reload did, or would do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The answer to `{"method":"reload"}` and `{"method":"preview","file":"…"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The node runs as the file says, or would. If not, nothing changed.
    pub taken: bool,
    /// What there is to say of the file, as `FILE:LINE: error: …`.
    pub diagnostics: Vec<String>,
    /// What changed, or would.
    pub effects: Vec<Effect>,
    /// Virtual routers that stay as they were, and why, although the file is taken: it is tried again and again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

impl Reloaded {
    /// Why the node does not run as the file says, if it does not.
    #[must_use]
    pub fn flaw(&self) -> Option<&'static str> {
        if !self.taken {
            Some("the node refuses the file, nothing changes")
        } else if !self.failures.is_empty() {
            Some("the node takes the file, and cannot do all that it says yet")
        } else {
            None
        }
    }
}

/// One thing that a reload does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Name of the `vrrp_instance`, or `global_defs`.
    pub subject: String,
    /// What becomes of it.
    pub what: String,
    /// If the instance is MASTER here, another router becomes it.
    pub moves: bool,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.what)
    }
}
