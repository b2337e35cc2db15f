//! `notify_*` commands, split as keepalived splits them: like a shell, without being one.

use super::{
    ast::Statement,
    diag::{Diagnostics, Place},
    lex::is_blank,
    model::Script,
    value::refuse_block,
};

/// Whom a script runs as when its line does not say.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct ScriptUser {
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    /// Where `script_user` stands.
    pub(super) place: Place,
}

/// `notify_master "command arguments" [user [group]]`.
pub(super) fn script(
    statement: &Statement,
    default: &ScriptUser,
    report: &mut Diagnostics,
) -> Option<Script> {
    let (keyword, place) = (statement.keyword(), &statement.place);
    if statement.words.iter().any(|word| word.bytes.is_some()) {
        report.error_help(
            place,
            format!("`{keyword}`: the command is not UTF-8"),
            "save the file as UTF-8, or put the command into a script of its own",
        );
        return None;
    }
    let outer = match split(&statement.raw, Backslash::Stays) {
        Ok(words) => words,
        Err(error) => {
            report.error(place, format!("`{keyword}`: {error}"));
            return None;
        }
    };
    refuse_block(statement, report);
    let mut params = outer.into_iter().skip(1);
    let argv = match split(&params.next().unwrap_or_default(), Backslash::Escapes) {
        Ok(argv) => argv,
        Err(error) => {
            report.error(place, format!("`{keyword}`: {error}"));
            return None;
        }
    };
    if argv.first().is_none_or(String::is_empty) {
        report.error(place, format!("`{keyword}` needs a command"));
        return None;
    }
    let (user, group) = (params.next(), params.next());
    if params.next().is_some() {
        report.error_help(
            place,
            format!("`{keyword}` takes a command, a user and a group, more words follow"),
            "put the command and its arguments in double quotes",
        );
        return None;
    }
    let (user, group, user_place) = match user {
        Some(_) => (user, group, place.clone()),
        None => (
            default.user.clone(),
            default.group.clone(),
            default.place.clone(),
        ),
    };
    Some(Script {
        argv,
        user,
        group,
        user_place,
        place: place.clone(),
    })
}

/// What a backslash outside of single quotes does with the next character, beside taking its meaning away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    /// Both stay, for the next reading.
    Stays,
    /// Both are replaced by what they stand for.
    Escapes,
}

/// Splits at blanks; `"` and `'` keep blanks. keepalived splits the line, then the command on it, and
/// unescapes the second time only (since 2.3; 2.2.7 does it twice).
fn split(text: &str, backslash: Backslash) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (_, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) if backslash == Backslash::Stays => {
                let word = word.get_or_insert_default();
                word.push(c);
                word.push(chars.next().ok_or("a backslash at its end")?);
            }
            ('\\', None | Some('"')) => word.get_or_insert_default().push(escape(&mut chars)?),
            (_, None) if is_blank(c) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is opened and not closed");
    }
    words.extend(word);
    Ok(words)
}

/// What a backslash and the characters after it stand for: \a \b \E \f \n \r \t \v \nnn \xXX \cC.
fn escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<char, &'static str> {
    let Some(c) = chars.next() else {
        return Ok('\\');
    };
    let code = match c {
        'a' => 0x07,
        'b' => 0x08,
        'E' => 0x1b,
        'f' => 0x0c,
        'n' => 0x0a,
        'r' => 0x0d,
        't' => 0x09,
        'v' => 0x0b,
        'c' => chars.next().map_or(0, |control| u32::from(control) & 0x1f),
        'x' => digits(chars, 16, 2, 0),
        '0'..='7' => digits(chars, 8, 2, c.to_digit(8).unwrap_or(0)),
        _ => return Ok(c),
    };
    match char::from_u32(code) {
        None | Some('\0') => Err("an escape stands for a NUL character"),
        Some(c) => Ok(c),
    }
}

fn digits(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    most: usize,
    first: u32,
) -> u32 {
    let mut code = first;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else {
            break;
        };
        chars.next();
        code = code * radix + digit;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::{super::ast::Word, *};

    #[test]
    fn the_command_is_unescaped_once() {
        let statement = |command: &str| {
            let words = vec![word("notify_master"), word(command)];
            let raw = format!("notify_master \"{command}\"");
            let place = Place::new("k.conf", 1);
            Statement {
                words,
                raw,
                place,
                block: None,
                flaws: Vec::new(),
                damaged: false,
            }
        };
        let rows: [(&str, &[&str]); 5] = [
            (
                r#"/usr/bin/echo \"c d\" e\\f x\ty"#,
                &["/usr/bin/echo", "\"c", "d\"", "e\\f", "x\ty"],
            ),
            (r"/bin/sh -c 'a b; c'", &["/bin/sh", "-c", "a b; c"]),
            (r"/bin/x a\ b", &["/bin/x", "a b"]),
            (r"/bin/x '\t' \'", &["/bin/x", "\\t", "'"]),
            (r"/bin/x \x41", &["/bin/x", "A"]),
        ];
        for (command, argv) in rows {
            let mut report = Diagnostics::default();
            let script = script(&statement(command), &ScriptUser::default(), &mut report);
            assert_eq!(
                script.map(|script| script.argv),
                Some(argv.iter().map(ToString::to_string).collect()),
                "{command}"
            );
        }
    }

    fn word(text: &str) -> Word {
        Word {
            text: text.to_owned(),
            quoted: true,
            bytes: None,
        }
    }

    #[test]
    fn words_are_split_like_a_shell_does() {
        let cases: [(&str, &[&str]); 8] = [
            ("/bin/x a  b", &["/bin/x", "a", "b"]),
            ("/bin/sh -c 'a b; c'", &["/bin/sh", "-c", "a b; c"]),
            ("x \"a 'b'\" ''", &["x", "a 'b'", ""]),
            ("x a\\ b \\\"", &["x", "a b", "\""]),
            ("x 'a\\n' \"a\\tb\"", &["x", "a\\n", "a\tb"]),
            ("x \\x41\\102\\E", &["x", "AB\x1b"]),
            ("x a'b c'd", &["x", "ab cd"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let words = split(text, Backslash::Escapes);
            assert_eq!(words.expect(text), expected, "{text}");
        }
        for text in ["x 'a", "x \"a", "x \\0", "x \\x"] {
            split(text, Backslash::Escapes).expect_err(text);
        }
    }
}
