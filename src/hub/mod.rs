//! The hub 中枢: feeds in, state and incidents stored, all screens served (floor 3, no Bevy).
//!
//! One way in and one way out. A command is decided by `model::lifecycle`, put into the store, and answered once it is on disk
//! (`commands`). The store tells the hub of every change in order (`core::Core::follow`); that alone changes what the hub knows
//! (`world`) and goes out to screens (`outbox`, `socket`). So a screen that hears "accepted" has already been sent the change.
//! Readings and positions are not stored as state: `ingest` puts the newest of each into the world and all of them into the history
//! (`keep`); screens get them conflated, at the hub's `beat`, each written down once for all who see it (`fresh`, `news`).

mod alarms;
mod alert_file;
mod alert_log;
mod archive;
mod beat;
mod commands;
mod core;
mod error;
mod event_keeper;
mod events;
mod files;
mod fresh;
mod hexagons;
mod hold;
mod http;
mod ingest;
mod inlets;
mod keep;
mod keys;
mod ledger;
mod ledger_file;
mod means;
mod news;
mod outbox;
mod past;
mod restore;
mod rule_areas;
mod scene_file;
mod series;
mod socket;
mod standards;
mod to_screens;
mod tracks;
mod units;
mod upgrade;
mod verdicts;
mod whole_file;
mod world;

pub use error::HubError;
pub use files::allow_many_connections;
pub use scene_file::{LoadedScene, default_data};
pub use world::DATASTREAMS_MAX;

use self::core::Core;
use crate::feeds::Tuning;
use crate::history::{ClickHouse, ClickHouseConfig, History, HistoryError, Retention};
use crate::model::scene::HistoryConfig;
use crate::model::view::TourState;
use crate::store::{Embedded, StoreError};
use axum::serve::ListenerExt;
use chrono::Utc;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// How long connections get to end by themselves.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// How long a state file may be in use by a hub that is ending, as when one is restarted.
const IN_USE_MAX: Duration = Duration::from_secs(2);
const IN_USE_PAUSE: Duration = Duration::from_millis(50);
/// How often old history is removed.
const RETAIN_EVERY: Duration = Duration::from_secs(3600);
/// How often the hub looks whether a tour has come to its end.
const TOUR_EVERY: Duration = Duration::from_millis(500);

/// What a hub is started with.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// The scene's TOML file.
    pub scene: PathBuf,
    /// Folder that paths in the scene are relative to; made when it is not there.
    pub data: PathBuf,
    /// Port 0 takes a free one; [`HubHandle::addr`] says which.
    pub listen: SocketAddr,
    /// The built web app; without it `/` says how to build it.
    pub web: Option<PathBuf>,
    /// State file; `hub.redb` in the data folder when not named.
    pub state: Option<PathBuf>,
    /// Screens must bring it, when set.
    pub token: Option<String>,
    /// Where readings and positions are kept.
    pub history: HistoryPlace,
    /// Intervals of the feeds. The defaults are for use; tests shorten them.
    pub tuning: Tuning,
}

/// Where a hub keeps what was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HistoryPlace {
    /// `history` in the data folder.
    #[default]
    Data,
    Folder(PathBuf),
    /// In the servers of a ClickHouse, which other hubs may use too.
    ClickHouse(ClickHouseConfig),
    /// Nothing is kept: the clock can't go back.
    Nowhere,
}

impl HubConfig {
    /// The defaults of `yiping hub` for a scene: data in [`default_data`], 127.0.0.1:8080, state in the data folder, no token.
    pub fn new(scene: impl Into<PathBuf>) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let (history, tuning) = (HistoryPlace::default(), Tuning::default());
        Self { scene: scene.into(), data: default_data(), listen, web: None, state: None, token: None, history, tuning }
    }
}

/// A running hub; it stops when this is dropped.
pub struct HubHandle {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

pub struct Hub;

impl Hub {
    /// Starts a hub on threads of its own. When this returns, it has read its state and takes connections.
    pub fn start(config: HubConfig) -> Result<HubHandle, HubError> {
        let data = |why| HubError::Data { dir: config.data.clone(), why };
        let scene = LoadedScene::load(&config.scene, &config.data)?;
        std::fs::create_dir_all(&config.data).map_err(data)?;
        let listener = std::net::TcpListener::bind(config.listen).map_err(|why| match why.kind() {
            std::io::ErrorKind::AddrInUse => HubError::InUse { addr: config.listen },
            _ => HubError::Listen { addr: config.listen, why },
        })?;
        let listening = listener.set_nonblocking(true).and_then(|()| listener.local_addr());
        let addr = listening.map_err(|why| HubError::Listen { addr: config.listen, why })?;
        let state = config.state.clone().unwrap_or_else(|| config.data.join("hub.redb"));
        let store = Arc::new(open_store(&state)?);
        let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("hub").enable_all().build().map_err(HubError::Runtime)?;
        let history = open_history(&config, &runtime)?;
        let core = runtime.block_on(Core::new(scene, config.web, config.token, store, history, &state))?;
        let (stop, stopped) = watch::channel(false);
        let (ready, is_ready) = oneshot::channel();
        let thread = std::thread::Builder::new().name("hub".into()).spawn(move || {
            runtime.block_on(run(core, listener, config.tuning, ready, stopped));
            runtime.shutdown_timeout(STOP_WITHIN);
        });
        let thread = thread.map_err(HubError::Runtime)?;
        // An error here: the thread has ended and has logged why.
        let _ = is_ready.blocking_recv();
        Ok(HubHandle { addr, stop, thread: Some(thread) })
    }
}

impl HubHandle {
    /// `http://127.0.0.1:8080`, as seen from this machine.
    pub fn url(&self) -> String {
        let host = if self.addr.ip().is_unspecified() { "127.0.0.1".to_owned() } else { self.addr.ip().to_string() };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        format!("http://{host}:{}", self.addr.port())
    }

    /// Says good-bye to all screens and ends; everything accepted is on disk already.
    pub fn stop(mut self) {
        self.end();
    }

    /// Waits for ctrl-c or SIGTERM, then stops.
    pub fn wait_for_signal(mut self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(asked_to_stop())?;
        tracing::info!("stopping");
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the hub's thread has panicked");
        }
    }
}

impl Drop for HubHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens the state file; one that another hub is just letting go of is waited for.
fn open_store(file: &Path) -> Result<Embedded, StoreError> {
    let give_up = Instant::now() + IN_USE_MAX;
    loop {
        match Embedded::open(file) {
            Err(StoreError::InUse { .. }) if Instant::now() < give_up => std::thread::sleep(IN_USE_PAUSE),
            opened => return opened,
        }
    }
}

fn open_history(config: &HubConfig, runtime: &tokio::runtime::Runtime) -> Result<Option<Arc<dyn History>>, HubError> {
    let folder = match &config.history {
        HistoryPlace::ClickHouse(place) => return Ok(Some(Arc::new(runtime.block_on(ClickHouse::open(place.clone()))?))),
        HistoryPlace::Nowhere => return Ok(None),
        HistoryPlace::Data => config.data.join("history"),
        HistoryPlace::Folder(folder) => folder.clone(),
    };
    let give_up = Instant::now() + IN_USE_MAX;
    loop {
        match crate::history::Embedded::open(&folder) {
            Err(HistoryError::InUse { .. }) if Instant::now() < give_up => std::thread::sleep(IN_USE_PAUSE),
            opened => return Ok(Some(Arc::new(opened?))),
        }
    }
}

async fn asked_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            ctrl_c = tokio::signal::ctrl_c() => ctrl_c,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

async fn run(
    core: Arc<Core>,
    listener: std::net::TcpListener,
    tuning: Tuning,
    ready: oneshot::Sender<()>,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        // Small messages must not wait for one another's acknowledgement: 40 ms a command, measured.
        Ok(listener) => listener.tap_io(|tcp| drop(tcp.set_nodelay(true))),
        Err(e) => return tracing::error!("the hub can't listen: {e}"),
    };
    let (read, all_read) = oneshot::channel();
    tokio::spawn({
        let core = core.clone();
        async move {
            if let Err(e) = core.clone().follow(read).await {
                tracing::error!("the hub can no longer follow its store, restart it: {e}");
                core.say_bye("the hub's store has failed");
            }
        }
    });
    let _ = all_read.await;
    restore::world(&core).await;
    let mut feeds = JoinSet::new();
    for feed in core.scene.scene.feeds.clone() {
        feeds.spawn(ingest::run(core.clone(), feed, tuning.clone(), stopped.clone()));
    }
    tokio::spawn(ledger_file::run(core.clone()));
    tokio::spawn(event_keeper::run(core.clone()));
    let (feeds_end, feeds_ended) = watch::channel(false);
    let rules = tokio::spawn(alarms::run(core.clone(), feeds_ended));
    tokio::spawn(retain(core.clone()));
    tokio::spawn(end_tours(core.clone()));
    tokio::spawn(core.clone().watch_screens());
    tokio::spawn(beat::run(core.clone()));
    let _ = ready.send(());
    let mut stop = stopped.clone();
    let until = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let serve = axum::serve(listener, http::router(core.clone())).with_graceful_shutdown(until).into_future();
    let end = async {
        let _ = stopped.wait_for(|stop| *stop).await;
        core.say_bye("the hub stops");
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        served = serve => if let Err(e) = served { tracing::error!("the hub has stopped serving: {e}") },
        () = end => {}
    }
    // What they have taken is then on disk and counted. One that the disk holds back is not waited for.
    let _ = tokio::time::timeout(STOP_WITHIN, async { while feeds.join_next().await.is_some() {} }).await;
    // And what rules have made of it is carried out: a correction that takes an incident back does not come again.
    feeds_end.send_replace(true);
    if tokio::time::timeout(STOP_WITHIN, rules).await.is_err() {
        tracing::warn!("verdicts of alert rules are left that the state store did not take in time");
    }
    match tokio::time::timeout(STOP_WITHIN, core.keep_ledgers()).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => tracing::warn!("{e}"),
        Err(_) => tracing::warn!("the last of the feeds' counts are not kept: the disk doesn't answer"),
    }
}

/// Removes what is older than the policy keeps, once an hour.
async fn retain(core: Arc<Core>) {
    let Some(history) = core.history.clone() else { return };
    let HistoryConfig { raw_days, rollup_days } = core.scene.scene.history;
    let policy = Retention { raw_days, rollup_days };
    let mut tick = tokio::time::interval(RETAIN_EVERY);
    loop {
        tick.tick().await;
        match history.retain(policy, Utc::now()).await {
            Ok(done) => {
                if !done.removed.is_empty() {
                    tracing::info!("the history has let go of {}", done.removed.join(", "));
                }
                if !done.kept.is_empty() {
                    tracing::warn!("the history keeps longer than the policy says: {}", done.kept.join(", "));
                }
            }
            Err(e) => tracing::error!("old history could not be removed: {e}"),
        }
    }
}

/// Holds a tour that has come to its end, so that screens stop counting and the next `play` starts again.
async fn end_tours(core: Arc<Core>) {
    let length_s = core.scene.tour_length_s();
    let mut tick = tokio::time::interval(TOUR_EVERY);
    if length_s <= 0.0 {
        return;
    }
    loop {
        tick.tick().await;
        let over =
            |tour: &TourState| matches!(tour, TourState::Playing { .. }) && tour.position_s(Utc::now()).is_some_and(|p| p >= length_s);
        if over(&core.world().view.tour) {
            let _turn = core.view_lock.lock().await;
            core.put_view("hub", "", |view| {
                if over(&view.tour) {
                    view.tour = TourState::Paused { position_s: length_s };
                }
            })
            .await;
        }
    }
}
