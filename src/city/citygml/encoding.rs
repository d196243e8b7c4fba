//! Characters of the file: UTF-8, or the one-byte code pages of western Europe that older city models are written in.

use std::borrow::Cow;

/// How characters are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    Utf8,
    /// ISO 8859-1, read as Windows 1252, which has characters where the standard has control codes nobody writes.
    Latin1,
}

/// Windows 1252 from 0x80 to 0x9F; places without a character stay control codes.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The XML declaration stands at the very start.
const DECLARATION_BYTES: usize = 200;

impl Encoding {
    /// From the first bytes of a file.
    ///
    /// # Errors
    /// In words, with the mend, for an encoding that is not read.
    pub(super) fn of(head: &[u8]) -> Result<Self, String> {
        let refuse = |name: &str| {
            let mend = format!("convert the file: `iconv -f {name} -t UTF-8 FILE`, and change its first line");
            Err(format!("it is written in {name}, and UTF-8 and ISO-8859-1 are read; {mend}"))
        };
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) || head.starts_with(b"<\0") || head.starts_with(b"\0<") {
            return refuse("UTF-16");
        }
        let head = String::from_utf8_lossy(&head[..head.len().min(DECLARATION_BYTES)]).into_owned();
        let declaration = head.split("?>").next().filter(|d| d.contains("<?xml") && head.contains("?>")).unwrap_or_default();
        let name = declaration.split_once("encoding").and_then(|(_, rest)| {
            let rest = rest.trim_start().strip_prefix('=')?.trim_start();
            rest.get(1..)?.split(['"', '\'']).next()
        });
        match name.unwrap_or("UTF-8").trim().to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" | "US-ASCII" | "ASCII" => Ok(Self::Utf8),
            "ISO-8859-1" | "ISO8859-1" | "ISO_8859-1" | "LATIN1" | "LATIN-1" | "ISO-8859-15" | "WINDOWS-1252" | "CP1252" => {
                Ok(Self::Latin1)
            }
            other => refuse(other),
        }
    }

    /// The text of some bytes, and whether all of them were understood; what is not becomes U+FFFD.
    pub(super) fn decode(self, bytes: &[u8]) -> (Cow<'_, str>, bool) {
        if self == Self::Latin1 && !bytes.is_ascii() {
            let character = |b: &u8| if (0x80..0xa0).contains(b) { WINDOWS[usize::from(b - 0x80)] } else { char::from(*b) };
            return (bytes.iter().map(character).collect(), true);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => (Cow::Borrowed(text), true),
            Err(_) => (String::from_utf8_lossy(bytes), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn western_code_pages_are_read_and_others_are_told_with_the_mend() {
        let of = |text: &str| Encoding::of(text.as_bytes());
        assert_eq!(of("<?xml version=\"1.0\" encoding='iso-8859-1'?><a/>"), Ok(Encoding::Latin1));
        assert_eq!(of("\u{feff}<?xml version=\"1.0\"?><a encoding=\"x\"/>"), Ok(Encoding::Utf8));
        assert!(of("<?xml version=\"1.0\" encoding=\"Shift_JIS\"?>").unwrap_err().contains("iconv -f SHIFT_JIS"));
        assert!(Encoding::of(b"\xff\xfe<\0").is_err());
        assert_eq!(Encoding::Latin1.decode(b"Stra\xdfe \x80"), ("Straße €".into(), true));
        assert_eq!(Encoding::Utf8.decode(b"a\xffb"), ("a\u{fffd}b".into(), false));
    }
}
