use std::collections::BTreeMap;

use super::*;
use crate::status::{
    FaultStatus, LapseStatus, MissingVip, OLDER_NODE, WarningStatus,
    ietf_vrrp::{InstanceStatistics, Vrrp, VrrpInstance, VrrpStatistics},
};

fn master() -> RouterStatus {
    RouterStatus {
        name: "VI_1".to_owned(),
        interface: "ens33".to_owned(),
        renamed_to: None,
        vrid: 51,
        version: 3,
        state: "MASTER".to_owned(),
        fault: None,
        faults: Vec::new(),
        warnings: Vec::new(),
        since_ns: 1_000_000_000,
        priority: 254,
        active: Some("192.168.1.1".parse().unwrap()),
        active_priority: Some(254),
        advert_interval_us: 10_000,
        skew_us: 78,
        down_us: 30_078,
        deadline_ns: Some(13_005_000_000),
        lease_ns: Some(13_025_000_000),
        send_error: None,
        lapse: None,
        vips: vec!["192.168.1.254/24".to_owned()],
        unserved: Vec::new(),
        virtual_mac: None,
        missing_vips: Vec::new(),
        promiscuous: false,
        counters: BTreeMap::from([
            ("advert_accepted".to_owned(), 12),
            ("bad_ttl".to_owned(), 0),
        ]),
        xdp_mode: "native".to_owned(),
        xdp_mode_reason: None,
        vlan_tags: Some("visible".to_owned()),
        adverts_sent: 1200,
        priority_zero_sent: 0,
        became_master: 1,
        worst_lag_us: 55,
        transitions: vec![
            TransitionStatus {
                at_ns: 900_000_000,
                from: "INIT".to_owned(),
                to: "BACKUP".to_owned(),
                cause: "startup".to_owned(),
                deadline_ns: 900_000_000,
                last_advert_ns: None,
            },
            TransitionStatus {
                at_ns: 1_000_000_000,
                from: "BACKUP".to_owned(),
                to: "MASTER".to_owned(),
                cause: "active_down".to_owned(),
                deadline_ns: 999_976_500,
                last_advert_ns: Some(969_898_500),
            },
        ],
        timeline: Some(TimelineStatus {
            last_advert_ns: Some(969_898_500),
            deadline_ns: 999_976_500,
            decided_ns: 1_000_000_000,
            owned_ns: 1_000_000_700,
            advert_ns: 1_000_010_000,
            announced_ns: 1_000_015_000,
            ready_ns: 1_000_060_000,
        }),
        ietf_vrrp: VrrpInstance {
            vrid: 51,
            version: "vrrp-v3".to_owned(),
            state: "master".to_owned(),
            is_owner: false,
            last_adv_source: None,
            up_datetime: None,
            master_down_interval: 3,
            skew_time: 78,
            last_event: "vrrp-event-master-timeout".to_owned(),
            new_master_reason: "no-response".to_owned(),
            statistics: InstanceStatistics {
                discontinuity_datetime: String::new(),
                master_transitions: 1,
                advertisement_rcvd: 12,
                advertisement_sent: 1200,
                interval_errors: 0,
                priority_zero_pkts_rcvd: 0,
                priority_zero_pkts_sent: 0,
                invalid_type_pkts_rcvd: 0,
                address_list_errors: 0,
                packet_length_errors: 0,
            },
        },
    }
}

fn node(routers: Vec<RouterStatus>) -> Status {
    Status {
        version: "0.1.0".to_owned(),
        instance: "default".to_owned(),
        pid: 4711,
        now_ns: 13_000_000_000,
        events_lost: 0,
        log_lines_lost: 0,
        threads: Vec::new(),
        counters: BTreeMap::new(),
        ietf_vrrp: Vrrp {
            virtual_routers: 1,
            interfaces: 1,
            statistics: VrrpStatistics {
                discontinuity_datetime: String::new(),
                checksum_errors: 0,
                version_errors: 0,
                vrid_errors: 0,
                ip_ttl_errors: 0,
            },
        },
        routers,
    }
}

#[test]
fn everything_an_operator_asks_for_is_there() {
    let expected = "\
xvrrp 0.1.0 instance default (process 4711)

VI_1: MASTER for 12.000 s
  interface      ens33, VRID 51, VRRPv3, XDP native
  priority       254
  master         this node
  timers         advert 10.000 ms, skew 78 us, master down 30.078 ms
  next timer     in 5.000 ms
  lease          ends in 25.000 ms
  virtual IPs    192.168.1.254/24
  adverts sent   1200 (0 with priority 0)
  became master  1
  worst lag      55 us
  counters       advert_accepted 12
  transitions    12.000 s ago: BACKUP -> MASTER, active_down, last advert -30101.5 us, deadline -23.5 us
                 12.100 s ago: INIT -> BACKUP, startup
  last promotion last advert -30078.0 us, decided +23.5 us, owned +24.2 us, advert +33.5 us, announced +38.5 us, ready +83.5 us (from the deadline)
";
    assert_eq!(render(&node(vec![master()])), expected);
}

#[test]
fn what_is_no_routers_stands_above_them() {
    let mut status = node(Vec::new());
    status.events_lost = 2;
    status.log_lines_lost = 3;
    let thread = |name: &str, policy: &str| ThreadStatus {
        name: name.to_owned(),
        policy: policy.to_owned(),
        priority: None,
        runtime_us: None,
        period_us: None,
        refused: None,
    };
    status.threads = vec![
        ThreadStatus {
            runtime_us: Some(1000),
            period_us: Some(5000),
            ..thread("engine", "SCHED_DEADLINE")
        },
        ThreadStatus {
            priority: Some(50),
            refused: Some("SCHED_DEADLINE is refused".to_owned()),
            ..thread("addresses", "SCHED_FIFO")
        },
    ];
    status.ietf_vrrp.statistics.vrid_errors = 5;
    status.counters = BTreeMap::from([("egress_redirect".to_owned(), 7)]);
    let expected = "\
xvrrp 0.1.0 instance default (process 4711)
  engine         SCHED_DEADLINE, 1.000 ms of every 5.000 ms
  addresses      SCHED_FIFO, priority 50; SCHED_DEADLINE is refused
                 2 events of the engine were lost
                 3 log lines were lost, nobody read them
                 5 adverts with a VRID that nobody here has
                 7 ICMP redirects held back
";
    assert_eq!(render(&status), expected);
}

#[test]
fn backup_names_the_master() {
    let mut router = master();
    router.state = "BACKUP".to_owned();
    router.active_priority = Some(255);
    router.lease_ns = None;
    let text = render(&node(vec![router.clone()]));
    assert!(
        text.contains("master         192.168.1.1, priority 255\n"),
        "{text}"
    );
    assert!(!text.contains("lease"), "{text}");
    router.active = None;
    assert!(render(&node(vec![router])).contains("master         unknown\n"));
}

#[test]
fn the_virtual_mac_is_told_if_it_is_used() {
    let mut router = master();
    router.virtual_mac = Some("00:00:5e:00:01:33".to_owned());
    let text = render(&node(vec![router.clone()]));
    assert!(
        text.contains("\n  virtual MAC    00:00:5e:00:01:33\n"),
        "{text}"
    );
    router.promiscuous = true;
    let text = render(&node(vec![router]));
    assert!(
        text.contains("00:00:5e:00:01:33, the interface is promiscuous for it\n"),
        "{text}"
    );
}

#[test]
fn leases() {
    let now = 5_000_000_000;
    assert_eq!(lease_text(now + 30_000_000, now), "ends in 30.000 ms");
    assert_eq!(lease_text(now - 2_000_000, now), "ended 2.000 ms ago");
    let off = vrrp_ebpf::ownership::Ownership::new(
        vrrp_ebpf::ownership::State::Active,
        1,
        vrrp_ebpf::ownership::Ownership::FOREVER,
    );
    assert_eq!(lease_text(off.expiry(), now), "off");
}

#[test]
fn spans_have_a_suitable_unit() {
    for (nanoseconds, text) in [
        (0, "0 us"),
        (78_125, "78 us"),
        (30_078_125, "30.078 ms"),
        (1_500_000_000, "1.500 s"),
        (61_000_000_000, "1 min 1 s"),
        (7_260_000_000_000, "2 h 1 min"),
        (180_000_000_000_000, "2 d 2 h"),
    ] {
        assert_eq!(span(nanoseconds), text);
    }
}

#[test]
fn no_number_is_too_large() {
    let mut router = master();
    router.skew_us = u64::MAX;
    router.worst_lag_us = u64::MAX;
    let text = render(&node(vec![router]));
    assert!(text.contains("worst lag      213503 d 23 h\n"), "{text}");
}

#[test]
fn a_fault_is_explained() {
    let mut router = master();
    router.state = "FAULT".to_owned();
    let fault = |text: &str| FaultStatus {
        reason: "vip_interface_down".to_owned(),
        interface: Some("ens34".to_owned()),
        address: None,
        text: text.to_owned(),
    };
    let first = fault("interface ens34 of virtual IP 198.51.100.2 down");
    // As an older node has it.
    router.fault = Some(first.clone());
    let text = render(&node(vec![router.clone()]));
    let expected = "VI_1: FAULT for 12.000 s\n  fault          interface ens34 of virtual IP 198.51.100.2 down\n";
    assert!(text.contains(&format!("{expected}  interface ")), "{text}");
    router.faults = vec![first, fault("no unicast peer")];
    let text = render(&node(vec![router]));
    let all = format!("{expected}                 no unicast peer\n");
    assert!(text.contains(&all), "{text}");
}

#[test]
fn a_master_that_cannot_send_serves_nobody() {
    let mut router = master();
    router.send_error = Some("Operation not permitted".to_owned());
    let text = render(&node(vec![router.clone()]));
    let row = "\n  adverts fail   Operation not permitted\n";
    assert!(text.contains(row), "its lease has not ended: {text}");
    router.lease_ns = Some(12_000_000_000);
    let text = render(&node(vec![router]));
    let row = "\n  adverts fail   Operation not permitted: MASTER, but it serves nobody, and a standby may\n  lease          ended 1.000 s ago\n";
    assert!(text.contains(row), "{text}");
}

#[test]
fn what_is_missing_and_renamed_is_said() {
    let mut router = master();
    router.renamed_to = Some("old10".to_owned());
    router.missing_vips = vec![MissingVip {
        address: "2001:db8::fe".parse().unwrap(),
        interface: "ens34".to_owned(),
        reason: Some("Permission denied".to_owned()),
    }];
    let text = render(&node(vec![router]));
    let interface = "  interface      ens33 (called old10 now), VRID 51";
    assert!(text.contains(interface), "{text}");
    let missing = "  missing        2001:db8::fe not on ens34: Permission denied\n";
    assert!(text.contains(missing), "{text}");
}

#[test]
fn what_is_wrong_and_what_went_wrong_is_told() {
    let mut router = master();
    router.warnings = ["peer 192.168.1.1 is an address of this machine", "and more"]
        .map(|text| WarningStatus {
            warning: String::new(),
            text: text.to_owned(),
        })
        .into();
    router.lapse = Some(LapseStatus {
        began_ns: 2_000_000_000,
        ended_ns: 7_250_000_000,
        active: Some("192.168.1.2".parse().unwrap()),
        unserved: false,
    });
    let text = render(&node(vec![router]));
    for expected in [
        "  warnings       peer 192.168.1.1 is an address of this machine\n                 and more\n",
        "  did not serve  for 5.250 s until 5.750 s ago: its lease had ended, and 192.168.1.2 served\n",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn virtual_ips_that_nobody_serves_are_shown() {
    let mut router = master();
    assert!(!router_text(&router, 2_000_000_000).contains("NOT SERVED"));
    router.unserved = vec!["192.168.1.254".parse().unwrap()];
    let text = router_text(&router, 2_000_000_000);
    let line = "\n  NOT SERVED     192.168.1.254: by nobody, the master has other virtual IPs\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn what_an_older_node_answers_is_shown() {
    let shown = render(&serde_json::from_str(OLDER_NODE).unwrap());
    assert!(shown.contains("VI_1: MASTER"), "{shown}");
}

#[test]
fn who_served_instead_of_a_master_is_told() {
    let told = |active: Option<&str>, unserved| {
        let mut router = master();
        router.lapse = Some(LapseStatus {
            began_ns: 2_000_000_000,
            ended_ns: 7_250_000_000,
            active: active.map(|other| other.parse().unwrap()),
            unserved,
        });
        let text = render(&node(vec![router]));
        let line = text.lines().find(|line| line.contains("did not serve"));
        let (_, who) = line
            .unwrap()
            .split_once("its lease had ended, and ")
            .unwrap();
        who.to_owned()
    };
    assert_eq!(told(Some("192.168.1.2"), false), "192.168.1.2 served");
    assert_eq!(told(None, false), "another router served");
    assert_eq!(told(None, true), "nobody served");
}
