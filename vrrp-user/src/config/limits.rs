//! How much of everything the BPF maps hold.

use std::collections::BTreeSet;

use vrrp_ebpf::abi;

use super::{
    diag::{Diagnostics, Place},
    model::Instance,
};

/// Reports the first instance with which there is too much of something.
pub(super) fn check(instances: &[Instance], report: &mut Diagnostics) {
    type Count = fn(&Instance) -> usize;
    let limits: [(&str, u32, Count); 4] = [
        ("virtual routers", abi::MAX_ROUTERS, |_| 1),
        ("virtual IPs", abi::MAX_VIPS, |instance| instance.vips.len()),
        ("unicast peers", abi::MAX_PEERS, |instance| {
            let unicast = instance.unicast.as_ref();
            unicast.map_or(0, |unicast| unicast.peers.len())
        }),
        ("virtual MACs", abi::MAX_MACS, virtual_macs),
    ];
    for (what, most, count) in limits {
        if let Some(place) = first_over(instances, most, count) {
            report.error_help(
                place,
                format!("with this instance the file has more than {most} {what}"),
                "run a second xvrrp with its own file and `--instance NAME`, on other interfaces",
            );
        }
    }
}

fn first_over(
    instances: &[Instance],
    most: u32,
    count: impl Fn(&Instance) -> usize,
) -> Option<&Place> {
    let mut sum = 0;
    let over = instances.iter().find(|instance| {
        sum += count(instance);
        sum > most as usize
    });
    over.map(|instance| &instance.place)
}

/// On how many interfaces it uses its virtual MAC.
fn virtual_macs(instance: &Instance) -> usize {
    let own = instance
        .adverts_from_virtual_mac
        .then_some(&instance.interface);
    let vips = instance.vips.iter().filter(|vip| vip.virtual_mac);
    let devices = vips.map(|vip| vip.device.as_ref().unwrap_or(&instance.interface));
    devices.chain(own).collect::<BTreeSet<_>>().len()
}
