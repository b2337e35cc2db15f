//! Runs the system's tools and says what failed.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// If it cannot be started or fails: with the command line and its standard error.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("failed to start {}", line(command)))?;
    if !output.status.success() {
        bail!(
            "`{}`: {}: {}",
            line(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a tool with arguments given as one line, split at blanks.
///
/// # Errors
/// As [`run`].
pub fn tool(program: &str, arguments: &str) -> Result<String> {
    run(Command::new(program).args(arguments.split_whitespace()))
}

/// What a program returns, whose error it says first.
#[expect(clippy::print_stderr, reason = "the last word of a program")]
pub fn exit_code(program: &str, outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_its_complaint() {
        let error = tool("ip", "-n no-such-namespace link").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("ip -n no-such-namespace link"), "{text}");
        assert!(text.contains("No such file"), "{text}");
    }
}
