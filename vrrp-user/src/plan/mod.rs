//! What is to run, and how to get there from what runs: the configuration joined with the interfaces that exist
//! ([`Desired`]), and the steps from one such state to another ([`diff`]). A start is the difference from nothing, a
//! stop the difference to nothing, a reload the difference between two files; an interface that comes or goes is a
//! reload of the same file. Pure: nothing is read and nothing is done here.

mod claims;
mod desired;
mod diff;
mod needs;
mod order;
mod progress;
mod step;
mod words;

#[cfg(test)]
mod tests;

pub use desired::{Desired, DesiredRouter, DesiredVip, Interfaces, PlanError};
pub use diff::diff;
pub use needs::{Programs, solicited_node};
pub use progress::Progress;
pub use step::{Step, summary};
pub use words::Difference;
