//! A node reads its file again while it runs: what is equal in both files is not touched, and what is not equal is
//! changed in place, or by a planned move of the one virtual router that it is about.
//!
//! A case is played in one family, by turns IPv4 and IPv6, unless what it is about is of another kind in each.

mod instances;
mod leftovers;
mod moments;
mod preview;
mod priority;
mod refused;
mod restart;
mod settings;
mod slow;
mod version2;
mod virtual_ips;
mod watch;
