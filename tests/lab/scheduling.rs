//! What the node's threads run under is what it was told, and what it says.

use std::fs;

use vrrp_tests::{config::Settings, node::Node as _, realtime};

use crate::scene::{Scene, shared};

/// (policy, priority) of the threads with deadlines by the status, after comparing it with the kernel.
fn policies(scene: &mut Scene) -> [(String, Option<u64>); 2] {
    scene.await_owner(1);
    let status = scene.node(1).status().unwrap().unwrap();
    let pid = scene.node(1).process().unwrap().pid();
    ["engine", "addresses"].map(|name| {
        let threads = status["threads"].as_array().unwrap();
        let thread = threads.iter().find(|thread| thread["name"] == name);
        let thread = thread.unwrap_or_else(|| panic!("no {name} in {status}"));
        let policy = thread["policy"].as_str().unwrap().to_owned();
        let kernels = match realtime::policy_of(task(pid, name)).unwrap() {
            libc::SCHED_DEADLINE => "SCHED_DEADLINE",
            libc::SCHED_FIFO => "SCHED_FIFO",
            _ => "SCHED_OTHER",
        };
        assert_eq!(policy, kernels, "{name}");
        (policy, thread["priority"].as_u64())
    })
}

/// The thread of a process that has this name.
fn task(pid: u32, name: &str) -> i32 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut tasks = tasks.map(|task| task.unwrap().path());
    let named = tasks.find(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == name);
    let named = named.unwrap_or_else(|| panic!("no thread {name}"));
    named
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn threads_run_under_what_was_asked_for_and_status_says_so() {
    let mut scene = Scene::started(shared(), [Settings::fast(254)]);
    let [engine, addresses] = policies(&mut scene);
    let status = scene.node(1).subcommand("status").unwrap();
    if engine.0 == "SCHED_DEADLINE" {
        assert_eq!(addresses.0, "SCHED_DEADLINE");
        let line = "engine         SCHED_DEADLINE, 10.000 ms of every 20.000 ms";
        assert!(status.contains(line), "{status}");
    } else {
        eprintln!("SCHED_DEADLINE is refused here:\n{status}");
        assert_eq!(engine, ("SCHED_FIFO".to_owned(), Some(51)));
        assert!(status.contains("SCHED_DEADLINE is refused"), "{status}");
    }

    let config = Settings {
        global: "vrrp_rt_priority 60".to_owned(),
        ..Settings::fast(254)
    };
    scene.node(1).stop().unwrap();
    fs::write(scene.node(1).config(), config.to_string()).unwrap();
    scene.node(1).start().unwrap();
    let fifo = |priority| ("SCHED_FIFO".to_owned(), Some(priority));
    assert_eq!(policies(&mut scene), [fifo(60), fifo(59)]);

    scene.node(1).stop().unwrap();
    scene.node(1).add_arguments(&["--no-realtime"]);
    scene.node(1).start().unwrap();
    let other = || ("SCHED_OTHER".to_owned(), None);
    assert_eq!(policies(&mut scene), [other(), other()]);
}
