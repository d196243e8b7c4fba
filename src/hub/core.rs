//! What all of the hub's tasks share: the store, the world as it is now, and who is connected.

use super::alarms::Alarms;
use super::alert_file::AlertFile;
use super::alert_log::AlertLog;
use super::event_keeper::{EventKeeper, WAITING_MAX};
use super::ledger_file::LedgerFile;
use super::means::MeansAnswers;
use super::news::News;
use super::outbox::Outbox;
use super::past::PastAnswers;
use super::scene_file::LoadedScene;
use super::to_screens::{Came, ToScreens};
use super::world::World;
use super::{HubError, keys, rule_areas};
use crate::feeds::Inlet;
use crate::history::{History, IncidentEvent};
use crate::model::incident::Event;
use crate::model::protocol::{Change, FromHub, Revision, Role, ScreenClass, ScreenInfo};
use crate::store::{Expect, Seen, StateStore, StoreError};
use chrono::{TimeDelta, Utc};
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Locks that commands on different incidents share out; two that share one only wait for each other.
const LOCKS: usize = 64;

/// Screens that others are told of by name; how many there are is told too.
const SCREENS_TOLD: usize = 256;
/// Least time between two such lists, while there are few screens and while there are many.
const FEW_EVERY: Duration = Duration::from_millis(200);
const MANY_EVERY: Duration = Duration::from_secs(5);

/// How far back incidents can be told event by event.
const CHRONICLE_KEPT: TimeDelta = TimeDelta::days(3);

/// How often screens hear how much others were too slow for.
const DROPPED_EVERY: Duration = Duration::from_secs(2);

/// A screen as it said it is.
#[derive(Clone, Debug)]
pub struct Screen {
    pub id: String,
    pub class: ScreenClass,
    pub role: Role,
    pub actor: String,
}

impl Screen {
    /// Whether it hears who else is connected. Phones are thousands and show only how many there are.
    pub fn is_told_names(&self) -> bool {
        self.class != ScreenClass::Small
    }
}

/// A connection that is open.
pub struct Connected {
    pub screen: Arc<Screen>,
    /// Tells two connections of one screen apart.
    pub number: u64,
    pub outbox: Arc<Outbox>,
}

pub struct Core {
    pub scene: LoadedScene,
    pub web: Option<PathBuf>,
    pub token: Option<String>,
    pub store: Arc<dyn StateStore>,
    /// Readings and positions that were; `None`: this hub keeps none.
    pub history: Option<Arc<dyn History>>,
    pub past_answers: PastAnswers,
    pub means_answers: MeansAnswers,
    alert_file: AlertFile,
    alert_log: AlertLog,
    /// What feeds' ledgers counted before this start.
    pub ledgers: LedgerFile,
    pub alarms: Alarms,
    /// Names the store, the same at each start of the same state file.
    pub name: String,
    pub view_key: String,
    pub started: Instant,
    world: Mutex<World>,
    screens: Mutex<BTreeMap<String, Connected>>,
    /// Feeds whose sources post to the hub.
    inlets: Mutex<BTreeMap<String, Inlet>>,
    screens_changed: Notify,
    /// From the arrival of what sources say to its sending.
    pub to_screens: ToScreens,
    /// What happened to incidents, on its way into the history.
    pub events: EventKeeper,
    /// The revision up to which `world` holds what the store does.
    applied: watch::Sender<Revision>,
    incident_locks: [tokio::sync::Mutex<()>; LOCKS],
    pub view_lock: tokio::sync::Mutex<()>,
}

impl Core {
    /// `state`: the file of the store; what is kept beside it is read.
    pub async fn new(
        scene: LoadedScene,
        web: Option<PathBuf>,
        token: Option<String>,
        store: Arc<dyn StateStore>,
        history: Option<Arc<dyn History>>,
        state: &Path,
    ) -> Result<Arc<Self>, HubError> {
        let rules = rule_areas::looked_up(&scene)?;
        let name = store_name(&*store).await?;
        let mut world = World::new(scene.first_view());
        let alert_file = AlertFile::beside(state);
        let (alert_log, alert_past) = AlertLog::open(alert_file.log(), Utc::now());
        world.resume_alerts(alert_file.read(), alert_past);
        Ok(Arc::new(Self {
            world: Mutex::new(world),
            alert_file,
            alert_log,
            ledgers: LedgerFile::beside(state),
            view_key: keys::view(&scene.id),
            alarms: Alarms::new(&rules),
            scene,
            web,
            token,
            store,
            history,
            past_answers: PastAnswers::default(),
            means_answers: MeansAnswers::default(),
            name,
            started: Instant::now(),
            screens: Mutex::default(),
            inlets: Mutex::default(),
            screens_changed: Notify::new(),
            to_screens: ToScreens::default(),
            events: EventKeeper::new(WAITING_MAX),
            applied: watch::channel(Revision(0)).0,
            incident_locks: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            view_lock: tokio::sync::Mutex::new(()),
        }))
    }

    /// The world now. Held for a moment only, never across an await. Taken before [`Core::screens`] by whoever needs both.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic while it was held is a bug of ours; each entry is applied whole or not at all, so going on is right.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts all alerts on disk as they are now, and what was said of them.
    pub async fn keep_alerts(&self) -> std::io::Result<()> {
        let unkept = || self.world().unkept_alert_words.clone();
        let all = || self.world().alert_past.words().cloned().collect();
        self.alert_log.append(unkept, all, |count| drop(self.world().unkept_alert_words.drain(..count))).await?;
        self.alert_file.write(|| self.world().alerts.values().cloned().collect()).await
    }

    pub fn screens(&self) -> MutexGuard<'_, BTreeMap<String, Connected>> {
        self.screens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn inlets(&self) -> MutexGuard<'_, BTreeMap<String, Inlet>> {
        self.inlets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Screens as others are told of them: walls and desks first, and not thousands.
    pub fn screen_infos(&self) -> Vec<ScreenInfo> {
        let screens = self.screens();
        let class = |small: bool| screens.values().filter(move |c| (c.screen.class == ScreenClass::Small) == small);
        class(false).chain(class(true)).take(SCREENS_TOLD).map(info).collect()
    }

    /// The screens that `screen` is told of by name in a snapshot.
    pub fn infos_for(&self, screen: &Screen) -> Vec<ScreenInfo> {
        if screen.is_told_names() { self.screen_infos() } else { Vec::new() }
    }

    /// Who is connected has changed: every screen is told soon.
    pub fn tell_screens(&self) {
        self.screens_changed.notify_one();
    }

    /// Tells every screen who is connected and which are too slow, as that changes: soon, but never one by one while thousands come.
    pub async fn watch_screens(self: Arc<Self>) {
        let mut tick = tokio::time::interval(DROPPED_EVERY);
        let mut told = 0;
        loop {
            let changed = tokio::select! {
                () = self.screens_changed.notified() => true,
                _ = tick.tick() => false,
            };
            let (dropped, total): (u64, usize) = {
                let screens = self.screens();
                (screens.values().map(|c| c.outbox.dropped()).sum(), screens.len())
            };
            if changed || told != dropped {
                told = dropped;
                let (names, count) = (News::screens(self.screen_infos(), total), News::screens(Vec::new(), total));
                let (names, count, now) = ([names], [count], Instant::now());
                for c in self.screens().values() {
                    c.outbox.tell(if c.screen.is_told_names() { &names } else { &count }, now);
                }
                tokio::time::sleep(if total > SCREENS_TOLD { MANY_EVERY } else { FEW_EVERY }).await;
            }
        }
    }

    pub fn incident_lock(&self, incident: &str) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        incident.hash(&mut hasher);
        &self.incident_locks[hasher.finish() as usize % LOCKS]
    }

    /// Waits until the world holds everything up to `revision`.
    pub async fn reached(&self, revision: Revision) {
        // The sender lives as long as `self`.
        let _ = self.applied.subscribe().wait_for(|applied| *applied >= revision).await;
    }

    /// Tells of each revision that the world has come to.
    pub fn applied(&self) -> watch::Receiver<Revision> {
        self.applied.subscribe()
    }

    pub fn say_bye(&self, why: &str) {
        for connected in self.screens().values() {
            connected.outbox.bye(why);
        }
    }

    /// Follows the store: the one place where durable state enters the world and goes out to screens. `ready` hears when all was read.
    pub async fn follow(self: Arc<Self>, ready: tokio::sync::oneshot::Sender<()>) -> Result<(), StoreError> {
        let mut watch = self.store.watch("", None).await?;
        let (mut live, mut ready) = (false, Some(ready));
        loop {
            match watch.next().await? {
                Seen::Entry(entry) => {
                    let mut world = self.world();
                    match world.take(&entry, &self.view_key) {
                        Ok(Some((change, event))) if live => {
                            let came = event.as_ref().and_then(came);
                            if let (Some(_), Some(event), Change::Incident { incident }) = (&self.history, &event, &change) {
                                self.events.push(IncidentEvent::new(incident, event, entry.at));
                            }
                            self.send_delta(entry.revision, entry.at, change, came);
                        }
                        Ok(_) => {}
                        Err(e) => tracing::error!("an entry of the state store is left out: {e}"),
                    }
                    drop(world);
                    if live {
                        self.applied.send_replace(entry.revision);
                    }
                }
                Seen::Gap { from, to } => {
                    tracing::warn!("the hub fell behind its store at revision {}; reading all of it up to {}", from.0, to.0);
                    self.world().forget_durable();
                    live = false;
                }
                Seen::Live(revision) => {
                    let mut world = self.world();
                    world.revision = revision;
                    if ready.is_none() {
                        self.screens().values().for_each(|c| c.outbox.resync());
                    }
                    live = true;
                    if let Err(e) = world.chronicle.forget_before(Utc::now() - CHRONICLE_KEPT) {
                        tracing::error!("what happened to an incident can't be told one by one: {e}");
                    }
                    drop(world);
                    self.events.lose_track();
                    self.applied.send_replace(revision);
                    if let Some(ready) = ready.take() {
                        let _ = ready.send(());
                    }
                }
            }
        }
    }

    /// Written once for all screens.
    fn send_delta(&self, revision: Revision, time: chrono::DateTime<Utc>, change: Change, came: Option<Came>) {
        let text = text(&FromHub::Delta { revision, time, changes: vec![change] });
        for connected in self.screens().values() {
            connected.outbox.delta(revision, text.clone(), came.clone());
        }
    }
}

/// From which feed an event came and when this hub had it; what people do is measured by nobody.
fn came(event: &Event) -> Option<Came> {
    let by = Some(&event.by).filter(|by| by.screen == "feed")?;
    let ago = (Utc::now() - by.at).to_std().unwrap_or_default();
    Some(Came { source: by.actor.as_str().into(), at: Instant::now().checked_sub(ago)? })
}

fn info(connected: &Connected) -> ScreenInfo {
    let Screen { id, class, role, actor } = Screen::clone(&connected.screen);
    ScreenInfo { screen: id, class, role, actor, dropped: connected.outbox.dropped() }
}

/// A message as it goes over the wire.
pub fn text(message: &FromHub) -> Utf8Bytes {
    // Our own types with string keys: serde_json has no way to refuse them.
    serde_json::to_string(message).unwrap_or_default().into()
}

/// The name in the store, chosen when there is none.
async fn store_name(store: &dyn StateStore) -> Result<String, StoreError> {
    loop {
        if let Some(entry) = store.get(keys::STORE_NAME).await? {
            return Ok(String::from_utf8_lossy(&entry.value).into_owned());
        }
        let name = uuid::Uuid::new_v4().to_string();
        match store.put(keys::STORE_NAME, name.into_bytes(), Expect::Absent, "hub").await {
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(e) => return Err(e),
        }
    }
}
