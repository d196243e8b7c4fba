//! Alerts as a warning centre publishes them: an Atom index of CAP messages, in the order in which they were said, so that a reader takes
//! alerts, updates and cancellations however seldom it asks.

use crate::feeds::cap::{ENTRIES_MAX, write};
use crate::model::alert::Alert;
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Turns of the player that what was replaced waits for what has taken its place: a journal has one right behind the other.
const TURNS: u8 = 2;

#[derive(Debug, Default)]
pub struct Warnings(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Names this run of the platform, as for a `Line`: another one after each jump in time.
    run: String,
    last: u64,
    messages: VecDeque<Message>,
    replaced: Vec<Replaced>,
}

#[derive(Debug)]
struct Message {
    number: u64,
    title: String,
    said: DateTime<Utc>,
    cap: Arc<str>,
}

/// An alert that another has taken the place of, which has not been said yet.
#[derive(Debug)]
struct Replaced {
    alert: Alert,
    said: DateTime<Utc>,
    turns: u8,
}

impl Warnings {
    pub fn new(run: &str) -> Self {
        Self(Mutex::new(Inner { run: run.to_owned(), ..Inner::default() }))
    }

    /// Nothing can be left half done under this lock, so a panic elsewhere doesn't spoil it.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew with the alerts that hold at another time.
    pub fn restart<'a>(&self, run: &str, there: impl IntoIterator<Item = (&'a Alert, DateTime<Utc>)>) {
        let mut inner = Inner { run: run.to_owned(), ..Inner::default() };
        there.into_iter().for_each(|(alert, said)| inner.take(alert, said));
        *self.inner() = inner;
    }

    /// Takes what was said of an alert.
    pub fn push(&self, alert: &Alert, said: DateTime<Utc>) {
        self.inner().take(alert, said);
    }

    /// The player's turn is over: what nothing has taken the place of is merely over.
    pub fn settle(&self) {
        let mut inner = self.inner();
        inner.replaced.iter_mut().for_each(|r| r.turns += 1);
        let over: Vec<_> = inner.replaced.extract_if(.., |r| r.turns >= TURNS).collect();
        over.iter().for_each(|r| inner.cancel(&r.alert, r.said));
    }

    /// The index, oldest message first.
    pub fn index(&self) -> String {
        let inner = self.inner();
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let updated = time(inner.messages.back().map_or(DateTime::UNIX_EPOCH, |m| m.said));
        let mut out = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x-yiping:replay:{}</id><title>Alerts</title><author><name>yiping replay</name></author><updated>{updated}</updated>"#,
            inner.run
        );
        for Message { number, title, said, .. } in &inner.messages {
            let _ = write!(
                out,
                r#"<entry><id>urn:x-yiping:replay:{run}:{number}</id><title>{}</title><updated>{}</updated><link type="application/cap+xml" href="/cap/{run}-{number}"/></entry>"#,
                write::escaped(title),
                time(*said),
                run = inner.run
            );
        }
        out + "</feed>"
    }

    /// The message that the index calls `name`.
    pub fn message(&self, name: &str) -> Option<Arc<str>> {
        let inner = self.inner();
        let number: u64 = name.strip_prefix(&*inner.run)?.strip_prefix('-')?.parse().ok()?;
        inner.messages.iter().find(|m| m.number == number).map(|m| m.cap.clone())
    }
}

impl Inner {
    fn take(&mut self, alert: &Alert, said: DateTime<Utc>) {
        if !alert.cancelled {
            let is_replaced = |r: &mut Replaced| r.alert.replaced_by.as_ref() == Some(&alert.id);
            let replaced: Vec<Alert> = self.replaced.extract_if(.., is_replaced).map(|r| r.alert).collect();
            return self.say(alert, said, write::alert(alert, &replaced));
        }
        if alert.replaced_by.is_none() || self.replaced.len() >= ENTRIES_MAX {
            return self.cancel(alert, said);
        }
        self.replaced.push(Replaced { alert: alert.clone(), said, turns: 0 });
    }

    fn cancel(&mut self, alert: &Alert, said: DateTime<Utc>) {
        self.say(alert, said, write::cancel(alert, said));
    }

    fn say(&mut self, about: &Alert, said: DateTime<Utc>, cap: String) {
        if self.messages.len() >= ENTRIES_MAX {
            self.messages.pop_front();
        }
        self.last += 1;
        let title = if about.headline.is_empty() { about.event.clone() } else { about.headline.clone() };
        self.messages.push_back(Message { number: self.last, title, said, cap: cap.into() });
    }
}
