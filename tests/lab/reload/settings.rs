//! What changes in place: the router goes on, whether it is a MASTER or a BACKUP.

use std::{collections::BTreeSet, time::Duration};

use rstest::rstest;
use vrrp_tests::{
    capture::Capture, clock, config::Settings, fdb::FdbWatch, node::Node as _, rhythm,
    script::Script,
};

use crate::{
    owners::await_owner,
    scene::{eventually, shared},
    stage::{Family, INTERVAL, ONE, Routers as _, Stage, TWO},
};

/// For how long a client asks.
const WHILE: Duration = Duration::from_millis(100);

/// There and gone again, on both; and what each of them is for.
#[test]
fn lines_that_move_nothing() {
    let mut stage = Stage::pair(Family::V6);
    let watch = stage.watch(&[ONE, TWO]);
    for lines in [
        "down_timer_adverts 5",
        "garp_master_refresh 1",
        "higher_prio_send_advert off",
        "nopreempt",
        "preempt_delay 5",
        "skip_check_adv_addr",
        "lease off",
        "",
    ] {
        for number in [1, 2] {
            let told = stage.change(number, |routers| {
                routers.vrid(ONE).instance = lines.to_owned();
            });
            assert!(told.contains("VI_1"), "{lines}: {told}");
        }
        let backup = stage.status(2, ONE);
        let adverts = if lines.contains("down_timer") { 5 } else { 3 };
        let down = backup.number("down_us") - backup.number("skew_us");
        assert_eq!(down, adverts * u64::from(INTERVAL) * 1000, "{lines}");
        eventually(&format!("the lease is as {lines:?} says"), || {
            let ends = stage.status(1, ONE).number("lease_ns");
            let is_long = ends > clock::now() + clock::span_nanos(Duration::from_secs(3600));
            is_long == lines.contains("lease off")
        });
        if lines.contains("refresh") {
            let capture = Capture::start(&stage.scene.lab.switch).unwrap();
            eventually("r1 announces it again", || {
                let seen = capture.seen();
                let mut of_r1 = seen.iter().filter(|seen| seen.router() == Some(1));
                of_r1.any(|seen| seen.announces(stage.family.vip()))
            });
        }
    }
    watch.assert(&stage);
}

/// The address is found all the time, and says nothing meanwhile.
#[test]
fn accept() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let before = [1, 2].map(|number| stage.status(number, ONE).transitions());
    let watch = stage.watch(&[TWO]);
    let stamps = stage.stamps();
    let questions = stage.asking_who_has(family.vip());
    for (lines, is_heard) in [("no_accept", false), ("accept", true)] {
        for number in [1, 2] {
            stage.change(number, |routers| {
                routers.vrid(ONE).instance = lines.to_owned();
            });
        }
        eventually(&format!("r1 answers: {is_heard}"), || {
            let recording = stage.scene.watch(WHILE).0;
            let is_silent = recording.answers.is_empty();
            is_heard != is_silent && (is_silent || recording.lost() == 0)
        });
    }
    let questions = questions.stop().unwrap();
    assert_eq!(questions.answered(0), 0);
    watch.assert(&stage);
    assert_eq!(stage.stamps(), stamps, "no address was touched");
    let after = [1, 2].map(|number| stage.status(number, ONE).transitions());
    assert_eq!(after, before);
}

/// The Backup of version 3 follows the Active's.
#[test]
fn the_interval() {
    let mut stage = Stage::pair(Family::V4);
    for interval in [300, 50, 100] {
        for number in [1, 2] {
            let watch = stage.watch(&[ONE, TWO]);
            stage.change(number, |routers| {
                routers.vrid(ONE).advert_int_ms = interval;
            });
            let advert = stage.next_advert(1, ONE);
            assert_eq!(advert.interval_ms, interval, "with the next advert");
            assert_eq!(stage.next_advert(1, TWO).interval_ms, 100);
            // The Backup waits as long as it is told.
            stage.hear(1, ONE, 5);
            watch.assert(&stage);
        }
        let told = stage.status(2, ONE).number("advert_interval_us");
        assert_eq!(told, u64::from(interval) * 1000);
    }
    stage.scene.node(1).kill().unwrap();
    stage.scene.node(1).clear_up().unwrap();
    stage.await_state(2, ONE, "MASTER");
    assert_eq!(stage.next_advert(2, ONE).interval_ms, 100);
}

#[test]
fn nopreempt() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let watch = stage.watch(&[ONE, TWO]);
    for number in [1, 2] {
        stage.change(number, |routers| {
            routers.vrid(ONE).instance = "nopreempt".to_owned();
        });
    }
    watch.assert(&stage);
    lose_link(&stage);
    // The other router preempts.
    stage.await_state(1, TWO, "MASTER");
    stage.await_state(1, ONE, "BACKUP");
    assert_eq!(stage.state(2, ONE).as_deref(), Some("MASTER"));

    let watch = stage.watch(&[TWO]);
    stage.change(1, |routers| routers.vrid(ONE).instance.clear());
    stage.await_state(1, ONE, "MASTER");
    await_owner(&stage.scene, 1, &[family.vip()]);
    watch.assert(&stage);

    // It waits longer than it needs to know the other one.
    const DELAY: Duration = Duration::from_secs(1);
    stage.change(1, |routers| {
        routers.vrid(ONE).instance = format!("preempt_delay {}", DELAY.as_secs());
    });
    lose_link(&stage);
    for (vrid, is_late) in [(TWO, false), (ONE, true)] {
        stage.await_state(1, vrid, "MASTER");
        let status = stage.status(1, vrid);
        let moves = status.transitions();
        let back = moves.iter().rposition(|one| one == "FAULT>BACKUP").unwrap();
        let moments = status.transition_moments();
        let waited = moments[back + 1] - moments[back];
        assert_eq!(waited >= clock::span_nanos(DELAY), is_late, "{waited} ns");
    }
}

/// r1 loses its link, and gets it back when r2 has taken over.
#[track_caller]
fn lose_link(stage: &Stage) {
    stage.scene.set_link("ens33", "down");
    stage.await_all(2, "MASTER");
    stage.scene.set_link("ens33", "up");
    if stage.family == Family::V6 {
        // They went with the link.
        stage.readdress(1);
    }
}

/// One after the other, within the time in which nobody gives up the other.
#[test]
fn a_password() {
    let secret = |password: &str| {
        let password = format!("authentication {{\n auth_type PASS\n auth_pass {password}\n}}");
        move |routers: &mut Vec<Settings>| routers.vrid(ONE).instance.clone_from(&password)
    };
    let before = secret("old");
    let mut stage = Stage::with(shared(), Family::V4, |_, routers| {
        for router in routers.iter_mut() {
            (router.version, router.advert_int_ms) = (2, 1000);
        }
        before(routers);
    });
    let watch = stage.watch(&[ONE, TWO]);
    stage.change_both(secret("new"));
    let heard = stage.status(2, ONE).counter("advert_accepted");
    eventually("the Backup hears the new one", || {
        stage.status(2, ONE).counter("advert_accepted") > heard + 2
    });
    watch.assert(&stage);
    // The old one is worth nothing any more.
    let refused = stage.status(2, ONE).counter("bad_password");
    stage.change(1, before);
    eventually("the Backup refuses the old one", || {
        stage.status(2, ONE).counter("bad_password") > refused
    });
}

const VIRTUAL: [u8; 6] = [0, 0, 0x5e, 0, 1, ONE];
const VIRTUAL_V6: [u8; 6] = [0, 0, 0x5e, 0, 2, ONE];

/// The client is told the MAC, and asks on.
#[rstest]
fn a_virtual_mac(#[values(Family::V4, Family::V6)] family: Family) {
    let mut stage = Stage::pair(family);
    let mac = match family {
        Family::V4 => VIRTUAL,
        Family::V6 => VIRTUAL_V6,
    };
    for (line, is_virtual) in [("use_vmac", true), ("", false)] {
        let watch = stage.watch(&[TWO]);
        let stamps = stage.stamps();
        let moves = FdbWatch::start(&stage.scene.lab.switch).unwrap();
        let prober = stage.asking(1, family.vip());
        let before = [1, 2].map(|number| stage.status(number, ONE).transitions());
        for number in [2, 1] {
            stage.change(number, |routers| {
                routers.vrid(ONE).instance = line.to_owned();
            });
        }
        let expected = if is_virtual {
            mac
        } else {
            stage.scene.router(1).mac
        };
        assert_eq!(stage.next_advert(1, ONE).mac, expected);
        eventually("the client knows the MAC", || {
            let probe = stage.scene.lab.client.netns.ip("neigh show").unwrap();
            let mac = expected.map(|byte| format!("{byte:02x}")).join(":");
            let wanted = format!("{} dev", family.vip());
            probe
                .lines()
                .any(|line| line.starts_with(&wanted) && line.contains(&mac))
        });
        let recording = prober.stop().unwrap();
        assert_eq!((recording.lost(), recording.changes()), (0, 0));
        let after = [1, 2].map(|number| stage.status(number, ONE).transitions());
        assert_eq!(after, before);
        watch.assert(&stage);
        assert_eq!(stage.stamps(), stamps, "no address was touched");
        let moves = moves.stop().unwrap();
        let on_r2 = moves.iter().any(|one| one.mac == mac && one.router == 2);
        assert!(!on_r2, "the Backup spoke with it");
    }
}

/// The Active speaks from another address, which its Backup follows.
#[test]
fn the_source_address() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let other = family.speaker(9);
    stage.ip(1, &format!("addr add {other}/64 dev ens33 nodad"));
    let usual = stage.next_advert(1, ONE).source;
    for (lines, source) in [
        (format!("mcast_src_ip {other}"), other),
        (String::new(), usual),
    ] {
        let watch = stage.watch(&[ONE, TWO]);
        stage.change(1, |routers| routers.vrid(ONE).instance.clone_from(&lines));
        assert_eq!(stage.next_advert(1, ONE).source, source);
        eventually("the Backup follows it", || {
            stage.status(2, ONE).text("active") == source.to_string()
        });
        assert_eq!(stage.next_advert(1, TWO).source, usual);
        watch.assert(&stage);
    }

    // One that the machine does not have is a fault, and another file is its end.
    let watch = stage.watch(&[TWO]);
    stage.change(1, |routers| {
        routers.vrid(ONE).instance = format!("mcast_src_ip {}\ntrack_src_ip", family.speaker(8));
    });
    stage.await_state(1, ONE, "FAULT");
    stage.await_state(2, ONE, "MASTER");
    stage.change(1, |routers| {
        routers.vrid(ONE).instance = format!("mcast_src_ip {other}");
    });
    stage.await_state(1, ONE, "MASTER");
    assert_eq!(stage.next_advert(1, ONE).source, other);
    await_owner(&stage.scene, 1, &[family.vip()]);
    watch.assert(&stage);
}

/// A third one comes, is spoken to, and goes.
#[test]
fn unicast_peers() {
    let family = Family::V4;
    let peers = |number: u8, more: &str| {
        format!(
            "unicast_src_ip {}\nunicast_peer {{\n {}\n {more}\n}}",
            family.speaker(number),
            family.speaker(3 - number)
        )
    };
    let mut stage = Stage::with(shared(), family, |number, routers| {
        routers.vrid(ONE).instance = peers(number, "");
    });
    // The client, which does not care.
    let third = family.speaker(100);
    let second = family.speaker(2);
    for (more, to) in [
        (third.to_string(), BTreeSet::from([second, third])),
        (String::new(), BTreeSet::from([second])),
    ] {
        let watch = stage.watch(&[ONE, TWO]);
        stage.change(1, |routers| routers.vrid(ONE).instance = peers(1, &more));
        stage.next_advert(1, ONE);
        watch.assert(&stage);
        let watch = stage.watch(&[ONE, TWO]);
        stage.hear(1, ONE, 3);
        let seen = watch.assert(&stage);
        let adverts = rhythm::adverts(&seen, 1, ONE).into_iter();
        let ways: BTreeSet<_> = adverts.map(|(_, advert)| advert.destination).collect();
        assert_eq!(ways, to);
    }
}

/// Of the new file runs what happens from now on, and nothing because of the reload.
#[test]
fn scripts() {
    let family = Family::V4;
    let (old, new) = (
        Script::of_arguments().unwrap(),
        Script::of_arguments().unwrap(),
    );
    let notify = |script: &Script| format!("notify {}", script.path().display());
    let mut stage = Stage::with(shared(), family, |_, routers| {
        routers.vrid(ONE).instance = notify(&old);
    });
    eventually("the old one was told", || old.lines().len() >= 3);
    let before = old.lines();
    let watch = stage.watch(&[ONE, TWO]);
    for number in [1, 2] {
        stage.change(number, |routers| routers.vrid(ONE).instance = notify(&new));
    }
    watch.assert(&stage);
    assert_eq!(new.lines(), Vec::<String>::new());
    stage.scene.set_link("ens33", "down");
    stage.await_state(2, ONE, "MASTER");
    eventually("the new one is told", || {
        let lines = new.lines();
        let told = ["INSTANCE VI_1 FAULT 200", "INSTANCE VI_1 MASTER 100"];
        told.iter().all(|one| lines.iter().any(|line| line == one))
    });
    assert_eq!(old.lines(), before);
}
