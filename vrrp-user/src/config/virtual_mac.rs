//! `use_vmac` and what belongs to it. keepalived makes an interface with the virtual MAC; we use the MAC
//! without one, so that what describes the interface is accepted and has no effect.

use std::time::Duration;

use vrrp_ebpf::types::{Mac, mac_text};

use super::{ast::Statement, diag::Diagnostics, model::Instance, value};

/// How often switches are told where the virtual MAC is if no advert comes from it, unless
/// `garp_master_refresh` says otherwise. They forget a MAC after five minutes, most of them.
const REFRESH: Duration = Duration::from_secs(60);

/// What an instance's statements say about virtual MACs.
#[derive(Debug, Default)]
pub(super) struct VirtualMacDraft<'s> {
    /// `use_vmac`.
    used: Option<&'s Statement>,
    /// The MAC that it names.
    named: Option<Mac>,
    /// `use_vmac_addr`, if it is on.
    pub(super) elsewhere: bool,
    /// `vmac_xmit_base`, if it is on.
    pub(super) xmit_base: Option<&'s Statement>,
}

impl<'s> VirtualMacDraft<'s> {
    /// `use_vmac`.
    pub(super) fn used(&mut self, statement: &'s Statement, report: &mut Diagnostics) {
        self.used = Some(statement);
        self.named = parameters(statement, report);
    }

    /// Weighs the statements against each other and the rest of the instance, its transport included.
    pub(super) fn finish(
        mut self,
        strict: bool,
        instance: &mut Instance,
        report: &mut Diagnostics,
    ) {
        let used = self.used.is_some();
        if let Some(at) = self.xmit_base
            && used
            && strict
        {
            report.warn(
                &at.place,
                format!(
                    "({}) `vmac_xmit_base` does not go with strict mode and is ignored: adverts leave from the virtual MAC",
                    instance.name
                ),
            );
            self.xmit_base = None;
        }
        self.check_mac(instance, report);
        if let Some(at) = self.xmit_base
            && !used
        {
            report.warn(
                &at.place,
                format!(
                    "({}) `vmac_xmit_base` has no effect without `use_vmac`",
                    instance.name
                ),
            );
        }
        if let Some(at) = self.used
            && instance.unicast.is_some()
        {
            report.note(
                &at.place,
                format!(
                    "({}) adverts to unicast peers leave from the interface's own MAC, as with `vmac_xmit_base`",
                    instance.name
                ),
            );
        }
        instance.adverts_from_virtual_mac =
            used && self.xmit_base.is_none() && instance.unicast.is_none();
        let mut untold = false;
        for vip in &mut instance.vips {
            let device = vip.device.as_ref();
            let is_elsewhere = device.is_some_and(|device| *device != instance.interface);
            vip.virtual_mac |= if is_elsewhere { self.elsewhere } else { used };
            untold |= vip.virtual_mac && (is_elsewhere || !instance.adverts_from_virtual_mac);
        }
        if untold && instance.settings.garp.refresh.is_zero() {
            instance.settings.garp.refresh = REFRESH;
        }
    }

    /// Peers, and hosts that go by what they have learned, know one MAC only.
    fn check_mac(&self, instance: &Instance, report: &mut Diagnostics) {
        let (Some(at), Some(named)) = (self.used, self.named) else {
            return;
        };
        let expected = instance.router_mac();
        if named != expected {
            report.error_help(
                &at.place,
                format!(
                    "({}) `use_vmac` with another MAC than {} is not supported",
                    instance.name,
                    mac_text(expected)
                ),
                "remove the MAC, on every router of the group",
            );
        }
    }
}

/// Reads `[NAME] [MAC] [netlink_notify_msg] [group NUMBER]`; returns the MAC.
fn parameters(statement: &Statement, report: &mut Diagnostics) -> Option<Mac> {
    value::refuse_block(statement, report);
    let mut words = statement.params().iter().map(|word| word.text.as_str());
    let mut mac = None;
    let mut has_name = false;
    while let Some(word) = words.next() {
        if let Some(parsed) = parse_mac(word) {
            mac = Some(parsed);
            continue;
        }
        match word {
            "netlink_notify_msg" => {}
            "group" => {
                words.next();
            }
            name if !has_name => {
                has_name = true;
                // An error if no interface could have that name.
                value::interface("use_vmac", name, &statement.place, report);
            }
            more => report.warn(
                &statement.place,
                format!("`{more}` is not a parameter of `use_vmac`, ignored"),
            ),
        }
    }
    if !statement.params().is_empty() {
        report.note(
            &statement.place,
            "`use_vmac` makes no interface, its name and options have no effect",
        );
    }
    mac
}

/// A MAC as keepalived reads it: six hexadecimal numbers with colons between.
fn parse_mac(text: &str) -> Option<Mac> {
    let mut parts = text.split(':');
    let mut mac = [0; 6];
    for byte in &mut mac {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}
