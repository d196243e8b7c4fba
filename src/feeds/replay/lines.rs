//! GeoJSON event lines: every Feature with a number, a bounded past to resume from, and the latest of each entity.

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Events kept to resume from: over five minutes of 200 moving units.
const PAST_MAX: usize = 50_000;
/// Entities whose latest Feature is kept for snapshots; the oldest goes first.
const LATEST_MAX: usize = 20_000;
/// Events taken from the line at once by one reader.
const BATCH: usize = 256;

/// One line of events.
#[derive(Debug)]
pub struct Line {
    inner: Mutex<Inner>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Names this run of the platform: a position of another run means nothing here. Another one after each jump in time.
    run: Arc<str>,
    /// Number of the last event; the first is 1.
    last: u64,
    past: VecDeque<Numbered>,
    latest: IndexMap<String, Numbered>,
}

type Numbered = (u64, Arc<str>);

/// How far a reader is.
#[derive(Clone, Debug)]
struct Position {
    run: Arc<str>,
    number: u64,
}

impl Line {
    pub fn new(run: &str) -> Arc<Self> {
        let inner = Inner { run: run.into(), ..Inner::default() };
        Arc::new(Self { inner: Mutex::new(inner), newest: watch::Sender::new(0) })
    }

    /// Nothing can be left half done under this lock, so a panic elsewhere doesn't spoil it.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew with what is known at another time: `there` is the state and no event. Open streams end, so that their readers
    /// come back and are told the state.
    pub fn restart(&self, run: &str, there: impl IntoIterator<Item = (String, Value)>) {
        let mut inner = self.inner();
        *inner = Inner { run: run.into(), ..Inner::default() };
        for (id, feature) in there {
            inner.last += 1;
            let numbered = (inner.last, feature.to_string().into());
            inner.latest.insert(id, numbered);
        }
        let last = inner.last;
        drop(inner);
        self.newest.send_replace(last);
    }

    /// An entity is there no longer; snapshots don't have it.
    pub fn forget(&self, id: &str) {
        self.inner().latest.shift_remove(id);
    }

    /// An entity is over: its latest Feature is said once more as `change` makes it, and snapshots don't have it. Nothing where it is
    /// not known.
    pub fn end(&self, id: &str, change: impl FnOnce(Value) -> Value) {
        let latest = self.inner().latest.get(id).and_then(|(_, text)| serde_json::from_str(text).ok());
        if let Some(latest) = latest {
            self.push(id, &change(latest));
            self.forget(id);
        }
    }

    /// Adds a Feature about the entity `id`.
    pub fn push(&self, id: &str, feature: &Value) {
        let text: Arc<str> = feature.to_string().into();
        let mut inner = self.inner();
        inner.last += 1;
        let numbered = (inner.last, text);
        if inner.past.len() == PAST_MAX {
            inner.past.pop_front();
        }
        inner.past.push_back(numbered.clone());
        if inner.latest.len() >= LATEST_MAX && !inner.latest.contains_key(id) {
            // In blocks, because removing the first one shifts all others.
            inner.latest.drain(..LATEST_MAX / 10);
        }
        inner.latest.insert(id.to_owned(), numbered);
        let last = inner.last;
        drop(inner);
        self.newest.send_replace(last);
    }

    /// The latest Feature of each entity as a FeatureCollection's text.
    pub fn snapshot(&self) -> String {
        let features: Vec<Arc<str>> = self.inner().latest.values().map(|(_, f)| f.clone()).collect();
        format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
    }

    /// Where a reader starts: after `last_event_id` when that is of this run and still in the past, else with the latest of each
    /// entity. Returns what to send first and the position after which to go on.
    fn start(&self, last_event_id: Option<&str>) -> (VecDeque<Numbered>, Position) {
        let inner = self.inner();
        let of_this_run = last_event_id.and_then(|id| id.strip_prefix(&*inner.run)?.strip_prefix('-')?.parse::<u64>().ok());
        let oldest = inner.past.front().map_or(inner.last + 1, |(n, _)| *n);
        match of_this_run.filter(|n| *n <= inner.last && *n + 1 >= oldest) {
            Some(n) => (VecDeque::new(), Position { run: inner.run.clone(), number: n }),
            None => {
                let mut all: Vec<Numbered> = inner.latest.values().cloned().collect();
                all.sort_by_key(|(n, _)| *n);
                (all.into(), Position { run: inner.run.clone(), number: inner.last })
            }
        }
    }

    /// Up to [`BATCH`] events after a position; `None` when it is of another run. A reader slower than the past is long goes on with
    /// the oldest there is.
    fn after(&self, position: &Position) -> Option<VecDeque<Numbered>> {
        let inner = self.inner();
        if inner.run != position.run {
            return None;
        }
        let from = inner.past.partition_point(|(n, _)| *n <= position.number);
        Some(inner.past.range(from..).take(BATCH).cloned().collect())
    }

    /// The line as server-sent events with ids `<run>-<number>`, and a comment every 15 s when nothing happens.
    pub fn events(self: Arc<Self>, last_event_id: Option<&str>) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
        let (queue, position) = self.start(last_event_id);
        let newest = self.newest.subscribe();
        let stream =
            futures_util::stream::unfold((self, queue, position, newest), |(line, mut queue, mut position, mut newest)| async move {
                while queue.is_empty() {
                    newest.borrow_and_update();
                    // Neither: the platform has jumped in time. An error: it has ended.
                    queue = line.after(&position)?;
                    if queue.is_empty() && newest.changed().await.is_err() {
                        return None;
                    }
                }
                let (number, feature) = queue.pop_front()?;
                position.number = position.number.max(number);
                let event = Event::default().id(format!("{}-{number}", position.run)).data(&*feature);
                Some((Ok(event), (line, queue, position, newest)))
            });
        Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn resuming_misses_nothing_and_doubles_nothing() {
        let line = Line::new("r");
        (1..=10).for_each(|i| line.push(&format!("e{}", i % 3), &json!(i)));
        let numbers = |q: &VecDeque<Numbered>| q.iter().map(|(n, _)| *n).collect::<Vec<_>>();
        let (first, position) = line.start(None);
        assert_eq!((numbers(&first), position.number), (vec![8, 9, 10], 10));
        let (first, position) = line.start(Some("r-4"));
        assert!(first.is_empty());
        assert_eq!(numbers(&line.after(&position).unwrap()), [5, 6, 7, 8, 9, 10]);
        assert!(line.after(&line.start(Some("r-10")).1).unwrap().is_empty());
        // Another run, or a position that never was: everything that holds now.
        for unknown in ["q-4", "r-11", "r-x", "", "r"] {
            assert_eq!(numbers(&line.start(Some(unknown)).0), [8, 9, 10], "{unknown}");
        }
        assert!(line.snapshot().starts_with(r#"{"type":"FeatureCollection","features":["#));
    }

    #[test]
    fn after_a_jump_in_time_readers_come_back_and_are_told_the_state() {
        let line = Line::new("r");
        (1..=10).for_each(|i| line.push(&format!("e{}", i % 3), &json!(i)));
        let (_, position) = line.start(Some("r-4"));
        line.restart("s", [("e0".to_owned(), json!("then")), ("e1".to_owned(), json!("gone"))]);
        line.forget("e1");
        assert!(line.after(&position).is_none(), "its stream ends");
        let (first, position) = line.start(Some("r-4"));
        assert_eq!(first.iter().map(|(_, f)| &**f).collect::<Vec<_>>(), ["\"then\""]);
        assert!(line.after(&position).unwrap().is_empty(), "the state is no event");
        line.push("e2", &json!("news"));
        assert_eq!(line.after(&position).unwrap().len(), 1);
    }

    #[test]
    fn the_past_is_bounded_and_a_lost_position_starts_anew() {
        let line = Line::new("r");
        (0..PAST_MAX + 10).for_each(|i| line.push("one", &json!(i)));
        assert_eq!(line.inner().past.len(), PAST_MAX);
        assert_eq!(line.start(Some("r-3")).0.len(), 1);
        assert_eq!(line.start(Some("r-10")).0.len(), 0);
    }
}
