//! Addresses as the client sees them, so that links work through a proxy or under another name.

use axum::http::{HeaderMap, HeaderName, header};

/// `http://host:port`, from what a proxy in front of the hub or else the client said.
pub fn root(headers: &HeaderMap) -> String {
    let of = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).and_then(|v| v.split(',').next()).map(str::trim);
    let forwarded = |name| of(HeaderName::from_static(name));
    let scheme = forwarded("x-forwarded-proto").filter(|s| *s == "https").unwrap_or("http");
    let plain = |host: &&str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    let host = forwarded("x-forwarded-host").filter(plain).or(of(header::HOST).filter(plain)).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// A query's pairs, decoded.
pub fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// `path?query` from pairs, encoded.
pub fn with_pairs(path: &str, pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(pairs);
    format!("{path}?{}", out.finish())
}

/// One segment of a path, encoded.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_as_the_client_or_the_proxy_names_us_and_never_rubbish() {
        let said = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(k, v)| (HeaderName::from_static(k), v.parse().unwrap()));
            root(&headers.collect::<HeaderMap>())
        };
        assert_eq!(said(&[("host", "hub:8080")]), "http://hub:8080");
        assert_eq!(
            said(&[("host", "hub:8080"), ("x-forwarded-host", "city.example, x"), ("x-forwarded-proto", "https")]),
            "https://city.example"
        );
        assert_eq!(said(&[("host", "\"><script>")]), "http://localhost");
        assert_eq!(segment("城/1 a"), "%E5%9F%8E%2F1%20a");
    }
}
