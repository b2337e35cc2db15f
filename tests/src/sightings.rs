//! Who claims the virtual router on the wire: every frame from a VIP or from a virtual MAC, with the
//! kernel's stamp of its arrival at the switch's port, and the router behind that port.
//!
//! The port sees what the router sends, before the switch decides where it goes: also what a silenced
//! port ([`crate::link::Port::silence`]) then drops. TCP segments that arrived together may be one.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;

use crate::{
    clock::{self, Nanos},
    link::Switch,
    packet::{self, PacketSocket, Received},
    ports::Ports,
    realtime, wire,
    worker::Worker,
};

/// Between two readings. The kernel stamps and keeps the frames: a wake-up for each of 15,000 per
/// second would take the CPU that the nodes are measured on.
const PAUSE: Duration = Duration::from_millis(5);
/// The kernel begins to stamp on arrival some time after the first socket asked for it.
const STAMPS_BEGIN: Duration = Duration::from_millis(10);
/// SCHED_FIFO: before every load, which would make the kernel's buffer overflow, and after the nodes,
/// for which reading can wait.
const PRIORITY: i32 = 1;
const IPV4: u16 = 0x0800;
const VRRP: u8 = 112;

/// A frame that claims the virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When the switch's port received it.
    pub at: Nanos,
    /// Which router sent it, by its port: 1 is `r1`.
    pub router: u8,
    /// Source MAC of the frame.
    pub mac: [u8; 6],
    /// What it is.
    pub kind: Kind,
}

/// What claims the virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A VRRP packet over IPv4 from a virtual MAC. One from the interface's own MAC claims nothing that
    /// a host or a switch would believe, and is not in the list.
    Advert,
    /// ARP, request or reply.
    Arp,
    /// Another IPv4 packet: from the VIP, or forwarded with a virtual MAC.
    Ip,
    /// Anything else from a virtual MAC, such as IPv6.
    Other,
}

/// All that was seen.
#[derive(Clone, Debug, Default)]
pub struct SightingRecording {
    /// In the order of reading: nearly, but not quite, that of the stamps.
    pub sightings: Vec<Sighting>,
    /// Frames that the kernel had to drop, from any host. Unless 0, this judge was blind at times, and
    /// what it did not see may still have been.
    pub lost: u64,
}

/// A running watch over the switch's ports; ends when dropped.
#[derive(Debug)]
pub struct Sightings {
    worker: Worker<SightingRecording>,
}

impl Sightings {
    /// Starts to watch for claims of a virtual router with these addresses.
    ///
    /// # Errors
    /// If the socket or the thread cannot be made, or with more than some 240 addresses.
    pub fn start(switch: &Switch, vips: &[Ipv4Addr]) -> Result<Self> {
        let filter = packet::claims_of(vips)?;
        let socket = switch.netns().run(|| PacketSocket::open(None, &filter))?;
        clock::sleep(STAMPS_BEGIN);
        let worker = Worker::start(switch.netns(), "sightings", move |stop| {
            realtime::become_fifo(PRIORITY)?;
            let mut ports = Ports::default();
            let mut sightings = Vec::new();
            while stop.is_awaited() {
                clock::sleep(PAUSE);
                collect(&socket, &mut ports, &mut sightings)?;
            }
            collect(&socket, &mut ports, &mut sightings)?;
            let lost = socket.dropped()?;
            Ok(SightingRecording { sightings, lost })
        })?;
        Ok(Self { worker })
    }

    /// Ends the watch and returns what it saw until this moment.
    ///
    /// # Errors
    /// What made it fail.
    pub fn stop(self) -> Result<SightingRecording> {
        self.worker.finish()
    }
}

fn collect(socket: &PacketSocket, ports: &mut Ports, sightings: &mut Vec<Sighting>) -> Result<()> {
    let mut failure = None;
    socket.drain(|received| match ports.router(received.interface) {
        Ok(Some(router)) => sightings.extend(sighting(&received, router)),
        // Of another host, or received once more by the bridge itself.
        Ok(None) => {}
        Err(error) => failure = Some(error),
    })?;
    failure.map_or(Ok(()), Err)
}

fn sighting(received: &Received<'_>, router: u8) -> Option<Sighting> {
    let frame = received.frame;
    let mac = *frame.get(6..)?.first_chunk()?;
    let kind = match u16::from_be_bytes(*frame.get(12..)?.first_chunk()?) {
        wire::ARP => Kind::Arp,
        IPV4 if frame.get(23) == Some(&VRRP) => Kind::Advert,
        IPV4 => Kind::Ip,
        _ => Kind::Other,
    };
    Some(Sighting {
        at: received.at,
        router,
        mac,
        kind,
    })
}
