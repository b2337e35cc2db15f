//! What must hold of whatever bytes come. Each target is a function that panics if it does not:
//! libFuzzer searches for such an input (`cargo xtask fuzz`), and the suite `corpus` replays what the
//! search has found worth keeping.

mod bytes;
mod codec;
mod config;
mod control;
mod frames;
mod repair;

pub use codec::codec;
pub use config::config;
pub use control::control;
pub use frames::frames;
