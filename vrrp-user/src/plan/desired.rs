//! The state that a node is to be in: its virtual routers by id, with the interfaces that exist.

use std::{collections::BTreeMap, net::IpAddr};

use thiserror::Error;
use vrrp_ebpf::abi;

use super::needs;
use crate::{
    config::{Config, Globals, Instance, Place, Vip},
    ids::{InterfaceId, RouterId, VipId},
};

/// Names of interfaces, at one moment.
pub trait Interfaces {
    /// The interface that has this name, if one does.
    fn find(&self, name: &str) -> Option<InterfaceId>;

    /// Whether there is this interface, whatever it is called.
    fn exists(&self, interface: InterfaceId) -> bool;
}

impl Interfaces for BTreeMap<String, InterfaceId> {
    fn find(&self, name: &str) -> Option<InterfaceId> {
        self.get(name).copied()
    }

    fn exists(&self, interface: InterfaceId) -> bool {
        self.values().any(|one| *one == interface)
    }
}

/// Which limit of the BPF maps a configuration exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// `SLOTS`.
    #[error("more than {max} virtual routers", max = abi::MAX_ROUTERS)]
    TooManyRouters,
    /// `VIPS`.
    #[error("more than {max} virtual IPs", max = abi::MAX_VIPS)]
    TooManyVips,
    /// `PEERS`.
    #[error("more than {max} unicast peers", max = abi::MAX_PEERS)]
    TooManyPeers,
    /// `MACS`.
    #[error("more than {max} virtual MACs", max = abi::MAX_MACS)]
    TooManyMacs,
}

/// All that is to run. The default is nothing: what is before a start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    pub(super) globals: Globals,
    /// In the order of the file.
    pub(super) order: Vec<RouterId>,
    pub(super) routers: BTreeMap<RouterId, DesiredRouter>,
    /// Who had each slot last, so that a router that has gone is never taken for its successor.
    tenants: BTreeMap<u32, RouterId>,
}

/// One virtual router that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredRouter {
    /// As configured. What adverts list is in here.
    pub instance: Instance,
    /// Where its adverts are; `None` while there is no such interface.
    pub interface: Option<InterfaceId>,
    /// The virtual IPs that it serves, in configured order: all that are configured, but for a moment of a reload at
    /// which another router takes one over.
    pub vips: Vec<DesiredVip>,
    /// The interfaces where it answers by proxy ARP.
    pub proxied: Vec<InterfaceId>,
}

/// One virtual IP of a virtual router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredVip {
    /// Its index in `VIP_STATES`.
    pub id: VipId,
    /// As configured.
    pub vip: Vip,
    /// Where it is; `None` while there is no such interface.
    pub interface: Option<InterfaceId>,
}

impl Desired {
    /// What `config` is on a machine with these interfaces, for a node that has `before`.
    ///
    /// A virtual router that can be changed in place keeps its id, and so do its virtual IPs that stay. It is known
    /// by its name, or by its interface, VRID and family if it was renamed. All others get ids that nobody in `before`
    /// has; only if there are too few, an id of one that goes.
    ///
    /// # Errors
    /// When a limit is exceeded.
    pub fn new(
        config: &Config,
        interfaces: &impl Interfaces,
        before: &Self,
    ) -> Result<Self, PlanError> {
        within_limits(config)?;
        let kept = kept(config, interfaces, before);
        let mut slots = Slots::new(before, &kept);
        let mut routers = Vec::new();
        for (instance, kept) in config.instances.iter().zip(kept) {
            let id = kept.or_else(|| slots.take());
            let id = id.ok_or(PlanError::TooManyRouters)?;
            let vips = placed(instance, interfaces, kept.and_then(|id| before.get(id)));
            let router = Draft {
                id,
                instance,
                interface: interfaces.find(&instance.interface),
                vips,
            };
            routers.push(router);
        }
        let mut vip_ids = vip_ids(before, &routers);
        let mut desired = Self {
            globals: config.globals.clone(),
            order: routers.iter().map(|router| router.id).collect(),
            routers: BTreeMap::new(),
            tenants: slots.tenants,
        };
        for router in routers {
            let (id, router) = router.finish(&mut vip_ids)?;
            desired.routers.insert(id, router);
        }
        let macs = desired.routers.values().map(|router| router.macs().len());
        if macs.sum::<usize>() > abi::MAX_MACS as usize {
            return Err(PlanError::TooManyMacs);
        }
        needs::assign_proxies(&mut desired.routers);
        Ok(desired)
    }

    /// The same node without virtual routers: what is left of it after a stop.
    #[must_use]
    pub fn without_routers(&self) -> Self {
        Self {
            globals: self.globals.clone(),
            tenants: self.tenants.clone(),
            ..Self::default()
        }
    }

    /// `global_defs`.
    #[must_use]
    pub fn globals(&self) -> &Globals {
        &self.globals
    }

    /// Its virtual routers in the order of the file.
    pub fn routers(&self) -> impl Iterator<Item = (RouterId, &DesiredRouter)> {
        let ids = self.order.iter();
        ids.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// One of its virtual routers.
    #[must_use]
    pub fn get(&self, id: RouterId) -> Option<&DesiredRouter> {
        self.routers.get(&id)
    }
}

impl DesiredRouter {
    /// One of the virtual IPs that it serves.
    #[must_use]
    pub fn vip(&self, id: VipId) -> Option<&Vip> {
        let mut vips = self.vips.iter();
        let placed = vips.find(|placed| placed.id == id)?;
        Some(&placed.vip)
    }

    /// Whether it could become this instance on this interface without a restart.
    ///
    /// An interface may have been renamed, together with the file or not. One of the same name may have been made
    /// again; if the one before is there still, the router has to leave that in good order.
    fn can_become(
        &self,
        instance: &Instance,
        interface: Option<InterfaceId>,
        interfaces: &impl Interfaces,
    ) -> bool {
        let is_the_same = self.interface.is_some() && self.interface == interface;
        let is_left = self.interface.is_some_and(|one| interfaces.exists(one));
        let is_new = self.instance.interface == instance.interface && !is_left;
        (is_the_same || is_new) && identity(&self.instance) == identity(instance)
    }

    /// Whether both are the same but for where they stand in their files.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.without_places() == other.without_places()
    }

    fn without_places(&self) -> Self {
        let mut router = self.clone();
        let instance = &mut router.instance;
        let configured = instance.vips.iter_mut().map(|vip| &mut vip.place);
        let served = router.vips.iter_mut().map(|one| &mut one.vip.place);
        let notify = &mut instance.notify;
        let scripts = [
            &mut notify.master,
            &mut notify.backup,
            &mut notify.fault,
            &mut notify.stop,
            &mut notify.any,
        ];
        let scripts = scripts.into_iter().flatten();
        let scripts = scripts.flat_map(|script| [&mut script.place, &mut script.user_place]);
        let own = [
            &mut instance.place,
            &mut instance.interface_place,
            &mut instance.source_place,
        ];
        for place in own
            .into_iter()
            .chain(scripts)
            .chain(configured)
            .chain(served)
        {
            *place = Place::default();
        }
        router
    }
}

/// What a virtual router is as long as it runs: a change of any of these is a restart.
fn identity(instance: &Instance) -> impl PartialEq + use<> {
    let settings = &instance.settings;
    (
        settings.vrid,
        settings.family,
        settings.version,
        settings.departures.also_version_2.is_some(),
        instance.is_owner(),
        instance.unicast.is_some(),
    )
}

/// A virtual router whose new virtual IPs have no ids yet.
struct Draft<'config> {
    id: RouterId,
    instance: &'config Instance,
    interface: Option<InterfaceId>,
    vips: Vec<Placed<'config>>,
}

struct Placed<'config> {
    vip: &'config Vip,
    interface: Option<InterfaceId>,
    id: Option<VipId>,
}

impl Draft<'_> {
    fn finish(
        self,
        ids: &mut impl Iterator<Item = VipId>,
    ) -> Result<(RouterId, DesiredRouter), PlanError> {
        let mut vips = Vec::with_capacity(self.vips.len());
        for placed in self.vips {
            let id = placed.id.or_else(|| ids.next());
            vips.push(DesiredVip {
                id: id.ok_or(PlanError::TooManyVips)?,
                vip: placed.vip.clone(),
                interface: placed.interface,
            });
        }
        let router = DesiredRouter {
            instance: self.instance.clone(),
            interface: self.interface,
            vips,
            proxied: Vec::new(),
        };
        Ok((self.id, router))
    }
}

/// The virtual IPs of an instance; those that `before` has in the same place keep their ids.
fn placed<'config>(
    instance: &'config Instance,
    interfaces: &impl Interfaces,
    before: Option<&DesiredRouter>,
) -> Vec<Placed<'config>> {
    let mut known: BTreeMap<IpAddr, Vec<&DesiredVip>> = BTreeMap::new();
    for vip in before.into_iter().flat_map(|before| &before.vips) {
        known.entry(vip.vip.address).or_default().push(vip);
    }
    let vips = instance.vips.iter().map(|vip| {
        let name = device(instance, vip);
        let interface = interfaces.find(name);
        let is_here = |known: &&&DesiredVip| match (known.interface, interface) {
            (Some(before), Some(now)) => before == now,
            _ => before.is_some_and(|router| device(&router.instance, &known.vip) == name),
        };
        // Each stays once: another one of the same address may have come to be on an interface of that name.
        let equal = known.get_mut(&vip.address);
        let stays = equal.and_then(|equal| {
            let position = equal.iter().position(|known| is_here(&known))?;
            Some(equal.remove(position))
        });
        Placed {
            vip,
            interface,
            id: stays.map(|known| known.id),
        }
    });
    vips.collect()
}

/// Name of the interface of a virtual IP.
pub(super) fn device<'config>(instance: &'config Instance, vip: &'config Vip) -> &'config str {
    vip.device.as_ref().unwrap_or(&instance.interface)
}

fn within_limits(config: &Config) -> Result<(), PlanError> {
    let instances = &config.instances;
    let vips = instances.iter().map(|instance| instance.vips.len());
    if vips.sum::<usize>() > abi::MAX_VIPS as usize {
        return Err(PlanError::TooManyVips);
    }
    let unicast = instances.iter().filter_map(|one| one.unicast.as_ref());
    let peers = unicast.map(|unicast| unicast.peers.len());
    if peers.sum::<usize>() > abi::MAX_PEERS as usize {
        return Err(PlanError::TooManyPeers);
    }
    Ok(())
}

/// Which router of `before` each instance can be made of in place: the one of its name comes before one that
/// was renamed.
fn kept(config: &Config, interfaces: &impl Interfaces, before: &Desired) -> Vec<Option<RouterId>> {
    let mut left: Vec<(RouterId, &DesiredRouter)> = before.routers().collect();
    let mut kept = vec![None; config.instances.len()];
    for by_name in [true, false] {
        for (instance, kept) in config.instances.iter().zip(&mut kept) {
            let interface = interfaces.find(&instance.interface);
            let position = left.iter().position(|(_, router)| {
                (!by_name || router.instance.name == instance.name)
                    && router.can_become(instance, interface, interfaces)
            });
            if kept.is_none() {
                *kept = position.map(|position| left.remove(position).0);
            }
        }
    }
    kept
}

/// Gives out slots: those that nobody had, in order, then those of routers that go.
struct Slots {
    free: std::vec::IntoIter<u32>,
    tenants: BTreeMap<u32, RouterId>,
}

impl Slots {
    fn new(before: &Desired, kept: &[Option<RouterId>]) -> Self {
        let taken = |slot: u32| before.routers.keys().any(|id| id.slot() == slot);
        let stays = |slot: u32| kept.iter().flatten().any(|id| id.slot() == slot);
        let unused = (0..abi::MAX_ROUTERS).filter(|slot| !taken(*slot));
        let going = (0..abi::MAX_ROUTERS).filter(|slot| taken(*slot) && !stays(*slot));
        Self {
            free: unused.chain(going).collect::<Vec<_>>().into_iter(),
            tenants: before.tenants.clone(),
        }
    }

    fn take(&mut self) -> Option<RouterId> {
        let slot = self.free.next()?;
        let first = || u16::try_from(slot).ok().map(RouterId::first);
        let before = self.tenants.get(&slot);
        let id = before.map_or_else(first, |before| Some(before.next()))?;
        self.tenants.insert(slot, id);
        Some(id)
    }
}

/// Ids for new virtual IPs: those that nobody had, then those of virtual IPs that go.
fn vip_ids(before: &Desired, routers: &[Draft<'_>]) -> impl Iterator<Item = VipId> + use<> {
    let mut states = vec![State::Unused; abi::MAX_VIPS as usize];
    let mut mark = |id: VipId, state| {
        if let Some(known) = states.get_mut(id.state() as usize) {
            *known = state;
        }
    };
    for vip in before.routers.values().flat_map(|router| &router.vips) {
        mark(vip.id, State::Going);
    }
    for placed in routers.iter().flat_map(|router| &router.vips) {
        if let Some(id) = placed.id {
            mark(id, State::Kept);
        }
    }
    let states = (0..).map(VipId).zip(states).collect::<Vec<_>>();
    let of = move |wanted: State| {
        let states = states.clone().into_iter();
        states.filter_map(move |(id, state)| (state == wanted).then_some(id))
    };
    of(State::Unused).chain(of(State::Going))
}

/// What becomes of an id of a virtual IP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unused,
    Going,
    Kept,
}
