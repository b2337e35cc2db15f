//! Do the judges of ownership see what is done to them: two owners at once, a clean move, a virtual MAC
//! that hops, an address that comes and goes, a busy process?

use std::{
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use vrrp_tests::{
    addresses::AddressWatch,
    clock::{self, Nanos},
    dual::{self, MOMENT},
    effort::Effort,
    fdb::{self, FdbWatch},
    lab::{Host, Lab, VIP},
    link,
    packet::{ONLY_ARP, PacketSocket},
    process::Process,
    realtime,
    sightings::{Kind, Sightings},
    wire::{self, Arp},
    worker::Worker,
};

use crate::{disown, own};

const VIRTUAL_MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 0x33];
/// What the machine may put between an act and its stamp.
const SLACK: u64 = 20_000_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends from the VIP, every millisecond or so, and notes when.
struct Speaker {
    worker: Worker<Vec<Nanos>>,
    spoken: Arc<AtomicU32>,
}

impl Speaker {
    fn start(lab: &Lab, router: &Host) -> Self {
        let client = lab.client.address;
        let spoken = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&spoken);
        let worker = Worker::start(&router.netns, "speaker", move |stop| {
            realtime::become_fifo(realtime::ECHO)?;
            let socket = UdpSocket::bind((VIP, 0))?;
            let mut sent = Vec::new();
            while stop.is_awaited() {
                sent.push(clock::now());
                socket.send_to(b"mine", (client, 9))?;
                count.fetch_add(1, Ordering::Relaxed);
                clock::sleep(Duration::from_millis(1));
            }
            Ok(sent)
        })
        .unwrap();
        Self { worker, spoken }
    }

    /// Waits until it has spoken for a while, however late it came to it.
    fn listen(&self) {
        let enough = self.spoken.load(Ordering::Relaxed) + 50;
        clock::wait_until("a speaker speaks", PATIENCE, || {
            Ok(self.spoken.load(Ordering::Relaxed) >= enough)
        })
        .unwrap();
    }

    fn stop(self) -> Vec<Nanos> {
        self.worker.finish().unwrap()
    }
}

fn longest_pause(sent: &[Nanos]) -> u64 {
    let pauses = sent.windows(2).map(|pair| pair[1] - pair[0]);
    pauses.max().unwrap_or(0)
}

fn pause() {
    clock::sleep(Duration::from_millis(60));
}

fn pair(lab: &Lab) -> [&Host; 2] {
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    [r1, r2]
}

#[test]
fn dual_time_is_as_long_as_both_spoke() {
    let lab = Lab::pair().unwrap();
    let [r1, r2] = pair(&lab);
    let watch = Sightings::start(&lab.switch, &[VIP]).unwrap();
    own(r1);
    let first = Speaker::start(&lab, r1);
    first.listen();
    own(r2);
    let second = Speaker::start(&lab, r2);
    second.listen();
    let first = first.stop();
    second.listen();
    let second = second.stop();
    pause();
    let seen = watch.stop().unwrap();

    assert_eq!(seen.lost, 0);
    for (router, sent, mac) in [(1, &first, r1.mac), (2, &second, r2.mac)] {
        let ip = seen.sightings.iter().filter(|sighting| {
            (sighting.router, sighting.kind, sighting.mac) == (router, Kind::Ip, mac)
        });
        assert_eq!(ip.count(), sent.len(), "router {router}");
    }
    // A machine that stalls the speakers must not tear their presence.
    let longest = longest_pause(&first).max(longest_pause(&second));
    let moment = MOMENT.max(Duration::from_nanos(2 * longest));
    let spans = dual::dual(&seen.sightings, moment);
    let [(start, end)] = spans[..] else {
        panic!("not once: {spans:?}");
    };
    let (began, ended) = (second[0], first[first.len() - 1]);
    let slack = SLACK + longest;
    // `second` asked for the client's MAC before its first packet left.
    assert!(start >= began && start < began + slack, "{start} {began}");
    assert!(end >= ended && end < ended + slack, "{end} {ended}");
    assert_eq!(dual::total(&spans), end - start);
}

#[test]
fn a_clean_move_is_not_dual() {
    let lab = Lab::pair().unwrap();
    let [r1, r2] = pair(&lab);
    let watch = Sightings::start(&lab.switch, &[VIP]).unwrap();
    let mut spoken = Vec::new();
    for router in [r1, r2, r1] {
        own(router);
        let speaker = Speaker::start(&lab, router);
        speaker.listen();
        spoken.push(speaker.stop().len());
        disown(router);
    }
    let seen = watch.stop().unwrap();

    assert_eq!(seen.lost, 0);
    let by_ip = |router| {
        let mut all = seen.sightings.iter();
        all.by_ref()
            .filter(|sighting| (sighting.router, sighting.kind) == (router, Kind::Ip))
            .count()
    };
    assert_eq!([by_ip(1), by_ip(2)], [spoken[0] + spoken[2], spoken[1]]);
    let spans = dual::dual(&seen.sightings, MOMENT);
    assert!(spans.is_empty(), "{spans:?}");
}

#[test]
fn every_kind_of_claim_is_seen_and_nothing_else() {
    let lab = Lab::pair().unwrap();
    let [r1, r2] = pair(&lab);
    let other_vip = "192.168.1.253".parse().unwrap();
    let watch = Sightings::start(&lab.switch, &[VIP, other_vip]).unwrap();
    let arp = |sender, operation| {
        let arp = Arp {
            source: r1.mac,
            operation,
            sender_mac: r1.mac,
            sender,
            target_mac: [0; 6],
            target: lab.client.address,
        };
        wire::encode_arp([0xff; 6], &arp).to_vec()
    };
    let ip = |source: [u8; 6], sender: std::net::Ipv4Addr, protocol| {
        let mut frame = [&[0xff; 6][..], &source, &[8, 0, 0x45]].concat();
        frame.resize(60, 0);
        frame[23] = protocol;
        frame[26..30].copy_from_slice(&sender.octets());
        frame
    };
    let ipv6 = |source: [u8; 6]| {
        let mut frame = [&[0xff; 6][..], &source, &[0x86, 0xdd]].concat();
        frame.resize(60, 0);
        frame
    };
    let own = r1.address;
    let for_ipv6 = [0, 0, 0x5e, 0, 2, 0x33];
    let claims = [
        (arp(VIP, 1), Kind::Arp),
        (arp(other_vip, 2), Kind::Arp),
        (ip(r1.mac, VIP, 17), Kind::Ip),
        (ip(r1.mac, other_vip, 6), Kind::Ip),
        (ip(VIRTUAL_MAC, own, 112), Kind::Advert),
        (ip(VIRTUAL_MAC, own, 17), Kind::Ip),
        (ipv6(for_ipv6), Kind::Other),
    ];
    let others = [
        arp(own, 1),
        ip(r1.mac, own, 17),
        ip(r1.mac, own, 112),
        ip([0, 0, 0x5e, 0, 3, 0x33], own, 17),
        ip([0, 0, 0x5f, 0, 1, 0x33], own, 17),
        ipv6(r1.mac),
    ];
    let send = |host: &Host, frames: &[&Vec<u8>]| {
        let sent = host.netns.run(|| {
            let socket = PacketSocket::open(Some(host.interface), ONLY_ARP)?;
            frames.iter().try_for_each(|frame| socket.send(frame))?;
            Ok(())
        });
        sent.unwrap();
    };
    let claiming: Vec<_> = claims.iter().map(|(frame, _)| frame).collect();
    send(r1, &others.iter().collect::<Vec<_>>());
    // A host that is no router is none of this judge's business.
    send(&lab.client, &claiming);
    send(r1, &claiming);
    send(r2, &claiming[..1]);
    pause();
    let seen = watch.stop().unwrap();

    let kinds = |router| {
        let mine = seen.sightings.iter();
        mine.filter(|sighting| sighting.router == router)
            .map(|sighting| sighting.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(1), claims.each_ref().map(|(_, kind)| *kind));
    assert_eq!(kinds(2), [Kind::Arp]);
}

#[test]
fn a_full_buffer_is_told() {
    let lab = Lab::pair().unwrap();
    let [r1, _] = pair(&lab);
    let unread = lab
        .switch
        .netns()
        .run(|| PacketSocket::open(None, ONLY_ARP));
    let unread = unread.unwrap();
    assert_eq!(unread.dropped().unwrap(), 0);
    let question = Arp {
        source: r1.mac,
        operation: 1,
        sender_mac: r1.mac,
        sender: r1.address,
        target_mac: [0; 6],
        target: VIP,
    };
    // Large ones fill the buffer sooner, and the switch need not spread them.
    let mut frame = wire::encode_arp([0xff; 6], &question).to_vec();
    frame.resize(1500, 0);
    r1.port.silence().unwrap();
    r1.netns
        .run(|| {
            let socket = PacketSocket::open(Some(r1.interface), ONLY_ARP)?;
            clock::wait_until("a frame that finds no room", PATIENCE, || {
                // What the link itself has no room for is sent again.
                (0..500).for_each(|_| drop(socket.send(&frame)));
                Ok(unread.dropped()? > 0)
            })
        })
        .unwrap();
}

/// Gives a router an interface with the virtual MAC that never speaks by itself.
fn add_virtual_interface(router: &Host) {
    let quiet = "net/ipv6/conf/default/disable_ipv6";
    if std::path::Path::new("/proc/sys").join(quiet).exists() {
        router.netns.sysctl(quiet, "1").unwrap();
    }
    let add = "link add vrrp.51 link ens33 address 00:00:5e:00:01:33 type macvlan mode bridge";
    router.netns.ip(add).unwrap();
    router.netns.ip("link set vrrp.51 up").unwrap();
}

/// Speaks from the virtual MAC until the switch knows where that is.
fn speak_from_virtual_mac(lab: &Lab, router: &Host) {
    let announcement = Arp::announcing(VIRTUAL_MAC, VIP);
    let sent = router.netns.run(|| {
        let socket = PacketSocket::open(Some("vrrp.51"), ONLY_ARP)?;
        socket.send(&wire::encode_arp([0xff; 6], &announcement))?;
        Ok(())
    });
    sent.unwrap();
    let show = format!("fdb show dev {}", router.port.name());
    clock::wait_until("the switch learns", PATIENCE, || {
        let table = lab.switch.netns().tool("bridge", &show)?;
        Ok(table.contains("00:00:5e:00:01:33"))
    })
    .unwrap();
}

#[test]
fn the_forwarding_table_tells_every_hop_of_a_mac() {
    let lab = Lab::pair().unwrap();
    let [r1, r2] = pair(&lab);
    [r1, r2].into_iter().for_each(add_virtual_interface);
    speak_from_virtual_mac(&lab, r1);
    let before = clock::now();
    let watch = FdbWatch::start(&lab.switch).unwrap();
    for router in [r1, r2, r2, r1, r2] {
        speak_from_virtual_mac(&lab, router);
    }
    let moves = watch.stop().unwrap();
    let after = clock::now();

    let hops: Vec<_> = moves
        .iter()
        .filter(|learned| learned.mac == VIRTUAL_MAC)
        .collect();
    let routers: Vec<_> = hops.iter().map(|learned| learned.router).collect();
    // What the table held at the start, then the changes.
    assert_eq!(routers, [1, 2, 1, 2]);
    assert_eq!(fdb::moves_of(&moves, VIRTUAL_MAC), 3);
    assert!(hops.is_sorted_by_key(|learned| learned.at));
    assert!(hops[0].at > before && hops[3].at < after);
    assert!(
        moves.iter().all(|learned| learned.mac != lab.client.mac),
        "the client is no router: {moves:?}"
    );
}

#[test]
fn an_address_comes_and_goes_in_order() {
    let lab = Lab::pair().unwrap();
    let [r1, _] = pair(&lab);
    add_virtual_interface(r1);
    // Another address is no news, nor is the same one on a second interface while it is on the first.
    let others = [253, 252].map(|other| std::net::Ipv4Addr::new(192, 168, 1, other));
    link::add_address(&r1.netns, "vrrp.51", others[0], 32).unwrap();
    let watch = AddressWatch::start(&r1.netns, VIP).unwrap();
    let before = clock::now();
    own(r1);
    let owned = clock::now();
    link::add_address(&r1.netns, "vrrp.51", others[1], 32).unwrap();
    link::add_address(&r1.netns, "vrrp.51", VIP, 32).unwrap();
    disown(r1);
    let moved = clock::now();
    r1.netns
        .ip(&format!("addr del {VIP}/32 dev vrrp.51"))
        .unwrap();
    let gone = clock::now();
    let [(_, initially), (came, present), (went, still)] = watch.stop().unwrap()[..] else {
        panic!("not three entries");
    };
    assert_eq!([initially, present, still], [false, true, false]);
    assert!(came > before && came < owned + SLACK);
    assert!(went > moved && went < gone + SLACK);

    own(r1);
    let watch = AddressWatch::start(&r1.netns, VIP).unwrap();
    let history = watch.stop().unwrap();
    assert!(matches!(history[..], [(_, true)]), "{history:?}");
}

#[test]
fn effort_tells_a_busy_process_from_a_sleeping_and_a_waking_one() {
    let shell = |script: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script]);
        Process::start(command).unwrap()
    };
    let busy = shell("echo ready; while :; do :; done");
    let asleep = shell("echo ready; exec sleep 600");
    // Waits for each of its children.
    let waking = shell("echo ready; while :; do sleep 0.001; done");
    for process in [&busy, &asleep, &waking] {
        process.log().wait("ready", PATIENCE).unwrap();
    }
    clock::wait_until("`sh` has become `sleep` and sleeps", PATIENCE, || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", asleep.pid()))?;
        Ok(stat.contains("(sleep) S"))
    })
    .unwrap();

    let of = |processes: &[&Process]| {
        let pids: Vec<_> = processes.iter().map(|process| process.pid()).collect();
        Effort::of(&pids).unwrap()
    };
    let start = [&busy, &asleep, &waking].map(|process| of(&[process]));
    let both_start = of(&[&busy, &asleep]);
    let enough = Duration::from_millis(50);
    clock::wait_until("50 ms of work and ten wake-ups", PATIENCE, || {
        let woken = of(&[&waking]).since(&start[2]).wakeups;
        let both = of(&[&busy, &asleep]).since(&both_start);
        Ok(both.cpu >= enough && woken >= 10)
    })
    .unwrap();
    let [worked, slept] = [&busy, &asleep].map(|process| of(&[process]));
    assert!(worked.since(&start[0]).cpu >= enough);
    assert_eq!(slept.since(&start[1]), Effort::default());

    busy.signal(Signal::SIGKILL).unwrap();
    clock::wait_until("an error", PATIENCE, || {
        Ok(Effort::of(&[asleep.pid(), busy.pid()]).is_err())
    })
    .unwrap();
}
