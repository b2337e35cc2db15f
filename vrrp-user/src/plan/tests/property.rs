//! What holds of every two files on every machine.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
};

use super::{world::World, *};

/// An instance, roughly; what the configuration would refuse is left out.
#[derive(Clone, Debug)]
struct Rough {
    name: usize,
    interface: usize,
    vrid: u8,
    priority: u8,
    lines: Vec<&'static str>,
    vips: Vec<(u8, usize, &'static str)>,
    is_v6: bool,
}

const NAMES: [&str; 5] = ["A", "B", "C", "D", "E"];
const LINES: [&str; 12] = [
    "advert_int 2",
    "version 3",
    "nopreempt",
    "use_vmac",
    "unicast_peer {\n 10.9.9.9\n }",
    "authentication {\n auth_type PASS\n auth_pass secret\n }",
    "garp_master_delay 1",
    "notify /bin/true",
    "mcast_src_ip 10.1.1.1",
    "preempt_delay 7",
    "virtual_ipaddress_excluded {\n fe80::77\n }",
    "\n\n",
];

fn rough() -> impl Strategy<Value = Rough> {
    let vip = (
        1..8_u8,
        0..4_usize,
        select(vec!["", "label x", "no_track", "use_vmac"]),
    );
    let numbers = (0..NAMES.len(), 0..3_usize, 1..4_u8);
    let priority = select(vec![100, 100, 150, 255]);
    let lines = vec(select(LINES.to_vec()), 0..4);
    (
        numbers,
        priority,
        lines,
        vec(vip, 1..5),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |((name, interface, vrid), priority, lines, vips, is_v6)| Rough {
                name,
                interface,
                vrid,
                priority,
                lines,
                vips,
                is_v6,
            },
        )
}

impl Rough {
    fn text(&self, used: &mut Vec<(u8, usize, bool)>) -> Option<String> {
        let mut vips = Vec::new();
        for (last, place, options) in &self.vips {
            let device = place.checked_sub(1).unwrap_or(self.interface);
            let key = (*last, device, self.is_v6);
            if used.contains(&key) {
                continue;
            }
            used.push(key);
            let address = match self.is_v6 {
                true => format!("fe80::{last}"),
                false => format!("10.0.0.{last}"),
            };
            vips.push(match place {
                0 => format!("{address} {options}"),
                _ => format!("{address} dev {} {options}", ETH[device].0),
            });
        }
        let mut lines = self.lines.clone();
        lines.sort_unstable();
        lines.dedup();
        let lines = lines
            .into_iter()
            .filter(|line| !(self.is_v6 && (line.contains("10.") || line.contains("fe80"))));
        let body = format!(
            "interface {}\n virtual_router_id {}\n priority {}\n {}",
            ETH[self.interface].0,
            self.vrid,
            self.priority,
            lines.collect::<Vec<_>>().join("\n ")
        );
        let vips = vips.join(", ");
        (!vips.is_empty()).then(|| file(&[(NAMES[self.name], &body, &vips)]))
    }
}

/// Files of some of the same instances each, of those that go together: most often, some are equal in one file and the
/// next.
fn files() -> impl Strategy<Value = Vec<(String, Vec<(&'static str, u32)>)>> {
    let some = |pool: Vec<Rough>| {
        let count = pool.len();
        let chosen = subsequence(pool, 1..=count.min(5)).prop_shuffle();
        vec((chosen.prop_map(|all| text(&all)), machine()), 1..5)
    };
    vec(rough(), 1..8).prop_flat_map(some)
}

fn text(all: &[Rough]) -> String {
    let mut text = String::new();
    let mut used = Vec::new();
    for one in all {
        let mut more = used.clone();
        let Some(instance) = one.text(&mut more) else {
            continue;
        };
        let longer = format!("{text}{instance}");
        if config::parse("k.conf", longer.as_bytes()).config.is_some() {
            (text, used) = (longer, more);
        }
    }
    text
}

/// Interfaces under one of their names each, in whatever order; some are missing.
fn machine() -> impl Strategy<Value = Vec<(&'static str, u32)>> {
    let indices = Just(vec![2, 3, 4, 5]).prop_shuffle();
    let there = prop::array::uniform3(prop::bool::weighted(0.9));
    let shuffled = prop::bool::weighted(0.3);
    (indices, there, shuffled).prop_map(|(indices, there, shuffled)| {
        let named = ETH.iter().zip(indices).zip(there);
        let found = named.filter(|(_, is_there)| *is_there);
        found
            .map(|(((name, usual), other), _)| (*name, if shuffled { other } else { *usual }))
            .collect()
    })
}

/// Whether both are the same instance on the same interface; the ids of their virtual IPs, and which of its neighbours
/// answers by proxy ARP, may differ.
fn is_equal(one: &DesiredRouter, other: &DesiredRouter) -> bool {
    let bare = |router: &DesiredRouter| DesiredRouter {
        vips: Vec::new(),
        proxied: Vec::new(),
        ..router.clone()
    };
    bare(one).is_same(&bare(other))
}

/// The id of a router's virtual IP of this address in this place.
fn vip_id(router: &DesiredRouter, wanted: &DesiredVip) -> Option<VipId> {
    let address = |one: &DesiredVip| (one.vip.address, one.interface, one.vip.device.clone());
    let mut all = router.vips.iter();
    let found = all.find(|one| address(one) == address(wanted));
    found.map(|one| one.id)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// One file after the other, each with the machine of its time, then the stop.
    #[test]
    fn steps_lead_from_one_to_the_next(files in files()) {
        let mut now = Desired::default();
        let mut world = World::default();
        for (text, machine) in files {
            if text.is_empty() {
                continue;
            }
            let next = desired_from(&now, &text, &machine);
            let steps = diff(&now, &next);
            world.follow(&steps);
            prop_assert!(world.same(&World::of(&next)), "{steps:#?}");
            for (id, router) in next.routers() {
                let known = now.get(id);
                let about = |step: &&Step| match step {
                    Step::Change { router, .. } | Step::Add { router, .. } => *router == id,
                    _ => false,
                };
                let is_named = steps.iter().any(|step| about(&step));
                let is_new = known.is_none_or(|known| !known.is_same(router));
                prop_assert_eq!(is_named, is_new);
                let mut running = now.routers();
                if let Some((equal, _)) = running.find(|(_, one)| is_equal(one, router)) {
                    prop_assert_eq!(id, equal, "it is the same router");
                }
                for vip in &router.vips {
                    if let Some(before) = known.and_then(|known| vip_id(known, vip)) {
                        prop_assert_eq!(vip.id, before, "it is the same virtual IP");
                    }
                }
                let vips = router.vips.iter().map(|placed| &placed.vip);
                prop_assert!(vips.eq(&router.instance.vips));
            }
            for step in &steps {
                if let Step::Change { differences, .. } | Step::Globals { differences, .. } = step {
                    prop_assert!(!differences.is_empty(), "{:?}", step);
                }
            }
            prop_assert_eq!(diff(&next, &next), []);
            let same = desired_from(&next, &format!("\n\n{text}"), &machine);
            prop_assert_eq!(diff(&next, &same), [], "places alone are no difference");
            now = next;
        }
        let nothing = now.without_routers();
        world.follow(&diff(&now, &nothing));
        prop_assert!(world.same(&World::of(&nothing)));
    }
}
