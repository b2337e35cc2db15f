//! Input that nobody wrote in good faith.

use std::{io::Write as _, path::Path};

use nix::{sys::stat::Mode, unistd::mkfifo};
use proptest::prelude::*;

use super::*;

/// Words that reach deep into the builder, and the punctuation between them.
fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "vrrp_instance",
        "global_defs",
        "state",
        "MASTER",
        "interface",
        "eth0",
        "virtual_router_id",
        "51",
        "priority",
        "255",
        "advert_int",
        "0.5",
        "virtual_ipaddress",
        "10.0.0.1/24",
        "fe80::1",
        "brd",
        "+",
        "dev",
        "label",
        "scope",
        "notify",
        "notify_master",
        "\"a 'b\"",
        "'",
        "\"",
        "\\",
        "{",
        "}",
        "\n",
        "\r\n",
        "#",
        "!",
        "$A=x ${A}",
        "$A",
        "${",
        "@id",
        "include",
        "authentication",
        "auth_type",
        "PASS",
        "auth_pass",
        "lease",
        "version",
        "3",
        "garp_master_repeat",
        "0",
        "\u{fffd}",
        "\0",
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_without_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
        let parsed = parse("k.conf", &text);
        prop_assert!(parsed.config.is_some() || !parsed.diagnostics.is_empty());
    }

    #[test]
    fn any_words_are_parsed_without_panic(words in prop::collection::vec(fragment(), 0..200)) {
        let text = words.join(" ");
        let parsed = parse("k.conf", text.as_bytes());
        let lines = text.split('\n').count();
        for found in &parsed.diagnostics {
            prop_assert!(found.place.line <= lines, "{found}");
            prop_assert!(!found.to_string().contains(char::is_control), "{found:?}");
        }
        let failed = parsed.diagnostics.iter().any(|found| found.severity == Severity::Error);
        prop_assert_eq!(parsed.config.is_none(), failed);
    }
}

#[test]
fn what_a_file_says_is_shown_and_not_obeyed() {
    let parsed = parse("k.conf", b"vrrp_instance VI_1 {\n\x1b[2J on\n}\n");
    let shown = parsed.diagnostics.iter().map(ToString::to_string);
    let shown = shown.collect::<Vec<_>>().join("\n");
    assert!(shown.contains("\\u{1b}[2J"), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown}");
}

#[test]
fn a_flood_of_mistakes_is_cut_off_and_still_an_error() {
    let text = format!("{}vrrp_instance {{\n", "bogus\n".repeat(100_000));
    let parsed = parse("k.conf", text.as_bytes());
    assert_eq!(parsed.config, None);
    assert_eq!(parsed.diagnostics.len(), 201);
    let last = parsed
        .diagnostics
        .last()
        .expect("there are some")
        .to_string();
    assert!(
        last.starts_with("k.conf: error: 99") && last.ends_with("more problems are not shown"),
        "{last}"
    );
}

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRUSR).expect("a pipe");
    for path in [&fifo, folder.path(), Path::new("/dev/zero")] {
        let Parsed {
            config,
            diagnostics,
        } = load(path);
        assert_eq!(config, None);
        let said: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        let start = format!(
            "{}: error: cannot read the configuration: it is no regular file",
            path.display()
        );
        assert!(said.len() == 1 && said[0].starts_with(&start), "{said:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("none.conf");
    let shown = load(&path).diagnostics[0].to_string();
    assert!(
        shown.starts_with(&format!(
            "{}: error: cannot read the configuration: ",
            path.display()
        )),
        "{shown}"
    );

    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file().set_len((4 << 20) + 1).expect("a large file");
    let shown = load(file.path()).diagnostics[0].to_string();
    assert!(
        shown.ends_with(": error: the file is larger than 4 MiB"),
        "{shown}"
    );
    file.as_file().set_len(0).expect("an empty file");

    file.write_all(with("priority 7").as_bytes())
        .expect("it can be written");
    let config = load(file.path()).config.expect("no error");
    assert_eq!(config.instances[0].settings.priority, 7);
}
