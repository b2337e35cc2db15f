//! `vrrp_instance`: its statements, as far as each can be judged alone.

use std::{collections::BTreeMap, time::Duration};

use super::{
    ast::Statement,
    common::Common,
    diag::{Diagnostics, Place},
    globals::Defaults,
    keywords::{Action, Again, Context, Row},
    model::{Notify, Script, Vip},
    script::{ScriptUser, script},
    transport::TransportDraft,
    unsupported::{self, MailNote},
    value,
    vip::vip,
    virtual_mac::VirtualMacDraft,
};
use crate::proto::{InitialState, Lease};

/// keepalived's limits of `advert_int` in any version.
pub(super) const MIN_ADVERT_INT: Duration = Duration::from_millis(10);
pub(super) const MAX_ADVERT_INT: Duration = Duration::from_secs(255);

/// Longest `preempt_delay`.
pub(super) const MAX_PREEMPT_DELAY: Duration = Duration::from_secs(1000);

/// What an instance's statements say, before one is weighed against another.
#[derive(Debug)]
pub(super) struct Draft<'s> {
    pub(super) name: &'s str,
    pub(super) block: &'s Statement,
    /// The last statement of each keyword, good or bad.
    given: BTreeMap<&'s str, &'s Statement>,
    script_user: &'s ScriptUser,
    /// What `global_defs` says for all instances, unless this one says something else.
    pub(super) common: Common,
    pub(super) state: Option<(InitialState, &'s Statement)>,
    pub(super) interface: Option<String>,
    pub(super) vrid: Option<u8>,
    pub(super) priority: Option<u8>,
    pub(super) advert_int: Duration,
    pub(super) nopreempt: Option<&'s Statement>,
    pub(super) preempt_delay: Option<(Duration, &'s Statement)>,
    pub(super) auth: Option<AuthDraft<'s>>,
    pub(super) vips: Vec<(Vip, &'s Statement)>,
    /// Something stood in `virtual_ipaddress`, good or bad.
    pub(super) vips_tried: bool,
    pub(super) excluded: Vec<(Vip, &'s Statement)>,
    pub(super) transport: TransportDraft<'s>,
    pub(super) virtual_mac: VirtualMacDraft<'s>,
    /// `v2_interop`, if it is on.
    pub(super) v2_interop: Option<&'s Statement>,
    pub(super) lease: Lease,
    /// `accept` or, false, `no_accept`.
    pub(super) accept: Option<(bool, &'s Statement)>,
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
    pub(super) fn pass(&mut self, statement: &'s Statement, report: &mut Diagnostics) {
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

    pub(super) fn auth_type(&mut self, statement: &Statement, report: &mut Diagnostics) {
        match auth_type(statement, report) {
            Some(()) => self.pass_type = true,
            None => self.damaged = true,
        }
    }
}

/// Reads the statements of `block`.
pub(super) fn draft<'s>(
    name: &'s str,
    block: &'s Statement,
    defaults: &'s Defaults,
    mail: &mut MailNote,
    report: &mut Diagnostics,
) -> Draft<'s> {
    let mut draft = Draft {
        name,
        block,
        given: BTreeMap::new(),
        script_user: &defaults.script_user,
        common: defaults.common.clone(),
        state: None,
        interface: None,
        vrid: None,
        priority: None,
        //= C28: RFC 9568 section 6.1
        advert_int: Duration::from_secs(1),
        nopreempt: None,
        preempt_delay: None,
        auth: None,
        vips: Vec::new(),
        vips_tried: false,
        excluded: Vec::new(),
        transport: TransportDraft::default(),
        virtual_mac: VirtualMacDraft::default(),
        v2_interop: None,
        lease: Lease::Auto,
        accept: None,
        notify: Notify::default(),
    };
    for statement in block.body() {
        let row = Context::Instance.row(statement.keyword());
        if let Some(row) = row {
            draft.note(row, statement, report);
        }
        match row.map(|row| row.action) {
            Some(Action::Own(read)) => read(&mut draft, statement, report),
            Some(Action::Common { read, .. }) => read(&mut draft.common, statement, report),
            _ => unsupported::report(Context::Instance, statement, mail, report),
        }
    }
    draft
}

impl<'s> Draft<'s> {
    /// The last statement of a keyword, good or bad.
    pub(super) fn at(&self, keyword: &str) -> Option<&'s Statement> {
        debug_assert!(Context::Instance.reads(keyword), "{keyword}");
        self.given.get(keyword).copied()
    }

    /// Where a keyword stands or, without it, the instance.
    pub(super) fn place(&self, keyword: &str) -> &'s Place {
        &self.at(keyword).unwrap_or(self.block).place
    }

    /// Takes note of a statement, and says which one counts if there are two.
    fn note(&mut self, row: &Row, statement: &'s Statement, report: &mut Diagnostics) {
        let keyword = statement.keyword();
        let which_counts = match row.again {
            Again::All => None,
            Again::Last => Some("the last one counts"),
            Again::First => Some("the first one counts"),
            Again::Master => Some("MASTER counts if it is one of them"),
        };
        if let Some(before) = self.given.insert(keyword, statement)
            && let Some(which_counts) = which_counts
        {
            report.warn(
                &statement.place,
                format!(
                    "`{keyword}` was given in line {} already, {which_counts}",
                    before.place.line
                ),
            );
        }
    }

    pub(super) fn interface(&mut self, statement: &'s Statement, report: &mut Diagnostics) {
        let Some(name) = value::one(statement, report) else {
            return;
        };
        let interface = value::interface("interface", name, &statement.place, report);
        self.interface = interface.or_else(|| self.interface.take());
        refuse_loopback(name, statement, report);
    }

    /// A MASTER stays, whatever follows, but for what is no state at all.
    pub(super) fn state(&mut self, statement: &'s Statement, report: &mut Diagnostics) {
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
    pub(super) fn authentication(&mut self, block: &'s Statement, report: &mut Diagnostics) {
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
            let keyword = statement.keyword();
            let row = Context::Authentication.row(keyword);
            match row.map(|row| row.action) {
                Some(Action::Auth(read)) => read(auth, statement, report),
                _ => report.warn(
                    &statement.place,
                    format!("`{keyword}` is not a keyword of `authentication`, ignored"),
                ),
            }
        }
    }

    /// `virtual_ipaddress`.
    pub(super) fn listed(&mut self, block: &'s Statement, report: &mut Diagnostics) {
        self.vips_tried |= !block.body().is_empty() || block.damaged;
        self.vips.extend(virtual_ips(block, report));
    }

    /// `virtual_ipaddress_excluded`.
    pub(super) fn excluded(&mut self, block: &'s Statement, report: &mut Diagnostics) {
        self.excluded.extend(virtual_ips(block, report));
    }

    /// The command for `slot`; the first one counts.
    pub(super) fn script(
        &mut self,
        slot: fn(&mut Notify) -> &mut Option<Script>,
        statement: &Statement,
        report: &mut Diagnostics,
    ) {
        let script = script(statement, self.script_user, report);
        let slot = slot(&mut self.notify);
        *slot = slot.take().or(script);
    }
}

/// No other router is there, and each of them would be master.
fn refuse_loopback(name: &str, statement: &Statement, report: &mut Diagnostics) {
    if name == "lo" {
        report.error_help(
            &statement.place,
            "`interface lo`: no other router can be reached by the loopback interface",
            "write the interface that adverts leave by; a virtual IP can be on another one (`ADDRESS dev lo`)",
        );
    }
}

/// The lines of a block of virtual IPs.
fn virtual_ips<'s>(block: &'s Statement, report: &mut Diagnostics) -> Vec<(Vip, &'s Statement)> {
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
fn auth_type(statement: &Statement, report: &mut Diagnostics) -> Option<()> {
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
pub(super) fn lease(statement: &Statement, report: &mut Diagnostics) -> Option<Lease> {
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
