//! A node that is broken on purpose, before all judges of the bench: two of it answer, it loses 5 ms, it
//! flaps once. The bench must say so, with the right figures.

mod node;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use vrrp_tests::{
    clock::Nanos,
    failover::{Cell, Event, Measurement, Pair, Timing, summarise},
    lab::Lab,
    report::Run,
};

use self::node::{Act, Fault, broken_pair};

const TIMING: Timing = Timing::SHORTEST;
/// A figure is compared with what the node did to this and the prober's own lateness: two probes, and
/// the way of a packet on a machine where other tests run.
const SLACK: Nanos = 1_500_000;
/// A round in which the prober itself was later than that proves little.
const CALM: Nanos = 1_000_000;
/// So often a calm round is waited for.
const ROUNDS: usize = 20;

/// Lets a pair with this fault fail over until nothing disturbs it, and returns what the judges saw and
/// what it did.
fn failover(fault: Fault) -> (Measurement, Vec<Act>) {
    // Each of these has judges enough for two CPUs.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = Lab::builder().behind().build().unwrap();
    let (nodes, script) = broken_pair(&lab, fault).unwrap();
    let mut pair = Pair::start(&lab, TIMING, nodes).unwrap();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        script.take();
        let mut seen = Vec::new();
        pair.round(Event::Stop, 0, &mut seen).unwrap();
        let round = (seen.swap_remove(0), script.take());
        assert!(round.0.ready && round.0.moved, "{round:?}");
        let lateness = round.0.lateness;
        rounds.push(round);
        if lateness < CALM {
            break;
        }
    }
    let calmest = rounds.into_iter().min_by_key(|round| round.0.lateness);
    let (measurement, acts) = calmest.unwrap();
    println!("{fault:?}: {acts:?}");
    (measurement, acts)
}

/// The service, and the traffic through the pair.
fn runs_of(measurement: &Measurement) -> [Run; 2] {
    let cell = Cell {
        node: "broken",
        load: "idle",
        timing: TIMING,
        event: Event::Stop,
    };
    let runs = summarise(cell, std::slice::from_ref(measurement));
    runs.try_into().unwrap()
}

/// When an act was done, between its begin and its end.
fn did(acts: &[Act], router: u8, own: bool) -> (Nanos, Nanos) {
    let mut found = acts
        .iter()
        .filter(|act| act.router == router && act.own == own);
    found.next().unwrap().during
}

#[track_caller]
fn assert_between(what: &str, figure_us: f64, least: Nanos, most: Nanos) {
    #[expect(clippy::cast_precision_loss, reason = "some milliseconds")]
    let [least, most] = [least, most].map(|nanos| nanos as f64 / 1000.0);
    println!("{what}: {figure_us} µs, really {least}-{most} µs");
    assert!(
        (least..=most).contains(&figure_us),
        "{what}: {figure_us} µs is not within {least}-{most} µs"
    );
}

#[test]
fn five_lost_milliseconds_are_seen() {
    let (measurement, acts) = failover(Fault::Loses(Duration::from_millis(5)));
    let [run, routed] = runs_of(&measurement);
    let (gone, taken) = (did(&acts, 1, false), did(&acts, 2, true));
    let slack = SLACK + measurement.lateness;
    let (least, most) = (taken.0 - gone.1, taken.1 - gone.0);
    assert!(least >= 5_000_000);
    assert_between("gap", run.gap_us.p50, least - 300_000, most + slack);
    let lost = Duration::from_nanos(most + slack).as_micros() / 100;
    assert!(
        run.lost.max >= 40.0 && run.lost.max <= lost as f64,
        "{run:?}"
    );
    assert_eq!(
        (run.arp_answered_twice, run.false_transitions),
        (0, Some(0))
    );
    for run in [&run, &routed] {
        assert_eq!(run.dual_us.map(|dual| dual.max), Some(0.0), "{run:?}");
    }
}

#[test]
fn two_owners_are_seen() {
    let both = Duration::from_millis(20);
    let (measurement, acts) = failover(Fault::AnswersTwice(both));
    let [run, routed] = runs_of(&measurement);
    let (taken, gone) = (did(&acts, 2, true), did(&acts, 1, false));
    let slack = SLACK + measurement.lateness;
    let (least, most) = (gone.0 - taken.1, gone.1 - taken.0);
    // Both are seen from their first frame to their last, and speak once a millisecond.
    let [dual, behind] = [&run, &routed].map(|run| run.dual_us.unwrap().max);
    for (what, dual) in [("two owners", dual), ("two owners behind", behind)] {
        assert_between(what, dual, least - 2_000_000 - slack, most + slack);
    }
    let asked = Duration::from_nanos(most + slack).as_millis() as usize;
    assert!(
        (10..=asked + 2).contains(&run.arp_answered_twice),
        "{run:?}"
    );
    assert!(run.gap_us.p50 < dual, "{run:?}");
    assert_eq!(run.false_transitions, Some(0));
}

#[test]
fn one_flap_is_seen() {
    let (measurement, acts) = failover(Fault::Flaps(Duration::from_millis(60)));
    let [run, _] = runs_of(&measurement);
    assert_eq!(acts.len(), 8, "away, back, away, and the return: {acts:?}");
    // There and back again.
    assert_eq!(run.false_transitions, Some(2), "{run:?}");
    assert_eq!(run.changes_max, 3, "{run:?}");
    assert_eq!(run.arp_answered_twice, 0, "{run:?}");
}

#[test]
fn a_sound_failover_is_not_blamed() {
    let (measurement, _) = failover(Fault::None);
    let [run, routed] = runs_of(&measurement);
    assert_eq!((run.n, run.moved, run.unready), (1, 1, 0));
    assert_eq!(
        (run.arp_answered_twice, run.false_transitions),
        (0, Some(0))
    );
    for run in [&run, &routed] {
        assert_eq!(run.dual_us.map(|dual| dual.max), Some(0.0), "{run:?}");
    }
    assert_eq!((run.changes_max, run.sights_missed), (1, Some(0)));
}
