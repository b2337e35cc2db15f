//! Few numbers for many: no mean, no deviation; latencies are not normal.

use serde::{Deserialize, Serialize};

/// Order statistics of a sample, in the sample's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Summary {
    /// Smallest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// The value that 99 % do not exceed; of fewer than 100 values the largest.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Summary {
    /// Of a sample in any order; `None` if it is empty.
    #[must_use]
    pub fn of(sample: &[f64]) -> Option<Self> {
        let mut sorted = sample.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            min: *sorted.first()?,
            p50: percentile(&sorted, 50)?,
            p99: percentile(&sorted, 99)?,
            max: *sorted.last()?,
        })
    }
}

/// The nearest-rank percentile of a sorted sample: always a value that occurred.
#[must_use]
pub fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Nanoseconds as microseconds, a tenth kept.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "spans of a lab are far below 2^52 ns"
)]
pub fn micros(nanos: i64) -> f64 {
    (nanos as f64 / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sample: Vec<_> = (1..=200).rev().map(f64::from).collect();
        let summary = Summary::of(&sample).unwrap();
        assert_eq!(
            (summary.min, summary.p50, summary.p99, summary.max),
            (1.0, 100.0, 198.0, 200.0)
        );
    }

    #[test]
    fn small_samples() {
        let one = Summary::of(&[7.0]).unwrap();
        assert_eq!((one.min, one.p50, one.p99, one.max), (7.0, 7.0, 7.0, 7.0));
        assert_eq!(Summary::of(&[3.0, 1.0, 2.0]).unwrap().p50, 2.0);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn micros_keep_a_tenth() {
        assert_eq!(micros(1_234_567), 1234.6);
        assert_eq!(micros(-50), -0.1);
    }
}
