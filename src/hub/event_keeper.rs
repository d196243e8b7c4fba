//! Events of incidents on their way into the history. The state store has them already, so that nobody waits for it; what there was no
//! room for meanwhile, and what a hub that ended or fell has left behind, is read again from the store.

use super::core::Core;
use super::{HubError, keys};
use crate::history::{At, Batch, History, HistoryError, INCIDENT_DAYS, IncidentEvent};
use crate::model::incident::{Event, Incident};
use crate::store::{Entry, StoreError};
use chrono::{DateTime, Days, NaiveTime, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Events held in memory until the history takes them; those beyond are read again from the store once it does.
pub const WAITING_MAX: usize = 10_000;
/// How often a history or a store that can't answer now is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Events read again that are appended at once.
const AT_ONCE: usize = 1_000;

/// What waits for the history.
pub struct EventKeeper {
    waiting: Mutex<Waiting>,
    news: Notify,
    max: usize,
}

struct Waiting {
    events: Vec<IncidentEvent>,
    /// The store has events that are neither here nor in the history: from now on they are read there.
    is_behind: bool,
}

/// An incident's events of these versions are missing.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    incident: String,
    /// The newest that the history has, 0 without any.
    known: u64,
    newest: u64,
}

impl EventKeeper {
    /// Holds `max` events. Behind at the start: nobody knows yet what an earlier run has left.
    pub fn new(max: usize) -> Self {
        Self { waiting: Mutex::new(Waiting { events: Vec::new(), is_behind: true }), news: Notify::new(), max }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event that is in the store and in the world; called under the world's lock, so that whoever is behind finds it there.
    pub fn push(&self, event: IncidentEvent) {
        let mut waiting = self.waiting();
        // Behind, an event of a later version would hide that those before it are missing.
        if !waiting.is_behind {
            if waiting.events.len() < self.max {
                waiting.events.push(event);
            } else {
                tracing::warn!("{} events of incidents wait for the history; further ones are read from the store later", self.max);
                waiting.is_behind = true;
            }
        }
        drop(waiting);
        self.news.notify_one();
    }

    /// The world has all that is in the store, and the history may lack some of it.
    pub fn lose_track(&self) {
        *self.waiting() = Waiting { events: Vec::new(), is_behind: true };
        self.news.notify_one();
    }

    /// What is next: events, or (`Err`) to read from the store; `None` when all is done.
    fn next(&self) -> Option<Result<Vec<IncidentEvent>, ()>> {
        let mut waiting = self.waiting();
        if !waiting.events.is_empty() {
            return Some(Ok(std::mem::take(&mut waiting.events)));
        }
        std::mem::take(&mut waiting.is_behind).then_some(Err(()))
    }
}

/// Brings events into the history until the hub ends.
pub async fn run(core: Arc<Core>) {
    let Some(history) = core.history.clone() else { return };
    loop {
        core.events.news.notified().await;
        if let Err(e) = core.keep_events(&*history).await {
            return tracing::error!(
                "events of incidents are not in the history until the hub is started anew, which reads them again: {e}"
            );
        }
    }
}

impl Core {
    /// Appends all that waits.
    ///
    /// # Errors
    /// What will not pass while this hub runs.
    async fn keep_events(&self, history: &dyn History) -> Result<(), HubError> {
        let mut said = false;
        while let Some(next) = self.events.next() {
            let kept = match next {
                Ok(events) => append(history, events).await.map_err(HubError::from),
                Err(()) => self.catch_up(history, Utc::now()).await,
            };
            match kept {
                Err(e) if may_pass(&e) => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!("events of incidents wait for the history: {e}");
                    }
                    self.events.lose_track();
                    tokio::time::sleep(RETRY_EVERY).await;
                }
                kept => kept?,
            }
        }
        Ok(())
    }

    /// Reads from the store what the history does not have of the incidents of the last days.
    async fn catch_up(&self, history: &dyn History, now: DateTime<Utc>) -> Result<(), HubError> {
        let since = kept_since(now, self.scene.scene.history.rollup_days);
        let known = history.incidents_at(At::as_it_happened(now)).await?.rows;
        let known: HashMap<String, u64> = known.into_iter().map(|e| (e.incident, e.version)).collect();
        let (mut batch, mut count) = (Vec::new(), 0);
        for missing in self.missing(&known, since) {
            let events = self.stored_events(&missing).await?;
            batch.extend(events.into_iter().filter(|e| e.happened_at >= since));
            if batch.len() >= AT_ONCE {
                count += batch.len();
                append(history, std::mem::take(&mut batch)).await?;
            }
        }
        count += batch.len();
        append(history, batch).await?;
        if count > 0 {
            tracing::info!("the history has {count} events of incidents more, read again from the store");
        }
        Ok(())
    }

    fn missing(&self, known: &HashMap<String, u64>, since: DateTime<Utc>) -> Vec<Missing> {
        let world = self.world();
        let recent = world.incidents.values().filter(|i| i.updated_at >= since);
        let missing =
            recent.map(|i| Missing { incident: i.id.clone(), known: known.get(&i.id).copied().unwrap_or_default(), newest: i.version });
        missing.filter(|m| m.known < m.newest).collect()
    }

    /// As the store has them, received when it had them.
    async fn stored_events(&self, missing: &Missing) -> Result<Vec<IncidentEvent>, StoreError> {
        let (mut incident, mut events) = (None, Vec::new());
        for version in 1..=missing.newest {
            let entry = self.store.get(&keys::event(&missing.incident, version)).await?;
            let Some((after, event, at)) = entry.and_then(|entry| applied(incident.take(), &entry)) else {
                tracing::error!(incident = missing.incident, version, "an event can't be read from the store: not in the history");
                break;
            };
            if version > missing.known {
                events.push(IncidentEvent::new(&after, &event, at));
            }
            incident = Some(after);
        }
        Ok(events)
    }
}

fn applied(before: Option<Incident>, entry: &Entry) -> Option<(Incident, Event, DateTime<Utc>)> {
    let event: Event = serde_json::from_slice(&entry.value).ok()?;
    Some((Incident::after(before, &event).ok()?, event, entry.at))
}

async fn append(history: &dyn History, events: Vec<IncidentEvent>) -> Result<(), HistoryError> {
    if events.is_empty() {
        return Ok(());
    }
    history.append(Batch { events, ..Batch::default() }).await
}

fn may_pass(e: &HubError) -> bool {
    match e {
        HubError::History(e) => e.may_pass(),
        HubError::Store(e) => e.may_pass(),
        _ => false,
    }
}

/// Days before this are not kept, or not told by [`History::incidents_at`]: an event of then is missed by nobody.
fn kept_since(now: DateTime<Utc>, rollup_days: u32) -> DateTime<Utc> {
    let days = u64::from(rollup_days.min(INCIDENT_DAYS).saturating_sub(1));
    let day = now.date_naive().checked_sub_days(Days::new(days)).unwrap_or_default();
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::super::scene_file::LoadedScene;
    use super::*;
    use crate::history::{EventQuery, Memory};
    use crate::model::incident::{Domain, Report, Severity};
    use crate::store::Embedded;
    use chrono::TimeDelta;
    use std::path::Path;
    use tokio::task::JoinHandle;

    /// A hub's core that follows its store and has room for two events; its task for the history is the test's to run.
    async fn core(dir: &Path) -> (Arc<Core>, JoinHandle<Result<(), StoreError>>) {
        let file = dir.join("s.toml");
        std::fs::write(&file, "name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n").unwrap();
        let (scene, state) = (LoadedScene::load(&file, dir).unwrap(), dir.join("s.redb"));
        let store = Arc::new(Embedded::open(&state).unwrap());
        let mut core = Core::new(scene, None, None, store, None, &state).await.unwrap();
        Arc::get_mut(&mut core).unwrap().events = EventKeeper::new(2);
        Arc::get_mut(&mut core).unwrap().history = Some(Arc::new(Memory::default()));
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let following = tokio::spawn(core.clone().follow(ready));
        is_ready.await.unwrap();
        (core, following)
    }

    async fn report(core: &Core, id: &str, title: &str) {
        let report = Report {
            id: id.into(),
            domain: Domain::Emergency,
            category: "emergency/natural_disaster/flood".into(),
            severity: Severity::Major,
            title: title.into(),
            title_en: String::new(),
            description: String::new(),
            lon: 118.0,
            lat: 33.0,
            area: None,
            reported_at: None,
        };
        assert!(core.feed_report("f", report, Utc::now()).await.unwrap().is_some());
    }

    async fn kept(history: &dyn History) -> Vec<(String, u64)> {
        let (from, to) = (Utc::now() - TimeDelta::days(1), Utc::now() + TimeDelta::days(1));
        let told = history.events(EventQuery { from, to, incident: None, known_by: None, limit: 100 }).await.unwrap();
        let mut kept: Vec<_> = told.rows.into_iter().map(|e| (e.incident, e.version)).collect();
        kept.sort();
        kept
    }

    fn versions(of: &[(&str, u64)]) -> Vec<(String, u64)> {
        of.iter().flat_map(|(id, newest)| (1..=*newest).map(|v| ((*id).to_owned(), v))).collect()
    }

    #[tokio::test]
    async fn events_that_the_history_has_no_room_for_are_read_again_from_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let (core, _) = core(dir.path()).await;
        let history = Memory::default();
        core.keep_events(&history).await.unwrap();
        // Two find room; "a" is amended when there is none, and once more after some has been made.
        for (id, title) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")] {
            report(&core, id, title).await;
        }
        let first = core.events.next().unwrap().unwrap();
        assert_eq!(first.iter().map(|e| (e.incident.as_str(), e.version)).collect::<Vec<_>>(), [("a", 1), ("b", 1)]);
        append(&history, first).await.unwrap();
        report(&core, "a", "3").await;
        core.keep_events(&history).await.unwrap();
        assert_eq!(kept(&history).await, versions(&[("a", 3), ("b", 1), ("c", 1)]), "each of them, in no more than one copy");
        let told = history.incidents_at(At::as_it_happened(Utc::now())).await.unwrap().rows;
        assert!(told.iter().all(|e| e.received_at >= e.happened_at && e.received_at <= Utc::now()), "known since they were stored");
        report(&core, "b", "2").await;
        core.keep_events(&history).await.unwrap();
        assert_eq!(kept(&history).await, versions(&[("a", 3), ("b", 2), ("c", 1)]));
    }

    #[tokio::test]
    async fn what_a_hub_that_fell_had_not_brought_into_the_history_is_there_after_its_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let history = Memory::default();
        let (before, following) = core(dir.path()).await;
        before.keep_events(&history).await.unwrap();
        report(&before, "a", "1").await;
        before.keep_events(&history).await.unwrap();
        report(&before, "a", "2").await;
        report(&before, "b", "1").await;
        following.abort();
        assert!(following.await.is_err());
        drop(before);
        assert_eq!(kept(&history).await, versions(&[("a", 1)]));
        let (after, _) = core(dir.path()).await;
        after.keep_events(&history).await.unwrap();
        assert_eq!(kept(&history).await, versions(&[("a", 2), ("b", 1)]));
    }

    #[test]
    fn only_days_that_the_history_keeps_are_missed() {
        let now = DateTime::parse_from_rfc3339("2026-03-10T18:00:00Z").unwrap().to_utc();
        let day = |days| kept_since(now, days).to_rfc3339();
        assert_eq!(day(1), "2026-03-10T00:00:00+00:00");
        assert_eq!(day(731), "2025-12-09T00:00:00+00:00");
    }
}
