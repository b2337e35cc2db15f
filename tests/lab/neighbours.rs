//! Who has a virtual IP of IPv6: what the owner answers and tells unasked, what a Backup does not, and
//! what the owner's kernel makes of the address.

use std::{
    net::{Ipv6Addr, UdpSocket},
    time::Duration,
};

use vrrp_tests::{
    capture::{Capture, Seen},
    clock,
    config::Settings,
    frames::v6::{Neighbour as Question, link_layer},
    lab::{LINK_LOCAL_VIP, VIP_V6},
    node::Node as _,
    packet::{Instruction, ONLY_NEIGHBOUR_ADVERTISEMENTS, PacketSocket},
    wire::{self, Frame, Neighbour, OVERRIDE, ROUTER, SOLICITED},
};

use crate::scene::{Scene, eventually, shared};

const VIPS: [Ipv6Addr; 2] = [LINK_LOCAL_VIP, VIP_V6];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// The groups of the adverts and of [`VIPS`].
const GROUPS: [&str; 3] = ["ff02::12", "ff02::1:ff5e:33", "ff02::1:ff00:fe"];

/// Who asks: no host of the lab, so that every answer is to a question of a case.
const ASKER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa5, 0xff);
const ASKER_MAC: [u8; 6] = [0x02, 0xa5, 0, 0xff, 0, 1];
/// Answers come at once: so long a second one is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

/// Lets every frame pass.
const EVERYTHING: &[Instruction] = &[(0x06, 0, 0, 0xffff)];
/// A Multicast Listener Report of version 2 (RFC 3810).
const LISTENER_REPORT: u8 = 143;

fn configs(instance: &str) -> [Settings; 2] {
    [254, 253].map(|priority| Settings {
        instance: instance.to_owned(),
        ..Settings::fast_v6(priority).every(100)
    })
}

/// Without the announcements that follow a promotion five seconds later.
pub(crate) fn quiet_configs() -> [Settings; 2] {
    configs("garp_master_delay 0")
}

fn who_has(target: Ipv6Addr) -> Question {
    let mut question = Question::who_has(target.octets());
    question.ethernet.source = ASKER_MAC;
    question.ip.source = ASKER.octets();
    question.options = link_layer(1, ASKER_MAC);
    question
}

/// Duplicate address detection.
fn has_anybody(target: Ipv6Addr) -> Question {
    let mut probe = Question::probe(target.octets());
    probe.ethernet.source = ASKER_MAC;
    probe
}

/// What a client hears of the target after it asked: to the asker, or to everybody.
#[track_caller]
fn answers(scene: &Scene, question: &Question) -> Vec<Neighbour> {
    let client = &scene.lab.client;
    let interface = Some(client.interface);
    let socket = client
        .netns
        .run(|| PacketSocket::open(interface, ONLY_NEIGHBOUR_ADVERTISEMENTS))
        .unwrap();
    socket.send(&question.build()).unwrap();
    clock::sleep(PATIENCE);
    let mut heard = Vec::new();
    let listen = socket.drain(|received| {
        if let Some(Frame::Neighbour(told)) = wire::decode(received.frame)
            && told.advertises(question.target.into())
            && [ASKER, ALL_NODES].contains(&told.destination)
        {
            heard.push(told);
        }
    });
    listen.unwrap();
    heard
}

/// What router `number` says of an address that it serves, to the asker.
fn answer_of(scene: &Scene, number: u8, target: Ipv6Addr) -> Neighbour {
    let mac = scene.router(number).mac;
    Neighbour {
        to: ASKER_MAC,
        from: mac,
        source: target,
        destination: ASKER,
        hop_limit: 255,
        is_advertisement: true,
        flags: ROUTER | SOLICITED | OVERRIDE,
        target,
        mac: Some(mac),
    }
}

//= C47, C52: proof
#[test]
fn only_the_owner_answers_who_has_the_address() {
    who_has_is_answered_by_the_owner(Scene::started_v6(shared(), quiet_configs()));
}

pub(crate) fn who_has_is_answered_by_the_owner(mut scene: Scene) {
    scene.await_roles(1, 2);
    for vip in VIPS {
        assert_eq!(answers(&scene, &who_has(vip)), [answer_of(&scene, 1, vip)]);
        // As a neighbour asks that has an entry for it already.
        let mut unicast = who_has(vip);
        unicast.ethernet.destination = scene.router(1).mac;
        unicast.ip.destination = vip.octets();
        assert_eq!(answers(&scene, &unicast), [answer_of(&scene, 1, vip)]);
        // By MAC alone: the answer goes to where the question came from.
        let mut bare = who_has(vip);
        bare.options.clear();
        assert_eq!(answers(&scene, &bare), [answer_of(&scene, 1, vip)]);
    }
    assert!(scene.status(1).counter("nd_answered") >= 6);
    assert!(scene.status(2).counter("nd_ignored") >= 4);

    // A dead router's kernel still has the addresses, and would answer.
    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    for vip in VIPS {
        assert!(scene.router(1).has_address(vip).unwrap());
        assert_eq!(answers(&scene, &who_has(vip)), [answer_of(&scene, 2, vip)]);
    }
}

//= C53: proof
//= C47: refusal
#[test]
fn duplicate_address_detection_is_answered_to_everybody() {
    detection_is_answered_to_everybody(Scene::started_v6(shared(), quiet_configs()));
}

pub(crate) fn detection_is_answered_to_everybody(mut scene: Scene) {
    scene.await_roles(1, 2);
    for vip in VIPS {
        let defence = Neighbour {
            to: ALL_NODES_MAC,
            destination: ALL_NODES,
            flags: ROUTER | OVERRIDE,
            ..answer_of(&scene, 1, vip)
        };
        // An announcement that was still on its way is the same frame.
        let mut told = answers(&scene, &has_anybody(vip));
        told.dedup();
        assert_eq!(told, [defence]);
    }
    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    for vip in VIPS {
        let told = answers(&scene, &has_anybody(vip));
        let macs: Vec<_> = told.iter().map(|told| told.from).collect();
        assert_eq!(macs, [scene.router(2).mac]);
    }
}

//= C46, C47: refusal
#[test]
fn a_backup_without_an_active_answers_nobody() {
    // It would take over after half a minute.
    let patient = configs("").map(|settings| Settings {
        advert_int_ms: 10_000,
        ..settings
    });
    let mut scene = Scene::new_v6(shared(), patient);
    scene.node(2).start().unwrap();
    scene.await_state(2, "BACKUP");
    for vip in VIPS {
        assert_eq!(answers(&scene, &who_has(vip)), []);
        assert_eq!(answers(&scene, &has_anybody(vip)), []);
    }
    let status = scene.status(2);
    assert_eq!(status.text("state"), "BACKUP");
    assert_eq!(status.counter("nd_ignored"), 4);
    assert_eq!(status.counter("nd_answered"), 0);
}

/// The announcements of a virtual IP by router 1.
fn announcements(seen: &[Seen], vip: Ipv6Addr) -> Vec<Neighbour> {
    let told = seen.iter().filter(|seen| seen.port == "to-r1");
    told.filter_map(|seen| match seen.frame {
        Frame::Neighbour(told) if told.advertises(vip) => Some(told),
        _ => None,
    })
    .collect()
}

//= C31, C34, C61: proof
#[test]
fn a_new_owner_announces_every_address_and_goes_on() {
    let mut scene = Scene::new_v6(
        shared(),
        configs("garp_master_delay 0\ngarp_master_refresh 1"),
    );
    let capture = Capture::start(&scene.lab.switch).unwrap();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    let all_told = |seen: &[Seen], times| {
        let mut told = VIPS.iter().map(|vip| announcements(seen, *vip).len());
        told.all(|count| count >= times)
    };
    eventually("every address is announced", || {
        all_told(&capture.seen(), 1)
    });
    let seen = capture.seen();
    let mac = scene.router(1).mac;
    for vip in VIPS {
        for told in announcements(&seen, vip) {
            assert_eq!((told.to, told.destination), (ALL_NODES_MAC, ALL_NODES));
            assert_eq!((told.from, told.mac), (mac, Some(mac)));
            assert_eq!(told.flags, ROUTER | OVERRIDE, "{told:?}");
            assert_eq!(told.hop_limit, 255);
        }
    }
    let active = scene.router(1).link_local();
    let advert = seen.iter().position(|seen| seen.is_advert_of(active));
    let told = seen
        .iter()
        .position(|seen| VIPS.iter().any(|vip| seen.announces(*vip)));
    assert!(advert < told, "the advert comes first");
    let Frame::Advert(advert) = &seen[advert.unwrap()].frame else {
        panic!("not an advert");
    };
    assert_eq!(advert.vips, VIPS);

    for _ in 0..2 {
        capture.clear();
        eventually("they are announced again", || all_told(&capture.seen(), 1));
    }
}

#[test]
fn an_owner_speaks_from_its_own_addresses() {
    let mut scene = Scene::new_v6(shared(), quiet_configs());
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    let (router, client) = (scene.router(1), &scene.lab.client);
    let shown = router.netns.ip("-6 -o addr show dev ens33").unwrap();
    for vip in VIPS {
        let line = shown
            .lines()
            .find(|line| line.contains(&format!(" {vip}/128 ")));
        let line = line.unwrap_or_else(|| panic!("no {vip} in {shown}"));
        // Nobody is asked whether it is free, and nothing that has a choice leaves from it.
        assert!(
            line.contains(" nodad ") && line.contains(" deprecated "),
            "{line}"
        );
        assert!(!line.contains("tentative"), "{line}");
    }
    for (to, from) in [
        (client.address_v6(), router.address_v6()),
        (client.link_local(), router.link_local()),
    ] {
        let route = format!("-6 route get {to} oif ens33");
        let route = router.netns.ip(&route).unwrap();
        assert!(route.contains(&format!(" src {from} ")), "{route}");
    }
    let to = client.address_v6();
    let connected = router.netns.run(|| {
        let socket = UdpSocket::bind("[::]:0")?;
        socket.connect((to, 9))?;
        Ok(socket.local_addr()?)
    });
    assert_eq!(connected.unwrap().ip(), router.address_v6());
}

/// Whether a router's kernel is in every one of [`GROUPS`].
fn is_in_all_groups(scene: &Scene, number: u8) -> bool {
    let shown = scene.router(number).netns.ip("-6 maddr show dev ens33");
    let shown = shown.unwrap();
    let mut groups = GROUPS.iter();
    groups.all(|group| shown.split_whitespace().any(|word| word == *group))
}

//= C34, C52: proof
#[test]
fn switches_are_told_where_questions_are_to_go() {
    let mut scene = Scene::new_v6(shared(), quiet_configs());
    let client = &scene.lab.client;
    let interface = Some(client.interface);
    let socket = client
        .netns
        .run(|| PacketSocket::open(interface, EVERYTHING))
        .unwrap();
    assert!(!is_in_all_groups(&scene, 2));
    scene.node(2).start().unwrap();
    let mac = scene.router(2).mac;
    let mut reported = [false; GROUPS.len()];
    eventually("reports of every group", || {
        let mut note = |frame: &[u8]| {
            // Behind the hop-by-hop header that asks routers to look.
            if frame.get(62) != Some(&LISTENER_REPORT) || frame.get(6..12) != Some(&mac[..]) {
                return;
            }
            for (group, reported) in GROUPS.iter().zip(&mut reported) {
                let group: Ipv6Addr = group.parse().unwrap();
                let group = group.octets();
                *reported |= frame.windows(group.len()).any(|part| part == group);
            }
        };
        socket.drain(|received| note(received.frame)).unwrap();
        reported == [true; GROUPS.len()]
    });
    scene.await_owner(2);
    assert!(is_in_all_groups(&scene, 2));
    scene.node(2).stop().unwrap();
    eventually("r2 has left the groups", || {
        let shown = scene.router(2).netns.ip("-6 maddr show dev ens33");
        let shown = shown.unwrap();
        GROUPS.iter().all(|group| !shown.contains(group))
    });
}
