//! Takes off interfaces what the journal says that the node put there.

use std::net::IpAddr;

use super::{kernel, steps::Steps};
use crate::io::{
    bpf::pinned::Pins,
    journal::{AddressRecord, EgressRecord, Journal, MacRecord},
    unicast_filter,
};

pub(super) async fn addresses(records: &[AddressRecord], steps: &mut Steps) -> Vec<IpAddr> {
    let mut removed = Vec::new();
    let present = steps.record("read the addresses", kernel::Addresses::read().await);
    let Some(present) = present else {
        return removed;
    };
    for record in records.iter().filter(|record| !record.preexisting) {
        let result = present
            .remove(record.index, record.address, record.prefix)
            .await;
        if steps.record(format_args!("remove {}", record.address), result) == Some(true) {
            removed.push(record.address);
        }
    }
    let is_virtual = |index, address| {
        let mut ours = records.iter().filter(|record| !record.preexisting);
        ours.any(|one| (one.index, one.address) == (index, address))
    };
    steps.record("give back addresses", present.put_back(is_virtual).await);
    removed
}

pub(super) fn macs(records: &[MacRecord], steps: &mut Steps) -> usize {
    let mut removed = 0;
    for record in records {
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
    let records = journal.interfaces.iter();
    for interface in records.filter(|one| one.egress != EgressRecord::Link) {
        // It may have been renamed since.
        let Some(name) = kernel::link_name(interface.index).await else {
            continue;
        };
        steps.record(
            format_args!("detach from {name}"),
            pins.detach_filters(&name),
        );
        if interface.egress == EgressRecord::OwnClsact {
            let result = kernel::remove_unused_clsact(interface.index).await;
            if steps.record(format_args!("remove clsact of {name}"), result) == Some(true) {
                removed.push(name);
            }
        }
    }
    removed
}
