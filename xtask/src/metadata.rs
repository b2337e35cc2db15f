//! What cargo knows of the workspace and of the machine.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process;

/// A `[[test]]` target of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) package: String,
    pub(crate) name: String,
}

/// The suites of the workspace, in cargo's order.
///
/// # Errors
/// When cargo cannot read the manifests.
pub(crate) fn suites() -> Result<Vec<Suite>> {
    let mut cargo = process::host_cargo();
    cargo.args(["metadata", "--no-deps", "--locked", "--format-version", "1"]);
    let text = process::output(&mut cargo)?;
    suites_in(&text).context("cargo metadata has another form than expected")
}

/// The target that cargo builds for on this machine.
///
/// # Errors
/// When cargo cannot be asked.
pub(crate) fn host_triple() -> Result<String> {
    let told = process::output(process::host_cargo().arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("cargo -vV names no host")?.to_owned())
}

fn suites_in(metadata: &str) -> Option<Vec<Suite>> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let mut suites = Vec::new();
    for package in metadata.get("packages")?.as_array()? {
        for target in package.get("targets")?.as_array()? {
            if target
                .get("kind")?
                .as_array()?
                .iter()
                .any(|kind| kind == "test")
            {
                suites.push(Suite {
                    package: package.get("name")?.as_str()?.to_owned(),
                    name: target.get("name")?.as_str()?.to_owned(),
                });
            }
        }
    }
    Some(suites)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_targets_are_suites() {
        let metadata = r#"{"packages":[{"name":"vrrp-tests","targets":[
            {"name":"vrrp_tests","kind":["lib"]},{"name":"lab","kind":["test"]}]}]}"#;
        let lab = Suite {
            package: "vrrp-tests".to_owned(),
            name: "lab".to_owned(),
        };
        assert_eq!(suites_in(metadata), Some(vec![lab]));
        assert_eq!(suites_in("{}"), None);
    }
}
