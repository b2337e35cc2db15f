//! Keywords of `global_defs`, but for those that an instance has, too.

use std::time::Duration;

use super::{
    super::{common::A_DAY, value},
    Action::Global,
    Context, ReadGlobal, Row,
    Support::{self, Accepted, Ignored, Mail, Refused},
};

pub(super) const ROWS: &[Row] = &[
    read("dynamic_interfaces", |defaults, _, _| {
        defaults.globals.dynamic_interfaces = true;
    }),
    read("enable_script_security", |defaults, _, _| {
        defaults.globals.script_security = true;
    }),
    read("router_id", |defaults, statement, report| {
        let id = value::one(statement, report);
        defaults.globals.router_id = id.map(str::to_owned);
    }),
    read("script_user", |defaults, statement, report| {
        defaults.script_user(statement, report);
    }),
    read("vrrp_rt_priority", |defaults, statement, report| {
        defaults.globals.rt_priority = value::number(statement, 1..=99, report);
    }),
    read("vrrp_startup_delay", |defaults, statement, report| {
        let delay = value::seconds(statement, Duration::ZERO..=A_DAY, report);
        defaults.common.departures.startup_delay = delay.unwrap_or_default();
    }),
    not("max_auto_priority", Accepted),
    not(
        "net_namespace",
        Refused("the node would run in another network namespace than the file says"),
    ),
    not("no_email_faults", Mail),
    not("notification_email", Mail),
    not("notification_email_from", Mail),
    not("smtp_alert", Mail),
    not("smtp_alert_checker", Mail),
    not("smtp_alert_vrrp", Mail),
    not("smtp_connect_timeout", Mail),
    not("smtp_helo_name", Mail),
    not("smtp_server", Mail),
    not(
        "vrrp_mcast_group4",
        Refused("adverts would go to 224.0.0.18, and both machines would be master"),
    )
    .unless(|statement| value::is_one_of(statement, &["224.0.0.18"])),
    not(
        "vrrp_mcast_group6",
        Refused("adverts would go to ff02::12, and both machines would be master"),
    )
    .unless(|statement| value::is_one_of(statement, &["ff02::12"])),
    // Zero is what happens without them; the sample of every distribution has them so.
    not("vrrp_garp_interval", Ignored("")).unless(value::is_zero),
    not("vrrp_gna_interval", Ignored("")).unless(value::is_zero),
];

const fn read(keyword: &'static str, read: ReadGlobal) -> Row {
    Row::new(keyword, Global(read))
}

const fn not(keyword: &'static str, support: Support) -> Row {
    Row::unsupported(Context::Globals, keyword, support)
}
