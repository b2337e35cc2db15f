//! End to end: real nodes in network namespaces, judged by what a client gets, what is on the wire,
//! and what the kernel has. Needs root, and the node in `XVRRP_BIN`.
//!
//! No case is decided by how long something took: conditions are waited for, up to a limit that only
//! a broken node reaches.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "clippy knows a test by its attribute, not what tests call; a case that is skipped says so"
)]

mod accept;
mod announcements;
mod bare;
mod beside;
mod both_versions;
mod calm;
mod check;
mod clean;
mod conflict;
mod contenders;
mod counters;
mod crash;
mod departures;
mod elect;
mod elsewhere;
mod families;
mod fault;
mod handover;
mod hearing;
mod interfaces;
mod manager;
mod missing;
mod mtu;
mod neighbours;
mod notify;
mod owners;
mod preload;
mod present;
mod proxy_arp;
mod redirects;
mod refuse;
mod reload;
mod router_adverts;
mod same_file;

mod scene;
mod scheduling;
mod silent;
mod stage;
mod story;
mod strays;
mod stuck;
mod unicast;
mod untouched;
mod virtual_mac;
