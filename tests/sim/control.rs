//! The control plane of a node: it gets the engine from what runs to what the file says, step by step, by the
//! product's own plan and blueprints. A start, too, is a reload.

use std::collections::BTreeMap;

use vrrp_ebpf::types::Mac;
use vrrp_user::{
    config::{self, Config, Globals},
    ids::{InterfaceId, RouterId},
    io::engine::{Addition, Blueprint, Command, Event},
    plan::{self, Desired, DesiredRouter, Progress, Step},
    proto::{Reasons, Settings, Version},
};

use crate::{
    kernel::{IFINDEX, vip},
    planted::Plant,
};

/// A virtual router as the file of its node has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configured {
    pub(crate) settings: Settings,
    /// So many virtual IPs, one at least.
    pub(crate) vips: u8,
}

/// Something for the engine, about a virtual router.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) router: usize,
    pub(crate) command: Command,
    /// The virtual IPs that come with it, for the address worker.
    pub(crate) vips: Option<Vec<u32>>,
    /// What the router goes by when the engine has taken it.
    pub(crate) configured: Option<Configured>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Control {
    mac: Mac,
    plant: Option<Plant>,
    /// The file that is worked off, and what the node is by then.
    file: Vec<Configured>,
    desired: Desired,
    progress: Progress,
    /// The file that is worked off next; of several the last.
    next: Option<Vec<Configured>>,
    known: BTreeMap<RouterId, Known>,
    /// By slot, which is the order of the file: who has it, or had it last.
    ids: Vec<RouterId>,
}

/// A virtual router that the engine has.
#[derive(Debug)]
struct Known {
    /// What the core is told, and whoever gets its adverts: something else than the configuration with a planted
    /// fault.
    told: Blueprint,
    /// What the programs are told.
    programs: Blueprint,
    under_way: Option<UnderWay>,
}

/// The step that is under way, and what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnderWay {
    /// It has a state.
    Adding,
    /// The engine is done with parts of this revision.
    Changing(u32),
    /// It has stopped.
    Removing,
}

impl Control {
    /// Of a process that has read no file yet.
    pub(crate) fn new(mac: Mac, plant: Option<Plant>) -> Self {
        Self {
            mac,
            plant,
            file: Vec::new(),
            desired: Desired::default(),
            progress: Progress::default(),
            next: None,
            known: BTreeMap::new(),
            ids: Vec::new(),
        }
    }

    /// The virtual router of this slot, or the one that had it last.
    pub(crate) fn id(&self, router: usize) -> RouterId {
        let first = || RouterId::first(u16::try_from(router).unwrap());
        self.ids.get(router).copied().unwrap_or_else(first)
    }

    /// Those that the engine has.
    pub(crate) fn routers(&self) -> impl Iterator<Item = RouterId> {
        self.known.keys().copied()
    }

    /// Whether a virtual router is being removed.
    pub(crate) fn is_leaving(&self, router: usize) -> bool {
        let known = self.known.get(&self.id(router));
        known.is_some_and(|known| known.under_way == Some(UnderWay::Removing))
    }

    /// Whether every step is done, of every file.
    pub(crate) fn is_idle(&self) -> bool {
        self.progress.is_over() && self.next.is_none()
    }

    /// The file is another one. [`go_on`](Self::go_on) works it off.
    pub(crate) fn reload(&mut self, file: &[Configured]) {
        self.next = Some(file.to_vec());
    }

    /// What can be done by now. `faults`: what keeps routers from working at present.
    pub(crate) fn go_on(&mut self, faults: Reasons) -> Vec<Given> {
        let mut given = Vec::new();
        loop {
            if let Some(step) = self.progress.begin() {
                self.carry_out(step, faults, &mut given);
            } else if self.progress.is_over()
                && let Some(file) = self.next.take()
            {
                let desired = desired(&file, &self.desired);
                self.progress = Progress::new(plan::diff(&self.desired, &desired));
                self.desired = desired;
                self.file = file;
            } else {
                return given;
            }
        }
    }

    fn carry_out(&mut self, step: Step, faults: Reasons, given: &mut Vec<Given>) {
        match step {
            Step::Remove { router, .. } => {
                let known = self.known.get_mut(&router).unwrap();
                known.under_way = Some(UnderWay::Removing);
                given.push(about(router, Command::Remove(router)));
            }
            Step::Change { router, to, .. } => {
                let slot = router.slot() as usize;
                let mut drawn = self.drawn(slot, &to);
                let known = self.known.get_mut(&router).unwrap();
                if self.plant.is_some_and(Plant::forgets_priorities) {
                    let [told, _] = &mut drawn;
                    told.instance.settings.priority = known.told.settings().priority;
                }
                let [told, programs] = drawn;
                known.told.change_to(told);
                known.programs.change_to(programs);
                let primary = self.file[slot].settings.primary;
                let (parts, revision) = known.parts(primary, self.mac);
                known.under_way = Some(UnderWay::Changing(revision));
                let configured = Some(self.file[slot].clone());
                given.push(Given {
                    configured,
                    ..parts
                });
            }
            Step::Add { router, to, .. } => {
                let slot = router.slot() as usize;
                let configured = self.file[slot].clone();
                let [mut told, programs] = self
                    .drawn(slot, &to)
                    .map(|drawn| Blueprint::new(router, drawn));
                let addition = Addition::new(&mut told, None);
                let vips = told.router().vips.iter().map(|vip| vip.id.0).collect();
                let mut known = Known {
                    told,
                    programs,
                    under_way: Some(UnderWay::Adding),
                };
                let (parts, _) = known.parts(configured.settings.primary, self.mac);
                given.push(Given {
                    vips: Some(vips),
                    configured: Some(configured),
                    ..about(router, Command::Add(addition))
                });
                given.push(parts);
                given.push(about(router, link(router, faults)));
                self.known.insert(router, known);
                self.ids.truncate(slot);
                assert_eq!(self.ids.len(), slot, "slots are in the order of the file");
                self.ids.push(router);
            }
            _ => {}
        }
    }

    /// The engine tells something. Whether a step ends by it: then [`go_on`](Self::go_on).
    pub(crate) fn note(&mut self, event: &Event) -> bool {
        let under_way = |router: &RouterId| self.known.get(router)?.under_way;
        let ended = match *event {
            Event::Transition { router, .. } if under_way(&router) == Some(UnderWay::Adding) => {
                router
            }
            Event::Changed { router, revision }
                if under_way(&router) == Some(UnderWay::Changing(revision)) =>
            {
                router
            }
            Event::Removed { router } => {
                self.known.remove(&router);
                router
            }
            _ => return false,
        };
        if let Some(known) = self.known.get_mut(&ended) {
            known.under_way = None;
        }
        self.progress.ended(ended);
        true
    }

    /// The router for the core and the router for the programs.
    fn drawn(&self, slot: usize, router: &DesiredRouter) -> [DesiredRouter; 2] {
        let with = |settings: Settings| {
            let mut router = router.clone();
            router.instance.settings = settings;
            router
        };
        let settings = &self.file[slot].settings;
        let told = match self.plant {
            Some(plant) => plant.settings(settings),
            None => settings.clone(),
        };
        [with(told), with(settings.clone())]
    }
}

impl Known {
    /// What the engine needs of it, and the revision of that.
    fn parts(&mut self, primary: std::net::IpAddr, mac: Mac) -> (Given, u32) {
        let [mut parts, programs] = [&mut self.told, &mut self.programs].map(|blueprint| {
            blueprint.set_interface(primary, mac);
            // There is always something new about one that was changed.
            blueprint.news().unwrap().unwrap()
        });
        parts.entries = programs.entries;
        let vips = parts.entries.vips.iter();
        let vips = vips.map(|(_, entry)| entry.vip).collect();
        let vips = parts.addresses.is_some().then_some(vips);
        let router = self.told.id();
        let revision = parts.revision;
        let parts = Box::new(parts);
        let given = Given {
            vips,
            ..about(router, Command::Parts { router, parts })
        };
        (given, revision)
    }
}

fn about(router: RouterId, command: Command) -> Given {
    Given {
        router: router.slot() as usize,
        command,
        vips: None,
        configured: None,
    }
}

/// What the control plane tells of the link.
pub(crate) fn link(router: RouterId, reasons: Reasons) -> Command {
    if reasons.is_empty() {
        Command::LinkUp(router)
    } else {
        Command::Fault { router, reasons }
    }
}

fn desired(file: &[Configured], before: &Desired) -> Desired {
    let interfaces = BTreeMap::from([("ens33".to_owned(), InterfaceId(IFINDEX))]);
    Desired::new(&config(file), &interfaces, before).unwrap()
}

fn config(file: &[Configured]) -> Config {
    // Refused as a file, but a node that restarts its only router has none for a moment.
    if file.is_empty() {
        return Config {
            globals: Globals::default(),
            instances: Vec::new(),
        };
    }
    let instances = file.iter().zip(0..).map(instance);
    let text = instances.collect::<String>();
    let parsed = config::parse("sim.conf", text.as_bytes());
    parsed
        .config
        .unwrap_or_else(|| panic!("{text}{:#?}", parsed.diagnostics))
}

fn instance((configured, slot): (&Configured, u8)) -> String {
    let settings = &configured.settings;
    let version = match settings.version {
        Version::V2 => 2,
        Version::V3 => 3,
    };
    let vips = (0..configured.vips).map(|number| vip(settings.family, slot, number));
    let vips = vips.fold(String::new(), |text, vip| format!("{text}  {vip}\n"));
    format!(
        "vrrp_instance VI_{slot} {{\n interface ens33\n version {version}\n virtual_router_id {}\n priority {}\n \
         advert_int {}\n virtual_ipaddress {{\n{vips} }}\n}}\n",
        settings.vrid,
        settings.priority,
        settings.advert_interval.as_secs_f64(),
    )
}
