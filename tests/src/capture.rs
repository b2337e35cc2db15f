//! A capture on the switch: every advert and every announcement of an address, with the kernel's stamp of its
//! arrival at the port, and the port it came from.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use nix::net::if_::if_indextoname;

use crate::{
    clock::Nanos,
    link::{BRIDGE, Switch},
    packet::{ANNOUNCEMENTS_AND_VRRP, PacketSocket},
    realtime,
    wire::{self, Frame},
    worker::Worker,
};

/// A frame seen on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When the switch received it.
    pub at: Nanos,
    /// Port of the switch that received it, such as `to-r1`.
    pub port: String,
    /// What it is: an advert, a gratuitous ARP, or a Neighbour Advertisement to a group.
    pub frame: Frame,
}

impl Seen {
    /// Whether it is an advert from this address.
    #[must_use]
    pub fn is_advert_of(&self, router: impl Into<IpAddr>) -> bool {
        let router = router.into();
        matches!(&self.frame, Frame::Advert(advert) if advert.source == router)
    }

    /// The priority, if it is an advert.
    #[must_use]
    pub fn advert_priority(&self) -> Option<u8> {
        match &self.frame {
            Frame::Advert(advert) => Some(advert.priority),
            Frame::Arp(_) | Frame::Neighbour(_) => None,
        }
    }

    /// The number of the router at whose port it was seen, if it was a router's.
    #[must_use]
    pub fn router(&self) -> Option<u8> {
        self.port.strip_prefix("to-r")?.parse().ok()
    }

    /// Whether it announces this address: by gratuitous ARP, or by an advertisement to a group.
    #[must_use]
    pub fn announces(&self, vip: impl Into<IpAddr>) -> bool {
        match (&self.frame, vip.into()) {
            (Frame::Arp(arp), IpAddr::V4(vip)) => arp.sender == vip,
            (Frame::Neighbour(told), IpAddr::V6(vip)) => told.advertises(vip),
            _ => false,
        }
    }
}

/// A running capture; ends when dropped.
#[derive(Debug)]
pub struct Capture {
    seen: Arc<Mutex<Vec<Seen>>>,
    worker: Worker<()>,
}

impl Capture {
    /// Starts to capture on every port of a switch.
    ///
    /// # Errors
    /// If the socket or the thread cannot be made.
    pub fn start(switch: &Switch) -> Result<Self> {
        let socket = switch
            .netns()
            .run(|| PacketSocket::open(None, ANNOUNCEMENTS_AND_VRRP))?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&seen);
        let worker = Worker::start(switch.netns(), "capture", move |stop| {
            realtime::become_fifo(realtime::JUDGE)?;
            while stop.is_awaited() {
                socket.wait(Duration::from_millis(20))?;
                collect(&socket, &list)?;
            }
            Ok(())
        })?;
        Ok(Self { seen, worker })
    }

    /// What was seen so far, in the order of arrival.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets what was seen so far.
    pub fn clear(&self) {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Ends the capture and returns what it saw, in the order of arrival.
    ///
    /// # Errors
    /// What made the capture fail.
    pub fn stop(self) -> Result<Vec<Seen>> {
        self.worker.finish()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *seen))
    }
}

/// A change of the Active as the wire shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// The old Active's last advert before the new one's first.
    pub last_old: Nanos,
    /// The new Active's first advert.
    pub first_new: Nanos,
    /// The new Active's first announcement of the VIP from then on, if there was one.
    pub announced: Option<Nanos>,
}

impl Takeover {
    /// Finds it in a capture: the first advert of `new` that follows one of `old`.
    #[must_use]
    pub fn find(seen: &[Seen], old: IpAddr, new: IpAddr, vip: IpAddr) -> Option<Self> {
        let old_first = seen.iter().position(|seen| seen.is_advert_of(old))?;
        let after = &seen[old_first..];
        let takeover = after.iter().position(|seen| seen.is_advert_of(new))?;
        let last_old = after[..takeover]
            .iter()
            .rfind(|seen| seen.is_advert_of(old))?;
        let port = &after[takeover].port;
        // Some send the announcement first: it belongs to this takeover if it is after `last_old`.
        let announced = after
            .iter()
            .find(|seen| seen.at > last_old.at && seen.announces(vip) && seen.port == *port);
        Some(Self {
            last_old: last_old.at,
            first_new: after[takeover].at,
            announced: announced.map(|seen| seen.at),
        })
    }
}

fn collect(socket: &PacketSocket, list: &Mutex<Vec<Seen>>) -> Result<()> {
    let mut fresh = Vec::new();
    socket.drain(|received| {
        let Some(frame) = wire::decode(received.frame) else {
            return;
        };
        fresh.push((received.at, received.interface, frame));
    })?;
    for (at, interface, frame) in fresh {
        let port = if_indextoname(interface)?.to_string_lossy().into_owned();
        // The bridge receives once more what its ports received.
        if port != BRIDGE {
            list.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Seen { at, port, frame });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::{
        lab::VIP,
        wire::{Advert, Arp},
    };

    const OLD: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 1));
    const NEW: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 2));

    fn advert(at: Nanos, source: IpAddr) -> Seen {
        let router = if source == OLD { 1 } else { 2 };
        Seen {
            at,
            port: format!("to-r{router}"),
            frame: Frame::Advert(Advert {
                source,
                destination: [224, 0, 0, 18].into(),
                mac: [0; 6],
                version: 3,
                vrid: 51,
                priority: 254,
                interval_ms: 10,
                vips: vec![VIP.into()],
            }),
        }
    }

    fn garp(at: Nanos, port: &str) -> Seen {
        Seen {
            at,
            port: port.to_owned(),
            frame: Frame::Arp(Arp {
                source: [0; 6],
                operation: 1,
                sender_mac: [0; 6],
                sender: VIP,
                target_mac: [0; 6],
                target: VIP,
            }),
        }
    }

    #[test]
    fn a_takeover_is_between_the_adverts() {
        let seen = [
            advert(10, OLD),
            garp(12, "to-r1"),
            advert(20, OLD),
            advert(50, NEW),
            garp(51, "to-r2"),
            advert(60, NEW),
        ];
        assert_eq!(
            Takeover::find(&seen, OLD, NEW, VIP.into()),
            Some(Takeover {
                last_old: 20,
                first_new: 50,
                announced: Some(51)
            })
        );
        assert_eq!(Takeover::find(&seen, NEW, OLD, VIP.into()), None);
    }
}
