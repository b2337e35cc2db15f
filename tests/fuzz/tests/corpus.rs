//! Replays the corpora: what a search has found worth keeping, and what it has found broken, holds.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "test code, helpers included, that tells which input failed"
)]

use std::{
    fs, panic,
    path::{Path, PathBuf},
};

#[test]
fn frames() {
    replay("frames", vrrp_fuzz::frames);
}

#[test]
fn codec() {
    replay("codec", vrrp_fuzz::codec);
}

#[test]
fn config() {
    replay("config", vrrp_fuzz::config);
}

#[test]
fn control() {
    replay("control", vrrp_fuzz::control);
}

/// Every target has a test here: a corpus that nobody replays would be none.
#[test]
fn every_corpus_is_replayed() {
    let mut corpora = Vec::from_iter(
        fs::read_dir(folder(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap()),
    );
    corpora.sort_unstable();
    assert_eq!(corpora, ["codec", "config", "control", "frames"]);
}

fn replay(name: &str, target: fn(&[u8])) {
    let mut inputs = 0;
    for entry in fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        if let Err(cause) = panic::catch_unwind(|| target(&input)) {
            eprintln!("the input is {}", path.display());
            panic::resume_unwind(cause);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "an empty corpus");
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name)
}
