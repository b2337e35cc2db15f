//! The rules of the configuration as tables: text in, diagnostics and model out.

mod accept;
mod both_versions;
mod departures;
mod differences;
mod excluded;
mod global_defs;
mod hostile;
mod ignored;
mod instances;
mod ipv6;
mod mended;
mod public;
mod samples;
mod transport;
mod values;
mod vips;
mod virtual_mac;

use super::*;

/// The diagnostics of a text, one per line.
fn found(text: &str) -> Vec<String> {
    parse("k.conf", text.as_bytes())
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A whole instance in lines 1 to 6, `body` from line 7 on.
fn with(body: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  192.168.1.254\n }}\n{body}\n}}\n"
    )
}

/// The one instance of a text without errors.
fn instance(text: &str) -> Instance {
    let parsed = parse("k.conf", text.as_bytes());
    let mut instances = parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics))
        .instances;
    assert_eq!(instances.len(), 1);
    instances.remove(0)
}

/// Rows of (lines in the instance from line 7 on, the diagnostics).
fn check(rows: &[(&str, &[&str])]) {
    for (body, expected) in rows {
        let shown = found(&with(body));
        let shown: Vec<_> = shown
            .iter()
            .map(|line| line.trim_start_matches("k.conf:"))
            .collect();
        assert_eq!(shown, *expected, "{body}");
    }
}
