//! IPv6: the same verdicts behind other headers, and Neighbour Discovery in the place of ARP.

mod adverts;
mod agree;
mod neighbour;
mod packets;
mod refusals;
mod unicast;
