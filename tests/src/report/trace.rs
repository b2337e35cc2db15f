//! A single failover, to be drawn on a time line. All times in microseconds from the event, a tenth
//! kept; routers by number, 1 the better one.

use serde::{Deserialize, Serialize};

/// What happened when in one failover, as the judges saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// As [`super::Run::node`].
    pub node: String,
    /// As [`super::Run::event`].
    pub event: String,
    /// As [`super::Run::load`].
    pub load: String,
    /// Advertisement interval in milliseconds.
    pub advert_int_ms: u32,
    /// Which one of its kind, from 0: index into [`super::Run::gaps_us`].
    pub number: usize,
    /// Adverts at the switch's ports, with their priority.
    pub adverts: Vec<Moment>,
    /// Gratuitous ARPs for the virtual IP, 0 for the priority.
    pub announcements: Vec<Moment>,
    /// Times in which a router's frames from the virtual IP or MAC crossed the switch.
    pub sights: Vec<Span>,
    /// Times in which a router answered the client.
    pub answers: Vec<Span>,
    /// Times in which a router's kernel had the virtual IP; open ends reach the watch's ends.
    pub addresses: Vec<Span>,
    /// What the new Active tells of its own promotion, if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// The gap at the client: beginning and end.
    pub gap: (f64, f64),
    /// The longest silence of the routed traffic: beginning and end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<(f64, f64)>,
    /// From and to when everybody watched.
    pub watch: (f64, f64),
}

/// Something a router did at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: f64,
    /// Which router.
    pub router: u8,
    /// Priority of an advert.
    pub priority: u8,
}

/// Something that was so for a while at one router.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// Which router.
    pub router: u8,
}

/// The moments of a promotion as the node itself tells them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    /// The deadline that fired.
    pub deadline: f64,
    /// The ownership word was written.
    pub owned: f64,
    /// The kernel had acknowledged the last virtual IP.
    pub ready: f64,
}
