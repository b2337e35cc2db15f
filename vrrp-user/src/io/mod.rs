//! Everything with effects: the engine thread, BPF, netlink, the control plane.

pub mod engine;
