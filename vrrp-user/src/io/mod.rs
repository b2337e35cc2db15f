//! Everything with effects: the engine thread, BPF, netlink, the control plane.

pub mod bpf;
mod causes;
pub mod cleanup;
pub mod clock;
pub mod control;
pub mod engine;
pub mod holdings;
pub mod journal;
pub mod log;
pub mod membership;
pub mod netlink;
pub mod netns;
pub mod node;
pub mod privilege;
pub mod rivals;
pub mod runtime_dir;
mod socket_option;
pub mod systemd;
pub mod unicast_filter;

#[cfg(test)]
mod testing;
