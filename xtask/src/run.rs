//! `cargo xtask run`: the node, built and started as root.

use std::ffi::OsString;

use anyhow::Result;

use crate::{build, process, progress, tools::Need};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The interface the virtual router lives on
    #[arg(long, default_value = "ens33")]
    interface: String,

    /// Optimise the node
    #[arg(long)]
    release: bool,

    /// What else `xvrrp run` is given: `--vrid 51 --vip 192.168.1.254/24`, or `-f FILE`, which then
    /// names the interfaces itself
    #[arg(last = true)]
    node: Vec<OsString>,
}

/// Runs the command; only the node itself is elevated.
///
/// # Errors
/// When the build fails or the node cannot be started; otherwise this does not return.
pub(crate) fn command(args: &Args) -> Result<()> {
    let built = build::build(&[Need::Build], args.release)?;
    let mut node = process::as_root(&built.node)?;
    node.args(node_arguments(&args.interface, &args.node));
    progress::heading(&format!("running {}", process::shown(&node)));
    process::exec(&mut node)
}

fn node_arguments(interface: &str, others: &[OsString]) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("run")];
    if !others.iter().any(names_a_file) {
        arguments.extend(["--interface".into(), interface.into()]);
    }
    arguments.extend_from_slice(others);
    arguments
}

fn names_a_file(argument: &OsString) -> bool {
    let text = argument.to_string_lossy();
    text == "--file" || text.starts_with("--file=") || text.starts_with("-f")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(others: &[&str]) -> Vec<OsString> {
        node_arguments(
            "ens33",
            &others.iter().map(OsString::from).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn the_interface_goes_with_a_router_on_the_command_line() {
        assert_eq!(
            given(&["--vrid", "51"]),
            ["run", "--interface", "ens33", "--vrid", "51"]
        );
    }

    #[test]
    fn a_file_names_its_own_interfaces() {
        assert_eq!(given(&["-f", "a.conf"]), ["run", "-f", "a.conf"]);
        assert_eq!(given(&["-fa.conf"]), ["run", "-fa.conf"]);
        assert_eq!(given(&["--file=a.conf"]), ["run", "--file=a.conf"]);
    }
}
