//! An Atom or RSS index of alerts: where each message is.

use crate::model::xml::Element;

/// Entries followed; a country has some hundred in force.
pub const ENTRIES_MAX: usize = 2_000;

/// One entry of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Absolute address of the message.
    pub url: String,
    /// Changes when the message behind it does: the entry's id and when it was updated.
    pub version: String,
}

/// The entries of an index; `None` when the document is none. Addresses may be relative to `base`.
pub fn entries(document: &Element, base: &str) -> Option<Vec<Entry>> {
    let is_index = matches!(document.name.as_str(), "feed" | "rss" | "RDF");
    let elements = document.with_descendants().filter(|e| matches!(e.name.as_str(), "entry" | "item"));
    is_index.then(|| elements.filter_map(|e| entry(e, base)).take(ENTRIES_MAX).collect())
}

fn entry(element: &Element, base: &str) -> Option<Entry> {
    // Atom: an address in an attribute, marked as CAP where there are several. RSS: an address as text.
    let is_cap = |link: &&Element| link.attribute("type").is_some_and(|t| t.contains("cap+xml"));
    let address = |link: &Element| link.attribute("href").map(str::to_owned).or_else(|| Some(link.text.clone()).filter(|t| !t.is_empty()));
    let is_other = |link: &&Element| link.attribute("rel").is_none_or(|rel| rel == "alternate");
    let link = element.all("link").find(is_cap).or_else(|| element.all("link").find(is_other))?;
    let url = url::Url::parse(base).ok()?.join(address(link)?.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let parts = ["id", "guid", "updated", "pubDate"].map(|name| element.text_of(name).unwrap_or_default());
    Some(Entry { url: url.into(), version: parts.join(" ").chars().take(600).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::xml::parse;

    #[test]
    fn atom_and_rss_say_where_the_alerts_are() {
        let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><updated>t</updated><link href="page.html"/>
            <link type="application/cap+xml" href="cap/1.xml"/></entry><entry><link href="javascript:alert(1)"/></entry><entry/></feed>"#;
        let found = entries(&parse(atom.as_bytes()).unwrap(), "https://x.example/alerts/index").unwrap();
        assert_eq!(found, [Entry { url: "https://x.example/alerts/cap/1.xml".into(), version: "1  t ".into() }]);
        let rss = "<rss><channel><item><guid>g</guid><link>https://y.example/2</link></item></channel></rss>";
        assert_eq!(entries(&parse(rss.as_bytes()).unwrap(), "https://x.example/").unwrap()[0].url, "https://y.example/2");
        assert_eq!(entries(&parse(b"<html/>").unwrap(), "https://x.example/"), None);
    }
}
