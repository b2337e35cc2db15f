//! Who-has the VIP, at a fixed rate, and how often each question was answered: two answers are two
//! owners. By ARP, or by Neighbour Solicitation if the VIP is of IPv6.
//!
//! An answer names its question without doubt: every question has its own pair of sender address
//! (one of a hundred that no host of the lab has) and sender MAC (a new one for each round through
//! the addresses), and an answer carries both back. So few addresses, because a router's kernel
//! makes a neighbour entry for each.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;

use crate::{
    clock::{self, Nanos},
    frames::v6::{Neighbour, link_layer},
    lab::Host,
    packet::{ONLY_ARP, ONLY_NEIGHBOUR_ADVERTISEMENTS, PacketSocket},
    realtime,
    wire::{self, Arp, Frame},
    worker::{Stop, Worker},
};

/// Sender addresses: 192.168.1.101 to 192.168.1.200, and 2001:db8:1::a5:65 to 2001:db8:1::a5:c8.
const SENDERS: u32 = 100;
/// Time that answers to the last questions get.
const GRACE: Duration = Duration::from_millis(20);
const BROADCAST: [u8; 6] = [0xff; 6];

/// A running ARP prober.
#[derive(Debug)]
pub struct ArpProber {
    worker: Worker<ArpRecording>,
    asked: Arc<AtomicUsize>,
}

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpAnswer {
    /// Which question: index into [`ArpRecording::asked`].
    pub question: u32,
    /// When the kernel received it.
    pub received: Nanos,
    /// The MAC that it gives for the VIP.
    pub mac: [u8; 6],
}

/// All that an ARP prober saw.
#[derive(Clone, Debug, Default)]
pub struct ArpRecording {
    /// When each question was sent.
    pub asked: Vec<Nanos>,
    /// In the order of arrival.
    pub answers: Vec<ArpAnswer>,
    /// The prober's own worst lateness in nanoseconds.
    pub worst_lateness: u64,
}

impl ArpRecording {
    /// How many questions were answered exactly `times` times.
    #[must_use]
    pub fn answered(&self, times: usize) -> usize {
        self.answers_per_question()
            .iter()
            .filter(|macs| macs.len() == times)
            .count()
    }

    /// Questions that were answered more than once: when they were asked, and with which MACs.
    #[must_use]
    pub fn answered_twice(&self) -> Vec<(Nanos, Vec<[u8; 6]>)> {
        self.asked
            .iter()
            .copied()
            .zip(self.answers_per_question())
            .filter(|(_, macs)| macs.len() > 1)
            .collect()
    }

    fn answers_per_question(&self) -> Vec<Vec<[u8; 6]>> {
        let mut macs = vec![Vec::new(); self.asked.len()];
        for answer in &self.answers {
            if let Some(macs) = macs.get_mut(answer.question as usize) {
                macs.push(answer.mac);
            }
        }
        macs
    }
}

impl ArpProber {
    /// Starts to ask for `vip` from a client, once per `period`, until [`Self::stop`].
    ///
    /// # Errors
    /// If the socket or the thread cannot be made.
    pub fn start(client: &Host, vip: impl Into<IpAddr>, period: Duration) -> Result<Self> {
        let (interface, vip) = (client.interface, vip.into());
        let answers = match vip {
            IpAddr::V4(_) => ONLY_ARP,
            IpAddr::V6(_) => ONLY_NEIGHBOUR_ADVERTISEMENTS,
        };
        let asked = Arc::new(AtomicUsize::new(0));
        let noted = Arc::clone(&asked);
        let worker = Worker::start(&client.netns, "arp-prober", move |stop| {
            let socket = PacketSocket::open(Some(interface), answers)?;
            realtime::become_fifo(realtime::JUDGE)?;
            ask(&socket, vip, clock::span_nanos(period), &noted, stop)
        })?;
        Ok(Self { worker, asked })
    }

    /// How many questions were sent so far. On a busy machine it takes a while until there is one.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Ends the asking, waits for answers on their way, and returns the recording.
    ///
    /// # Errors
    /// What made the prober fail.
    pub fn stop(self) -> Result<ArpRecording> {
        self.worker.finish()
    }
}

fn ask(
    socket: &PacketSocket,
    vip: IpAddr,
    period: u64,
    asked: &AtomicUsize,
    stop: &Stop,
) -> Result<ArpRecording> {
    let mut recording = ArpRecording::default();
    let mut next = clock::now() + period;
    while stop.is_awaited() {
        clock::sleep_until(next);
        let now = clock::now();
        let late = now.saturating_sub(next);
        recording.worst_lateness = recording.worst_lateness.max(late);
        let number = u32::try_from(recording.asked.len())?;
        recording.asked.push(now);
        // A cut link is among what this measures: the question counts as unanswered.
        drop(socket.send(&question(vip, number)));
        asked.store(recording.asked.len(), Ordering::Relaxed);
        receive(socket, vip, &mut recording)?;
        next += period * (1 + late / period);
    }
    clock::sleep(GRACE);
    receive(socket, vip, &mut recording)?;
    Ok(recording)
}

fn receive(socket: &PacketSocket, vip: IpAddr, recording: &mut ArpRecording) -> Result<()> {
    socket.drain(|received| {
        if let Some((question, mac)) = answer(vip, received.frame) {
            recording.answers.push(ArpAnswer {
                question,
                received: received.at,
                mac,
            });
        }
    })
}

/// A question as a frame.
fn question(vip: IpAddr, number: u32) -> Vec<u8> {
    let (host, mac) = key(number);
    match vip {
        IpAddr::V4(target) => {
            let question = Arp {
                source: mac,
                operation: 1,
                sender_mac: mac,
                sender: Ipv4Addr::new(192, 168, 1, host),
                target_mac: [0; 6],
                target,
            };
            wire::encode_arp(BROADCAST, &question).to_vec()
        }
        IpAddr::V6(target) => {
            let mut question = Neighbour::who_has(target.octets());
            question.ethernet.source = mac;
            question.ip.source = sender_v6(host).octets();
            question.options = link_layer(1, mac);
            question.build()
        }
    }
}

/// The question that a frame answers, and with which MAC; nothing if it is no answer.
fn answer(vip: IpAddr, frame: &[u8]) -> Option<(u32, [u8; 6])> {
    match (wire::decode(frame)?, vip) {
        (Frame::Arp(told), IpAddr::V4(vip)) if told.operation == 2 && told.sender == vip => {
            let [192, 168, 1, host] = told.target.octets() else {
                return None;
            };
            Some((number(host, told.target_mac)?, told.sender_mac))
        }
        (Frame::Neighbour(told), IpAddr::V6(vip)) if told.advertises(vip) => {
            let [.., host] = told.destination.octets();
            let is_ours = told.destination == sender_v6(host);
            Some((number(host, told.to).filter(|_| is_ours)?, told.mac?))
        }
        _ => None,
    }
}

fn sender_v6(host: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0xa5, host.into())
}

/// The last byte of the sender's address, and its MAC, of a question.
fn key(number: u32) -> (u8, [u8; 6]) {
    let [_, _, _, host] = (101 + number % SENDERS).to_be_bytes();
    let [_, a, b, c] = (number / SENDERS).to_be_bytes();
    (host, [0x02, 0xa5, 0, a, b, c])
}

/// The question that an answer to this address and MAC belongs to.
fn number(host: u8, mac: [u8; 6]) -> Option<u32> {
    let [0x02, 0xa5, 0, a, b, c] = mac else {
        return None;
    };
    let sender = u32::from(host).checked_sub(101)?;
    (sender < SENDERS).then(|| u32::from_be_bytes([0, a, b, c]) * SENDERS + sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_question() {
        for question in [0, 1, 99, 100, 101, 12_345, 1_234_567] {
            let (host, mac) = key(question);
            assert_eq!(number(host, mac), Some(question));
        }
        for host in [100, 201] {
            assert_eq!(number(host, key(0).1), None);
        }
        assert_eq!(number(key(0).0, [0x02, 0, 0, 0, 0, 1]), None);
    }

    #[test]
    fn an_answer_of_ipv6_is_told_from_others() {
        let vip = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe);
        let (owner, other) = ([2, 0, 0, 0, 0, 1], Ipv6Addr::LOCALHOST);
        let (host, mac) = key(12_345);
        let mut told = Neighbour::announcement(vip.octets());
        told.ethernet.destination = mac;
        told.ip.destination = sender_v6(host).octets();
        told.options = link_layer(2, owner);
        assert_eq!(answer(vip.into(), &told.build()), Some((12_345, owner)));
        assert_eq!(answer(other.into(), &told.build()), None);
        assert_eq!(answer(vip.into(), &question(vip.into(), 7)), None);
        told.ip.destination = other.octets();
        assert_eq!(answer(vip.into(), &told.build()), None);
    }

    #[test]
    fn answers_are_counted_per_question() {
        let answer = |question, last| ArpAnswer {
            question,
            received: 0,
            mac: [2, 0, 0, 0, 0, last],
        };
        let recording = ArpRecording {
            asked: vec![10, 20, 30],
            answers: vec![answer(0, 1), answer(2, 1), answer(2, 2)],
            worst_lateness: 0,
        };
        assert_eq!(recording.answered(0), 1);
        assert_eq!(recording.answered(1), 1);
        assert_eq!(
            recording.answered_twice(),
            [(30, vec![[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]])]
        );
    }
}
