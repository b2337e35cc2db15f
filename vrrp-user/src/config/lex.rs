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
                let length = closing_quote(text.get(inner..).unwrap_or_default());
                at = (inner + length + 1).min(text.len());
                tokens.push(word(text.get(inner..inner + length), true, start, at));
            }
            _ if is_blank(c) => {}
            _ => {
                let rest = text.get(at..).unwrap_or_default();
                at += rest
                    .find(|c: char| is_blank(c) || matches!(c, '"' | '{' | '}'))
                    .unwrap_or(rest.len());
                tokens.push(word(text.get(start..at), false, start, at));
            }
        }
    }
    tokens
}

/// keepalived's blanks; a lone carriage return is one.
pub(super) fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

fn word(text: Option<&str>, quoted: bool, start: usize, end: usize) -> Token {
    let text = text.unwrap_or_default().to_owned();
    let word = Word { text, quoted };
    Token::Word { word, start, end }
}

/// Bytes before the double quote that ends the text; a backslash protects the next character.
fn closing_quote(text: &str) -> usize {
    let mut protected = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if protected => protected = false,
            '\\' => protected = true,
            '"' => return index,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::super::diag::Place;
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let place = Place::new("k.conf", 1);
        let text = text.to_owned();
        tokens(&Line { place, text })
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
            ("x \"a \\\" b\" c", &["x", "<a \\\" b>", "c"]),
            ("ä {ö", &["ä", "{", "ö"]),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
