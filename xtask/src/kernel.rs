//! What the running kernel lacks, found out before the suites fail over it.

use std::fs;

use anyhow::{Context as _, Result};

use crate::{process, toolchain::Version};

/// The oldest kernel the programs are written for.
const FLOOR: &str = "5.10";

/// Something a suite asks of the kernel.
struct Feature {
    name: &'static str,
    /// A shell line that succeeds, in a network namespace of its own, if the kernel has it.
    probe: &'static str,
    /// What cannot be tested without it.
    without: &'static str,
    required: bool,
}

const FEATURES: [Feature; 7] = [
    Feature {
        name: "network namespaces with veth links",
        probe: "ip link add probe0 type veth peer name probe1",
        without: "no lab can be built",
        required: true,
    },
    Feature {
        name: "bridges",
        probe: "ip link add probe0 type bridge",
        without: "the lab has no switch",
        required: true,
    },
    Feature {
        name: "BPF programs",
        probe: "bpftool prog list",
        without: "no program can be loaded",
        required: true,
    },
    Feature {
        name: "tc's clsact",
        probe: "ip link add probe0 type veth peer name probe1 && tc qdisc add dev probe0 clsact",
        without: "nothing is gated on the way out before Linux 6.6",
        required: true,
    },
    Feature {
        name: "the BPF file system",
        probe: "grep -q ' /sys/fs/bpf bpf ' /proc/mounts || mount -t bpf bpf /sys/fs/bpf",
        without: "programs and maps cannot be pinned",
        required: true,
    },
    Feature {
        name: "real-time scheduling",
        probe: "chrt --fifo 1 true",
        without: "latencies are those of an ordinary thread, and tests of them do not hold",
        required: false,
    },
    Feature {
        name: "VLAN devices",
        probe: "ip link add probe0 type veth peer name probe1 \
                && ip link add link probe0 name probe0.10 type vlan id 10",
        without: "tests on VLAN devices are skipped",
        required: false,
    },
];

/// What the kernel lacks.
#[derive(Debug, Default)]
pub(crate) struct Lacks {
    /// Without these no suite that needs root can run.
    pub(crate) required: Vec<String>,
    /// Without these some tests say less, or are skipped.
    pub(crate) optional: Vec<String>,
}

/// Asks the kernel, as root and in namespaces that end with the question.
///
/// # Errors
/// When root cannot be had.
pub(crate) fn lacks() -> Result<Lacks> {
    let mut lacks = Lacks::default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("no kernel release")?;
    if is_too_old(&release) {
        lacks.required.push(format!(
            "Linux {FLOOR} or newer (this is {})",
            release.trim()
        ));
    }
    for feature in &FEATURES {
        let mut probe = process::as_root("unshare")?;
        probe.args(["--net", "--mount", "sh", "-c", feature.probe]);
        if let Err(error) = process::output(&mut probe) {
            let reason = format!(
                "{}: {} ({})",
                feature.name,
                feature.without,
                last_line(&error)
            );
            let list = if feature.required {
                &mut lacks.required
            } else {
                &mut lacks.optional
            };
            list.push(reason);
        }
    }
    Ok(lacks)
}

fn is_too_old(release: &str) -> bool {
    match (Version::parse(release), Version::parse(FLOOR)) {
        (Some(release), Some(floor)) => !release.is_at_least(&floor),
        _ => false,
    }
}

/// What the probe itself complained of, which stands last in the message.
fn last_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let line = text.lines().next_back().unwrap_or_default();
    let told = line
        .rsplit_once("exit status: ")
        .and_then(|(_, status)| status.split_once(": "));
    told.map_or(line, |(_code, complaint)| complaint).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_compared_by_number() {
        assert!(is_too_old("5.9.16-generic"));
        assert!(!is_too_old("5.10.262"));
        assert!(!is_too_old("6.1.0-35-cloud-amd64\n"));
    }

    #[test]
    fn a_probes_own_complaint_is_the_reason() {
        let error =
            anyhow::anyhow!("`unshare` failed: exit status: 2: Error: Unknown device type.");
        assert_eq!(last_line(&error), "Error: Unknown device type.");
    }
}
