//! What did not change was not touched: judged by a client, on the wire, by the peer, by the ownership words and
//! by the kernel's stamps on the addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use vrrp_tests::{
    arp_prober::ArpProber,
    capture::{Capture, Seen},
    clock::{self, Nanos},
    config::Settings,
    lease::LeaseWatch,
    prober::Prober,
    rhythm,
    stamps::Stamps,
};

use crate::{
    scene::{RouterStatus, eventually},
    stage::Stage,
};

/// Between probes of a client, and between readings of the ownership word.
const PERIOD: Duration = Duration::from_millis(2);

/// Looks at virtual routers of a [`Stage`] that nothing happens to, by VRID.
pub(crate) struct Untouched {
    routers: Vec<Watched>,
    since: Nanos,
    capture: Capture,
    /// The addresses of r1 and r2 at the start.
    stamps: [Stamps; 2],
    /// How many lines their scripts had been told.
    told: [usize; 2],
}

/// One of them.
struct Watched {
    vrid: u8,
    /// The number of its Active.
    active: u8,
    slot: u32,
    lease: LeaseWatch,
    /// Asks for its last address.
    prober: Prober,
    address: IpAddr,
    /// What it was on r1 and r2.
    before: [Known; 2],
}

/// What of a virtual router stays as long as nothing happens to it.
#[derive(Clone, Debug)]
struct Known {
    settings: Settings,
    state: String,
    since: u64,
    transitions: Vec<String>,
    became_master: u64,
    resigned: u64,
    adverts_sent: u64,
}

impl Known {
    fn of(settings: &Settings, status: &RouterStatus) -> Self {
        Self {
            settings: settings.clone(),
            state: status.text("state").to_owned(),
            since: status.number("since_ns"),
            transitions: status.transitions(),
            became_master: status.number("became_master"),
            resigned: status.number("priority_zero_sent"),
            adverts_sent: status.number("adverts_sent"),
        }
    }

    /// What is not the same in `after`, but for what is counted while nothing happens.
    fn changed(&self, after: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        let mut compare = |what: &str, before: String, after: String| {
            if before != after {
                changed.push(format!("{what} {before} → {after}"));
            }
        };
        compare("state", self.state.clone(), after.state.clone());
        let [before, now] = [self, after].map(|one| format!("{:?}", one.transitions));
        compare("transitions", before, now);
        let numbers = |one: &Self| {
            format!(
                "since {}, {} times MASTER, resigned {} times",
                one.since, one.became_master, one.resigned
            )
        };
        compare("it was", numbers(self), numbers(after));
        if after.adverts_sent < self.adverts_sent {
            changed.push("the count of adverts began anew".to_owned());
        }
        changed
    }
}

impl Stage {
    /// Begins to look at the virtual routers with these VRIDs, of which each has an Active.
    #[track_caller]
    pub(crate) fn watch(&self, vrids: &[u8]) -> Untouched {
        let routers = vrids.iter().map(|vrid| self.watched(*vrid)).collect();
        Untouched {
            routers,
            capture: Capture::start(&self.scene.lab.switch).unwrap(),
            since: clock::now(),
            stamps: self.stamps(),
            told: [0, 1].map(|node| self.told[node].lines().len()),
        }
    }

    #[track_caller]
    fn watched(&self, vrid: u8) -> Watched {
        let before = [1, 2].map(|number| self.known(number, vrid));
        let active = 1 + before.iter().position(|one| one.state == "MASTER").unwrap();
        let active = u8::try_from(active).unwrap();
        let slot = self.slot(active, vrid);
        let address = *before[0].settings.vips.last().unwrap();
        let router = self.scene.router(active);
        let instance = self.scene.nodes[usize::from(active) - 1].instance();
        let lease = LeaseWatch::start(&router.netns, instance, &[slot], PERIOD).unwrap();
        // The client's kernel knows the MAC by then.
        drop(self.asking(active, address));
        let prober = self.asking(active, address);
        Watched {
            vrid,
            active,
            slot,
            lease,
            prober,
            address,
            before,
        }
    }

    /// A client that asks for an address, and was answered by this router.
    #[track_caller]
    pub(crate) fn asking(&self, number: u8, address: IpAddr) -> Prober {
        let prober = Prober::start(&self.scene.lab.client.netns, address, PERIOD).unwrap();
        eventually(&format!("r{number} answers for {address}"), || {
            prober.answering() == number
        });
        prober
    }

    /// A client that asks who has an address.
    #[track_caller]
    pub(crate) fn asking_who_has(&self, address: IpAddr) -> ArpProber {
        ArpProber::start(&self.scene.lab.client, address, PERIOD).unwrap()
    }

    #[track_caller]
    fn known(&self, number: u8, vrid: u8) -> Known {
        Known::of(self.settings(number, vrid), &self.status(number, vrid))
    }

    #[track_caller]
    fn settings(&self, number: u8, vrid: u8) -> &Settings {
        let mut routers = self.files[usize::from(number) - 1].iter();
        routers.find(|one| one.vrid == vrid).unwrap()
    }

    /// Where a node that was started with its present file has a virtual router: slots are given in the file's
    /// order, and kept.
    fn slot(&self, number: u8, vrid: u8) -> u32 {
        let mut started = self.started[usize::from(number) - 1].iter();
        let slot = started.position(|one| *one == vrid).unwrap();
        u32::try_from(slot).unwrap()
    }

    /// The kernel's stamps on the addresses of r1 and r2.
    pub(crate) fn stamps(&self) -> [Stamps; 2] {
        [1, 2].map(|number| Stamps::read(&self.scene.router(number).netns).unwrap())
    }
}

impl Untouched {
    /// Nothing has happened to them. What was on the wire meanwhile.
    #[track_caller]
    pub(crate) fn assert(self, stage: &Stage) -> Vec<Seen> {
        let (complaints, seen) = self.judge(stage);
        assert!(complaints.is_empty(), "{complaints:#?}");
        seen
    }

    /// What has happened to them, and what was on the wire meanwhile.
    pub(crate) fn judge(self, stage: &Stage) -> (Vec<String>, Vec<Seen>) {
        let while_watched = [self.since, clock::now()];
        let seen = self.capture.stop().unwrap();
        let after = stage.stamps();
        let (mut complaints, mut names) = (Vec::new(), BTreeSet::new());
        for watched in self.routers {
            for (node, number) in [(0, 1), (1, 2)] {
                let of = format!("VRID {} of r{number}", watched.vrid);
                let (before, known) = (&watched.before[node], stage.known(number, watched.vrid));
                names.extend([&before.settings, &known.settings].map(|one| one.name.clone()));
                let mut found = before.changed(&known);
                for address in kept(&before.settings, &known.settings) {
                    let [was, is] = [&self.stamps[node], &after[node]].map(|one| one.of(address));
                    if was != is || was.is_empty() == (watched.active == number) {
                        found.push(format!("{address} was touched: {was:?} → {is:?}"));
                    }
                }
                complaints.extend(found.into_iter().map(|one| format!("{of}: {one}")));
            }
            complaints.extend(watched.judge(stage, &seen, while_watched));
        }
        for (node, number) in [(0, 1), (1, 2)] {
            let told = stage.told[node].lines().split_off(self.told[node]);
            let of_them = |line: &String| line.split(' ').any(|word| names.contains(word));
            let told = told.into_iter().filter(of_them);
            complaints.extend(told.map(|line| format!("script of r{number} ran: {line}")));
        }
        (complaints, seen)
    }
}

impl Watched {
    /// What its client, its lease and its adverts complain of, between these moments.
    fn judge(self, stage: &Stage, seen: &[Seen], [since, until]: [Nanos; 2]) -> Vec<String> {
        let mut complaints = Vec::new();
        let recording = self.prober.stop().unwrap();
        if recording.lost() > 0 || recording.changes() > 0 {
            complaints.push(format!(
                "{} of {} probes of {} were lost, and the router changed {} times",
                recording.lost(),
                recording.sent.len(),
                self.address,
                recording.changes()
            ));
        }
        let lease = self.lease.stop().unwrap();
        if !lease.served_throughout(self.slot) {
            complaints.push(format!("its word: {:?}", lease.of(self.slot)));
        }
        let adverts = rhythm::adverts(seen, self.active, self.vrid);
        let intervals = [
            &self.before[usize::from(self.active) - 1].settings,
            stage.settings(self.active, self.vrid),
        ];
        let interval = intervals.map(|settings| settings.advert_int_ms);
        let two = Duration::from_millis((2 * interval[0].max(interval[1])).into());
        // What has no CPU either is no sign of the node.
        let missing = two + Duration::from_nanos(recording.worst_lateness);
        let longest = rhythm::longest(&rhythm::silences(since, &adverts, until));
        if let Some(gap) = longest.filter(|gap| gap.length() >= missing) {
            complaints.push(format!("no advert for {:?}", gap.length()));
        }
        let other = rhythm::adverts(seen, 3 - self.active, self.vrid);
        if !other.is_empty() {
            complaints.push(format!("its Backup spoke: {other:?}"));
        }
        let of = format!("VRID {}, Active r{}", self.vrid, self.active);
        complaints
            .into_iter()
            .map(|one| format!("{of}: {one}"))
            .collect()
    }
}

/// The addresses that are the same in both, options and all.
fn kept(before: &Settings, after: &Settings) -> Vec<IpAddr> {
    let [before, after] = [before, after].map(|settings| {
        let plain = settings.vips.iter().map(IpAddr::to_string);
        let more = settings
            .more_vips
            .lines()
            .map(|line| line.trim().to_owned());
        let block = settings.instance.split_once("virtual_ipaddress_excluded {");
        let excluded = block.and_then(|(_, rest)| rest.split_once('}'));
        let excluded = excluded.into_iter().flat_map(|(lines, _)| lines.lines());
        let excluded = excluded.map(|line| line.trim().to_owned());
        let lines = plain.chain(more).chain(excluded);
        let lines = lines.filter(|line| !line.is_empty());
        BTreeMap::from_iter(lines.map(|line| {
            let address = line.split([' ', '/']).next().unwrap().parse();
            (line, address.unwrap())
        }))
    });
    let kept = before
        .into_iter()
        .filter(|(line, _)| after.contains_key(line));
    kept.map(|(_, address)| address).collect()
}
