//! Orders that the kernel refused in part, to be given again. Until it takes all of an Active's virtual IPs, what
//! clients send to the missing ones is lost.

use std::{collections::BTreeMap, time::Duration};

use super::{Operation, Order};
use crate::{ids::RouterId, proto::Instant};

/// How long the kernel is left alone at first, and in the end.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The longest while the router is in FAULT only because the kernel refuses.
const LONGEST_TRIAL: Duration = Duration::from_secs(10);

/// By router.
#[derive(Debug, Default)]
pub(super) struct Retries(BTreeMap<RouterId, Retry>);

#[derive(Clone, Copy, Debug)]
struct Retry {
    order: Order,
    pause: Duration,
    at: Instant,
}

impl Retries {
    /// This order is to be given again, each time after twice the pause.
    pub(super) fn postpone(&mut self, order: Order, now: Instant) {
        let longest = match order.operation {
            Operation::Try => LONGEST_TRIAL,
            Operation::Install | Operation::Remove => LONGEST,
        };
        let before = self.0.get(&order.router);
        let pause = before.map_or(SHORTEST, |retry| (2 * retry.pause).min(longest));
        let retry = Retry {
            // What was lost may have been put back by now.
            order: Order {
                lost: None,
                ..order
            },
            pause,
            at: now + pause,
        };
        self.0.insert(order.router, retry);
    }

    /// There is another order for this router, or nothing left to do.
    pub(super) fn forget(&mut self, router: RouterId) {
        self.0.remove(&router);
    }

    /// Whether an order is to be given again.
    pub(super) fn is_waiting(&self, router: RouterId) -> bool {
        self.0.contains_key(&router)
    }

    /// The order that is to be given next, and when.
    pub(super) fn next(&self) -> Option<(Order, Instant)> {
        let retries = self.0.values().map(|retry| (retry.order, retry.at));
        retries.min_by_key(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::VipId, io::engine::addresses::Operation};

    fn order(router: u16, lost: Option<u32>) -> Order {
        Order {
            router: RouterId::first(router),
            operation: Operation::Install,
            generation: 7,
            epoch: 1,
            lost: lost.map(VipId),
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let mut retries = Retries::default();
        let mut now = Instant(5);
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            retries.postpone(order(0, Some(1)), now);
            let (again, at) = retries.next().unwrap();
            assert_eq!(again, order(0, None));
            assert_eq!(at.since(now), Duration::from_secs(pause));
            now = at;
        }
        retries.forget(RouterId::first(0));
        assert_eq!(retries.next(), None);
        retries.postpone(order(0, None), now);
        assert_eq!(retries.next().unwrap().1.since(now), SHORTEST);
    }

    #[test]
    fn pauses_of_a_trial_are_shorter() {
        let mut retries = Retries::default();
        let mut now = Instant(5);
        let trial = Order {
            operation: Operation::Try,
            ..order(0, None)
        };
        for pause in [1, 2, 4, 8, 10, 10] {
            retries.postpone(trial, now);
            let (_, at) = retries.next().unwrap();
            assert_eq!(at.since(now), Duration::from_secs(pause));
            now = at;
        }
    }

    #[test]
    fn the_earliest_is_next() {
        let mut retries = Retries::default();
        retries.postpone(order(1, None), Instant(20));
        retries.postpone(order(2, None), Instant(10));
        assert_eq!(retries.next().unwrap().0.router, RouterId::first(2));
        retries.forget(RouterId::first(2));
        assert_eq!(retries.next().unwrap().0.router, RouterId::first(1));
    }
}
