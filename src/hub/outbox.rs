//! What waits to be sent to one screen. Bounded: what may be conflated is, what may not ends in a gap and a snapshot.

use super::news::News;
use super::to_screens::Came;
use crate::model::protocol::Revision;
use indexmap::IndexMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Deltas that may wait for one screen; beyond it a snapshot says the same in fewer bytes.
pub const DELTAS_MAX: usize = 512;
/// Answers that may wait. A screen that asks this often without listening is cut off.
pub const REPLIES_MAX: usize = 256;
/// News that has waited longer than this when its successor comes was too long in the queue: the screen is slow.
const LATE: Duration = Duration::from_millis(1500);
/// Changes in one message, about 200 kB.
const CHANGES_MAX: usize = 1000;
/// Room for news that an empty queue keeps: ten thousand screens must not each hold what one busy moment took.
const KEPT_ROOM: usize = 256;

/// A message in its order.
pub enum Waiting {
    /// `came`: from which source and when, where it is one's news.
    Delta {
        revision: Revision,
        text: Utf8Bytes,
        came: Option<Came>,
    },
    Reply(Utf8Bytes),
}

/// What the writer of a socket does next.
pub enum Next {
    Send(Waiting),
    /// The queue ran over: tell the gap from here on and send a snapshot.
    Resync {
        from: Revision,
    },
    /// What many are told, as of the last revision sent.
    News {
        revision: Revision,
        news: Vec<Arc<News>>,
    },
    /// The connection ends, and why.
    Bye(String),
    Nothing,
}

#[derive(Default)]
struct Inner {
    ordered: VecDeque<Waiting>,
    replies: usize,
    deltas: usize,
    resync: Option<Revision>,
    sent: Revision,
    /// By key, each with when the first came that was not sent.
    news: IndexMap<Arc<str>, (Arc<News>, Instant)>,
    /// The last message was of conflated changes: answers and deltas are next.
    news_last: bool,
    dropped: u64,
    viewport: Option<[f64; 4]>,
    /// Why the connection is to end.
    bye: Option<String>,
}

#[derive(Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    pub more: Notify,
}

impl Outbox {
    /// For a screen that has been told everything up to `sent`.
    pub fn new(sent: Revision) -> Self {
        Self { inner: Mutex::new(Inner { sent, ..Inner::default() }), more: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn delta(&self, revision: Revision, text: Utf8Bytes, came: Option<Came>) {
        let mut inner = self.lock();
        if inner.resync.is_some() {
            return; // The snapshot will hold it.
        }
        if inner.deltas >= DELTAS_MAX {
            inner.ordered.retain(|w| matches!(w, Waiting::Reply(_)));
            inner.dropped += inner.deltas as u64;
            inner.deltas = 0;
            inner.resync = Some(inner.sent);
        } else {
            inner.deltas += 1;
            inner.ordered.push_back(Waiting::Delta { revision, text, came });
        }
        drop(inner);
        self.more.notify_one();
    }

    /// Everything has to be told anew.
    pub fn resync(&self) {
        let mut inner = self.lock();
        inner.ordered.retain(|w| matches!(w, Waiting::Reply(_)));
        inner.deltas = 0;
        inner.resync = Some(inner.sent);
        drop(inner);
        self.more.notify_one();
    }

    pub fn reply(&self, text: Utf8Bytes) {
        let mut inner = self.lock();
        inner.replies += 1;
        if inner.replies > REPLIES_MAX {
            inner.bye.get_or_insert_with(|| "too many answers were not read".into());
        } else {
            inner.ordered.push_back(Waiting::Reply(text));
        }
        drop(inner);
        self.more.notify_one();
    }

    /// Queues what the viewport sees of this; the newest on each thing stands for all before it.
    pub fn tell(&self, news: &[Arc<News>], now: Instant) {
        let mut inner = self.lock();
        let before = inner.news.len();
        for one in news {
            if one.at.is_none_or(|[lon, lat]| inner.sees(lon, lat)) {
                inner.put(one, now);
            }
        }
        let first = before == 0 && !inner.news.is_empty();
        drop(inner);
        if first {
            self.more.notify_one();
        }
    }

    /// Says good-bye once the connection comes to it, and ends it.
    pub fn bye(&self, why: &str) {
        self.lock().bye.get_or_insert_with(|| why.to_owned());
        self.more.notify_one();
    }

    pub fn set_viewport(&self, viewport: Option<[f64; 4]>) {
        self.lock().viewport = viewport;
    }

    pub fn sees(&self, lon: f64, lat: f64) -> bool {
        self.lock().sees(lon, lat)
    }

    /// Messages this screen was too slow for.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// A snapshot of `revision` is about to be sent: nothing older needs to be.
    pub fn resynced(&self, revision: Revision) {
        let mut inner = self.lock();
        let before = inner.ordered.len();
        inner.ordered.retain(|w| !matches!(w, Waiting::Delta { revision: r, .. } if *r <= revision));
        inner.deltas -= before - inner.ordered.len();
        (inner.sent, inner.resync) = (revision, None);
        inner.news = IndexMap::new();
    }

    /// The next thing to send. News take turns with answers and deltas: a stream of either must not
    /// keep the other waiting.
    pub fn next(&self) -> Next {
        let mut inner = self.lock();
        if let Some(why) = &inner.bye {
            return Next::Bye(why.clone());
        }
        if let Some(from) = inner.resync {
            return Next::Resync { from };
        }
        let turn = !inner.news_last || inner.ordered.is_empty();
        if !inner.news.is_empty() && turn {
            let n = inner.news.len().min(CHANGES_MAX);
            let news = inner.news.drain(..n).map(|(_, (news, _))| news).collect();
            if inner.news.is_empty() && inner.news.capacity() > KEPT_ROOM {
                inner.news = IndexMap::new();
            }
            inner.news_last = true;
            return Next::News { revision: inner.sent, news };
        }
        inner.news_last = false;
        let Some(waiting) = inner.ordered.pop_front() else { return Next::Nothing };
        match &waiting {
            Waiting::Delta { revision, .. } => {
                inner.deltas -= 1;
                inner.sent = *revision;
            }
            Waiting::Reply(_) => inner.replies -= 1,
        }
        Next::Send(waiting)
    }
}

impl Inner {
    fn sees(&self, lon: f64, lat: f64) -> bool {
        let Some([west, south, east, north]) = self.viewport else { return true };
        let across = if west <= east { (west..=east).contains(&lon) } else { lon >= west || lon <= east };
        across && (south..=north).contains(&lat)
    }

    /// Counts what is replaced before it was sent, if it had waited past its turn.
    fn put(&mut self, news: &Arc<News>, now: Instant) {
        match self.news.get_mut(&news.key) {
            Some((waiting, since)) => {
                *waiting = news.clone();
                self.dropped += u64::from(now.duration_since(*since) > LATE);
            }
            None => drop(self.news.insert(news.key.clone(), (news.clone(), now))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::incident::Domain;
    use crate::model::unit::{Unit, UnitState};
    use chrono::DateTime;

    fn unit(id: &str, lon: f64) -> Arc<News> {
        let (call_sign, kind) = (id.to_owned(), "patrol_car".to_owned());
        let (domain, state, seen_at) = (Domain::Traffic, UnitState::Available, DateTime::UNIX_EPOCH);
        let (stale_at, details) = (None, None);
        let unit = Unit { id: id.into(), call_sign, domain, kind, state, lon, lat: 33.0, heading_deg: 0.0, seen_at, stale_at, details };
        News::unit(unit, None)
    }

    fn waiting(outbox: &Outbox) -> Vec<(String, f64)> {
        match outbox.next() {
            Next::News { news, .. } => news.iter().map(|n| (n.key.to_string(), n.at.unwrap()[0])).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn the_newest_of_each_goes_out_and_late_ones_are_counted() {
        let outbox = Outbox::new(Revision(3));
        let now = Instant::now();
        outbox.tell(&[unit("a", 1.0), unit("b", 1.0)], now);
        outbox.tell(&[unit("a", 2.0)], now + Duration::from_millis(200));
        assert_eq!(outbox.dropped(), 0, "a screen that keeps up is not called slow");
        outbox.tell(&[unit("a", 3.0)], now + LATE * 2);
        assert_eq!(outbox.dropped(), 1);
        assert_eq!(waiting(&outbox), [("unit a".to_owned(), 3.0), ("unit b".to_owned(), 1.0)]);
        assert_eq!(waiting(&outbox), []);
    }

    #[test]
    fn what_the_viewport_does_not_see_is_not_sent() {
        let outbox = Outbox::new(Revision(0));
        outbox.set_viewport(Some([170.0, 30.0, -170.0, 40.0]));
        let all = [0.0, 175.0, -175.0].map(|lon| unit(&lon.to_string(), lon));
        outbox.tell(&all, Instant::now());
        assert_eq!(waiting(&outbox).len(), 2, "a viewport may lie across the date line");
    }

    #[test]
    fn too_many_deltas_become_a_gap_and_answers_are_kept() {
        let outbox = Outbox::new(Revision(7));
        outbox.reply("answer".into());
        for revision in 8..=8 + DELTAS_MAX as u64 {
            outbox.delta(Revision(revision), "delta".into(), None);
        }
        assert!(matches!(outbox.next(), Next::Resync { from: Revision(7) }));
        outbox.resynced(Revision(1000));
        outbox.delta(Revision(1001), "news".into(), None);
        assert!(matches!(outbox.next(), Next::Send(Waiting::Reply(_))));
        assert!(matches!(outbox.next(), Next::Send(Waiting::Delta { revision: Revision(1001), .. })));
        assert_eq!(outbox.dropped(), DELTAS_MAX as u64);
    }

    #[test]
    fn a_stream_of_deltas_and_a_stream_of_readings_take_turns() {
        let outbox = Outbox::new(Revision(0));
        let mut order = String::new();
        for n in 1..=4 {
            outbox.delta(Revision(n), "delta".into(), None);
            outbox.tell(&[unit(&n.to_string(), 1.0)], Instant::now());
            order.push(match outbox.next() {
                Next::News { .. } => 'c',
                Next::Send(_) => 'd',
                _ => '?',
            });
        }
        assert_eq!(order, "cdcd");
    }

    #[test]
    fn who_asks_without_listening_is_cut_off() {
        let outbox = Outbox::new(Revision(0));
        (0..=REPLIES_MAX).for_each(|_| outbox.reply("answer".into()));
        assert!(matches!(outbox.next(), Next::Bye(_)));
    }
}
