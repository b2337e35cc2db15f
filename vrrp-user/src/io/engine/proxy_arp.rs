//! Which virtual router answers by proxy ARP on an interface (RFC 9568 section 8.1.3).

use vrrp_ebpf::{
    abi::ProxyEntry,
    types::{Family, Mac},
    wire::mac,
};

use super::plan::RouterPlan;
use crate::ids::InterfaceId;

/// Has one virtual router per interface answer: the kernel's answers do not tell which they are for. Of
/// those of IPv4 that use their Virtual Router MAC there it is the one with the lowest VRID, the same on
/// every node.
pub(super) fn assign(routers: &mut [RouterPlan]) {
    let used = routers.iter().flat_map(|router| &router.macs);
    let used: Vec<_> = used
        .filter(|key| key.family() == Family::V4)
        .copied()
        .collect();
    for router in routers {
        let own = router.macs.iter().filter(|key| key.family() == Family::V4);
        let is_lowest = |ifindex: u32, vrid: u8| {
            let mut there = used.iter().filter(|key| key.ifindex == ifindex);
            there.all(|other| vrid <= other.vrid)
        };
        router.proxied = own
            .filter(|key| is_lowest(key.ifindex, key.vrid))
            .map(|key| InterfaceId(key.ifindex))
            .collect();
    }
}

impl RouterPlan {
    /// What egress knows of the interfaces where this router answers by proxy ARP, while that of the
    /// adverts has this MAC.
    pub fn proxy_entries(&self, mac: Mac) -> impl Iterator<Item = (InterfaceId, ProxyEntry)> {
        self.proxied.iter().map(move |interface| {
            let mut elsewhere = self.frames.elsewhere.iter().flatten();
            let place = elsewhere.find(|(other, _)| other == interface);
            let entry = ProxyEntry {
                slot: self.id.slot(),
                own: place.map_or(mac, |(_, mac)| *mac),
                mac: mac::of_router(Family::V4, self.key.vrid),
            };
            (*interface, entry)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{config, ids::InterfaceId, io::engine::plan::Plan};

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0];

    /// A MAC per interface, whose last digit is the index.
    fn find(name: &str) -> Option<(InterfaceId, [u8; 6])> {
        let index = name.as_bytes().last()? - b'0';
        Some((InterfaceId(u32::from(index)), [2, 0, 0, 0, 0, index]))
    }

    /// VRID, interface and its MAC, and the MAC that is told, wherever somebody answers.
    fn answering(instances: &[(&str, u8, &str)]) -> Vec<(u8, u32, [u8; 6], [u8; 6])> {
        let mut text = String::new();
        for (name, vrid, body) in instances {
            text += &format!(
                "vrrp_instance {name} {{\n interface eth1\n virtual_router_id {vrid}\n {body}\n}}\n"
            );
        }
        let parsed = config::parse("k.conf", text.as_bytes());
        let instances = parsed.config.unwrap().instances;
        let plan = Plan::new(&instances, find).unwrap();
        let entries = plan.routers.iter().flat_map(|router| {
            router.proxy_entries(MAC).map(move |(interface, entry)| {
                assert_eq!(entry.slot, router.id.slot());
                (router.key.vrid, interface.0, entry.own, entry.mac)
            })
        });
        entries.collect()
    }

    //= C62: refusal
    #[test]
    fn nobody_without_a_virtual_mac() {
        let addresses = "virtual_ipaddress {\n 10.0.0.1\n}";
        assert_eq!(answering(&[("A", 1, addresses)]), []);
        let ipv6 = "use_vmac\n virtual_ipaddress {\n fe80::1\n}";
        assert_eq!(answering(&[("A", 1, ipv6)]), []);
    }

    //= C62: proof
    #[test]
    fn lowest_vrid_of_those_with_one() {
        let instances = [
            ("A", 9, "use_vmac\n virtual_ipaddress {\n 10.0.0.9\n}"),
            ("B", 7, "use_vmac\n virtual_ipaddress {\n 10.0.0.7\n}"),
            ("C", 5, "virtual_ipaddress {\n 10.0.0.5\n}"),
        ];
        let expected = [(7, 1, MAC, [0, 0, 0x5e, 0, 1, 7])];
        assert_eq!(answering(&instances), expected);
    }

    #[test]
    fn each_interface_on_its_own() {
        let both = "use_vmac\n virtual_ipaddress {\n 10.0.0.1\n 10.2.0.1 dev eth2 use_vmac\n}";
        let inner = "virtual_ipaddress {\n 10.2.0.2 dev eth2 use_vmac\n}";
        let expected = [
            (9, 1, MAC, [0, 0, 0x5e, 0, 1, 9]),
            (7, 2, [2, 0, 0, 0, 0, 2], [0, 0, 0x5e, 0, 1, 7]),
        ];
        assert_eq!(answering(&[("A", 9, both), ("B", 7, inner)]), expected);
    }
}
