//! Adverts that XDP refuses never reach the engine; what they mean for the operator is said here
//! (RFC 9568 section 7.1: log, rate limited).

use std::time::Duration;

/// How often the counters are looked at: two machines that do not understand each other should be
/// told of before anybody asks why both are Active.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// A reason that keeps coming is repeated after this many looks (10 minutes).
const REPEAT: u32 = 120;

/// Reasons to refuse an advert, by counter, with what they usually mean.
//= C67: RFC 9568 section 7.1
const REASONS: [(&str, &str); 10] = [
    (
        "bad_ttl",
        "its TTL is not 255: it was routed, or forged from elsewhere",
    ),
    (
        "bad_version",
        "its VRRP version is not ours: compare `version` and `vrrp_version`",
    ),
    ("bad_type", "its type is not ADVERTISEMENT"),
    (
        "bad_length",
        "its length and its number of addresses disagree",
    ),
    ("bad_checksum", "its checksum is wrong"),
    ("bad_count", "it carries no address"),
    (
        "bad_interval",
        "its advert_int is 0 or not ours: compare `advert_int`",
    ),
    (
        "bad_auth_type",
        "its authentication type is not ours: compare `auth_type`",
    ),
    (
        "bad_password",
        "its password is not ours: compare `auth_pass`",
    ),
    (
        "bad_address_list",
        "its virtual IPs are not ours: compare `virtual_ipaddress`",
    ),
];

/// What was refused to one virtual router so far.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    seen: [Seen; REASONS.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    count: u64,
    /// Looks to go until it is told again.
    quiet: u32,
}

impl Refusals {
    /// Compares with the last look; returns what to tell.
    pub(super) fn look(&mut self, counters: &[(&'static str, u64)]) -> Vec<String> {
        let mut lines = Vec::new();
        for ((name, meaning), seen) in REASONS.iter().zip(&mut self.seen) {
            let count = counters
                .iter()
                .find_map(|(found, count)| (found == name).then_some(*count))
                .unwrap_or_default();
            let more = count.saturating_sub(seen.count);
            seen.quiet = seen.quiet.saturating_sub(1);
            if more > 0 && seen.quiet == 0 {
                lines.push(format!("{more} adverts refused ({name}): {meaning}"));
                seen.quiet = REPEAT;
                seen.count = count;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= C67: proof
    //= C67: refusal
    #[test]
    fn a_reason_is_told_once_and_again_after_a_while() {
        let mut refusals = Refusals::default();
        assert!(
            refusals
                .look(&[("bad_ttl", 0), ("arp_answered", 5)])
                .is_empty()
        );
        let lines = refusals.look(&[("bad_password", 3)]);
        assert_eq!(
            lines,
            ["3 adverts refused (bad_password): its password is not ours: compare `auth_pass`"]
        );
        for look in 1..REPEAT {
            assert!(
                refusals
                    .look(&[("bad_password", 3 + u64::from(look))])
                    .is_empty()
            );
        }
        assert_eq!(refusals.look(&[("bad_password", 500)]).len(), 1);
    }

    #[test]
    fn reasons_are_counters() {
        let known = vrrp_ebpf::abi::Counter::ALL;
        for (name, _) in REASONS {
            assert!(known.iter().any(|(_, counter)| *counter == name), "{name}");
        }
    }
}
