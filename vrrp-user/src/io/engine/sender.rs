//! Frames out: AF_PACKET sockets per interface, with prebuilt frames, past the qdisc if there is room.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt},
};

/// Frames handed to the kernel per system call.
const BATCH: usize = 32;
/// `TC_PRIO_INTERACTIVE`: ahead of bulk traffic in the queueing discipline.
const PRIORITY: libc::c_int = 6;

/// Sends whole Ethernet frames on one interface. It receives nothing.
#[derive(Debug)]
pub(super) struct FrameSender {
    /// Past the queueing discipline.
    direct: OwnedFd,
    /// Through it, where a frame can wait until the driver has room.
    queued: OwnedFd,
    address: libc::sockaddr_ll,
}

/// What became of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// One of them at least has left.
    pub(super) any: bool,
    /// One of them at least waits in the queueing discipline.
    pub(super) waiting: bool,
    /// Why it did not take the first of those that it did not take.
    pub(super) refused: Option<Errno>,
}

impl FrameSender {
    /// Opens the sockets for an interface.
    ///
    /// # Errors
    /// errno of socket or setsockopt; EPERM without CAP_NET_RAW.
    pub(super) fn open(ifindex: u32) -> io::Result<Self> {
        // Protocol 0: the sockets are not attached to the receive path at all.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let open = || socket(AddressFamily::Packet, SockType::Raw, flags, None);
        let (direct, queued) = (open()?, open()?);
        bypass_qdisc(&direct)?;
        setsockopt(&queued, sockopt::Priority, &PRIORITY)?;
        // SAFETY: sockaddr_ll is plain data, for which all zeroes is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
        address.sll_ifindex = i32::try_from(ifindex).map_err(io::Error::other)?;
        Ok(Self {
            direct,
            queued,
            address,
        })
    }

    /// Hands frames to the driver, in order; one for which the driver has no room, to the queueing
    /// discipline. One that has no room there either is left out, and the others sent: half an
    /// announcement is better than its beginning alone. After any other refusal none is tried.
    pub(super) fn send<'frame, Frames>(&mut self, frames: Frames) -> Sent
    where
        Frames: IntoIterator<Item = &'frame [u8]>,
    {
        let mut frames = frames.into_iter().peekable();
        let mut sent = Sent::default();
        while frames.peek().is_some() {
            if self
                .send_batch(frames.by_ref().take(BATCH), &mut sent)
                .is_err()
            {
                break;
            }
        }
        // By now the driver may have had room.
        if sent.waiting && !self.is_waiting() {
            sent.waiting = false;
            sent.any = true;
        }
        sent
    }

    /// Whether the driver has not yet taken everything that was queued, as far as the kernel tells.
    pub(super) fn is_waiting(&self) -> bool {
        let mut bytes: libc::c_int = 0;
        // SAFETY: the request stores an int, to where we point.
        let asked = unsafe { libc::ioctl(self.queued.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
        asked != 0 || bytes != 0
    }

    fn send_batch<'frame, Frames>(&mut self, frames: Frames, sent: &mut Sent) -> Result<(), Errno>
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        // SAFETY: iovec and mmsghdr are plain data, for which all zeroes is a value.
        let mut pieces: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        let mut count = 0;
        for ((frame, piece), message) in frames.zip(&mut pieces).zip(&mut messages) {
            piece.iov_base = frame.as_ptr().cast_mut().cast();
            piece.iov_len = frame.len();
            message.msg_hdr.msg_iov = piece;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_name = (&raw mut self.address).cast();
            message.msg_hdr.msg_namelen = ADDRESS_LENGTH;
            count += 1;
        }
        hand_over(count, sent, |way, frames| {
            let (socket, last) = match way {
                Way::Direct => (&self.direct, count),
                Way::Queued => (&self.queued, frames + 1),
            };
            let (Some(rest), Ok(left)) = (
                messages.get_mut(frames..last),
                u32::try_from(last.saturating_sub(frames)),
            ) else {
                return Err(Errno::EINVAL);
            };
            // SAFETY: `rest` holds `left` headers whose pointers (frames, `pieces`, our address)
            // all outlive the call; the kernel only reads the frames.
            let done = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), left, 0) };
            let done = Errno::result(done)?;
            Ok(usize::try_from(done).unwrap_or_default())
        })
    }
}

/// How a frame gets to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    Queued,
}

/// Hands `count` frames over. `send` takes those from an index on, [`Way::Queued`] only the one there,
/// and returns how many left, or why the first did not.
///
/// # Errors
/// What is no matter of room: nothing after it was tried.
fn hand_over<Send>(count: usize, sent: &mut Sent, mut send: Send) -> Result<(), Errno>
where
    Send: FnMut(Way, usize) -> Result<usize, Errno>,
{
    let mut first = 0;
    while first < count {
        let mut way = Way::Direct;
        let mut tried = send(way, first);
        // A busy card's transmit queue is stopped at times: an advert that waits for a moment is worth more
        // than none until the next one is due.
        if tried == Err(Errno::ENOBUFS) {
            way = Way::Queued;
            tried = send(way, first);
        }
        match tried {
            Ok(taken) => {
                match way {
                    Way::Direct => sent.any |= taken > 0,
                    Way::Queued => sent.waiting |= taken > 0,
                }
                first += taken;
            }
            Err(errno) => {
                sent.refused = sent.refused.or(Some(errno));
                if errno != Errno::ENOBUFS {
                    return Err(errno);
                }
                first += 1;
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "20 bytes")]
const ADDRESS_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_ll>() as libc::socklen_t;

/// A queueing discipline can hold an advert back behind bulk traffic, or drop it. It also means
/// that our own frames do not pass our egress gate; those that are queued do, which lets the owner send.
fn bypass_qdisc(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, which is what we point at, for the length that we give.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_QDISC_BYPASS,
            (&raw const on).cast(),
            INT_LENGTH,
        )
    };
    Errno::result(result).map(drop).map_err(Into::into)
}

#[expect(clippy::cast_possible_truncation, reason = "4 bytes")]
const INT_LENGTH: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;

#[cfg(test)]
mod tests {
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
        let (left, result) = sent(stopped, full);
        assert_eq!(left, [(Way::Direct, 0)]);
        assert_eq!(result, some(true, false, Some(Errno::ENOBUFS)));
        assert_eq!(
            sent(full, full),
            (vec![], some(false, false, Some(Errno::ENOBUFS)))
        );
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
            let mut sender = FrameSender::open(index("ens33")).unwrap();
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
            let mut sender = FrameSender::open(index("ens33")).unwrap();
            assert!(!sender.is_waiting());
            sender.direct = sender.queued.try_clone().unwrap();
            let frame = [0xff; 60];
            sender.send([&frame[..], &frame[..], &frame[..]]);
            assert!(sender.is_waiting());
            run("tc qdisc del dev ens33 root");
            assert!(!sender.is_waiting());
        });
    }
}
