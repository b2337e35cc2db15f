//! Versions of compilers, of LLVM and of Debian packages, as far as they need comparing.

use std::fmt;

/// The leading numbers of a version; suffixes (`-nightly`, `+dfsg1-1`) decide nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version(Vec<u32>);

impl Version {
    /// Reads `22.1.8`, `1.97.0-nightly` or, with a Debian epoch, `1:22.1.8-1~deb12u1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once(':').map_or(text, |(_epoch, rest)| rest);
        let end = text
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .unwrap_or(text.len());
        let numbers: Option<Vec<u32>> = text
            .get(..end)?
            .trim_end_matches('.')
            .split('.')
            .map(|n| n.parse().ok())
            .collect();
        numbers.map(Self)
    }

    /// The first number; LLVM's libraries and packages are named by it.
    pub(crate) fn major(&self) -> u32 {
        self.0.first().copied().unwrap_or(0)
    }

    /// Whether this is `other` or newer, judged by the numbers both state: a shared library says
    /// `22.1` where its compiler says `22.1.8`.
    pub(crate) fn is_at_least(&self, other: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&other.0);
        pairs
            .find(|(own, other)| own != other)
            .is_none_or(|(own, other)| own > other)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.0.iter();
        if let Some(first) = numbers.next() {
            write!(f, "{first}")?;
        }
        numbers.try_for_each(|number| write!(f, ".{number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect(text)
    }

    #[test]
    fn suffixes_and_epochs_are_left_out() {
        assert_eq!(version("1.97.0-nightly").to_string(), "1.97.0");
        assert_eq!(version("1.96.0+dfsg1-1~deb12u2").to_string(), "1.96.0");
        assert_eq!(version("1:22.1.8-1~deb12u1").to_string(), "22.1.8");
        assert_eq!(version("1:22.1.8-1~deb12u1").major(), 22);
    }

    #[test]
    fn words_are_no_versions() {
        for text in ["", "(none)", "nightly", ".1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_compare_as_numbers_and_from_the_left() {
        for (newer, older) in [("1.100", "1.95"), ("2.0", "1.99.9"), ("22.1.8", "22.1.2")] {
            assert!(
                version(newer).is_at_least(&version(older)),
                "{newer} {older}"
            );
            assert!(
                !version(older).is_at_least(&version(newer)),
                "{older} {newer}"
            );
        }
    }

    #[test]
    fn what_only_one_states_does_not_decide() {
        assert!(version("22.1").is_at_least(&version("22.1.8")));
        assert!(version("22.1.8").is_at_least(&version("22.1")));
        assert!(!version("21").is_at_least(&version("22.1.8")));
    }
}
