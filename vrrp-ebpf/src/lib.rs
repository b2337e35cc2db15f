//! What the kernel half and the user half of xvrrp must agree on.
//!
//! Everything here is pure and `no_std`: it is compiled into the BPF programs and into the node,
//! and tested on the host.
#![cfg_attr(not(test), no_std)]

pub mod abi;
pub mod ownership;
