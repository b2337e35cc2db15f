//! The broken node. It owns and disowns the virtual router within microseconds, so that it knows when it
//! did what: a gate before its service, a switch that lets the kernel answer ARP or not, and adverts.

use std::{
    fs::File,
    net::UdpSocket,
    os::unix::fs::FileExt as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use serde_json::Value;
use vrrp_tests::{
    clock::{self, Nanos},
    echo::PROBE,
    frames,
    lab::{Host, INNER_INTERFACE, INNER_VIP, Lab, VIP},
    link,
    node::Node,
    packet::{ONLY_ARP, PacketSocket},
    prober::PORT,
    process::Process,
    realtime,
    wire::{self, Arp},
    worker::{Stop, Worker},
};

const VRID: u8 = 51;
const INTERVAL: Duration = Duration::from_millis(10);
/// How often the owner speaks on the network behind.
const BEHIND: Duration = Duration::from_millis(1);

/// What is wrong with a planned stop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Nothing: one owns, then the other.
    None,
    /// Nobody owns for so long.
    Loses(Duration),
    /// Both own for so long.
    AnswersTwice(Duration),
    /// So long after the takeover the old one is back, and gone again after as long.
    Flaps(Duration),
}

/// A router that took or gave up the virtual router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    pub(super) router: u8,
    pub(super) own: bool,
    /// From its begin to its end.
    pub(super) during: (Nanos, Nanos),
}

/// What the nodes did since somebody asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Script(Arc<Mutex<Vec<Act>>>);

impl Script {
    pub(super) fn take(&self) -> Vec<Act> {
        let mut acts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *acts)
    }

    fn write(&self, act: Act) {
        let mut acts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        acts.push(act);
    }
}

/// A pair of which the better one stops with this fault.
pub(super) fn broken_pair(lab: &Lab, fault: Fault) -> Result<([Box<dyn Node>; 2], Script)> {
    let script = Script::default();
    let router = |number: u8| {
        let host = &lab.routers[usize::from(number) - 1];
        Router::new(host, number, script.clone()).map(Arc::new)
    };
    let [better, other] = [router(1)?, router(2)?];
    let node = |is_better| -> Box<dyn Node> {
        Box::new(Broken {
            better: Arc::clone(&better),
            other: Arc::clone(&other),
            is_better,
            fault,
        })
    };
    Ok(([node(true), node(false)], script))
}

/// One of the pair. Everything is done by the better one.
struct Broken {
    better: Arc<Router>,
    other: Arc<Router>,
    is_better: bool,
    fault: Fault,
}

impl Node for Broken {
    fn kind(&self) -> &'static str {
        "broken"
    }

    fn start(&mut self) -> Result<()> {
        if self.is_better {
            self.other.own(false)?;
            self.better.own(true)?;
        }
        Ok(())
    }

    fn terminate(&mut self) -> Result<Nanos> {
        let at = clock::now();
        let (better, other) = (&self.better, &self.other);
        match self.fault {
            Fault::None => {
                better.own(false)?;
                other.own(true)?;
            }
            Fault::Loses(span) => {
                better.own(false)?;
                clock::sleep(span);
                other.own(true)?;
            }
            Fault::AnswersTwice(span) => {
                other.own(true)?;
                clock::sleep(span);
                better.own(false)?;
            }
            Fault::Flaps(span) => {
                for (one, another) in [(better, other), (other, better), (better, other)] {
                    one.own(false)?;
                    another.own(true)?;
                    clock::sleep(span);
                }
            }
        }
        Ok(at)
    }

    fn wait_stopped(&mut self) -> Result<()> {
        Ok(())
    }

    fn process(&mut self) -> Result<&mut Process> {
        bail!("a broken node is no process")
    }

    fn kill(&mut self) -> Result<Nanos> {
        bail!("a broken node is no process")
    }

    fn clear_up(&mut self) -> Result<()> {
        Ok(())
    }

    fn status(&self) -> Result<Option<Value>> {
        Ok(None)
    }
}

/// A router that owns the virtual router or not, from one moment to the next.
struct Router {
    number: u8,
    serving: Arc<AtomicBool>,
    wire: Wire,
    script: Script,
    _echo: Worker<()>,
    _adverts: Worker<()>,
    _behind: Worker<()>,
}

impl Router {
    fn new(host: &Host, number: u8, script: Script) -> Result<Self> {
        let wire = Wire::open(host)?;
        wire.answer_arp(false)?;
        host.netns
            .ip(&format!("addr add {VIP}/32 dev {}", host.interface))?;
        let serving = Arc::new(AtomicBool::new(false));
        let socket = host.netns.run(listen)?;
        let open = Arc::clone(&serving);
        let echo = Worker::start(&host.netns, "broken-echo", move |stop| {
            realtime::become_fifo(realtime::ECHO)?;
            serve(&socket, number, &open, stop);
            Ok(())
        })?;
        let (active, sent) = (Arc::clone(&serving), Wire::open(host)?);
        let advert = advert(host, number);
        let adverts = Worker::start(&host.netns, "broken-adverts", move |stop| {
            realtime::become_fifo(realtime::ECHO)?;
            while stop.is_awaited() {
                if active.load(Ordering::Acquire) {
                    sent.socket.send(&advert)?;
                }
                clock::sleep(INTERVAL);
            }
            Ok(())
        })?;
        Ok(Self {
            number,
            _behind: claim_behind(host, Arc::clone(&serving))?,
            serving,
            wire,
            script,
            _echo: echo,
            _adverts: adverts,
        })
    }

    /// Takes the virtual router and announces it, or gives it up.
    fn own(&self, own: bool) -> Result<()> {
        let begun = clock::now();
        self.wire.answer_arp(own)?;
        self.serving.store(own, Ordering::Release);
        if own {
            self.wire.announce()?;
        }
        self.script.write(Act {
            router: self.number,
            own,
            during: (begun, clock::now()),
        });
        Ok(())
    }
}

/// The router's place on the network.
struct Wire {
    /// The kernel's switch, opened within the router.
    arp_ignore: File,
    socket: PacketSocket,
    announcement: [u8; 42],
}

impl Wire {
    fn open(host: &Host) -> Result<Self> {
        let path = format!("/proc/sys/net/ipv4/conf/{}/arp_ignore", host.interface);
        let announcement = Arp::announcing(host.mac, VIP);
        let (arp_ignore, socket) = host.netns.run(|| {
            let file = File::options().write(true).open(path)?;
            Ok((file, PacketSocket::open(Some(host.interface), ONLY_ARP)?))
        })?;
        Ok(Self {
            arp_ignore,
            socket,
            announcement: wire::encode_arp([0xff; 6], &announcement),
        })
    }

    /// Whether the kernel answers for local addresses (`arp_ignore` 0) or for none (8).
    fn answer_arp(&self, answer: bool) -> Result<()> {
        let value = if answer { b"0" } else { b"8" };
        self.arp_ignore.write_all_at(value, 0)?;
        Ok(())
    }

    fn announce(&self) -> Result<()> {
        Ok(self.socket.send(&self.announcement)?)
    }
}

/// Claims the virtual IP of the network behind the routers, once a millisecond while it is owned.
fn claim_behind(host: &Host, active: Arc<AtomicBool>) -> Result<Worker<()>> {
    let mac = link::mac(&host.netns, INNER_INTERFACE)?;
    let claim = Arp::announcing(mac, INNER_VIP);
    let claim = wire::encode_arp([0xff; 6], &claim);
    Worker::start(&host.netns, "broken-behind", move |stop| {
        let socket = PacketSocket::sending(INNER_INTERFACE)?;
        realtime::become_fifo(realtime::ECHO)?;
        while stop.is_awaited() {
            if active.load(Ordering::Acquire) {
                socket.send(&claim)?;
            }
            clock::sleep(BEHIND);
        }
        Ok(())
    })
}

fn advert(host: &Host, number: u8) -> Vec<u8> {
    let mut advert = frames::Advert::v3(VRID, &[VIP.octets()]);
    advert.ethernet.source = host.mac;
    advert.ip.source = host.address.octets();
    advert.priority = 255 - number;
    // One centisecond.
    advert.timing = [0, 1];
    advert.build()
}

fn listen() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((VIP, PORT))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    Ok(socket)
}

fn serve(socket: &UdpSocket, router: u8, open: &AtomicBool, stop: &Stop) {
    let mut buffer = [0; PROBE + 1];
    while stop.is_awaited() {
        let Ok((PROBE, client)) = socket.recv_from(&mut buffer[..PROBE]) else {
            continue;
        };
        if open.load(Ordering::Acquire) {
            buffer[PROBE] = router;
            // What cannot be sent is lost, and the client sees it.
            drop(socket.send_to(&buffer, client));
        }
    }
}
