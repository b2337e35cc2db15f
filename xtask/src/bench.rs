//! `cargo xtask bench`: the referee, `xvrrp-bench`, built with what it measures and run as root.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::Command,
};

use anyhow::Result;

use crate::{build, process, progress, tools::Need, workspace};

/// Everything goes to the bench, which has help of its own: `cargo xtask bench failover --help`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// `failover`, `packets`, `reload` or `show` and their options; `--help` tells them
    #[arg(
        value_name = "BENCH",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<OsString>,
}

/// Runs the command.
///
/// # Errors
/// When something needed cannot be had, a build fails or the bench cannot be started; otherwise
/// this does not return.
pub(crate) fn command(args: &Args) -> Result<()> {
    let arguments = args.arguments.as_slice();
    let needs = match arguments.first().and_then(|bench| bench.to_str()) {
        Some("failover") if compares(arguments) => [Need::Build, Need::Lab, Need::Peers].as_slice(),
        Some("failover") => &[Need::Build, Need::Lab],
        Some("packets" | "reload") => &[Need::Build, Need::Lab],
        _ => &[],
    };
    if needs.is_empty() || has(arguments, "--help") || has(arguments, "-h") {
        let mut bench = Command::new(executable()?);
        return process::exec(bench.args(arguments));
    }
    let built = build::build(needs, true)?;
    progress::heading("building the bench");
    let mut bench = process::as_root(executable()?)?;
    bench.args(arguments);
    add(&mut bench, arguments, "--xvrrp", built.node.as_os_str());
    if has(arguments, "packets") {
        add(&mut bench, arguments, "--object", built.object.as_os_str());
    }
    let out = workspace::report("bench");
    add(&mut bench, arguments, "--out", out.as_os_str());
    add(&mut bench, arguments, "--command", &typed(arguments));
    progress::heading("the bench");
    process::exec(&mut bench)
}

/// Whether other daemons take part: all do unless `--nodes` names only ours.
fn compares(typed: &[OsString]) -> bool {
    let words: Vec<_> = typed.iter().map(|word| word.to_string_lossy()).collect();
    let nodes = words.iter().enumerate().find_map(|(at, word)| {
        let rest = word.strip_prefix("--nodes")?;
        rest.strip_prefix('=')
            .or_else(|| words.get(at + 1).map(AsRef::as_ref))
    });
    nodes.is_none_or(|nodes| nodes.split(',').any(|node| node != "xvrrp"))
}

fn executable() -> Result<PathBuf> {
    build::executable("vrrp-tests", "xvrrp-bench", false, None)
}

/// Adds an option that was not typed.
fn add(bench: &mut Command, typed: &[OsString], option: &str, value: &OsStr) {
    if !has(typed, option) {
        bench.arg(option).arg(value);
    }
}

/// Whether `--out DIR` or `--out=DIR` was typed, or a word such as `failover`.
fn has(typed: &[OsString], option: &str) -> bool {
    typed.iter().any(|argument| {
        let text = argument.to_string_lossy();
        text.strip_prefix(option)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// The command line, for the report.
fn typed(arguments: &[OsString]) -> OsString {
    let mut line = OsString::from("cargo xtask bench");
    for argument in arguments {
        line.push(" ");
        line.push(argument);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_was_typed_is_not_overruled() {
        let mut bench = Command::new("xvrrp-bench");
        let typed = words("failover --out=here --xvrrp other");
        add(&mut bench, &typed, "--out", OsStr::new("there"));
        add(&mut bench, &typed, "--xvrrp", OsStr::new("ours"));
        assert_eq!(bench.get_args().count(), 0);
        add(&mut bench, &typed, "--command", OsStr::new("it"));
        assert_eq!(bench.get_args().collect::<Vec<_>>(), ["--command", "it"]);
    }

    #[test]
    fn a_longer_option_is_another_one() {
        assert!(!has(&words("failover --outer 3"), "--out"));
    }

    #[test]
    fn ours_alone_needs_no_peers() {
        for alone in ["failover --nodes xvrrp", "failover --nodes=xvrrp -n 3"] {
            assert!(!compares(&words(alone)), "{alone}");
        }
        for all in ["failover", "failover --nodes xvrrp,frr", "failover --nodes"] {
            assert!(compares(&words(all)), "{all}");
        }
    }

    #[test]
    fn the_report_has_the_words_as_typed() {
        assert_eq!(
            typed(&words("failover --quick -n 3")),
            "cargo xtask bench failover --quick -n 3"
        );
    }
}
