//! What people see.

pub mod status;
