//! ARP requests answered per second: one CPU asks as fast as it can, and what becomes of its frames
//! up to the answer's arrival is done on that CPU, too. Besides xvrrp and the kernel, frames that
//! nobody takes are sent: what asking itself costs.

use std::time::Duration;

use anyhow::Result;
use vrrp_tests::frames;

use super::{
    path::{INTERFACE, Path, ROUTER, Setup, VIPS},
    report::{self, summary},
    rounds,
    sender::Sent,
    tally::{self, Tally},
};
use crate::progress::Progress;

/// How long a flood lasts: a hundred ticks of the kernel's accounting of CPU time.
const FLOOD: Duration = Duration::from_secs(1);
/// An EtherType for experiments (IEEE 802): no protocol takes it.
pub(crate) const NOBODY: [u8; 2] = [0x88, 0xb5];

/// Who is asked on which link.
#[derive(Debug)]
struct Variant {
    name: &'static str,
    setup: Setup,
    asked: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nobody,
    Router,
    Vip,
}

const VARIANTS: [Variant; 6] = [
    Variant {
        name: "nobody asked, nothing attached",
        setup: Setup::Bare,
        asked: Asked::Nobody,
    },
    Variant {
        name: "nobody asked, XDP_PASS attached",
        setup: Setup::Pass,
        asked: Asked::Nobody,
    },
    Variant {
        name: "kernel, nothing attached",
        setup: Setup::Bare,
        asked: Asked::Router,
    },
    Variant {
        name: "kernel, XDP_PASS attached",
        setup: Setup::Pass,
        asked: Asked::Router,
    },
    Variant {
        name: "kernel, xvrrp attached",
        setup: Setup::Active,
        asked: Asked::Router,
    },
    Variant {
        name: "xvrrp, virtual IP",
        setup: Setup::Active,
        asked: Asked::Vip,
    },
];

/// About how long [`measure`] takes.
pub(crate) fn duration(floods: usize) -> Duration {
    FLOOD * u32::try_from(floods * VARIANTS.len()).unwrap_or(u32::MAX)
}

/// Floods every variant in turn.
pub(crate) fn measure(
    paths: &[Path],
    floods: usize,
    progress: &mut Progress,
) -> Result<Vec<report::Arp>> {
    progress.part("ARP requests answered");
    let mut measured: Vec<Vec<Flood>> = VARIANTS.iter().map(|_| Vec::new()).collect();
    for round in rounds(floods, duration(floods)) {
        for (variant, measured) in VARIANTS.iter().zip(&mut measured) {
            progress.step(
                &format!("round {} of {floods}: {}", round + 1, variant.name),
                FLOOD,
            );
            for path in paths.iter().filter(|path| path.setup == variant.setup) {
                measured.push(flood(path, variant.asked)?);
            }
        }
    }
    let mut figures = VARIANTS
        .iter()
        .zip(measured)
        .map(|(variant, floods)| figures(variant, &floods))
        .collect::<Result<Vec<_>>>()?;
    for (index, variant) in VARIANTS.iter().enumerate() {
        let nobody = VARIANTS.iter().position(|nobody| {
            nobody.asked == Asked::Nobody
                && (nobody.setup == Setup::Bare) == (variant.setup == Setup::Bare)
        });
        if let Some(nobody) = nobody.filter(|_| variant.asked != Asked::Nobody) {
            let more = figures[index].cpu_ns.p50 - figures[nobody].cpu_ns.p50;
            figures[index].answer_cpu_ns = Some(more);
        }
    }
    Ok(figures)
}

/// What was sent, and how many answers came.
#[derive(Clone, Copy, Debug)]
struct Flood {
    sent: Sent,
    answers: u64,
}

fn flood(path: &Path, asked: Asked) -> Result<Flood> {
    let address = match asked {
        Asked::Nobody | Asked::Router => ROUTER,
        Asked::Vip => VIPS[0].0,
    };
    // The answers go to the sender that frames have unless told otherwise. It is nobody's MAC: the
    // client counts them and throws them away at once, as meant for another host.
    let mut frame = frames::Arp::who_has(address.octets()).build();
    if asked == Asked::Nobody {
        frame[12..14].copy_from_slice(&NOBODY);
    }
    let answers = Tally::open(
        &path.client,
        INTERFACE,
        &tally::answers_of(address.octets()),
    )?;
    answers.take()?;
    let sent = path.sender.flood(&frame, FLOOD)?;
    Ok(Flood {
        sent,
        answers: answers.take_all()?,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a flood has some millions of frames"
)]
fn figures(variant: &Variant, floods: &[Flood]) -> Result<report::Arp> {
    let of = |figure: fn(&Flood) -> f64| {
        let sample: Vec<_> = floods.iter().map(figure).collect();
        summary(&sample)
    };
    let sent_per_s = of(|f| f.sent.frames as f64 / f.sent.span.as_secs_f64())?;
    let answers_per_s = of(|f| f.answers as f64 / f.sent.span.as_secs_f64())?;
    let answers_per_cpu_s = of(|f| f.answers as f64 / f.sent.cpu.as_secs_f64())?;
    let cpu_ns = of(|f| f.sent.cpu.as_secs_f64() * 1e9 / f.sent.frames as f64)?;
    let lost = floods
        .iter()
        .map(|f| f.sent.frames.saturating_sub(f.answers));
    let answered = variant.asked != Asked::Nobody;
    Ok(report::Arp {
        variant: variant.name,
        n: floods.len(),
        flood_ms: u64::try_from(FLOOD.as_millis()).unwrap_or(u64::MAX),
        sent_per_s,
        answers_per_s: answered.then_some(answers_per_s),
        answers_per_cpu_s: answered.then_some(answers_per_cpu_s),
        cpu_ns,
        answer_cpu_ns: None,
        lost_max: lost.max().filter(|_| answered),
    })
}
