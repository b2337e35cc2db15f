//! Events, and the lines that they make.

mod bookkeeping;
mod failures;
mod faults;
mod lease;
mod notices;
mod transitions;
mod virtual_ips;

use super::*;
use crate::{ids::RouterId, io::control::tests::desired};

fn texts(event: &Event, state: State) -> Vec<String> {
    let mut instance = crate::io::control::tests::instance("VI_1");
    instance.interface = "ens33".to_owned();
    let lines = lines(event, &desired(instance), state);
    lines.into_iter().map(|(_, text)| text).collect()
}
