//! Interfaces come, go and change while the node runs: the routers on them are in FAULT as long as there is none, and
//! no other router notices.
//!
//! `VI_1` is on ens33, to which nothing happens; `VI_2` is on ens34.

mod changed;
mod made_again;
mod missing;
mod site;
