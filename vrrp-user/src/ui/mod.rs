//! What people see.

pub mod reload;
pub mod status;
