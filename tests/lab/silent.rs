//! A node that is dead or does not move, with the address still on its interface: it has fenced
//! itself, on the way in and on the way out.

use std::{
    net::{SocketAddrV4, UdpSocket},
    time::Duration,
};

use vrrp_tests::{
    capture::Capture,
    clock,
    config::Settings,
    lab::{Host, VIP},
    node::Node as _,
    packet::{ONLY_ARP, PacketSocket},
    wire::{self, Arp},
};

use crate::scene::{LIMIT, Scene, eventually, shared};

const TRIES: u64 = 5;

fn configs() -> [Settings; 2] {
    [254, 253].map(|priority| Settings::fast(priority).every(100))
}

/// Has the kernel of a router send from the VIP, as a server on it would: datagrams to `client`,
/// and announcements.
fn speak_as_vip(router: &Host, client: SocketAddrV4) {
    let announcement = Arp::announcing(router.mac, VIP);
    router
        .netns
        .run(|| {
            let datagrams = UdpSocket::bind((VIP, 0))?;
            let raw = PacketSocket::open(Some(router.interface), ONLY_ARP)?;
            for _ in 0..TRIES {
                // The gate's drop is an error to the sender on some kernels.
                datagrams.send_to(b"from the VIP", client).ok();
                raw.send(&wire::encode_arp([0xff; 6], &announcement)).ok();
            }
            Ok(())
        })
        .unwrap();
}

/// A router that is not the owner speaks as the VIP; nothing of it gets anywhere.
#[track_caller]
fn assert_gagged(scene: &Scene, number: u8) {
    let listener = scene
        .lab
        .client
        .netns
        .run(|| Ok(UdpSocket::bind((scene.lab.client.address, 7070))?))
        .unwrap();
    listener
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let capture = Capture::start(&scene.lab.switch).unwrap();
    let router = scene.router(number);
    speak_as_vip(router, SocketAddrV4::new(scene.lab.client.address, 7070));
    let heard = listener.recv(&mut [0; 64]);
    assert!(heard.is_err(), "the client heard the wrong router");
    let port = format!("to-r{number}");
    let announced = capture.stop().unwrap();
    let announced = announced
        .iter()
        .find(|seen| seen.port == port && seen.announces(VIP));
    assert_eq!(announced, None);
}

/// Only router `number` answers, by UDP and ARP.
#[track_caller]
fn assert_only_answers(scene: &Scene, number: u8) {
    let (probes, questions) = scene.watch(Duration::from_millis(300));
    assert!(!probes.answers.is_empty());
    assert!(probes.answers.iter().all(|answer| answer.router == number));
    assert_eq!(questions.answered_twice(), []);
    let mac = scene.router(number).mac;
    assert!(!questions.answers.is_empty());
    assert!(questions.answers.iter().all(|answer| answer.mac == mac));
}

//= C46, C50: refusal
#[test]
fn a_killed_active_is_fenced_by_its_lease() {
    let mut scene = Scene::serving(shared(), configs());
    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    assert!(scene.router(1).has_address(VIP).unwrap());
    assert_gagged(&scene, 1);
    assert_only_answers(&scene, 2);
}

#[test]
fn a_lone_killed_active_answers_nobody() {
    let [config, _] = configs();
    let mut scene = Scene::serving(shared(), [config]);
    scene.node(1).kill().unwrap();
    eventually("the lease runs out", || {
        let (probes, questions) = scene.watch(Duration::from_millis(100));
        probes.answers.is_empty() && questions.answers.is_empty()
    });
    assert!(scene.router(1).has_address(VIP).unwrap());
    assert_gagged(&scene, 1);
}

/// Stopped while its lease has long to run, shortly before the better router takes over.
//= C41: proof
#[test]
fn a_stopped_active_is_silenced_by_a_better_routers_advert() {
    let configs = [254, 253].map(|priority| Settings {
        master: false,
        ..Settings::fast(priority).every(1000)
    });
    let mut scene = Scene::new(shared(), configs);
    scene.start_in_turn(2, 1);
    let questions = scene.arp_prober();
    clock::sleep(Duration::from_millis(2500));
    scene.node(2).freeze().unwrap();
    scene.await_state(1, "MASTER");
    clock::sleep(Duration::from_millis(300));
    let twice = questions.stop().unwrap().answered_twice().len();
    // One may be under way just then.
    assert!(twice <= 1, "{twice} questions have two answers");
    assert_only_answers(&scene, 1);
    scene.node(2).thaw().unwrap();
    scene.await_state(2, "BACKUP");
}

#[test]
fn a_stopped_active_resigns_when_its_time_goes_on() {
    let mut scene = Scene::serving(shared(), configs());
    let before = scene.status(1);
    scene.node(1).freeze().unwrap();
    scene.await_owner(2);
    assert!(scene.router(1).has_address(VIP).unwrap());
    assert_only_answers(&scene, 2);
    assert_gagged(&scene, 1);

    // When it goes on it is the better one and may come back; how is between it and its peer. That
    // two never answer is what counts.
    let questions = scene.arp_prober();
    clock::sleep(Duration::from_millis(50));
    scene.node(1).thaw().unwrap();
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    scene.await_no_address(2);
    let questions = questions.stop().unwrap();
    // The peer's kernel stops at the advert, but a question may be under way just then.
    assert!(
        questions.answered_twice().len() <= 1,
        "{:?}",
        questions.answered_twice()
    );

    let after = scene.status(1);
    for counter in ["egress_ip", "egress_arp"] {
        let held_back = after.counter(counter) - before.counter(counter);
        assert!(held_back >= TRIES, "{counter}: {held_back}");
    }
    // Its state is what it was: only this tells that another router served.
    let told = "was MASTER without serving for ";
    let line = scene.log(1).wait(told, LIMIT).unwrap();
    let other = scene.router(2).address;
    let ends = format!(": its lease had ended, and {other} served meanwhile");
    assert!(line.text.ends_with(&ends), "{}", line.text);
    let (began, ended) = scene.status(1).lapse(other);
    assert!(before.number("since_ns") < began && began < ended);
}

/// Nothing comes in that would tell of another router.
#[test]
fn a_lone_active_that_was_stopped_says_that_nobody_served() {
    let [config, _] = configs();
    let mut scene = Scene::serving(shared(), [config]);
    scene.node(1).freeze().unwrap();
    clock::sleep(Duration::from_secs(1));
    scene.node(1).thaw().unwrap();
    let told = "was MASTER without serving for ";
    let line = scene.log(1).wait(told, LIMIT).unwrap();
    let ends = "s: its lease had ended, and nobody else was heard, so nobody served meanwhile";
    assert!(line.text.contains(ends), "{}", line.text);
    let status = scene.status(1);
    let (began, ended) = status.lapse_of_all();
    assert!(ended - began > 500_000_000, "{began}-{ended}");
    // It serves again, and has lost nothing else.
    scene.await_owner(1);
    assert_eq!(scene.status(1).number("became_master"), 1);
    let log = scene.log(1).tail(usize::MAX);
    assert_eq!(log.matches(told).count(), 1, "{log}");
    let text = scene.node(1).subcommand("status").unwrap();
    assert!(
        text.contains("its lease had ended, and nobody served"),
        "{text}"
    );
}
