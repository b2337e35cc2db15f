//! The axis on which gaps are drawn: logarithmic, from 10 µs to 10 s, for no failover is outside.

/// The axis runs from 10^FIRST to 10^LAST milliseconds.
const FIRST: i32 = -2;
const LAST: i32 = 4;

/// How many factors of ten the axis has.
pub const DECADES: usize = (LAST - FIRST) as usize;

/// Position of a time in microseconds on the axis, as a part of its length; what is outside sits at
/// its end.
#[must_use]
pub fn position(micros: f64) -> f64 {
    let power = (micros / 1000.0).max(f64::MIN_POSITIVE).log10();
    let part = (power - f64::from(FIRST)) / f64::from(LAST - FIRST);
    part.clamp(0.0, 1.0)
}

/// The axis' powers of ten, in milliseconds.
pub fn ticks() -> impl Iterator<Item = f64> {
    (FIRST..=LAST).map(|power| 10f64.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_divide_the_axis_evenly() {
        assert_eq!(ticks().count(), DECADES + 1);
        for (tick, part) in ticks().zip([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) {
            assert!((position(tick * 1000.0) - part / 6.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_outside_sits_at_the_end() {
        assert_eq!(position(0.0), 0.0);
        assert_eq!(position(-3.0), 0.0);
        assert_eq!(position(1e12), 1.0);
    }
}
