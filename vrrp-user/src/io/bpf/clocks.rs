//! Whether this process and the programs go by the same clock. In a time namespace with an offset
//! (time_namespaces(7)) they do not: a lease would end at another time than the engine believes.

use aya::{
    Ebpf,
    programs::{SchedClassifier, TestRun as _, TestRunOptions},
};

use super::{BpfError, undisturbed::undisturbed};
use crate::{io::clock, proto::Instant};

/// Returns the time; nothing is done with the frame.
const PROGRAM: &str = "xvrrp_clock";
/// A test run wants a frame, of an Ethernet header at least.
const FRAME: [u8; 14] = [0; 14];

/// Compares the clocks.
///
/// # Errors
/// [`BpfError::Clock`] if they differ; when the program cannot be run.
pub(super) fn compare(ebpf: &mut Ebpf) -> Result<(), BpfError> {
    let program = ebpf.program_mut(PROGRAM).ok_or(BpfError::Object(PROGRAM))?;
    let program: &mut SchedClassifier = program.try_into()?;
    undisturbed(|| program.load())?;
    let options = TestRunOptions {
        data_in: Some(&FRAME),
        repeat: 1,
        ..TestRunOptions::new()
    };
    let before = clock::now();
    let told = program.test_run(options)?.return_value;
    if is_between(before, told, clock::now()) {
        Ok(())
    } else {
        Err(BpfError::Clock)
    }
}

/// Whether the programs' time lies between two of ours. They return 32 bits of it, in units of 2^20 ns
/// (1.05 ms): an offset below that is not seen, and harms no lease.
fn is_between(before: Instant, told: u32, after: Instant) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "as the program does")]
    let unit = |moment: Instant| (moment.0 >> 20) as u32;
    told.wrapping_sub(unit(before)) <= unit(after).wrapping_sub(unit(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: u64 = 1 << 20;

    #[test]
    fn a_clock_is_ours_if_it_is_between_two_of_our_looks() {
        let (before, after) = (Instant(700 * UNIT + 5), Instant(702 * UNIT));
        for (told, ours) in [(699, false), (700, true), (702, true), (703, false)] {
            assert_eq!(is_between(before, told, after), ours, "{told}");
        }
        // A whole number of seconds ahead or behind, small or large.
        for seconds in [1_u64, 100_000, 3_000_000_000] {
            let offset = seconds * 1_000_000_000;
            let told = |moment: u64| u32::try_from((moment >> 20) & 0xffff_ffff).unwrap();
            let base = Instant(before.0 + offset);
            assert!(!is_between(base, told(before.0), Instant(after.0 + offset)));
            assert!(!is_between(before, told(before.0 + offset), after));
        }
    }

    #[test]
    fn their_counter_may_wrap_in_between() {
        let wrap = 1 << 52;
        assert!(is_between(Instant(wrap - 1), 0, Instant(wrap)));
        assert!(is_between(Instant(wrap - 1), u32::MAX, Instant(wrap)));
        assert!(!is_between(Instant(wrap - 1), 1, Instant(wrap)));
    }
}
