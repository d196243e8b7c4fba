//! A fast walk over JSON that is as expected.
//!
//! Every step answers `None` at anything odd; serde, which is careful and says what is wrong, then reads the same text. Values that are walked
//! over are matched by their brackets and quotes only: whoever takes them reads them, and finds what is wrong inside.

/// A place in JSON text.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// Bytes counted at once where no string is near; a compiler makes SIMD of it.
const BLOCK: usize = 64;

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The text from here to a later place.
    pub(super) fn until(&self, later: &Self) -> &'a str {
        self.text.get(self.at..later.at).unwrap_or_default()
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The next byte that is no white space, not taken.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Takes `byte` if it comes next.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn need(&mut self, byte: u8) -> Option<()> {
        self.eat(byte).then_some(())
    }

    /// Nothing is left but white space.
    pub(super) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// After a value in a list or object closed by `close`: whether another one follows.
    #[inline]
    pub(super) fn more(&mut self, close: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            _ if byte == close => Some(false),
            _ => None,
        }
    }

    /// Walks over the members of an object. `visit` takes the value.
    pub(super) fn members(&mut self, mut visit: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.need(b'{')?;
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.need(b':')?;
            visit(self, key)?;
            if !self.more(b'}')? {
                return Some(());
            }
        }
    }

    /// Walks over the items of a list. `visit` takes the item.
    #[inline]
    pub(super) fn items(&mut self, mut visit: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.need(b'[')?;
        if self.eat(b']') {
            return Some(());
        }
        loop {
            visit(self)?;
            if !self.more(b']')? {
                return Some(());
            }
        }
    }

    /// What stands between the quotes of a string, escapes as written.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.need(b'"')?;
        let start = self.at;
        self.at = after_string(self.bytes(), start)?;
        self.text.get(start..self.at - 1)
    }

    /// A string without escapes.
    pub(super) fn plain_string(&mut self) -> Option<&'a str> {
        self.string().filter(|s| !s.contains('\\'))
    }

    /// Takes `null`.
    #[inline]
    pub(super) fn null(&mut self) -> bool {
        let found = self.peek() == Some(b'n') && self.bytes()[self.at..].starts_with(b"null");
        self.at += if found { 4 } else { 0 };
        found
    }

    /// A whole number of 32 bits. What follows it is for the caller to see: a point or an exponent is no comma.
    #[inline]
    pub(super) fn number(&mut self) -> Option<u32> {
        self.peek()?;
        let (bytes, first) = (self.bytes(), self.at);
        let mut value = 0u32;
        while let Some(digit) = bytes.get(self.at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
            value = value.checked_mul(10)?.checked_add(u32::from(digit))?;
            self.at += 1;
        }
        let leading_zero = bytes.get(first) == Some(&b'0') && self.at > first + 1;
        (self.at > first && !leading_zero).then_some(value)
    }

    /// A number as serde reads it, to the last bit or the one before it.
    #[inline]
    pub(super) fn float(&mut self) -> Option<f64> {
        self.peek()?;
        let (bytes, start) = (self.bytes(), self.at);
        let negative = bytes[start] == b'-';
        self.at += usize::from(negative);
        let first = self.at;
        let mut value = 0i64;
        while let Some(digit) = bytes.get(self.at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            self.at += 1;
        }
        let digits = self.at - first;
        if digits == 0 || (digits > 1 && bytes[first] == b'0') {
            return None;
        }
        // 15 digits fit into an f64 without loss.
        if digits <= 15 && !matches!(bytes.get(self.at), Some(b'.' | b'e' | b'E')) {
            return Some(if negative { -(value as f64) } else { value as f64 });
        }
        while let Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') = bytes.get(self.at) {
            self.at += 1;
        }
        let text = self.text.get(start..self.at)?;
        // Rust reads `1.` and `1.e5`, JSON does not.
        let whole = text.split_once('.').is_none_or(|(_, after)| after.starts_with(|c: char| c.is_ascii_digit()));
        text.parse().ok().filter(|v: &f64| whole && v.is_finite())
    }

    /// The text of the next value, whatever it is.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let (bytes, start) = (self.bytes(), self.at);
        self.at = match first {
            b'"' => after_string(bytes, start + 1)?,
            b'{' | b'[' => after_brackets(bytes, start)?,
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                let end = bytes[start..].iter().position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
                end.map_or(bytes.len(), |n| start + n)
            }
            _ => return None,
        };
        self.text.get(start..self.at)
    }
}

/// Where a string ends that began before `at`: the place after its closing quote.
fn after_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the list or object ends that begins at `at`. `{` and `[` are not told apart.
fn after_brackets(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        at = over_blocks(bytes, at, &mut depth);
        let looked_at = at + BLOCK;
        while at < looked_at {
            match *bytes.get(at)? {
                b'"' => at = after_string(bytes, at + 1)?,
                b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
                b'}' | b']' if depth == 1 => return Some(at + 1),
                b'}' | b']' => (at, depth) = (at + 1, depth - 1),
                _ => at += 1,
            }
        }
    }
}

/// Goes over blocks that hold no string and not the end.
fn over_blocks(bytes: &[u8], mut at: usize, depth: &mut usize) -> usize {
    while *depth > 0
        && let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>())
    {
        let (mut quotes, mut opens, mut closes) = (0u8, 0u8, 0u8);
        for byte in block {
            quotes += u8::from(*byte == b'"');
            // This bit is all that tells square brackets from curly ones.
            opens += u8::from(byte | 0x20 == b'{');
            closes += u8::from(byte | 0x20 == b'}');
        }
        if quotes > 0 || usize::from(closes) >= *depth {
            break;
        }
        *depth = *depth + usize::from(opens) - usize::from(closes);
        at += BLOCK;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end() {
        let long = format!("[{}]", vec!["[[1,2,3],[4,5,6]]"; 40].join(","));
        let named = format!("{{\"a\":{long},\"b}}]\\\"\":{long}}}");
        for text in [long.as_str(), &named, "\"a\\\\\"", "-1.5e3", "null", "{}", "[ ]", "{\"]\": [\"[\"]}"] {
            let with_more = format!(" {text} , 7]");
            let mut scan = Scan::new(&with_more);
            assert_eq!((scan.value(), scan.more(b']'), scan.number()), (Some(text), Some(true), Some(7)));
        }
        for text in ["", "[", "{\"a\": [}", "\"abc", "\"abc\\\"", "}", &long[..200]] {
            assert_eq!(Scan::new(text).value(), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_json() {
        let number = |text: &str| Scan::new(text).number();
        assert_eq!((number(" 42,"), number("0]"), number("4294967295")), (Some(42), Some(0), Some(u32::MAX)));
        assert_eq!((number("4294967296"), number("-1"), number("01"), number("")), (None, None, None, None));
        for text in ["0", "-0", "12", "-123456789012345", "1234567890123456789", "1.5", "-2.25e-3", "1E5", "1e+2", "0.1"] {
            assert_eq!(Scan::new(text).float(), Some(text.parse().unwrap()), "{text}");
        }
        for text in ["", "-", "01", "1.", "1.e5", ".5", "+1", "1e", "1e999", "nan", "inf", "--1"] {
            assert_eq!(Scan::new(text).float(), None, "{text}");
        }
    }
}
