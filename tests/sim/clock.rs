//! Every node has a CLOCK_MONOTONIC of its own, which begins and runs as it likes. Moments of the
//! world are plain nanoseconds; a node's are [`Instant`]s.

use vrrp_user::proto::Instant;

/// A clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// What it shows when the world begins.
    pub(crate) base: u64,
    /// How much it is too fast, in millionths.
    pub(crate) ppm: i64,
}

impl Clock {
    /// What it shows at a moment of the world.
    pub(crate) fn local(self, world: u64) -> Instant {
        let world = i64::try_from(world).unwrap();
        let shown = world + world / 1000 * self.ppm / 1000;
        Instant(self.base + u64::try_from(shown).unwrap())
    }

    /// The first moment of the world at which it shows `local` or more.
    pub(crate) fn world(self, local: Instant) -> u64 {
        let Some(shown) = local.0.checked_sub(self.base) else {
            return 0;
        };
        // Far away is never: the lease that does not end.
        let Ok(shown @ 0..=0x3fff_ffff_ffff) = i64::try_from(shown) else {
            return u64::MAX;
        };
        // The rates are nearly 1, so that each round leaves a two-thousandth of the error.
        let error = |world: u64| local.0.cast_signed() - self.local(world).0.cast_signed();
        let mut world = shown.cast_unsigned();
        for _ in 0..4 {
            world = world.saturating_add_signed(error(world));
        }
        while error(world) > 0 {
            world += 1;
        }
        while world > 0 && error(world - 1) <= 0 {
            world -= 1;
        }
        world
    }
}

#[test]
fn clocks_run_both_ways() {
    for ppm in [-500, -1, 0, 3, 500] {
        let clock = Clock {
            base: 1_000_000_007,
            ppm,
        };
        for world in [0, 1, 999, 1000, 123_456_789, 98_765_432_100] {
            let local = clock.local(world);
            let back = clock.world(local);
            assert!(back <= world && clock.local(back) >= local);
            assert!(back == 0 || clock.local(back - 1) < local);
        }
    }
}
