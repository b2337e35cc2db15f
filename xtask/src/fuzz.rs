//! `cargo xtask fuzz`: lets libFuzzer search for inputs that break what must hold of all.
//!
//! A stable compiler will do: what libFuzzer asks of it is a pass of LLVM, and no sanitizer is needed
//! where overflows, bounds and assertions are checked anyway.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{metadata, process, progress, setup, tools::Need, workspace};

const PACKAGE: &str = "vrrp-fuzz";
/// Its feature that asks for libFuzzer.
const FEATURE: &str = "libfuzzer";
/// The profile of the workspace that its programs are built by.
const PROFILE: &str = "fuzz";
/// What shows libFuzzer which code an input reaches, as cargo-fuzz has it.
const FLAGS: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Seconds after which an input counts as one that hangs.
const HANG: u32 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Targets to search, one after the other; all of them unless given
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    /// How long each is searched
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
}

/// Runs the command. A target that breaks does not keep the others from being searched.
///
/// # Errors
/// When there is no such target, something needed cannot be had, a build fails or an input breaks a
/// target.
pub(crate) fn command(args: &Args) -> Result<()> {
    let targets = chosen(targets()?, &args.targets)?;
    setup::ensure(&[Need::Fuzz])?;
    progress::heading("building the fuzz targets");
    let programs = build()?;
    let mut broken = Vec::new();
    for target in &targets {
        progress::heading(target);
        if let Err(error) = search(&programs, target, args.seconds) {
            progress::note(&format!("{error:#}"));
            broken.push(target.as_str());
        }
    }
    if !broken.is_empty() {
        bail!("broken: {} (see above)", broken.join(", "));
    }
    Ok(())
}

/// Every target there is, by name.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::fuzz().join("fuzz_targets");
    let mut targets = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))? {
        let file = PathBuf::from(entry?.file_name());
        if let Some(name) = file.file_stem() {
            targets.push(name.to_string_lossy().into_owned());
        }
    }
    targets.sort_unstable();
    Ok(targets)
}

/// Those of `targets` that were asked for.
fn chosen(targets: Vec<String>, asked: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = asked.iter().find(|name| !targets.contains(name)) {
        bail!("no target `{unknown}`, there are {}", targets.join(", "));
    }
    Ok(if asked.is_empty() {
        targets
    } else {
        asked.to_vec()
    })
}

/// Builds the programs and returns their folder.
fn build() -> Result<PathBuf> {
    let triple = metadata::host_triple()?;
    let target = workspace::fuzz_target();
    let mut cargo = process::host_cargo();
    cargo.args(["build", "--locked", "--package", PACKAGE, "--bins"]);
    cargo.args(["--features", FEATURE, "--profile", PROFILE]);
    // Where a target is named, cargo gives the flags to the programs, and to build scripts none.
    cargo
        .args(["--target", &triple, "--target-dir"])
        .arg(&target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    process::check(&mut cargo)?;
    Ok(target.join(triple).join(PROFILE))
}

/// Searches from the committed corpus and from what earlier searches have found.
fn search(programs: &Path, target: &str, seconds: u32) -> Result<()> {
    let committed = workspace::fuzz().join("corpus").join(target);
    let found = workspace::fuzz_target().join("corpus").join(target);
    let artifacts = workspace::fuzz_target().join("artifacts").join(target);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut fuzzer = Command::new(programs.join(target));
    fuzzer.arg(&found).arg(&committed).args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={HANG}"),
        format!("-artifact_prefix={}/", artifacts.display()),
        "-print_final_stats=1".to_owned(),
    ]);
    let log = format!("fuzz-{target}");
    let what = format!("searching for {seconds} s");
    progress::run(&what, &log, &mut fuzzer).with_context(|| {
        format!(
            "the input that broke it is in {}; when it is mended, put the input into {}",
            artifacts.display(),
            committed.display()
        )
    })?;
    let log = workspace::logs().join(format!("{log}.log"));
    let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let figures = figures(&String::from_utf8_lossy(&said));
    progress::note(&figures.context("libFuzzer did not tell what it did")?);
    Ok(())
}

/// What was tried and reached, by libFuzzer's last words.
fn figures(log: &str) -> Option<String> {
    let tried = log
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    let (_, done) = log.lines().find_map(|line| line.split_once("DONE"))?;
    let figure = |name: &str| {
        let mut words = done.split_whitespace().skip_while(|word| *word != name);
        words.nth(1)
    };
    let (covered, kept) = (figure("cov:")?, figure("corp:")?.split('/').next()?);
    Some(format!(
        "{} inputs tried, {covered} edges reached, {kept} inputs kept",
        tried.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn every_target_is_searched_unless_some_are_named() {
        let all = names(&["codec", "frames"]);
        assert_eq!(chosen(all.clone(), &[]).unwrap(), all);
        let one = names(&["frames"]);
        assert_eq!(chosen(all.clone(), &one).unwrap(), one);
        let error = chosen(all, &names(&["frame"])).unwrap_err().to_string();
        assert_eq!(error, "no target `frame`, there are codec, frames");
    }

    #[test]
    fn every_target_has_a_corpus() {
        for target in targets().unwrap() {
            let corpus = workspace::fuzz().join("corpus").join(&target);
            assert!(corpus.is_dir(), "{target}");
        }
    }

    #[test]
    fn figures_are_libfuzzers() {
        let log = "#2\tINITED cov: 2 ft: 2 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #81920\tDONE   cov: 312 ft: 1004 corp: 87/2345b lim: 4096 exec/s: 8192 rss: 44Mb\n\
                   Done 81920 runs in 10 second(s)\n\
                   stat::number_of_executed_units: 81920\n\
                   stat::average_exec_per_sec:     8192\n";
        assert_eq!(
            figures(log).as_deref(),
            Some("81920 inputs tried, 312 edges reached, 87 inputs kept")
        );
        assert_eq!(figures("killed"), None);
    }
}
