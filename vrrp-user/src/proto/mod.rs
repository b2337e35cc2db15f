//! The protocol core, sans-IO: pure state machines over (`now`, [`Input`]) → [`Output`]s.
//!
//! No clock, socket, thread or `async` in here. Everything that can be decided is decided here; the
//! engine (`io::engine`) carries the outputs out in the order in which they were pushed.

pub mod election;
pub mod fault;
pub mod history;
pub mod input;
pub mod intervals;
pub mod node;
pub mod output;
pub mod router;
pub mod settings;
pub mod time;
mod timers;

pub use fault::{FaultReason, Reasons};
pub use history::{History, LastEvent, NewMasterReason};
pub use input::{Advert, Input};
pub use intervals::Intervals;
pub use node::Node;
pub use output::{Cause, Output, State, Transition};
pub use router::Router;
pub use settings::{Departures, Garp, InitialState, Lease, Settings};
pub use time::Instant;
pub use vrrp_ebpf::types::{Family, Version};

#[cfg(test)]
pub(crate) mod tests;
