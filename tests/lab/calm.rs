//! No false failover: a pair at 10 ms adverts on a machine that has other things to do.
//!
//! `XVRRP_CALM_SECONDS` says for how long each kind of trouble is made (5 unless given).

use std::{env, thread, time::Duration};

use nix::sys::signal::Signal;
use vrrp_tests::{
    capture::Capture,
    clock::{self, Nanos},
    config::Settings,
    frames::{Advert, Arp},
    lab::VIP,
    load::{FifoHogs, Flood, Hogs},
    node::Node as _,
    packet::PacketSocket,
    realtime,
    witness::{Stall, Witness, worst_between},
};

use crate::scene::{Scene, alone};

/// Down interval of the Backup, and a little for whoever was late to notice.
const LOOK_BACK: Nanos = 60_000_000;
/// Half of it: a machine whose CPU was away longer is to blame itself.
const EXCUSE: Duration = Duration::from_millis(15);
const HOGS: usize = 16;

/// For how long each kind of trouble is made.
pub(crate) fn span() -> Duration {
    let seconds = env::var("XVRRP_CALM_SECONDS").unwrap_or_default();
    Duration::from_secs(seconds.parse().unwrap_or(5))
}

/// Whether the kernel lets anybody here be real-time; if not, why.
fn no_realtime() -> Option<String> {
    let tried = thread::spawn(|| realtime::become_fifo(realtime::JUDGE));
    tried
        .join()
        .unwrap()
        .err()
        .map(|error| format!("{error:#}"))
}

/// A pair at 10 ms whose first router is Active.
fn pair(arguments: &[&str]) -> Scene {
    let scene = Scene::new(alone(), [254, 253].map(Settings::fast));
    started(scene, arguments)
}

fn started(mut scene: Scene, arguments: &[&str]) -> Scene {
    for node in &mut scene.nodes {
        node.add_arguments(arguments);
        node.start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    scene
}

/// The moments of all transitions of both nodes while `trouble` was made, and what the witness saw.
fn transitions_during(
    scene: &mut Scene,
    trouble: impl FnOnce(&mut Scene),
) -> (Vec<Nanos>, Vec<Stall>) {
    let witness = Witness::start().unwrap();
    let from = clock::now();
    trouble(scene);
    let stalls = witness.stop().unwrap();
    let moments = [1, 2]
        .iter()
        .flat_map(|number| scene.status(*number).transition_moments());
    (moments.filter(|at| *at >= from).collect(), stalls)
}

/// No transition but for those that the machine's host is to blame for.
#[track_caller]
fn assert_calm(what: &str, moments: &[Nanos], stalls: &[Stall]) {
    let worst = worst_between(stalls, 0, Nanos::MAX);
    let worst = worst.map_or_else(|| "no CPU away".to_owned(), |stall| stall.to_string());
    eprintln!(
        "{what}, {:?}: {} transitions; at worst {worst}",
        span(),
        moments.len()
    );
    for at in moments {
        let excuse = worst_between(stalls, at.saturating_sub(LOOK_BACK), *at)
            .filter(|stall| stall.length() > EXCUSE);
        match excuse {
            Some(stall) => eprintln!("  one of them excused: {stall} just before"),
            None => panic!("{what}: a transition that nothing excuses; at worst {worst}"),
        }
    }
}

/// Makes trouble for a pair at 10 ms, which is to make no transition.
pub(crate) fn calm(what: &str, trouble: impl FnOnce(&mut Scene)) {
    calm_of(what, || pair(&[]), trouble);
}

fn calm_of(what: &str, scene: impl FnOnce() -> Scene, trouble: impl FnOnce(&mut Scene)) {
    if let Some(reason) = no_realtime() {
        eprintln!("skipped: no real-time scheduling here: {reason}");
        return;
    }
    let mut scene = scene();
    let (moments, stalls) = transitions_during(&mut scene, trouble);
    assert_calm(what, &moments, &stalls);
}

fn hog() {
    let _hogs = Hogs::start(HOGS, span()).unwrap();
    clock::sleep(span());
}

#[test]
fn busy_loops_make_no_transition() {
    calm("16 busy loops", |_| hog());
}

/// The kernel takes a tenth of a second to install as many, and keeps the CPU to itself as long as it is
/// let. A pair that has once lost sight of each other goes on installing and removing them.
#[test]
fn hundreds_of_addresses_make_no_transition() {
    let what = "602 virtual IPs, 16 busy loops";
    calm_of(what, pair_with_hundreds, |_| hog());
}

fn pair_with_hundreds() -> Scene {
    let many: Vec<_> = (1..=600)
        .map(|one| format!("2001:db8:1::1:{one:x}"))
        .collect();
    let configs = [254, 253].map(|priority| Settings {
        more_vips: many.join("\n"),
        ..Settings::fast_v6(priority)
    });
    started(Scene::new_v6(alone(), configs), &[])
}

#[test]
fn a_flood_to_the_address_makes_no_transition() {
    calm("flood to the VIP", |scene| {
        let client = &scene.lab.client.netns;
        let before = scene.status(1).counter("vip_passed");
        let flood = Flood::start(client, VIP, u64::MAX, span()).unwrap();
        clock::sleep(span());
        let sent = flood.sent();
        drop(flood);
        let passed = scene.status(1).counter("vip_passed") - before;
        eprintln!("flood: {sent} packets sent, {passed} reached the VIP");
        assert!(passed > 10_000, "that was no flood");
    });
}

/// Nanoseconds that the engine of a router has had a CPU for.
fn engine_time(scene: &mut Scene, number: u8) -> u64 {
    let pid = scene.node(number).process().unwrap().pid();
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    for task in tasks {
        let task = task.unwrap().path();
        if std::fs::read_to_string(task.join("comm")).unwrap() == "engine\n" {
            let stat = std::fs::read_to_string(task.join("schedstat")).unwrap();
            return stat.split(' ').next().unwrap().parse().unwrap();
        }
    }
    panic!("no thread `engine` in process {pid}");
}

/// A client sends the same frame as fast as it can. Tells how often, and what it cost the engine of
/// router 1.
fn flooded(scene: &mut Scene, what: &str, counter: &str, frame: &[u8]) {
    let (before, limited) = {
        let status = scene.status(1);
        (status.counter(counter), status.counter("rate_limited"))
    };
    let (worked, from) = (engine_time(scene, 1), clock::now());
    let client = &scene.lab.client;
    client
        .netns
        .run(|| {
            let socket = PacketSocket::sending(client.interface)?;
            let until = from + clock::span_nanos(span());
            while clock::now() < until {
                // A full queue is what a flood meets.
                socket.send(frame).ok();
            }
            Ok(())
        })
        .unwrap();
    let took = clock::now() - from;
    let worked = engine_time(scene, 1) - worked;
    let status = scene.status(1);
    let frames = status.counter(counter) - before;
    let limited = status.counter("rate_limited") - limited;
    let told = frames - limited;
    let per_second = frames * 1_000_000_000 / took;
    eprintln!(
        "{what}: {frames} frames ({per_second} a second), {told} told to the engine, which had a CPU for {}.{} % of the time",
        worked * 100 / took,
        worked * 1000 / took % 10
    );
    assert!(frames > 10_000, "that was no flood");
    // A few hundred a second at most, and what came at once in the beginning.
    assert!(
        told < frames / 10,
        "{told} of {frames} were told to the engine"
    );
}

#[test]
fn a_flood_of_announcements_makes_no_transition() {
    calm("flood of announcements of the VIP", |scene| {
        let claim = Arp {
            sender_mac: scene.lab.client.mac,
            ..Arp::gratuitous(1, VIP.octets())
        };
        flooded(scene, "announcements", "arp_conflict", &claim.build());
    });
}

/// Of a worse router, each of which an Active answers.
#[test]
fn a_flood_of_adverts_makes_no_transition() {
    calm("flood of adverts of a worse router", |scene| {
        let mut advert = Advert {
            priority: 1,
            timing: [0, 1],
            ..Advert::v3(51, &[VIP.octets()])
        };
        advert.ip.source = scene.lab.client.address.octets();
        flooded(scene, "adverts", "advert_accepted", &advert.build());
    });
}

#[test]
fn a_backup_that_stalls_makes_no_transition() {
    calm("five stalls of 100 ms of the Backup", |scene| {
        for _ in 0..5 {
            scene.node(2).freeze().unwrap();
            clock::sleep(Duration::from_millis(100));
            scene.node(2).thaw().unwrap();
            clock::sleep(span() / 5);
        }
    });
}

/// Loops that come before every thread but those that the kernel has promised CPU time to. Below the priority
/// that the node has without that (51), the kernel's share for starved work takes 50 ms of each second from
/// it; above, everything is taken.
#[test]
fn real_time_loops_make_no_transition() {
    for priority in [50, 60] {
        let scene = pair(&[]);
        if let Some(reason) = no_deadline(&scene) {
            eprintln!("skipped: {reason}");
            return;
        }
        let Some((what, moments, stalls)) = beside_loops(&scene, priority) else {
            return;
        };
        assert_calm(&what, &moments, &stalls);
        scene.await_owner(1);
    }
}

/// Reported, not judged: what the same loops do to a node that is told to be SCHED_FIFO.
#[test]
fn real_time_loops_beside_sched_fifo_are_reported() {
    if let Some(reason) = no_realtime() {
        eprintln!("skipped: no real-time scheduling here: {reason}");
        return;
    }
    for priority in [50, 60] {
        let configs = [254, 253].map(|priority| Settings {
            global: "vrrp_rt_priority 51".to_owned(),
            ..Settings::fast(priority)
        });
        let scene = started(Scene::new(alone(), configs), &[]);
        if let Some((what, moments, _)) = beside_loops(&scene, priority) {
            eprintln!(
                "{what}, nodes at SCHED_FIFO-51, {:?}: {} transitions",
                span(),
                moments.len()
            );
        }
    }
}

/// Puts SCHED_FIFO loops on every CPU. What for; the transitions meanwhile; and what the witness saw. Prints
/// how long the first router was silent at most. `None` if there can be no witness.
fn beside_loops(scene: &Scene, priority: i32) -> Option<(String, Vec<Nanos>, Vec<Stall>)> {
    let capture = Capture::start(&scene.lab.switch).unwrap();
    let witness = Witness::start_beside_fifo_loops().unwrap();
    let from = clock::now();
    FifoHogs::start(priority, span()).unwrap().wait().unwrap();
    let until = clock::now();
    let within = |at: &Nanos| (from..until).contains(at);
    let stalls = match witness.stop() {
        Ok(stalls) => stalls,
        Err(error) => {
            eprintln!("skipped: no witness: {error:#}");
            return None;
        }
    };
    let seen = capture.stop().unwrap();
    let speaker = scene.router(1).address;
    let adverts = seen.iter().filter(|frame| frame.is_advert_of(speaker));
    let at: Vec<_> = adverts.map(|frame| frame.at).filter(within).collect();
    let ends = [from].into_iter().chain(at.iter().copied()).chain([until]);
    let moments: Vec<_> = ends.collect();
    let gaps = moments.windows(2).map(|pair| pair[1] - pair[0]);
    let worst = Duration::from_nanos(gaps.max().unwrap_or_default());
    let what = format!("SCHED_FIFO-{priority} loops on every CPU");
    eprintln!(
        "{what}: {} adverts, silent for {worst:.1?} at most",
        at.len()
    );
    let transitions = [1, 2]
        .iter()
        .flat_map(|number| scene.status(*number).transition_moments());
    Some((what, transitions.filter(within).collect(), stalls))
}

/// The addresses too are on the successor while the loops run. Whatever is ordinary gets its share.
#[test]
fn a_takeover_needs_no_cpu_that_real_time_loops_have() {
    let mut scene = pair(&[]);
    if let Some(reason) = no_deadline(&scene) {
        eprintln!("skipped: {reason}");
        return;
    }
    let hogs = FifoHogs::start(60, span()).unwrap();
    let ordinary = thread::spawn(|| {
        let from = clock::cpu_time();
        let end = clock::now() + clock::span_nanos(span());
        while clock::now() < end {}
        clock::cpu_time() - from
    });
    let until = clock::now() + clock::span_nanos(span());
    let dies = scene.node(1).process().unwrap();
    let killed = thread::scope(|scope| {
        let kill = || {
            // Before the loops.
            realtime::become_fifo(realtime::JUDGE + 1).unwrap();
            clock::sleep(span() / 5);
            dies.signal(Signal::SIGKILL).unwrap()
        };
        scope.spawn(kill).join().unwrap()
    });
    hogs.wait().unwrap();
    let share = ordinary.join().unwrap();
    let status = scene.status(2);
    let ready = status.timeline("ready_ns");
    let after = |moment: u64| Duration::from_nanos(moment.saturating_sub(killed));
    eprintln!(
        "killed beside SCHED_FIFO-60 loops: decided after {:.1?}, advert after {:.1?}, addresses after {:.1?}; \
         ordinary work had {:.1?} of {:?}",
        after(status.timeline("decided_ns")),
        after(status.timeline("advert_ns")),
        after(ready),
        Duration::from_nanos(share),
        span()
    );
    assert!((killed..until).contains(&ready), "{killed} {ready} {until}");
    assert!(share > 0);
    scene.await_owner(2);
}

/// Why one of the nodes has no SCHED_DEADLINE.
fn no_deadline(scene: &Scene) -> Option<String> {
    scene.nodes.iter().find_map(|node| {
        let status = node.status().unwrap().unwrap();
        let threads = status["threads"].as_array().unwrap();
        assert_eq!(threads.len(), 2, "{status}");
        let refused = threads.iter().find_map(|thread| thread["refused"].as_str());
        refused.map(str::to_owned)
    })
}

/// Reported, not judged: without real-time scheduling it is the machine's mood.
#[test]
fn busy_loops_without_realtime_are_reported() {
    let mut scene = pair(&["--no-realtime"]);
    let (moments, _) = transitions_during(&mut scene, |_| hog());
    eprintln!(
        "16 busy loops without real-time scheduling, {:?}: {} transitions",
        span(),
        moments.len()
    );
}
