//! The hot standby of every keepalived tutorial, its configurations word for word.

use vrrp_tests::{
    config::{TUTORIAL_PRIMARY, tutorial_standby},
    http,
    lab::VIP,
    node::Node as _,
};

use crate::scene::{Scene, await_lines, eventually, shared};

const PAGES: [&str; 2] = ["<h1>primary</h1>", "<h1>standby</h1>"];

/// What the tutorial's reader sees: the address on one router, and the client's page.
fn await_page(scene: &Scene, owner: u8) {
    let page = PAGES[usize::from(owner) - 1];
    eventually(&format!("the client gets {page}"), || {
        // No page at all is what a client sees while the address moves.
        http::get(&scene.lab.client.netns, VIP).is_ok_and(|body| body == page)
    });
    scene.await_no_address(3 - owner);
    let addresses = scene.router(owner).netns.ip("addr show dev ens33").unwrap();
    assert!(addresses.contains("inet 192.168.1.254/32 "), "{addresses}");
}

#[test]
fn the_tutorial_from_start_to_return() {
    let standby = tutorial_standby(1);
    let mut scene = Scene::started(shared(), [TUTORIAL_PRIMARY, &standby]);
    let _pages: Vec<_> = scene
        .lab
        .routers
        .iter()
        .zip(PAGES)
        .map(|(router, page)| http::Page::serve(&router.netns, page).unwrap())
        .collect();

    await_page(&scene, 1);
    await_lines(
        scene.log(1),
        0,
        &[
            "(VI_1) Entering BACKUP STATE (init)",
            "(VI_1) Receive advertisement timeout",
            "(VI_1) Entering MASTER STATE",
            "(VI_1) setting VIPs.",
        ],
    );
    await_lines(scene.log(2), 0, &["(VI_1) Entering BACKUP STATE (init)"]);

    let marks = [scene.log(1).mark(), scene.log(2).mark()];
    scene.node(1).stop().unwrap();
    await_page(&scene, 2);
    await_lines(
        scene.log(1),
        marks[0],
        &[
            "Stopping",
            "(VI_1) sent 0 priority",
            "(VI_1) Stopped",
            "(VI_1) removing VIPs.",
        ],
    );
    await_lines(
        scene.log(2),
        marks[1],
        &[
            "(VI_1) Backup received priority 0 advertisement",
            "(VI_1) Receive advertisement timeout",
            "(VI_1) Entering MASTER STATE",
        ],
    );

    let mark = scene.log(2).mark();
    scene.node(1).start().unwrap();
    await_page(&scene, 1);
    await_lines(
        scene.log(1),
        0,
        &[
            "(VI_1) Entering BACKUP STATE (init)",
            "(VI_1) about to preempt",
            "(VI_1) Entering MASTER STATE",
        ],
    );
    await_lines(
        scene.log(2),
        mark,
        &[
            "(VI_1) Entering BACKUP STATE",
            "(VI_1) removing VIPs.",
            "(VI_1) Master received advert from 192.168.1.1 with higher priority 100, ours 99",
        ],
    );
    // The primary's announcement is no conflict: its advert came first.
    assert!(!scene.log(2).tail(usize::MAX).contains("conflict"));
    for node in &mut scene.nodes {
        node.stop().unwrap();
    }
    scene.await_no_address(1);
    scene.await_no_address(2);
}
