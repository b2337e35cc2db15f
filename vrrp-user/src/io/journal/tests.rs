use super::*;
use crate::io::testing::runtime_dir;

fn address(instance: &str, text: &str) -> AddressRecord {
    AddressRecord {
        instance: instance.to_owned(),
        index: 2,
        address: text.parse().unwrap(),
        prefix: 32,
    }
}

const MAC: MacRecord = MacRecord {
    index: 2,
    mac: [0, 0, 0x5e, 0, 1, 51],
};

/// One of each kind.
fn everything() -> Journal {
    let mut journal = Journal::new(4_026_531_840);
    for undo in [
        Undo::BpfFileSystem,
        Undo::Programs(InterfaceRecord {
            index: 2,
            name: "ens33".to_owned(),
        }),
        Undo::Filters(2),
        Undo::Clsact(2),
        Undo::Address(address("VI_1", "192.168.1.254")),
        Undo::Mac(MAC),
    ] {
        assert!(journal.owe(undo));
    }
    journal
}

#[test]
fn survives_storing_and_has_a_copy() {
    let (_base, directory) = runtime_dir();
    assert_eq!(Journal::load(&directory).unwrap(), None);
    assert_eq!(Journal::load_copy(&directory).unwrap(), None);
    let journal = everything();
    journal.store(&directory).unwrap();
    assert_eq!(Journal::load(&directory).unwrap(), Some(journal.clone()));
    assert_eq!(Journal::load_copy(&directory).unwrap(), Some(journal));
}

#[test]
fn nonsense_is_an_error_not_an_empty_journal() {
    let (_base, directory) = runtime_dir();
    for content in [
        "",
        "{",
        "[]",
        "{\"layout\":1}",
        "{\"layout\":2}",
        "{\"layout\":2,\"netns\":1,\"undos\":[{\"universe\":1}]}",
    ] {
        directory.replace(JOURNAL, content.as_bytes()).unwrap();
        let error = Journal::load(&directory).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{content}");
        let file = directory.path(JOURNAL).display().to_string();
        assert!(error.to_string().contains(&file), "{error}");
    }
    let mut journal = Journal::new(1);
    journal.layout = 3;
    journal.store(&directory).unwrap();
    assert!(matches!(
        Journal::load(&directory),
        Err(JournalError::Layout { layout: 3, .. })
    ));
}

/// As an earlier node wrote it.
const LAYOUT1: &str = r#"{
  "layout": 1,
  "netns": 4026531840,
  "bpffs_mounted": true,
  "interfaces": [
    { "index": 2, "name": "ens33", "egress": "own_clsact" },
    { "index": 3, "name": "ens34", "egress": "foreign_clsact" },
    { "index": 4, "name": "ens35", "egress": "link" }
  ],
  "addresses": [
    { "instance": "VI_1", "index": 2, "address": "192.168.1.254", "prefix": 32, "preexisting": false },
    { "instance": "VI_1", "index": 2, "address": "192.168.1.1", "prefix": 24, "preexisting": true },
    { "instance": "VI_6", "index": 3, "address": "2001:db8::fe", "prefix": 128, "preexisting": false }
  ],
  "macs": [{ "index": 2, "mac": [0, 0, 94, 0, 1, 51] }]
}"#;

#[test]
fn what_a_node_of_the_first_layout_left_is_understood() {
    let (_base, directory) = runtime_dir();
    let mut expected = everything();
    for (index, name) in [(3, "ens34"), (4, "ens35")] {
        let name = name.to_owned();
        expected.owe(Undo::Programs(InterfaceRecord { index, name }));
    }
    expected.owe(Undo::Filters(3));
    expected.owe(Undo::Address(AddressRecord {
        index: 3,
        prefix: 128,
        ..address("VI_6", "2001:db8::fe")
    }));
    directory.replace(JOURNAL, LAYOUT1.as_bytes()).unwrap();
    assert_eq!(Journal::load(&directory).unwrap(), Some(expected.clone()));

    // Before there were virtual MACs.
    let without = LAYOUT1.replace(
        ",\n  \"macs\": [{ \"index\": 2, \"mac\": [0, 0, 94, 0, 1, 51] }]",
        "",
    );
    assert_ne!(without, LAYOUT1);
    directory.replace(JOURNAL, without.as_bytes()).unwrap();
    let mut fewer = expected.clone();
    assert!(fewer.strike(&Undo::Mac(MAC)));
    assert_eq!(Journal::load(&directory).unwrap(), Some(fewer));

    // Its copy lies elsewhere.
    let copy = format!("{{\"netns\":1,\"routers\":[],\"journal\":{LAYOUT1}}}");
    directory.replace(RESIGNATIONS, copy.as_bytes()).unwrap();
    assert_eq!(Journal::load_copy(&directory).unwrap(), Some(expected));
    directory
        .replace(RESIGNATIONS, b"{\"netns\":1,\"routers\":[]}")
        .unwrap();
    assert_eq!(Journal::load_copy(&directory).unwrap(), None);
}

#[test]
fn a_virtual_ip_is_spared_wherever_it_is() {
    let mut journal = Journal::new(1);
    let (ours, theirs) = (address("VI_1", "10.0.0.1"), address("VI_2", "10.0.0.1"));
    let elsewhere = AddressRecord {
        index: 3,
        ..ours.clone()
    };
    for record in [&ours, &theirs, &elsewhere] {
        journal.owe(Undo::Address(record.clone()));
    }
    assert!(journal.spare("VI_1", ours.address));
    assert!(!journal.spare("VI_1", ours.address));
    assert_eq!(Vec::from_iter(journal.addresses()), [&theirs]);
}

#[test]
fn a_batch_is_written_once_and_what_is_no_news_never() {
    let (_base, directory) = runtime_dir();
    let ledger = Ledger::new(&directory, 7);
    let load = || Journal::load(&directory).unwrap();
    ledger.strike([Undo::Filters(2)]).unwrap();
    assert_eq!(load(), None);
    ledger.owe([Undo::Filters(2), Undo::Clsact(2)]).unwrap();
    assert_eq!(load().as_ref(), Some(&*ledger.journal()));

    directory.remove(JOURNAL).unwrap();
    ledger.owe([Undo::Clsact(2)]).unwrap();
    assert_eq!(load(), None);
    ledger
        .replace([Undo::Mac(MAC)], [Undo::Filters(2)])
        .unwrap();
    let mut expected = Journal::new(7);
    expected.owe(Undo::Clsact(2));
    expected.owe(Undo::Mac(MAC));
    assert_eq!(load(), Some(expected));

    // What could not be written is written later.
    directory.remove(JOURNAL).unwrap();
    std::fs::create_dir(directory.path(JOURNAL)).unwrap();
    ledger.strike([Undo::Mac(MAC)]).unwrap_err();
    std::fs::remove_dir(directory.path(JOURNAL)).unwrap();
    ledger.strike([]).unwrap();
    assert_eq!(load().as_ref(), Some(&*ledger.journal()));
    assert_eq!(ledger.journal().macs().count(), 0);
}
