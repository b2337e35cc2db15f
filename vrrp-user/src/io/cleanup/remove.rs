//! Takes off interfaces what the journal says that the node put there.

use std::net::IpAddr;

use super::{kernel, steps::Steps};
use crate::io::{bpf::pinned::Pins, journal::Journal, unicast_filter};

pub(super) async fn addresses(journal: &Journal, steps: &mut Steps) -> Vec<IpAddr> {
    let mut removed = Vec::new();
    let present = steps.record("read the addresses", kernel::Addresses::read().await);
    let Some(present) = present else {
        return removed;
    };
    for record in journal.addresses() {
        let result = present
            .remove(record.index, record.address, record.prefix)
            .await;
        if steps.record(format_args!("remove {}", record.address), result) == Some(true) {
            removed.push(record.address);
        }
    }
    let is_virtual = |index, address| {
        journal
            .addresses()
            .any(|one| (one.index, one.address) == (index, address))
    };
    steps.record("give back addresses", present.put_back(is_virtual).await);
    removed
}

pub(super) fn macs(journal: &Journal, steps: &mut Steps) -> usize {
    let mut removed = 0;
    for record in journal.macs() {
        let result = unicast_filter::remove(record);
        let found = steps.record(
            format_args!("remove a virtual MAC from interface {}", record.index),
            result,
        );
        removed += usize::from(found == Some(true));
    }
    removed
}

pub(super) async fn filters(journal: &Journal, pins: &impl Pins, steps: &mut Steps) -> Vec<String> {
    let mut removed = Vec::new();
    for index in journal.filters() {
        // It may have been renamed since.
        let Some(name) = kernel::link_name(index).await else {
            continue;
        };
        steps.record(
            format_args!("detach from {name}"),
            pins.detach_filters(&name),
        );
        if journal.has_clsact(index) {
            let result = kernel::remove_unused_clsact(index).await;
            if steps.record(format_args!("remove clsact of {name}"), result) == Some(true) {
                removed.push(name);
            }
        }
    }
    removed
}
