//! The lab's traffic: a lossy link that loses what its seed says, a beacon that leaves no host
//! without the address, and streams whose stalls are those that were made.

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use vrrp_tests::{
    beacon::{BEACON_PORT, Beacon},
    clock,
    echo::Echo,
    lab::{Behind, Host, INNER_INTERFACE, INNER_VIP, Lab, SERVER, VIP},
    loss::{Direction, Loss, is_lost},
    prober::{PORT, Prober},
    stream::{STREAM_PORT, Stream, StreamRecording, StreamServer},
};

use super::{PERIOD, disown, own, point_client_to};

const FRAMES: u32 = 3_000;
const PERCENT: u8 = 20;
const LIMIT: Duration = Duration::from_secs(10);

fn pause(milliseconds: u64) {
    clock::sleep(Duration::from_millis(milliseconds));
}

/// A lab where nothing moves by itself: neighbours are known, and IPv6 does not ask around.
fn quiet_lab() -> Lab {
    let lab = Lab::pair().unwrap();
    let hosts = [&lab.client, &lab.routers[0], &lab.routers[1]].map(|host| &host.netns);
    for netns in hosts.into_iter().chain([lab.switch.netns()]) {
        netns.sysctl("net/ipv6/conf/all/disable_ipv6", "1").unwrap();
    }
    know(&lab.client, &lab.routers[0]);
    know(&lab.routers[0], &lab.client);
    lab
}

fn know(host: &Host, other: &Host) {
    let mac = other.mac.map(|byte| format!("{byte:02x}")).join(":");
    let (address, interface) = (other.address, host.interface);
    let change = format!("neigh replace {address} lladdr {mac} dev {interface} nud permanent");
    host.netns.ip(&change).unwrap();
}

fn socket(host: &Host, port: u16) -> UdpSocket {
    let socket = host
        .netns
        .run(|| Ok(UdpSocket::bind((host.address, port))?))
        .unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Sends numbered frames from one host to another over a lossy port and returns which were lost.
fn lost(loss: &Loss, from: &Host, to: &Host) -> Vec<u64> {
    let (sender, receiver) = (socket(from, 0), socket(to, 9));
    let before = (loss.seen().unwrap(), loss.dropped().unwrap());
    let mut received = Vec::new();
    for number in 0..FRAMES {
        sender
            .send_to(&number.to_le_bytes(), (to.address, 9))
            .unwrap();
        // In step with the kernel, so that no queue overflows.
        clock::wait_until("the frame was judged", LIMIT, || {
            Ok(loss.seen()? - before.0 > u64::from(number))
        })
        .unwrap();
        drain(&receiver, &mut received);
    }
    let dropped = usize::try_from(loss.dropped().unwrap() - before.1).unwrap();
    clock::wait_until("what was not dropped arrived", LIMIT, || {
        drain(&receiver, &mut received);
        Ok(received.len() + dropped >= FRAMES as usize)
    })
    .unwrap();
    assert_eq!(loss.seen().unwrap() - before.0, u64::from(FRAMES));
    assert_eq!(received.len() + dropped, FRAMES as usize);
    (0..FRAMES)
        .filter(|number| received.binary_search(number).is_err())
        .map(u64::from)
        .collect()
}

fn drain(socket: &UdpSocket, received: &mut Vec<u32>) {
    let mut number = [0; 4];
    while socket.recv(&mut number).is_ok() {
        received.push(u32::from_le_bytes(number));
    }
}

fn foretold(seed: u64, direction: Direction) -> Vec<u64> {
    (0..u64::from(FRAMES))
        .filter(|&n| is_lost(seed, direction, PERCENT, n))
        .collect()
}

#[test]
fn a_lossy_link_loses_what_its_seed_says() {
    let lab = quiet_lab();
    let (client, r1) = (&lab.client, &lab.routers[0]);
    let lose = |seed| r1.port.lose(PERCENT, seed).unwrap();

    let loss = lose(1);
    let first = lost(&loss, r1, client);
    // Five standard deviations of the binomial distribution: 5 * sqrt(3000 * 0.2 * 0.8) = 110.
    assert!((490..=710).contains(&first.len()), "{}", first.len());
    assert_eq!(first, foretold(1, Direction::In));
    assert_eq!(
        lost(&loss, client, r1),
        foretold(1, Direction::Out),
        "the way back is counted by itself"
    );
    drop(loss);

    assert_eq!(
        lost(&lose(1), r1, client),
        first,
        "the same seed, the same frames"
    );
    assert_ne!(lost(&lose(2), r1, client), first, "another seed, others");
    let silent = r1.port.lose(100, 1).unwrap();
    assert_eq!(lost(&silent, r1, client).len(), FRAMES as usize);
    drop(silent);

    // Behind a counter that loses nothing on the client's port, to see that nothing is lost before.
    let counter = client.port.lose(0, 1).unwrap();
    assert_eq!(lost(&counter, r1, client), [0_u64; 0]);
}

#[test]
fn a_beacon_is_heard_from_the_owner_only() {
    let lab = quiet_lab();
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    let receiver = socket(&lab.client, BEACON_PORT);
    let counter = |router: &Host| router.port.lose(0, 0).unwrap();
    let counters = [counter(r1), counter(r2)];
    let sent = || [0, 1].map(|n: usize| counters[n].seen().unwrap());
    let beacon = |host: &Host| Beacon::start(&host.netns, VIP, lab.client.address, PERIOD).unwrap();
    let beacons = [beacon(r1), beacon(r2)];

    pause(50);
    assert_eq!(sent(), [0, 0], "nobody has the address");
    assert!(receiver.recv(&mut [0; 8]).is_err());

    for _ in 0..2 {
        own(r1);
        clock::wait_until("r1 is heard", LIMIT, || Ok(sent()[0] > 20)).unwrap();
        let mut buffer = [0; 8];
        let (_, from) = receiver.recv_from(&mut buffer).unwrap();
        assert_eq!(from, (VIP, BEACON_PORT).into());
        disown(r1);
        // One may be on its way still.
        pause(10);
        let before = sent();
        pause(50);
        assert_eq!(sent(), before, "frames from a host without the address");
        assert!(before[1] <= lab_noise(), "r2 sent {}", before[1]);
    }
    drop(beacons);
}

/// Frames that reach r2's port though nobody means it: the switch floods until it knows a MAC.
fn lab_noise() -> u64 {
    0
}

fn stall(recording: &StreamRecording, from: u64, until: u64) -> (u64, u64) {
    let stall = recording.longest_stall(from, until);
    println!(
        "{} connections, stall of {} us",
        recording.connects,
        (stall.1 - stall.0) / 1_000
    );
    stall
}
