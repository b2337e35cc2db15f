//! A pair with many virtual IPs at 10 ms: one goes and one comes with every reload, and one is asked for.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use anyhow::{Context as _, Result};
use vrrp_tests::{
    clock,
    config::Settings,
    echo::Echo,
    lab::{Lab, VIP},
    node::{Node as _, Xvrrp},
    prober::{PORT, Prober},
};

use super::{
    Args, reload,
    watch::{Phase, Watch},
};

const PRIORITIES: [u8; 2] = [254, 253];
/// How long a pair may take to come up.
const LIMIT: Duration = Duration::from_secs(20);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Measures it while nothing happens, while the Active is reloaded and while its Backup is.
pub(super) fn measure(args: &Args) -> Result<Vec<Phase>> {
    let lab = Lab::pair()?;
    let node = |node: usize| {
        let config = config(args, node, 0);
        Xvrrp::new(&args.xvrrp, &lab.routers[node], &config)
    };
    let mut nodes = [node(0)?, node(1)?];
    let echos = (1..).zip(&lab.routers);
    let _echos = echos
        .map(|(number, router)| Echo::start(&router.netns, VIP, PORT, number))
        .collect::<Result<Vec<_>>>()?;
    for node in &mut nodes {
        node.start()?;
    }
    settle(&lab, &nodes)?;

    let phases = [
        ("nothing", None),
        ("the Active", Some(0)),
        ("its Backup", Some(1)),
    ];
    let mut measured = Vec::new();
    for (name, which) in phases {
        println!("{} VIPs, {} reloads: {name}", args.vips, args.n);
        let probe = Duration::from_micros(args.probe.into());
        let watch = Watch::start(&lab, &nodes, probe)?;
        let pause = Duration::from_millis(args.pause.into());
        let mut reloads = Vec::new();
        for round in 1..=args.n {
            clock::sleep(pause);
            if let Some(node) = which {
                reloads.push(reload(&nodes[node], &config(args, node, round))?);
            }
        }
        clock::sleep(pause);
        measured.push(watch.stop(name, &nodes, &reloads)?);
        // Both have the same list before the next phase.
        if let Some(node) = which {
            reload(&nodes[node], &config(args, node, 0))?;
        }
    }
    for node in &mut nodes {
        node.stop()?;
    }
    Ok(measured)
}

/// Waits until the first serves and the second is its Backup, and nothing is announced any more.
fn settle(lab: &Lab, nodes: &[Xvrrp; 2]) -> Result<()> {
    let is = |node: &Xvrrp, state: &str| {
        let status = node.status().ok().flatten();
        status.is_some_and(|status| status["routers"][0]["state"] == state)
    };
    clock::wait_until("a pair that is up", LIMIT, || {
        clock::sleep(20 * MILLISECOND);
        Ok(is(&nodes[0], "MASTER") && is(&nodes[1], "BACKUP"))
    })?;
    let prober = Prober::start(&lab.client.netns, VIP, MILLISECOND)?;
    clock::wait_until("an answer", LIMIT, || Ok(prober.answering() == 1))?;
    prober.stop().map(drop).context("ask for the virtual IP")
}

/// The file of a node after so many reloads: what clients ask for, and a window over the other virtual IPs.
fn config(args: &Args, node: usize, round: u16) -> String {
    let moving = (round..).take(usize::from(args.vips) - 1).map(|number| {
        let [high, low] = number.to_be_bytes();
        IpAddr::from(Ipv4Addr::new(10, 50, high, low))
    });
    let mut vips = vec![VIP.into()];
    vips.extend(moving);
    let settings = Settings {
        vips,
        ..Settings::fast(PRIORITIES[node])
    };
    settings.to_string()
}
