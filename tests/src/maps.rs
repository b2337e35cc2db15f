//! The BPF maps that a process has open, found by their names.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::run;

/// The numbers of its maps, by name.
///
/// # Errors
/// If there is no such process, or bpftool fails.
pub fn of_process(pid: u32) -> Result<BTreeMap<String, u32>> {
    let folder = format!("/proc/{pid}/fdinfo");
    let mut maps = BTreeMap::new();
    for info in fs::read_dir(&folder).with_context(|| folder.clone())? {
        // A descriptor may be closed meanwhile.
        let text = fs::read_to_string(info?.path()).unwrap_or_default();
        let mut lines = text.lines();
        let Some(id) = lines.find_map(|line| line.strip_prefix("map_id:")) else {
            continue;
        };
        let id = id.trim().parse()?;
        let map: Value =
            serde_json::from_str(&run::tool("bpftool", &format!("-j map show id {id}"))?)?;
        let name = map.get("name").and_then(Value::as_str).unwrap_or_default();
        maps.insert(name.to_owned(), id);
    }
    Ok(maps)
}

/// What is in a map: its entries, sorted, without what is all zero.
///
/// # Errors
/// If bpftool fails.
pub fn entries(id: u32) -> Result<Vec<String>> {
    let dump = run::tool("bpftool", &format!("-j map dump id {id}"))?;
    let entries: Vec<Value> = serde_json::from_str(&dump).context("bpftool map dump")?;
    let mut lines: Vec<_> = entries
        .iter()
        .filter(|entry| !is_zero(entry.get("value")))
        .map(|entry| format!("{} {}", told(entry.get("key")), told(entry.get("value"))))
        .collect();
    lines.sort();
    Ok(lines)
}

fn is_zero(value: Option<&Value>) -> bool {
    let bytes = value.and_then(Value::as_array);
    bytes.is_some_and(|bytes| bytes.iter().all(|byte| byte == "0x00"))
}

fn told(value: Option<&Value>) -> String {
    value.map(Value::to_string).unwrap_or_default()
}
