//! The sender on real sockets, and which way frames go where there is no room for them.

use super::*;
use crate::io::testing::{in_namespace, index, run};

/// Sends four frames to a driver and a queueing discipline that refuse some; returns what left which way.
fn sent(
    driver: impl Fn(usize) -> Option<Errno>,
    queue: impl Fn(usize) -> Option<Errno>,
) -> (Vec<(Way, usize)>, Sent) {
    let mut left = Vec::new();
    let mut sent = Sent::default();
    let result = hand_over(4, &mut sent, |way, first| {
        let (refuse, last): (&dyn Fn(usize) -> _, _) = match way {
            Way::Direct => (&driver, 4),
            Way::Queued => (&queue, first + 1),
        };
        if let Some(errno) = refuse(first) {
            return Err(errno);
        }
        let taken = (first..last).take_while(|frame| refuse(*frame).is_none());
        let taken = Vec::from_iter(taken.map(|frame| (way, frame)));
        left.extend(&taken);
        Ok(taken.len())
    });
    assert_eq!(
        result.err(),
        sent.refused.filter(|why| *why != Errno::ENOBUFS)
    );
    (left, sent)
}

fn room(_: usize) -> Option<Errno> {
    None
}

fn full(_: usize) -> Option<Errno> {
    Some(Errno::ENOBUFS)
}

fn some(any: bool, waiting: bool, refused: Option<Errno>) -> Sent {
    Sent {
        any,
        waiting,
        refused,
    }
}

#[test]
fn frame_without_room_is_queued_in_its_place() {
    use Way::{Direct, Queued};
    let stopped = |frame| (frame == 0 || frame == 2).then_some(Errno::ENOBUFS);
    assert_eq!(
        sent(stopped, room),
        (
            vec![(Queued, 0), (Direct, 1), (Queued, 2), (Direct, 3)],
            some(true, true, None)
        )
    );
    assert_eq!(
        sent(full, room),
        (
            (0..4).map(|frame| (Queued, frame)).collect(),
            some(false, true, None)
        )
    );
    let direct = (0..4).map(|frame| (Direct, frame)).collect();
    assert_eq!(sent(room, full), (direct, some(true, false, None)));
}

/// The other frames leave, and that they did counts.
#[test]
fn frame_without_room_anywhere_costs_only_itself() {
    let stopped = |frame| (frame >= 1).then_some(Errno::ENOBUFS);
    assert_eq!(
        sent(stopped, full),
        (
            vec![(Way::Direct, 0)],
            some(true, false, Some(Errno::ENOBUFS))
        )
    );
    assert_eq!(
        sent(full, full),
        (vec![], some(false, false, Some(Errno::ENOBUFS)))
    );
}

/// Frames that left, and how.
type Left = Vec<(Way, usize)>;

/// How many left of four, and why the next did not.
fn in_order(
    mut direct: impl FnMut(usize) -> Option<Errno>,
    mut queued: impl FnMut(usize) -> Option<Errno>,
) -> (Left, (usize, Option<Errno>)) {
    let mut left = Vec::new();
    let result = hand_over_in_order(4, &mut |way, frame| {
        let refuse: &mut dyn FnMut(usize) -> Option<Errno> = match way {
            Way::Direct => &mut direct,
            Way::Queued => &mut queued,
        };
        match refuse(frame) {
            Some(errno) => Err(errno),
            None => {
                left.push((way, frame));
                Ok(1)
            }
        }
    });
    (left, result)
}

#[test]
fn announcements_stop_at_the_first_that_is_not_taken() {
    use Way::{Direct, Queued};
    let (left, result) = in_order(room, full);
    assert_eq!(result, (4, None));
    assert_eq!(left, [0, 1, 2, 3].map(|frame| (Direct, frame)));
    let stopped = |frame| (frame >= 1).then_some(Errno::ENOBUFS);
    let (left, result) = in_order(stopped, |frame| (frame >= 2).then_some(Errno::ENOBUFS));
    assert_eq!(result, (2, Some(Errno::ENOBUFS)));
    assert_eq!(left, [(Direct, 0), (Queued, 1)]);
    let down = |frame| (frame >= 3).then_some(Errno::ENETDOWN);
    assert_eq!(in_order(down, room).1, (3, Some(Errno::ENETDOWN)));
}

#[test]
fn a_full_device_is_left_alone_for_longer_each_time() {
    let mut room = Room::default();
    let at = |ms: u64| Instant(1_000_000_000 + ms * 1_000_000);
    assert_eq!(room.at(at(0)), ROOM);
    room.took(ROOM - 1);
    assert_eq!(room.at(at(0)), 1);
    room.took(1);
    assert_eq!((room.at(at(0)), room.next), (0, at(1)));
    assert_eq!(room.at(at(1)), ROOM);
    let mut waits = Vec::new();
    let mut now = 1;
    for _ in 0..9 {
        room.is_full(at(now));
        assert_eq!(room.at(at(now)), 0);
        let wait = (room.next.0 - at(now).0) / 1_000_000;
        waits.push(wait);
        now += wait;
        assert_eq!(room.at(at(now)), ROOM);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    room.took(1);
    room.is_full(at(now));
    assert_eq!(room.next, at(now + 1));
}

#[test]
fn interface_that_is_down_ends_it() {
    let down = |frame| (frame >= 1).then_some(Errno::ENETDOWN);
    let (left, result) = sent(down, room);
    assert_eq!(left, [(Way::Direct, 0)]);
    assert_eq!(result, some(true, false, Some(Errno::ENETDOWN)));
    // It went down in between.
    let (left, result) = sent(full, down);
    assert_eq!(left, [(Way::Queued, 0)]);
    assert_eq!(result, some(false, true, Some(Errno::ENETDOWN)));
}

#[test]
fn either_way_leads_out_and_one_through_the_queueing_discipline() {
    in_namespace(async || {
        run("ip link add ens33 type veth peer name peer");
        run("ip link set ens33 addrgenmode none up");
        run("ip link set peer addrgenmode none up");
        run("tc qdisc add dev ens33 root pfifo");
        let received = || {
            let shown = run("ip -s -j link show dev peer");
            let (_, rx) = shown.split_once("\"rx\":").unwrap();
            let (_, packets) = rx.split_once("\"packets\":").unwrap();
            packets.split_once(',').unwrap().0.parse::<u64>().unwrap()
        };
        let mut sender = FrameSender::open(InterfaceId(index("ens33"))).unwrap();
        let frame = [0xff; 60];
        let (mut before, mut queued) = (received(), 0);
        for way in [Way::Direct, Way::Queued] {
            if way == Way::Queued {
                sender.direct = sender.queued.try_clone().unwrap();
                queued += 2;
            }
            let result = sender.send([&frame[..], &frame[..]]);
            assert_eq!(result, some(true, false, None));
            assert_eq!(received(), before + 2, "{way:?}");
            before += 2;
            let counted = run("tc -s qdisc show dev ens33");
            assert!(counted.contains(&format!(" {queued} pkt ")), "{counted}");
        }
    });
}

/// A card whose transmit queue is stuck must not look like one that sends.
#[test]
fn what_waits_in_the_queueing_discipline_is_known() {
    in_namespace(async || {
        run("ip link add ens33 type veth peer name peer");
        run("ip link set ens33 addrgenmode none up");
        run("ip link set peer addrgenmode none up");
        // A byte per second, after the first hundred.
        run("tc qdisc add dev ens33 root tbf rate 8bit burst 100b limit 10000");
        let mut sender = FrameSender::open(InterfaceId(index("ens33"))).unwrap();
        assert!(!sender.is_waiting());
        sender.direct = sender.queued.try_clone().unwrap();
        let frame = [0xff; 60];
        sender.send([&frame[..], &frame[..], &frame[..]]);
        assert!(sender.is_waiting());
        run("tc qdisc del dev ens33 root");
        assert!(!sender.is_waiting());
    });
}
