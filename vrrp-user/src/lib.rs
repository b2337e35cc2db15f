//! The user half of xvrrp, a VRRP node for Linux gateways.
//!
//! [`proto`] decides and does nothing, [`config`] reads `keepalived.conf`, [`plan`] says what is to run and what leads
//! there; effects are in `io`. [`ids`] name what the node handles. [`status`] is what a node tells about itself, and [`ui`] how people see it.

pub mod config;
pub mod ids;
pub mod io;
pub mod plan;
pub mod proto;
pub mod status;
pub mod ui;
