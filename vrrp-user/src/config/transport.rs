//! Where adverts come from and go to: `mcast_src_ip`, `unicast_src_ip`, `unicast_peer` and what
//! belongs to them.

use std::{net::IpAddr, ops::RangeInclusive};

use super::{
    ast::Statement,
    common::Common,
    diag::Diagnostics,
    model::{Instance, Peer, Unicast},
    value, vip,
};
use crate::proto::Family;

/// What an instance's statements say about the transport.
#[derive(Debug, Default)]
pub(super) struct TransportDraft<'s> {
    source: Option<(IpAddr, &'s Statement)>,
    pub(super) track_source: bool,
    peers: Vec<(Peer, &'s Statement)>,
    /// `unicast_peer`, if it is there.
    peers_at: Option<&'s Statement>,
    /// One of its lines is an error.
    peers_wrong: bool,
    /// `unicast_ttl`.
    pub(super) ttl: Option<u8>,
    /// `unicast_fault_no_peer`.
    pub(super) fault_without_peer: Option<&'s Statement>,
}

impl<'s> TransportDraft<'s> {
    pub(super) fn source(&mut self, statement: &'s Statement, report: &mut Diagnostics) {
        let Some(text) = value::one(statement, report) else {
            return;
        };
        if let Some((_, before)) = self.source
            && before.keyword() != statement.keyword()
        {
            report.warn(
                &statement.place,
                format!(
                    "`{}` was given in line {} already, the last one counts",
                    before.keyword(),
                    before.place.line
                ),
            );
        }
        if let Some(address) = address(text, statement, report) {
            self.source = Some((address, statement));
        }
    }

    pub(super) fn peers(&mut self, block: &'s Statement, report: &mut Diagnostics) {
        self.peers_at = self.peers_at.or(Some(block));
        if block.block.is_none() {
            self.peers_wrong = true;
            report.error_help(
                &block.place,
                "`unicast_peer` needs a block",
                "write `unicast_peer {`, an address per line and `}`",
            );
        }
        for statement in block.body() {
            let Some(peer) = peer(statement, report) else {
                self.peers_wrong = true;
                continue;
            };
            if self
                .peers
                .iter()
                .any(|(known, _)| known.address == peer.address)
            {
                report.warn(
                    &statement.place,
                    format!("peer {} was given already, ignored", peer.address),
                );
            } else {
                self.peers.push((peer, statement));
            }
        }
    }

    /// Weighs the statements against each other and the rest of the instance, whose transport this
    /// sets.
    pub(super) fn finish(
        mut self,
        common: &Common,
        instance: &mut Instance,
        report: &mut Diagnostics,
    ) {
        let name = instance.name.clone();
        let ours = instance.family();
        if let Some((source, at)) = self.source {
            let virtual_ip = instance.vips.iter().any(|vip| vip.address == source);
            if Family::of(source) != ours {
                report.error(
                    &at.place,
                    format!("({name}) {source} is not of the family of the virtual IPs"),
                );
            } else if virtual_ip && !instance.is_owner() {
                report.error_help(
                    &at.place,
                    format!("({name}) {source} is a virtual IP: no router could tell its adverts from ours"),
                    "write an address that only this router has",
                );
            }
        }
        if let Some((source, at)) = self.source {
            instance.source = Some(source);
            instance.source_place = at.place.clone();
        }
        instance.track_source = self.track_source;
        let mut peers = Vec::new();
        for (peer, at) in std::mem::take(&mut self.peers) {
            if Family::of(peer.address) != ours {
                report.error(
                    &at.place,
                    format!(
                        "({name}) peer {} is not of the family of the virtual IPs",
                        peer.address
                    ),
                );
                self.peers_wrong = true;
            } else if instance.source == Some(peer.address) || peer.address.is_loopback() {
                report.warn(
                    &at.place,
                    format!("({name}) peer {} is this router, ignored", peer.address),
                );
            } else {
                if common.strict {
                    report.error_help(
                        &at.place,
                        format!("({name}) strict mode has no unicast peers"),
                        "remove `vrrp_strict` and `strict_mode`, on every router",
                    );
                }
                peers.push((peer, at));
            }
        }
        self.warn_of_forgeries(&name, &peers, report);
        let peers: Vec<_> = peers.into_iter().map(|(peer, _)| peer).collect();
        if peers.is_empty() {
            match self.peers_at {
                Some(at) => self.without_other_peers(at, &name, report),
                None => self.without_peers(instance, report),
            }
            return;
        }
        // keepalived's rule: who cares how far a peer is cares who it is.
        let check_source = common.check_unicast_src || peers.iter().any(|peer| peer.ttl.is_some());
        instance.unicast = Some(Unicast {
            peers,
            ttl: self.ttl,
            check_source,
        });
    }

    /// Over IPv6, keepalived leaves the Hop Limit of unicast adverts to the kernel unless `unicast_ttl` is
    /// there, so that without it a Hop Limit proves nothing. Nobody routes a link-local address.
    fn warn_of_forgeries(
        &self,
        name: &str,
        peers: &[(Peer, &Statement)],
        report: &mut Diagnostics,
    ) {
        let forgeable = |peer: &Peer| match peer.address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => peer.ttl.is_none() && !address.is_unicast_link_local(),
        };
        if self.ttl.is_none()
            && let Some((peer, at)) = peers.iter().find(|(peer, _)| forgeable(peer))
        {
            report.warn_help(
                &at.place,
                format!(
                    "({name}) adverts of {} are taken with any hop limit, as keepalived sends 64: anybody could forge \
                     them from anywhere",
                    peer.address
                ),
                "write `unicast_ttl 255` on every router, keepalived too, or `min_ttl` if they are routed",
            );
        }
    }

    /// keepalived speaks by multicast then. Whoever has this router as a unicast peer does not hear that, and
    /// both would be master.
    fn without_other_peers(&self, at: &Statement, name: &str, report: &mut Diagnostics) {
        if !self.peers_wrong {
            report.error_help(
                &at.place,
                format!(
                    "({name}) `unicast_peer` names no other router, and multicast adverts are not heard by unicast peers"
                ),
                "add the addresses of the other routers, or remove `unicast_peer` on all of them for multicast",
            );
        }
    }

    /// keepalived speaks by multicast then, unless told otherwise. It would also send from any address.
    fn without_peers(&self, instance: &Instance, report: &mut Diagnostics) {
        let name = &instance.name;
        //= C4: RFC 9568 section 5.1.2.1
        if let Some((IpAddr::V6(source), at)) = self.source
            && !source.is_unicast_link_local()
        {
            report.error_help(
                &at.place,
                format!("({name}) {source} is not link-local, as the source of multicast adverts has to be"),
                "write the interface's link-local address, or remove the line and it is used",
            );
        }
        if let Some(at) = self.fault_without_peer {
            report.error_help(
                &at.place,
                format!("({name}) has no unicast peer and would stay in FAULT"),
                "add addresses to `unicast_peer`",
            );
        } else if let Some((_, at)) = self.source
            && at.keyword() == "unicast_src_ip"
        {
            report.warn_help(
                &at.place,
                format!("({name}) has no `unicast_peer`, adverts are multicast as with keepalived"),
                "add `unicast_peer`, or write `mcast_src_ip`",
            );
        }
    }
}

/// Checksums as keepalived before 1.3.6 sent them. Its `never` is what we do.
pub(super) fn old_checksum(statement: &Statement, report: &mut Diagnostics) {
    let never = matches!(statement.params(), [word] if word.text == "never");
    if !never {
        report.error_help(
            &statement.place,
            "`old_unicast_checksum` is not supported: such peers would drop our adverts, and both machines would be master",
            "update keepalived on the peers and remove it",
        );
    }
}

fn address(text: &str, statement: &Statement, report: &mut Diagnostics) -> Option<IpAddr> {
    let keyword = statement.keyword();
    let address = without_prefix(text, statement, report)?;
    if let Some(why) = vip::unusable(address) {
        report.error(&statement.place, format!("`{keyword} {address}`: {why}"));
        return None;
    }
    Some(address)
}

/// An address, of which keepalived cuts off everything from a `/` on.
fn without_prefix(text: &str, statement: &Statement, report: &mut Diagnostics) -> Option<IpAddr> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(address) = address.parse() else {
        report.error(&statement.place, format!("`{text}` is not an IP address"));
        return None;
    };
    if let Some(prefix) = prefix {
        report.warn_help(
            &statement.place,
            format!(
                "`{text}`: an address without a prefix length belongs here, `/{prefix}` is ignored"
            ),
            format!("write `{address}`"),
        );
    }
    Some(address)
}

/// A line of `unicast_peer`: `ADDRESS [min_ttl N] [max_ttl N]`.
fn peer(statement: &Statement, report: &mut Diagnostics) -> Option<Peer> {
    value::refuse_block(statement, report);
    let mut words = statement.words.iter().map(|word| word.text.as_str());
    let address = without_prefix(words.next()?, statement, report)?;
    if let Some(why) = vip::unusable(address) {
        report.error(
            &statement.place,
            format!("`{address}` cannot be a peer: {why}"),
        );
        return None;
    }
    let (mut least, mut most) = (None, None);
    while let Some(word) = words.next() {
        let limit = match word {
            "min_ttl" => &mut least,
            "max_ttl" => &mut most,
            _ => {
                report.error_help(
                    &statement.place,
                    format!("`{word}` is not an option of a peer"),
                    "known are min_ttl and max_ttl; each peer has a line of its own",
                );
                return None;
            }
        };
        let Some(number) = words.next() else {
            report.error(&statement.place, format!("`{word}` needs a parameter"));
            return None;
        };
        *limit = number.parse::<u8>().ok();
        if limit.is_none() {
            report.error(
                &statement.place,
                format!("`{word} {number}`: not a number from 0 to 255"),
            );
            return None;
        }
    }
    let ttl = (least, most) != (None, None);
    let ttl = ttl.then(|| least.unwrap_or(0)..=most.unwrap_or(u8::MAX));
    if ttl.as_ref().is_some_and(RangeInclusive::is_empty) {
        report.error(&statement.place, "`min_ttl` is greater than `max_ttl`");
        return None;
    }
    Some(Peer { address, ttl })
}
