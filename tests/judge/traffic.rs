//! The lab's traffic: a lossy link that loses what its seed says, a beacon that leaves no host
//! without the address, and streams whose stalls are those that were made.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, UdpSocket},
    time::Duration,
};

use vrrp_tests::{
    beacon::{BEACON_PORT, Beacon},
    clock::{self, Nanos},
    echo::Echo,
    lab::{Host, INNER_INTERFACE, INNER_VIP, Lab, SERVER, VIP},
    link,
    loss::{Direction, Loss, is_lost},
    prober::{PORT, Prober},
    stream::{STREAM_PORT, Stream, StreamServer},
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
    let (client, r1) = (&lab.client, lab.routers.first().unwrap());
    let hosts = lab.routers.iter().chain([client]).map(|host| &host.netns);
    for netns in hosts.chain([lab.switch.netns()]) {
        netns.sysctl("net/ipv6/conf/all/disable_ipv6", "1").unwrap();
    }
    for (from, to) in [(client, r1), (r1, client)] {
        know(from, to);
        // The switch learns where they are, and floods nothing later.
        let (sender, receiver) = (socket(from, 0), socket(to, 0));
        let place = receiver.local_addr().unwrap();
        sender.send_to(&[0], place).unwrap();
        clock::wait_until("they meet", LIMIT, || Ok(receiver.recv(&mut [0]).is_ok())).unwrap();
    }
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
    let (sender, receiver) = (socket(from, 0), socket(to, 0));
    let place = receiver.local_addr().unwrap();
    let before = (loss.seen().unwrap(), loss.dropped().unwrap());
    let mut received = Vec::new();
    for number in 0..FRAMES {
        sender.send_to(&number.to_le_bytes(), place).unwrap();
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
        assert_eq!(before[1], 0, "r2 never had it");
    }
    drop(beacons);
}

fn await_byte_after(stream: &Stream, moment: Nanos) {
    clock::wait_until("the stream goes on", LIMIT, || {
        Ok(stream.last_heard() > moment)
    })
    .unwrap();
}

/// Makes a router the way between client and server, as two nodes on it would.
fn lead_through(lab: &Lab, router: &Host) {
    own(router);
    point_client_to(lab, router);
    let add = format!("addr add {INNER_VIP}/32 dev {INNER_INTERFACE}");
    router.netns.ip(&add).unwrap();
    let mac = link::mac(&router.netns, INNER_INTERFACE).unwrap();
    let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
    let point = format!("neigh replace {INNER_VIP} lladdr {mac} dev eth0 nud reachable");
    lab.behind
        .as_ref()
        .unwrap()
        .server
        .netns
        .ip(&point)
        .unwrap();
}

#[test]
fn what_is_routed_stalls_as_long_as_nobody_routes() {
    let lab = Lab::builder().behind().build().unwrap();
    let behind = lab.behind.as_ref().unwrap();
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    let server = &behind.server.netns;
    let _echo = Echo::start(server, SERVER, PORT, 9).unwrap();
    let _service = StreamServer::start(server, SERVER, STREAM_PORT).unwrap();
    lead_through(&lab, r1);
    let prober = Prober::start(&lab.client.netns, SERVER, PERIOD).unwrap();
    let stream = |patience| Stream::start(&lab.client.netns, SERVER, PERIOD, patience).unwrap();
    let patient = stream(LIMIT);
    let impatient = stream(Duration::from_millis(20));
    let await_both = |moment| {
        await_byte_after(&patient, moment);
        await_byte_after(&impatient, moment);
    };
    await_both(clock::now());

    let before = clock::now();
    r1.port.silence().unwrap();
    behind.ports[0].silence().unwrap();
    let down = clock::now();
    pause(60);
    let mending = clock::now();
    lead_through(&lab, r2);
    let up = clock::now();
    await_both(up);
    let end = clock::now();
    let recording = prober.stop().unwrap();

    assert_eq!(recording.changes(), 0, "the server answers by any way");
    let slack = 2_000_000 + recording.worst_lateness;
    let gap = recording.longest_silence();
    assert!(gap > mending - down && gap < up - before + slack, "{gap}");
    for (patient, stream) in [(true, patient), (false, impatient)] {
        let recording = stream.stop().unwrap();
        let (start, stop) = recording.longest_stall(before, end);
        assert!(start < down + slack, "{start} {before} {down}");
        assert!(stop > mending && stop < end, "{stop} {mending} {end}");
        assert_eq!(recording.connects == 1, patient, "{}", recording.connects);
    }
}

/// A stream of such patience to a service that r1 has, and r2 could have.
fn served_by_r1(lab: &Lab, patience: Duration) -> ([StreamServer; 2], Stream) {
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    let serve = |router: &Host| StreamServer::start(&router.netns, VIP, STREAM_PORT).unwrap();
    let services = [serve(r1), serve(r2)];
    own(r1);
    point_client_to(lab, r1);
    let stream = Stream::start(&lab.client.netns, VIP, PERIOD, patience).unwrap();
    await_byte_after(&stream, clock::now());
    (services, stream)
}

#[test]
fn a_stream_to_a_service_stalls_until_the_service_is_elsewhere() {
    let lab = Lab::builder().forwarding(false).build().unwrap();
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    let (_services, stream) = served_by_r1(&lab, Duration::from_millis(50));

    let before = clock::now();
    disown(r1);
    let down = clock::now();
    pause(120);
    let mending = clock::now();
    own(r2);
    point_client_to(&lab, r2);
    await_byte_after(&stream, clock::now());
    let end = clock::now();

    let recording = stream.stop().unwrap();
    let (start, stop) = recording.longest_stall(before, end);
    assert!(start < down + 20_000_000, "{start} {before} {down}");
    assert!(stop > mending && stop < end, "{stop} {mending} {end}");
    assert_eq!(recording.connects, 2);
}

#[test]
fn a_reset_stream_connects_anew_whatever_its_patience() {
    let lab = Lab::pair().unwrap();
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    let (_services, stream) = served_by_r1(&lab, Duration::from_secs(3_600));
    own(r2);
    // r2 knows nothing of the connection and resets it.
    point_client_to(&lab, r2);
    disown(r1);
    await_byte_after(&stream, clock::now());
    assert_eq!(stream.stop().unwrap().connects, 2);
}

#[test]
fn the_service_echoes_and_speaks_by_itself() {
    let lab = Lab::pair().unwrap();
    let r1 = &lab.routers[0];
    let _service = StreamServer::start(&r1.netns, r1.address, STREAM_PORT).unwrap();
    let connect = || Ok(TcpStream::connect((r1.address, STREAM_PORT))?);
    let mut silent = lab.client.netns.run(connect).unwrap();
    let mut client = lab.client.netns.run(connect).unwrap();
    for socket in [&silent, &client] {
        socket.set_read_timeout(Some(LIMIT)).unwrap();
    }
    silent.read_exact(&mut [0; 50]).unwrap();

    client.write_all(&[1; 100]).unwrap();
    let (mut echoed, mut byte) = (0, [0]);
    while echoed < 100 {
        client.read_exact(&mut byte).unwrap();
        echoed += u32::from(byte == [1]);
    }
    drop(client);
    silent.read_exact(&mut [0; 50]).unwrap();
}

#[test]
fn nobody_behind_the_routers_is_redirected() {
    let lab = Lab::builder().behind().build().unwrap();
    let read = |key: &str| {
        let path = format!("/proc/sys/net/ipv4/{key}");
        let read = || Ok(std::fs::read_to_string(path)?);
        lab.routers[1].netns.run(read).unwrap().trim().to_owned()
    };
    for scope in ["all", INNER_INTERFACE] {
        assert_eq!(read(&format!("conf/{scope}/send_redirects")), "0");
        assert_eq!(read(&format!("conf/{scope}/rp_filter")), "0");
        assert_eq!(read(&format!("conf/{scope}/forwarding")), "1");
    }
}
