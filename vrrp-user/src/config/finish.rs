//! A draft to an instance: what is missing, and keepalived's fix-ups of what contradicts itself.

use std::{mem, time::Duration};

use super::{
    accept::accept,
    addresses,
    diag::Diagnostics,
    instance::{AuthDraft, Draft},
    model::{Auth, Instance, Vip},
};
use crate::proto::{Departures, Family, InitialState, Lease, Settings, Version, election::OWNER};

/// keepalived's default priority.
const DEFAULT_PRIORITY: u8 = 100;

/// Steps and limits of a v3 Max Advertise Interval, 12 bits of centiseconds (RFC 9568 section 5.2.7).
//= C28: RFC 9568 section 5.2.7
const V3_STEP: u128 = Duration::from_millis(10).as_nanos();
const V3_MAX_STEPS: u128 = 4095;

/// Bytes of a v2 password.
const PASS_LEN: usize = 8;

/// Weighs the statements against each other; `None` after an error.
pub(super) fn finish(mut draft: Draft<'_>, report: &mut Diagnostics) -> Option<Instance> {
    let (listed, excluded) = (mem::take(&mut draft.vips), mem::take(&mut draft.excluded));
    draft.vips = addresses::once(listed, &draft, report);
    draft.excluded = addresses::once(excluded, &draft, report);
    let (name, place) = (draft.name, &draft.block.place);
    let whole = !draft.block.damaged;
    if draft.interface.is_none() && draft.at("interface").is_none() && whole {
        report.error_help(
            place,
            format!("({name}) has no `interface`"),
            "add `interface NAME`",
        );
    }
    if draft.vrid.is_none() && draft.at("virtual_router_id").is_none() && whole {
        report.error_help(
            place,
            format!("({name}) has no `virtual_router_id`"),
            "add `virtual_router_id` with a number from 1 to 255, the same on every router of the group",
        );
    }
    let family_ok = addresses::one_family(&draft, report);
    let version = version(&draft, report);
    let (priority, initial) = standing(&draft, report);
    let advert_interval = advert_interval(&draft, version, report);
    let preempt = preempt(&draft, priority, initial, report);
    let preempt_delay = preempt_delay(&draft, preempt, initial, report);
    let mut departures = departures(&draft);
    let last_advert = higher_prio_send_advert(&draft, report);
    departures.also_version_2 = also_version_2(&draft, version, advert_interval, report);
    check_lease(&draft, advert_interval, report);
    let accept = accept(&draft, version, priority, report);
    let auth = draft
        .auth
        .as_ref()
        .filter(|auth| allows_auth(&draft, auth, version, report))
        .filter(|auth| !auth.damaged)
        .and_then(|auth| self::auth(name, auth, report));
    if !family_ok {
        return None;
    }
    let (first, first_at) = draft.vips.first()?;
    let (family, first_at) = (Family::of(first.address), &first_at.place);
    let too_many_at = draft.vips.get(addresses::MOST).map(|(_, at)| &at.place);
    let interface_place = draft.place("interface").clone();
    let mut instance = Instance {
        name: name.to_owned(),
        interface: draft.interface?,
        settings: Settings {
            vrid: draft.vrid?,
            version,
            family,
            priority,
            owner: priority == OWNER,
            advert_interval,
            initial,
            preempt,
            preempt_delay,
            lease: draft.lease,
            garp: draft.common.garp,
            departures,
            primary: family.unspecified(),
        },
        vips: addresses::both(draft.vips, draft.excluded),
        source: None,
        track_source: false,
        unicast: None,
        adverts_from_virtual_mac: false,
        auth,
        accept,
        skip_check_adv_addr: draft.common.skip_check_adv_addr,
        v3_checksum_as_v2: draft.common.v3_checksum_as_v2,
        notify: draft.notify,
        place: place.clone(),
        interface_place,
        source_place: place.clone(),
    };
    if let Some(at) = too_many_at {
        addresses::limit(&mut instance, at, report);
    }
    draft.transport.finish(&draft.common, &mut instance, report);
    addresses::begins_link_local(&instance, first_at, report);
    draft
        .virtual_mac
        .finish(draft.common.strict, &mut instance, report);
    // An advert from the virtual MAC would lead the switches back to a router that serves no more;
    // and the better router's next one leads them away from it, whoever it heard of.
    instance.settings.departures.higher_prio_send_advert =
        last_advert.unwrap_or(!instance.adverts_from_virtual_mac);
    Some(instance)
}

/// IPv6 exists in version 3 only. keepalived speaks version 2 over it all the same if it is told to and not
/// strict.
fn version(draft: &Draft<'_>, report: &mut Diagnostics) -> Version {
    let is_ipv6 = |(vip, _): &(Vip, _)| vip.address.is_ipv6();
    if !draft.vips.first().is_some_and(is_ipv6) {
        return draft.common.version;
    }
    if let (Version::V2, Some(at)) = (draft.common.version, draft.at("version")) {
        let name = draft.name;
        if draft.common.strict {
            report.warn(
                &at.place,
                format!("({name}) there is no IPv6 in version 2, version 3 is used in strict mode"),
            );
        } else {
            report.error_help(
                &at.place,
                format!(
                    "({name}) there is no IPv6 in version 2, which keepalived would speak all the same: \
                     both machines would be master"
                ),
                "write `version 3`, or remove it and 3 is used, on every router",
            );
        }
    }
    Version::V3
}

/// Priority and initial state, each of which stands in for the other.
fn standing(draft: &Draft<'_>, report: &mut Diagnostics) -> (u8, InitialState) {
    match (draft.priority, draft.state) {
        (Some(OWNER), None) => (OWNER, InitialState::Master),
        (Some(OWNER), Some((InitialState::Backup, at))) if draft.common.strict => {
            report.warn_help(
                &at.place,
                format!("({}) `state BACKUP` does not go with strict mode and priority 255, MASTER is used", draft.name),
                "write `state MASTER`",
            );
            (OWNER, InitialState::Master)
        }
        (Some(priority @ ..OWNER), Some((InitialState::Master, at))) if draft.common.strict => {
            report.warn_help(
                &at.place,
                format!("({}) `state MASTER` does not go with strict mode below priority 255, BACKUP is used", draft.name),
                "write `state BACKUP`",
            );
            (priority, InitialState::Backup)
        }
        (Some(priority), state) => (
            priority,
            state.map_or(InitialState::Backup, |(state, _)| state),
        ),
        (None, Some((InitialState::Master, _))) if draft.at("priority").is_some() => {
            (OWNER, InitialState::Master)
        }
        (None, Some((InitialState::Master, at))) => {
            report.warn_help(
                &at.place,
                format!(
                    "({}) is `state MASTER` without a `priority`, 255 (address owner) is used",
                    draft.name
                ),
                "add `priority`",
            );
            (OWNER, InitialState::Master)
        }
        (None, _) => (DEFAULT_PRIORITY, InitialState::Backup),
    }
}

/// The interval a packet of this version can say.
fn advert_interval(draft: &Draft<'_>, version: Version, report: &mut Diagnostics) -> Duration {
    let asked = draft.advert_int;
    let (used, help) = match version {
        Version::V2 => {
            let whole = asked.saturating_add(Duration::from_millis(500)).as_secs();
            let help = "set `version 3` on every router for fractions of a second";
            (Duration::from_secs(whole.max(1)), help)
        }
        Version::V3 => {
            let steps = (asked.as_nanos() + V3_STEP / 2) / V3_STEP;
            let nanos = steps.clamp(1, V3_MAX_STEPS) * V3_STEP;
            let help = "version 3 knows 0.01 to 40.95 seconds in steps of 0.01";
            (
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
                help,
            )
        }
    };
    if used != asked {
        report.warn_help(
            draft.place("advert_int"),
            format!(
                "({}) `advert_int` of {} s is not possible with version {}, {} s is used",
                draft.name,
                asked.as_secs_f64(),
                if version == Version::V2 { 2 } else { 3 },
                used.as_secs_f64()
            ),
            help,
        );
    }
    used
}

fn preempt(
    draft: &Draft<'_>,
    priority: u8,
    initial: InitialState,
    report: &mut Diagnostics,
) -> bool {
    let Some(nopreempt) = draft.nopreempt else {
        return true;
    };
    let why = match (priority, initial) {
        (OWNER, _) => "priority 255",
        (_, InitialState::Master) => "state MASTER",
        (_, InitialState::Backup) => return false,
    };
    report.warn_help(
        &nopreempt.place,
        format!(
            "({}) `nopreempt` does not go with {why} and is ignored, the instance preempts",
            draft.name
        ),
        "use `state BACKUP` and a priority below 255 with `nopreempt`",
    );
    true
}

fn preempt_delay(
    draft: &Draft<'_>,
    preempt: bool,
    initial: InitialState,
    report: &mut Diagnostics,
) -> Duration {
    let Some((delay, at)) = draft.preempt_delay else {
        return Duration::ZERO;
    };
    let why = match initial {
        _ if delay.is_zero() => return Duration::ZERO,
        _ if draft.common.strict => "strict mode",
        _ if !preempt => "nopreempt",
        InitialState::Master => "state MASTER",
        InitialState::Backup => return delay,
    };
    report.warn(
        &at.place,
        format!(
            "({}) `preempt_delay` does not go with {why} and is ignored",
            draft.name
        ),
    );
    Duration::ZERO
}

/// The interval of `v2_interop`: version 2 knows whole seconds, and refuses those that differ.
fn also_version_2(
    draft: &Draft<'_>,
    version: Version,
    advert_interval: Duration,
    report: &mut Diagnostics,
) -> Option<Duration> {
    let place = &draft.v2_interop?.place;
    let name = draft.name;
    let ipv6 = draft
        .vips
        .first()
        .is_some_and(|(vip, _)| vip.address.is_ipv6());
    if version == Version::V2 || ipv6 {
        report.error_help(
            place,
            format!("({name}) `v2_interop` is for IPv4 routers of version 3"),
            "write `version 3`, or remove it",
        );
        return None;
    }
    let half_up = advert_interval.saturating_add(Duration::from_millis(500));
    let interval = Duration::from_secs(half_up.as_secs().max(1));
    if interval != advert_interval {
        report.warn_help(
            place,
            format!(
                "({name}) `advert_int` in version 2 is {} s, which routers of version 2 must have, too",
                interval.as_secs()
            ),
            "give them lower priorities: they notice a failure later than those of version 3",
        );
    }
    Some(interval)
}

/// What strict mode leaves of the departures from the RFC.
fn departures(draft: &Draft<'_>) -> Departures {
    let mut departures = draft.common.departures;
    // keepalived's strict mode dates from RFC 5798, where nobody answers a worse router.
    departures.lower_prio_no_advert |= draft.common.strict;
    departures
}

/// Whether a deposed Active sends one more advert, if that is said: strict mode has it silent.
fn higher_prio_send_advert(draft: &Draft<'_>, report: &mut Diagnostics) -> Option<bool> {
    if !draft.common.strict {
        return draft.common.higher_prio_send_advert;
    }
    if draft.common.higher_prio_send_advert == Some(true) {
        report.warn(
            draft.place("higher_prio_send_advert"),
            format!(
                "({}) `higher_prio_send_advert` does not go with strict mode and is ignored",
                draft.name
            ),
        );
    }
    Some(false)
}

/// A lease must outlive the wait for the next advert, and end before a Backup takes over.
fn check_lease(draft: &Draft<'_>, interval: Duration, report: &mut Diagnostics) {
    let Lease::Span(span) = draft.lease else {
        return;
    };
    let place = draft.place("lease");
    if span <= interval {
        report.error_help(
            place,
            format!(
                "({}) `lease` ends before the next advert renews it",
                draft.name
            ),
            "write `lease auto`, or more than `advert_int`",
        );
        return;
    }
    let adverts = draft.common.departures.down_timer_adverts;
    if span > interval.saturating_mul(u32::from(adverts)) {
        report.warn_help(
            place,
            format!(
                "({}) `lease` outlasts {adverts} adverts: a stalled Active may serve beside its successor",
                draft.name
            ),
            "write `lease auto`",
        );
    }
}

/// Neither version 3 nor keepalived's strict mode has authentication. A peer with the same file sends
/// none, so we must not either.
fn allows_auth(
    draft: &Draft<'_>,
    auth: &AuthDraft<'_>,
    version: Version,
    report: &mut Diagnostics,
) -> bool {
    let what = match version {
        //= C79: RFC 9568 section 9
        Version::V3 if draft.v2_interop.is_none() => "version 3",
        _ if draft.common.strict => "strict mode",
        Version::V2 | Version::V3 => return true,
    };
    report.warn_help(
        &auth.block.place,
        format!(
            "({}) {what} has no authentication, ignored as keepalived does",
            draft.name
        ),
        "remove `authentication`",
    );
    false
}

/// The password; what keepalived ignores is ignored, so that peers with the same file agree.
fn auth(name: &str, auth: &AuthDraft<'_>, report: &mut Diagnostics) -> Option<Auth> {
    let place = &auth.block.place;
    let (pass, pass_at) = match (auth.pass_type, auth.pass) {
        (true, Some((b"", at))) => {
            report.warn_help(
                &at.place,
                format!(
                    "({name}) `auth_pass` is empty, authentication is ignored as keepalived does"
                ),
                "remove `authentication`, or write a password, on every router",
            );
            return None;
        }
        (true, Some(pass)) => pass,
        (true, None) => {
            report.warn(
                place,
                format!("({name}) `auth_type` without `auth_pass`, authentication is ignored"),
            );
            return None;
        }
        (false, _) => {
            report.warn(
                place,
                format!("({name}) `authentication` without `auth_type PASS`, ignored"),
            );
            return None;
        }
    };
    if pass.len() > PASS_LEN {
        report.warn_help(
            &pass_at.place,
            format!("({name}) `auth_pass` is longer than {PASS_LEN} bytes, the first {PASS_LEN} are used"),
            "shorten it on every router",
        );
    }
    let mut bytes = [0; PASS_LEN];
    for (byte, given) in bytes.iter_mut().zip(pass) {
        *byte = *given;
    }
    Some(Auth::Pass(bytes))
}
