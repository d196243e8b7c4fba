//! Small XML documents from anyone as trees: alerts, service requests, places of callers.
//!
//! Nothing in a document type is ever expanded, and depth and size are bounded, so that no document costs more than a few times
//! its own length.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// Deepest nesting. Alerts within feeds within envelopes reach 12.
const DEPTH_MAX: usize = 64;
/// Most elements of one document.
const ELEMENTS_MAX: usize = 500_000;
/// Most attributes of one element that are kept.
const ATTRIBUTES_MAX: usize = 64;

/// An element with all that is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    /// Without prefix.
    pub name: String,
    /// The namespace's URI; empty without one.
    pub namespace: String,
    /// By name without prefix.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// Its own text, without that of its children and without space at both ends.
    pub text: String,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// Children of this name, in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// Text of the first child of this name; `None` when there is none or it is empty.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.as_str()).filter(|t| !t.is_empty())
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// This element and all below it, in the document's order.
    pub fn with_descendants(&self) -> impl Iterator<Item = &Element> {
        let mut next = vec![self];
        std::iter::from_fn(move || {
            let element = next.pop()?;
            next.extend(element.children.iter().rev());
            Some(element)
        })
    }
}

/// Reads a document of UTF-8.
///
/// # Errors
/// In words, and at which byte: not UTF-8, not well-formed, nested too deeply, of too many elements.
pub fn parse(bytes: &[u8]) -> Result<Element, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| format!("not UTF-8 at byte {}; other encodings are not read", e.valid_up_to()))?;
    let mut reader = NsReader::from_str(text);
    // An ampersand that begins no reference is a mistake nobody gains by losing an alert for.
    reader.config_mut().allow_dangling_amp = true;
    let (mut open, mut root, mut count) = (Vec::<Element>::new(), None::<Element>, 0);
    loop {
        let at = reader.buffer_position();
        let fail = |why: String| format!("not XML at byte {at}: {why}");
        let (namespace, event) = reader.read_resolved_event().map_err(|e| fail(e.to_string()))?;
        let mut done = None;
        match event {
            Event::Start(start) | Event::Empty(start) if count >= ELEMENTS_MAX || open.len() >= DEPTH_MAX => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                return Err(fail(format!("<{name}> is over the bound of {ELEMENTS_MAX} elements or {DEPTH_MAX} levels")));
            }
            Event::Start(start) => open.push(element(&start, &namespace, &mut count)),
            Event::Empty(start) => done = Some(element(&start, &namespace, &mut count)),
            Event::End(_) => done = open.pop(),
            Event::Text(text) => add(&mut open, &text.xml10_content().map_err(|e| fail(e.to_string()))?),
            Event::CData(text) => add(&mut open, &text.decode().map_err(|e| fail(e.to_string()))?),
            Event::GeneralRef(reference) => add(&mut open, &resolved(&reference)),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        if let Some(mut done) = done {
            done.text = done.text.trim().to_owned();
            match open.last_mut() {
                Some(parent) => parent.children.push(done),
                None if root.is_some() => return Err(fail(format!("<{}> is a second root", done.name))),
                None => root = Some(done),
            }
        }
    }
    match (open.last(), root) {
        (Some(open), _) => Err(format!("not XML: <{}> is not closed", open.name)),
        (None, Some(root)) => Ok(root),
        (None, None) => Err("not XML: there is no element".into()),
    }
}

fn element(start: &BytesStart<'_>, namespace: &ResolveResult<'_>, count: &mut usize) -> Element {
    *count += 1;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let namespace = match namespace {
        ResolveResult::Bound(uri) => text(uri.as_ref()),
        ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
    };
    let mut all = start.attributes();
    let attributes = all.with_checks(false).flatten().take(ATTRIBUTES_MAX);
    let attributes = attributes.map(|a| {
        let raw = String::from_utf8_lossy(&a.value);
        let value = quick_xml::escape::unescape(&raw).map_or_else(|_| raw.to_string(), |v| v.into_owned());
        (text(a.key.local_name().as_ref()), value)
    });
    let attributes = attributes.collect();
    Element { name: text(start.local_name().as_ref()), namespace, attributes, ..Element::default() }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// A character or one of the five entities that XML has; others stay as they are written.
pub fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    let name = reference.decode().unwrap_or_default();
    match name.as_ref() {
        "lt" => "<".into(),
        "gt" => ">".into(),
        "amp" => "&".into(),
        "apos" => "'".into(),
        "quot" => "\"".into(),
        other => format!("&{other};"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_text_attributes_and_namespaces_are_read() {
        let text = "\u{feff}<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"y\">]><c:a xmlns:c='urn:x' k='1 &lt; 2'> \n<b>A &amp; B &#x8DEF;&x;</b><b/><![CDATA[<raw>]]></c:a>";
        let a = parse(text.as_bytes()).unwrap();
        assert_eq!((a.name.as_str(), a.namespace.as_str(), a.attribute("k")), ("a", "urn:x", Some("1 < 2")));
        assert_eq!((a.text_of("b"), a.all("b").count(), a.text.as_str()), (Some("A & B 路&x;"), 2, "<raw>"));
        assert_eq!(a.with_descendants().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["a", "b", "b"]);
    }

    #[test]
    fn what_is_no_document_is_said_in_words() {
        let why = |text: &str| parse(text.as_bytes()).unwrap_err();
        assert!(why("").contains("no element") && why("<a><b></a>").contains("not XML"));
        assert!(why("<a>").contains("<a> is not closed") && why("<a/><b/>").contains("second root"));
        assert!(why(&"<a>".repeat(DEPTH_MAX + 1)).contains("over the bound"));
        assert!(parse(b"<a>\xff</a>").unwrap_err().contains("not UTF-8 at byte 3"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[<>a/& ='\"!\\[\\]?;#x0-9]{0,80}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
