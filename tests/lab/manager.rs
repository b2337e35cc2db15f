//! The service manager hears of the node's start, however busy it is.

use std::{
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use rstest::rstest;
use vrrp_tests::{clock, config::Settings};

use crate::scene::{LIMIT, Scene, shared};

/// Waits until the node has said this line. What it said until then.
fn await_line(manager: &UnixDatagram, line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut message = [0; 4096];
    while !all.iter().any(|said| said == line) {
        let length = manager
            .recv(&mut message)
            .unwrap_or_else(|error| panic!("{line} was not said ({error}), but {all:?}"));
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        all.extend(text.lines().map(str::to_owned));
    }
    all
}

fn manager(folder: &Path) -> (PathBuf, UnixDatagram) {
    let socket = folder.join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(LIMIT)).unwrap();
    (socket, manager)
}

#[test]
fn a_start_is_told_as_soon_as_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, manager) = manager(folder.path());
    // The queue is as long as the machine makes it.
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    let full = loop {
        if let Err(error) = filler.send_to(b"FILLER=1", &socket) {
            break error;
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);

    let mut scene = Scene::new(shared(), [Settings::fast(254)]);
    scene.node(1).report_to(&socket);
    let scene = scene.start();
    scene.await_owner(1);
    await_line(&manager, "READY=1");
    await_line(&manager, "STATUS=VI_1 MASTER");
}

/// As `Type=notify-reload` waits for it, whether the file is taken or not.
#[rstest]
#[case::that_is_taken("priority 150")]
#[case::that_is_refused("priority 999")]
fn a_reload_is_told_to_its_end(#[case] line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (socket, manager) = manager(folder.path());
    let mut scene = Scene::new(shared(), [Settings::fast(254)]);
    scene.node(1).report_to(&socket);
    let mut scene = scene.start();
    scene.await_owner(1);
    await_line(&manager, "READY=1");
    let text = Settings::fast(254).to_string();
    let text = text.replace("priority 254", line);
    scene.node(1).configure(&text).unwrap();
    let before = clock::now() / 1000;
    scene.signal(1, Signal::SIGHUP);
    let mut said = await_line(&manager, "READY=1");
    let place = said.iter().position(|said| said == "RELOADING=1");
    let said = said.split_off(place.unwrap_or_else(|| panic!("{said:?}")));
    let mut stamps = said
        .iter()
        .filter_map(|said| said.strip_prefix("MONOTONIC_USEC="));
    let stamp: u64 = stamps.next().unwrap().parse().unwrap();
    assert!((before..=clock::now() / 1000).contains(&stamp), "{said:?}");
    scene.await_owner(1);
}
