//! The system's programs that the lab and its suites call.

use crate::process;

/// What a command of xtask needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The BPF toolchain.
    Build,
    /// Network namespaces and what looks into them.
    Lab,
    /// Other VRRP daemons, to be tested against and compared with, and an independent decoder.
    Peers,
    /// What searching by libFuzzer takes.
    Fuzz,
}

/// A program, and where Debian has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// Its name, or its path if it is in no folder of programs.
    program: &'static str,
    pub(crate) package: &'static str,
    /// What it is for.
    pub(crate) purpose: &'static str,
    need: Need,
}

impl Tool {
    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        let file = self.program.rsplit('/').next();
        file.unwrap_or(self.program)
    }

    /// Whether the program is installed.
    pub(crate) fn is_there(&self) -> bool {
        process::find(self.program).is_some()
    }
}

/// The tools behind `needs`.
pub(crate) fn wanted(needs: &[Need]) -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().filter(move |tool| needs.contains(&tool.need))
}

const TOOLS: [Tool; 14] = [
    Tool {
        program: "ip",
        package: "iproute2",
        purpose: "namespaces and links",
        need: Need::Lab,
    },
    Tool {
        program: "tc",
        package: "iproute2",
        purpose: "qdiscs, losses, delays",
        need: Need::Lab,
    },
    Tool {
        program: "bpftool",
        package: "bpftool",
        purpose: "programs and maps",
        need: Need::Lab,
    },
    Tool {
        program: "ethtool",
        package: "ethtool",
        purpose: "offloads",
        need: Need::Lab,
    },
    Tool {
        program: "ping",
        package: "iputils-ping",
        purpose: "a client",
        need: Need::Lab,
    },
    Tool {
        program: "arping",
        package: "iputils-arping",
        purpose: "ARP requests",
        need: Need::Lab,
    },
    Tool {
        program: "curl",
        package: "curl",
        purpose: "a browsing client",
        need: Need::Lab,
    },
    Tool {
        program: "tcpdump",
        package: "tcpdump",
        purpose: "captures",
        need: Need::Lab,
    },
    Tool {
        program: "keepalived",
        package: "keepalived",
        purpose: "a peer",
        need: Need::Peers,
    },
    Tool {
        program: "/usr/lib/frr/vrrpd",
        package: "frr",
        purpose: "a peer",
        need: Need::Peers,
    },
    Tool {
        program: "nft",
        package: "nftables",
        purpose: "what keepalived's virtual MACs leave",
        need: Need::Peers,
    },
    Tool {
        program: "radvd",
        package: "radvd",
        purpose: "Router Advertisements, for the recipe of an IPv6 gateway",
        need: Need::Peers,
    },
    Tool {
        program: "tshark",
        package: "tshark",
        purpose: "another opinion of adverts",
        need: Need::Peers,
    },
    Tool {
        program: "c++",
        package: "g++",
        purpose: "compiles libFuzzer",
        need: Need::Fuzz,
    },
];
