//! The service manager hears of the node's start, however busy it is.

use std::{io, os::unix::net::UnixDatagram};

use vrrp_tests::config::Settings;

use crate::scene::{LIMIT, Scene, shared};

/// Waits until the node has said this line.
fn await_line(manager: &UnixDatagram, line: &str) {
    let mut all = Vec::new();
    let mut message = [0; 4096];
    while !all.iter().any(|said| said == line) {
        let length = manager
            .recv(&mut message)
            .unwrap_or_else(|error| panic!("{line} was not said ({error}), but {all:?}"));
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        all.extend(text.lines().map(str::to_owned));
    }
}

#[test]
fn a_start_is_told_as_soon_as_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(LIMIT)).unwrap();
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
