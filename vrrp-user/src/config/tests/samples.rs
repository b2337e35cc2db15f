//! Whole files: the tutorial, a distribution's sample, and what generators write.

use std::{net::IpAddr, time::Duration};

use super::*;
use crate::proto::{Departures, Family, Garp, InitialState, Lease, Settings, Version};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/data/configs/", $name))
    };
}

/// The diagnostics of a sample without the file's name.
fn lines(text: &str) -> Vec<String> {
    let strip = |line: &String| line.trim_start_matches("k.conf:").to_owned();
    found(text).iter().map(strip).collect()
}

/// The README shows what `check` says of a file with a health check.
#[test]
fn the_readme_shows_what_check_says() {
    let readme = include_str!("../../../../README.md");
    let path = "/etc/keepalived/keepalived.conf";
    let parsed = parse(path, sample!("health-check.conf").as_bytes());
    let said = Vec::from_iter(parsed.diagnostics.iter().map(ToString::to_string));
    let shown = Vec::from_iter(readme.lines().filter(|line| line.starts_with(path)));
    assert_eq!(shown, said);
}

#[test]
fn the_tutorial_word_for_word() {
    let primary = parse("k.conf", sample!("tutorial-primary.conf").as_bytes());
    let shown: Vec<_> = primary
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        ["k.conf:2: note: mail settings are accepted, no mail is sent"]
    );
    let config = primary.config.expect("no error");
    assert_eq!(config.globals.router_id.as_deref(), Some("HA_TEST_R1"));
    let expected = Instance {
        name: "VI_1".to_owned(),
        interface: "ens33".to_owned(),
        settings: Settings {
            vrid: 1,
            version: Version::V2,
            family: Family::V4,
            priority: 100,
            owner: false,
            advert_interval: Duration::from_secs(1),
            initial: InitialState::Master,
            preempt: true,
            preempt_delay: Duration::ZERO,
            lease: Lease::Auto,
            garp: Garp {
                repeat: 5,
                delay: Duration::from_secs(5),
                refresh: Duration::ZERO,
                refresh_repeat: 1,
            },
            departures: Departures::default(),
            primary: IpAddr::from([0, 0, 0, 0]),
        },
        vips: vec![Vip {
            address: IpAddr::from([192, 168, 1, 254]),
            prefix: 32,
            broadcast: None,
            device: None,
            tracked: true,
            scope: Scope::Global,
            label: None,
            preferred_lft: FOREVER,
            excluded: false,
            virtual_mac: false,
            no_prefix_route: false,
            place: Place::new("k.conf", 22),
        }],
        source: None,
        track_source: false,
        unicast: None,
        adverts_from_virtual_mac: false,
        auth: Some(Auth::Pass(*b"1111\0\0\0\0")),
        accept: true,
        skip_check_adv_addr: false,
        v3_checksum_as_v2: false,
        notify: Notify::default(),
        place: Place::new("k.conf", 11),
        interface_place: Place::new("k.conf", 13),
        source_place: Place::new("k.conf", 11),
    };
    assert_eq!(config.instances, std::slice::from_ref(&expected));

    let standby = instance(sample!("tutorial-standby.conf"));
    let expected = Instance {
        settings: Settings {
            priority: 99,
            initial: InitialState::Backup,
            ..expected.settings
        },
        ..expected
    };
    assert_eq!(standby, expected);
}

#[test]
fn line_ends_do_not_change_anything() {
    for text in [
        sample!("tutorial-primary.conf"),
        sample!("vyos.conf"),
        sample!("openstack-neutron.conf"),
    ] {
        let dos = text.replace('\n', "\r\n");
        assert_eq!(
            parse("k.conf", dos.as_bytes()),
            parse("k.conf", text.as_bytes())
        );
    }
}

#[test]
fn a_distributions_sample() {
    assert_eq!(
        lines(sample!("distribution-sample.conf")),
        [
            "4: note: mail settings are accepted, no mail is sent",
            "18: warning: (VI_1) in strict mode packets to its virtual IPs are dropped, pings among them; \
             remove `vrrp_strict` and `strict_mode` if they are to be answered",
            "19: warning: (VI_1) `state MASTER` does not go with strict mode below priority 255, BACKUP is used; \
             write `state BACKUP`",
            "24: warning: (VI_1) strict mode has no authentication, ignored as keepalived does; remove `authentication`",
            "35: warning: `virtual_server` is not supported yet, ignored with its block: no load balancing is set up",
        ]
    );
    let instance = instance(sample!("distribution-sample.conf"));
    assert!(instance.skip_check_adv_addr);
    assert!(!instance.accept);
    // A keepalived beside us sends none either: with one we would be two masters.
    assert_eq!(instance.auth, None);
    assert_eq!(instance.settings.initial, InitialState::Backup);
    assert_eq!(instance.vips.len(), 3);
}

#[test]
fn what_vyos_writes() {
    assert_eq!(
        lines(sample!("vyos.conf")),
        [
            "8: warning: `notify_fifo` is not supported yet, ignored",
            "9: warning: `notify_fifo_script` is not supported yet, ignored",
            "12: warning: `vrrp_script` is not supported yet, ignored with its block: the script is not run",
            "20: warning: `description` is not a keyword, ignored",
            "26: warning: `garp_interval` is not a keyword, ignored",
            "36: warning: `track_script` is not supported yet, ignored with its block: scripts are not tracked, \
             the priority stays as it is",
            "41: warning: `vrrp_sync_group` is not supported yet, ignored with its block: its instances fail over one by one",
        ]
    );
    let instance = instance(sample!("vyos.conf"));
    assert_eq!(instance.auth, Some(Auth::Pass(*b"s3cret!x")));
    assert_eq!(instance.settings.preempt_delay, Duration::from_secs(180));
    assert_eq!(instance.settings.garp.delay, Duration::from_secs(2));
    assert_eq!(instance.settings.garp.refresh, Duration::from_secs(60));
    assert_eq!(instance.vips[1].device.as_deref(), Some("eth1.20"));
}

#[test]
fn what_kolla_writes() {
    assert_eq!(
        lines(sample!("kolla.conf"))[1..],
        [
            "20: warning: (kolla_internal_vip_51) `auth_pass` is longer than 8 bytes, the first 8 are used; \
             shorten it on every router",
            "22: warning: `track_script` is not supported yet, ignored with its block: scripts are not tracked, \
             the priority stays as it is",
        ]
    );
    let instance = instance(sample!("kolla.conf"));
    assert_eq!(instance.auth, Some(Auth::Pass(*b"oVtX2bQz")));
    assert!(!instance.settings.preempt);
}

#[test]
fn what_neutron_writes_is_refused() {
    let errors: Vec<_> = lines(sample!("openstack-neutron.conf"))
        .into_iter()
        .filter(|line| line.contains(" error: "))
        .collect();
    assert_eq!(
        errors,
        [
            "23: error: `virtual_routes` is not supported yet, and ignoring it is not safe: \
             these routes would be missing on the master; remove it if that is what you want",
        ]
    );
}
