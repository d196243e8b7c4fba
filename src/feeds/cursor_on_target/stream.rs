//! Events out of a byte stream: XML documents one after the other, with or without declarations, cut anywhere.
//!
//! Byte by byte and each byte once, so that no input takes more than its length. What is broken is dropped up to the next `<event`.

/// Longest event, bytes. One with a long route or an embedded picture is under 100 kB.
pub(super) const EVENT_BYTES_MAX: usize = 256 << 10;
/// Deepest nesting of elements.
const DEPTH_MAX: u32 = 64;

/// One thing the stream said.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// A whole root element.
    Element(Vec<u8>),
    /// Over [`EVENT_BYTES_MAX`].
    TooLong,
    /// Cut off, or no XML.
    Broken(&'static str),
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Inside {
    #[default]
    Text,
    /// After `<`; what it begins is not known yet.
    Opening,
    StartTag {
        quote: Option<u8>,
    },
    EndTag,
    Comment,
    CData,
    /// `<?...?>`
    Instruction,
    /// `<!...>`
    Declaration,
}

/// Takes chunks of any size and gives elements as they become complete.
#[derive(Debug, Default)]
pub(super) struct Framer {
    /// The root element so far, or the markup being read outside of one.
    buffer: Vec<u8>,
    /// Where the markup being read begins in `buffer`.
    tag: usize,
    inside: Inside,
    depth: u32,
    /// After something broken: everything up to the next `<event` is passed over.
    lost: bool,
}

impl Framer {
    pub(super) fn push(&mut self, chunk: &[u8], mut say: impl FnMut(Said)) {
        for &byte in chunk {
            if self.buffer.len() >= EVENT_BYTES_MAX {
                self.give_up(Said::TooLong, &mut say);
            }
            self.take(byte, &mut say);
        }
    }

    fn take(&mut self, byte: u8, say: &mut impl FnMut(Said)) {
        match self.inside {
            Inside::Text if byte == b'<' => {
                self.tag = self.buffer.len();
                self.inside = Inside::Opening;
                self.buffer.push(byte);
            }
            Inside::Text if self.depth > 0 => self.buffer.push(byte),
            Inside::Text if byte.is_ascii_whitespace() || byte == 0 || self.lost => {}
            // Three bytes of a byte order mark begin many a stream.
            Inside::Text if [0xEF, 0xBB, 0xBF].contains(&byte) => {}
            Inside::Text => self.give_up(Said::Broken("text between events"), say),
            Inside::Opening => self.opening(byte, say),
            Inside::StartTag { quote } => self.start_tag(byte, quote, say),
            Inside::EndTag if byte == b'<' => self.cut_off(byte, say),
            Inside::EndTag => {
                self.buffer.push(byte);
                if byte == b'>' {
                    self.end_element(say);
                }
            }
            Inside::Comment => self.until(byte, b"-->", say),
            Inside::CData => self.until(byte, b"]]>", say),
            Inside::Instruction => self.until(byte, b"?>", say),
            Inside::Declaration => self.until(byte, b">", say),
        }
    }

    fn opening(&mut self, byte: u8, say: &mut impl FnMut(Said)) {
        self.buffer.push(byte);
        let markup = &self.buffer[self.tag..];
        self.inside = match markup[1] {
            b'/' => Inside::EndTag,
            b'?' => Inside::Instruction,
            b'!' => match markup {
                b"<!--" => Inside::Comment,
                b"<![CDATA[" => Inside::CData,
                _ if b"<!--".starts_with(markup) || b"<![CDATA[".starts_with(markup) => Inside::Opening,
                _ if byte == b'>' => return self.end_markup(say),
                _ => Inside::Declaration,
            },
            b'_' | b':' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => Inside::StartTag { quote: None },
            _ => return self.give_up(Said::Broken("a < that begins nothing"), say),
        };
    }

    fn start_tag(&mut self, byte: u8, quote: Option<u8>, say: &mut impl FnMut(Said)) {
        if byte == b'<' {
            return self.cut_off(byte, say);
        }
        self.buffer.push(byte);
        match quote {
            Some(q) if q == byte => self.inside = Inside::StartTag { quote: None },
            None if byte == b'"' || byte == b'\'' => self.inside = Inside::StartTag { quote: Some(byte) },
            None if byte == b'>' => {
                let closed = self.buffer[..self.buffer.len() - 1].ends_with(b"/");
                self.start_element(closed, say);
            }
            _ => {}
        }
    }

    fn start_element(&mut self, closed: bool, say: &mut impl FnMut(Said)) {
        self.inside = Inside::Text;
        let is_event = is_event(&self.buffer[self.tag..]);
        if is_event && self.depth > 0 {
            say(Said::Broken("an event that is cut off by another"));
            self.buffer.drain(..self.tag);
            self.depth = 0;
        }
        if self.depth == 0 {
            if self.lost && !is_event {
                return self.buffer.clear();
            }
            self.lost = false;
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.give_up(Said::Broken("elements nested too deeply"), say);
        }
        if closed {
            self.end_element(say);
        }
    }

    fn end_element(&mut self, say: &mut impl FnMut(Said)) {
        self.inside = Inside::Text;
        match self.depth {
            0 if self.lost => self.buffer.clear(),
            0 => self.give_up(Said::Broken("an end without a beginning"), say),
            1 => {
                self.depth = 0;
                say(Said::Element(std::mem::take(&mut self.buffer)));
            }
            _ => self.depth -= 1,
        }
    }

    fn until(&mut self, byte: u8, end: &[u8], say: &mut impl FnMut(Said)) {
        self.buffer.push(byte);
        if self.buffer[self.tag..].ends_with(end) {
            self.end_markup(say);
        }
    }

    /// The end of a comment, an instruction and the like.
    fn end_markup(&mut self, say: &mut impl FnMut(Said)) {
        self.inside = Inside::Text;
        if self.depth == 0 {
            self.buffer.clear();
        } else if self.buffer[self.tag..].starts_with(b"<?xml ") {
            self.give_up(Said::Broken("an event that is cut off by another"), say);
        }
    }

    /// No tag holds a `<`; another event begins where this one was cut off.
    fn cut_off(&mut self, byte: u8, say: &mut impl FnMut(Said)) {
        self.give_up(Said::Broken("a tag that is not closed"), say);
        self.take(byte, say);
    }

    fn give_up(&mut self, why: Said, say: &mut impl FnMut(Said)) {
        say(why);
        *self = Self { lost: true, ..Self::default() };
    }
}

/// Whether a start tag is that of an event, with or without a namespace's prefix.
fn is_event(tag: &[u8]) -> bool {
    let name = tag[1..].split(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>')).next().unwrap_or_default();
    name.rsplit(|b| *b == b':').next() == Some(b"event")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(chunks: &[&[u8]]) -> Vec<Said> {
        let (mut framer, mut out) = (Framer::default(), Vec::new());
        chunks.iter().for_each(|c| framer.push(c, |s| out.push(s)));
        out
    }

    fn element(text: &str) -> Said {
        Said::Element(text.as_bytes().to_vec())
    }

    const TRICKY: &str = "<event a='>' b=\"/>\"><!-- </event> --><d><![CDATA[</event>]]></d></event>";

    #[test]
    fn events_come_whole_however_the_stream_is_cut() {
        let stream = format!("\u{FEFF}<?xml version=\"1.0\"?>\n{TRICKY}<event/>\n<?xml version='1.0'?><!DOCTYPE x><event></event>");
        let expected = [element(TRICKY), element("<event/>"), element("<event></event>")];
        assert_eq!(said(&[stream.as_bytes()]), expected);
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(said(&bytes), expected);
    }

    #[test]
    fn what_is_broken_costs_itself_and_the_next_event_passes() {
        for broken in [
            "<event><point ",
            "<event a='",
            "<event><detail>",
            "<event><d></event",
            "rubbish",
            "</event>",
            "<1>",
            "<event><?xml version='1.0'?>",
            "GET / HTTP/1.1\r\n\r\n",
        ] {
            let out = said(&[broken.as_bytes(), TRICKY.as_bytes()]);
            assert_eq!(out.last(), Some(&element(TRICKY)), "{broken}: {out:?}");
            assert_eq!(out.iter().filter(|s| matches!(s, Said::Broken(_))).count(), 1, "{broken}: {out:?}");
        }
        let long = format!("<event><detail>{}<x/></detail></event>{TRICKY}", "y".repeat(EVENT_BYTES_MAX));
        assert_eq!(said(&[long.as_bytes()]), [Said::TooLong, element(TRICKY)]);
        let deep = format!("{}{TRICKY}", "<event>".to_owned() + &"<a>".repeat(100));
        assert_eq!(said(&[deep.as_bytes()]), [Said::Broken("elements nested too deeply"), element(TRICKY)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_keep_more_than_its_bound(pieces in proptest::collection::vec(prop_oneof![
            Just(b"<event ".to_vec()), Just(b"</event>".to_vec()), Just(b"<!--".to_vec()), Just(b"-->".to_vec()), Just(b"<![CDATA[".to_vec()),
            Just(b"<!x".to_vec()), Just(b"/>".to_vec()), Just(b"<?xml ".to_vec()), Just(b"\"".to_vec()), proptest::collection::vec(any::<u8>(), 0..20)
        ], 0..60)) {
            let mut framer = Framer::default();
            pieces.iter().for_each(|p| framer.push(p, |_| {}));
            prop_assert!(framer.buffer.len() <= EVENT_BYTES_MAX);
        }
    }
}
