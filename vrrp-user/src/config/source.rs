//! Bytes to lines: line ends, comments, encoding, and what keepalived does before it splits words.

use std::{borrow::Cow, sync::Arc};

use super::{
    ast::{Flaw, FlawKind},
    diag::{Diagnostics, Place},
    lex::is_blank,
    macros::Macros,
    marks,
};

/// keepalived 2.4.3 ignores longer lines, and takes what follows in them for a line of its own. We
/// refuse them.
const MAX_LINE: usize = 1022;

/// A line that says something: no comment, no surrounding blanks, variables replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) text: String,
    /// Each character stands for one byte of a file that is not UTF-8.
    pub(super) latin_1: bool,
    pub(super) flaws: Vec<Flaw>,
}

/// The lines of `text` that are not empty.
pub(super) fn lines(file: &str, text: &[u8], report: &mut Diagnostics) -> Vec<Line> {
    let file: Arc<str> = Arc::from(file);
    let first = Place {
        file: Arc::clone(&file),
        line: 1,
    };
    if let Some(encoding) = utf_16(text) {
        report.error_help(
            &first,
            "the file is in UTF-16, which neither keepalived nor xvrrp reads",
            format!("convert it: iconv -f {encoding} -t UTF-8 {file} > NEW_FILE"),
        );
        return Vec::new();
    }
    let text = without_bom(text, &first, report);
    let (text, latin_1) = decode(text);
    let mut macros = Macros::default();
    let mut conflict = false;
    let mut lines = Vec::new();
    for (index, text) in text.split('\n').enumerate() {
        let place = Place {
            file: Arc::clone(&file),
            line: index + 1,
        };
        if marks::of_a_merge(text, &mut conflict, &place, report) {
            continue;
        }
        let bytes = if latin_1 {
            text.chars().count()
        } else {
            text.len()
        };
        let Some(line) = clean(text, bytes, place, report) else {
            continue;
        };
        let line = Line { latin_1, ..line };
        lines.extend(macros.take(line, report));
    }
    lines
}

/// What iconv calls the encoding of a file in UTF-16. Without a byte order mark it shows by the NUL byte in each of the
/// first two characters.
fn utf_16(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [1..=255, 0, 1..=255, 0, ..] => Some("UTF-16LE"),
        [0, 1..=255, 0, 1..=255, ..] => Some("UTF-16BE"),
        _ => None,
    }
}

fn without_bom<'a>(bytes: &'a [u8], place: &Place, report: &mut Diagnostics) -> &'a [u8] {
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

/// The text, and whether it has a character for each byte, because it is not UTF-8: keepalived looks at
/// bytes only, and a password may have any.
fn decode(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (bytes.iter().copied().map(char::from).collect(), true),
    }
}

/// The line without comment and surrounding blanks; `None` if nothing is left of it.
fn clean(text: &str, bytes: usize, place: Place, report: &mut Diagnostics) -> Option<Line> {
    if text
        .trim_ascii_start()
        .chars()
        .next()
        .is_none_or(is_comment)
    {
        return None;
    }
    if text.contains('\0') {
        report.error(
            &place,
            "the line has a NUL byte in it, keepalived ignores such lines",
        );
        return None;
    }
    if bytes > MAX_LINE {
        report.error_help(
            &place,
            format!(
                "the line is longer than {MAX_LINE} bytes, keepalived ignores so much of it and takes the rest for \
                 another line"
            ),
            "split it",
        );
        return None;
    }
    let cut = without_comment(text.trim_end_matches('\r'));
    let text = cut.text.trim_matches(is_blank).to_owned();
    if text.is_empty() {
        return None;
    }
    let mut flaws = Vec::new();
    if cut.in_quotes {
        flaws.push(open_quote());
    }
    if cut.escaped {
        flaws.push(Flaw {
            kind: FlawKind::Value,
            message: "outside of double quotes `\\#` and `\\!` do not last: keepalived reads the line twice, \
                      and a comment starts there the second time"
                .to_owned(),
            help: "put the word in double quotes, without the backslash",
        });
    }
    if cut.glued && text.starts_with("auth_pass") {
        flaws.push(Flaw {
            kind: FlawKind::Odd,
            message: "the password ends where a `#` or `!` starts a comment".to_owned(),
            help: "put it in double quotes if these belong to it, on every router",
        });
    }
    Some(Line {
        place,
        text,
        latin_1: false,
        flaws,
    })
}

pub(super) fn open_quote() -> Flaw {
    Flaw {
        kind: FlawKind::Value,
        message: "a double quote is opened and not closed on this line".to_owned(),
        help: "close it",
    }
}

/// A line without its comment.
pub(super) struct Cut {
    pub(super) text: String,
    /// A double quote was left open.
    pub(super) in_quotes: bool,
    /// A backslash took the meaning of `#` or `!` away, and went.
    escaped: bool,
    /// The comment starts in the middle of a word.
    glued: bool,
}

/// Cuts the comment off.
///
/// Single quotes do not protect `#` and `!`, and these start a comment in the middle of a word too.
/// A backslash before them takes their meaning away and goes.
pub(super) fn without_comment(text: &str) -> Cut {
    let mut cut = Cut {
        text: String::with_capacity(text.len()),
        in_quotes: false,
        escaped: false,
        glued: false,
    };
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(next) if is_comment(next) && !cut.in_quotes => {
                    cut.text.push(next);
                    cut.escaped = true;
                }
                Some(next) => cut.text.extend([c, next]),
                None => cut.text.push(c),
            },
            '"' => {
                cut.in_quotes = !cut.in_quotes;
                cut.text.push(c);
            }
            _ if is_comment(c) && !cut.in_quotes => {
                cut.glued = !cut.text.ends_with(is_blank);
                break;
            }
            _ => cut.text.push(c),
        }
    }
    cut
}

fn is_comment(c: char) -> bool {
    matches!(c, '#' | '!')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> (Vec<Line>, Vec<String>) {
        let mut report = Diagnostics::default();
        let lines = lines("k.conf", text, &mut report);
        let found = report.finish().iter().map(ToString::to_string).collect();
        (lines, found)
    }

    fn texts(text: &[u8]) -> Vec<(usize, String)> {
        let (lines, found) = read(text);
        assert_eq!(found, [""; 0]);
        for line in &lines {
            assert_eq!(line.flaws, [], "{}", text.escape_ascii());
        }
        lines
            .into_iter()
            .map(|line| (line.place.line, line.text))
            .collect()
    }

    fn error(text: &[u8]) -> String {
        let (lines, found) = read(text);
        assert_eq!((lines.len(), found.len()), (0, 1), "{found:?}");
        found[0].clone()
    }

    fn flaw(text: &[u8]) -> Flaw {
        let (lines, found) = read(text);
        assert_eq!((lines.len(), found.len()), (1, 0), "{found:?}");
        assert_eq!(lines[0].flaws.len(), 1, "{}", text.escape_ascii());
        lines[0].flaws[0].clone()
    }

    #[test]
    fn comments_end_a_line_anywhere_outside_double_quotes() {
        let cases: [(&[u8], &str); 9] = [
            (b"state MASTER # here", "state MASTER"),
            (b"priority 51!glued", "priority 51"),
            (b"auth_pass \"a#b!c\" # x", "auth_pass \"a#b!c\""),
            (b"notify_stop 'a#b'", "notify_stop 'a"),
            (b"auth_pass \"a\\#b\"", "auth_pass \"a\\#b\""),
            (b"auth_pass a\\b\\c", "auth_pass a\\b\\c"),
            (b"notify \"x \\\" # y\" # z", "notify \"x \\\" # y\""),
            (b"state BACKUP # \xff\xfe latin", "state BACKUP"),
            (b"state BACKUP # at the end \\", "state BACKUP"),
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
    fn what_keepalived_reads_in_another_way_is_flawed() {
        let cases: [(&[u8], &str); 7] = [
            (b"auth_pass a\\#b", "a comment starts there the second time"),
            (b"auth_pass a\\!b", "a comment starts there the second time"),
            (b"advert_int 2 \\", "glues it to the last word"),
            (b"advert_int 2 \\\r", "glues it to the last word"),
            (
                b"interface eth0\\ # and a comment",
                "glues it to the last word",
            ),
            (b"notify \"x", "a double quote is opened and not closed"),
            (
                b"auth_pass long!pass",
                "ends where a `#` or `!` starts a comment",
            ),
        ];
        for (text, expected) in cases {
            let flaw = flaw(text);
            let odd = text.starts_with(b"auth_pass long");
            assert_eq!(flaw.kind == FlawKind::Odd, odd);
            assert!(flaw.message.contains(expected), "{flaw:?}");
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
        let long = [b'x'; 1023];
        assert!(error(&long).contains("longer than 1022 bytes"));
        assert_eq!(texts(&long[1..]).len(), 1);
        // A carriage return counts.
        assert!(error(&[&long[1..], b"\r"].concat()).contains("longer than 1022 bytes"));
        // Bytes, not characters, in either encoding.
        let umlauts = "ä".repeat(511);
        assert_eq!(texts(umlauts.as_bytes()).len(), 1);
        assert!(error(format!("{umlauts}x").as_bytes()).contains("longer"));
        assert_eq!(texts(&[0xe4; 1022]).len(), 1);
        assert!(error(b"state\0 BACKUP").contains("NUL"));
        assert_eq!(texts(&[b"#".as_slice(), &long].concat()), []);
        assert_eq!(texts(b" ! \0"), []);
    }

    #[test]
    fn a_line_that_is_not_utf_8_has_a_character_for_each_byte() {
        let (lines, found) = read(b"auth_pass \xa3x\n");
        assert_eq!(found, [""; 0]);
        assert_eq!(
            (lines[0].text.as_str(), lines[0].latin_1),
            ("auth_pass £x", true)
        );
        let (lines, _) = read("auth_pass £x\n".as_bytes());
        assert_eq!(
            (lines[0].text.as_str(), lines[0].latin_1),
            ("auth_pass £x", false)
        );
    }

    #[test]
    fn a_file_in_utf_16_is_one_error_that_says_so() {
        let text = "! head\nglobal_defs {\n}\nvrrp_instance VI_1 {\n}\n";
        let big = Vec::from_iter(text.encode_utf16().flat_map(u16::to_be_bytes));
        let little = Vec::from_iter(text.encode_utf16().flat_map(u16::to_le_bytes));
        for (bytes, encoding) in [
            ([b"\xfe\xff", &big[..]].concat(), "UTF-16"),
            ([b"\xff\xfe", &little[..]].concat(), "UTF-16"),
            (big, "UTF-16BE"),
            (little, "UTF-16LE"),
        ] {
            assert_eq!(
                error(&bytes),
                format!(
                    "k.conf:1: error: the file is in UTF-16, which neither keepalived nor xvrrp reads; convert it: \
                     iconv -f {encoding} -t UTF-8 k.conf > NEW_FILE"
                )
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_with_a_warning() {
        let mut report = Diagnostics::default();
        let lines = lines("k.conf", b"\xef\xbb\xbfglobal_defs {", &mut report);
        assert_eq!(lines[0].text, "global_defs {");
        assert!(!report.failed());
        assert_eq!(report.finish().len(), 1);
    }
}
