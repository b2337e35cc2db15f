//! A virtual router of the configuration, with the ids that it runs under.

use crate::{
    config::{Instance, Vip},
    ids::{RouterId, VipId},
};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The virtual router.
    pub id: RouterId,
    /// What its configuration says.
    pub instance: Instance,
    /// Its virtual IPs, in configured order.
    pub vips: Vec<VipId>,
}

impl Assigned {
    /// Its virtual IPs, in configured order.
    pub(super) fn vips(&self) -> impl Iterator<Item = (VipId, &Vip)> {
        self.vips.iter().copied().zip(&self.instance.vips)
    }

    /// One of its virtual IPs.
    pub(super) fn vip(&self, id: VipId) -> Option<&Vip> {
        self.vips()
            .find_map(|(known, vip)| (known == id).then_some(vip))
    }
}
