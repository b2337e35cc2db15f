//! Virtual IPs that nobody serves: in version 3 an advert with other addresses counts like any other, and a
//! Backup yields to the Active of another cluster with the same VRID. Pure.

use std::net::IpAddr;

use tracing::Level;
use vrrp_ebpf::abi::Counter;

use super::{
    sighting::{Sighting, comma_separated},
    wording::Line,
};
use crate::{config::Instance, io::bpf::counters::Counts, proto::State};

/// It is told again after this many looks (a minute), for as long as it lasts.
const REPEAT: u32 = 12;

/// What is known about one virtual router.
#[derive(Debug, Default)]
pub(super) struct Unserved {
    accepted: u64,
    differing: u64,
    missing: Vec<IpAddr>,
    told: bool,
    /// Looks to go until it is told again.
    quiet: u32,
}

impl Unserved {
    /// The virtual IPs that nobody serves.
    pub(super) fn missing(&self) -> &[IpAddr] {
        &self.missing
    }

    /// Compares with the last look; returns what to tell. `odd` is the last advert with another
    /// address list.
    pub(super) fn look(
        &mut self,
        counts: &Counts,
        state: State,
        odd: Option<&Sighting>,
        instance: &Instance,
    ) -> Option<Line> {
        let since = |counter, before: &mut u64| {
            let count = counts.of(counter);
            count.saturating_sub(std::mem::replace(before, count))
        };
        let accepted = since(Counter::AdvertAccepted, &mut self.accepted);
        let differing = since(Counter::AddressListDiffers, &mut self.differing);
        self.quiet = self.quiet.saturating_sub(1);
        if state != State::Backup || accepted > differing {
            // We serve, or somebody does who has our addresses.
            return self.over(instance);
        }
        let odd = odd.filter(|_| differing > 0)?;
        self.missing = missing(instance, odd);
        if self.missing.is_empty() {
            return self.over(instance);
        }
        if self.quiet > 0 {
            return None;
        }
        (self.told, self.quiet) = (true, REPEAT);
        Some((
            Level::ERROR,
            format!(
                "({}) nobody serves {}: the Master, {}, has other virtual IPs ({}). If another \
                 cluster uses VRID {}, give one of the two another `virtual_router_id`",
                instance.name,
                comma_separated(&self.missing),
                odd.who(),
                odd.list(),
                instance.settings.vrid,
            ),
        ))
    }

    fn over(&mut self, instance: &Instance) -> Option<Line> {
        self.missing.clear();
        self.quiet = 0;
        std::mem::take(&mut self.told).then(|| {
            let name = &instance.name;
            (
                Level::INFO,
                format!("({name}) the virtual IPs are not unserved any more"),
            )
        })
    }
}

/// Ours that are not among theirs. Of a list that is longer than what was kept of it, nothing is known
/// for sure as soon as one of ours is in it.
fn missing(instance: &Instance, odd: &Sighting) -> Vec<IpAddr> {
    let ours = instance.advertised().map(|vip| vip.address);
    let missing = Vec::from_iter(ours.filter(|vip| !odd.addresses.contains(vip)));
    if odd.is_complete() || missing.len() == instance.advertised().count() {
        missing
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Vip,
        io::control::{sighting::tests::sighting, tests::instance},
    };

    fn counts(accepted: u64, differing: u64) -> Counts {
        Counts::from_iter([
            (Counter::AdvertAccepted, accepted),
            (Counter::AddressListDiffers, differing),
        ])
    }

    /// What is told of an Active with another list, or with ours.
    #[test]
    fn told_while_it_lasts() {
        let instance = instance("VI_1");
        let odd = sighting("192.168.1.3", &["192.168.1.20"]);
        let mut unserved = Unserved::default();
        let mut look = |accepted, differing, state| {
            let line = unserved.look(&counts(accepted, differing), state, Some(&odd), &instance);
            (line, unserved.missing().len())
        };
        let (line, missing) = look(5, 5, State::Backup);
        let (level, text) = line.unwrap();
        assert_eq!((level, missing), (Level::ERROR, 1));
        assert_eq!(
            text,
            "(VI_1) nobody serves 192.168.1.254: the Master, 192.168.1.3 (02:00:00:00:00:07), has \
             other virtual IPs (192.168.1.20). If another cluster uses VRID 1, give one of the two \
             another `virtual_router_id`"
        );
        for more in 1..12 {
            assert_eq!(look(5 + more, 5 + more, State::Backup), (None, 1));
        }
        assert!(look(17, 17, State::Backup).0.is_some());
        // A slow Active sends none between two looks.
        assert_eq!(look(17, 17, State::Backup), (None, 1));
        // Our own cluster's Active is back, beside the stranger.
        let (line, missing) = look(20, 18, State::Backup);
        let over = "(VI_1) the virtual IPs are not unserved any more";
        assert_eq!(line, Some((Level::INFO, over.to_owned())));
        assert_eq!(missing, 0);
        // Nobody was heard since: the stranger's last advert is an old one.
        assert_eq!(look(20, 18, State::Backup), (None, 0));
        assert_eq!(look(23, 20, State::Backup), (None, 0));
        // At once when it happens again.
        assert!(look(25, 22, State::Backup).0.is_some());
        assert_eq!(look(30, 27, State::Active).1, 0);
        assert_eq!(look(35, 32, State::Active), (None, 0));
    }

    #[test]
    fn another_list_with_ours_in_it_serves_ours() {
        let mut instance = instance("VI_1");
        for (list, missing) in [
            (&["192.168.1.254", "192.168.1.20"][..], 0),
            (&["192.168.1.20"][..], 1),
        ] {
            let mut unserved = Unserved::default();
            let odd = sighting("192.168.1.3", list);
            let line = unserved.look(&counts(5, 5), State::Backup, Some(&odd), &instance);
            assert_eq!(
                (line.is_some(), unserved.missing().len()),
                (missing > 0, missing)
            );
        }
        // Of a long list only the beginning is known: if one of ours is in it, the other may be as well.
        instance.vips.push(Vip {
            address: IpAddr::from([192, 168, 1, 253]),
            ..instance.vips[0].clone()
        });
        let mut long: Vec<_> = (1..=30).map(|one| format!("10.0.0.{one}")).collect();
        let told = |list: &[String]| {
            let list = Vec::from_iter(list.iter().map(String::as_str));
            let odd = sighting("192.168.1.3", &list);
            let mut unserved = Unserved::default();
            unserved.look(&counts(5, 5), State::Backup, Some(&odd), &instance);
            unserved.missing().len()
        };
        assert_eq!(told(&long), 2);
        long[3] = "192.168.1.254".to_owned();
        assert_eq!(told(&long), 0);
    }
}
