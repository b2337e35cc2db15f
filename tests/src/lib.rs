//! The lab.

pub mod frames;
