//! Judges the interfaces that virtual IPs are on and no adverts (`dev`): whether each is there, and
//! under which MAC. Pure.

use super::{
    News,
    router::{Change, Device, WatchedRouter},
    table::Table,
};

/// Every such interface, once, with what was last said about it.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(Vec<(Device, Option<Presence>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// With this MAC; zeros if it has none.
    There([u8; 6]),
    Absent,
}

impl Elsewhere {
    /// Those of these routers. What was said of one holds for the routers that were `told`; if there are others, it
    /// is said again; but that there is none of a name is news once.
    pub(super) fn set(&mut self, routers: &[WatchedRouter], told: impl Fn(&WatchedRouter) -> bool) {
        let before = std::mem::take(&mut self.0);
        for router in routers {
            let named = router
                .vips
                .iter()
                .filter_map(|(.., device)| device.as_ref());
            for device in named.filter(|device| **device != router.interface) {
                let said = before.iter().find(|(known, _)| known == device);
                let said = said.and_then(|(_, said)| *said).filter(|_| told(router));
                let was_absent = |(known, said): &(Device, Option<Presence>)| {
                    known.name == device.name && *said == Some(Presence::Absent)
                };
                let absent = before.iter().any(was_absent);
                let said = absent.then_some(Presence::Absent).or(said);
                match self.0.iter_mut().find(|(known, _)| known == device) {
                    Some((_, known)) => *known = said.and(*known),
                    None => self.0.push((device.clone(), said)),
                }
            }
        }
    }

    /// What changed since the last call.
    pub(super) fn judge(&mut self, table: &Table, changes: &mut Vec<Change>) {
        for (device, last) in &mut self.0 {
            let presence = presence(device, table);
            if *last != Some(presence) {
                changes.push(change(device, presence));
                *last = Some(presence);
            }
        }
    }
}

fn presence(device: &Device, table: &Table) -> Presence {
    if let Some(link) = table.link(device.id) {
        Presence::There(link.mac.unwrap_or_default())
    } else {
        Presence::Absent
    }
}

fn change(device: &Device, presence: Presence) -> Change {
    let name = &device.name;
    match presence {
        Presence::There(mac) => Change {
            news: device
                .id
                .map(|interface| News::MacElsewhere { interface, mac }),
            ..Change::default()
        },
        Presence::Absent => Change {
            line: Some((
                tracing::Level::ERROR,
                format!(
                    "there is no interface {name}: its virtual IPs are not served until there is one"
                ),
            )),
            ..Change::default()
        },
    }
}
