//! Follows the names of interfaces. One that is renamed keeps its index, and with it our programs; the
//! configuration means whichever has the name. Pure.

use super::{
    router::{Change, Device, WatchedRouter},
    table::Table,
};

/// Every interface with programs, once, with what was last said about its name.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<(Device, Naming)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Naming {
    /// As in the configuration.
    Configured,
    /// It has this one now, and none has the configured one.
    Renamed(String),
    /// It has this one now, and another interface the configured one.
    Replaced(String),
}

impl Names {
    /// Those of these routers; what was said of one holds.
    pub(super) fn set(&mut self, routers: &[WatchedRouter]) {
        let before = std::mem::take(&mut self.0);
        for device in routers.iter().flat_map(WatchedRouter::devices) {
            if self.0.iter().all(|(known, _)| known != device) {
                let said = before.iter().find(|(known, _)| known == device);
                let said = said.map_or(Naming::Configured, |(_, said)| said.clone());
                self.0.push((device.clone(), said));
            }
        }
    }

    /// What changed since the last call.
    pub(super) fn judge(&mut self, table: &Table, changes: &mut Vec<Change>) {
        for (device, last) in &mut self.0 {
            // What becomes of an interface that is gone, others judge.
            let Some(naming) = naming(device, table) else {
                continue;
            };
            if *last != naming {
                changes.push(change(device, last, &naming));
                *last = naming;
            }
        }
    }
}

fn naming(device: &Device, table: &Table) -> Option<Naming> {
    let name = table.link(device.id)?.name.clone();
    Some(if name == device.name {
        Naming::Configured
    } else if table.index_of(&device.name).is_some() {
        Naming::Replaced(name)
    } else {
        Naming::Renamed(name)
    })
}

fn change(device: &Device, last: &Naming, naming: &Naming) -> Change {
    let name = &device.name;
    let line = match naming {
        Naming::Configured => format!("interface {name} has its name back"),
        Naming::Renamed(now) if matches!(last, Naming::Configured) => format!(
            "interface {name} is called {now} now: it is still the one that is meant, until there is another {name}"
        ),
        Naming::Renamed(now) => format!("interface {name} is called {now} now"),
        Naming::Replaced(now) => {
            format!(
                "interface {name} is another one now, and the one with our programs is called {now}"
            )
        }
    };
    Change {
        line: Some((tracing::Level::WARN, line)),
        ..Change::default()
    }
}
