//! `virtual_ipaddress` and `virtual_ipaddress_excluded` as a whole: what one instance can have together.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    ast::Statement,
    diag::{Diagnostics, Place},
    instance::Draft,
    model::{Instance, Vip},
};

/// As many virtual IPs as the Count field of an advert takes.
pub(super) const MOST: usize = 255;

/// Both lists as one: `virtual_ipaddress` first.
pub(super) fn both(listed: Vec<(Vip, &Statement)>, excluded: Vec<(Vip, &Statement)>) -> Vec<Vip> {
    let excluded = excluded.into_iter().map(|(vip, _)| Vip {
        excluded: true,
        ..vip
    });
    listed
        .into_iter()
        .map(|(vip, _)| vip)
        .chain(excluded)
        .collect()
}

/// A list with each address once, as keepalived since 2.4.3 has it: one that comes again on the same interface
/// is ignored.
pub(super) fn once<'s>(
    list: Vec<(Vip, &'s Statement)>,
    draft: &Draft<'_>,
    report: &mut Diagnostics,
) -> Vec<(Vip, &'s Statement)> {
    let mut known = BTreeSet::new();
    let mut kept = Vec::with_capacity(list.len());
    for (vip, at) in list {
        let device = vip.device.clone().or_else(|| draft.interface.clone());
        if known.insert((vip.address, device)) {
            kept.push((vip, at));
        } else {
            report.warn_help(
                &at.place,
                format!(
                    "({}) {} is in the list already, ignored; keepalived before 2.4.3 advertises it twice, and \
                     then refuses our adverts",
                    draft.name, vip.address
                ),
                "remove it, on every router",
            );
        }
    }
    kept
}

/// What no advert has room for is served all the same, as keepalived does.
pub(super) fn limit(instance: &mut Instance, at: &Place, report: &mut Diagnostics) {
    if let Some(listed) = instance.limit_advertised(MOST) {
        report.warn_help(
            at,
            format!(
                "({}) has {listed} virtual IPs and an advert holds {MOST}: those from here on are \
                 served, but not advertised",
                instance.name
            ),
            "move them to `virtual_ipaddress_excluded`, on every router",
        );
    }
}

/// The first address fixes the family, and there is one.
pub(super) fn one_family(draft: &Draft<'_>, report: &mut Diagnostics) -> bool {
    let (name, place) = (draft.name, &draft.block.place);
    let Some((first, _)) = draft.vips.first() else {
        if !draft.vips_tried && !draft.block.damaged {
            report.error_help(
                place,
                format!(
                    "({name}) has no virtual IP, and an instance without one is not supported yet"
                ),
                "add one to `virtual_ipaddress`",
            );
        }
        return false;
    };
    let mut ok = true;
    for (vip, at) in &draft.vips {
        //= C7: RFC 9568 section 5.2.9
        if vip.address.is_ipv4() != first.address.is_ipv4() {
            report.error_help(
                &at.place,
                format!(
                    "({name}) {} is not of the family of its first virtual IP {}",
                    vip.address, first.address
                ),
                "move it to `virtual_ipaddress_excluded`, or to an instance of its own",
            );
            ok = false;
        }
    }
    ok
}

/// The list of an IPv6 router, given in `at`, begins with a link-local address. To unicast peers it need
/// not: keepalived does not ask for it there, and where unicast is needed, clouds, link-local virtual IPs
/// are of no use.
pub(super) fn begins_link_local(instance: &Instance, at: &Place, report: &mut Diagnostics) {
    let Some(first) = instance.advertised().map(|vip| vip.address).next() else {
        return;
    };
    if first.is_ipv4() || is_link_local(&first) || instance.unicast.is_some() {
        return;
    }
    //= C7: RFC 9568 erratum 8300
    report.error_help(
        at,
        format!(
            "({}) its first virtual IP {first} is not link-local: routers that keep to RFC 9568, xvrrp among \
             them, would drop the adverts and be master, too",
            instance.name
        ),
        remedy(instance),
    );
}

/// How an IPv6 router gets a link-local first address.
fn remedy(instance: &Instance) -> String {
    let mut addresses = instance.advertised().map(|vip| vip.address);
    match addresses.find(is_link_local) {
        Some(address) => {
            format!("move {address} to the beginning of `virtual_ipaddress`, on every router")
        }
        None => format!(
            "put a link-local address before it, such as fe80::{}, on every router",
            instance.settings.vrid
        ),
    }
}

fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
