//! Accept_Mode (RFC 9568 section 6.1): `accept`, `no_accept`, and what strict mode makes of them.

use super::{diag::Diagnostics, instance::Draft};
use crate::proto::Version;
use crate::proto::election::OWNER;

/// Whether packets to the virtual IPs are accepted: yes unless told otherwise, which is keepalived's
/// default and not the RFC's. The address owner always accepts them, as the addresses are its own.
pub(super) fn accept(
    draft: &Draft<'_>,
    version: Version,
    priority: u8,
    report: &mut Diagnostics,
) -> bool {
    let name = draft.name;
    let remove = "remove `vrrp_strict` and `strict_mode` if they are to be answered";
    match draft.accept {
        Some((false, at)) if priority == OWNER => {
            report.warn(
                &at.place,
                format!("({name}) `no_accept` does not go with priority 255 and is ignored"),
            );
            true
        }
        _ if priority == OWNER => true,
        Some((true, at)) if draft.common.strict && version == Version::V2 => {
            report.warn_help(
                &at.place,
                format!(
                    "({name}) `accept` does not go with strict mode and version 2 and is ignored: \
                     packets to its virtual IPs are dropped, pings among them"
                ),
                remove,
            );
            false
        }
        None if draft.common.strict => {
            report.warn_help(
                &draft.block.place,
                format!(
                    "({name}) in strict mode packets to its virtual IPs are dropped, pings among them"
                ),
                match version {
                    Version::V2 => remove,
                    Version::V3 => "write `accept` if they are to be answered",
                },
            );
            false
        }
        Some((accept, _)) => accept,
        None => true,
    }
}
