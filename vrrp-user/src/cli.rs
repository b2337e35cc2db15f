//! The command line: types only.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use vrrp_user::{
    config,
    io::{bpf::Choice, runtime_dir::InstanceName},
};

/// Where keepalived has its configuration.
const CONFIG: &str = "/etc/keepalived/keepalived.conf";

/// A VRRP node: moves virtual IPs between gateways, driven by XDP.
#[derive(Debug, Parser)]
#[command(name = "xvrrp", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the node in the foreground
    Run(Run),
    /// Check a configuration and say what is wrong with it
    Check {
        /// keepalived configuration file
        #[arg(short = 'f', long = "file", value_name = "FILE", default_value = CONFIG)]
        file: PathBuf,
        /// Ask the running node what a reload with this file would change
        #[arg(long)]
        diff: bool,
        /// Name of that node, if several run on one machine
        #[arg(long, value_name = "NAME", default_value_t, requires = "diff")]
        instance: InstanceName,
    },
    /// Have a running node read its file again, and wait until it has done what that says
    Reload {
        #[command(flatten)]
        instance: Instance,
    },
    /// Show what a running node is doing
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        instance: Instance,
    },
    /// Remove what a node left behind that did not stop cleanly
    Cleanup {
        /// Take a node out of service even if its process still exists
        #[arg(long)]
        fence: bool,
        #[command(flatten)]
        instance: Instance,
    },
}

/// Which node of several on one machine.
#[derive(Debug, Args)]
pub(crate) struct Instance {
    /// Name of this node, if several run on one machine
    #[arg(long = "instance", value_name = "NAME", default_value_t)]
    pub(crate) name: InstanceName,
}

/// `xvrrp run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// keepalived configuration file
    #[arg(short = 'f', long = "file", value_name = "FILE", default_value = CONFIG)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) instance: Instance,
    /// Do not ask for real-time scheduling and locked memory
    #[arg(long)]
    pub(crate) no_realtime: bool,
    /// What judges received frames: XDP in the driver where its answers are sure to arrive and tc
    /// elsewhere (auto), XDP in the driver even so (native), or tc
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub(crate) xdp_mode: XdpMode,
    /// Log more: decisions (-v), everything (-vv)
    #[arg(short = 'v', action = ArgAction::Count)]
    pub(crate) verbosity: u8,
    // Last: its heading goes for everything that follows.
    #[command(flatten)]
    pub(crate) quick: Quick,
}

/// `--xdp-mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum XdpMode {
    #[default]
    Auto,
    Native,
    Tc,
}

impl From<XdpMode> for Choice {
    fn from(mode: XdpMode) -> Self {
        match mode {
            XdpMode::Auto => Self::Auto,
            XdpMode::Native => Self::Native,
            XdpMode::Tc => Self::Tc,
        }
    }
}

/// One virtual router without a configuration file: `--interface`, `--vrid` and `--vip` together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without a configuration file")]
pub(crate) struct Quick {
    /// Interface of the virtual router
    #[arg(
        short = 'i',
        long,
        value_name = "IF",
        requires_all = ["vrid", "vips"],
        conflicts_with = "file"
    )]
    interface: Option<String>,
    /// Virtual router ID, 1-255
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..), requires = "interface")]
    vrid: Option<u8>,
    /// Priority, 1-255 [default: 100]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..), requires = "interface")]
    priority: Option<u8>,
    /// Virtual IP, repeatable
    #[arg(long = "vip", value_name = "ADDRESS[/LEN]", requires = "interface")]
    vips: Vec<String>,
    /// Advertisement interval: whole seconds (VRRPv2) or 10ms to 40.95s (VRRPv3) [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = config::duration, requires = "interface")]
    advert_int: Option<Duration>,
}

impl Quick {
    /// The virtual router, if one was given.
    pub(crate) fn router(&self) -> Option<config::Quick> {
        Some(config::Quick {
            interface: self.interface.clone()?,
            vrid: self.vrid?,
            priority: self.priority.unwrap_or(100),
            vips: self.vips.clone(),
            advert_int: self.advert_int.unwrap_or(Duration::from_secs(1)),
            version: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    fn run(line: &str) -> Run {
        match parse(line).unwrap().command {
            Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn keepalived_file_is_the_default() {
        let run = run("xvrrp run");
        assert_eq!(run.file, PathBuf::from(CONFIG));
        assert!(run.quick.router().is_none());
        assert_eq!(run.xdp_mode, XdpMode::Auto);
        assert_eq!(run.instance.name, InstanceName::default());
    }

    #[test]
    fn flags_describe_a_router() {
        let run = run(
            "xvrrp run --interface ens33 --vrid 51 --priority 100 --vip 192.168.1.254/24 \
             --advert-int 10ms",
        );
        let quick = run.quick.router().unwrap();
        assert_eq!(quick.interface, "ens33");
        assert_eq!((quick.vrid, quick.priority), (51, 100));
        assert_eq!(quick.advert_int, Duration::from_millis(10));
        assert_eq!(quick.vips, ["192.168.1.254/24"]);
    }

    #[test]
    fn a_file_can_be_held_against_a_running_node() {
        let line = "xvrrp check -f x --diff --instance blue";
        let Command::Check {
            file,
            diff,
            instance,
        } = parse(line).unwrap().command
        else {
            panic!("{line}");
        };
        assert_eq!((file, diff, instance.as_str()), ("x".into(), true, "blue"));
        assert!(parse("xvrrp check").is_ok());
    }

    #[test]
    fn usage_errors_exit_with_2() {
        for line in [
            "xvrrp",
            "xvrrp run --vrid 0 --interface a --vip 1.2.3.4",
            "xvrrp run --vrid 256 --interface a --vip 1.2.3.4",
            "xvrrp run --interface a",
            "xvrrp run --interface a --vrid 5",
            "xvrrp run --vrid 5 --vip 1.2.3.4",
            "xvrrp run --priority 5",
            "xvrrp run -f x --interface a --vrid 1 --vip 1.2.3.4",
            "xvrrp run --instance ../x",
            "xvrrp run --xdp-mode generic",
            "xvrrp cleanup --instance .",
            "xvrrp check --instance x",
            "xvrrp reload -f x",
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
