//! The lab with the nodes of a row on it, what is done to them, and what must be true then.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use vrrp_tests::{
    capture::{Capture, Seen},
    clock,
    contender::{self, Contender},
    echo::Echo,
    lab::{Host, Lab},
    node::{self, Node},
    prober::{PORT, Prober},
};

use crate::{
    decoder::{Decoder, Expected},
    known,
    play::Act,
    row::{Family, Kind, Row, Speech, Transport, Version},
    watch::{Party, Watch},
};

/// How long a condition is waited for: what only a broken node reaches.
const LIMIT: Duration = Duration::from_secs(30);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How often a client asks the VIP while an owner is awaited.
const PROBE: Duration = Duration::from_millis(5);
/// The shortest time that a scene is watched for.
const WATCH: Duration = Duration::from_millis(500);
/// How often a client may try to watch a scene on a machine that leaves it no time to ask.
const WATCHES: usize = 5;

/// Counters of what we refuse, or do not find as expected, in a peer's adverts.
const REFUSED: [&str; 16] = [
    "bad_source",
    "martian_source",
    "bad_destination",
    "interval_differs",
    "bad_ttl",
    "bad_version",
    "bad_type",
    "bad_length",
    "bad_checksum",
    "bad_count",
    "bad_interval",
    "bad_auth_type",
    "bad_password",
    "bad_address_list",
    "address_list_differs",
    // Otherwise `known::ALWAYS` is untrue.
    "checksum_plain",
];

/// Routers with a node each.
pub(crate) struct Stage {
    // Dropped in this order: nodes end before their network goes.
    members: Vec<Member>,
    decoder: Option<Decoder>,
    capture: Capture,
    _echos: Vec<Echo>,
    lab: Lab,
    row: Row,
    /// Number of our router.
    ours: u8,
}

/// A node on its router.
struct Member {
    kind: Kind,
    node: Box<dyn Node>,
    life: Life,
}

/// What was done to a node last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// It was started.
    Runs,
    /// Nothing, or it was stopped in good order, or killed and cleared up.
    Gone,
    /// It was killed, and what it left is there.
    Killed,
}

impl Stage {
    /// Builds the lab of a row; no node is started.
    pub(crate) fn new(row: Row) -> Result<Self> {
        let kinds = row.play.kinds();
        let family = row.speech.family;
        let mut lab = Lab::builder().routers(u8::try_from(kinds.len())?);
        if family == Family::V6 {
            lab = lab.ipv6();
        }
        let lab = lab.build()?;
        let binary = node::binary()?;
        let mut members = Vec::new();
        let mut echos = Vec::new();
        let mut ours = None;
        for ((number, router), kind) in (1..).zip(&lab.routers).zip(kinds) {
            let contender = Contender::standard(&[kind.name().to_owned()], &binary)?.remove(0);
            if let Some(reason) = contender.is_missing() {
                bail!(reason);
            }
            let speech = speech(row.speech, router, &lab.routers);
            members.push(Member {
                kind,
                node: contender.single(router, &speech, row.play.priority(number))?,
                life: Life::Gone,
            });
            echos.push(Echo::start(&router.netns, family.vip(), PORT, number)?);
            if kind == Kind::Xvrrp {
                ours = Some(number);
            }
        }
        let ours = ours.context("a row without our node")?;
        Ok(Self {
            members,
            decoder: Some(Decoder::start(&lab, ours, family)?),
            capture: Capture::start(&lab.switch)?,
            _echos: echos,
            lab,
            row,
            ours,
        })
    }

    /// Does something to a router.
    pub(crate) fn act(&mut self, act: Act) -> Result<()> {
        match act {
            Act::Start(number) => {
                let member = self.member(number);
                member.life = Life::Runs;
                member.node.start()
            }
            Act::Stop(number) => {
                let member = self.member(number);
                member.life = Life::Gone;
                member.node.stop().map(drop)
            }
            Act::Kill(number) => {
                let member = self.member(number);
                member.life = Life::Killed;
                member.node.kill().map(drop)
            }
            Act::ClearUp(number) => {
                let member = self.member(number);
                member.life = Life::Gone;
                member.node.clear_up()
            }
            Act::Silence(number) => self.router(number).port.silence(),
            Act::Heal(number) => self.router(number).port.heal(),
            Act::AwaitActive(number) => {
                self.await_advert(number)?;
                let node = &mut self.member(number).node;
                eventually(&format!("r{number} is Active"), || node.is_active())
            }
        }
        .with_context(|| format!("{act:?}"))
    }

    /// Waits until a router serves and the others do not, and looks on for longer than anybody would
    /// take to change his mind. Returns what the peers are known to do nevertheless.
    pub(crate) fn settle(&mut self, owner: u8) -> Result<BTreeSet<&'static str>> {
        let mut known = BTreeSet::new();
        if let Err(error) = self.await_owner(owner) {
            let member = self.member(owner);
            if !matches!(member.kind, Kind::Frr | Kind::FrrPlain) {
                return Err(error);
            }
            known.insert(known::FRR_LOST_START);
            member.node.stop()?;
            member.node.start()?;
            self.await_owner(owner)?;
        }
        let members = self.members.iter().zip(&self.lab.routers);
        let parties: Vec<_> = members
            .map(|(member, router)| Party {
                kind: member.kind,
                killed: member.life == Life::Killed,
                mac: router.mac,
                virtual_mac: self.row.speech.family.virtual_mac(),
            })
            .collect();
        let span = WATCH.max(self.row.speech.interval() * 4);
        let mut whole = false;
        for _ in 0..WATCHES {
            let watch = Watch::over(&self.lab.client, self.row.speech.family.vip(), span)?;
            known.extend(watch.judge(owner, &parties)?);
            whole = watch.is_whole();
            if whole {
                break;
            }
        }
        ensure!(whole, "the machine left the client no time to ask");
        for (number, member) in (1..).zip(&mut self.members) {
            if member.life == Life::Runs {
                let is_active = member.node.is_active()?;
                ensure!(is_active == (number == owner), "r{number} changed its mind");
            }
        }
        self.assert_understood()?;
        Ok(known)
    }

    /// Waits for an advert of this router from now on. FRR calls itself Active a second or two before it can send
    /// over IPv6, and until then another router rightly takes over: who is Active is told by the wire.
    fn await_advert(&self, number: u8) -> Result<()> {
        self.capture.clear();
        eventually(&format!("r{number} sends an advert"), || {
            Ok(self.capture.seen().iter().any(|seen| claims(seen, number)))
        })
    }

    fn await_owner(&mut self, owner: u8) -> Result<()> {
        self.await_advert(owner)?;
        let vip = self.row.speech.family.vip();
        let prober = Prober::start(&self.lab.client.netns, vip, PROBE)?;
        for (number, member) in (1..).zip(&mut self.members) {
            if member.life != Life::Runs {
                continue;
            }
            if member.kind == Kind::Xvrrp {
                eventually(&format!("r{number} has started"), || {
                    Ok(member.node.status().is_ok())
                })?;
            }
            let is_owner = number == owner;
            let word = if is_owner { "" } else { "not " };
            eventually(&format!("r{number} is {word}Active"), || {
                Ok(member.node.is_active()? == is_owner)
            })?;
        }
        // A client may believe any FRR that is set up as its documentation says.
        if self.members.iter().all(|one| one.kind != Kind::FrrPlain) {
            eventually(&format!("r{owner} answers the client"), || {
                Ok(prober.answering() == owner)
            })?;
        }
        prober.stop().map(drop)
    }

    /// Ends the capture and returns how many adverts of ours it has, none of them faulty.
    pub(crate) fn decode(&mut self) -> Result<usize> {
        let decoder = self.decoder.take().context("decoded already")?;
        let Speech {
            version,
            family,
            transport,
            ..
        } = self.row.speech;
        let routers = self.lab.routers.iter();
        decoder.stop(&Expected {
            version: version.number(),
            family,
            destinations: match transport {
                Transport::Multicast => vec![family.group()],
                Transport::Unicast => routers.map(|one| family.address(one)).collect(),
            },
            mac: self.router(self.ours).mac,
        })
    }

    /// Why our node is in its state.
    pub(crate) fn last_cause(&self) -> Result<String> {
        let status = self.status()?.context("our node does not run")?;
        let transitions = status["routers"][0]["transitions"].as_array();
        let last = transitions.and_then(|all| all.last());
        let cause = last.and_then(|last| last["cause"].as_str());
        Ok(cause.context("the status has no cause")?.to_owned())
    }

    /// What the nodes have to say.
    pub(crate) fn evidence(&mut self) -> String {
        let evidence = (1..).zip(&mut self.members).map(|(number, member)| {
            let name = member.kind.name();
            let log = match member.node.process() {
                Ok(process) => process.log().tail(25),
                Err(error) => format!("    {error:#}"),
            };
            format!("  r{number}, {name}:\n{log}\n")
        });
        evidence.collect()
    }

    /// Neither do we refuse what the peers say, nor they what we say.
    fn assert_understood(&mut self) -> Result<()> {
        if let Some(status) = self.status()? {
            let counters = &status["routers"][0]["counters"];
            for name in REFUSED {
                let count = &counters[name];
                ensure!(*count == 0, "our counter {name} is {count}");
            }
        }
        for (number, member) in (1..).zip(&mut self.members) {
            let Ok(process) = member.node.process() else {
                continue;
            };
            for line in process.log().lines() {
                ensure!(
                    !complains(member.kind, &line.text),
                    "r{number} complains: {}",
                    line.text
                );
            }
        }
        Ok(())
    }

    /// Our node's, if it runs.
    fn status(&self) -> Result<Option<Value>> {
        let ours = self.members.iter().find(|one| one.kind == Kind::Xvrrp);
        match ours {
            Some(member) if member.life == Life::Runs => member.node.status(),
            _ => Ok(None),
        }
    }

    fn member(&mut self, number: u8) -> &mut Member {
        &mut self.members[usize::from(number) - 1]
    }

    fn router(&self, number: u8) -> &Host {
        &self.lab.routers[usize::from(number) - 1]
    }
}

/// Whether a router says with this frame that it is Active.
fn claims(seen: &Seen, number: u8) -> bool {
    seen.router() == Some(number) && seen.advert_priority().is_some_and(|priority| priority > 0)
}

/// What the node on `router` is told.
fn speech(speech: Speech, router: &Host, routers: &[Host]) -> contender::Speech {
    let mut instance = String::new();
    if speech.version == Version::TwoWithPassword {
        instance.push_str("authentication {\n auth_type PASS\n auth_pass 1111\n}\n");
    }
    if speech.transport == Transport::Unicast {
        let ours = speech.family.address(router);
        let peers = routers.iter().map(|one| speech.family.address(one));
        let peers = peers.filter(|address| *address != ours);
        let peers: String = peers.map(|address| format!(" {address}\n")).collect();
        instance.push_str(&format!(
            "unicast_src_ip {ours}\nunicast_peer {{\n{peers}}}\n"
        ));
    }
    contender::Speech {
        version: speech.version.number(),
        advert_int_ms: speech.interval_ms,
        vips: speech.family.vips().to_vec(),
        instance,
        ..contender::Speech::fast()
    }
}

/// Whether a line of a peer's log is about an advert that it does not take. A keepalived that is
/// Active discards a worse advert, and says so.
fn complains(kind: Kind, line: &str) -> bool {
    let words: &[&str] = match kind {
        Kind::Xvrrp => &[],
        Kind::Keepalived | Kind::KeepalivedVmac => &[
            "bogus",
            "ignoring received",
            "Dropping received",
            "mismatch",
            "not present in",
            "nvalid",
        ],
        Kind::Frr | Kind::FrrPlain => &["nvalid", "ismatch", "iscarding", "Bad "],
    };
    words.iter().any(|word| line.contains(word))
}

fn eventually(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = clock::now() + clock::span_nanos(LIMIT);
    while !holds()? {
        ensure!(clock::now() < deadline, "waited {LIMIT:?} in vain: {what}");
        clock::sleep(LOOK);
    }
    Ok(())
}
