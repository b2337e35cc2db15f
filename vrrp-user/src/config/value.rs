//! Parameters of a statement: numbers, times, yes and no, names.

use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

use super::{
    ast::Statement,
    diag::{Diagnostics, Place},
    keywords,
};

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time: write seconds as `1` or `0.5`, or a unit as in `10ms` or `1s`")]
pub struct DurationError {
    text: String,
}

/// Reads a time of the command line: seconds as in keepalived (`1`, `0.5`), or with a unit (`10ms`, `1s`, `500us`).
///
/// # Errors
/// When it is not a decimal number with one of these units, finer than a nanosecond or longer than
/// `u64` nanoseconds.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    let units = [("ms", 6), ("us", 3), ("µs", 3), ("s", 9), ("", 9)];
    units
        .iter()
        .find_map(|(unit, digits)| Some((text.strip_suffix(unit)?, *digits)))
        .and_then(|(number, digits)| decimal(number, digits))
        .map(Duration::from_nanos)
        .ok_or_else(|| DurationError {
            text: text.to_owned(),
        })
}

/// A plain decimal number times 10^`digits`, exactly.
fn decimal(number: &str, digits: usize) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if number.trim_matches('.').is_empty()
        || !all_digits(whole)
        || !all_digits(fraction)
        || fraction.len() > digits
    {
        return None;
    }
    format!("{whole}{fraction:0<digits$}").parse().ok()
}

/// The only parameter of a statement.
pub(super) fn one<'s>(statement: &'s Statement, report: &mut Diagnostics) -> Option<&'s str> {
    let keyword = statement.keyword();
    let Some((first, more)) = statement.params().split_first() else {
        report.error(&statement.place, format!("`{keyword}` needs a parameter"));
        return None;
    };
    let swallowed = more
        .iter()
        .find(|word| !word.quoted && keywords::is_statement(&word.text));
    if let Some(word) = swallowed {
        report.error_help(
            &statement.place,
            format!(
                "`{}` stands on the line of `{keyword}`, where keepalived ignores it",
                word.text
            ),
            "give it a line of its own",
        );
    } else if let Some(word) = more.first() {
        report.warn(
            &statement.place,
            format!(
                "`{keyword}` takes one parameter, `{}` and what follows is ignored",
                word.text
            ),
        );
    }
    refuse_block(statement, report);
    Some(&first.text)
}

/// Reports a block where none belongs.
pub(super) fn refuse_block(statement: &Statement, report: &mut Diagnostics) {
    if statement.block.is_some() {
        report.error(
            &statement.place,
            format!("`{}` takes no block", statement.keyword()),
        );
    }
}

/// A number without its `+`, which keepalived takes.
fn unsigned(text: &str) -> &str {
    text.strip_prefix('+').unwrap_or(text)
}

/// A whole number in a range.
pub(super) fn number<T>(
    statement: &Statement,
    range: RangeInclusive<T>,
    report: &mut Diagnostics,
) -> Option<T>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let text = one(statement, report)?;
    let digits = unsigned(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = if is_number { digits.parse().ok() } else { None };
    let value = value.filter(|value| range.contains(value));
    if value.is_none() {
        report.error(
            &statement.place,
            format!(
                "`{} {text}`: not a number from {} to {}",
                statement.keyword(),
                range.start(),
                range.end()
            ),
        );
    }
    value
}

/// A time in seconds, fraction allowed.
pub(super) fn seconds(
    statement: &Statement,
    range: RangeInclusive<Duration>,
    report: &mut Diagnostics,
) -> Option<Duration> {
    let text = one(statement, report)?;
    let value = decimal(unsigned(text), 9)
        .map(Duration::from_nanos)
        .filter(|value| range.contains(value));
    if value.is_none() {
        report.error(
            &statement.place,
            format!(
                "`{} {text}`: not a number of seconds from {} to {}",
                statement.keyword(),
                range.start().as_secs_f64(),
                range.end().as_secs_f64()
            ),
        );
    }
    value
}

/// A switch: on without a parameter.
pub(super) fn flag(statement: &Statement, report: &mut Diagnostics) -> Option<bool> {
    if statement.params().is_empty() {
        refuse_block(statement, report);
        return Some(true);
    }
    match one(statement, report)? {
        "true" | "on" | "yes" => Some(true),
        "false" | "off" | "no" => Some(false),
        other => {
            report.error(
                &statement.place,
                format!(
                    "`{} {other}`: neither on, true, yes nor off, false, no",
                    statement.keyword()
                ),
            );
            None
        }
    }
}

/// Takes a value over if there is one: what was there before outlives a bad one.
pub(super) fn keep<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Whether the parameter is zero.
pub(super) fn is_zero(statement: &Statement) -> bool {
    let text = statement.params().first().map(|word| word.text.as_str());
    text.and_then(|text| text.parse::<f64>().ok())
        .is_some_and(|value| value == 0.0)
}

/// Whether the parameter is one of these addresses, however it is written.
pub(super) fn is_one_of(statement: &Statement, addresses: &[&str]) -> bool {
    let given = statement.params().first();
    let given = given.and_then(|word| word.text.parse::<IpAddr>().ok());
    given.is_some_and(|given| addresses.iter().any(|address| address.parse() == Ok(given)))
}

/// A name the kernel would take for an interface.
pub(super) fn interface(
    keyword: &str,
    name: &str,
    place: &Place,
    report: &mut Diagnostics,
) -> Option<String> {
    let invalid = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > 15 || name == "." || name == ".." || name.contains(invalid) {
        report.error_help(
            place,
            format!("`{keyword} {name}`: not the name of an interface"),
            "`ip link` shows their names",
        );
        return None;
    }
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let cases = [
            ("10ms", Some(10_000_000)),
            ("1s", Some(1_000_000_000)),
            ("1", Some(1_000_000_000)),
            ("0.5", Some(500_000_000)),
            (".5", Some(500_000_000)),
            ("2.", Some(2_000_000_000)),
            ("0.01000", Some(10_000_000)),
            ("1.5ms", Some(1_500_000)),
            ("250us", Some(250_000)),
            ("0", Some(0)),
            ("18446744073", Some(18_446_744_073_000_000_000)),
            ("18446744074", None),
            ("", None),
            (".", None),
            ("ms", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.2.3", None),
            ("1 s", None),
            ("0.0000000001", None),
            ("١", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(
                duration(text).ok(),
                nanos.map(Duration::from_nanos),
                "{text}"
            );
        }
    }
}
