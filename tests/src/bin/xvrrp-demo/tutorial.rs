//! The tutorial's steps with their real outputs. A step that does not turn out as the tutorial says
//! ends the demo.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use vrrp_tests::{
    clock, config, http,
    lab::{Host, Lab, VIP},
    node::{MASTER, Node},
};

use crate::Daemon;

const PAGES: [&str; 2] = [
    "<h1>This is the primary, HA_TEST_R1</h1>",
    "<h1>This is the standby, HA_TEST_R2</h1>",
];
/// A first election, or one after a crash, takes 3.6 s at 1 s adverts.
const LIMIT: Duration = Duration::from_secs(15);

/// The lab of the tutorial with its nodes still running. Fields in the order of their end.
pub(crate) struct Stage {
    _nodes: [Box<dyn Node>; 2],
    _pages: [http::Page; 2],
    _lab: Lab,
}

/// Plays the tutorial and returns its stage: removing that would disturb who measures meanwhile.
pub(crate) fn play(daemon: &Daemon) -> Result<Stage> {
    let lab = Lab::pair()?;
    let [r1, r2] = [&lab.routers[0], &lab.routers[1]];
    let pages = [
        http::Page::serve(&r1.netns, PAGES[0])?,
        http::Page::serve(&r2.netns, PAGES[1])?,
    ];
    let standby = config::tutorial_standby(1);
    let mut nodes = [
        daemon.node(r1, config::TUTORIAL_PRIMARY)?,
        daemon.node(r2, &standby)?,
    ];

    println!("  primary  192.168.1.1/24    ens33 ─┐");
    println!("  standby  192.168.1.2/24    ens33 ─┼─ switch      virtual IP {VIP}");
    println!("  client   192.168.1.100/24  eth0  ─┘\n");
    prompt("primary", "cat keepalived.conf");
    output(config::TUTORIAL_PRIMARY);
    prompt("standby", "diff primary.conf keepalived.conf");
    for (primary, standby) in config::TUTORIAL_PRIMARY.lines().zip(standby.lines()) {
        if primary != standby {
            output(&format!("< {primary}\n> {standby}"));
        }
    }

    let run = match daemon {
        Daemon::Xvrrp(binary) => format!("{} run -f keepalived.conf", name(binary)),
        Daemon::Keepalived => "keepalived -P -n -l -D -f keepalived.conf".to_owned(),
    };
    heading("Both are started. The primary takes the address.");
    let marks = [0, 0];
    prompt("primary", &run);
    nodes[0].start()?;
    prompt("standby", &run);
    nodes[1].start()?;
    await_master(&mut nodes[0], 0)?;
    show(&lab, &mut nodes, marks, 0)?;

    heading("The primary is stopped. The address moves to the standby.");
    let marks = marks_of(&mut nodes)?;
    let pid = nodes[0].process()?.pid();
    prompt("primary", &format!("kill -TERM {pid}"));
    nodes[0].terminate()?;
    await_master(&mut nodes[1], marks[1])?;
    nodes[0].wait_stopped()?;
    show(&lab, &mut nodes, marks, 1)?;

    heading("The primary is started again. The address moves back.");
    let marks = [0, nodes[1].process()?.log().mark()];
    prompt("primary", &run);
    nodes[0].start()?;
    await_master(&mut nodes[0], 0)?;
    show(&lab, &mut nodes, marks, 0)?;
    Ok(Stage {
        _nodes: nodes,
        _pages: pages,
        _lab: lab,
    })
}

/// Shows logs, addresses and the client's page once the page is router `owner`'s.
fn show(lab: &Lab, nodes: &mut [Box<dyn Node>; 2], marks: [usize; 2], owner: usize) -> Result<()> {
    let mut page = String::new();
    clock::wait_until("the client gets the owner's page", LIMIT, || {
        // No page at all is what a client sees while the address moves.
        page = http::get(&lab.client.netns, VIP).unwrap_or_default();
        Ok(page == PAGES[owner])
    })
    .with_context(|| format!("the client's last page was {page:?}"))?;
    let other = &lab.routers[1 - owner];
    clock::wait_until("the other router gives the address up", LIMIT, || {
        Ok(!other.has_address(VIP)?)
    })?;
    for (index, who) in ["primary", "standby"].iter().enumerate() {
        let lines = nodes[index].process()?.log().lines();
        for line in lines.iter().skip(marks[index]) {
            if line.text.contains("VI_1") && line.text.contains("STATE") {
                println!("  {who} logs: {}", line.text);
            }
        }
    }
    addresses("primary", &lab.routers[0])?;
    addresses("standby", &lab.routers[1])?;
    prompt("client", &format!("curl http://{VIP}/"));
    output(&page);
    Ok(())
}

fn addresses(who: &str, router: &Host) -> Result<()> {
    let command = "addr show dev ens33";
    prompt(who, &format!("ip {command}"));
    let text = router.netns.ip(command)?;
    // The address lines alone: the rest is the same in every step.
    let inet = text.lines().filter(|line| line.trim().starts_with("inet "));
    output(&inet.collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn await_master(node: &mut Box<dyn Node>, mark: usize) -> Result<()> {
    node.process()?.log().wait_after(mark, MASTER, LIMIT)?;
    Ok(())
}

fn marks_of(nodes: &mut [Box<dyn Node>; 2]) -> Result<[usize; 2]> {
    let [first, second] = nodes;
    Ok([
        first.process()?.log().mark(),
        second.process()?.log().mark(),
    ])
}

fn name(binary: &Path) -> String {
    binary
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn heading(text: &str) {
    println!("\n  ── {text}");
}

fn prompt(who: &str, command: &str) {
    println!("  {who}# {command}");
}

fn output(text: &str) {
    for line in text.lines() {
        println!("      {line}");
    }
}
