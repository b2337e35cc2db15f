//! Everything a node could leave behind, as text that can be compared: "leaves nothing" is two equal
//! dumps.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    lab::Host,
    netns::{self, Netns},
    node::{PINS, RUN},
    run,
};

/// The state of a host's network, of the machine's BPF objects and of the folders nodes use.
///
/// BPF objects belong to the machine, not to a namespace: of those only XDP and tc programs and their
/// links count, by name. Other labs must not come and go between two dumps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    sections: BTreeMap<String, Vec<String>>,
}

impl Dump {
    /// Takes a dump of a router and of what the instance named `instance` may have left on the
    /// machine.
    ///
    /// # Errors
    /// If a tool is missing.
    pub fn take(host: &Host, instance: &str) -> Result<Self> {
        let mut dump = Self {
            sections: BTreeMap::new(),
        };
        dump.network(&host.netns, host.interface)?;
        dump.machine()?;
        dump.folders(instance);
        Ok(dump)
    }

    /// What is only in `self` (`-`) and only in `after` (`+`), by section; empty if they are equal.
    #[must_use]
    pub fn diff(&self, after: &Self) -> String {
        let names: BTreeSet<_> = self.sections.keys().chain(after.sections.keys()).collect();
        let mut text = String::new();
        for name in names {
            let lines = |dump: &Self| dump.sections.get(name).cloned().unwrap_or_default();
            let (before, after) = (lines(self), lines(after));
            if before == after {
                continue;
            }
            // Writing into a String cannot fail.
            writeln!(text, "{name}:").ok();
            for line in missing(&before, &after) {
                writeln!(text, "  - {line}").ok();
            }
            for line in missing(&after, &before) {
                writeln!(text, "  + {line}").ok();
            }
        }
        text
    }

    fn network(&mut self, netns: &Netns, interface: &str) -> Result<()> {
        let commands = [
            ("ip", "-d link show"),
            ("ip", "-d addr show"),
            ("ip", "-4 route show table all"),
            ("ip", "-6 route show table all"),
            ("ip", "neigh show nud permanent"),
            ("ip", "neigh show proxy"),
            ("ip", "-4 rule show"),
            ("ip", "-6 rule show"),
            ("ip", "maddr show"),
            ("bridge", "fdb show"),
        ];
        for (program, arguments) in commands {
            let text = netns.tool(program, arguments)?;
            self.add(&format!("{program} {arguments}"), &text);
        }
        for arguments in ["qdisc show".to_owned()]
            .into_iter()
            .chain(["ingress", "egress"].map(|side| format!("filter show dev {interface} {side}")))
        {
            let text = netns.tool("tc", &arguments)?;
            self.add(&format!("tc {arguments}"), &text);
        }
        // bpftool shows the namespace it runs in.
        let attached = run::run(netns.command("bpftool").args(["net", "show"]))?;
        self.add("bpftool net show", &attached);
        let sysctls = netns.run(|| Ok(tree(Path::new("/proc/sys/net"), true)))?;
        self.sections.insert("sysctl net".to_owned(), sysctls);
        Ok(())
    }

    fn machine(&mut self) -> Result<()> {
        let programs = bpf_names("prog", |object| {
            matches!(
                object.get("type").and_then(Value::as_str),
                Some("xdp" | "sched_cls" | "sched_act")
            )
        })?;
        self.sections.insert("bpftool prog".to_owned(), programs);
        let maps = bpf_names("map", |_| true)?;
        self.sections.insert("bpftool map".to_owned(), maps);
        let links = bpf_names("link", |object| {
            matches!(
                object.get("type").and_then(Value::as_str),
                Some("xdp" | "tcx")
            )
        })?;
        self.sections.insert("bpftool link".to_owned(), links);
        Ok(())
    }

    fn folders(&mut self, instance: &str) {
        for folder in [PINS, RUN] {
            let mut paths = tree(Path::new(folder), false);
            // Nodes of other labs come and go.
            paths.retain(|path| {
                let name = path.trim_start_matches(folder).trim_start_matches('/');
                let first = name.split('/').next().unwrap_or_default();
                first == instance || netns::creator(first).is_none()
            });
            self.sections.insert(folder.to_owned(), paths);
        }
    }

    fn add(&mut self, name: &str, text: &str) {
        let lines = text.lines().map(steady).collect();
        self.sections.insert(name.to_owned(), lines);
    }
}

/// A line without what changes by itself: remaining lifetimes.
fn steady(line: &str) -> String {
    let mut words = Vec::new();
    let mut hide = false;
    for word in line.split_whitespace() {
        let hidden = hide && word.starts_with(|c: char| c.is_ascii_digit());
        words.push(if hidden { "…" } else { word });
        hide = matches!(word, "valid_lft" | "preferred_lft" | "expires");
    }
    words.join(" ")
}

/// Lines of `some` that `others` lacks, counting repetitions.
fn missing<'a>(some: &'a [String], others: &[String]) -> Vec<&'a String> {
    let mut left = others.to_vec();
    some.iter()
        .filter(|line| {
            let twin = left.iter().position(|other| other == *line);
            twin.map(|index| left.swap_remove(index)).is_none()
        })
        .collect()
}

/// How many BPF objects of a kind there are, by type and name.
fn bpf_names(kind: &str, counts: impl Fn(&Value) -> bool) -> Result<Vec<String>> {
    let text = run::tool("bpftool", &format!("-j {kind} show"))?;
    let objects: Vec<Value> = match text.trim() {
        // That is how bpftool says "none".
        "" => Vec::new(),
        json => serde_json::from_str(json).with_context(|| format!("bpftool -j {kind} show"))?,
    };
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for object in objects.iter().filter(|object| counts(object)) {
        let word = |key| object.get(key).and_then(Value::as_str).unwrap_or("–");
        *names
            .entry(format!("{} {}", word("type"), word("name")))
            .or_default() += 1;
    }
    Ok(names
        .into_iter()
        .map(|(name, count)| format!("{count} × {name}"))
        .collect())
}

/// Every path below a folder in order, with the files' contents if wanted and readable.
fn tree(folder: &Path, contents: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What is absent or cannot be listed is empty, before and after.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let mut line = path.display().to_string();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if contents {
                // Some can only be written.
                let value = fs::read_to_string(&path).unwrap_or_default();
                line = format!("{line} = {}", value.trim());
            }
            lines.push(line);
        }
    }
    lines.sort();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(lines: &[&str]) -> Dump {
        let mut dump = Dump {
            sections: BTreeMap::new(),
        };
        dump.add("ip addr", &lines.join("\n"));
        dump
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = dump(&["inet 192.168.1.1/24", "inet 10.0.0.1/8"]);
        let after = dump(&["inet 192.168.1.1/24", "inet 192.168.1.254/32"]);
        assert_eq!(
            before.diff(&after),
            "ip addr:\n  - inet 10.0.0.1/8\n  + inet 192.168.1.254/32\n"
        );
        assert_eq!(before.diff(&before), "");
    }

    #[test]
    fn repetitions_count() {
        let text = dump(&["one"]).diff(&dump(&["one", "one"]));
        assert_eq!(text, "ip addr:\n  + one\n");
    }

    #[test]
    fn lifetimes_do_not() {
        assert_eq!(
            steady("  valid_lft 86393sec preferred_lft forever"),
            "valid_lft … preferred_lft forever"
        );
    }
}
