//! Bytes to lines: line ends, comments, encoding, and what keepalived does before it splits words.

use std::sync::Arc;

use super::{
    diag::{Place, Report},
    macros::Macros,
};

/// keepalived ignores longer lines; we refuse them, because an ignored line may be a virtual IP.
const MAX_LINE: usize = 1024;

/// keepalived's `include` and its variants, which differ in what is fatal.
const INCLUDES: [&str; 6] = [
    "include", "includer", "includem", "includew", "includeb", "includea",
];

/// A line that says something: no comment, no surrounding blanks, variables replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) text: String,
}

/// The lines of `text` that are not empty.
pub(super) fn lines(file: &str, text: &[u8], report: &mut Report) -> Vec<Line> {
    let file: Arc<str> = Arc::from(file);
    let mut macros = Macros::default();
    let mut lines = Vec::new();
    for (index, bytes) in text.split(|&byte| byte == b'\n').enumerate() {
        let place = Place {
            file: Arc::clone(&file),
            line: index + 1,
        };
        let bytes = if index == 0 {
            without_bom(bytes, &place, report)
        } else {
            bytes
        };
        let Some(text) = clean(bytes, &place, report) else {
            continue;
        };
        if refuse_directive(&text, &place, report) {
            continue;
        }
        if let Some(text) = macros.take(text, &place, report) {
            lines.push(Line { place, text });
        }
    }
    lines
}

fn without_bom<'a>(bytes: &'a [u8], place: &Place, report: &mut Report) -> &'a [u8] {
    let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") else {
        return bytes;
    };
    report.warn_help(
        place,
        "the file starts with a byte order mark, which keepalived takes for a part of the first keyword",
        "save it as UTF-8 without a byte order mark",
    );
    rest
}

/// The line without comment and surrounding blanks; `None` if nothing is left of it.
fn clean(bytes: &[u8], place: &Place, report: &mut Report) -> Option<String> {
    if bytes
        .trim_ascii_start()
        .first()
        .is_none_or(|&byte| is_comment(byte))
    {
        return None;
    }
    if bytes.contains(&0) {
        report.error(
            place,
            "the line has a NUL byte in it, keepalived ignores such lines",
        );
        return None;
    }
    if bytes.len() > MAX_LINE {
        report.error_help(
            place,
            format!("the line is longer than {MAX_LINE} bytes, keepalived ignores such lines"),
            "split it",
        );
        return None;
    }
    let (kept, in_quotes) = without_comment(bytes);
    if in_quotes {
        report.error(
            place,
            "a double quote is opened and not closed on this line",
        );
        return None;
    }
    match String::from_utf8(kept) {
        Ok(text) if text.trim().is_empty() => None,
        Ok(text) => Some(text.trim().to_owned()),
        Err(_) => {
            report.error(place, "the line is not UTF-8 outside of its comment");
            None
        }
    }
}

/// Cuts the comment off, and says whether a double quote was left open.
///
/// Single quotes do not protect `#` and `!`, and these start a comment in the middle of a word too.
/// A backslash before them takes their meaning away and goes.
fn without_comment(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut in_quotes = false;
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => match rest.next() {
                Some(next) if is_comment(next) && !in_quotes => kept.push(next),
                Some(next) => kept.extend([byte, next]),
                None => kept.push(byte),
            },
            b'"' => {
                in_quotes = !in_quotes;
                kept.push(byte);
            }
            _ if is_comment(byte) && !in_quotes => break,
            _ => kept.push(byte),
        }
    }
    (kept, in_quotes)
}

fn is_comment(byte: u8) -> bool {
    matches!(byte, b'#' | b'!')
}

/// Reports what would bring in or take out lines in a way we do not follow.
fn refuse_directive(text: &str, place: &Place, report: &mut Report) -> bool {
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    if INCLUDES.contains(&first) {
        report.error_help(
            place,
            format!("`{first}` is not supported yet, instances in that file would be missing"),
            "put its text into this file",
        );
        return true;
    }
    if text.starts_with('@') {
        report.error_help(
            place,
            "lines for one configuration id (`@ID …`) are not supported yet",
            "write one file per machine",
        );
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &[u8]) -> Vec<(usize, String)> {
        let mut report = Report::default();
        let lines = lines("k.conf", text, &mut report);
        assert_eq!(report.finish(), vec![]);
        lines
            .into_iter()
            .map(|line| (line.place.line, line.text))
            .collect()
    }

    fn error(text: &[u8]) -> String {
        let mut report = Report::default();
        assert_eq!(lines("k.conf", text, &mut report), vec![]);
        let found = report.finish();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].to_string()
    }

    #[test]
    fn comments_end_a_line_anywhere_outside_double_quotes() {
        let cases: [(&[u8], &str); 9] = [
            (b"state MASTER # here", "state MASTER"),
            (b"priority 51!glued", "priority 51"),
            (b"auth_pass \"a#b!c\" # x", "auth_pass \"a#b!c\""),
            (b"auth_pass 'a#b'", "auth_pass 'a"),
            (b"auth_pass \"a\\#b\"", "auth_pass \"a\\#b\""),
            (b"auth_pass a\\#b\\!c", "auth_pass a#b!c"),
            (b"notify \"x \\\" # y\" # z", "notify \"x \\\" # y\""),
            (b"interface eth0\\", "interface eth0\\"),
            (b"state BACKUP # \xff\xfe latin", "state BACKUP"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                texts(text),
                [(1, expected.to_owned())],
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn line_numbers_are_the_same_with_either_line_end() {
        let unix = b"! head\n\nglobal_defs {\n  # c\n}\n";
        let dos = b"! head\r\n\r\nglobal_defs {\r\n  # c\r\n}\r\n";
        assert_eq!(
            texts(unix),
            [(3, "global_defs {".to_owned()), (5, "}".to_owned())]
        );
        assert_eq!(texts(dos), texts(unix));
    }

    #[test]
    fn a_long_or_binary_line_is_ignored_only_as_a_comment() {
        let long = [b'x'; MAX_LINE + 1];
        assert!(error(&long).contains("longer than 1024 bytes"));
        assert!(error(b"state\0 BACKUP").contains("NUL"));
        assert!(error(b"state \xff").contains("not UTF-8"));
        assert_eq!(texts(&[b"#".as_slice(), &long].concat()), []);
        assert_eq!(texts(b" ! \0"), []);
    }

    #[test]
    fn what_would_change_the_lines_is_refused() {
        assert_eq!(
            error(b"\ninclude conf.d/*.conf"),
            "k.conf:2: error: `include` is not supported yet, instances in that file would be missing; \
             put its text into this file"
        );
        assert!(
            error(b"@node1 priority 100")
                .starts_with("k.conf:1: error: lines for one configuration id")
        );
        assert_eq!(
            error(b"notify \"x"),
            "k.conf:1: error: a double quote is opened and not closed on this line"
        );
    }

    #[test]
    fn a_byte_order_mark_is_skipped_with_a_warning() {
        let mut report = Report::default();
        let lines = lines("k.conf", b"\xef\xbb\xbfglobal_defs {", &mut report);
        assert_eq!(lines[0].text, "global_defs {");
        assert!(!report.failed());
        assert_eq!(report.finish().len(), 1);
    }
}
