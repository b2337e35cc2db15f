//! The engine thread: SCHED_FIFO, locked memory, and between a deadline and the first frame no
//! allocation, lock or log line.

pub mod handle;
pub mod message;

pub use handle::{EngineHandle, EngineSide};
pub use message::{Command, Event, RouterSnapshot, Timeline};
