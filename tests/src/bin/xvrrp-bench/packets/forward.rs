//! The highest rate at which a router forwards every packet: trials at paced rates, by bisection. One
//! CPU sends, forwards and receives, so that the rate is that of a core with the sender's work
//! included; what sending itself costs is told by frames that nobody takes.

use std::time::Duration;

use anyhow::Result;
use vrrp_tests::frames::Packet;

use super::{
    arp::NOBODY,
    path::{INTERFACE, Path, SERVER, Setup},
    report::{self, summary},
    rounds,
    sender::Sent,
    tally::{self, Tally},
};
use crate::progress::Progress;

/// How long a trial lasts at the rate it is about.
const TRIAL: Duration = Duration::from_millis(300);
/// Trials of a search after its flood, at most: as many as it takes from nothing to [`PRECISION`].
const TRIALS: u32 = 7;
/// A rate that is known to this part of itself is known well enough.
const PRECISION: f64 = 0.01;

/// What is measured, and how it is called.
const VARIANTS: [(&str, Setup, bool); 5] = [
    ("nobody takes it, nothing attached", Setup::Bare, false),
    ("nothing attached", Setup::Bare, true),
    ("XDP_PASS attached", Setup::Pass, true),
    ("xvrrp, Active", Setup::Active, true),
    ("xvrrp, Backup", Setup::Backup, true),
];

/// About how long [`measure`] takes.
pub(crate) fn duration(searches: usize) -> Duration {
    SEARCH * u32::try_from(searches * VARIANTS.len()).unwrap_or(u32::MAX)
}

/// About how long a search takes: a flood, and trials until the rate is known, most of them in time.
const SEARCH: Duration = Duration::from_millis(2000);

/// Searches the rate of every variant in turn.
pub(crate) fn measure(
    paths: &[Path],
    searches: usize,
    progress: &mut Progress,
) -> Result<Vec<report::Forwarding>> {
    progress.part("Packets forwarded without loss");
    let mut found: Vec<Vec<Trial>> = VARIANTS.iter().map(|_| Vec::new()).collect();
    for round in rounds(searches, duration(searches)) {
        for ((name, setup, taken), found) in VARIANTS.iter().zip(&mut found) {
            progress.step(
                &format!("round {} of {searches}: {name}", round + 1),
                SEARCH,
            );
            for path in paths.iter().filter(|path| path.setup == *setup) {
                path.keep_backup()?;
                found.push(search(path, *taken)?);
            }
        }
    }
    VARIANTS
        .iter()
        .zip(found)
        .map(|((name, ..), found)| {
            let of =
                |figure: fn(&Trial) -> f64| summary(&found.iter().map(figure).collect::<Vec<_>>());
            Ok(report::Forwarding {
                variant: name,
                n: found.len(),
                trial_ms: u64::try_from(TRIAL.as_millis()).unwrap_or(u64::MAX),
                frame_bytes: packet(&[0; 6]).len(),
                packets_per_s: of(Trial::rate)?,
                cpu_ns: of(Trial::cpu_ns)?,
            })
        })
        .collect()
}

/// What was sent in a trial, and how many of it arrived.
#[derive(Clone, Copy, Debug)]
struct Trial {
    sent: Sent,
    arrived: u64,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a trial has some 100,000 frames"
)]
impl Trial {
    fn is_lossless(&self) -> bool {
        self.arrived == self.sent.frames
    }

    fn rate(&self) -> f64 {
        self.arrived as f64 / self.sent.span.as_secs_f64()
    }

    fn cpu_ns(&self) -> f64 {
        self.sent.cpu.as_secs_f64() * 1e9 / self.arrived as f64
    }
}

/// The best trial in which nothing was lost.
fn search(path: &Path, taken: bool) -> Result<Trial> {
    let mut frame = packet(&path.router_mac);
    if !taken {
        frame[12..14].copy_from_slice(&NOBODY);
    }
    let arrivals = Tally::open(&path.server, INTERFACE, &tally::udp_to(SERVER.octets()))?;
    let trial = |sent: Sent, arrived: u64| Trial {
        sent,
        arrived: if taken { arrived } else { sent.frames },
    };
    let sent = path.sender.flood(&frame, TRIAL)?;
    let flood = trial(sent, arrivals.take_all()?);
    let mut best = Some(flood).filter(Trial::is_lossless);
    // With losses the rate of what arrived is about where to look; without, it is a lower bound.
    let mut low = best.map_or(0.0, |flood| flood.rate());
    let mut high = flood.rate() * 1.1;
    for _ in 0..TRIALS {
        if high - low <= high * PRECISION {
            break;
        }
        let rate = f64::midpoint(low, high);
        let sent = path.sender.pace(&frame, rate, TRIAL)?;
        // Also of one who did not keep up: it must not count in the next trial.
        let arrived = arrivals.take_all()?;
        let paced = sent.map(|sent| trial(sent, arrived));
        match paced.filter(Trial::is_lossless) {
            Some(this) => {
                low = rate;
                best = Some(this);
            }
            None => high = rate,
        }
    }
    // Not even the lowest rate got through: that is a rate of nothing, and shows as such.
    Ok(best.unwrap_or(Trial {
        arrived: 0,
        ..flood
    }))
}

/// A packet of 60 bytes to the server, by way of the router.
fn packet(router: &[u8; 6]) -> Vec<u8> {
    let mut packet = Packet::to(SERVER.octets());
    packet.ethernet.destination = *router;
    packet.ip.source = [192, 168, 1, 100];
    // From port 9 to port 9, 26 bytes, without a checksum.
    packet.payload = [&[0, 9, 0, 9, 0, 26, 0, 0][..], &[0; 18]].concat();
    packet.build()
}
