//! A report as a bench may write it, with made-up figures: for the tests of what shows it, and to look at
//! the page without an hour's run.

use vrrp_tests::{
    failover::Event,
    report::{
        Config, Dual, Effort, Lost, Machine, Made, Moment, NodeInfo, Promotion, Report, Run, Span,
        Trace,
    },
    stats::Summary,
};

const NODES: [&str; 5] = [
    "xvrrp",
    "keepalived",
    "keepalived-tuned",
    "keepalived-vmac",
    "frr",
];
const N: usize = 30;

/// The failovers of one kind, every one of which moved.
pub(super) fn run(node: &str, event: &str, gaps_us: &[f64]) -> Run {
    Run {
        node: node.to_owned(),
        event: event.to_owned(),
        load: "idle".to_owned(),
        traffic: "service".to_owned(),
        version: 3,
        advert_int_ms: 10,
        priorities: [200, 100],
        n: gaps_us.len(),
        moved: gaps_us.len(),
        gap_us: Summary::of(gaps_us).unwrap(),
        lost: Lost { p50: 5.0, max: 9.0 },
        probe_us: 100,
        gaps_us: gaps_us.to_vec(),
        false_transitions: Some(0),
        lateness_us: 1_609.0,
        ..Run::default()
    }
}

/// Five nodes, all events, two loads, two intervals.
pub(super) fn report() -> Report {
    let mut chance = Chance(7);
    let mut report = Report {
        machine: Machine {
            kernel: "6.18".to_owned(),
            cpus: 2,
            cpu: "A CPU, virtual".to_owned(),
        },
        made: Some(Made {
            date: "2026-11-22".to_owned(),
            command: "cargo xtask bench failover -n 30 --out docs/bench/2026-11-22".to_owned(),
            seconds: 5_432,
            seed: Some(42),
        }),
        ..Report::default()
    };
    for node in NODES {
        report.nodes.push(NodeInfo {
            name: node.to_owned(),
            version: "2.2.7 (01/16,2022) <Debian & friends>".to_owned(),
            tuning: "vrrp_rt_priority 50, vrrp_no_swap".to_owned(),
            configs: vec![Config {
                advert_int_ms: 10,
                better: "vrrp_instance VI_1 {\n    priority 200\n}\n".to_owned(),
                other: "vrrp_instance VI_1 {\n    priority 100\n}\n".to_owned(),
            }],
        });
        for role in ["active", "backup"] {
            let of = |low: f64| Summary::of(&[low, low * 1.3, low * 2.0]).unwrap();
            report.efforts.push(Effort {
                node: node.to_owned(),
                role: role.to_owned(),
                load: "idle".to_owned(),
                advert_int_ms: 10,
                n: 3,
                cpu_percent: of(0.4),
                wakeups_per_s: of(104.0),
            });
        }
        for event in Event::ALL.map(Event::name) {
            for (advert_int_ms, load) in [(10, "idle"), (10, "busy"), (1000, "idle")] {
                cell(
                    &mut report.runs,
                    &mut chance,
                    (node, event, load, advert_int_ms),
                );
            }
        }
    }
    report
}

/// One trace per failover of a report's service.
pub(super) fn traces(report: &Report) -> Vec<Trace> {
    let service = report.runs.iter().filter(|run| run.traffic == "service");
    service
        .flat_map(|run| {
            let gaps = run.gaps_us.iter().enumerate();
            gaps.map(|(number, gap)| trace(run, number, *gap))
        })
        .collect()
}

fn cell(runs: &mut Vec<Run>, chance: &mut Chance, of: (&str, &str, &str, u32)) {
    let (node, event, load, advert_int_ms) = of;
    let ours = node == "xvrrp";
    let deadline = 3_100.0 * f64::from(advert_int_ms);
    let base = match event {
        "stop" | "preempt" | "thaw" | "heal" if ours => 600.0,
        "kill" | "freeze" if ours => 850.0,
        "kill" | "freeze" | "calm" => 110.0,
        "lossy" => 900.0,
        "stop" | "preempt" | "thaw" | "heal" => 3_000.0,
        _ => deadline * 0.85,
    };
    let wide = if load == "busy" { 1.6 } else { 0.5 };
    let mut gaps: Vec<_> = (0..N)
        .map(|_| base * (1.0 + wide * chance.next() * chance.next()))
        .collect();
    if load == "busy" {
        gaps[11] *= 9.0;
    }
    let scaled = |part: f64| {
        let scaled: Vec<_> = gaps.iter().map(|gap| gap * part).collect();
        Summary::of(&scaled)
    };
    let stays = !ours && matches!(event, "kill" | "freeze");
    let mut service = Run {
        load: load.to_owned(),
        advert_int_ms,
        changes_max: u64::from(!matches!(event, "calm" | "lossy")),
        takeover_us: Some(Summary::of(&[deadline, deadline * 1.01]).unwrap()),
        t_detect_us: ours.then(|| Summary::of(&[deadline]).unwrap()),
        t_decide_us: ours.then(|| Summary::of(&[143.0]).unwrap()),
        t_own_us: ours.then(|| Summary::of(&[-147.0]).unwrap()),
        t_network_us: scaled(0.4),
        tcp_stall_us: scaled(1.9),
        dual_us: Some(if stays {
            Dual {
                p50: 9_870_000.0,
                max: 9_990_000.0,
            }
        } else {
            Dual {
                p50: 0.0,
                max: if ours { 0.0 } else { 420.0 },
            }
        }),
        arp_answered_twice: if stays { 912 } else { 0 },
        ..run(node, event, &gaps)
    };
    match event {
        "calm" | "lossy" => service.moved = 0,
        "freeze" if node == "frr" => service.moved = 3,
        _ => {}
    }
    let mut routed = Run {
        traffic: "routed".to_owned(),
        gap_us: scaled(1.2).unwrap(),
        ..service.clone()
    };
    routed.moved = routed.n;
    runs.extend([service, routed]);
}

fn trace(run: &Run, number: usize, gap: f64) -> Trace {
    let interval = f64::from(run.advert_int_ms) * 1_000.0;
    let back = matches!(run.event.as_str(), "preempt" | "thaw" | "heal");
    let (old, new) = if back { (2, 1) } else { (1, 2) };
    let watch = (-20.0 * interval, gap + 20.0 * interval);
    let end = gap - 60.0;
    let advert = |at: f64, router: u8, priority: u8| Moment {
        at,
        router,
        priority,
    };
    let every = |router: u8, from: f64, to: f64| {
        (0..)
            .map(move |step| from + interval * f64::from(step))
            .take_while(move |at| *at < to)
            .map(move |at| advert(at, router, if router == 1 { 200 } else { 100 }))
    };
    let mut adverts: Vec<_> = every(old, watch.0 + 400.0, 0.0).collect();
    adverts.push(advert(70.0, old, 0));
    adverts.extend(every(new, end - 300.0, watch.1));
    let span = |router: u8, from: f64, to: f64| Span { from, to, router };
    // The old one goes on if two routers own the address.
    let both = run.dual_us.is_some_and(|dual| dual.p50 > 0.0);
    let until = if both { watch.1 } else { -60.0 };
    let owners = |from: f64| vec![span(old, watch.0, until), span(new, from, watch.1)];
    Trace {
        node: run.node.clone(),
        event: run.event.clone(),
        load: run.load.clone(),
        advert_int_ms: run.advert_int_ms,
        number,
        adverts,
        announcements: vec![advert(end - 250.0, new, 0), advert(end - 240.0, new, 0)],
        sights: owners(end - 280.0),
        answers: owners(end),
        addresses: vec![span(old, watch.0, 900.0), span(new, end - 350.0, watch.1)],
        promotion: (run.node == "xvrrp").then_some(Promotion {
            deadline: end - 500.0,
            owned: end - 420.0,
            ready: end - 350.0,
        }),
        gap: (-60.0, end),
        routed: Some((-90.0, end + 130.0)),
        watch,
    }
}

/// Figures that look random and are the same every time.
struct Chance(u64);

impl Chance {
    /// Between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1_u32 << 31)
    }
}
