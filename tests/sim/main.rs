//! The simulator: nodes with the real engine on a virtual LAN where everything goes wrong that can.
//! Needs no privilege, no network and no time: a world is a function of its seed.
//!
//! ```text
//! XVRRP_SIM_ELECTIONS=100000 cargo test -p vrrp-tests --test sim elections -- --nocapture
//! XVRRP_SIM_MISHAPS=2 cargo test -p vrrp-tests --test sim small_worlds -- --nocapture
//! XVRRP_SIM_SEED=4711 cargo test -p vrrp-tests --test sim replay -- --nocapture
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "clippy knows a test by its attribute, not what tests call; figures are printed"
)]

mod accidents;
mod chance;
mod clock;
mod control;
mod engine;
mod explore;
mod faults;
mod hearing;
mod hosts;
mod kernel;
mod lies;
mod lists;
mod machine;
mod node;
mod planted;
mod reloads;
mod rules;
mod stories;
mod trace;
mod watch;
mod world;

/// Elections in the ordinary suite.
const ELECTIONS: u64 = 5_000;

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

/// The trace of a seed, and what it breaks.
fn tell(seed: u64) -> Result<String, String> {
    let (world, result) = faults::live(seed, None, None, true);
    let text = world.trace.text();
    match result {
        Ok(()) => Ok(text),
        Err(broken) => Err(format!(
            "{text}\n{broken}\nagain: XVRRP_SIM_SEED={seed} cargo test -p vrrp-tests --test sim replay -- --nocapture"
        )),
    }
}

//= C34, C35, C36, C37, C41, C59: proof
#[test]
fn elections_hold_every_invariant() {
    let wanted = variable("XVRRP_SIM_ELECTIONS").unwrap_or(ELECTIONS);
    let (mut worlds, mut promotions, mut changes, mut tolerated) = (0, 0, 0, 0);
    while promotions < wanted {
        let (world, result) = faults::live(worlds, None, None, false);
        if result.is_err() {
            panic!("{}", tell(worlds).unwrap_err());
        }
        worlds += 1;
        promotions += world.promotions();
        changes += world.changes;
        tolerated = tolerated.max(world.tolerated());
    }
    println!("{}", faults::report(worlds, promotions, changes, tolerated));
}

#[test]
fn replay() {
    let seed = variable("XVRRP_SIM_SEED").unwrap_or(1);
    match tell(seed) {
        Ok(text) => println!("{text}"),
        Err(text) => panic!("{text}"),
    }
}
