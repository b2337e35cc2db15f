use super::*;
use crate::io::{
    bpf::{Choice, pinned::Pins as _},
    journal::{AddressRecord, Journal},
    runtime_dir::{InstanceName, RuntimeDir},
    testing::{in_namespace, index, run as ip},
};

const MAC: Mac = [0, 0, 0x5e, 0, 1, 51];

struct Site {
    _base: tempfile::TempDir,
    directory: RuntimeDir,
    pins: InstancePins,
}

impl Drop for Site {
    fn drop(&mut self) {
        // Of this run alone.
        std::fs::remove_dir_all(self.pins.directory()).ok();
    }
}

impl Site {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let name = InstanceName::default();
        Self {
            directory: RuntimeDir::create(&base.path().join("base"), &name).unwrap(),
            pins: InstancePins::new(&format!("holdings-{}", std::process::id())),
            _base: base,
        }
    }

    fn stored(&self) -> Journal {
        Journal::load(&self.directory).unwrap().unwrap()
    }
}

fn place(id: u32, interface: &str) -> Place {
    Place {
        interface: interface.to_owned(),
        id: InterfaceId(id),
        is_marked: false,
    }
}

#[test]
fn a_virtual_mac_is_in_the_journal_for_as_long_as_it_is_ours_to_remove() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip link add link peer name mv0 type macvlan");
        let (ens33, mv0) = (InterfaceId(index("ens33")), InterfaceId(index("mv0")));
        ip("bridge fdb add 00:00:5e:00:01:34 dev ens33 self");
        let theirs = [0, 0, 0x5e, 0, 1, 52];
        let site = Site::new();
        let ledger = Ledger::new(&site.directory, 7);
        let mut holdings = Holdings::new(&ledger, &site.pins);
        let all = [(ens33, MAC), (ens33, theirs), (mv0, MAC)];
        for (interface, mac) in all {
            holdings.receive(interface, mac).unwrap();
        }
        assert!(holdings.is_promiscuous(mv0) && !holdings.is_promiscuous(ens33));
        let ours = record(ens33, MAC);
        assert_eq!(Vec::from_iter(site.stored().macs()), [&ours]);

        let missing = InterfaceId(4711);
        let error = holdings.receive(missing, MAC).unwrap_err();
        assert!(matches!(error, HoldingError::Receive(_)), "{error}");
        assert_eq!(Vec::from_iter(site.stored().macs()), [&ours]);

        for (interface, mac) in all.into_iter().chain([(missing, MAC)]) {
            holdings.stop_receiving(interface, mac).unwrap();
        }
        assert_eq!(site.stored().macs().count(), 0);
        assert!(!holdings.is_promiscuous(mv0));
        let shown = ip("bridge fdb show dev ens33");
        assert!(shown.contains("00:00:5e:00:01:34") && !shown.contains("00:00:5e:00:01:33"));
    });
}

#[test]
fn an_interface_is_claimed_until_it_is_given_up() {
    in_namespace(async || {
        let site = Site::new();
        let _lock = site.directory.lock().unwrap();
        let ledger = Ledger::new(&site.directory, 7);
        let mut holdings = Holdings::new(&ledger, &site.pins);
        let claimed = || {
            let journal = site.stored();
            Vec::from_iter(journal.interfaces().map(|one| one.index))
        };
        holdings
            .claim(&[place(2, "ens33"), place(3, "ens34")])
            .unwrap();
        assert_eq!(claimed(), [2, 3]);

        let other = "other".parse().unwrap();
        let base = site.directory.folder();
        let theirs = RuntimeDir::create(base.parent().unwrap(), &other).unwrap();
        let their_ledger = Ledger::new(&theirs, 7);
        let pins = site.pins.clone();
        let they = Holdings::new(&their_ledger, &pins);
        let _their_lock = theirs.lock().unwrap();
        let error = they
            .claim(&[place(3, "ens34"), place(4, "ens35")])
            .unwrap_err();
        assert!(
            error.to_string().starts_with("ens34 already has"),
            "{error}"
        );
        they.claim(&[place(4, "ens35")]).unwrap();
        let error = holdings.claim(&[place(4, "ens35")]).unwrap_err();
        assert!(
            error.to_string().starts_with("ens35 already has"),
            "{error}"
        );
        assert_eq!(claimed(), [2, 3]);

        holdings.detach(InterfaceId(3)).await.unwrap();
        assert_eq!(claimed(), [2]);
        they.claim(&[place(3, "ens34")]).unwrap();
        // Without programs nothing can be attached, and nothing is forgotten that was claimed.
        let error = holdings.attach(&[place(2, "ens33")]).unwrap_err();
        assert!(matches!(error, HoldingError::NotLoaded), "{error}");
        assert_eq!(claimed(), [2]);
    });
}

/// Without the object there is nothing to attach.
#[test]
fn programs_are_in_the_journal_for_as_long_as_they_are_attached() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name ens34");
        let places = ["ens33", "ens34"].map(|name| place(index(name), name));
        let [first, second] = places.each_ref().map(|place| place.id);
        let site = Site::new();
        let _lock = site.directory.lock().unwrap();
        let ledger = Ledger::new(&site.directory, 7);
        let mut holdings = Holdings::new(&ledger, &site.pins);
        holdings.prepare_pins().unwrap();
        let wishes = Wishes {
            choice: Choice::Tc,
            log: false,
        };
        match holdings.load(wishes) {
            Err(HoldingError::Bpf(BpfError::Stub)) => return,
            loaded => drop(loaded.unwrap()),
        }
        let on = |id: InterfaceId| {
            let pinned = site.pins.directory().join(format!("egress-{}", id.0));
            let journal = site.stored();
            let mut claimed = journal.interfaces();
            (pinned.exists(), claimed.any(|one| one.index == id.0))
        };
        holdings.attach(&places).unwrap();
        assert_eq!(holdings.attachments().count(), 2);
        assert_eq!((on(first), on(second)), ((true, true), (true, true)));
        let by_link = |one: &Attachment| one.egress == EgressHook::Tcx;
        if holdings.attachments().all(by_link) {
            assert_eq!(site.stored().filters().count(), 0);
        }
        // What is attached already is left alone, and what cannot be is claimed by nobody.
        holdings.attach(&places).unwrap();
        let missing = place(4711, "ens35");
        let refused = holdings.attach(&[missing.clone(), places[0].clone()]);
        assert!(matches!(refused, Err(HoldingError::Bpf(_))), "{refused:?}");
        assert_eq!(on(missing.id), (false, false));
        assert_eq!((on(first), on(second)), ((true, true), (true, true)));
        holdings.set_marked(first, true).unwrap();
        holdings.detach(first).await.unwrap();
        assert_eq!((on(first), on(second)), ((false, false), (true, true)));
        holdings.detach(second).await.unwrap();
        assert_eq!(on(second), (false, false));
        assert_eq!(holdings.attachments().count(), 0);
        site.pins.remove(false).unwrap();
    });
}

#[test]
fn what_is_left_on_an_interface_goes_before_its_programs() {
    in_namespace(async || {
        ip("ip link add ens33 type veth peer name peer");
        ip("ip addr add 10.0.0.1/32 dev ens33");
        ip("ip addr add 10.0.0.7/24 dev ens33");
        let ens33 = index("ens33");
        let site = Site::new();
        let ledger = Ledger::new(&site.directory, 7);
        let mut holdings = Holdings::new(&ledger, &site.pins);
        let owed = ["10.0.0.1", "10.0.0.2"].map(|address| {
            Undo::Address(AddressRecord {
                instance: "VI_1".to_owned(),
                index: ens33,
                address: address.parse().unwrap(),
                prefix: 32,
            })
        });
        ledger.owe(owed).unwrap();
        holdings.detach(InterfaceId(ens33)).await.unwrap();
        let left = ip("ip -4 addr show dev ens33");
        assert!(!left.contains("10.0.0.1/"), "{left}");
        assert!(left.contains("10.0.0.7/24"), "{left}");
        assert_eq!(site.stored().addresses().count(), 0);
    });
}
