//! What an Active still says when its process has died: priority 0, by whoever clears up after it, so that its
//! Backups wait for their Skew_Time and not for their Active_Down_Interval (RFC 9568 section 6.4.3).
//!
//! The frames lie ready beside the journal, with the source address and the MAC that the node speaks from. The control
//! plane writes them before the engine is told of either, so that the engine itself never writes a file. With them lies
//! the network namespace, in which alone they may be sent.

mod hex;

use std::{borrow::Cow, collections::BTreeMap, io, net::IpAddr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vrrp_ebpf::{types::Mac, wire::encode::EncodeError};

use super::{
    frames::{FrameSpec, Frames},
    message::Command,
    plan::Plan,
    sender::FrameSender,
    unicast::UnicastSender,
};
use crate::{
    ids::{InterfaceId, RouterId},
    io::runtime_dir::{RESIGNATIONS, RuntimeDir, RuntimeDirError},
    proto::Settings,
};

/// Why resignations cannot be written.
#[derive(Debug, Error)]
pub enum ResignationError {
    /// The adverts cannot be built.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// As JSON.
    #[error(transparent)]
    Format(#[from] serde_json::Error),
    /// The file.
    #[error(transparent)]
    File(#[from] RuntimeDirError),
}

/// The priority 0 adverts of every virtual router whose interface is known, kept in the runtime directory.
#[derive(Debug, Default)]
pub struct Resignations {
    speakers: BTreeMap<RouterId, Speaker>,
    ready: BTreeMap<RouterId, Resignation>,
    netns: u64,
    /// The file does not say yet what is said here.
    is_stale: bool,
}

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Content<'a> {
    netns: u64,
    routers: Vec<Cow<'a, Resignation>>,
}

/// The part of it that has to be understood for priority 0, whatever version of the node wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Left {
    /// Inode of the network namespace that the rest is about.
    pub netns: u64,
    /// By virtual router.
    pub routers: Vec<Resignation>,
}

/// What the adverts of a virtual router are made of.
#[derive(Debug)]
struct Speaker {
    interface: InterfaceId,
    settings: Settings,
    spec: FrameSpec,
    /// The virtual IPs that adverts carry if they have room.
    listed: Vec<IpAddr>,
    /// MAC of the interface, once it is known.
    mac: Option<Mac>,
}

/// The priority 0 adverts of one virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resignation {
    /// The virtual router's slot in the BPF maps.
    pub slot: u32,
    /// Index of the interface of its adverts.
    pub ifindex: u32,
    /// Its unicast peers; none for multicast.
    pub peers: Vec<IpAddr>,
    /// Ethernet frames to the group, or IP packets for each peer in turn.
    #[serde(with = "hex")]
    pub frames: Vec<Vec<u8>>,
}

impl Resignations {
    /// For the virtual routers of a plan, in the network namespace with this inode; nothing is written yet.
    #[must_use]
    pub fn new(plan: &Plan, netns: u64) -> Self {
        let speakers = plan.routers.iter().map(|router| {
            let speaker = Speaker {
                interface: router.interface,
                settings: router.settings.clone(),
                spec: router.frames.clone(),
                listed: router.listed().to_vec(),
                mac: None,
            };
            (router.id, speaker)
        });
        Self {
            speakers: speakers.collect(),
            ready: BTreeMap::new(),
            netns,
            is_stale: false,
        }
    }

    /// The engine is going to be told this. Writes what changes by it, once.
    ///
    /// # Errors
    /// When the file cannot be written: then it says what it said before, until the next call.
    pub fn prepare(
        &mut self,
        directory: &RuntimeDir,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<(), ResignationError> {
        let mut noted = Ok(());
        for command in commands {
            // A router whose adverts cannot be built is no reason to forget the others.
            let this = self.note(command);
            noted = noted.and(this);
        }
        if self.is_stale {
            let content = Content {
                netns: self.netns,
                routers: self.ready.values().map(Cow::Borrowed).collect(),
            };
            directory.replace(RESIGNATIONS, &serde_json::to_vec(&content)?)?;
            self.is_stale = false;
        }
        Ok(noted?)
    }

    fn note(&mut self, command: Command) -> Result<(), EncodeError> {
        let (Command::LinkUp { router, .. } | Command::Fit { router, .. }) = command else {
            return Ok(());
        };
        let Some(speaker) = self.speakers.get_mut(&router) else {
            return Ok(());
        };
        speaker.learn(command);
        if let Some(resignation) = speaker.resignation(router.slot())?
            && self.ready.get(&router) != Some(&resignation)
        {
            self.ready.insert(router, resignation);
            self.is_stale = true;
        }
        Ok(())
    }
}

impl Speaker {
    fn learn(&mut self, command: Command) {
        match command {
            Command::LinkUp { primary, mac, .. } => {
                self.settings.primary = primary;
                self.mac = Some(mac);
            }
            Command::Fit { advertised, .. } => {
                let fitting = self.listed.iter().take(advertised.max(1));
                self.spec.advertised = fitting.copied().collect();
            }
            _ => {}
        }
    }

    fn resignation(&self, slot: u32) -> Result<Option<Resignation>, EncodeError> {
        let Some(mac) = self.mac else {
            return Ok(None);
        };
        Ok(Some(Resignation {
            slot,
            ifindex: self.interface.0,
            peers: self.spec.peers.clone(),
            frames: Frames::resignations(&self.spec, &self.settings, mac)?,
        }))
    }
}

/// What the last node of this directory would say for its virtual routers; `None` without the file.
///
/// # Errors
/// When the file cannot be read or is not what we write.
pub fn load(directory: &RuntimeDir) -> Result<Option<Left>, ResignationError> {
    let content = directory.read(RESIGNATIONS)?;
    let left = content.map(|content| serde_json::from_slice(&content));
    Ok(left.transpose()?)
}

impl Resignation {
    /// Sends them, from any process of the network namespace.
    ///
    /// # Errors
    /// When the kernel took none.
    pub fn send(&self) -> io::Result<()> {
        let interface = InterfaceId(self.ifindex);
        let frames = self.frames.iter().map(Vec::as_slice);
        let sent = if self.peers.is_empty() {
            FrameSender::open(interface)?.send(frames)
        } else {
            UnicastSender::open(interface, &self.peers)?.send(frames)
        };
        match sent.refused {
            Some(errno) if !sent.any && !sent.waiting => Err(errno.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;
    use crate::{config::Quick, io::runtime_dir::InstanceName};

    const IFINDEX: u32 = 7;
    const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 254));

    fn resignations() -> Resignations {
        let quick = Quick {
            interface: "ens33".to_owned(),
            vrid: 51,
            priority: 200,
            vips: vec!["192.168.1.254".to_owned(), "192.168.1.253".to_owned()],
            advert_int: Duration::from_secs(1),
            version: None,
        };
        let config = quick.parse().config.unwrap();
        let plan = Plan::new(&config.instances, |_| Some((InterfaceId(IFINDEX), [0; 6]))).unwrap();
        Resignations::new(&plan, 77)
    }

    fn link_up(router: u16, primary: [u8; 4], mac: Mac) -> Command {
        let primary = Ipv4Addr::from(primary).into();
        Command::LinkUp {
            router: RouterId::first(router),
            primary,
            mac,
        }
    }

    /// Ethernet source, IPv4 source, priority and number of virtual IPs of the only frame that is ready.
    fn ready(directory: &RuntimeDir) -> (Vec<u8>, Vec<u8>, [u8; 2]) {
        let loaded = load(directory).unwrap().unwrap();
        assert_eq!(loaded.netns, 77);
        let [resignation] = &loaded.routers[..] else {
            panic!("{loaded:?}");
        };
        assert_eq!((resignation.slot, resignation.ifindex), (0, IFINDEX));
        let [frame] = &resignation.frames[..] else {
            panic!("{resignation:?}");
        };
        let numbers = [frame[36], frame[37]];
        (frame[6..12].to_vec(), frame[26..30].to_vec(), numbers)
    }

    #[test]
    fn frames_follow_source_address_mac_and_room() {
        let base = tempfile::tempdir().unwrap();
        let directory = RuntimeDir::create(base.path(), &InstanceName::default()).unwrap();
        let mut resignations = resignations();
        let fit = |advertised| Command::Fit {
            router: RouterId::first(0),
            advertised,
        };
        // Nobody speaks from an interface that is not known.
        resignations.prepare(&directory, [fit(2)]).unwrap();
        assert_eq!(load(&directory).unwrap(), None);
        let (first, other) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let (ours, new) = ([192, 168, 1, 1], [192, 168, 1, 9]);
        for (command, mac, address, count) in [
            (link_up(0, ours, first), first, ours, 2),
            (link_up(0, ours, other), other, ours, 2),
            (fit(1), other, ours, 1),
            (link_up(0, new, other), other, new, 1),
            (fit(7), other, new, 2),
        ] {
            resignations.prepare(&directory, [command]).unwrap();
            let expected = (mac.to_vec(), address.to_vec(), [0, count]);
            assert_eq!(ready(&directory), expected, "{command:?}");
        }
        // What has not changed is not written again, and a router that does not exist never.
        directory.remove(RESIGNATIONS).unwrap();
        for command in [
            link_up(0, new, other),
            link_up(9, new, other),
            Command::Stop,
        ] {
            resignations.prepare(&directory, [command]).unwrap();
            assert_eq!(load(&directory).unwrap(), None, "{command:?}");
        }
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let base = tempfile::tempdir().unwrap();
        let directory = RuntimeDir::create(base.path(), &InstanceName::default()).unwrap();
        let mut resignations = resignations();
        let (mac, ours) = ([2, 0, 0, 0, 0, 1], [192, 168, 1, 1]);
        // A folder in its place cannot be replaced.
        let obstacle = directory.path(RESIGNATIONS);
        std::fs::create_dir(&obstacle).unwrap();
        let up = link_up(0, ours, mac);
        resignations.prepare(&directory, [up]).unwrap_err();
        resignations.prepare(&directory, [up]).unwrap_err();
        std::fs::remove_dir(&obstacle).unwrap();
        resignations.prepare(&directory, []).unwrap();
        assert_eq!(ready(&directory).0, mac);
    }

    /// As many as there may be, with as long an advert as an Ethernet frame takes, of both versions.
    #[test]
    fn the_adverts_of_every_peer_have_room() {
        let base = tempfile::tempdir().unwrap();
        let directory = RuntimeDir::create(base.path(), &InstanceName::default()).unwrap();
        let peers = vrrp_ebpf::abi::MAX_PEERS as usize;
        let mut resignations = resignations();
        let all = Resignation {
            slot: 0,
            ifindex: IFINDEX,
            peers: vec![VIP; peers],
            frames: vec![vec![0xff; 1500]; 2 * peers],
        };
        resignations.ready.insert(RouterId::first(0), all.clone());
        resignations.is_stale = true;
        resignations.prepare(&directory, []).unwrap();
        assert_eq!(load(&directory).unwrap().unwrap().routers, [all]);
    }
}
