//! What the kernel half and the user half of xvrrp must agree on.
//!
//! Everything here is pure and `no_std`: it is compiled into the BPF programs and into the node,
//! and tested on the host. [`policy`] is the verdict on a frame; the programs only carry it out.
#![cfg_attr(not(test), no_std)]

#[cfg(not(target_arch = "bpf"))]
extern crate alloc;

pub mod abi;
pub mod checksum;
pub mod election;
pub mod frame;
pub mod ownership;
pub mod pace;
pub mod policy;
pub mod types;
pub mod wire;
