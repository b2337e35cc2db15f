use super::*;
use crate::{
    ids::VipId,
    io::testing::{in_namespace, index, run},
    proto::Reasons,
};

fn watched(index: u32) -> Watched {
    Watched::new(vec![WatchedRouter {
        id: RouterId::first(0),
        name: "VI_1".to_owned(),
        interface: Device {
            name: "ens33".to_owned(),
            id: Some(InterfaceId(index)),
        },
        owner: false,
        source: None,
        peers: Vec::new(),
        tracked: Vec::new(),
        version: crate::proto::Version::V3,
        listed: 1,
        grace: Duration::ZERO,
        vips: vec![(VipId(0), "192.168.1.254".parse().unwrap(), None)],
    }])
}

/// The next commands, within a time in which the kernel certainly tells.
async fn commands(monitor: &mut Monitor) -> Vec<News> {
    loop {
        let changes = timeout(Duration::from_secs(5), monitor.changes())
            .await
            .unwrap()
            .unwrap();
        let commands: Vec<_> = changes
            .into_iter()
            .filter_map(|change| change.news)
            .filter(|command| !matches!(command, News::Fit { .. }))
            .collect();
        if !commands.is_empty() {
            return commands;
        }
    }
}

fn link() {
    run("ip link add ens33 type veth peer name peer");
    run("ip link set ens33 up");
    run("ip link set peer up");
    run("ip addr add 192.168.1.1/24 dev ens33");
}

#[test]
fn follows_a_real_interface() {
    in_namespace(async || {
        link();
        let mut monitor = Monitor::new(watched(index("ens33"))).unwrap();
        let [News::LinkUp { primary, mac, .. }] = commands(&mut monitor).await[..] else {
            panic!("no LinkUp");
        };
        assert_eq!(primary.to_string(), "192.168.1.1");
        let address = run("ip -o link show dev ens33");
        let [a, b, c, d, e, f] = mac;
        assert!(address.contains(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")));

        let fault = |reason| {
            [News::Fault {
                router: RouterId::first(0),
                reasons: Reasons::only(reason),
            }]
        };
        let down = fault(FaultReason::LinkDown);
        run("ip link set peer down");
        assert_eq!(commands(&mut monitor).await, down, "carrier");
        run("ip link set peer up");
        assert!(matches!(
            commands(&mut monitor).await[..],
            [News::LinkUp { .. }]
        ));

        run("ip addr add 192.168.1.254/32 dev ens33");
        run("ip addr del 192.168.1.254/32 dev ens33");
        // Both may be seen at once, as nothing, or one after the other.
        run("ip addr del 192.168.1.1/24 dev ens33");
        let seen = commands(&mut monitor).await;
        assert_eq!(seen[seen.len() - 1..], fault(FaultReason::NoAddress));

        run("ip addr add 192.168.1.1/24 dev ens33");
        assert!(matches!(
            commands(&mut monitor).await[..],
            [News::LinkUp { .. }]
        ));
        run("ip link del ens33");
        let seen = commands(&mut monitor).await;
        assert_eq!(seen[seen.len() - 1..], fault(FaultReason::NoInterface));
    });
}

//= C65: refusal
#[test]
fn an_address_under_detection_is_there_and_of_no_use() {
    in_namespace(async || {
        link();
        run("ip -6 addr add 2001:db8::1/64 dev ens33");
        run("ip -6 addr add 2001:db8::2/64 dev ens33 nodad");
        let inventory = Inventory::read().await.unwrap();
        let (index, _) = inventory.find("ens33").unwrap();
        let [detected, settled] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        assert!(inventory.is_present(index, detected));
        assert!(!inventory.is_usable(index, detected));
        assert!(inventory.is_usable(index, settled));
        assert!(!inventory.is_usable(index, "2001:db8::3".parse().unwrap()));
        assert_eq!(inventory.mtu("ens33"), Some(1500));
    });
}

/// The only virtual IP is gone.
const LOST: News = News::AddressLost {
    router: RouterId::first(0),
    vip: VipId(0),
};

/// A monitor that has seen the virtual IP, which somebody removes then.
async fn watching_a_loss() -> Monitor {
    link();
    run("ip addr add 192.168.1.254/32 dev ens33");
    let mut monitor = Monitor::new(watched(index("ens33"))).unwrap();
    commands(&mut monitor).await;
    run("ip addr del 192.168.1.254/32 dev ens33");
    monitor
}

#[test]
fn reports_an_address_that_somebody_removes() {
    in_namespace(async || {
        let mut monitor = watching_a_loss().await;
        assert_eq!(commands(&mut monitor).await, [LOST]);
    });
}

#[test]
fn reads_everything_again_after_losing_messages() {
    in_namespace(async || {
        let mut monitor = watching_a_loss().await;
        // As if the kernel had had no room for the message above.
        monitor.messages = subscribe().unwrap();
        monitor.take(None);
        assert_eq!(commands(&mut monitor).await, [LOST]);
    });
}

#[test]
fn a_router_is_held_back_although_the_kernel_tells_nothing() {
    in_namespace(async || {
        link();
        let mut monitor = Monitor::new(watched(index("ens33"))).unwrap();
        commands(&mut monitor).await;
        let reason = FaultReason::VipRefused { vip: VipId(0) };
        monitor.hold(RouterId::first(0), Some(reason));
        let fault = News::Fault {
            router: RouterId::first(0),
            reasons: Reasons::only(reason),
        };
        assert_eq!(commands(&mut monitor).await, [fault]);
        monitor.hold(RouterId::first(0), None);
        assert!(matches!(
            commands(&mut monitor).await[..],
            [News::LinkUp { .. }]
        ));
    });
}

#[test]
fn an_interface_that_is_made_again_with_its_index_has_gone_all_the_same() {
    in_namespace(async || {
        link();
        let id = index("ens33");
        let mut monitor = Monitor::new(watched(id)).unwrap();
        monitor.changes().await.unwrap();
        assert_eq!(monitor.take_went(), BTreeSet::new());
        run("ip link del ens33");
        run(&format!(
            "ip link add ens33 index {id} type veth peer name peer"
        ));
        // Both are heard before either is judged.
        while monitor.went.is_empty() {
            monitor.changes().await.unwrap();
        }
        assert!(monitor.take_went().contains(&InterfaceId(id)));
        assert_eq!(monitor.name(InterfaceId(id)), Some("ens33"));
        // What was missed goes into a table of its own.
        run("ip link del ens33");
        while monitor.table.link(InterfaceId(id)).is_some() {
            let message = monitor.messages.next().await;
            monitor.hear(message).unwrap();
        }
        monitor.stale = true;
        monitor.read().await.unwrap();
        assert!(monitor.take_went().contains(&InterfaceId(id)));
    });
}
