//! A node with as many virtual routers as it can have: one of them changes with every reload.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use vrrp_tests::{
    clock,
    config::{self, Settings},
    lab::Lab,
    node::{Node as _, Xvrrp},
    stamps::Stamps,
    stats::Summary,
};

use super::{Args, reload, summary};

/// How long they may take to come up.
const LIMIT: Duration = Duration::from_secs(60);
/// The one that changes.
const CHANGED: usize = 1;

/// The figures.
#[derive(Debug, Serialize)]
pub(super) struct Many {
    /// How many virtual routers.
    pub(super) routers: u16,
    /// How many reloads of each kind.
    pub(super) reloads: u16,
    /// What they changed, and how many milliseconds passed from the call of `xvrrp reload` to its answer.
    pub(super) reload_ms: Vec<(&'static str, Summary)>,
    /// State changes of the other virtual routers meanwhile.
    pub(super) transitions: usize,
    /// Addresses of the others that are not those that were there before.
    pub(super) touched: usize,
}

/// What a reload of the node changes.
#[derive(Clone, Copy)]
enum Change {
    VirtualIp,
    Priority,
    Nothing,
}

/// Measures it.
pub(super) fn measure(args: &Args) -> Result<Many> {
    let lab = Lab::pair()?;
    let router = &lab.routers[0];
    let mut node = Xvrrp::new(&args.xvrrp, router, &file(args, 0, Change::Nothing))?;
    node.start()?;
    let count = usize::from(args.routers);
    clock::wait_until("virtual routers that serve", LIMIT, || {
        clock::sleep(Duration::from_millis(100));
        let stamps = Stamps::read(&router.netns)?;
        let all = (0..args.routers).all(|number| !stamps.of(address(number, 0).into()).is_empty());
        Ok(all)
    })?;
    let (before, stamps) = (transitions(&node, count)?, Stamps::read(&router.netns)?);
    let mut reload_ms = Vec::new();
    for (what, change) in [
        ("another virtual IP", Change::VirtualIp),
        ("another priority", Change::Priority),
        ("nothing", Change::Nothing),
    ] {
        println!("{} virtual routers, {} reloads", args.routers, args.n);
        let pause = Duration::from_millis(args.pause.into());
        let mut reloads = Vec::new();
        for round in 1..=args.n {
            clock::sleep(pause);
            reloads.push(reload(&node, &file(args, round, change))?);
        }
        reload_ms.push((what, summary(&reloads)));
        reload(&node, &file(args, 0, Change::Nothing))?;
    }
    let after = Stamps::read(&router.netns)?;
    let others = (0..args.routers).filter(|number| usize::from(*number) != CHANGED);
    let touched = others.filter(|number| {
        let address = address(*number, 0).into();
        stamps.of(address) != after.of(address)
    });
    let many = Many {
        routers: args.routers,
        reloads: args.n,
        reload_ms,
        touched: touched.count(),
        transitions: transitions(&node, count)? - before,
    };
    node.stop()?;
    Ok(many)
}

/// State changes of all virtual routers but the one that changes.
fn transitions(node: &Xvrrp, count: usize) -> Result<usize> {
    let status = node.status()?.context("no status")?;
    let routers = status["routers"].as_array().context("no routers")?;
    ensure!(routers.len() == count, "{} virtual routers", routers.len());
    let others = routers.iter().enumerate().filter(|(at, _)| *at != CHANGED);
    let transitions =
        others.map(|(_, router)| router["transitions"].as_array().map_or(0, Vec::len));
    Ok(transitions.sum())
}

/// The virtual IP of a virtual router, and what it has in its place after so many reloads.
fn address(number: u16, round: u16) -> Ipv4Addr {
    let [high, low] = round.to_be_bytes();
    let [_, number] = number.to_be_bytes();
    Ipv4Addr::new(10, 60 + high, low, number)
}

fn file(args: &Args, round: u16, change: Change) -> String {
    let routers = (0..args.routers).map(|number| {
        let is_changed = usize::from(number) == CHANGED;
        let (moved, priority) = match change {
            Change::VirtualIp if is_changed => (round, 200),
            Change::Priority if is_changed => (0, 100 + round % 100),
            _ => (0, 200),
        };
        Settings {
            name: format!("VI_{number}"),
            vrid: u8::try_from(number + 1).unwrap_or(u8::MAX),
            vips: vec![address(number, moved).into()],
            ..Settings::fast(u8::try_from(priority).unwrap_or(u8::MAX)).every(1000)
        }
    });
    config::file(&Vec::from_iter(routers))
}
