//! Wire formats: what is received, as far as a verdict needs it, and what is sent (`encode`). All
//! multi-byte fields come out in host order, addresses stay bytes.

pub mod arp;
#[cfg(not(target_arch = "bpf"))]
pub mod encode;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub mod mac;
pub mod nd;
pub mod router_advert;
pub mod source;
pub mod vrrp;
