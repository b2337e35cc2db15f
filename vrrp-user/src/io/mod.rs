//! Everything with effects: the engine thread, BPF, netlink, the control plane.

pub mod bpf;
pub mod clock;
pub mod engine;
pub mod membership;
pub mod netlink;
