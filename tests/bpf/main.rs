//! The BPF programs by `BPF_PROG_TEST_RUN`: every case is judged by the policy on the host and by
//! the loaded program, which must agree in verdict, counters, record and frame.
//!
//! Needs root and the object that `cargo xtask build` made, named in `XVRRP_BPF_OBJECT`. With
//! `XVRRP_SKIP_PRIVILEGED` set, the cases run on the host alone.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "all of this is test code, helpers included; it reports to a terminal"
)]

mod adverts;
mod agree;
mod arp;
mod attach;
mod bench;
mod claims;
mod effort;
mod egress;
mod family;
mod fence;
mod gate;
mod kernel;
mod pace;
#[path = "../lab/preload.rs"]
mod preload;
mod property;
mod proxy_arp;
mod ring;
mod router_adverts;
mod samples;
mod scenes;
mod v6;
mod virtual_mac;
