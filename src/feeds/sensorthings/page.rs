//! Pages of a server's answers, and JSON as servers write it.

use super::parse;
use crate::feeds::FeedError;
use crate::feeds::http::{Caller, start_of};
use crate::feeds::outbox::{Outbox, Reason};
use serde_json::Value;

/// Some entities, and where the next ones are.
pub(super) struct Page {
    pub(super) entities: Vec<Value>,
    pub(super) next: Option<String>,
}

/// A page that counts as a message when it can't be read.
pub(super) async fn page(http: &Caller, url: &str, outbox: &mut Outbox) -> Result<Page, FeedError> {
    let answer = http.get_dated(url).await?;
    if let Some(skew_ms) = answer.skew_ms {
        outbox.skew(skew_ms);
    }
    read_page(url, &answer.body).map_err(|why| {
        outbox.reject(Reason::Unreadable, why.clone());
        FeedError::Http { url: url.to_owned(), why }
    })
}

/// A page that is asked for to see whether the server has such: what isn't readable is no message.
pub(super) async fn page_quietly(http: &Caller, url: &str, outbox: &mut Outbox) -> Result<Page, FeedError> {
    let answer = http.get_dated(url).await?;
    if let Some(skew_ms) = answer.skew_ms {
        outbox.skew(skew_ms);
    }
    Ok(read_page(url, &answer.body).unwrap_or(Page { entities: vec![Value::Null], next: None }))
}

fn read_page(url: &str, body: &[u8]) -> Result<Page, String> {
    let mut page = json(body)?;
    let Some(Value::Array(entities)) = page.get_mut("value").map(Value::take) else {
        return Err(format!("no array \"value\" in {}", start_of(body)));
    };
    let next = match page.get("@iot.nextLink").and_then(Value::as_str) {
        None => None,
        Some(link) => {
            let joined = url::Url::parse(url).and_then(|u| u.join(link)).map(String::from);
            Some(joined.map_err(|e| format!("@iot.nextLink {link:?}: {e}"))?)
        }
    };
    Ok(Page { entities, next: next.filter(|n| n != url) })
}

/// A `$filter` as it stands in a URL.
pub(super) fn encoded(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>().replace('+', "%20")
}

/// JSON, with Python's bare `NaN` taken for `null`.
pub(in crate::feeds) fn json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).or_else(|error| {
        let mended = parse::without_nan(body).and_then(|m| serde_json::from_slice(&m).ok());
        mended.ok_or_else(|| format!("not JSON ({error}): {}", start_of(body)))
    })
}
