//! The MAC or the MTU of an interface changes: its routers go on, and the others do not notice.

use rstest::rstest;
use vrrp_tests::link;

use super::site::{Kind, OTHERS, Site};
use crate::{
    scene::shared,
    stage::{Family, TWO},
};

#[rstest]
#[case::mac("address 02:00:00:aa:bb:0N", Family::V6)]
#[case::mtu("mtu 1400", Family::V4)]
fn it_goes_on(#[case] change: &str, #[case] family: Family) {
    let mut site = Site::started(shared(), family, Kind::Veth).unwrap();
    site.is_served();
    let watch = site.stage.watch(&OTHERS);
    let before = [1, 2].map(|number| site.stage.status(number, TWO).transitions());
    for number in [1, 2] {
        let change = change.replace('N', &number.to_string());
        site.stage.ip(number, &format!("link set ens34 {change}"));
        site.is_served();
    }
    let after = [1, 2].map(|number| site.stage.status(number, TWO).transitions());
    assert_eq!(after, before);
    watch.assert(&site.stage);
    if change.starts_with("address") {
        let netns = &site.stage.scene.router(2).netns;
        let mac = link::mac(netns, "ens34").unwrap();
        assert_eq!(mac, [2, 0, 0, 0xaa, 0xbb, 2]);
    }
    site.delete(1);
    site.stage.await_state(1, TWO, "FAULT");
}
