//! Adverts that XDP refuses never reach the engine; what they mean for the operator is said here
//! (RFC 9568 section 7.1: log, rate limited).

use std::time::Duration;

use vrrp_ebpf::abi::Counter;

use super::sighting::{Sighting, comma_separated};
use crate::{config::Instance, io::bpf::counters::Counts};

/// How often the counters are looked at: two machines that do not understand each other should be
/// told of before anybody asks why both are Active.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// A reason that keeps coming is repeated after this many looks (10 minutes).
const REPEAT: u32 = 120;

//= C67: RFC 9568 section 7.1
/// Reasons to refuse an advert, with what they usually mean.
const REASONS: [(Counter, &str); 14] = [
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
    (
        Counter::OwnSource,
        "another router sends from our own address, or our own adverts come back to us: compare the \
         MAC with ours",
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
    /// Compares with the last look; returns what to tell. `last` is the last advert that was refused for
    /// a reason.
    pub(super) fn look(
        &mut self,
        counts: &Counts,
        instance: &Instance,
        last: impl Fn(Counter) -> Option<Sighting>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        for ((reason, meaning), seen) in REASONS.iter().zip(&mut self.seen) {
            let count = counts.of(*reason);
            let more = count.saturating_sub(seen.count);
            seen.quiet = seen.quiet.saturating_sub(1);
            if more > 0 && seen.quiet == 0 {
                let last = last(*reason);
                let who = last.as_ref().map_or_else(String::new, |last| {
                    format!(", the last from {}", last.who())
                });
                let lists = last
                    .filter(|_| *reason == Counter::BadAddressList)
                    .map_or_else(String::new, |last| lists(&last, instance));
                let name = reason.name();
                lines.push(format!(
                    "{more} adverts refused ({name}){who}: {meaning}{lists}"
                ));
                seen.quiet = REPEAT;
                seen.count = count;
            }
        }
        lines
    }
}

/// Both address lists, and what is often the matter.
fn lists(last: &Sighting, instance: &Instance) -> String {
    let ours = Vec::from_iter(instance.advertised().map(|vip| vip.address));
    format!(
        " (its are {}, ours {}; does another cluster use VRID {}?)",
        last.list(),
        comma_separated(&ours),
        instance.settings.vrid
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::control::{sighting::tests::sighting, tests::instance};

    /// What is told if no frame was kept.
    fn look(refusals: &mut Refusals, counts: &Counts) -> Vec<String> {
        refusals.look(counts, &instance("VI_1"), |_| None)
    }

    #[test]
    fn the_last_sender_is_named_and_both_lists() {
        let told = |counter| {
            let last = |reason| {
                let odd = sighting("192.168.1.3", &["192.168.1.20", "192.168.1.21"]);
                (reason == counter).then_some(odd)
            };
            let lines = Refusals::default().look(&counted(counter, 3), &instance("VI_1"), last);
            let [line] = &lines[..] else {
                panic!("{lines:?}");
            };
            line.clone()
        };
        let start = "3 adverts refused (bad_password), the last from 192.168.1.3 \
                     (02:00:00:00:00:07): its password is not ours: ";
        assert!(told(Counter::BadPassword).starts_with(start));
        let end = "compare `virtual_ipaddress` (its are 192.168.1.20, 192.168.1.21, ours \
                   192.168.1.254; does another cluster use VRID 1?)";
        assert!(told(Counter::BadAddressList).ends_with(end));
        let own = told(Counter::OwnSource);
        assert!(
            own.contains("another router sends from our own address"),
            "{own}"
        );
    }

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
            let told = look(&mut Refusals::default(), &counted(error, 1));
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
        assert!(look(&mut refusals, &Counts::default()).is_empty());
        assert!(look(&mut refusals, &counted(Counter::ArpAnswered, 5)).is_empty());
        let lines = look(&mut refusals, &counted(Counter::BadPassword, 3));
        assert_eq!(
            lines,
            ["3 adverts refused (bad_password): its password is not ours: compare `auth_pass`"]
        );
        for later in 1..REPEAT {
            let more = counted(Counter::BadPassword, 3 + u64::from(later));
            assert!(look(&mut refusals, &more).is_empty());
        }
        let much = counted(Counter::BadPassword, 500);
        assert_eq!(look(&mut refusals, &much).len(), 1);
    }
}
