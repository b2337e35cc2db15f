//! What tests run in: a network namespace, gone with the thread that it runs on, and a node's files.

use std::{fs, process::Command};

use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;
use tokio::runtime;

use super::runtime_dir::{InstanceName, RuntimeDir};

/// Runs a test in a network namespace of its own. Needs root; without it nothing is run.
pub(crate) fn in_namespace<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let body = move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test());
    };
    let result = std::thread::spawn(body).join();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a shell command in the thread's namespace.
pub(crate) fn run(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(
        output.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Index of an interface of the thread's namespace.
pub(crate) fn index(name: &str) -> u32 {
    let line = run(&format!("ip -o link show dev {name}"));
    line.split(':').next().unwrap().parse().unwrap()
}

/// Whether we are where `in_namespace` put us.
pub(crate) fn is_isolated() -> bool {
    fs::read_link("/proc/thread-self/ns/net").unwrap()
        != fs::read_link("/proc/self/ns/net").unwrap()
}

/// The directory of a node, gone with the folder that it is in.
pub(crate) fn runtime_dir() -> (TempDir, RuntimeDir) {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let directory = RuntimeDir::create(&base, &InstanceName::default()).unwrap();
    (folder, directory)
}
