//! The values of a file, as it writes them.

use std::time::Duration;

use crate::{
    config::{FOREVER, Scope},
    proto::{Family, InitialState, Lease},
};

pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

pub(super) fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

pub(super) fn state(state: InitialState) -> &'static str {
    match state {
        InitialState::Master => "MASTER",
        InitialState::Backup => "BACKUP",
    }
}

pub(super) fn lease(lease: Lease) -> String {
    match lease {
        Lease::Off => "off".to_owned(),
        Lease::Auto => "auto".to_owned(),
        Lease::Span(span) => seconds(span),
    }
}

pub(super) fn scope(scope: Scope) -> String {
    match scope {
        Scope::Global => "global".to_owned(),
        Scope::Site => "site".to_owned(),
        Scope::Link => "link".to_owned(),
        Scope::Host => "host".to_owned(),
        Scope::Other(number) => number.to_string(),
    }
}

pub(super) fn lifetime(seconds: u32) -> String {
    match seconds {
        FOREVER => "forever".to_owned(),
        seconds => format!("{seconds} s"),
    }
}
