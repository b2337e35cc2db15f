//! The lab: hosts in network namespaces around a switch, daemons on them, and judges that measure
//! from outside: a client's prober, ARP questions, a capture on the wire. Nothing here believes a
//! node's own log.
//!
//! Times are nanoseconds of CLOCK_MONOTONIC throughout, see [`clock`].
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "the lab waits on purpose, and a wrong index here fails a test, not a gateway"
)]

pub mod addresses;
pub mod arp_prober;
pub mod axis;
pub mod beacon;
mod bpf;
pub mod capture;
pub mod cleanup;
pub mod clock;
pub mod config;
pub mod contender;
pub mod datapath;
pub mod dice;
pub mod dual;
pub mod dump;
pub mod echo;
pub mod effort;
pub mod failover;
pub mod fdb;
pub mod frames;
pub mod gap;
pub mod http;
pub mod lab;
pub mod lease;
pub mod link;
pub mod load;
pub mod loss;
pub mod maps;
mod netlink;
pub mod netns;
pub mod node;
pub mod packet;
mod ports;
pub mod prober;
pub mod process;
pub mod realtime;
pub mod report;
pub mod rhythm;
pub mod run;
pub mod script;
pub mod sightings;
pub mod stamps;
pub mod stats;
pub mod stream;
pub mod wire;
pub mod witness;
pub mod worker;
pub mod xdp_pass;
