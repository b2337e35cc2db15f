//! `vrrp_instance`: its statements, as far as each can be judged alone.

use std::{collections::BTreeMap, time::Duration};

use super::{
    ast::Statement,
    diag::Report,
    globals::{self, Defaults},
    keywords::Context,
    model::{Notify, Script, Vip},
    script::script,
    transport::TransportDraft,
    unsupported::{self, MailNote},
    value,
    vip::vip,
    virtual_mac::VirtualMacDraft,
};
use crate::proto::{Departures, Garp, InitialState, Lease, Version};

/// keepalived's limits of `advert_int` in any version.
const MIN_ADVERT_INT: Duration = Duration::from_millis(10);
const MAX_ADVERT_INT: Duration = Duration::from_secs(255);

/// Longest `preempt_delay`.
const MAX_PREEMPT_DELAY: Duration = Duration::from_secs(1000);

/// Statements that add up or that keepalived lets stand more than once.
const REPEATABLE: [&str; 6] = [
    "authentication",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "preempt",
    "nopreempt",
    "unicast_peer",
];

/// What an instance's statements say, before one is weighed against another.
#[derive(Debug)]
pub(super) struct Draft<'s> {
    pub(super) name: &'s str,
    pub(super) block: &'s Statement,
    pub(super) state: Option<(InitialState, &'s Statement)>,
    pub(super) interface: Option<String>,
    pub(super) interface_at: &'s Statement,
    pub(super) vrid: Option<u8>,
    /// A `virtual_router_id` was given, good or bad.
    pub(super) vrid_tried: bool,
    pub(super) priority: Option<u8>,
    /// A `priority` was given, good or bad.
    pub(super) priority_tried: bool,
    pub(super) advert_int: Duration,
    pub(super) version: Version,
    /// `version`, if it is the instance's own.
    pub(super) version_at: Option<&'s Statement>,
    pub(super) nopreempt: Option<&'s Statement>,
    pub(super) preempt_delay: Option<(Duration, &'s Statement)>,
    pub(super) advert_int_at: &'s Statement,
    pub(super) auth: Option<AuthDraft<'s>>,
    pub(super) vips: Vec<(Vip, &'s Statement)>,
    /// Something stood in `virtual_ipaddress`, good or bad.
    pub(super) vips_tried: bool,
    pub(super) excluded: Vec<(Vip, &'s Statement)>,
    pub(super) transport: TransportDraft<'s>,
    pub(super) virtual_mac: VirtualMacDraft<'s>,
    pub(super) garp: Garp,
    pub(super) departures: Departures,
    /// `higher_prio_send_advert`, the instance's or the global one, if there is one.
    pub(super) higher_prio_send_advert: Option<bool>,
    pub(super) higher_prio_at: &'s Statement,
    /// `v2_interop`, if it is on.
    pub(super) v2_interop: Option<&'s Statement>,
    pub(super) lease: Lease,
    pub(super) lease_at: &'s Statement,
    pub(super) strict: bool,
    /// `accept` or, false, `no_accept`.
    pub(super) accept: Option<(bool, &'s Statement)>,
    pub(super) skip_check_adv_addr: bool,
    pub(super) v3_checksum_as_v2: bool,
    pub(super) notify: Notify,
}

/// `authentication`.
#[derive(Debug)]
pub(super) struct AuthDraft<'s> {
    pub(super) block: &'s Statement,
    /// `auth_type PASS` was given; AH is refused where it stands.
    pub(super) pass_type: bool,
    /// The bytes of `auth_pass`.
    pub(super) pass: Option<(&'s [u8], &'s Statement)>,
    /// An error was reported of it.
    pub(super) damaged: bool,
}

impl<'s> AuthDraft<'s> {
    fn pass(&mut self, statement: &'s Statement, report: &mut Report) {
        if value::one(statement, report).is_none() {
            self.damaged = true;
            return;
        }
        if let Some((_, before)) = self.pass {
            report.warn(
                &statement.place,
                format!(
                    "`auth_pass` was given in line {} already, the last one counts",
                    before.place.line
                ),
            );
        }
        let word = statement.params().first();
        self.pass = word.map(|word| (word.bytes(), statement));
    }
}

/// Reads the statements of `block`.
pub(super) fn draft<'s>(
    name: &'s str,
    block: &'s Statement,
    defaults: &Defaults,
    mail: &mut MailNote,
    report: &mut Report,
) -> Draft<'s> {
    let mut draft = Draft {
        name,
        block,
        state: None,
        interface: None,
        interface_at: block,
        vrid: None,
        vrid_tried: false,
        priority: None,
        priority_tried: false,
        //= C28: RFC 9568 section 6.1
        advert_int: Duration::from_secs(1),
        version: defaults.version,
        version_at: None,
        nopreempt: None,
        preempt_delay: None,
        advert_int_at: block,
        auth: None,
        vips: Vec::new(),
        vips_tried: false,
        excluded: Vec::new(),
        transport: TransportDraft::new(defaults.check_unicast_src),
        virtual_mac: VirtualMacDraft::default(),
        garp: defaults.garp,
        departures: defaults.departures,
        higher_prio_send_advert: defaults.higher_prio_send_advert,
        higher_prio_at: block,
        v2_interop: None,
        lease: Lease::Auto,
        lease_at: block,
        strict: defaults.strict,
        accept: None,
        skip_check_adv_addr: defaults.skip_check_adv_addr,
        v3_checksum_as_v2: defaults.v3_checksum_as_v2,
        notify: Notify::default(),
    };
    let mut seen = BTreeMap::new();
    for statement in block.body() {
        let keyword = statement.keyword();
        if Context::Instance.acted_on().contains(&keyword)
            && !REPEATABLE.contains(&keyword)
            && let Some(line) = seen.insert(keyword, statement.place.line)
        {
            report.warn(
                &statement.place,
                format!(
                    "`{keyword}` was given in line {line} already, {}",
                    which_counts(keyword)
                ),
            );
        }
        if !draft.router_statement(statement, report)
            && !draft.transport.statement(statement, report)
            && !draft.virtual_mac.statement(statement, report)
            && !draft.other_statement(statement, defaults, report)
        {
            unsupported::report(Context::Instance, statement, mail, report);
        }
    }
    draft
}

fn which_counts(keyword: &str) -> &'static str {
    match keyword {
        "state" => "MASTER counts if it is one of them",
        _ if keyword.starts_with("notify") => "the first one counts",
        _ => "the last one counts",
    }
}

impl<'s> Draft<'s> {
    /// What the protocol needs to know.
    fn router_statement(&mut self, statement: &'s Statement, report: &mut Report) -> bool {
        match statement.keyword() {
            "state" => self.state(statement, report),
            "interface" => {
                if let Some(name) = value::one(statement, report) {
                    self.interface = value::interface("interface", name, &statement.place, report)
                        .or_else(|| self.interface.take());
                    self.interface_at = statement;
                    refuse_loopback(name, statement, report);
                }
            }
            "virtual_router_id" => {
                self.vrid_tried = true;
                self.vrid = value::number(statement, 1..=255, report).or(self.vrid)
            }
            "priority" => {
                //= C6: RFC 9568 section 5.2.4
                self.priority_tried = true;
                self.priority = value::number(statement, 1..=255, report).or(self.priority)
            }
            "advert_int" => {
                let range = MIN_ADVERT_INT..=MAX_ADVERT_INT;
                self.advert_int =
                    value::seconds(statement, range, report).unwrap_or(self.advert_int);
                self.advert_int_at = statement;
            }
            "version" => {
                self.version = globals::version(statement, report).unwrap_or(self.version);
                self.version_at = Some(statement);
            }
            "v2_interop" => {
                let on = value::flag(statement, report).unwrap_or_default();
                self.v2_interop = on.then_some(statement);
            }
            "nopreempt" => self.nopreempt = Some(statement),
            "preempt" => self.nopreempt = None,
            "preempt_delay" => {
                let delay = value::seconds(statement, Duration::ZERO..=MAX_PREEMPT_DELAY, report);
                self.preempt_delay = delay.map(|delay| (delay, statement));
            }
            "authentication" => self.authentication(statement, report),
            "virtual_ipaddress" => {
                self.vips_tried |= !statement.body().is_empty() || statement.damaged;
                self.vips.extend(virtual_ips(statement, report));
            }
            "virtual_ipaddress_excluded" => self.excluded.extend(virtual_ips(statement, report)),
            "strict_mode" => self.strict = value::flag(statement, report).unwrap_or_default(),
            "accept" => self.accept = Some((true, statement)),
            "no_accept" => self.accept = Some((false, statement)),
            "skip_check_adv_addr" => {
                self.skip_check_adv_addr = value::flag(statement, report).unwrap_or_default();
            }
            "v3_checksum_as_v2" => {
                self.v3_checksum_as_v2 = value::flag(statement, report).unwrap_or_default();
            }
            _ => return false,
        }
        true
    }

    /// A MASTER stays, whatever follows, but for what is no state at all.
    fn state(&mut self, statement: &'s Statement, report: &mut Report) {
        let Some(word) = value::one(statement, report) else {
            return;
        };
        let was_master = self
            .state
            .is_some_and(|(state, _)| state == InitialState::Master);
        let state = match word {
            "MASTER" => InitialState::Master,
            "BACKUP" if was_master => return,
            "BACKUP" => InitialState::Backup,
            other => {
                report.warn(
                    &statement.place,
                    format!("`state {other}`: neither MASTER nor BACKUP, BACKUP is used"),
                );
                InitialState::Backup
            }
        };
        self.state = Some((state, statement));
    }

    /// Several blocks add up.
    fn authentication(&mut self, block: &'s Statement, report: &mut Report) {
        if block.block.is_none() {
            report.error(&block.place, "`authentication` needs a block");
            return;
        }
        let auth = self.auth.get_or_insert(AuthDraft {
            block,
            pass_type: false,
            pass: None,
            damaged: false,
        });
        auth.damaged |= block.damaged;
        for statement in block.body() {
            match statement.keyword() {
                "auth_type" => match auth_type(statement, report) {
                    Some(()) => auth.pass_type = true,
                    None => auth.damaged = true,
                },
                "auth_pass" => auth.pass(statement, report),
                other => report.warn(
                    &statement.place,
                    format!("`{other}` is not a keyword of `authentication`, ignored"),
                ),
            }
        }
    }

    /// What surrounds the protocol.
    fn other_statement(
        &mut self,
        statement: &'s Statement,
        defaults: &Defaults,
        report: &mut Report,
    ) -> bool {
        let slot = match statement.keyword() {
            "notify_master" => &mut self.notify.master,
            "notify_backup" => &mut self.notify.backup,
            "notify_fault" => &mut self.notify.fault,
            "notify_stop" => &mut self.notify.stop,
            "notify" => &mut self.notify.any,
            "lease" => {
                self.lease = lease(statement, report).unwrap_or(self.lease);
                self.lease_at = statement;
                return true;
            }
            "higher_prio_send_advert" => {
                self.higher_prio_send_advert = value::flag(statement, report);
                self.higher_prio_at = statement;
                return true;
            }
            keyword => {
                if globals::departure(&mut self.departures, keyword, statement, report) {
                    return true;
                }
                return globals::garp(&mut self.garp, keyword, statement, report);
            }
        };
        let script: Option<Script> = script(statement, &defaults.script_user, report);
        *slot = slot.take().or(script);
        true
    }
}

/// No other router is there, and each of them would be master.
fn refuse_loopback(name: &str, statement: &Statement, report: &mut Report) {
    if name == "lo" {
        report.error_help(
            &statement.place,
            "`interface lo`: no other router can be reached by the loopback interface",
            "write the interface that adverts leave by; a virtual IP can be on another one (`ADDRESS dev lo`)",
        );
    }
}

/// The lines of a block of virtual IPs.
fn virtual_ips<'s>(block: &'s Statement, report: &mut Report) -> Vec<(Vip, &'s Statement)> {
    if block.block.is_none() {
        let keyword = block.keyword();
        report.error_help(
            &block.place,
            format!("`{keyword}` needs a block"),
            format!("write `{keyword} {{`, an address per line and `}}`"),
        );
    }
    let lines = block.body().iter();
    lines
        .filter_map(|line| Some((vip(line, report)?, line)))
        .collect()
}

/// `auth_type PASS`; `None` after an error.
fn auth_type(statement: &Statement, report: &mut Report) -> Option<()> {
    match value::one(statement, report)? {
        "PASS" => return Some(()),
        "AH" => report.error_help(
            &statement.place,
            "`auth_type AH` is not supported: peers would drop our adverts, and both machines would be master",
            "use PASS or no authentication, on every router",
        ),
        other => report.error_help(
            &statement.place,
            format!("`auth_type {other}` is not known"),
            "write `auth_type PASS`",
        ),
    }
    None
}

/// `lease auto|off|SECONDS`, which keepalived does not have.
fn lease(statement: &Statement, report: &mut Report) -> Option<Lease> {
    let first = statement.params().first().map(|word| word.text.as_str());
    let lease = match first {
        Some("auto") => Lease::Auto,
        Some("off") => Lease::Off,
        _ => {
            let range = Duration::from_millis(1)..=MAX_PREEMPT_DELAY;
            return value::seconds(statement, range, report).map(Lease::Span);
        }
    };
    value::one(statement, report).map(|_| lease)
}
