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

/// Of each target: a corpus without one is not forgotten.
#[test]
fn every_corpus_is_replayed() {
    for entry in fs::read_dir(folder("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let target = match name.as_str() {
            "frames" => vrrp_fuzz::frames,
            "codec" => vrrp_fuzz::codec,
            "config" => vrrp_fuzz::config,
            "control" => vrrp_fuzz::control,
            other => panic!("nobody replays the corpus {other}"),
        };
        replay(&name, target);
    }
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
