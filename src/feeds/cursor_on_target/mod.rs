//! Cursor-on-Target over TCP or TLS: the event stream of a TAK server, or devices that connect to us.
//!
//! Events are positions, so they may be conflated; nothing is acknowledged, because the protocol knows no acknowledgement. A unit that
//! its server deletes is shown as stale from then on.

mod connection;
mod parse;
mod stream;
#[cfg(test)]
mod tests;

use super::outbox::{Outbox, Reason};
use super::{FeedError, FeedEvent, Tuning};
use crate::model::feed::CotSource;
use crate::model::unit::Unit;
use chrono::{TimeDelta, Utc};
use connection::Heard;
use indexmap::IndexMap;
use stream::{EVENT_BYTES_MAX, Said};
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Units remembered, so that a deletion can say which one is gone.
const REMEMBERED_MAX: usize = 50_000;
/// Events between sockets and adapter; then TCP holds the senders back.
const QUEUE: usize = 1024;
/// A time this far ahead of our clock is a clock that is wrong.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);

/// Reads one server, or serves those who connect.
pub(super) struct Adapter {
    feed: String,
    source: Box<CotSource>,
    tuning: Tuning,
    known: IndexMap<String, Unit>,
}

impl Adapter {
    pub(super) fn new(feed: String, source: Box<CotSource>, tuning: Tuning) -> Self {
        Self { feed, source, tuning, known: IndexMap::new() }
    }

    fn hear(&mut self, said: Said, outbox: &mut Outbox) -> Result<(), FeedError> {
        let xml = match said {
            Said::Element(xml) => xml,
            Said::TooLong => {
                outbox.reject(Reason::TooLarge, format!("an event is longer than {} KiB", EVENT_BYTES_MAX >> 10));
                return Ok(());
            }
            Said::Broken(why) => {
                outbox.reject(Reason::Unreadable, why.to_owned());
                return Ok(());
            }
        };
        match parse::event(&self.feed, &self.source.types, &xml) {
            Err(why) => outbox.refuse(why),
            // No message of anyone's, only a sign of life.
            Ok(parse::Said::Heartbeat) => {}
            Ok(parse::Said::Gone { id, at }) => match self.known.get(&id).cloned() {
                None => outbox.repeated(),
                Some(mut unit) => {
                    // Newer than its last place, or the hub would take it for an older word.
                    unit.seen_at = at.max(unit.seen_at + TimeDelta::milliseconds(1));
                    unit.stale_at = Some(unit.seen_at);
                    return self.take(unit, outbox);
                }
            },
            Ok(parse::Said::Unit(unit)) => return self.take(unit, outbox),
        }
        Ok(())
    }

    fn take(&mut self, unit: Unit, outbox: &mut Outbox) -> Result<(), FeedError> {
        if unit.seen_at > Utc::now() + AHEAD_MAX {
            let why = format!("{}: its time {} is more than an hour ahead", unit.id, unit.seen_at);
            outbox.quarantine(super::outbox::Doubt::Clock, why);
            return Ok(());
        }
        if self.known.get(&unit.id) == Some(&unit) {
            outbox.repeated();
            return Ok(());
        }
        if self.known.len() >= REMEMBERED_MAX && !self.known.contains_key(&unit.id) {
            // In blocks, because removing the first one shifts all others.
            self.known.drain(..REMEMBERED_MAX / 10);
        }
        self.known.insert(unit.id.clone(), unit.clone());
        outbox.offer(&unit.id.clone(), FeedEvent::Unit(unit))
    }

    async fn read(&mut self, mut heard: Receiver<Heard>, outbox: &mut Outbox) -> Result<(), FeedError> {
        loop {
            outbox.flush()?;
            tokio::select! {
                next = heard.recv() => match next {
                    Some(Heard::Said(said)) => self.hear(said, outbox)?,
                    Some(Heard::Connected) => outbox.connected(),
                    Some(Heard::Left(why)) => outbox.note(why),
                    None => return Ok(()),
                },
                () = sleep_until(outbox.next_flush()) => {}
            }
        }
    }
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let (say, heard) = mpsc::channel(QUEUE);
        let silence_max = self.tuning.silence_max;
        // Ends with this session, whichever way it ends.
        let mut tasks = JoinSet::new();
        match (&self.source.url, self.source.listen) {
            (Some(url), None) => {
                let (url, tls) = (url.clone(), self.source.tls.clone());
                tasks.spawn(async move { connection::client(&url, &tls, silence_max, say).await });
            }
            (None, Some(address)) => {
                let server = connection::Server::bind(address, &self.source.tls).await?;
                outbox.connected();
                tasks.spawn(async move { server.serve(silence_max, say).await });
            }
            _ => return Err(FeedError::Socket { address: self.feed.clone(), why: "give either url or listen".into() }),
        }
        self.read(heard, outbox).await?;
        match tasks.join_next().await {
            Some(Ok(ended)) => ended,
            _ => Err(FeedError::Closed),
        }
    }
}
