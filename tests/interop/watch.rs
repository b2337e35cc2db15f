//! Who owns the VIP from a client's view: who answers its questions, by UDP and by ARP or Neighbour
//! Discovery.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use vrrp_tests::{
    arp_prober::{ArpProber, ArpRecording},
    clock,
    gap::Recording,
    lab::Host,
    prober::Prober,
};

use crate::{known, row::Kind};

/// Between two questions by UDP.
const UDP: Duration = Duration::from_millis(5);
/// Questions by ARP, or Neighbour Solicitations, in a watch. Each makes a neighbour entry on every router,
/// and the kernel has room for a thousand: of all labs of the machine together.
const ARP: u32 = 25;
/// Part of the questions, in percent, that the owner must answer. Not all: a lab whose CPU is taken away
/// for long loses the last ones.
const ANSWERED: usize = 80;

/// A router, as far as it matters who answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party {
    pub(crate) kind: Kind,
    /// Whether its node was killed and nobody cleared up.
    pub(crate) killed: bool,
    /// Of its interface.
    pub(crate) mac: [u8; 6],
    /// Of the virtual router.
    pub(crate) virtual_mac: [u8; 6],
}

impl Party {
    /// Whether its answers to who has the VIP have this MAC.
    fn answers_with(&self, mac: [u8; 6]) -> bool {
        match self.kind {
            Kind::Xvrrp | Kind::Keepalived => mac == self.mac,
            Kind::KeepalivedVmac | Kind::Frr => mac == self.virtual_mac,
            Kind::FrrPlain => mac == self.virtual_mac || mac == self.mac,
        }
    }

    /// Why it answers when it should not, or more than once; `None` if that is an error. Nothing
    /// excuses our node.
    fn known(&self) -> Option<&'static str> {
        match self.kind {
            Kind::FrrPlain => Some(known::FRR_ANSWERS_ARP),
            Kind::Frr if self.killed => Some(known::FRR_KILLED),
            Kind::Keepalived | Kind::KeepalivedVmac if self.killed => {
                Some(known::KEEPALIVED_KILLED)
            }
            Kind::Xvrrp | Kind::Keepalived | Kind::KeepalivedVmac | Kind::Frr => None,
        }
    }
}

/// What a client saw for a while.
#[derive(Debug)]
pub(crate) struct Watch {
    udp: Recording,
    arp: ArpRecording,
}

impl Watch {
    /// Lets a client ask for a span.
    pub(crate) fn over(client: &Host, vip: IpAddr, span: Duration) -> Result<Self> {
        let udp = Prober::start(&client.netns, vip, UDP)?;
        let arp = ArpProber::start(client, vip, span / ARP)?;
        clock::sleep(span);
        Ok(Self {
            udp: udp.stop()?,
            arp: arp.stop()?,
        })
    }

    /// Whether the client got to ask half of what it should: if not, that nothing was wrong says little.
    pub(crate) fn is_whole(&self) -> bool {
        let enough = ARP as usize / 2;
        self.arp.asked.len() >= enough && self.udp.sent.len() >= enough
    }

    /// Demands that the router `owner` answers, each question once, and nobody else does; returns what
    /// the parties, `r1` first, are known to do nevertheless.
    pub(crate) fn judge(&self, owner: u8, parties: &[Party]) -> Result<BTreeSet<&'static str>> {
        let mut known = self.judge_arp(owner, parties)?;
        known.extend(self.judge_udp(owner, parties)?);
        Ok(known)
    }

    fn judge_arp(&self, owner: u8, parties: &[Party]) -> Result<BTreeSet<&'static str>> {
        let serving = party(owner, parties)?;
        let mut questions: BTreeMap<u32, Vec<[u8; 6]>> = BTreeMap::new();
        for answer in &self.arp.answers {
            questions
                .entry(answer.question)
                .or_default()
                .push(answer.mac);
        }
        let mut known = BTreeSet::new();
        let mut answered = 0;
        for mut macs in questions.into_values() {
            if let Some(first) = macs.iter().position(|mac| serving.answers_with(*mac)) {
                macs.remove(first);
                answered += 1;
            }
            for mac in macs {
                let mut candidates = parties.iter().filter(|party| party.answers_with(mac));
                let reason = candidates.find_map(Party::known);
                known.insert(reason.with_context(|| {
                    format!(
                        "{} answers who has it, once too often, while r{owner} is Active",
                        mac.map(|byte| format!("{byte:02x}")).join(":")
                    )
                })?);
            }
        }
        enough("questions who has it", answered, self.arp.asked.len())?;
        Ok(known)
    }

    fn judge_udp(&self, owner: u8, parties: &[Party]) -> Result<BTreeSet<&'static str>> {
        let mut known = BTreeSet::new();
        for answer in &self.udp.answers {
            if answer.router != owner {
                let reason = party(answer.router, parties)?.known();
                // A client that believes a router that should not have answered its ARP question.
                known.insert(reason.with_context(|| {
                    format!("r{} served the client instead of r{owner}", answer.router)
                })?);
            }
        }
        enough("UDP probes", self.udp.answers.len(), self.udp.sent.len())?;
        Ok(known)
    }
}

fn party(number: u8, parties: &[Party]) -> Result<&Party> {
    let index = usize::from(number).checked_sub(1);
    index
        .and_then(|index| parties.get(index))
        .with_context(|| format!("there is no r{number}"))
}

fn enough(what: &str, answered: usize, asked: usize) -> Result<()> {
    ensure!(
        answered * 100 >= asked * ANSWERED,
        "only {answered} of {asked} {what} were answered"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use vrrp_tests::{arp_prober::ArpAnswer, gap::Answer};

    use super::*;

    const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const THEIRS: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const VIRTUAL_MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

    /// Ten questions of each kind, all answered by r1 with our MAC; and further ARP answers.
    fn watch(more: &[(u32, [u8; 6])]) -> Watch {
        let ours = (0..10).map(|question| (question, OURS));
        let answer = |(question, mac)| ArpAnswer {
            question,
            received: 0,
            mac,
        };
        Watch {
            udp: Recording {
                sent: vec![0; 10],
                answers: (0..10)
                    .map(|probe| Answer {
                        probe,
                        received: 0,
                        router: 1,
                    })
                    .collect(),
                worst_lateness: 0,
            },
            arp: ArpRecording {
                asked: vec![0; 10],
                answers: ours.chain(more.iter().copied()).map(answer).collect(),
                worst_lateness: 0,
            },
        }
    }

    fn parties(peer: Kind, killed: bool) -> [Party; 2] {
        let party = |kind, killed, mac| Party {
            kind,
            killed,
            mac,
            virtual_mac: VIRTUAL_MAC,
        };
        [party(Kind::Xvrrp, false, OURS), party(peer, killed, THEIRS)]
    }

    #[test]
    fn one_owner_is_one_owner() {
        let known = watch(&[]).judge(1, &parties(Kind::Keepalived, false));
        assert!(known.unwrap().is_empty());
    }

    #[test]
    fn who_hardly_asks_knows_little() {
        let mut hurried = watch(&[]);
        assert!(!hurried.is_whole());
        hurried.arp.asked = vec![0; 25];
        hurried.udp.sent = vec![0; 100];
        assert!(hurried.is_whole());
    }

    #[test]
    fn nobody_answers_twice_or_beside_the_owner() {
        let parties = parties(Kind::Keepalived, false);
        for more in [(3, OURS), (3, THEIRS), (3, VIRTUAL_MAC)] {
            watch(&[more]).judge(1, &parties).unwrap_err();
        }
    }

    #[test]
    fn we_do_not_answer_for_another_owner() {
        let parties = parties(Kind::FrrPlain, true);
        let error = watch(&[]).judge(2, &parties).unwrap_err().to_string();
        assert!(error.contains("02:00:00:00:00:01"), "{error}");
    }

    #[test]
    fn a_dead_peer_that_answers_is_named() {
        let named = |peer, mac| {
            let known = watch(&[(3, mac)]).judge(1, &parties(peer, true));
            known.unwrap().into_iter().collect::<Vec<_>>()
        };
        assert_eq!(named(Kind::Keepalived, THEIRS), [known::KEEPALIVED_KILLED]);
        assert_eq!(named(Kind::Frr, VIRTUAL_MAC), [known::FRR_KILLED]);
        assert_eq!(named(Kind::FrrPlain, THEIRS), [known::FRR_ANSWERS_ARP]);
    }

    #[test]
    fn silence_is_not_service() {
        let mut silent = watch(&[]);
        silent.arp.answers.clear();
        let parties = parties(Kind::Keepalived, false);
        silent.judge(1, &parties).unwrap_err();
        let mut silent = watch(&[]);
        silent.udp.answers.clear();
        silent.judge(1, &parties).unwrap_err();
    }
}
