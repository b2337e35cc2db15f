//! Figures as they are printed: milliseconds with four digits, whatever their size.

use vrrp_tests::stats::Summary;

/// Stands where nothing was measured.
pub(super) const NONE: &str = "–";

/// Microseconds as milliseconds: `0.621`, `30.13`, `613.3`, `3613`. Never finer than a microsecond.
pub(super) fn millis(micros: f64) -> String {
    let millis = micros / 1000.0;
    let size = millis.abs();
    // The bounds are those at which rounding would add a digit.
    let digits = match size {
        _ if size < 9.9995 => 3,
        _ if size < 99.995 => 2,
        _ if size < 999.95 => 1,
        _ => 0,
    };
    let text = format!("{millis:.digits$}");
    // A tiny negative is no figure of its own.
    if text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.')) {
        return "0".to_owned();
    }
    text
}

/// The median in milliseconds.
pub(super) fn median(summary: Option<Summary>) -> String {
    summary.map_or_else(none, |summary| millis(summary.p50))
}

/// The maximum in milliseconds.
pub(super) fn maximum(summary: Option<Summary>) -> String {
    summary.map_or_else(none, |summary| millis(summary.max))
}

/// Median and maximum in milliseconds.
pub(super) fn pair(p50: f64, max: f64) -> String {
    format!("{} / {}", millis(p50), millis(max))
}

/// What stands for a missing figure.
pub(super) fn none() -> String {
    NONE.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_at_any_size() {
        for (micros, text) in [
            (621.4, "0.621"),
            (9_999.4, "9.999"),
            (9_999.6, "10.00"),
            (30_130.0, "30.13"),
            (99_996.0, "100.0"),
            (613_300.0, "613.3"),
            (999_970.0, "1000"),
            (10_012_345.0, "10012"),
            (-147.0, "-0.147"),
            (-0.2, "0"),
            (0.0, "0"),
        ] {
            assert_eq!(millis(micros), text);
        }
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        assert_eq!(median(None), "–");
        assert_eq!(maximum(None), "–");
    }
}
