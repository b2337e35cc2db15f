//! The adverts of a virtual router on the wire, and the times between them.

use std::time::Duration;

use crate::{
    capture::Seen,
    clock::Nanos,
    wire::{Advert, Frame},
};

/// The time between two adverts in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first.
    pub from: Nanos,
    /// The second.
    pub until: Nanos,
}

impl Gap {
    /// How long it was.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.until.saturating_sub(self.from))
    }
}

/// The adverts that a router (1 is `r1`) sent for a VRID, as they were seen.
#[must_use]
pub fn adverts(seen: &[Seen], router: u8, vrid: u8) -> Vec<(Nanos, Advert)> {
    let adverts = seen.iter().filter_map(|seen| match &seen.frame {
        Frame::Advert(advert) if seen.router() == Some(router) && advert.vrid == vrid => {
            Some((seen.at, advert.clone()))
        }
        _ => None,
    });
    adverts.collect()
}

/// The gaps between these adverts.
#[must_use]
pub fn gaps(adverts: &[(Nanos, Advert)]) -> Vec<Gap> {
    let pairs = adverts.windows(2);
    let gap = |pair: &[(Nanos, Advert)]| Gap {
        from: pair[0].0,
        until: pair[1].0,
    };
    pairs.map(gap).collect()
}

/// The times without any of these adverts between two moments, at both of which there need not be one.
#[must_use]
pub fn silences(from: Nanos, adverts: &[(Nanos, Advert)], until: Nanos) -> Vec<Gap> {
    let moments = adverts.iter().map(|(at, _)| *at);
    let starts = std::iter::once(from).chain(moments.clone());
    let ends = moments.chain([until]);
    let gaps = starts.zip(ends).map(|(from, until)| Gap { from, until });
    gaps.collect()
}

/// The longest of them.
#[must_use]
pub fn longest(gaps: &[Gap]) -> Option<Gap> {
    gaps.iter().copied().max_by_key(Gap::length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: Nanos, router: u8, vrid: u8) -> Seen {
        Seen {
            at,
            port: format!("to-r{router}"),
            frame: Frame::Advert(Advert {
                source: [192, 168, 1, router].into(),
                destination: [224, 0, 0, 18].into(),
                mac: [0; 6],
                version: 3,
                vrid,
                priority: 254,
                interval_ms: 10,
                vips: Vec::new(),
            }),
        }
    }

    #[test]
    fn gaps_are_between_adverts_of_one_virtual_router() {
        let seen = [
            seen(10, 1, 51),
            seen(15, 2, 51),
            seen(20, 1, 51),
            seen(25, 1, 52),
            seen(50, 1, 51),
        ];
        let gaps = gaps(&adverts(&seen, 1, 51));
        let lengths: Vec<_> = gaps.iter().map(|gap| gap.length().as_nanos()).collect();
        assert_eq!(lengths, [10, 30]);
        assert_eq!(longest(&gaps).map(|gap| gap.from), Some(20));
        assert_eq!(longest(&[]), None);
    }

    #[test]
    fn the_last_silence_is_to_the_end() {
        let lengths = |seen: &[Seen]| {
            let silences = silences(5, &adverts(seen, 1, 51), 100);
            Vec::from_iter(silences.iter().map(|one| one.length().as_nanos()))
        };
        assert_eq!(lengths(&[seen(10, 1, 51), seen(30, 1, 51)]), [5, 20, 70]);
        assert_eq!(lengths(&[seen(10, 2, 51)]), [95]);
    }
}
