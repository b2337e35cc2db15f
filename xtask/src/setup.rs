//! `cargo xtask setup`: finds what building and testing need, and installs what is missing.

use anyhow::{Context as _, Result, bail};

use crate::{
    packages, process, progress,
    toolchain::{
        self, Toolchain,
        ladder::Rung,
        linker::{self, Linker},
        rustc::{Core, Rustc},
    },
    tools::{self, Need, Tool},
    workspace,
};

/// What the commands of xtask ask for, all together.
const ALL: [Need; 3] = [Need::Build, Need::Lab, Need::Peers];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only report what is there and what is missing; exit 1 if something is
    #[arg(long)]
    check: bool,
}

/// Runs the command.
///
/// # Errors
/// When something is missing and stays so.
pub(crate) fn command(args: &Args) -> Result<()> {
    let survey = Survey::of(&ALL)?;
    survey.report();
    if survey.is_complete() {
        progress::heading("nothing is missing");
        return Ok(());
    }
    if args.check {
        bail!("something is missing: `cargo xtask setup` installs it");
    }
    complete(&ALL, survey).map(drop)
}

/// Makes sure that what `needs` stand for is there, in silence if it is. Returns the toolchain if
/// it was among the needs.
///
/// # Errors
/// When something is missing and stays so.
pub(crate) fn ensure(needs: &[Need]) -> Result<Option<Toolchain>> {
    let survey = Survey::of(needs)?;
    if survey.is_complete() {
        return Ok(survey.toolchain());
    }
    survey.report();
    complete(needs, survey)
}

/// The BPF toolchain, if it is there; nothing is installed.
///
/// # Errors
/// When `XVRRP_BPF_RUSTC` names something that is no rustc.
pub(crate) fn present() -> Result<Option<Toolchain>> {
    Ok(Survey::of(&[Need::Build])?.toolchain())
}

/// What was found of a list of needs.
struct Survey {
    build: Option<BuildTools>,
    tools: Vec<&'static Tool>,
}

/// What was found of the BPF toolchain.
struct BuildTools {
    rung: Rung,
    linker: Option<Linker>,
}

impl Survey {
    fn of(needs: &[Need]) -> Result<Self> {
        let build = needs
            .contains(&Need::Build)
            .then(BuildTools::look)
            .transpose()?;
        Ok(Self {
            build,
            tools: tools::wanted(needs).collect(),
        })
    }

    fn is_complete(&self) -> bool {
        let built = self
            .build
            .as_ref()
            .is_none_or(|build| build.toolchain().is_some());
        built && self.tools.iter().all(|tool| tool.is_there())
    }

    fn toolchain(&self) -> Option<Toolchain> {
        self.build.as_ref().and_then(BuildTools::toolchain)
    }

    fn report(&self) {
        progress::heading("what building and testing xvrrp need");
        if let Some(build) = &self.build {
            build.report();
        }
        for tool in &self.tools {
            if tool.is_there() {
                found(tool.name(), tool.purpose);
            } else {
                let detail = format!("{}; Debian package {}", tool.purpose, tool.package);
                missing(tool.name(), &detail);
            }
        }
    }

    /// Whether what is missing could come from apt, as far as is known before its lists are fresh.
    fn asks_for_packages(&self) -> bool {
        let build = self.build.as_ref().is_some_and(|build| match &build.rung {
            Rung::Use(rustc) => build.toolchain().is_none() && linker::llvm_for(rustc).is_none(),
            Rung::InstallNightly => packages::has_apt(),
            Rung::InstallPackages(_) | Rung::ByHand(_) => true,
        });
        build || self.tools.iter().any(|tool| !tool.is_there())
    }

    /// What to tell a user whose system xtask cannot install on.
    fn by_hand(&self) -> String {
        let mut lines = vec!["this system has no apt; please install by hand:".to_owned()];
        if let Some(build) = &self.build {
            match &build.rung {
                Rung::ByHand(reason) => lines.push(format!("a BPF toolchain: {reason}")),
                Rung::Use(rustc) if build.toolchain().is_none() => lines.push(format!(
                    "the development files of LLVM {} (their folder in LLVM_PREFIX)",
                    rustc.llvm.major()
                )),
                Rung::Use(_) | Rung::InstallNightly | Rung::InstallPackages(_) => {}
            }
        }
        for tool in self.tools.iter().filter(|tool| !tool.is_there()) {
            lines.push(format!(
                "{} ({}; Debian: {})",
                tool.name(),
                tool.purpose,
                tool.package
            ));
        }
        lines.join("\n    ")
    }

    /// What can be installed next.
    ///
    /// # Errors
    /// When only the user can go on.
    fn plan(&self) -> Result<Plan> {
        let mut plan = match &self.build {
            Some(build) => build.plan()?,
            None => Plan::default(),
        };
        for tool in self.tools.iter().filter(|tool| !tool.is_there()) {
            let package = tool.package.to_owned();
            if !plan.packages.contains(&package) {
                plan.packages.push(package);
            }
        }
        Ok(plan)
    }
}

impl BuildTools {
    /// Asks apt only if the machine has no toolchain already: apt takes its time.
    fn look() -> Result<Self> {
        let mut rung = toolchain::rung(Vec::new(), &[])?;
        if !matches!(rung, Rung::Use(_)) && packages::has_apt() {
            let llvm = packages::offered(linker::llvm_packages());
            rung = toolchain::rung(packages::toolchain_offers(), &llvm)?;
        }
        Ok(Self {
            rung,
            linker: Linker::installed(),
        })
    }

    fn toolchain(&self) -> Option<Toolchain> {
        let Rung::Use(rustc) = &self.rung else {
            return None;
        };
        let linker = self
            .linker
            .as_ref()
            .filter(|linker| linker.suits(rustc).is_ok())?;
        Some(Toolchain {
            rustc: rustc.clone(),
            linker: linker.clone(),
        })
    }

    fn report(&self) {
        match &self.rung {
            Rung::Use(rustc) => found("rustc for BPF", &described(rustc)),
            Rung::InstallPackages(_) | Rung::InstallNightly => {
                missing(
                    "rustc for BPF",
                    "no rustc here has `core` for BPF, or rust-src",
                );
            }
            Rung::ByHand(reason) => missing("rustc for BPF", reason),
        }
        let state = match (&self.rung, &self.linker) {
            (_, None) => Err(format!(
                "version {} is built for this project",
                linker::VERSION
            )),
            (Rung::Use(rustc), Some(linker)) => linker.suits(rustc).map(|()| linker),
            (_, Some(linker)) => Ok(linker),
        };
        match state {
            Ok(linker) => found("bpf-linker", &linker_described(linker)),
            Err(reason) => missing("bpf-linker", &reason),
        }
    }

    fn plan(&self) -> Result<Plan> {
        let mut plan = Plan::default();
        match &self.rung {
            Rung::ByHand(reason) => bail!("no BPF toolchain: {reason}"),
            Rung::InstallNightly => plan.nightly = true,
            Rung::InstallPackages(packages) => plan.packages.clone_from(packages),
            Rung::Use(_) if self.toolchain().is_some() => {}
            Rung::Use(rustc) if linker::llvm_for(rustc).is_some() => {
                plan.linker = Some(rustc.clone());
            }
            Rung::Use(rustc) => plan.packages.push(linker::llvm_package(&rustc.llvm)),
        }
        plan.linker_follows = plan.linker.is_none() && self.toolchain().is_none();
        Ok(plan)
    }
}

/// What one round of `setup` installs. What needs something else first comes in a later round.
#[derive(Debug, Default)]
struct Plan {
    /// Names of Debian packages.
    packages: Vec<String>,
    /// rustup's nightly with rust-src.
    nightly: bool,
    /// bpf-linker, for this compiler.
    linker: Option<Rustc>,
    /// bpf-linker comes in a later round.
    linker_follows: bool,
}

impl Plan {
    fn announce(&self) {
        progress::heading("this will be installed");
        if !self.packages.is_empty() {
            progress::note(&format!(
                "on the system, by apt: {}",
                self.packages.join(" ")
            ));
        }
        if self.nightly {
            progress::note("for your user, by rustup: toolchain nightly with rust-src");
        }
        if self.linker.is_some() {
            let folder = workspace::tools();
            let version = linker::VERSION;
            progress::note(&format!(
                "in {} only: bpf-linker {version}",
                folder.display()
            ));
        }
    }

    fn carry_out(&self) -> Result<()> {
        if !self.packages.is_empty() {
            packages::install(&self.packages)?;
        }
        if self.nightly {
            install_nightly()?;
        }
        match &self.linker {
            Some(rustc) => linker::install(rustc),
            None => Ok(()),
        }
    }
}

/// Installs round after round until nothing is missing.
fn complete(needs: &[Need], mut survey: Survey) -> Result<Option<Toolchain>> {
    // Packages, their LLVM, bpf-linker: nothing is more than three steps away.
    const ROUNDS: usize = 4;
    if survey.asks_for_packages() {
        if !packages::has_apt() {
            bail!("{}", survey.by_hand());
        }
        packages::update()?;
        survey = Survey::of(needs)?;
    }
    for _ in 0..ROUNDS {
        if survey.is_complete() {
            progress::heading("setup is complete");
            return Ok(survey.toolchain());
        }
        let plan = survey.plan()?;
        plan.announce();
        plan.carry_out()?;
        survey = Survey::of(needs)?;
    }
    survey.report();
    bail!("something is still missing although its installation succeeded: see the list above");
}

fn install_nightly() -> Result<()> {
    let rustup = process::find("rustup").context("rustup is not installed")?;
    let mut install = process::foreign(rustup);
    install.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
    install.args(["--component", "rust-src"]);
    progress::run(
        "installing nightly with rust-src",
        "rustup-nightly",
        &mut install,
    )
    .context("rustup cannot install nightly with rust-src")
}

fn described(rustc: &Rustc) -> String {
    let core = match rustc.core {
        Core::Prebuilt => "`core` for BPF installed",
        Core::Source => "`core` built from rust-src",
        Core::Missing => "no `core` for BPF",
    };
    let (path, version, llvm) = (rustc.path.display(), &rustc.version, &rustc.llvm);
    format!("{path}, {version}, LLVM {llvm}, {core}")
}

fn linker_described(linker: &Linker) -> String {
    match &linker.llvm {
        Some(llvm) => format!("{}, {}, LLVM {llvm}", linker.path.display(), linker.version),
        None => format!(
            "{}, {}, LLVM linked in",
            linker.path.display(),
            linker.version
        ),
    }
}

fn found(what: &str, detail: &str) {
    progress::note(&format!("found    {what:<14} {detail}"));
}

fn missing(what: &str, detail: &str) {
    progress::note(&format!("MISSING  {what:<14} {detail}"));
}
