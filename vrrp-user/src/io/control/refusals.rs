//! Adverts that XDP refuses never reach the engine; what they mean for the operator is said here
//! (RFC 9568 section 7.1: log, rate limited).

use std::time::Duration;

use vrrp_ebpf::abi::Counter;

use super::counters::Counts;

/// How often the counters are looked at: two machines that do not understand each other should be
/// told of before anybody asks why both are Active.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// A reason that keeps coming is repeated after this many looks (10 minutes).
const REPEAT: u32 = 120;

//= C67: RFC 9568 section 7.1
/// Reasons to refuse an advert, with what they usually mean.
const REASONS: [(Counter, &str); 13] = [
    (
        Counter::BadTtl,
        "its TTL is not 255, or outside of `min_ttl` and `max_ttl`: it was routed, or forged from \
         elsewhere, or (IPv6 unicast) keepalived sent it without `unicast_ttl 255`",
    ),
    (
        Counter::BadVersion,
        "its VRRP version is not ours: compare `version` and `vrrp_version`",
    ),
    (
        Counter::BadSource,
        "it is from no peer of ours: compare `unicast_peer` and `unicast_src_ip`",
    ),
    (
        Counter::MartianSource,
        "its source is an address that no router can send from (IPv6 by multicast: any but \
         link-local), or one of our virtual IPs without priority 255, which the owner of an address \
         must have",
    ),
    (
        Counter::BadDestination,
        "it was sent to our own address, and we have no unicast peers: compare `unicast_peer`",
    ),
    (Counter::BadType, "its type is not ADVERTISEMENT"),
    (
        Counter::BadLength,
        "its length and its number of addresses disagree",
    ),
    (Counter::BadChecksum, "its checksum is wrong"),
    (Counter::BadCount, "it carries no address"),
    (
        Counter::BadInterval,
        "its advert_int is 0 or not ours: compare `advert_int`",
    ),
    (
        Counter::BadAuthType,
        "its authentication type is not ours: compare `auth_type`",
    ),
    (
        Counter::BadPassword,
        "its password is not ours: compare `auth_pass`",
    ),
    (
        Counter::BadAddressList,
        "its virtual IPs are not ours, or (IPv6 multicast) begin with none that is link-local: compare `virtual_ipaddress`",
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
    pub(super) fn look(&mut self, counts: &Counts) -> Vec<String> {
        let mut lines = Vec::new();
        for ((reason, meaning), seen) in REASONS.iter().zip(&mut self.seen) {
            let count = counts.of(*reason);
            let more = count.saturating_sub(seen.count);
            seen.quiet = seen.quiet.saturating_sub(1);
            if more > 0 && seen.quiet == 0 {
                let name = reason.name();
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

    fn counted(counter: Counter, count: u64) -> Counts {
        Counts::from_iter([(counter, count)])
    }

    /// What `vrrp-protocol-error-event` and `vrrp-virtual-router-error-event` are sent for, but for
    /// `vrid-error`: on a LAN with other virtual routers that is none.
    //= C72: proof
    #[test]
    fn c72_the_errors_that_the_module_notifies_of_are_told() {
        for error in [
            Counter::BadChecksum,
            Counter::BadVersion,
            Counter::BadTtl,
            Counter::BadInterval,
            Counter::BadAddressList,
            Counter::BadLength,
        ] {
            let told = Refusals::default().look(&counted(error, 1));
            let [line] = &told[..] else {
                panic!("{error:?}: {told:?}");
            };
            assert!(line.contains(error.name()), "{line}");
        }
    }

    //= C67: proof
    //= C67: refusal
    #[test]
    fn a_reason_is_told_once_and_again_after_a_while() {
        let mut refusals = Refusals::default();
        assert!(refusals.look(&Counts::default()).is_empty());
        assert!(refusals.look(&counted(Counter::ArpAnswered, 5)).is_empty());
        let lines = refusals.look(&counted(Counter::BadPassword, 3));
        assert_eq!(
            lines,
            ["3 adverts refused (bad_password): its password is not ours: compare `auth_pass`"]
        );
        for look in 1..REPEAT {
            let more = counted(Counter::BadPassword, 3 + u64::from(look));
            assert!(refusals.look(&more).is_empty());
        }
        let much = counted(Counter::BadPassword, 500);
        assert_eq!(refusals.look(&much).len(), 1);
    }
}
