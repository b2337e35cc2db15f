//! Fills the page's places, `{{name}}`.

use anyhow::{Context as _, Result, ensure};

/// Puts every value into its place. Values are not searched for places themselves.
///
/// # Errors
/// If a place has no value, or a value no place.
pub(super) fn fill(template: &str, values: &[(&str, String)]) -> Result<String> {
    let mut filled = String::new();
    let mut used = vec![false; values.len()];
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").context("a place without its end")?;
        let index = values
            .iter()
            .position(|(known, _)| *known == name)
            .with_context(|| format!("nothing for the place {name:?}"))?;
        used[index] = true;
        filled += before;
        filled += &values[index].1;
        rest = after;
    }
    filled += rest;
    for ((name, _), used) in values.iter().zip(used) {
        ensure!(used, "no place for {name:?}");
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_gets_its_value_once() {
        let values = [("a", "{{b}}".to_owned()), ("b", "2".to_owned())];
        assert_eq!(fill("<{{a}}|{{b}}>", &values).unwrap(), "<{{b}}|2>");
    }

    #[test]
    fn places_and_values_must_match() {
        assert!(fill("{{a}}", &[]).is_err());
        assert!(fill("", &[("a", String::new())]).is_err());
        assert!(fill("{{a", &[("a", String::new())]).is_err());
    }
}
