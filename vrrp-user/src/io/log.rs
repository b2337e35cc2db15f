//! Where log lines go: the journal under systemd, else standard error.

use std::{
    env,
    io::{self, IsTerminal as _},
    os::{fd::AsFd as _, unix::ffi::OsStrExt as _},
};

use nix::sys::stat::fstat;
use thiserror::Error;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Environment variable with filter directives as of `tracing-subscriber`'s `EnvFilter`
/// (`debug`, `vrrp_user::io::control=trace`); it overrides `-v`.
pub const VARIABLE: &str = "XVRRP_LOG";

/// Why logging cannot be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// `XVRRP_LOG` cannot be understood.
    #[error("cannot understand {VARIABLE}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Logging was set up before.
    #[error(transparent)]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process; `verbosity` counts `-v`: state changes, decisions, all.
///
/// # Errors
/// When the filter in the environment is invalid, or on a second call.
pub fn init(verbosity: u8) -> Result<(), LogError> {
    let filter = match env::var(VARIABLE) {
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(directives)?,
        _ => EnvFilter::try_new(default_filter(verbosity))?,
    };
    let registry = tracing_subscriber::registry().with(filter);
    if under_systemd()
        && let Ok(journal) = tracing_journald::layer()
    {
        registry
            .with(journal.with_syslog_identifier("xvrrp".to_owned()))
            .try_init()?;
        return Ok(());
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    registry.with(lines).try_init()?;
    Ok(())
}

fn default_filter(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "info,netlink_proto=error",
        1 => "info,netlink_proto=error,vrrp_user=debug,xvrrp=debug",
        _ => "debug,vrrp_user=trace,xvrrp=trace",
    }
}

/// `JOURNAL_STREAM` is inherited by everything below a unit; it is about us only if it names the
/// device and inode of our own standard error.
fn under_systemd() -> bool {
    let Some(stream) = env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    fstat(io::stderr().as_fd()).is_ok_and(|stat| {
        stream.as_bytes() == format!("{}:{}", stat.st_dev, stat.st_ino).as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_filter_is_valid() {
        for verbosity in 0..4 {
            EnvFilter::try_new(default_filter(verbosity)).unwrap();
        }
    }
}
