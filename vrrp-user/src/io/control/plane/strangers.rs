//! What adverts of others mean for the operator, looked at every few seconds.

use vrrp_ebpf::abi::{Counter, NO_ROUTER};

use super::{Plane, log};
use crate::{
    config::Instance,
    io::control::{sighting::Sighting, wording::Line},
    proto::Family,
};

impl Plane<'_> {
    pub(super) fn look_at_strangers(&mut self) {
        let source = &self.setup.counters;
        for known in self.routers.values_mut() {
            let (slot, instance) = (
                known.blueprint.id().slot(),
                &known.blueprint.router().instance,
            );
            let counts = source.counters(slot).since(&known.counted);
            let since = known.since;
            let last = |counter| {
                let seen = Sighting::of(&source.sample(slot, counter)?)?;
                (seen.at >= since).then_some(seen)
            };
            for line in known.refusals.look(&counts, instance, last) {
                tracing::warn!("({}) {line}", instance.name);
            }
            let odd = last(Counter::AddressListDiffers);
            let state = known.record.state();
            let unserved = &mut known.unserved;
            if let Some(line) = unserved.look(&counts, state, odd.as_ref(), instance) {
                log(line);
            }
        }
        self.look_for_misplaced();
    }

    /// A VRID that is heard on another interface than its router's is often a cable in the wrong
    /// place. It may also be another cluster's, so that it is told once.
    fn look_for_misplaced(&mut self) {
        let sample = self.setup.counters.sample(NO_ROUTER, Counter::UnknownVrid);
        let Some(seen) = sample.and_then(|sample| Sighting::of(&sample)) else {
            return;
        };
        let mut interfaces = self.interfaces.values();
        let Some(place) = interfaces.find(|interface| interface.id == seen.interface) else {
            return;
        };
        for known in self.routers.values_mut() {
            if let Some(line) = misplaced(&known.blueprint.router().instance, &seen, &place.name)
                && !std::mem::replace(&mut known.misplaced, true)
            {
                log(line);
            }
        }
    }
}

/// What there is to tell a router about an advert with a VRID that nobody has on this interface.
fn misplaced(instance: &Instance, seen: &Sighting, interface: &str) -> Option<Line> {
    let family = if seen.source.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    if instance.settings.vrid != seen.vrid || instance.family() != family {
        return None;
    }
    let place = match seen.vlan {
        0 => interface.to_owned(),
        vlan => format!("{interface} in VLAN {vlan}"),
    };
    Some((
        tracing::Level::WARN,
        format!(
            "({}) adverts with its VRID {} come in by {place}, from {}, where it does not listen: \
             compare `interface {}` and the cabling",
            instance.name,
            seen.vrid,
            seen.who(),
            instance.interface
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::control::{sighting::tests::sighting, tests::instance};

    #[test]
    fn a_vrid_of_ours_on_another_interface_is_told() {
        let mut ours = instance("VI_1");
        ours.settings.vrid = 51;
        let seen = sighting("192.168.1.3", &["192.168.1.254"]);
        let (_, line) = misplaced(&ours, &seen, "ens34").unwrap();
        assert_eq!(
            line,
            "(VI_1) adverts with its VRID 51 come in by ens34, from 192.168.1.3 \
             (02:00:00:00:00:07), where it does not listen: compare `interface lo` and the cabling"
        );
        let tagged = Sighting {
            vlan: 10,
            ..seen.clone()
        };
        let (_, line) = misplaced(&ours, &tagged, "lo").unwrap();
        assert!(line.contains(" come in by lo in VLAN 10, "), "{line}");
        let other_family = sighting("fe80::3", &["fe80::1"]);
        assert_eq!(misplaced(&ours, &other_family, "ens34"), None);
        ours.settings.vrid = 52;
        assert_eq!(misplaced(&ours, &seen, "ens34"), None);
    }
}
