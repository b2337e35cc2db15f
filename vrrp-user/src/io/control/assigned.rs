//! A virtual router of the configuration, with the ids that it runs under.

use crate::{
    config::{Instance, Vip},
    ids::{RouterId, VipId},
    plan::{DesiredRouter, DesiredVip},
};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The virtual router.
    pub id: RouterId,
    /// What its configuration says.
    pub instance: Instance,
    /// Its virtual IPs, in configured order.
    pub vips: Vec<DesiredVip>,
}

impl Assigned {
    /// The router of a plan that has this id.
    #[must_use]
    pub fn new(id: RouterId, router: &DesiredRouter) -> Self {
        Self {
            id,
            instance: router.instance.clone(),
            vips: router.vips.clone(),
        }
    }

    /// Its virtual IPs, in configured order.
    pub(super) fn vips(&self) -> impl Iterator<Item = (VipId, &Vip)> {
        self.vips.iter().map(|placed| (placed.id, &placed.vip))
    }

    /// One of its virtual IPs.
    pub(super) fn vip(&self, id: VipId) -> Option<&Vip> {
        self.vips()
            .find_map(|(known, vip)| (known == id).then_some(vip))
    }
}
