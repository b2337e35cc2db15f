//! The `xvrrp` command.
fn main() {}
