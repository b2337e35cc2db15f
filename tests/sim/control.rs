//! The control plane of a node: it makes what the engine is given, by the product's own plan and blueprints.

use std::collections::BTreeMap;

use vrrp_ebpf::types::Mac;
use vrrp_user::{
    config::{self, Config},
    ids::InterfaceId,
    io::engine::{Addition, Blueprint, Parts},
    plan::{Desired, DesiredRouter},
    proto::{Settings, Version},
};

use crate::{
    engine::id,
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

/// What is new of a router.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) slot: usize,
    pub(crate) parts: Box<Parts>,
    /// The virtual IPs, if they are others.
    pub(crate) vips: Option<Vec<u32>>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Control {
    desired: Desired,
    mac: Mac,
    /// What the cores are told, and whoever gets their adverts: something else than the configuration with a planted
    /// fault. By slot.
    told: Vec<Blueprint>,
    /// What the programs are told.
    programs: Vec<Blueprint>,
    plant: Option<Plant>,
}

impl Control {
    /// Of a process that starts. With its routers, and the virtual IPs of each.
    pub(crate) fn new(
        file: &[Configured],
        mac: Mac,
        plant: Option<Plant>,
    ) -> (Self, Vec<(Addition, Vec<u32>)>) {
        let mut control = Self {
            desired: desired(file, &Desired::default()),
            mac,
            told: Vec::new(),
            programs: Vec::new(),
            plant,
        };
        let mut additions = Vec::new();
        for (slot, configured) in file.iter().enumerate() {
            let [mut told, programs] = control.drawn(slot, configured).map(|router| {
                let mut blueprint = Blueprint::new(id(slot), router);
                blueprint.set_interface(configured.settings.primary, mac);
                blueprint
            });
            let vips = told.router().vips.iter().map(|vip| vip.id.0).collect();
            additions.push((Addition::new(&mut told), vips));
            control.told.push(told);
            control.programs.push(programs);
        }
        (control, additions)
    }

    /// The file is another one: what each router becomes by that.
    pub(crate) fn reload(&mut self, file: &[Configured]) {
        self.desired = desired(file, &self.desired);
        for (slot, configured) in file.iter().enumerate() {
            let mut drawn = self.drawn(slot, configured);
            if self.plant.is_some_and(Plant::forgets_priorities) {
                let [told, _] = &mut drawn;
                told.instance.settings.priority = self.told[slot].settings().priority;
            }
            for (blueprint, router) in [&mut self.told[slot], &mut self.programs[slot]]
                .into_iter()
                .zip(drawn)
            {
                if !blueprint.router().is_same(&router) {
                    blueprint.change_to(router);
                }
                blueprint.set_interface(configured.settings.primary, self.mac);
            }
        }
    }

    /// What is new for the engine.
    pub(crate) fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        let both = self.told.iter_mut().zip(&mut self.programs);
        for (slot, (told, programs)) in both.enumerate() {
            let (told, programs) = (told.news().unwrap(), programs.news().unwrap());
            if let (Some(mut parts), Some(programs)) = (told, programs) {
                parts.entries = programs.entries;
                let vips = parts.entries.vips.iter();
                let vips = vips.map(|(_, entry)| entry.vip).collect();
                let vips = parts.addresses.is_some().then_some(vips);
                let parts = Box::new(parts);
                news.push(News { slot, parts, vips });
            }
        }
        news
    }

    /// The router for the core and the router for the programs.
    fn drawn(&self, slot: usize, configured: &Configured) -> [DesiredRouter; 2] {
        let router = self.desired.get(id(slot)).unwrap();
        let with = |settings: Settings| {
            let mut router = router.clone();
            router.instance.settings = settings;
            router
        };
        let settings = &configured.settings;
        let told = match self.plant {
            Some(plant) => plant.settings(settings),
            None => settings.clone(),
        };
        [with(told), with(settings.clone())]
    }
}

fn desired(file: &[Configured], before: &Desired) -> Desired {
    let interfaces = BTreeMap::from([("ens33".to_owned(), InterfaceId(IFINDEX))]);
    Desired::new(&config(file), &interfaces, before).unwrap()
}

fn config(file: &[Configured]) -> Config {
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
