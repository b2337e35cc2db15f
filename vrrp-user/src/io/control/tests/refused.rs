//! The system refuses a part of what a file asks for.

use super::site::{FILE, Site, make, said};
use crate::io::{
    control::socket,
    testing::{in_namespace, run as ip},
};

/// `VI_1` changes, and what else comes needs all that an interface can be made ready with.
const MORE: &str = "vrrp_instance VI_2 {\n interface eth2\n virtual_router_id 52\n use_vmac\n virtual_ipaddress {\n 10.0.0.2\n }\n virtual_ipaddress_excluded {\n 2001:db8::9\n }\n}\n";

/// What that is, and what takes it back.
const PREPARED: [[&str; 2]; 5] = [
    ["attach 72 eth2", "detach 72"],
    ["mark 72", "unmark 72"],
    ["join 72 224.0.0.18", "leave 72 224.0.0.18"],
    ["join 72 ff02::1:ff00:9", "leave 72 ff02::1:ff00:9"],
    [
        "receive 72 00:00:5e:00:01:34",
        "refuse 72 00:00:5e:00:01:34",
    ],
];

/// It is taken back in the opposite order, and the configuration before counts on.
#[test]
fn a_step_that_is_refused_leaves_all_as_it_was() {
    for which in 0..PREPARED.len() {
        in_namespace(move || a_refused_step(which));
    }
}

async fn a_refused_step(which: usize) {
    make("eth0", 70);
    make("eth2", 72);
    let site = Site::new(FILE);
    let (host, socket) = (&site.host, &site.socket());
    let [refused, _] = PREPARED[which];
    let client = async {
        assert_eq!(site.ask().await, (true, vec![]));
        let before = host.asked().len();
        host.refuse(Some(refused));
        let changed = FILE.replace("51", "51\n priority 150");
        let answer = site.reload(&(changed + MORE)).await;
        assert_eq!(answer, (false, vec![format!("no {refused}")]));
        let done = PREPARED[..=which].iter().map(|[done, _]| *done);
        let undone = PREPARED[..which].iter().map(|[_, undone]| *undone);
        let expected = Vec::from_iter(done.chain(undone.rev()));
        assert_eq!(host.asked()[before..], expected);
        let (_, status) = socket::ask_status(socket).await.unwrap();
        let routers = status.routers.iter();
        let routers = routers.map(|one| (&*one.name, one.priority));
        assert_eq!(Vec::from_iter(routers), [("VI_1", 100)]);

        // An interface that is made again is the same configuration on another machine.
        ip("ip link del eth0");
        make("eth0", 71);
        let before = host.asked().len();
        while !host.asked().contains(&"detach 70".to_owned()) {
            tokio::task::yield_now().await;
        }
        let of_others = host.asked().split_off(before);
        let of_others = of_others.into_iter().filter(|what| what.contains("72"));
        assert_eq!(Vec::from_iter(of_others), Vec::<String>::new());

        // What the system allows is done.
        host.refuse(None);
        let preview = socket::preview_reload(socket, site.file.clone()).await;
        let all = ["VI_1: priority 100 → 150", "VI_2: added"].map(str::to_owned);
        assert_eq!(said(preview.unwrap()), (true, all.to_vec()));
        assert_eq!(site.ask().await, (true, all.to_vec()));
        let asked = host.asked();
        let [last, _] = PREPARED[PREPARED.len() - 1];
        assert!(asked.contains(&last.to_owned()), "{asked:?}");
    };
    site.run(client).await;
}

/// Two interfaces come, of which one cannot be used: the other one is, and a reload is another try.
#[test]
fn an_interface_that_cannot_be_used_holds_nobody_up() {
    in_namespace(async || {
        make("eth0", 70);
        let site = Site::new(THREE);
        let host = &site.host;
        let attached = |name: &str| {
            let asked = host.asked();
            asked.iter().filter(|what| *what == name).count()
        };
        host.refuse(Some("attach 72 eth2"));
        let client = async {
            assert!(site.ask().await.0);
            ip("ip link add eth2 index 72 type veth peer name eth4 index 74");
            while attached("attach 74 eth4") == 0 {
                tokio::task::yield_now().await;
            }
            // Nothing more happens to interfaces: so it is tried no more.
            let tried = attached("attach 72 eth2");
            assert!(tried > 0);
            let (_, status) = socket::ask_status(&site.socket()).await.unwrap();
            assert_eq!(status.routers.len(), 3);
            assert_eq!(attached("attach 72 eth2"), tried);
            host.refuse(None);
            assert!(site.ask().await.0);
            assert_eq!(attached("attach 72 eth2"), tried + 1);
            assert_eq!(attached("attach 74 eth4"), 1);
        };
        site.run(client).await;
    });
}

const THREE: &str = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n\
                     vrrp_instance VI_2 {\n interface eth2\n virtual_router_id 52\n virtual_ipaddress {\n 10.0.0.2\n }\n}\n\
                     vrrp_instance VI_3 {\n interface eth4\n virtual_router_id 53\n virtual_ipaddress {\n 10.0.0.3\n }\n}\n";
