//! What an instance can say for itself, and `global_defs` for all of them.

use std::time::Duration;

use super::{ast::Statement, diag::Diagnostics, value};
use crate::proto::{Departures, Garp, Version};

/// Longest delay.
pub(super) const A_DAY: Duration = Duration::from_secs(86_400);

/// Settings of an instance, or of all that say nothing else.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) version: Version,
    pub(super) garp: Garp,
    pub(super) departures: Departures,
    /// `higher_prio_send_advert`, if it is there.
    pub(super) higher_prio_send_advert: Option<bool>,
    pub(super) skip_check_adv_addr: bool,
    pub(super) check_unicast_src: bool,
    /// `strict_mode` or, in `global_defs`, `vrrp_strict`.
    pub(super) strict: bool,
    pub(super) v3_checksum_as_v2: bool,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            version: Version::V2,
            garp: Garp::default(),
            departures: Departures::default(),
            higher_prio_send_advert: None,
            skip_check_adv_addr: false,
            check_unicast_src: false,
            strict: false,
            v3_checksum_as_v2: false,
        }
    }
}

impl Common {
    pub(super) fn down_timer_adverts(&mut self, statement: &Statement, report: &mut Diagnostics) {
        let adverts = value::number(statement, 1..=100, report);
        value::keep(&mut self.departures.down_timer_adverts, adverts);
        if adverts == Some(1) {
            report.warn_help(
                &statement.place,
                format!(
                    "with `{} 1` every late advert makes a second master",
                    statement.keyword()
                ),
                "write 2 or more, the same on every router",
            );
        }
    }
}

/// `version` and `vrrp_version`.
pub(super) fn version(statement: &Statement, report: &mut Diagnostics) -> Option<Version> {
    match value::number(statement, 2_u8..=3, report)? {
        2 => Some(Version::V2),
        _ => Some(Version::V3),
    }
}

/// Up to a day: longer is a mistake, and nothing downstream needs to care about overflow.
pub(super) fn whole_seconds(statement: &Statement, report: &mut Diagnostics) -> Option<Duration> {
    value::number(statement, 0..=A_DAY.as_secs(), report).map(Duration::from_secs)
}

/// How often something is announced.
pub(super) fn repeats(statement: &Statement, report: &mut Diagnostics) -> Option<u8> {
    let repeats = value::number(statement, 0..=u32::MAX, report)?;
    if repeats > u32::from(u8::MAX) {
        report.warn(
            &statement.place,
            format!(
                "`{}` of {repeats}: {} are sent",
                statement.keyword(),
                u8::MAX
            ),
        );
    }
    if repeats == 0 {
        report.warn(
            &statement.place,
            format!(
                "`{}` must be greater than 0, 1 is used",
                statement.keyword()
            ),
        );
    }
    Some(u8::try_from(repeats.max(1)).unwrap_or(u8::MAX))
}
