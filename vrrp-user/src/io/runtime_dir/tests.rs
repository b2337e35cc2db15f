use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use super::*;
use crate::io::clock;

fn create(base: &Path) -> Result<RuntimeDir, RuntimeDirError> {
    RuntimeDir::create(base, &InstanceName::default())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn names_cannot_leave_the_directory() {
    for name in ["a", "default", "ha-1.b_2", &"x".repeat(32)] {
        assert!(name.parse::<InstanceName>().is_ok(), "{name}");
    }
    for name in [
        "",
        ".",
        "..",
        ".a",
        "a/b",
        "a b",
        "ä",
        "a\0",
        &"x".repeat(33),
    ] {
        assert!(name.parse::<InstanceName>().is_err(), "{name}");
    }
}

#[test]
fn directory_is_private() {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().join("xvrrp");
    create(&base).unwrap();
    assert_eq!(mode(&base.join("default")), 0o700);
    fs::set_permissions(base.join("default"), fs::Permissions::from_mode(0o755)).unwrap();
    create(&base).unwrap();
    assert_eq!(mode(&base.join("default")), 0o700, "made private again");
}

#[test]
fn links_are_not_followed() {
    let temporary = tempfile::tempdir().unwrap();
    let elsewhere = temporary.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let base = temporary.path().join("base");
    symlink(&elsewhere, &base).unwrap();
    assert!(matches!(create(&base), Err(RuntimeDirError::Unsafe { .. })));
    fs::remove_file(&base).unwrap();
    fs::create_dir(&base).unwrap();
    symlink(&elsewhere, base.join("default")).unwrap();
    assert!(matches!(create(&base), Err(RuntimeDirError::Unsafe { .. })));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn directories_that_others_can_write_are_refused() {
    let temporary = tempfile::tempdir().unwrap();
    for shared in ["", "default"] {
        let base = temporary.path().join(format!("base{shared}"));
        fs::create_dir_all(base.join("default")).unwrap();
        fs::set_permissions(base.join(shared), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(
            matches!(create(&base), Err(RuntimeDirError::Unsafe { .. })),
            "{shared:?}"
        );
    }
}

#[test]
fn files_that_are_links_are_neither_read_nor_written_through() {
    let temporary = tempfile::tempdir().unwrap();
    let victim = temporary.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let directory = create(&temporary.path().join("base")).unwrap();
    for name in ["journal", "journal.new", LOCK] {
        symlink(&victim, directory.path(name)).unwrap();
    }
    assert!(directory.read("journal").is_err());
    assert!(directory.lock().is_err());
    directory.replace("journal", b"ours").unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(directory.read("journal").unwrap().unwrap(), b"ours");
    assert_eq!(mode(&directory.path("journal")), 0o600);
}

#[test]
fn a_fifo_in_place_of_a_file_does_not_hang() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = create(&temporary.path().join("base")).unwrap();
    nix::unistd::mkfifo(&directory.path("journal"), Mode::S_IRWXU).unwrap();
    assert!(matches!(
        directory.read("journal"),
        Err(RuntimeDirError::Unsafe { .. })
    ));
}

#[test]
fn second_start_names_the_holder() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = create(&temporary.path().join("base")).unwrap();
    let lock = directory.lock().unwrap();
    let refusal = directory.lock().unwrap_err().to_string();
    let pid = std::process::id();
    assert_eq!(
        refusal,
        format!("instance default is already running (process {pid})")
    );
    drop(lock);
    directory.lock().unwrap();
}

/// The test holds the lock, in the name of another process.
#[tokio::test(flavor = "current_thread")]
async fn a_killed_holder_is_waited_for_and_a_living_one_is_not() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = create(&temporary.path().join("base")).unwrap();
    let lock = directory.lock().unwrap();
    let mut holder = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(directory.path(LOCK), format!("{}\n", holder.id())).unwrap();
    let began = clock::now();
    let refused = async || {
        let refusal = directory.lock_after_end().await;
        assert!(matches!(refusal, Err(RuntimeDirError::Locked { .. })));
        clock::now().since(began)
    };
    assert!(refused().await < RELEASE, "it lives");
    holder.kill().unwrap();
    assert!(refused().await >= RELEASE, "in vain");
    let releasing = async {
        let mut wait = tokio::time::interval(RELEASE / 5);
        wait.tick().await;
        wait.tick().await;
        drop(lock);
    };
    let (taken, ()) = tokio::join!(directory.lock_after_end(), releasing);
    taken.unwrap();
    holder.wait().unwrap();
}

#[test]
fn a_lock_whose_file_was_removed_keeps_nobody_out() {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().join("base");
    let directory = create(&base).unwrap();
    let lock = directory.lock().unwrap();
    assert!(directory.has(&lock));
    fs::remove_file(directory.path(LOCK)).unwrap();
    assert!(!directory.has(&lock));
    let other = directory.lock().unwrap();
    assert!(directory.has(&other) && !directory.has(&lock));
    fs::remove_dir_all(&base).unwrap();
    assert!(!directory.has(&other));
}

#[test]
fn removal_leaves_nothing_and_spares_other_instances() {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().join("base");
    let other = RuntimeDir::create(&base, &"other".parse().unwrap()).unwrap();
    let directory = create(&base).unwrap();
    directory.replace("journal", b"{}").unwrap();
    let lock = directory.lock().unwrap();
    directory.remove_all(lock).unwrap();
    assert!(!base.join("default").exists());
    assert!(base.join("other").exists());
    let lock = other.lock().unwrap();
    other.remove_all(lock).unwrap();
    assert!(!base.exists());
}
