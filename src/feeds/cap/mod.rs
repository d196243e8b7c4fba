//! Public warnings in the Common Alerting Protocol (OASIS CAP 1.2): read from an index (Atom, RSS) or an address that gives them
//! directly, and posted to the hub.
//!
//! Real alerts and exercises go on; tests, drafts and system messages are counted and left out. Signatures are not checked: what
//! comes from the address, or past the hub's token, is believed.

mod index;
mod parse;
mod register;
#[cfg(test)]
mod tests;
pub(super) mod write;

pub(super) use index::ENTRIES_MAX;

use super::outbox::{Outbox, Reason};
use super::rounds::Source;
use super::visit::{Answer, Visitor};
use super::{FeedError, FeedEvent};
use crate::model::alert::Alert;
use crate::model::feed::AlertScope;
use crate::model::xml::{self, Element};
use chrono::Utc;
use index::Entry;
use indexmap::IndexMap;
use parse::Kind;
use register::{Register, Verdict};
use std::collections::HashSet;

/// Tried so often, then an entry's message is given up and counted as missing.
const TRIES_MAX: u8 = 3;
const ACCEPT: &str = "application/cap+xml, application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5";

/// Policies by which a message is left out; words of the ledger.
const NOT_REAL: &str = "test_or_draft";
const NO_ALERT: &str = "acknowledgement";
const OUT_OF_SCOPE: &str = "out_of_scope";
const SUPERSEDED: &str = "superseded";
const NOTHING_TO_CANCEL: &str = "nothing_to_cancel";

/// Reads one source of alerts.
pub(super) struct Alerts {
    feed: String,
    url: Option<String>,
    scopes: Vec<AlertScope>,
    register: Register,
    /// Entries of the index that were read, and those that failed so often.
    entries: IndexMap<Entry, u8>,
}

/// An entry that needs no more visits.
const READ: u8 = u8::MAX;

impl Alerts {
    pub fn new(feed: String, url: Option<String>, scopes: Vec<AlertScope>) -> Self {
        Self { feed, url, scopes, register: Register::default(), entries: IndexMap::new() }
    }

    /// Knows the alerts that are kept, so that an update or a cancellation of one finds it.
    pub fn resume(self, alerts: Vec<Alert>) -> Self {
        Self { register: Register::resumed(alerts), ..self }
    }

    /// Takes a document; its messages, as `alert` elements somewhere in it.
    async fn take(&mut self, body: &[u8], from: &str, outbox: &mut Outbox) -> Result<Result<Option<Element>, String>, FeedError> {
        let document = match xml::parse(body) {
            Ok(document) => document,
            Err(why) => {
                outbox.reject(Reason::Unreadable, format!("{from}: {why}"));
                return Ok(Err(why));
            }
        };
        let alerts = parse::alerts_in(&document);
        if alerts.is_empty() {
            return Ok(Ok(Some(document)));
        }
        for alert in alerts {
            self.take_alert(alert, outbox).await?;
        }
        Ok(Ok(None))
    }

    async fn take_alert(&mut self, alert: &Element, outbox: &mut Outbox) -> Result<(), FeedError> {
        let message = match parse::message(&self.feed, alert) {
            Ok(message) => message,
            Err((reason, why)) => {
                outbox.reject(reason, why);
                return Ok(());
            }
        };
        let policy = match message.kind {
            Kind::Ack | Kind::Error => Some(NO_ALERT),
            _ if !message.status.is_shown() => Some(NOT_REAL),
            _ if !self.scopes.contains(&message.scope) => Some(OUT_OF_SCOPE),
            _ => None,
        };
        if let Some(policy) = policy {
            outbox.left_out(policy);
            return Ok(());
        }
        match self.register.take(message, Utc::now()) {
            Verdict::Changed(alerts) => {
                for alert in alerts {
                    outbox.deliver(FeedEvent::Alert(alert)).await?;
                }
            }
            Verdict::Repeated => outbox.repeated(),
            Verdict::Superseded => outbox.left_out(SUPERSEDED),
            Verdict::NothingToCancel => outbox.left_out(NOTHING_TO_CANCEL),
        }
        Ok(())
    }

    /// Reads the entries that are new or have changed. One that can't be had is tried again in the next rounds.
    async fn follow(&mut self, entries: Vec<Entry>, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut last = None;
        for entry in &entries {
            let tries = self.entries.get(entry).copied().unwrap_or(0);
            if tries == READ {
                continue;
            }
            let now_tries = match self.visit(&entry.url, http, outbox).await {
                Ok(()) => READ,
                Err(FeedError::Closed) => return Err(FeedError::Closed),
                // A server that wants peace gets it; the rest of the entries can wait.
                Err(error) if http.not_before().is_some() => return Err(error),
                Err(error) => {
                    last = Some(error);
                    tries + 1
                }
            };
            if now_tries == TRIES_MAX {
                outbox.missing(1);
            }
            let done = now_tries >= TRIES_MAX;
            self.entries.insert(entry.clone(), if done { READ } else { now_tries });
            outbox.flush()?;
        }
        // What has left the index needs no memory.
        let listed: HashSet<&Entry> = entries.iter().collect();
        self.entries.retain(|known, _| listed.contains(known));
        if let Some(error) = last {
            outbox.note(error.to_string());
        }
        Ok(())
    }

    async fn visit(&mut self, url: &str, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Answer::New(page) = http.get(url, ACCEPT, outbox).await? else { return Ok(()) };
        if let Ok(Some(document)) = self.take(&page.body, url, outbox).await? {
            outbox.reject(Reason::Unsupported, format!("{url}: a <{}> and no alert", document.name));
        }
        Ok(())
    }
}

impl Source for Alerts {
    async fn round(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Some(url) = self.url.clone() else { return Ok(()) };
        let Answer::New(page) = http.get(&url, ACCEPT, outbox).await? else { return Ok(()) };
        let failed = |why: String| FeedError::Http { url: url.clone(), why };
        if let Some(document) = self.take(&page.body, &url, outbox).await?.map_err(failed)? {
            let entries = index::entries(&document, &url);
            let entries =
                entries.ok_or_else(|| failed(format!("a <{}>: neither alerts nor an Atom or RSS index of them", document.name)))?;
            self.follow(entries, http, outbox).await?;
            // An entry that failed must be tried again even when the index stays as it is.
            if self.entries.values().any(|tries| *tries != READ) {
                return Ok(());
            }
        }
        http.taken(&url, &page);
        Ok(())
    }

    async fn posted(&mut self, body: &[u8], outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        let why = match self.take(body, "a post", outbox).await? {
            Ok(None) => return Ok(Ok(())),
            Err(why) => why,
            Ok(Some(document)) => {
                let why = format!("a <{}> and no CAP alert", document.name);
                outbox.reject(Reason::Unsupported, why.clone());
                why
            }
        };
        Ok(Err(why))
    }
}
