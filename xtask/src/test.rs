//! `cargo xtask test`: every test of the workspace, those that need root as root.

use std::{
    env,
    path::{self, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Result, bail};

use crate::{
    build::{self, Built},
    kernel, metadata,
    metadata::Suite,
    process,
    progress::{self, Stopwatch},
    tools::Need,
};

/// Tells the suites which node to test.
const NODE_VARIABLE: &str = "XVRRP_BIN";
/// The package whose suites load programs and make namespaces, and so are run as root.
const LAB: &str = "vrrp-tests";
/// Its suite that asks nothing of the kernel.
const UNPRIVILEGED: &str = "sim";
/// The suite whose cases wait most of the time.
const WAITING: &str = "lab";
/// How many of them run at once for each CPU.
const CASES_PER_CPU: usize = 2;
/// Tells a test program how many cases to run at once.
const THREADS_VARIABLE: &str = "RUST_TEST_THREADS";
/// The suite that plays a matrix, of which the ordinary run takes a part.
const INTEROP: &str = "interop";
/// Tells it which part.
const INTEROP_VARIABLE: &str = "XVRRP_INTEROP";
/// Tells it where to write its document.
const INTEROP_OUT_VARIABLE: &str = "XVRRP_INTEROP_OUT";
/// The step with all tests inside the crates.
const UNIT: &str = "unit";
/// The step with the examples in the documentation.
const DOC: &str = "doc";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Suites to run (`unit`, `bpf`, `lab` …), or parts of test names; everything unless given.
    /// `interop`, by name, plays its whole matrix and prints it
    filter: Vec<String>,

    /// Where `interop` writes its matrix as a document
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Passed on to the test programs: `-- --nocapture`
    #[arg(last = true)]
    harness: Vec<String>,
}

impl Args {
    /// Whether a suite is asked for by its name.
    fn names(&self, suite: &str) -> bool {
        self.filter.iter().any(|word| word == suite)
    }
}

/// One call of `cargo test`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: String,
    cargo: Vec<String>,
    as_root: bool,
}

impl Step {
    fn inside_crates(name: &str, cargo: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            cargo: cargo.iter().map(|&argument| argument.to_owned()).collect(),
            as_root: false,
        }
    }

    fn of(suite: &Suite) -> Self {
        let cargo = ["--package", &suite.package, "--test", &suite.name];
        let as_root = suite.package == LAB && suite.name != UNPRIVILEGED;
        Self {
            as_root,
            ..Self::inside_crates(&suite.name, &cargo)
        }
    }
}

/// Runs the command. A step that fails does not keep the others from being run.
///
/// # Errors
/// When something needed cannot be had, or a test failed.
pub(crate) fn command(args: &Args) -> Result<()> {
    if args.out.is_some() && !args.names(INTEROP) {
        bail!("--out goes with `{INTEROP}`: no other suite writes a document");
    }
    let (steps, names) = plan(&metadata::suites()?, &args.filter);
    let privileged = steps.iter().any(|step| step.as_root);
    progress::heading("the plan");
    for step in &steps {
        progress::note(&format!(
            "{}{}",
            step.name,
            if step.as_root { ", as root" } else { "" }
        ));
    }
    let mut needs = vec![Need::Build];
    if privileged {
        needs.extend([Need::Lab, Need::Peers]);
    }
    let built = build::build(&needs, true)?;
    if privileged {
        look_at_the_kernel()?;
    }

    let clock = Stopwatch::start();
    let mut failed = Vec::new();
    for step in &steps {
        let clock = Stopwatch::start();
        progress::heading(&format!("{} tests", step.name));
        let result = process::check(&mut cargo_test(step, &built, &names, args)?);
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        progress::note(&format!(
            "{} tests {verdict} in {}",
            step.name,
            clock.elapsed()
        ));
        if result.is_err() {
            failed.push(step.name.as_str());
        }
    }
    if !failed.is_empty() {
        bail!("failed: {} (see above)", failed.join(", "));
    }
    progress::heading(&format!("all passed in {}", clock.elapsed()));
    Ok(())
}

/// The steps that `filter` asks for, and the parts of test names in it.
fn plan(suites: &[Suite], filter: &[String]) -> (Vec<Step>, Vec<String>) {
    let mut steps = vec![
        Step::inside_crates(DOC, &["--workspace", "--doc"]),
        Step::inside_crates(UNIT, &["--workspace", "--lib", "--bins"]),
    ];
    steps.extend(suites.iter().map(Step::of));

    let (chosen, names): (Vec<String>, Vec<String>) = filter
        .iter()
        .cloned()
        .partition(|word| steps.iter().any(|step| step.name == *word));
    if !chosen.is_empty() {
        steps.retain(|step| chosen.contains(&step.name));
    }
    (steps, names)
}

fn cargo_test(step: &Step, built: &Built, names: &[String], args: &Args) -> Result<Command> {
    let mut cargo = process::host_cargo();
    cargo
        .args(["test", "--locked", "--no-fail-fast"])
        .args(&step.cargo)
        .arg("--");
    cargo.args(names).args(&args.harness);
    if step.name == INTEROP && args.names(INTEROP) {
        show_the_matrix(&mut cargo, args)?;
    }
    if step.name == WAITING && env::var_os(THREADS_VARIABLE).is_none() {
        let cases = CASES_PER_CPU * thread::available_parallelism()?.get();
        cargo.env(THREADS_VARIABLE, cases.to_string());
    }
    cargo
        .env(build::OBJECT_VARIABLE, &built.object)
        .env(NODE_VARIABLE, &built.node);
    if step.as_root && !process::is_root()? {
        process::unlock_root()?;
        cargo.env(
            runner_variable(&metadata::host_triple()?),
            "sudo --preserve-env",
        );
    }
    Ok(cargo)
}

/// Has the whole matrix played, unless the environment says which part of it, and printed.
fn show_the_matrix(cargo: &mut Command, args: &Args) -> Result<()> {
    if env::var_os(INTEROP_VARIABLE).is_none() {
        cargo.env(INTEROP_VARIABLE, "all");
    }
    if let Some(out) = &args.out {
        cargo.env(INTEROP_OUT_VARIABLE, path::absolute(out)?);
    }
    let shown = "--nocapture";
    if !args.harness.iter().any(|argument| argument == shown) {
        cargo.arg(shown);
    }
    Ok(())
}

/// cargo's variable for the program that starts the test programs of a target.
fn runner_variable(triple: &str) -> String {
    format!(
        "CARGO_TARGET_{}_RUNNER",
        triple.replace(['-', '.'], "_").to_uppercase()
    )
}

fn look_at_the_kernel() -> Result<()> {
    let lacks = kernel::lacks()?;
    if !lacks.optional.is_empty() {
        progress::heading("this kernel lacks what some tests need");
        lacks.optional.iter().for_each(|lack| progress::note(lack));
    }
    if !lacks.required.is_empty() {
        bail!(
            "this kernel or container cannot run the suites that need root:\n    {}\n\
             `cargo xtask test {UNIT}` runs the tests that ask nothing of the kernel",
            lacks.required.join("\n    ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(filter: &[&str]) -> (Vec<String>, Vec<String>) {
        let suite = |name: &str| Suite {
            package: "vrrp-tests".to_owned(),
            name: name.to_owned(),
        };
        let filter: Vec<String> = filter.iter().map(|&word| word.to_owned()).collect();
        let (steps, names) = plan(&[suite("bpf"), suite("sim"), suite("lab")], &filter);
        (steps.into_iter().map(|step| step.name).collect(), names)
    }

    #[test]
    fn everything_is_run_unless_suites_are_named() {
        assert_eq!(planned(&[]).0, ["doc", "unit", "bpf", "sim", "lab"]);
        assert_eq!(planned(&["lab", "unit"]).0, ["unit", "lab"]);
    }

    #[test]
    fn a_matrix_that_is_named_is_shown() {
        let args = |harness: &[&str]| Args {
            filter: vec![INTEROP.to_owned()],
            out: None,
            harness: harness
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
        };
        for harness in [&[][..], &["--nocapture"][..]] {
            let args = args(harness);
            let mut cargo = Command::new("cargo");
            cargo.args(&args.harness);
            show_the_matrix(&mut cargo, &args).unwrap();
            assert_eq!(cargo.get_args().collect::<Vec<_>>(), ["--nocapture"]);
        }
    }

    #[test]
    fn other_words_are_parts_of_test_names() {
        let (steps, names) = planned(&["lab", "conflict"]);
        assert_eq!(
            (steps.as_slice(), names.as_slice()),
            (&["lab".to_owned()][..], &["conflict".to_owned()][..])
        );
        assert_eq!(planned(&["conflict"]).0.len(), 5);
    }

    #[test]
    fn only_the_suites_that_touch_the_kernel_run_as_root() {
        let is_root = |package: &str, name: &str| {
            Step::of(&Suite {
                package: package.to_owned(),
                name: name.to_owned(),
            })
            .as_root
        };
        assert!(is_root("vrrp-tests", "lab") && is_root("vrrp-tests", "bpf"));
        assert!(!is_root("vrrp-tests", "sim") && !is_root("vrrp-user", "lab"));
        assert!(!Step::inside_crates(UNIT, &[]).as_root);
    }

    #[test]
    fn cargos_runner_variable_is_spelled_its_way() {
        let expected = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER";
        assert_eq!(runner_variable("x86_64-unknown-linux-gnu"), expected);
    }
}
