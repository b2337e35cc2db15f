//! What the links matter to: every virtual router of the configuration, joined with the interfaces that programs
//! were attached to.

use std::time::Duration;

use super::Plane;
use crate::{
    config::Instance,
    ids::VipId,
    io::control::{
        Assigned, ControlError,
        links::{Device, Router, Watched},
    },
};

/// A source address that is gone may be back in a moment (`ip addr flush` and `add`, a network daemon that is
/// started anew), and to go on meanwhile costs less than two failovers. No longer than this, and no longer than an
/// Advertisement_Interval, which is what the standby needs at most once it has heard priority 0.
const GRACE_MAX: Duration = Duration::from_millis(100);

impl Plane<'_> {
    pub(super) fn watched(&self) -> Result<Watched, ControlError> {
        let routers = self.in_order().map(|known| {
            let (assigned, instance) = (&known.assigned, &known.assigned.instance);
            Ok(Router {
                id: assigned.id,
                name: instance.name.clone(),
                interface: self.device(instance, &instance.interface)?,
                owner: instance.is_owner(),
                source: instance
                    .source
                    .map(|source| (source, instance.needs_source())),
                peers: instance.unicast.as_ref().map_or_else(Vec::new, |unicast| {
                    unicast.peers.iter().map(|peer| peer.address).collect()
                }),
                vips: assigned
                    .vips()
                    .map(|(id, vip)| {
                        let elsewhere = vip.device.as_ref();
                        let elsewhere = elsewhere.map(|name| self.device(instance, name));
                        Ok((id, vip.address, elsewhere.transpose()?))
                    })
                    .collect::<Result<_, ControlError>>()?,
                tracked: self.tracked(assigned)?,
                version: instance.narrowest(),
                listed: instance.advertised().count(),
                grace: instance.settings.advert_interval.min(GRACE_MAX),
            })
        });
        Ok(Watched::new(routers.collect::<Result<_, ControlError>>()?))
    }

    /// Virtual IPs on other interfaces (`dev`) without which an instance cannot work.
    fn tracked(&self, assigned: &Assigned) -> Result<Vec<(VipId, Device)>, ControlError> {
        let tracked = assigned.vips().filter(|(_, vip)| vip.tracked);
        let named = tracked.filter_map(|(id, vip)| Some((id, vip.device.as_ref()?)));
        named
            .map(|(id, name)| Ok((id, self.device(&assigned.instance, name)?)))
            .collect()
    }

    /// An interface of an instance, under the name that it had when programs were attached to it.
    fn device(&self, instance: &Instance, name: &str) -> Result<Device, ControlError> {
        let mut interfaces = self.setup.interfaces.iter();
        match interfaces.find(|interface| interface.name == name) {
            Some(interface) => Ok(Device {
                name: interface.name.clone(),
                id: Some(interface.id),
            }),
            None => Err(ControlError::Interface {
                instance: instance.name.clone(),
                interface: name.to_owned(),
            }),
        }
    }
}
