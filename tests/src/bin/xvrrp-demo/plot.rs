//! Where the gaps lie, in characters: one line per run over a logarithmic axis.

use vrrp_tests::{
    axis::{DECADES, position, ticks},
    report::Run,
};

use crate::table::title;

const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Columns per factor of ten.
const DECADE: usize = 14;
const WIDTH: usize = DECADE * DECADES;

/// Prints the distribution of gaps of each run.
pub(crate) fn print(runs: &[Run]) {
    println!("\nGaps, logarithmic, the higher the more of them:\n");
    for run in runs {
        let label = format!("{:>5} ms {}", run.advert_int_ms, title(run));
        println!("{label:<30}│{}│", bars(&run.gaps_us));
    }
    let axis: String = ticks().map(|tick| format!("{tick:<DECADE$}")).collect();
    println!("{:<30}└{}┘", "", ruler());
    println!("{:<31}{} ms", "", axis.trim_end());
}

fn ruler() -> String {
    (0..WIDTH)
        .map(|column| {
            if column % DECADE == 0 && column > 0 {
                '┴'
            } else {
                '─'
            }
        })
        .collect()
}

fn bars(gaps_us: &[f64]) -> String {
    let mut counts = [0_usize; WIDTH];
    for gap in gaps_us {
        counts[column(*gap)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    counts
        .iter()
        // Whatever occurred at all is seen.
        .map(|count| LEVELS[(count * (LEVELS.len() - 1)).div_ceil(most)])
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "position is within 0..=1, the width is small"
)]
fn column(gap_us: f64) -> usize {
    ((position(gap_us) * WIDTH as f64) as usize).min(WIDTH - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lands_in_its_decade() {
        assert_eq!(column(10.0), 0);
        assert_eq!(column(1_000.0), 2 * DECADE);
        assert_eq!(column(0.0), 0);
        assert_eq!(column(1e12), WIDTH - 1);
    }

    #[test]
    fn a_single_outlier_is_seen() {
        let mut gaps = vec![1_000.0; 500];
        gaps.push(900_000.0);
        let bars: Vec<_> = bars(&gaps).chars().collect();
        assert_eq!(bars[2 * DECADE], '█');
        assert_eq!(bars[column(900_000.0)], '▁');
    }
}
