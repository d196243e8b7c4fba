//! Server-sent events from bytes, with a bound on what one event may hold.
//!
//! Own code instead of `eventsource-stream` because that buffers a line without end for as long as it goes on.
//! Source of the rules: WHATWG HTML, 9.2.6 "Interpreting an event stream".

/// Longest line and longest data of one event, bytes. A Feature is under 2 kB; a collection of 1,000 under 1 MB.
pub(super) const EVENT_BYTES_MAX: usize = 1 << 20;

/// One thing the stream said.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Event {
        data: String,
        /// The last id the stream gave, with this event or before it.
        id: Option<String>,
    },
    /// A line or an event over [`EVENT_BYTES_MAX`]; it was skipped to its end.
    TooLong,
    /// A line that is not UTF-8.
    NotText,
}

/// Takes chunks of any size and gives events as they become complete.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The line being read is over the bound: it is dropped up to its end.
    skipping: bool,
    after_cr: bool,
    data: String,
    has_data: bool,
    spoilt: bool,
    id: Option<String>,
}

impl Parser {
    pub(super) fn push(&mut self, chunk: &[u8], mut say: impl FnMut(Said)) {
        for &byte in chunk {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_of_line(&mut say);
                }
                _ => {
                    self.after_cr = false;
                    if self.line.len() < EVENT_BYTES_MAX {
                        self.line.push(byte);
                    } else {
                        self.skipping = true;
                    }
                }
            }
        }
    }

    fn end_of_line(&mut self, say: &mut impl FnMut(Said)) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.skipping) {
            self.spoilt = true;
            say(Said::TooLong);
            return;
        }
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            // A spoilt event was reported when it was spoilt; half of it is worse than nothing.
            if std::mem::take(&mut self.has_data) && !std::mem::take(&mut self.spoilt) {
                say(Said::Event { data, id: self.id.clone() });
            }
            self.spoilt = false;
            return;
        }
        let Ok(line) = std::str::from_utf8(&line) else {
            self.spoilt = true;
            say(Said::NotText);
            return;
        };
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "data" if self.data.len() + value.len() > EVENT_BYTES_MAX => {
                let said = std::mem::replace(&mut self.spoilt, true);
                if !said {
                    say(Said::TooLong);
                }
            }
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments, `event` and `retry`: we take any type, and wait by our own rule.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(chunks: &[&[u8]]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut parser = Parser::default();
        for chunk in chunks {
            parser.push(chunk, |s| said.push(s));
        }
        said
    }

    fn event(data: &str, id: Option<&str>) -> Said {
        Said::Event { data: data.into(), id: id.map(Into::into) }
    }

    #[test]
    fn events_come_out_whole_whatever_the_chunks_and_line_ends() {
        let text = b": hello\r\n\r\nid: 7\r\ndata: a\r\ndata:b\r\n\r\ndata: c\r\n\r\ndata: unfinished";
        let want = vec![event("a\nb", Some("7")), event("c", Some("7"))];
        assert_eq!(all(&[text]), want);
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(all(&single), want);
    }

    #[test]
    fn a_line_without_end_is_skipped_and_said_once() {
        let long = vec![b'x'; EVENT_BYTES_MAX + 10];
        assert_eq!(all(&[b"data: ", &long, &long, b"\n\ndata: ok\n\n"]), vec![Said::TooLong, event("ok", None)]);
    }

    #[test]
    fn a_line_that_is_no_text_spoils_its_event_only() {
        assert_eq!(all(&[b"data: \xff\xfe\ndata: x\n\ndata: ok\n\n"]), vec![Said::NotText, event("ok", None)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_cuts_change_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(all(&[&bytes[..cut], &bytes[cut..]]), all(&[&bytes]));
        }
    }
}
