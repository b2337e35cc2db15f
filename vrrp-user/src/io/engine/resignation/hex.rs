//! Frames as hexadecimal digits: JSON's lists of numbers are twice as long.

use std::fmt::Write as _;

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

pub(super) fn serialize<S: Serializer>(
    frames: &[Vec<u8>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(frames.iter().map(|frame| written(frame)))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Vec<u8>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let frames = texts.iter().map(|text| read(text));
    let frames: Option<_> = frames.collect();
    frames.ok_or_else(|| D::Error::custom("not hexadecimal"))
}

fn written(frame: &[u8]) -> String {
    let mut text = String::with_capacity(2 * frame.len());
    for byte in frame {
        // Writing to a String does not fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

fn read(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written() {
        let frame = Vec::from_iter(0..=u8::MAX);
        let text = written(&frame);
        assert!(
            text.starts_with("000102") && text.ends_with("feff"),
            "{text}"
        );
        assert_eq!(read(&text), Some(frame));
        assert_eq!(read(""), Some(Vec::new()));
        for wrong in ["0", "0g", "+1", "\u{e4}"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
