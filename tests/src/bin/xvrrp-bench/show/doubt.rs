//! When a figure is no failover's: nothing moved, or two routers answered all along. A short gap is then
//! no merit, for the service was never handed over. Such figures are shown, in brackets.

use std::fmt;

use vrrp_tests::report::Run;

use super::{figures::millis, names::moves};

/// Two owners for longer than the gap and this, in microseconds, is no handover but two routers side by
/// side. A handover itself has two owners for the time of a few frames at most.
pub(super) const OVERLAP_US: f64 = 5_000.0;

/// Why the figures of a run stand in brackets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Doubt {
    /// In how many of how many failovers nothing moved.
    stayed: Option<(usize, usize)>,
    /// The median time with two owners, in microseconds.
    both_us: Option<f64>,
}

impl Doubt {
    /// What is to be said against a run, if anything.
    pub(super) fn about(run: &Run) -> Option<Self> {
        if !moves(&run.event) {
            return None;
        }
        let stayed = (run.moved < run.n).then(|| (run.n - run.moved, run.n));
        let both_us = run
            .dual_us
            .map(|dual| dual.p50)
            .filter(|dual| *dual > run.gap_us.p50 + OVERLAP_US);
        (stayed.is_some() || both_us.is_some()).then_some(Self { stayed, both_us })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((stayed, n)) = self.stayed {
            write!(f, "the traffic did not move in {stayed} of {n}")?;
        }
        if self.stayed.is_some() && self.both_us.is_some() {
            f.write_str("; ")?;
        }
        if let Some(both) = self.both_us {
            write!(
                f,
                "two routers spoke as the owner, for {} ms at the median of what was watched",
                millis(both)
            )?;
        }
        Ok(())
    }
}

/// A figure in brackets if there is a doubt about its run.
pub(super) fn bracket(text: String, doubt: Option<Doubt>) -> String {
    if doubt.is_some() {
        format!("[{text}]")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use vrrp_tests::report::Dual;

    use super::{super::sample, *};

    #[test]
    fn a_handover_stands_without_brackets() {
        let run = sample::run("xvrrp", "stop", &[600.0, 700.0, 900.0]);
        assert_eq!(Doubt::about(&run), None);
        let overlap = Dual {
            p50: 4_000.0,
            max: 90_000.0,
        };
        let run = Run {
            dual_us: Some(overlap),
            ..run
        };
        assert_eq!(Doubt::about(&run), None);
    }

    #[test]
    fn two_owners_side_by_side_are_no_handover() {
        let both = Dual {
            p50: 9_990_000.0,
            max: 9_990_000.0,
        };
        let mut run = sample::run("keepalived", "kill", &[100.0, 100.0]);
        run.dual_us = Some(both);
        let doubt = Doubt::about(&run).unwrap();
        assert_eq!(
            doubt.to_string(),
            "two routers spoke as the owner, for 9990 ms at the median of what was watched"
        );
        assert_eq!(bracket("0.100".to_owned(), Some(doubt)), "[0.100]");
    }

    #[test]
    fn what_stays_is_no_failover_unless_it_should() {
        let mut run = sample::run("frr", "kill", &[100.0, 100.0, 100.0]);
        run.moved = 1;
        assert_eq!(
            Doubt::about(&run).unwrap().to_string(),
            "the traffic did not move in 2 of 3"
        );
        run.event = "calm".to_owned();
        assert_eq!(Doubt::about(&run), None);
    }
}
