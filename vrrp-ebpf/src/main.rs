//! The BPF object. On the host this is an empty program, so that plain `cargo build` works without
//! a BPF toolchain; `cargo xtask build` compiles it for `bpfel-unknown-none`.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

#[cfg(target_arch = "bpf")]
mod bpf;

#[cfg(not(target_arch = "bpf"))]
fn main() {}
