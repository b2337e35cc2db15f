//! Where things are in the project's tree.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Cargo's target folder: `$CARGO_TARGET_DIR`, else `target` in the root.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(target) => root().join(target),
        None => root().join("target"),
    }
}

/// Target folder of the BPF build, apart from the host's: another compiler fills it.
pub(crate) fn bpf_target() -> PathBuf {
    target().join("bpf")
}

/// The verified BPF object, which `vrrp-user` embeds.
pub(crate) fn bpf_object() -> PathBuf {
    bpf_target().join("xvrrp.bpf.o")
}

/// The package of the fuzz targets, with their corpora.
pub(crate) fn fuzz() -> PathBuf {
    root().join("tests/fuzz")
}

/// Target folder of the fuzz targets, apart from the host's: they are compiled with other flags. What a
/// search finds is in it as well.
pub(crate) fn fuzz_target() -> PathBuf {
    target().join("fuzz")
}

/// Tools built for this project alone, laid out as by `cargo install --root`.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// Logs of what `setup` runs.
pub(crate) fn logs() -> PathBuf {
    target().join("xtask-logs")
}

/// Where this command of `cargo xtask` leaves its report unless told otherwise.
pub(crate) fn report(command: &str) -> PathBuf {
    target().join(command)
}
