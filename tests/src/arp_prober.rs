//! Who-has the VIP, at a fixed rate, and how often each question was answered: two answers are two
//! owners.
//!
//! An answer names its question without doubt: every question has its own pair of sender address
//! (one of a hundred that no host of the lab has) and sender MAC (a new one for each round through
//! the addresses), and an ARP answer carries both back. So few addresses, because a router's kernel
//! makes a neighbour entry for each.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;

use crate::{
    clock::{self, Nanos},
    lab::Host,
    packet::{ONLY_ARP, PacketSocket},
    realtime,
    wire::{self, Arp, Frame},
    worker::{Stop, Worker},
};

/// Sender addresses: 192.168.1.101 to 192.168.1.200.
const SENDERS: u32 = 100;
/// Time that answers to the last questions get.
const GRACE: Duration = Duration::from_millis(20);
const BROADCAST: [u8; 6] = [0xff; 6];

/// A running ARP prober.
#[derive(Debug)]
pub struct ArpProber {
    worker: Worker<ArpRecording>,
}

/// An answer to an ARP question.
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
    pub fn start(client: &Host, vip: Ipv4Addr, period: Duration) -> Result<Self> {
        let interface = client.interface;
        let worker = Worker::start(&client.netns, "arp-prober", move |stop| {
            let socket = PacketSocket::open(Some(interface), ONLY_ARP)?;
            realtime::become_fifo(realtime::JUDGE)?;
            ask(&socket, vip, clock::span_nanos(period), stop)
        })?;
        Ok(Self { worker })
    }

    /// Ends the asking, waits for answers on their way, and returns the recording.
    ///
    /// # Errors
    /// What made the prober fail.
    pub fn stop(self) -> Result<ArpRecording> {
        self.worker.finish()
    }
}

fn ask(socket: &PacketSocket, vip: Ipv4Addr, period: u64, stop: &Stop) -> Result<ArpRecording> {
    let mut recording = ArpRecording::default();
    let mut next = clock::now() + period;
    while stop.is_awaited() {
        clock::sleep_until(next);
        let now = clock::now();
        let late = now.saturating_sub(next);
        recording.worst_lateness = recording.worst_lateness.max(late);
        let number = u32::try_from(recording.asked.len())?;
        recording.asked.push(now);
        let (sender, mac) = key(number);
        let question = Arp {
            source: mac,
            operation: 1,
            sender_mac: mac,
            sender,
            target_mac: [0; 6],
            target: vip,
        };
        // A cut link is among what this measures: the question counts as unanswered.
        drop(socket.send(&wire::encode_arp(BROADCAST, &question)));
        receive(socket, vip, &mut recording)?;
        next += period * (1 + late / period);
    }
    clock::sleep(GRACE);
    receive(socket, vip, &mut recording)?;
    Ok(recording)
}

fn receive(socket: &PacketSocket, vip: Ipv4Addr, recording: &mut ArpRecording) -> Result<()> {
    socket.drain(|received| {
        let Some(Frame::Arp(arp)) = wire::decode(received.frame) else {
            return;
        };
        if arp.operation != 2 || arp.sender != vip {
            return;
        }
        if let Some(question) = number(arp.target, arp.target_mac) {
            recording.answers.push(ArpAnswer {
                question,
                received: received.at,
                mac: arp.sender_mac,
            });
        }
    })
}

/// The sender's address and MAC of a question.
fn key(number: u32) -> (Ipv4Addr, [u8; 6]) {
    let [_, _, _, host] = (101 + number % SENDERS).to_be_bytes();
    let [_, a, b, c] = (number / SENDERS).to_be_bytes();
    (Ipv4Addr::new(192, 168, 1, host), [0x02, 0xa5, 0, a, b, c])
}

/// The question that an answer to this address and MAC belongs to.
fn number(sender: Ipv4Addr, mac: [u8; 6]) -> Option<u32> {
    let [192, 168, 1, host @ 101..=200] = sender.octets() else {
        return None;
    };
    let [0x02, 0xa5, 0, a, b, c] = mac else {
        return None;
    };
    Some(u32::from_be_bytes([0, a, b, c]) * SENDERS + u32::from(host) - 101)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_question() {
        for question in [0, 1, 99, 100, 101, 12_345, 1_234_567] {
            let (sender, mac) = key(question);
            assert_eq!(number(sender, mac), Some(question));
        }
        assert_eq!(number(Ipv4Addr::new(192, 168, 1, 100), key(0).1), None);
        assert_eq!(number(key(0).0, [0x02, 0, 0, 0, 0, 1]), None);
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
