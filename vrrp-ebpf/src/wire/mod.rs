//! Wire formats, as far as a verdict needs them. All multi-byte fields come out in host order,
//! addresses stay bytes.

pub mod arp;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub mod mac;
pub mod nd;
pub mod router_advert;
pub mod source;
pub mod vrrp;
