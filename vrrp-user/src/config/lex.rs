//! Lines to tokens.

use super::{ast::Word, source::Line};

/// A token, with where it stands in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, and the bytes it takes in the line, quotes included.
    Word {
        word: Word,
        start: usize,
        end: usize,
    },
    /// `{`
    Open,
    /// `}`
    Close,
}

/// The tokens of a line: words split at blanks, double quotes and braces.
pub(super) fn tokens(line: &Line) -> Vec<Token> {
    let text = line.text.as_str();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let start = at;
        at += c.len_utf8();
        match c {
            '{' => tokens.push(Token::Open),
            '}' => tokens.push(Token::Close),
            '"' => {
                let inner = at;
                // As in keepalived a backslash does not protect a quote here.
                let rest = text.get(inner..).unwrap_or_default();
                let length = rest.find('"').unwrap_or(rest.len());
                at = (inner + length + 1).min(text.len());
                let word = text.get(inner..inner + length);
                tokens.push(token(line, word, true, (start, at)));
            }
            _ if is_blank(c) => {}
            _ => {
                let rest = text.get(at..).unwrap_or_default();
                at += rest
                    .find(|c: char| is_blank(c) || matches!(c, '"' | '{' | '}'))
                    .unwrap_or(rest.len());
                tokens.push(token(line, text.get(start..at), false, (start, at)));
            }
        }
    }
    tokens
}

/// keepalived's blanks; a lone carriage return is one.
pub(super) fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

fn token(line: &Line, text: Option<&str>, quoted: bool, (start, end): (usize, usize)) -> Token {
    let (text, bytes) = decoded(text.unwrap_or_default(), line.latin_1);
    let word = Word {
        text,
        quoted,
        bytes,
    };
    Token::Word { word, start, end }
}

/// A piece of a line as text, and its bytes if these are not UTF-8. With `latin_1` each character of it
/// is a byte.
pub(super) fn decoded(piece: &str, latin_1: bool) -> (String, Option<Vec<u8>>) {
    if !latin_1 {
        return (piece.to_owned(), None);
    }
    let bytes = piece.chars().map(|c| u8::try_from(c).unwrap_or(b'?'));
    match String::from_utf8(bytes.collect()) {
        Ok(text) => (text, None),
        Err(error) => (piece.to_owned(), Some(error.into_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::diag::Place;
    use super::*;

    fn line(text: &str, latin_1: bool) -> Line {
        Line {
            place: Place::new("k.conf", 1),
            text: text.to_owned(),
            latin_1,
            flaws: Vec::new(),
        }
    }

    fn shown(text: &str) -> Vec<String> {
        tokens(&line(text, false))
            .into_iter()
            .map(|token| match token {
                Token::Open => "{".to_owned(),
                Token::Close => "}".to_owned(),
                Token::Word { word, .. } if word.quoted => format!("<{}>", word.text),
                Token::Word { word, .. } => word.text,
            })
            .collect()
    }

    #[test]
    fn words_end_at_blanks_quotes_and_braces() {
        let cases: [(&str, &[&str]); 7] = [
            (
                "unicast_peer{1.2.3.4}",
                &["unicast_peer", "{", "1.2.3.4", "}"],
            ),
            ("a\tb \x0b c\rd", &["a", "b", "c", "d"]),
            (
                "vrrp_instance \"VI {1}\" {",
                &["vrrp_instance", "<VI {1}>", "{"],
            ),
            ("x\"y z\"w", &["x", "<y z>", "w"]),
            ("x \"\"", &["x", "<>"]),
            ("x \"a\\\" b\" c", &["x", "<a\\>", "b", "< c>"]),
            ("ä {ö", &["ä", "{", "ö"]),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn words_of_a_file_that_is_not_utf_8_keep_their_bytes() {
        let words: Vec<_> = tokens(&line("x \u{a3} \u{c2}\u{a3}", true))
            .into_iter()
            .filter_map(|token| match token {
                Token::Word { word, .. } => Some((word.text.clone(), word.bytes().to_vec())),
                Token::Open | Token::Close => None,
            })
            .collect();
        let pound = "\u{a3}".to_owned();
        assert_eq!(
            words,
            [
                ("x".to_owned(), b"x".to_vec()),
                (pound.clone(), b"\xa3".to_vec()),
                (pound, b"\xc2\xa3".to_vec()),
            ]
        );
    }
}
