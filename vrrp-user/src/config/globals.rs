//! `global_defs`.

use std::time::Duration;

use super::{
    ast::Statement,
    diag::Report,
    keywords::Context,
    model::Globals,
    script::ScriptUser,
    unsupported::{self, MailNote},
    value,
};
use crate::proto::{Departures, Garp, Version};

/// Longest delay.
const A_DAY: Duration = Duration::from_secs(86_400);

/// What `global_defs` says, and what an instance starts from.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) globals: Globals,
    pub(super) version: Version,
    pub(super) garp: Garp,
    pub(super) departures: Departures,
    /// `vrrp_higher_prio_send_advert`, if it is there.
    pub(super) higher_prio_send_advert: Option<bool>,
    pub(super) skip_check_adv_addr: bool,
    /// `vrrp_check_unicast_src`.
    pub(super) check_unicast_src: bool,
    pub(super) script_user: ScriptUser,
    /// `vrrp_strict`.
    pub(super) strict: bool,
    pub(super) v3_checksum_as_v2: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            globals: Globals::default(),
            version: Version::V2,
            garp: Garp {
                repeat: 5,
                delay: Duration::from_secs(5),
                refresh: Duration::ZERO,
                refresh_repeat: 1,
            },
            departures: Departures::default(),
            higher_prio_send_advert: None,
            skip_check_adv_addr: false,
            check_unicast_src: false,
            script_user: ScriptUser::default(),
            strict: false,
            v3_checksum_as_v2: false,
        }
    }
}

impl Defaults {
    /// Takes one `global_defs` block in.
    pub(super) fn read(&mut self, block: &Statement, mail: &mut MailNote, report: &mut Report) {
        for statement in block.body() {
            self.statement(statement, mail, report);
        }
    }

    fn statement(&mut self, statement: &Statement, mail: &mut MailNote, report: &mut Report) {
        let keyword = statement.keyword();
        if let Some(own) = keyword.strip_prefix("vrrp_")
            && (garp(&mut self.garp, own, statement, report)
                || departure(&mut self.departures, own, statement, report))
        {
            return;
        }
        match keyword {
            "vrrp_startup_delay" => {
                let delay = value::seconds(statement, Duration::ZERO..=A_DAY, report);
                self.departures.startup_delay = delay.unwrap_or_default();
            }
            "router_id" => {
                self.globals.router_id = value::one(statement, report).map(str::to_owned)
            }
            "vrrp_version" => self.version = version(statement, report).unwrap_or(self.version),
            "vrrp_rt_priority" => {
                self.globals.rt_priority = value::number(statement, 1..=99, report)
            }
            "vrrp_skip_check_adv_addr" => {
                self.skip_check_adv_addr = value::flag(statement, report).unwrap_or_default();
            }
            "vrrp_check_unicast_src" => {
                self.check_unicast_src = value::flag(statement, report).unwrap_or_default();
            }
            "vrrp_higher_prio_send_advert" => {
                self.higher_prio_send_advert = value::flag(statement, report);
            }
            "v3_checksum_as_v2" => {
                self.v3_checksum_as_v2 = value::flag(statement, report).unwrap_or_default();
            }
            "vrrp_strict" => {
                self.strict = value::flag(statement, report).unwrap_or_default();
            }
            "script_user" => self.script_user(statement, report),
            "enable_script_security" => self.globals.script_security = true,
            // Zero is what happens without them; the sample of every distribution has them so.
            "vrrp_garp_interval" | "vrrp_gna_interval" if is_zero(statement) => {}
            _ => unsupported::report(Context::Globals, statement, mail, report),
        }
    }

    fn script_user(&mut self, statement: &Statement, report: &mut Report) {
        let mut names = statement.params().iter().map(|word| word.text.clone());
        self.script_user = ScriptUser {
            user: names.next(),
            group: names.next(),
            place: statement.place.clone(),
        };
        if self.script_user.user.is_none() {
            report.error(&statement.place, "`script_user` needs a user");
        }
    }
}

/// `version` and `vrrp_version`.
pub(super) fn version(statement: &Statement, report: &mut Report) -> Option<Version> {
    match value::number(statement, 2_u8..=3, report)? {
        2 => Some(Version::V2),
        _ => Some(Version::V3),
    }
}

/// Takes a `garp_master_*` statement in; false if it is another one.
pub(super) fn garp(
    garp: &mut Garp,
    keyword: &str,
    statement: &Statement,
    report: &mut Report,
) -> bool {
    match keyword {
        "garp_master_delay" => garp.delay = whole_seconds(statement, report).unwrap_or(garp.delay),
        "garp_master_refresh" => {
            garp.refresh = whole_seconds(statement, report).unwrap_or(garp.refresh)
        }
        "garp_master_repeat" => garp.repeat = repeats(statement, report).unwrap_or(garp.repeat),
        "garp_master_refresh_repeat" => {
            garp.refresh_repeat = repeats(statement, report).unwrap_or(garp.refresh_repeat);
        }
        _ => return false,
    }
    true
}

/// Takes a statement about a departure from the RFC in; false if it is another one.
pub(super) fn departure(
    departures: &mut Departures,
    keyword: &str,
    statement: &Statement,
    report: &mut Report,
) -> bool {
    match keyword {
        "down_timer_adverts" => {
            let adverts = value::number(statement, 1..=100, report);
            departures.down_timer_adverts = adverts.unwrap_or(departures.down_timer_adverts);
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
        "lower_prio_no_advert" => {
            departures.lower_prio_no_advert = value::flag(statement, report).unwrap_or_default();
        }
        _ => return false,
    }
    true
}

/// Up to a day: longer is a mistake, and nothing downstream needs to care about overflow.
fn whole_seconds(statement: &Statement, report: &mut Report) -> Option<Duration> {
    value::number(statement, 0..=A_DAY.as_secs(), report).map(Duration::from_secs)
}

fn repeats(statement: &Statement, report: &mut Report) -> Option<u8> {
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

fn is_zero(statement: &Statement) -> bool {
    let text = statement.params().first().map(|word| word.text.as_str());
    text.and_then(|text| text.parse::<f64>().ok())
        .is_some_and(|value| value == 0.0)
}
