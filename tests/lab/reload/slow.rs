//! A file that takes for ever to understand.

use std::time::Duration;

use nix::sys::signal::Signal;
use vrrp_tests::{clock, config::Settings, node::Node as _};

use crate::{
    preload,
    scene::{LIMIT, Scene, shared},
};

/// Shorter than what a client waits for an answer.
const SOON: Duration = Duration::from_secs(3);

#[test]
fn a_user_who_is_looked_up_for_ever_holds_nothing_up() {
    let source = include_str!("../slow_user.c");
    let Some((_folder, object)) = preload::build("slow_user", source) else {
        return;
    };
    let config = Settings::fast(254).to_string();
    let mut scene = Scene::new(shared(), [&config]);
    scene.node(1).preload(&object);
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    let file = scene.node(1).config().to_owned();
    let more = config.replacen("interface", "notify /bin/true slow\ninterface", 1);
    std::fs::write(&file, more).unwrap();
    let mark = scene.log(1).mark();
    // The second one waits for the first.
    for _ in 0..2 {
        scene.signal(1, Signal::SIGHUP);
        scene.log(1).wait_after(mark, "Reloading", LIMIT).unwrap();
    }
    let begun = clock::now();
    assert_eq!(scene.status(1).text("state"), "MASTER");
    scene.node(1).stop().unwrap();
    let took = Duration::from_nanos(clock::now() - begun);
    assert!(took < SOON, "{took:?}");
}
