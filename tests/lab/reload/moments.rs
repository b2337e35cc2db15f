//! A reload at any moment: beside others, during a transition, and while the node starts or stops.

use std::{thread, time::Duration};

use nix::sys::signal::Signal;
use rstest::rstest;
use vrrp_tests::{capture::Capture, clock, config::Settings, load::Hogs, node::Node as _, rhythm};

use crate::{
    calm::{calm, span},
    owners::await_owner,
    scene::{LIMIT, eventually, shared},
    stage::{Family, Network, ONE, Routers as _, Stage, TWO},
};

/// Files in a row.
const FILES: u8 = 5;
/// Another VRID than the stage has.
const OTHER: u8 = 61;

#[rstest]
#[case::by_signal(true, Family::V4)]
#[case::by_command(false, Family::V6)]
fn the_last_of_several_files_counts(#[case] by_signal: bool, #[case] family: Family) {
    let mut stage = Stage::pair(family);
    let watch = stage.watch(&[ONE, TWO]);
    let (first, last) = (family.address(230), family.address(230 + FILES - 1));
    let mut asked = Vec::new();
    for file in 0..FILES {
        stage.edit(1, |routers| {
            let router = routers.vrid(ONE);
            router.more_vips = family.address(230 + file).to_string();
            router.priority = 150 + file;
        });
        if by_signal {
            stage.scene.signal(1, Signal::SIGHUP);
        } else {
            asked.push(stage.scene.nodes[0].begin_reload().unwrap());
        }
    }
    for asked in asked {
        let answer = asked.wait().unwrap();
        assert_eq!(answer.code, 0, "{}", answer.text);
    }
    let priority = 150 + FILES - 1;
    stage.await_advert(1, ONE, "the last priority", |advert| {
        advert.priority == priority && advert.vips.contains(&last)
    });
    eventually("r1 has the last one", || stage.has(1, last));
    eventually("r1 has the first one no more", || !stage.has(1, first));
    // Whatever was still to be done is done before this one.
    assert!(stage.reload(1).contains("nothing changes"));
    assert_eq!(stage.next_advert(1, ONE).priority, priority);
    watch.assert(&stage);
}

/// Around the moment at which r2 takes over.
#[rstest]
#[case::from_a_killed_router(true, Family::V4)]
#[case::from_one_that_stops(false, Family::V6)]
fn during_a_transition(#[case] is_killed: bool, #[case] family: Family) {
    let mut stage = Stage::pair(family);
    for (round, delay) in (0..).zip([0, 1, 5, 50, 150, 290, 310, 330]) {
        let address = family.address(230 + round);
        stage.edit(2, |routers| {
            routers.vrid(ONE).more_vips = address.to_string()
        });
        if is_killed {
            stage.scene.node(1).kill().unwrap();
        } else {
            stage.scene.node(1).terminate().unwrap();
        }
        clock::sleep(Duration::from_millis(delay));
        stage.reload(2);
        stage.await_all(2, "MASTER");
        eventually(&format!("r2 has {address} after {delay} ms"), || {
            stage.has(2, address)
        });
        if round > 0 {
            let before = family.address(230 + round - 1);
            assert!(!stage.has(2, before), "{delay} ms");
        }
        assert!(stage.next_advert(2, ONE).vips.contains(&address));
        if is_killed {
            stage.scene.node(1).clear_up().unwrap();
        } else {
            stage.scene.node(1).wait_stopped().unwrap();
        }
        await_owner(&stage.scene, 2, &[family.vip(), address]);
        // r1 knows nothing of it, and preempts.
        stage.scene.node(1).start().unwrap();
        stage.await_all(1, "MASTER");
        stage.await_all(2, "BACKUP");
        assert!(!stage.has(2, address), "{delay} ms");
    }
}

/// What changes while a router has no link counts when it has one again.
#[test]
fn while_a_router_is_in_fault() {
    let family = Family::V6;
    let mut stage = Stage::with(shared(), family, |_, routers| {
        routers.vrid(ONE).more_vips = family.address(230).to_string();
    });
    stage.scene.router(1).port.cut().unwrap();
    stage.await_all(1, "FAULT");
    stage.await_all(2, "MASTER");
    for number in [2, 1] {
        stage.change(number, |routers| {
            let router = routers.vrid(ONE);
            router.more_vips = family.address(231).to_string();
            router.priority += 10;
            router.advert_int_ms = 200;
        });
    }
    assert_eq!(stage.state(1, ONE).as_deref(), Some("FAULT"));
    let transitions = stage.status(1, ONE).transitions();
    assert_eq!(transitions.last().unwrap(), "MASTER>FAULT");
    assert!(!stage.has(1, family.address(231)));
    eventually("r2 has it", || stage.has(2, family.address(231)));
    assert!(!stage.has(2, family.address(230)));
    stage.scene.router(1).port.mend().unwrap();
    stage.await_all(1, "MASTER");
    stage.await_all(2, "BACKUP");
    await_owner(&stage.scene, 1, &[family.vip(), family.address(231)]);
    let advert = stage.next_advert(1, ONE);
    assert_eq!((advert.priority, advert.interval_ms), (210, 200));
    assert!(advert.vips.contains(&family.address(231)));
    assert!(!stage.has(1, family.address(230)));
}

/// Taken, or said to be too early; never the end of the node.
#[test]
fn during_the_start() {
    let family = Family::V4;
    let mut stage = Stage::prepared(shared(), family, Network::Clients, |_, _| ());
    for delay in [0, 5, 20, 50, 100] {
        stage.scene.node(1).start().unwrap();
        clock::sleep(Duration::from_millis(delay));
        let answer = stage.try_reload(1);
        let is_early = ["too early", "no node runs"];
        let is_early = is_early.iter().any(|text| answer.text.contains(text));
        assert!(answer.code == 0 || is_early, "{answer:?}");
        stage.await_all(1, "MASTER");
        assert!(stage.reload(1).contains("nothing changes"));
        stage.scene.node(1).stop().unwrap();
    }
    for _ in 0..3 {
        stage.scene.node(1).start().unwrap();
        let log = stage.scene.log(1);
        eventually("it says something", || log.mark() > 0);
        for _ in 0..5 {
            stage.scene.signal(1, Signal::SIGHUP);
            clock::sleep(Duration::from_millis(2));
        }
        stage.await_all(1, "MASTER");
        stage.scene.node(1).stop().unwrap();
    }
}

/// Nobody takes over, so that the routers serve on until their leases end.
#[test]
fn during_the_stop() {
    let family = Family::V4;
    let mut stage = Stage::with(shared(), family, |_, routers| {
        for router in routers.iter_mut() {
            router.advert_int_ms = 500;
        }
    });
    stage.edit(1, |routers| {
        routers.vrid(ONE).more_vips = family.address(240).to_string()
    });
    stage.scene.node(2).freeze().unwrap();
    stage.scene.node(1).terminate().unwrap();
    stage.scene.log(1).wait("Stopping", LIMIT).unwrap();
    let answer = stage.try_reload(1);
    assert_ne!(answer.code, 0, "{}", answer.text);
    assert!(answer.text.contains("too late"), "{}", answer.text);
    assert!(!stage.has(1, family.address(240)));
    stage.scene.node(1).wait_stopped().unwrap();
    stage.scene.node(2).thaw().unwrap();
    stage.await_all(2, "MASTER");
    for address in [240, 253] {
        assert!(!stage.has(1, family.address(address)));
    }
}

/// Whoever waits for it is told, and the node ends as it always does.
#[test]
fn a_stop_while_it_is_under_way() {
    let family = Family::V4;
    let mut stage = Stage::prepared(shared(), family, Network::Clients, |_, _| ());
    stage.scene.node(1).start().unwrap();
    stage.await_all(1, "MASTER");
    // Without a successor, the old router drains for longer than it takes to say so.
    stage.edit(1, |routers| routers.vrid(TWO).vrid = OTHER);
    let capture = Capture::start(&stage.scene.lab.switch).unwrap();
    let asked = stage.scene.nodes[0].begin_reload().unwrap();
    let log = stage.scene.log(1);
    log.wait("(VI_2) serving until a successor", LIMIT).unwrap();
    stage.scene.node(1).terminate().unwrap();
    let answer = asked.wait().unwrap();
    assert_eq!(answer.code, 1, "{}", answer.text);
    assert!(answer.text.contains("stopping"), "{}", answer.text);
    stage.scene.node(1).wait_stopped().unwrap();
    for address in [family.vip(), family.address(253)] {
        assert!(!stage.has(1, address), "{address}");
    }
    let seen = capture.stop().unwrap();
    for vrid in [ONE, TWO] {
        let last = rhythm::adverts(&seen, 1, vrid).pop().unwrap().1;
        assert_eq!(last.priority, 0, "{vrid}");
    }
    assert_eq!(rhythm::adverts(&seen, 1, OTHER), []);
}

/// A client that goes away leaves a reload that is done to its end.
#[test]
fn for_somebody_who_does_not_wait() {
    let mut stage = Stage::prepared(shared(), Family::V4, Network::Clients, |_, _| ());
    stage.scene.node(1).start().unwrap();
    stage.await_all(1, "MASTER");
    // Without a successor, the old router drains for longer than it takes the client to go.
    stage.edit(1, |routers| routers.vrid(TWO).vrid = OTHER);
    let mark = stage.scene.log(1).mark();
    let asked = stage.scene.nodes[0].begin_reload().unwrap();
    let log = stage.scene.log(1);
    log.wait_after(mark, "Reloading", LIMIT).unwrap();
    drop(asked);
    let gone = log.mark();
    log.wait_after(gone, "Reload complete", LIMIT).unwrap();
    stage.await_state(1, OTHER, "MASTER");
    thread::scope(|scope| {
        for _ in 0..FILES {
            scope.spawn(|| assert!(stage.reload(1).contains("nothing changes")));
        }
    });
}

/// Of both nodes in turn, with another list of virtual IPs each time.
#[test]
fn beside_busy_loops() {
    calm("reloads beside 16 busy loops", |scene| {
        let _hogs = Hogs::start(16, span()).unwrap();
        let until = clock::now() + clock::span_nanos(span());
        let mut reloads = 0_u8;
        while clock::now() < until {
            for (node, priority) in scene.nodes.iter().zip([254, 253]) {
                let window = (reloads..).take(50);
                let more: Vec<_> = window.map(|one| format!("10.50.0.{one}")).collect();
                let config = Settings {
                    more_vips: more.join("\n"),
                    ..Settings::fast(priority)
                };
                node.configure(&config.to_string()).unwrap();
                let answer = node.reload().unwrap();
                assert_eq!(answer.code, 0, "{}", answer.text);
            }
            reloads = (reloads + 1) % 200;
        }
        eprintln!("{reloads} reloads of each node");
        assert!(reloads > 3);
    });
}
