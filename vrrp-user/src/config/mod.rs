//! `keepalived.conf`: lexer, parser, typed model.
//!
//! Bytes become lines (`source`, `macros`), tokens (`lex`), statements and blocks (`parse`), which go
//! through a sieve (`sift`) and become a [`Config`] that is valid by construction (`build`, `instance`, `finish`). What a keyword does
//! is said by its row in one table (`keywords`).
//!
//! What we make of a file that is not perfect is decided for the operator whose gateway depends on it:
//!
//! - **Error, nothing starts:** a value that cannot be read; what a virtual router cannot run without; and
//!   every feature whose silent absence would put two masters on a network, leave an address or route
//!   unserved, or lose an instance (`mcast_dst_ip`, `virtual_routes`, `virtual_rules`, `include`, …).
//! - **Warning, the node runs:** what keepalived tolerates safely, with keepalived's fix-up, because a peer with
//!   the same file makes the same of it; keywords that only make failover less sensitive when they are
//!   missing (`track_script`, …); words that nobody knows.
//! - **Note:** what every tutorial has and nobody misses (mail settings).
//!
//! A statement or block is reported once, and nothing is missed that an error took away. A block nobody
//! knows is skipped as a whole, whatever stands in it, and closes nothing but itself.

mod accept;
mod addresses;
mod ast;
mod build;
mod common;
mod diag;
mod finish;
mod globals;
mod instance;
mod keywords;
mod lex;
mod limits;
mod load;
mod macros;
mod marks;
pub mod model;
mod parse;
mod quick;
mod script;
mod sift;
mod source;
mod transport;
mod unsupported;
mod value;
mod vip;
mod virtual_mac;

#[cfg(test)]
mod tests;

pub(crate) use diag::Diagnostics;
pub use diag::{Diagnostic, Place, Severity};
pub use load::load;
pub use model::{
    Auth, Config, FOREVER, Globals, Instance, Notify, Peer, Scope, Script, Unicast, Vip,
};
pub use quick::Quick;
pub use value::{DurationError, duration};

/// What became of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Parsed {
    /// The configuration; `None` if there was an error.
    pub config: Option<Config>,
    /// Everything there is to say, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses the text of a configuration file; `file` is its name in the diagnostics.
pub fn parse(file: &str, text: &[u8]) -> Parsed {
    build_all(file, |report| {
        let lines = source::lines(file, text, report);
        parse::statements(&lines, report)
    })
}

/// Builds a configuration from the statements of a source.
fn build_all(
    source: &str,
    statements: impl FnOnce(&mut Diagnostics) -> Vec<ast::Statement>,
) -> Parsed {
    let mut report = Diagnostics::default();
    let statements = statements(&mut report);
    let statements = sift::sift(statements, &mut report);
    let config = build::config(source, &statements, &mut report);
    Parsed {
        config: (!report.failed()).then_some(config),
        diagnostics: report.finish(),
    }
}
