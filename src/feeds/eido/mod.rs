//! Incidents of other centres as EIDO-JSON (NENA-STA-021.1a): read from an address, and posted to the hub.

use super::outbox::{Doubt, Outbox, Reason};
use super::rounds::{Source, make_room};
use super::visit::{Answer, Visitor};
use super::{FeedError, FeedEvent};
use crate::model::eido;
use chrono::{DateTime, TimeDelta, Utc};
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// Incidents remembered, to know what is old and what is over.
const REMEMBERED_MAX: usize = 20_000;
/// An update this far ahead of our clock would hide all true ones behind it.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);
/// Pages of one round; at a hundred incidents each, as many as are remembered.
const PAGES_MAX: usize = 200;
const ACCEPT: &str = "application/emergency.eido+json, application/json;q=0.9";

/// Policies by which a message is left out; words of the ledger.
const OLDER: &str = "older";
const OVER: &str = "over_already";
const CALL_ONLY: &str = "call_only";

/// Reads one centre.
pub(super) struct Incidents {
    feed: String,
    url: Option<String>,
    known: IndexMap<String, Known>,
    /// What followed on each page of the last round, to go on behind one that has not changed.
    next: HashMap<String, String>,
}

#[derive(Clone, Copy, PartialEq)]
struct Known {
    updated: DateTime<Utc>,
    open: bool,
    /// Of its content, so that two updates of one second are both taken.
    hash: u64,
}

impl Incidents {
    pub fn new(feed: String, url: Option<String>) -> Self {
        Self { feed, url, known: IndexMap::new(), next: HashMap::new() }
    }

    /// Knows which of its incidents are open, so that the end of one that came while we were away ends it.
    pub fn resume(mut self, open: &[String]) -> Self {
        let own = format!("{}/", self.feed);
        let known = Known { updated: DateTime::<Utc>::MIN_UTC, open: true, hash: 0 };
        self.known.extend(open.iter().filter_map(|incident| Some((incident.strip_prefix(&own)?.to_owned(), known))));
        self
    }

    async fn take(&mut self, body: &[u8], outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        let message: Value = match serde_json::from_slice(body) {
            Ok(message) => message,
            Err(e) => {
                let why = format!("not JSON ({e})");
                outbox.reject(Reason::Unreadable, why.clone());
                return Ok(Err(why));
            }
        };
        for object in eido::objects(&message) {
            self.take_one(object, outbox).await?;
        }
        Ok(Ok(()))
    }

    async fn take_one(&mut self, object: &Value, outbox: &mut Outbox) -> Result<(), FeedError> {
        if eido::is_of_calls_alone(object) {
            // As the standard allows it: nothing that its sender would have to mend, and nothing that a city's screen shows.
            outbox.left_out(CALL_ONLY);
            return Ok(());
        }
        let eido = match eido::read(object) {
            Ok(eido) => eido,
            Err(why) => {
                outbox.reject(Reason::Incomplete, why);
                return Ok(());
            }
        };
        if eido.updated > Utc::now() + AHEAD_MAX {
            outbox.quarantine(Doubt::Clock, format!("EIDO {}: its time {} is more than an hour ahead", eido.id, eido.updated));
            return Ok(());
        }
        let before = self.known.get(&eido.id).copied();
        let hash = xxhash_rust::xxh3::xxh3_64(object.to_string().as_bytes());
        if before.is_some_and(|known| known.hash == hash) {
            outbox.repeated();
            return Ok(());
        }
        if before.is_some_and(|known| known.updated > eido.updated) {
            outbox.left_out(OLDER);
            return Ok(());
        }
        let incident = format!("{}/{}", self.feed, eido.id);
        let mut now = Known { updated: eido.updated, open: false, hash };
        if eido.is_over() {
            if before.is_some_and(|known| known.open) {
                let why = eido.notes.last().cloned().unwrap_or_else(|| format!("{} at its centre", eido.statuses.join(", ")));
                outbox.deliver(FeedEvent::Ended { incident, why }).await?;
            } else {
                outbox.left_out(OVER);
            }
        } else {
            match (eido.report(incident), &eido.place) {
                (Some(report), _) => {
                    now.open = true;
                    outbox.deliver(FeedEvent::Incident(report)).await?;
                }
                (None, why) => {
                    outbox.reject(Reason::Incomplete, format!("EIDO {}: {}", eido.id, why.as_ref().err().map_or("no place", |w| w)))
                }
            }
        }
        if !self.known.contains_key(&eido.id) {
            make_room(&mut self.known, REMEMBERED_MAX, |known| known.open);
        }
        self.known.insert(eido.id, now);
        Ok(())
    }
}

/// The target of `rel="next"` in a `Link` header (RFC 8288), as an address; of the same server only, since our token goes there.
fn next_page(links: &str, from: &str) -> Option<String> {
    let next = links.split(',').find(|link| link.split(';').skip(1).any(|p| p.trim().replace('"', "").eq_ignore_ascii_case("rel=next")))?;
    let target = next.trim().strip_prefix('<')?.split_once('>')?.0;
    let from = url::Url::parse(from).ok()?;
    from.join(target).ok().filter(|next| next.origin() == from.origin()).map(|next| next.to_string())
}

impl Source for Incidents {
    async fn round(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut next = self.url.clone();
        for _ in 0..PAGES_MAX {
            let Some(url) = next else { return Ok(()) };
            if let Answer::New(page) = http.get(&url, ACCEPT, outbox).await? {
                self.take(&page.body, outbox).await?.map_err(|why| FeedError::Http { url: url.clone(), why })?;
                match page.header("link").and_then(|links| next_page(links, &url)) {
                    Some(following) => drop(self.next.insert(url.clone(), following)),
                    None => drop(self.next.remove(&url)),
                }
                http.taken(&url, &page);
            }
            next = self.next.get(&url).cloned();
        }
        // Pages that lead in a circle, or more of them than any centre has incidents.
        self.next.clear();
        outbox.note(format!("more than {PAGES_MAX} pages; the rest is left out"));
        Ok(())
    }

    async fn posted(&mut self, body: &[u8], outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        self.take(body, outbox).await
    }
}
