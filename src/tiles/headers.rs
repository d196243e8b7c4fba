//! Headers that a tileset's own server asks for, such as `Authorization`.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use std::fmt;
use url::Url;

/// Redirects followed, as browsers bound them.
const REDIRECTS_MAX: usize = 10;

/// Headers sent with every request to the server that the tileset was opened at, and to no other.
///
/// Their values are secret: neither errors nor logs nor `Debug` show them.
#[derive(Clone, Default)]
pub struct Headers(HeaderMap);

impl Headers {
    /// From lines as HTTP writes them: `Authorization: Bearer ...`.
    ///
    /// # Errors
    /// In words, with the number of the line but not what is in it.
    pub fn parse<S: AsRef<str>>(lines: &[S]) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (i, line) in lines.iter().enumerate() {
            let wrong = |what: &str| format!("header {}: {what}; write it as 'Name: value'", i + 1);
            let (name, value) = line.as_ref().split_once(':').ok_or_else(|| wrong("it has no colon"))?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong("its name is not one of HTTP"))?;
            let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong("its value has characters that HTTP forbids"))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(Self(headers))
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those to send to `url` of a tileset whose root is at `root`.
    pub(super) fn for_url(&self, url: &Url, root: &Url) -> HeaderMap {
        if url.origin() == root.origin() { self.0.clone() } else { HeaderMap::new() }
    }

    /// Redirects are followed, but with headers only on the same server: reqwest would send most of them on.
    pub(super) fn redirects(&self) -> Policy {
        if self.is_empty() {
            return Policy::limited(REDIRECTS_MAX);
        }
        Policy::custom(|attempt| {
            let same = attempt.previous().last().is_some_and(|before| before.origin() == attempt.url().origin());
            if same && attempt.previous().len() <= REDIRECTS_MAX { attempt.follow() } else { attempt.stop() }
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::fetch::TileSource;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A server that answers one request with `answer` and gives what it was asked.
    fn server(answer: String) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut asked, mut piece) = (Vec::new(), [0; 1024]);
            while !asked.ends_with(b"\r\n\r\n") {
                let n = stream.read(&mut piece).unwrap();
                asked.extend_from_slice(&piece[..n]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (address, thread)
    }

    fn answer(status: &str, more: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n{more}\r\nok")
    }

    #[test]
    fn values_are_never_shown() {
        let headers = Headers::parse(&["Authorization: Bearer s3cret", "X-Key:1"]).unwrap();
        assert_eq!(format!("{headers:?}"), r#"{"authorization", "x-key"}"#);
        for bad in ["s3cret", "na me: s3cret", "a: s3\ncret"] {
            let why = Headers::parse(&["a: b", bad]).unwrap_err();
            assert!(why.contains("header 2") && !why.contains("cret"), "{why}");
        }
    }

    #[tokio::test]
    async fn only_the_tilesets_own_server_gets_them() {
        let headers = || Headers::parse(&["X-Key: s3cret"]).unwrap();
        let ((own, asked), (other, asked_other)) = (server(answer("200 OK", "")), server(answer("200 OK", "")));
        let source = TileSource::open_with(&format!("{own}/tileset.json"), headers()).unwrap();
        assert_eq!(source.fetch(&format!("{own}/a.glb")).await.unwrap(), b"ok");
        assert_eq!(source.fetch(&format!("{other}/b.glb")).await.unwrap(), b"ok");
        assert!(asked.join().unwrap().to_lowercase().contains("x-key: s3cret"));
        assert!(!asked_other.join().unwrap().contains("s3cret"));
        // A redirect to another server is told, not followed.
        let (own, asked) = server(answer("302 Found", "Location: http://127.0.0.1:9/a.glb\r\n"));
        let source = TileSource::open_with(&format!("{own}/tileset.json"), headers()).unwrap();
        let refused = source.fetch(&format!("{own}/a.glb")).await.unwrap_err().to_string();
        assert!(refused.contains("another server") && !refused.contains("s3cret"), "{refused}");
        assert!(asked.join().unwrap().contains("s3cret"));
    }
}
