//! Virtual IPs come, go and change, on a MASTER and on its BACKUP.

use std::{collections::BTreeSet, net::IpAddr};

use rstest::rstest;
use vrrp_tests::{
    capture::Seen, config::Settings, lab::INNER_INTERFACE, link, node::Node as _, stamps::Stamps,
};

use crate::{
    clean::{assert_as_before, dump},
    owners::{await_owner, macs, owners},
    scene::{alone, eventually, shared},
    stage::{Family, ONE, Routers as _, Stage, TWO},
};

/// Where a virtual IP stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Advertised,
    Excluded,
}

impl Block {
    fn add(self, router: &mut Settings, address: IpAddr) {
        match self {
            Self::Advertised => router.more_vips = address.to_string(),
            Self::Excluded => {
                router.instance = format!("virtual_ipaddress_excluded {{\n {address}\n}}");
            }
        }
    }

    fn remove(self, router: &mut Settings) {
        match self {
            Self::Advertised => router.more_vips.clear(),
            Self::Excluded => router.instance.clear(),
        }
    }
}

/// Whether r1 announced an address.
fn announced(seen: &[Seen], address: IpAddr) -> bool {
    let mut of_r1 = seen.iter().filter(|seen| seen.router() == Some(1));
    of_r1.any(|seen| seen.announces(address))
}

/// r1 has it and answers for it, and nobody else.
#[track_caller]
fn is_served(stage: &Stage, address: IpAddr) {
    eventually(&format!("r1 has {address}"), || stage.has(1, address));
    await_owner(&stage.scene, 1, &[address]);
    assert!(!stage.has(2, address));
}

/// Nobody has it, and nobody answers for it.
#[track_caller]
fn is_nobodys(stage: &Stage, address: IpAddr) {
    for number in [1, 2] {
        let gone = || !stage.has(number, address);
        eventually(&format!("r{number} has no {address}"), gone);
    }
    assert_eq!(owners(&stage.scene, address), BTreeSet::new());
}

#[rstest]
#[case(Family::V4, Block::Advertised)]
#[case(Family::V6, Block::Excluded)]
fn one_is_added(#[case] family: Family, #[case] block: Block) {
    let mut stage = Stage::pair(family);
    let address = family.address(240);
    let kept = [family.vip(), family.address(253)];
    for number in [1, 2] {
        let watch = stage.watch(&[ONE, TWO]);
        let told = stage.change(number, |routers| block.add(routers.vrid(ONE), address));
        assert!(told.contains(&address.to_string()), "{told}");
        is_served(&stage, address);
        let advert = stage.next_advert(1, ONE);
        let is_listed = advert.vips.contains(&address);
        assert_eq!(is_listed, block == Block::Advertised, "{advert:?}");
        let seen = watch.assert(&stage);
        assert_eq!(announced(&seen, address), number == 1, "it alone");
        for address in kept {
            assert!(!announced(&seen, address), "{address}");
        }
    }
    let vips = stage.status(2, ONE).field("vips").to_string();
    assert!(vips.contains(&address.to_string()), "{vips}");
    stage.scene.node(1).stop().unwrap();
    await_owner(&stage.scene, 2, &[address, family.vip()]);
    assert!(!stage.has(1, address));
}

#[rstest]
#[case(Family::V6, Block::Advertised)]
#[case(Family::V4, Block::Excluded)]
fn one_is_removed(#[case] family: Family, #[case] block: Block) {
    let address = family.address(240);
    let mut stage = Stage::with(shared(), family, |_, routers| {
        block.add(routers.vrid(ONE), address);
    });
    is_served(&stage, address);
    for number in [2, 1] {
        let watch = stage.watch(&[ONE, TWO]);
        let told = stage.change(number, |routers| block.remove(routers.vrid(ONE)));
        assert!(told.contains(&address.to_string()), "{told}");
        if number == 1 {
            is_nobodys(&stage, address);
        } else {
            is_served(&stage, address);
        }
        let advert = stage.next_advert(1, ONE);
        let is_listed = advert.vips.contains(&address);
        assert_eq!(is_listed, block == Block::Advertised && number == 2);
        let seen = watch.assert(&stage);
        for address in [address, family.vip(), family.address(253)] {
            assert!(!announced(&seen, address), "{address}");
        }
    }
    let vips = stage.status(2, ONE).field("vips").to_string();
    assert!(!vips.contains(&address.to_string()), "{vips}");
    stage.scene.node(1).stop().unwrap();
    await_owner(&stage.scene, 2, &[family.vip()]);
    is_nobodys(&stage, address);
}

/// It is the same address, which is advertised no more, or again.
#[test]
fn one_changes_its_block() {
    let family = Family::V6;
    let address = family.address(240);
    let mut stage = Stage::with(shared(), family, |_, routers| {
        Block::Advertised.add(routers.vrid(ONE), address);
    });
    is_served(&stage, address);
    let before = Stamps::read(&stage.scene.router(1).netns).unwrap();
    for (from, to) in [
        (Block::Advertised, Block::Excluded),
        (Block::Excluded, Block::Advertised),
    ] {
        let watch = stage.watch(&[ONE, TWO]);
        let prober = stage.asking_who_has(address);
        for number in [2, 1] {
            stage.change(number, |routers| {
                from.remove(routers.vrid(ONE));
                to.add(routers.vrid(ONE), address);
            });
        }
        let advert = stage.next_advert(1, ONE);
        let is_listed = advert.vips.contains(&address);
        assert_eq!(is_listed, to == Block::Advertised, "{advert:?}");
        let questions = prober.stop().unwrap();
        assert_eq!(questions.answered(0), 0, "it is answered for all the time");
        watch.assert(&stage);
    }
    let after = Stamps::read(&stage.scene.router(1).netns).unwrap();
    assert_eq!(after.of(address), before.of(address));
}

/// One after the other in the same reload: what is taken over is removed first.
#[test]
fn one_goes_to_another_router() {
    let family = Family::V4;
    let address = family.address(240);
    let mut stage = Stage::with(shared(), family, |_, routers| {
        routers.vrid(ONE).more_vips = address.to_string();
    });
    is_served(&stage, address);
    for number in [2, 1] {
        let watch = stage.watch(&[ONE, TWO]);
        stage.change(number, |routers| {
            routers.vrid(ONE).more_vips.clear();
            routers.vrid(TWO).more_vips = address.to_string();
        });
        is_served(&stage, address);
        watch.assert(&stage);
    }
    for (vrid, is_listed) in [(ONE, false), (TWO, true)] {
        let advert = stage.next_advert(1, vrid);
        assert_eq!(advert.vips.contains(&address), is_listed, "{vrid}");
    }
}

/// The MACs that a host in the network behind the routers gets as an answer.
fn inner_answers(stage: &Stage, address: IpAddr) -> BTreeSet<[u8; 6]> {
    macs(&stage.scene.lab.behind.as_ref().unwrap().server, address)
}

/// With the programs that it needs, which go with the last virtual IP of that interface.
#[test]
fn one_on_another_interface_comes_and_goes() {
    let family = Family::V6;
    let mut stage = Stage::routed(alone(), family);
    let address = family.inner(253);
    let before = dump(&stage.scene);
    for number in [1, 2] {
        let watch = stage.watch(&[ONE, TWO]);
        stage.change(number, |routers| {
            routers.vrid(ONE).more_vips = format!("{address} dev {INNER_INTERFACE}");
        });
        eventually("r1 has it", || stage.has(1, address));
        assert!(!stage.has(2, address));
        watch.assert(&stage);
    }
    let mac = link::mac(&stage.scene.router(1).netns, INNER_INTERFACE).unwrap();
    eventually("r1 alone answers for it", || {
        inner_answers(&stage, address) == BTreeSet::from([mac])
    });
    for number in [1, 2] {
        let watch = stage.watch(&[ONE, TWO]);
        stage.change(number, |routers| routers.vrid(ONE).more_vips.clear());
        eventually("r1 has no more", || !stage.has(1, address));
        watch.assert(&stage);
    }
    assert_eq!(inner_answers(&stage, address), BTreeSet::new());
    assert_as_before(&stage.scene, &before);
}

/// The address is on the interface once, with such words in `ip addr`.
#[track_caller]
fn is_shown(stage: &Stage, address: IpAddr, words: &str) {
    eventually(&format!("{address} has {words}"), || {
        let shown = stage.ip(1, "-o addr show dev ens33");
        let mut lines = shown
            .lines()
            .filter(|line| link::lists_address(line, address));
        let only = lines.next();
        lines.next().is_none() && only.is_some_and(|line| line.contains(words))
    });
}

#[rstest]
fn options_of_one_change(#[values(Family::V4, Family::V6)] family: Family) {
    let address = family.address(240);
    let [host, net] = family.prefixes();
    let mut stage = Stage::with(shared(), family, |_, routers| {
        routers.vrid(ONE).more_vips = format!("{address}/{host}");
    });
    is_served(&stage, address);
    let mut steps = vec![(format!("{address}/{net}"), format!("{address}/{net}"))];
    let other = match family {
        Family::V4 => ["label ens33:7", "ens33:7"],
        Family::V6 => ["preferred_lft 600", "preferred_lft 600"],
    };
    steps.push((format!("{address}/{net} {}", other[0]), other[1].to_owned()));
    steps.push((format!("{address}/{host}"), format!("{address}/{host}")));
    for (line, words) in steps {
        let watch = stage.watch(&[ONE, TWO]);
        for number in [2, 1] {
            stage.change(number, |routers| {
                routers.vrid(ONE).more_vips.clone_from(&line);
            });
        }
        is_shown(&stage, address, &words);
        is_served(&stage, address);
        watch.assert(&stage);
    }
}
