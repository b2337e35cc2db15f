//! Objects that stand between a node and the kernel, to make the kernel look like another one, or one that fails.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;
use vrrp_tests::run;

/// Compiles one; it is there as long as the folder.
pub(crate) fn build(name: &str, source: &str) -> Option<(TempDir, PathBuf)> {
    if Command::new("cc").arg("--version").output().is_err() {
        eprintln!("skipped: {name} needs a C compiler (cc)");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.c"));
    std::fs::write(&path, source).unwrap();
    let object = folder.path().join(format!("{name}.so"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&object);
    run::run(compiler.arg(&path).arg("-ldl")).unwrap();
    Some((folder, object))
}
