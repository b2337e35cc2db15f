//! The engine thread: real-time, locked memory, and between a deadline and the first frame no
//! allocation, lock or log line.

mod addition;
pub mod addresses;
pub mod blueprint;
pub mod driver;
pub mod frames;
pub mod handle;
pub mod machine;
mod member;
pub mod message;
mod notices;
mod parts;
pub mod realtime;
pub mod resignation;
mod retired;
mod sender;
mod snapshot;
mod socket;
mod thread;
mod unicast;
mod work;

pub use addition::Addition;
pub use blueprint::Blueprint;
pub use handle::{EngineError, EngineHandle, EngineSide};
pub use message::{Command, Event, Timeline};
pub use parts::{Entries, Parts, Table};
pub use realtime::Realtime;
pub use retired::Retired;
pub use snapshot::{RouterSnapshot, Stats};
pub use socket::Socket;
pub use thread::{Resources, spawn};
