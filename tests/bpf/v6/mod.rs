//! IPv6: the same verdicts behind other headers, and Neighbour Discovery in the place of ARP.

mod adverts;
mod agree;
mod neighbour;
mod packets;
mod refusals;

pub(crate) use neighbour::questions;
pub(crate) use packets::{data, packets};
