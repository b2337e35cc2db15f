//! What an order still waits for.

/// By virtual IP (position in its set).
#[derive(Debug)]
pub(super) struct Waiting {
    vips: Vec<Awaited>,
    /// Virtual IPs for which something is awaited.
    left: usize,
}

#[derive(Clone, Copy, Debug)]
struct Awaited {
    /// The answer to its request.
    answer: bool,
    /// Word that the address can be used.
    address: bool,
}

impl Waiting {
    /// For an answer about each virtual IP that has a request.
    pub(super) fn for_answers(requests: impl Iterator<Item = bool>) -> Self {
        let vips = Vec::from_iter(requests.map(|answer| Awaited {
            answer,
            address: false,
        }));
        let left = vips.iter().filter(|awaited| awaited.answer).count();
        Self { vips, left }
    }

    /// And for an address to be usable.
    pub(super) fn for_address(&mut self, vip: u32) {
        if let Some(awaited) = self.vips.get_mut(vip as usize) {
            awaited.address = awaited.answer;
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The kernel has answered with this errno. Returns whether that settles the virtual IP.
    pub(super) fn answered(&mut self, vip: u32, errno: i32) -> bool {
        let Some(awaited) = self.vips.get_mut(vip as usize) else {
            return false;
        };
        // The kernel sends no word of an address that it refused, or that was there already.
        awaited.address &= errno == 0;
        let settled = std::mem::take(&mut awaited.answer) && !awaited.address;
        self.left -= usize::from(settled);
        settled
    }

    /// An address can be used. Returns whether that settles the virtual IP.
    pub(super) fn usable(&mut self, vip: u32) -> bool {
        let Some(awaited) = self.vips.get_mut(vip as usize) else {
            return false;
        };
        let settled = std::mem::take(&mut awaited.address) && !awaited.answer;
        self.left -= usize::from(settled);
        settled
    }

    /// No longer waits for addresses, if every request is answered. Returns which these were.
    pub(super) fn give_up_addresses(&mut self) -> Vec<u32> {
        if self.vips.iter().any(|awaited| awaited.answer) {
            return Vec::new();
        }
        let waiting = (0..).zip(&self.vips).filter(|(_, one)| one.address);
        let given_up = waiting.map(|(vip, _)| vip).collect();
        self.vips.clear();
        self.left = 0;
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests for all but the second of three, the third of which is an IPv6 address.
    fn waiting() -> Waiting {
        let mut waiting = Waiting::for_answers([true, false, true].into_iter());
        waiting.for_address(1);
        waiting.for_address(2);
        waiting
    }

    #[test]
    fn each_virtual_ip_is_settled_once() {
        let mut waiting = waiting();
        assert!(!waiting.answered(1, 0));
        assert!(!waiting.usable(1));
        assert!(waiting.answered(0, 0));
        assert!(!waiting.answered(0, 0));
        assert!(!waiting.answered(2, 0));
        assert!(!waiting.is_over());
        assert!(waiting.usable(2));
        assert!(!waiting.usable(2));
        assert!(waiting.is_over());
    }

    #[test]
    fn word_of_an_address_may_come_before_the_answer() {
        let mut waiting = waiting();
        assert!(!waiting.usable(2));
        assert!(waiting.answered(2, 0));
        assert!(!waiting.answered(3, 0));
        assert!(!waiting.is_over());
    }

    #[test]
    fn nothing_is_told_of_what_was_there_or_refused() {
        for errno in [libc::EEXIST, libc::EACCES] {
            let mut waiting = waiting();
            assert!(waiting.answered(2, errno));
            assert!(waiting.answered(0, 0));
            assert!(waiting.is_over());
        }
    }

    #[test]
    fn addresses_are_given_up_when_all_is_answered() {
        let mut waiting = waiting();
        waiting.answered(2, 0);
        assert_eq!(waiting.give_up_addresses(), [0; 0]);
        waiting.answered(0, 0);
        assert_eq!(waiting.give_up_addresses(), [2]);
        assert!(waiting.is_over());
    }
}
