//! The Virtual Router MAC, and those of the interfaces.

use vrrp_ebpf::wire::encode;

use super::*;

/// Source MACs: of its adverts, and of the announcements of its virtual IPs with what they tell.
fn sources(body: &str) -> (Vec<Mac>, Vec<(Mac, Mac)>) {
    let frames = parts(body).frames;
    let mac = |frame: &[u8], at: usize| *frame[at..].first_chunk::<6>().unwrap();
    let adverts = frames.adverts(100).chain(frames.adverts(0));
    let adverts = adverts.map(|frame| mac(frame, 6)).collect();
    let mut announced = Vec::new();
    for (_, round) in frames.announcements() {
        announced.extend(round.iter().map(|frame| (mac(frame, 6), mac(frame, 22))));
    }
    (adverts, announced)
}

//= C3, C61: proof
//= C3: refusal
#[test]
fn frames_leave_from_the_virtual_mac_where_it_is_used() {
    let (adverts, announced) = sources("use_vmac");
    assert_eq!(adverts, [VIRTUAL; 2]);
    assert_eq!(announced, [(VIRTUAL, VIRTUAL); 2]);
    let (adverts, announced) = sources("use_vmac\nvmac_xmit_base");
    assert_eq!(adverts, [MAC; 2]);
    assert_eq!(announced, [(VIRTUAL, VIRTUAL); 2]);
    let (adverts, announced) = sources("");
    assert_eq!(adverts, [MAC; 2]);
    assert_eq!(announced, [(MAC, MAC); 2]);
}

#[test]
fn the_programs_know_where_the_virtual_mac_is_used() {
    let told = |body: &str| {
        let entries = parts(body).entries;
        let macs = entries.macs.iter().map(|(key, ())| *key);
        let vips = entries.vips.iter().map(|(_, entry)| entry.mac);
        (Vec::from_iter(macs), Vec::from_iter(vips))
    };
    let (key, _) = parts("").entries.router;
    assert_eq!(told(""), (vec![], vec![MAC; 2]));
    let used = (vec![key], vec![VIRTUAL; 2]);
    assert_eq!(told("use_vmac"), used);
    assert_eq!(told("use_vmac\nvmac_xmit_base"), used);
    assert_eq!(told("use_vmac_addr"), (vec![], vec![MAC; 2]));
}

#[test]
fn a_virtual_ip_elsewhere_has_a_mac_there() {
    let (inner, outer) = (InterfaceId(4), InterfaceId(5));
    let (physical, changed) = ([2, 0, 0, 0, 0, 4], [2, 0, 0, 0, 0, 5]);
    let list = "10.0.0.1 dev ens34\n  10.0.0.2 dev ens35\n  10.0.0.3 dev ens35 use_vmac";
    let mut plan = plan_of(list, "use_vmac");
    plan.set_mac(inner, physical);
    plan.set_mac(outer, physical);
    plan.set_interface(OURS.into(), MAC);
    let parts = plan.news().unwrap().unwrap();
    let macs = |plan: &Blueprint, parts: &Parts| {
        let entries = vips(plan, parts).into_iter();
        Vec::from_iter(entries.map(|entry| entry.mac))
    };
    assert_eq!(macs(&plan, &parts), [physical, physical, VIRTUAL]);
    let own = |parts: &Parts| {
        let entries = parts.entries.proxies.iter();
        Vec::from_iter(entries.map(|(interface, entry)| (*interface, entry.own)))
    };
    let ens33 = (InterfaceId(2), MAC);
    assert_eq!(own(&parts), [ens33, (outer, physical)]);

    plan.set_mac(InterfaceId(9), OTHER);
    plan.set_mac(inner, physical);
    assert!(plan.news().unwrap().is_none(), "nothing is new");
    plan.set_mac(outer, changed);
    let parts = plan.news().unwrap().unwrap();
    assert_eq!(macs(&plan, &parts), [physical, changed, VIRTUAL]);
    assert_eq!(own(&parts), [ens33, (outer, changed)]);
    // Neighbours know the others where they are.
    let again = encode::announcement(changed, address("10.0.0.2"), true);
    assert_eq!(parts.frames.fresh(), [(outer, vec![again])]);
}

//= C3: proof
#[test]
fn ipv6_has_virtual_macs_of_its_own() {
    let of_ipv6 = [0, 0, 0x5e, 0, 2, 51];
    let source = address("fe80::1");
    let parts = parts_of(plan_of("fe80::51", "use_vmac"), source);
    let macs = parts.entries.vips.iter().map(|(_, entry)| entry.mac);
    assert_eq!(macs.collect::<Vec<_>>(), [of_ipv6]);
    for frame in adverts_of(plan_of("fe80::51", "use_vmac"), source) {
        assert_eq!(frame[6..12], of_ipv6);
    }
}
