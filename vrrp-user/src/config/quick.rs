//! A virtual router from the command line, without a file.

use std::time::Duration;

use super::{
    Parsed,
    ast::{Statement, Word},
    diag::Place,
};
use crate::proto::Version;

/// What stands for the file in diagnostics.
const SOURCE: &str = "command line";

/// One virtual router as the command line gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quick {
    /// `--interface`.
    pub interface: String,
    /// `--vrid`, 1-255.
    pub vrid: u8,
    /// `--priority`, 1-255.
    pub priority: u8,
    /// `--vip`, each as a line of `virtual_ipaddress`: `192.168.1.254/24`, options may follow.
    pub vips: Vec<String>,
    /// `--advert-int`.
    pub advert_int: Duration,
    /// `--version`; if not given, 3 for IPv6 and where the interval is not whole seconds, and 2
    /// otherwise.
    pub version: Option<Version>,
}

impl Quick {
    /// Checks it by the rules of a file and names the instance `VI_<vrid>`.
    pub fn parse(&self) -> Parsed {
        super::build_all(SOURCE, |_| vec![self.statement()])
    }

    /// The instance as if it had been written in a file.
    fn statement(&self) -> Statement {
        let whole = self.advert_int.subsec_nanos() == 0;
        let version = match self.version {
            Some(Version::V2) => Some("2"),
            Some(Version::V3) => Some("3"),
            // As in a file: 2, but for IPv6.
            None if whole => None,
            None => Some("3"),
        };
        let seconds = format!(
            "{}.{:09}",
            self.advert_int.as_secs(),
            self.advert_int.subsec_nanos()
        );
        let vip = |vip: &String| statement(&vip.split_whitespace().collect::<Vec<_>>(), None);
        let mut body = vec![
            statement(&["interface", &self.interface], None),
            statement(&["virtual_router_id", &self.vrid.to_string()], None),
            statement(&["priority", &self.priority.to_string()], None),
            statement(&["advert_int", &seconds], None),
            statement(
                &["virtual_ipaddress"],
                Some(self.vips.iter().map(vip).collect()),
            ),
        ];
        body.extend(version.map(|version| statement(&["version", version], None)));
        statement(&["vrrp_instance", &format!("VI_{}", self.vrid)], Some(body))
    }
}

fn statement(words: &[&str], block: Option<Vec<Statement>>) -> Statement {
    let word = |text: &&str| Word {
        text: (*text).to_owned(),
        quoted: false,
        bytes: None,
    };
    Statement {
        words: words.iter().map(word).collect(),
        raw: words.join(" "),
        place: Place::new(SOURCE, 0),
        block,
        flaws: Vec::new(),
        damaged: false,
    }
}
