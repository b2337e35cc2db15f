//! The user half of xvrrp, a VRRP node for Linux gateways.
//!
//! [`proto`] decides and does nothing, [`config`] reads `keepalived.conf`; effects are in `io`,
//! what people see in `ui`.

pub mod config;
pub mod io;
pub mod proto;
pub mod ui;
