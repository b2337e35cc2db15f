//! The engine thread: real-time, locked memory, and between a deadline and the first frame no
//! allocation, lock or log line.

pub mod addresses;
pub mod driver;
pub mod frames;
mod groups;
pub mod handle;
pub mod machine;
mod member;
pub mod message;
mod notices;
pub mod peers;
pub mod plan;
mod proxy_arp;
pub mod realtime;
pub mod resignation;
mod sender;
mod thread;
mod unicast;

pub use handle::{EngineError, EngineHandle, EngineSide};
pub use message::{Command, Event, RouterSnapshot, Timeline};
pub use plan::{Plan, PlanError};
pub use realtime::Realtime;
pub use thread::{Resources, spawn};
