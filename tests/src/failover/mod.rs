//! One failover after the other on a pair of routers, each watched by all judges.

mod event;
mod judges;
mod measurement;
mod pair;
mod services;
mod summary;
mod timing;
mod trace;
mod transitions;

pub use self::{
    event::{Event, FROZEN, LOSS_PERCENT},
    measurement::{Cost, Dual, Measurement, Timeline, Wider},
    pair::Pair,
    services::Services,
    summary::{Cell, efforts, summarise},
    timing::Timing,
};
