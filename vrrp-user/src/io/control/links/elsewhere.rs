//! Judges the interfaces that virtual IPs are on and no adverts (`dev`): whether each is there. Pure.

use super::{
    table::Table,
    watch::{Change, Device, Router},
};

/// Every such interface, once, with what was last said about it.
#[derive(Debug)]
pub(super) struct Elsewhere(Vec<(Device, Option<Standing>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    There,
    Deleted,
    Recreated,
}

impl Elsewhere {
    pub(super) fn new(routers: &[Router]) -> Self {
        let mut devices = Vec::<(Device, _)>::new();
        for router in routers {
            let named = router.vips.iter().filter_map(|(_, device)| device.as_ref());
            for device in named.filter(|device| device.index != router.interface.index) {
                if devices.iter().all(|(known, _)| known != device) {
                    devices.push((device.clone(), None));
                }
            }
        }
        Self(devices)
    }

    /// What changed since the last call.
    pub(super) fn judge(&mut self, table: &Table, changes: &mut Vec<Change>) {
        for (device, last) in &mut self.0 {
            let standing = standing(device, table);
            if *last != Some(standing) {
                changes.extend(change(device, standing));
                *last = Some(standing);
            }
        }
    }
}

fn standing(device: &Device, table: &Table) -> Standing {
    if table.link(device.index).is_some() {
        Standing::There
    } else if table.index_of(&device.name).is_some() {
        Standing::Recreated
    } else {
        Standing::Deleted
    }
}

fn change(device: &Device, standing: Standing) -> Option<Change> {
    let name = &device.name;
    match standing {
        Standing::There => None,
        Standing::Deleted => Some(Change {
            command: None,
            line: Some((
                tracing::Level::ERROR,
                format!(
                    "interface {name} deleted, and with it its virtual IPs; xvrrp ends when it is back, to be \
                     started again"
                ),
            )),
            recreated: None,
        }),
        // The stop says why.
        Standing::Recreated => Some(Change {
            command: None,
            line: None,
            recreated: Some(name.clone()),
        }),
    }
}
