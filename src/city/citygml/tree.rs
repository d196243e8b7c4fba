//! One member of the file as a flat tree: its elements in the file's order, with names, attributes and text borrowed from its text.

use super::namespaces::{Namespaces, Ns, Scope, split};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

/// Deepest nesting; LoD4 buildings with furniture reach about 40.
pub(super) const DEPTH_MAX: usize = 100;
/// Most elements in one member: with 48 bytes each, 96 MiB.
const ELEMENTS_MAX: usize = 2 << 20;
/// Most attributes of one element.
const ATTRIBUTES_MAX: usize = 256;

/// No text, in [`Node::text`].
const NONE: u32 = u32::MAX;

struct Node<'a> {
    name: &'a str,
    /// Where its start tag begins and where it ends, in the text.
    at: u32,
    till: u32,
    parent: u32,
    /// One past its last descendant.
    end: u32,
    attributes: u32,
    attribute_count: u16,
    ns: Ns,
    text: u32,
}

struct Attribute<'a> {
    ns: Ns,
    name: &'a str,
    value: Cow<'a, str>,
}

/// Why a member is no tree, and where in its text.
#[derive(Debug)]
pub(super) struct Broken {
    pub at: usize,
    pub why: String,
}

/// The elements of one member.
#[derive(Default)]
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    attributes: Vec<Attribute<'a>>,
    texts: Vec<Cow<'a, str>>,
    ids: OnceCell<HashMap<&'a str, u32>>,
}

impl<'a> Tree<'a> {
    /// # Errors
    /// Text that is not well-formed, nested too deeply, or of too many elements.
    pub(super) fn read(text: &'a str, root: &Namespaces) -> Result<Self, Broken> {
        let mut builder = Builder { text, root, scope: Scope::default(), open: Vec::new(), tree: Self::default() };
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        // An ampersand that begins no reference is a mistake nobody gains by losing a building for.
        config.allow_dangling_amp = true;
        loop {
            let start = reader.buffer_position() as usize;
            let event = reader.read_event().map_err(|e| Broken { at: reader.error_position() as usize, why: e.to_string() })?;
            let raw = text.get(start..reader.buffer_position() as usize).unwrap_or_default();
            match event {
                Event::Start(_) => builder.start(start, raw, false)?,
                Event::Empty(_) => builder.start(start, raw, true)?,
                Event::End(_) => builder.end(start + raw.len()),
                Event::Text(_) => builder.text(raw),
                Event::CData(_) => builder.put(Cow::Borrowed(raw.get(9..raw.len().saturating_sub(3)).unwrap_or_default())),
                Event::GeneralRef(_) => builder.put(unescape(raw).unwrap_or(Cow::Borrowed(raw))),
                Event::Eof => break,
                // Nothing in a document type is ever expanded; comments and instructions are for others.
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        match builder.open.last() {
            Some(open) => {
                let node = &builder.tree.nodes[*open as usize];
                Err(Broken { at: node.at as usize, why: format!("<{}> is not closed", node.name) })
            }
            None => Ok(builder.tree),
        }
    }

    pub(super) fn root(&self) -> Option<Element<'_, 'a>> {
        self.nodes.first().map(|_| Element { tree: self, index: 0 })
    }

    pub(super) fn get(&self, index: u32) -> Option<Element<'_, 'a>> {
        ((index as usize) < self.nodes.len()).then_some(Element { tree: self, index })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Element<'_, 'a>> {
        (0..self.nodes.len() as u32).map(|index| Element { tree: self, index })
    }

    /// The element with this `gml:id`; the first of several.
    pub(super) fn by_id(&self, id: &str) -> Option<Element<'_, 'a>> {
        let ids = self.ids.get_or_init(|| {
            let mut ids = HashMap::new();
            for (index, node) in self.nodes.iter().enumerate().filter(|(_, n)| n.attribute_count > 0) {
                let element = Element { tree: self, index: index as u32 };
                // Ids with references in them are no ids.
                if let Some(Cow::Borrowed(id)) = element.attribute_of(|ns, name| name == "id" && (ns == Ns::Gml || node.ns == Ns::Gml)) {
                    ids.entry(*id).or_insert(index as u32);
                }
            }
            ids
        });
        ids.get(id).map(|index| Element { tree: self, index: *index })
    }
}

struct Builder<'a, 'n> {
    text: &'a str,
    root: &'n Namespaces,
    scope: Scope<'a>,
    open: Vec<u32>,
    tree: Tree<'a>,
}

impl<'a> Builder<'a, '_> {
    fn start(&mut self, at: usize, raw: &'a str, empty: bool) -> Result<(), Broken> {
        let broken = |why: String| Broken { at, why };
        if self.open.len() >= DEPTH_MAX {
            return Err(broken(format!("nested deeper than {DEPTH_MAX} elements")));
        }
        if self.tree.nodes.len() >= ELEMENTS_MAX {
            return Err(broken(format!("more than {ELEMENTS_MAX} elements in one member")));
        }
        let inner = raw.strip_prefix('<').unwrap_or(raw);
        let inner = inner.strip_suffix('>').unwrap_or(inner);
        let inner = if empty { inner.strip_suffix('/').unwrap_or(inner) } else { inner };
        let name_len = inner.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inner.len());
        let (prefix, name) = split(&inner[..name_len]);
        let depth = self.open.len();
        let first = self.tree.attributes.len();
        if name_len < inner.len() {
            if inner.contains("xmlns") {
                self.scope.enter(depth, inner, name_len);
            }
            self.attributes(inner, name_len, at)?;
        }
        let index = self.tree.nodes.len() as u32;
        self.tree.nodes.push(Node {
            name,
            at: at as u32,
            till: (at + raw.len()) as u32,
            parent: self.open.last().copied().unwrap_or(NONE),
            end: index + 1,
            attributes: first as u32,
            attribute_count: (self.tree.attributes.len() - first) as u16,
            ns: self.scope.of(prefix, self.root),
            text: NONE,
        });
        if empty {
            self.scope.leave(depth);
        } else {
            self.open.push(index);
        }
        Ok(())
    }

    fn attributes(&mut self, inner: &'a str, name_len: usize, at: usize) -> Result<(), Broken> {
        let mut all = Attributes::new(inner, name_len);
        // Looking for doubles takes the square of their number.
        all.with_checks(false);
        for (count, attribute) in all.enumerate() {
            let attribute = attribute.map_err(|e| Broken { at, why: e.to_string() })?;
            if count >= ATTRIBUTES_MAX {
                return Err(Broken { at, why: format!("an element with more than {ATTRIBUTES_MAX} attributes") });
            }
            let Ok(key) = std::str::from_utf8(attribute.key.into_inner()) else { continue };
            let (prefix, name) = split(key);
            if prefix == "xmlns" || key == "xmlns" {
                continue;
            }
            // An attribute without a prefix is in no namespace, whatever the default one is.
            let ns = if prefix.is_empty() { Ns::Other } else { self.scope.of(prefix, self.root) };
            let value = match attribute.value {
                Cow::Borrowed(bytes) => unescaped(std::str::from_utf8(bytes).unwrap_or_default()),
                Cow::Owned(bytes) => Cow::Owned(unescaped(&String::from_utf8_lossy(&bytes)).into_owned()),
            };
            self.tree.attributes.push(Attribute { ns, name, value });
        }
        Ok(())
    }

    fn end(&mut self, till: usize) {
        self.scope.leave(self.open.len().saturating_sub(1));
        if let Some(index) = self.open.pop() {
            let end = self.tree.nodes.len() as u32;
            let node = &mut self.tree.nodes[index as usize];
            node.end = end;
            node.till = till.min(self.text.len()) as u32;
        }
    }

    fn text(&mut self, raw: &'a str) {
        let has_text = self.open.last().is_some_and(|open| self.tree.nodes[*open as usize].text != NONE);
        if has_text || !raw.trim_ascii().is_empty() {
            self.put(Cow::Borrowed(raw));
        }
    }

    fn put(&mut self, piece: Cow<'a, str>) {
        let Some(open) = self.open.last() else { return };
        let node = &mut self.tree.nodes[*open as usize];
        match self.tree.texts.get_mut(node.text as usize) {
            Some(text) => text.to_mut().push_str(&piece),
            None => {
                node.text = self.tree.texts.len() as u32;
                self.tree.texts.push(piece);
            }
        }
    }
}

/// References resolved, but only those of XML itself; text with others stays as it is.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if raw.contains('&') { unescape(raw).unwrap_or(Cow::Borrowed(raw)) } else { Cow::Borrowed(raw) }
}

/// An element of a [`Tree`].
#[derive(Clone, Copy)]
pub(super) struct Element<'t, 'a> {
    tree: &'t Tree<'a>,
    index: u32,
}

impl<'t, 'a> Element<'t, 'a> {
    fn node(self) -> &'t Node<'a> {
        &self.tree.nodes[self.index as usize]
    }

    pub(super) fn index(self) -> u32 {
        self.index
    }

    /// Indices of itself and all it holds.
    pub(super) fn range(self) -> std::ops::Range<u32> {
        self.index..self.node().end
    }

    pub(super) fn is_of(self, tree: &Tree) -> bool {
        std::ptr::eq(std::ptr::from_ref(self.tree).cast::<u8>(), std::ptr::from_ref(tree).cast::<u8>())
    }

    /// The local name.
    pub(super) fn name(self) -> &'a str {
        self.node().name
    }

    pub(super) fn ns(self) -> Ns {
        self.node().ns
    }

    pub(super) fn is(self, ns: Ns, name: &str) -> bool {
        self.node().ns == ns && self.node().name == name
    }

    /// Where it stands in the member's text.
    pub(super) fn span(self) -> std::ops::Range<usize> {
        self.node().at as usize..self.node().till as usize
    }

    pub(super) fn parent(self) -> Option<Self> {
        self.tree.get(self.node().parent)
    }

    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let (tree, end) = (self.tree, self.node().end);
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(Self { tree, index: next })?;
            next = child.node().end;
            Some(child)
        })
    }

    pub(super) fn child(self, name: &str) -> Option<Self> {
        self.children().find(|c| c.name() == name)
    }

    /// Itself and all it holds, in the file's order.
    pub(super) fn descendants(self) -> impl Iterator<Item = Self> {
        let tree = self.tree;
        self.range().map(move |index| Self { tree, index })
    }

    /// Its own text without the white space around it; empty when it has none.
    pub(super) fn text(self) -> &'t str {
        self.tree.texts.get(self.node().text as usize).map_or("", |text| text.trim())
    }

    fn attribute_of(self, wanted: impl Fn(Ns, &str) -> bool) -> Option<&'t Cow<'a, str>> {
        let node = self.node();
        let first = node.attributes as usize;
        let all = self.tree.attributes.get(first..first + node.attribute_count as usize)?;
        all.iter().find(|a| wanted(a.ns, a.name)).map(|a| &a.value)
    }

    /// An attribute by its local name, whatever its namespace.
    pub(super) fn attribute(self, name: &str) -> Option<&'t str> {
        if self.node().attribute_count == 0 {
            return None;
        }
        self.attribute_of(|_, known| known == name).map(|value| value.trim())
    }

    pub(super) fn id(self) -> Option<&'t str> {
        self.attribute("id").filter(|id| !id.is_empty())
    }

    /// What its `xlink:href` says.
    pub(super) fn href(self) -> Option<&'t str> {
        if self.node().attribute_count == 0 {
            return None;
        }
        self.attribute_of(|ns, name| ns == Ns::Xlink && name == "href").map(|value| value.trim())
    }

    /// The element of the same tree with this id.
    pub(super) fn sibling_by_id(self, id: &str) -> Option<Self> {
        self.tree.by_id(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Namespaces {
        let tag = r#"c:M xmlns:c="http://www.opengis.net/citygml/2.0" xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink""#;
        Namespaces::of_root(tag, 3)
    }

    #[test]
    fn elements_text_and_references_come_as_they_are() {
        let text = "<c:m><c:b gml:id=\"a&amp;b\"/><gml:name> A &amp; &lt;B&gt; <![CDATA[<C>]]>&#20013;<!-- x -->!</gml:name><x xlink:href='#a'><y>&other; &</y></x></c:m>";
        let (root, tree) = (root(), Tree::read(text, &root()).unwrap());
        let all: Vec<_> = tree.root().unwrap().descendants().map(|e| (e.ns(), e.name(), e.text())).collect();
        let expected = [
            (Ns::City, "m", ""),
            (Ns::City, "b", ""),
            (Ns::Gml, "name", "A & <B> <C>中!"),
            (Ns::Other, "x", ""),
            (Ns::Other, "y", "&other; &"),
        ];
        assert_eq!(all, expected);
        let children: Vec<_> = tree.root().unwrap().children().collect();
        assert_eq!((children[0].id(), children[2].href(), children[2].range()), (Some("a&b"), Some("#a"), 3..5));
        assert_eq!(&text[children[2].span()], "<x xlink:href='#a'><y>&other; &</y></x>");
        assert!(Tree::read("<a><b></a>", &root).is_err() && Tree::read("<a>", &root).is_err());
        assert!(Tree::read("<a x=1/>", &root).is_err());
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        assert!(Tree::read(&deep, &root).err().unwrap().why.contains("deeper"));
    }
}
