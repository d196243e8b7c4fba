//! Which vocabulary an element belongs to, told by the URI of its namespace and never by its prefix.

use quick_xml::events::attributes::Attributes;

/// The vocabularies that are told apart. Modules of CityGML share one: none of their names means different things in two of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ns {
    /// GML 3.1 and 3.2.
    Gml,
    /// CityGML's core and thematic modules.
    City,
    Appearance,
    Generics,
    /// xAL, the language of addresses.
    Address,
    Xlink,
    /// Extensions (ADE, i-UR), and attributes without a prefix.
    Other,
}

const CITYGML: &str = "http://www.opengis.net/citygml/";

impl Ns {
    fn of(uri: &str) -> Self {
        if let Some(module) = uri.strip_prefix(CITYGML) {
            return match module.split('/').next() {
                Some("appearance") => Self::Appearance,
                Some("generics") => Self::Generics,
                _ => Self::City,
            };
        }
        match uri {
            "http://www.opengis.net/gml" | "http://www.opengis.net/gml/3.2" => Self::Gml,
            "http://www.w3.org/1999/xlink" => Self::Xlink,
            _ if uri.starts_with("urn:oasis:names:tc:ciq:xsdschema:xAL") || uri.starts_with("urn:oasis:names:tc:ciq:xal") => Self::Address,
            _ => Self::Other,
        }
    }
}

/// Most prefixes an element may declare; the roots of real files declare 20 to 40.
const PREFIXES_MAX: usize = 256;

/// The prefixes that are in force on the root of the file.
#[derive(Default, Debug)]
pub(super) struct Namespaces {
    known: Vec<(Box<str>, Ns)>,
    /// `1.0`, `2.0` or `3.0`, from the first CityGML namespace.
    pub version: Option<String>,
}

impl Namespaces {
    /// From the text of the root's start tag between `<` and `>`.
    pub(super) fn of_root(tag: &str, name_len: usize) -> Self {
        let mut all = Self::default();
        for (prefix, uri) in declared(tag, name_len).take(PREFIXES_MAX) {
            if let Some(module) = uri.strip_prefix(CITYGML)
                && let Some(version) = module.split('/').find(|part| part.starts_with(|c: char| c.is_ascii_digit()))
            {
                all.version.get_or_insert_with(|| version.to_owned());
            }
            all.known.push((prefix.into(), Ns::of(&uri)));
        }
        all
    }

    pub(super) fn of(&self, prefix: &str) -> Ns {
        self.known.iter().find(|(known, _)| **known == *prefix).map_or(Ns::Other, |(_, ns)| *ns)
    }
}

/// Prefixes declared by a start tag (empty for the default namespace) with their URIs.
fn declared(tag: &str, name_len: usize) -> impl Iterator<Item = (&str, String)> {
    let mut attributes = Attributes::new(tag, name_len);
    attributes.with_checks(false);
    attributes.map_while(Result::ok).filter_map(|attribute| {
        let key = std::str::from_utf8(attribute.key.into_inner()).ok()?;
        let prefix = if key == "xmlns" { "" } else { key.strip_prefix("xmlns:")? };
        Some((prefix, String::from_utf8_lossy(&attribute.value).trim().to_owned()))
    })
}

/// Prefixes declared below the root, each until its element ends.
#[derive(Default)]
pub(super) struct Scope<'a> {
    /// With the depth of the element that declares it.
    declared: Vec<(usize, &'a str, Ns)>,
}

impl<'a> Scope<'a> {
    pub(super) fn enter(&mut self, depth: usize, tag: &'a str, name_len: usize) {
        self.declared.extend(declared(tag, name_len).take(PREFIXES_MAX).map(|(prefix, uri)| (depth, prefix, Ns::of(&uri))));
    }

    pub(super) fn leave(&mut self, depth: usize) {
        while self.declared.last().is_some_and(|(at, ..)| *at >= depth) {
            self.declared.pop();
        }
    }

    pub(super) fn of(&self, prefix: &str, root: &Namespaces) -> Ns {
        self.declared.iter().rev().find(|(_, known, _)| *known == prefix).map_or_else(|| root.of(prefix), |(.., ns)| *ns)
    }
}

/// `bldg:Building` to its prefix and local name.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabularies_are_told_by_their_uri() {
        let tag = r#"a:CityModel xmlns:a="http://www.opengis.net/citygml/1.0" xmlns="http://www.opengis.net/citygml/generics/1.0" xmlns:g='http://www.opengis.net/gml' xmlns:u="https://www.geospatial.jp/iur/uro/2.0""#;
        let root = Namespaces::of_root(tag, "a:CityModel".len());
        assert_eq!(root.version.as_deref(), Some("1.0"));
        assert_eq!((root.of("a"), root.of(""), root.of("g"), root.of("u")), (Ns::City, Ns::Generics, Ns::Gml, Ns::Other));
        let mut scope = Scope::default();
        scope.enter(2, r#"g:x xmlns:g="http://www.opengis.net/citygml/appearance/2.0""#, 3);
        assert_eq!(scope.of("g", &root), Ns::Appearance);
        scope.leave(2);
        assert_eq!(scope.of("g", &root), Ns::Gml);
        assert_eq!((split("bldg:Building"), split("Building")), (("bldg", "Building"), ("", "Building")));
    }
}
