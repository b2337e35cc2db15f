//! What an Active still says when its process has died: priority 0, by whoever clears up after it, so that its
//! Backups wait for their Skew_Time and not for their Active_Down_Interval (RFC 9568 section 6.4.3).
//!
//! The frames lie ready beside the journal, with the source address and the MAC that the node speaks from. The control
//! plane writes them before the engine has parts with either, so that the engine itself never writes a file. With them
//! lies the network namespace, in which alone they may be sent.

mod hex;

use std::{borrow::Cow, collections::BTreeMap, io, net::IpAddr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{parts::Parts, sender::FrameSender, unicast::UnicastSender};
use crate::{
    ids::{InterfaceId, RouterId},
    io::runtime_dir::{RESIGNATIONS, RuntimeDir, RuntimeDirError},
    proto::Family,
};

/// Why resignations cannot be written.
#[derive(Debug, Error)]
pub enum ResignationError {
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
    /// Of no virtual router, in the network namespace with this inode; nothing is written yet.
    #[must_use]
    pub fn new(netns: u64) -> Self {
        Self {
            ready: BTreeMap::new(),
            netns,
            is_stale: false,
        }
    }

    /// The engine is going to have these parts. To be written by the next [`store`](Self::store).
    pub fn prepare(&mut self, router: RouterId, parts: &Parts) {
        let resignation = Resignation {
            slot: router.slot(),
            ifindex: parts.interface.0,
            peers: parts.frames.peers().unwrap_or_default().to_vec(),
            frames: parts.frames.adverts(0).map(<[u8]>::to_vec).collect(),
        };
        if self.ready.get(&router) != Some(&resignation) {
            self.ready.insert(router, resignation);
            self.is_stale = true;
        }
    }

    /// A router has gone. To be written by the next [`store`](Self::store).
    pub fn forget(&mut self, router: RouterId) {
        self.is_stale |= self.ready.remove(&router).is_some();
    }

    /// Writes what has changed, once.
    ///
    /// # Errors
    /// When the file cannot be written: then it says what it said before, until the next call.
    pub fn store(&mut self, directory: &RuntimeDir) -> Result<(), ResignationError> {
        if self.is_stale {
            let content = Content {
                netns: self.netns,
                routers: self.ready.values().map(Cow::Borrowed).collect(),
            };
            directory.replace(RESIGNATIONS, &serde_json::to_vec(&content)?)?;
            self.is_stale = false;
        }
        Ok(())
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
        let sent = if let Some(first) = self.peers.first() {
            let sender = UnicastSender::open(interface, Family::of(*first))?;
            sender.send(frames.zip(self.peers.iter().copied().cycle()))
        } else {
            FrameSender::open(interface)?.send(frames)
        };
        match sent.refused {
            Some(errno) if !sent.any && !sent.waiting => Err(errno.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, net::Ipv4Addr};

    use vrrp_ebpf::types::Mac;

    use super::*;
    use crate::{
        config,
        io::{engine::Blueprint, testing::runtime_dir},
        plan::Desired,
    };

    const IFINDEX: u32 = 7;
    const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 254));

    fn resignations() -> Resignations {
        Resignations::new(77)
    }

    fn blueprint() -> Blueprint {
        let file = "vrrp_instance VI_51 {\n interface ens33\n virtual_router_id 51\n priority 200\n \
                    virtual_ipaddress {\n  192.168.1.254\n  192.168.1.253\n }\n}\n";
        let config = config::parse("k.conf", file.as_bytes()).config.unwrap();
        let interfaces = BTreeMap::from([("ens33".to_owned(), InterfaceId(IFINDEX))]);
        let desired = Desired::new(&config, &interfaces, &Desired::default()).unwrap();
        let (id, router) = desired.routers().next().unwrap();
        Blueprint::new(id, router.clone())
    }

    /// The parts of a router that speaks from there, with so many virtual IPs.
    fn parts(primary: [u8; 4], mac: Mac, room: usize) -> Parts {
        let mut blueprint = blueprint();
        blueprint.set_interface(Ipv4Addr::from(primary).into(), mac);
        blueprint.set_room(room);
        blueprint.news().unwrap().unwrap()
    }

    const ROUTER: RouterId = RouterId::first(0);

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
        let (_base, directory) = runtime_dir();
        let mut resignations = resignations();
        resignations.store(&directory).unwrap();
        assert_eq!(load(&directory).unwrap(), None);
        let (first, other) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let (ours, new) = ([192, 168, 1, 1], [192, 168, 1, 9]);
        for (mac, address, count) in [
            (first, ours, 2),
            (other, ours, 2),
            (other, ours, 1),
            (other, new, 1),
        ] {
            let parts = parts(address, mac, usize::from(count));
            resignations.prepare(ROUTER, &parts);
            resignations.store(&directory).unwrap();
            let expected = (mac.to_vec(), address.to_vec(), [0, count]);
            assert_eq!(ready(&directory), expected);
        }
        // What has not changed is not written again.
        directory.remove(RESIGNATIONS).unwrap();
        resignations.prepare(ROUTER, &parts(new, other, 1));
        resignations.forget(ROUTER.next());
        resignations.store(&directory).unwrap();
        assert_eq!(load(&directory).unwrap(), None);
        resignations.forget(ROUTER);
        resignations.store(&directory).unwrap();
        assert_eq!(load(&directory).unwrap().unwrap().routers, []);
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let (_base, directory) = runtime_dir();
        let mut resignations = resignations();
        let (mac, ours) = ([2, 0, 0, 0, 0, 1], [192, 168, 1, 1]);
        // A folder in its place cannot be replaced.
        let obstacle = directory.path(RESIGNATIONS);
        std::fs::create_dir(&obstacle).unwrap();
        resignations.prepare(ROUTER, &parts(ours, mac, 2));
        resignations.store(&directory).unwrap_err();
        resignations.store(&directory).unwrap_err();
        std::fs::remove_dir(&obstacle).unwrap();
        resignations.store(&directory).unwrap();
        assert_eq!(ready(&directory).0, mac);
    }

    /// As many as there may be, with as long an advert as an Ethernet frame takes, of both versions.
    #[test]
    fn the_adverts_of_every_peer_have_room() {
        let (_base, directory) = runtime_dir();
        let peers = vrrp_ebpf::abi::MAX_PEERS as usize;
        let mut resignations = resignations();
        let all = Resignation {
            slot: 0,
            ifindex: IFINDEX,
            peers: vec![VIP; peers],
            frames: vec![vec![0xff; 1500]; 2 * peers],
        };
        resignations.ready.insert(ROUTER, all.clone());
        resignations.is_stale = true;
        resignations.store(&directory).unwrap();
        assert_eq!(load(&directory).unwrap().unwrap().routers, [all]);
    }
}
