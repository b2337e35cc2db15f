//! What the links matter to: every virtual router of the configuration, joined with the interfaces that programs
//! were attached to.

use std::time::Duration;

use super::Plane;
use crate::{
    config::Instance,
    io::control::{
        ControlError,
        links::{Device, Router, Watched},
    },
};

/// A source address that is gone may be back in a moment (`ip addr flush` and `add`, a network daemon that is
/// started anew), and to go on meanwhile costs less than two failovers. No longer than this, and no longer than an
/// Advertisement_Interval, which is what the standby needs at most once it has heard priority 0.
const GRACE_MAX: Duration = Duration::from_millis(100);

impl Plane<'_> {
    pub(super) fn watched(&self) -> Result<Watched, ControlError> {
        let routers = self.setup.config.instances.iter().map(|instance| {
            Ok(Router {
                name: instance.name.clone(),
                interface: self.device(instance, &instance.interface)?,
                owner: instance.is_owner(),
                source: instance
                    .source
                    .map(|source| (source, instance.needs_source())),
                peers: instance.unicast.as_ref().map_or_else(Vec::new, |unicast| {
                    unicast.peers.iter().map(|peer| peer.address).collect()
                }),
                vips: instance
                    .vips
                    .iter()
                    .map(|vip| {
                        let elsewhere = vip.device.as_ref();
                        let elsewhere = elsewhere.map(|name| self.device(instance, name));
                        Ok((vip.address, elsewhere.transpose()?))
                    })
                    .collect::<Result<_, ControlError>>()?,
                tracked: self.tracked(instance)?,
                version: instance.narrowest(),
                listed: instance.advertised().count(),
                grace: instance.settings.advert_interval.min(GRACE_MAX),
            })
        });
        Ok(Watched::new(routers.collect::<Result<_, ControlError>>()?))
    }

    /// Virtual IPs on other interfaces (`dev`) without which an instance cannot work.
    fn tracked(&self, instance: &Instance) -> Result<Vec<(u32, Device)>, ControlError> {
        let vips = (0..).zip(&instance.vips);
        let named = vips.filter_map(|(index, vip)| Some((index, vip.device.as_ref()?, vip)));
        named
            .filter(|(_, _, vip)| vip.tracked)
            .map(|(index, name, _)| Ok((index, self.device(instance, name)?)))
            .collect()
    }

    /// An interface of an instance, under the name that it had when programs were attached to it.
    fn device(&self, instance: &Instance, name: &str) -> Result<Device, ControlError> {
        let mut interfaces = self.setup.interfaces.iter();
        match interfaces.find(|interface| interface.name == name) {
            Some(interface) => Ok(Device {
                name: interface.name.clone(),
                index: interface.index,
            }),
            None => Err(ControlError::Interface {
                instance: instance.name.clone(),
                interface: name.to_owned(),
            }),
        }
    }
}
