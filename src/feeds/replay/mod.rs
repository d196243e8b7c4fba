//! A small data platform: a recorded or generated journal served as if it happened now.
//!
//! OGC SensorThings 1.1 over HTTP (`/v1.1`) and MQTT, incidents and unit positions as GeoJSON snapshots and server-sent events.
//! It knows nothing of the adapters that read it; both speak only the open interfaces, so each is tested against the other.

mod broker;
mod city;
#[cfg(test)]
pub(in crate::feeds) mod fixture;
mod generate;
mod journal;
mod lines;
mod serve;
mod sta;

pub use city::City;
pub use journal::PlayReport;

use broker::Publisher;
use chrono::{DateTime, TimeDelta, Utc};
use generate::Generator;
use journal::{Entry, Journals, Recorder, What};
use serve::Shared;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How often the player looks what is due.
const TICK: Duration = Duration::from_millis(50);
/// Entries served in one go before others get their turn.
const BURST: usize = 5_000;

/// What to play and where to serve it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The city's sensors, units and incidents. With journals it only adds sensors.
    pub city: Option<City>,
    /// Played instead of a generated journal.
    pub journals: Vec<PathBuf>,
    pub listen: SocketAddr,
    /// `None`: no MQTT.
    pub mqtt: Option<SocketAddr>,
    /// Simulated seconds a second.
    pub speed: f64,
    /// Simulated time at the start; by default now, or a journal's first entry.
    pub start: Option<DateTime<Utc>>,
    pub seed: u64,
    /// Where to write what is served.
    pub record: Option<PathBuf>,
}

/// Why the platform can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("{file}: {source}")]
    Io { file: PathBuf, source: std::io::Error },
    #[error("{file}: {why}")]
    Json { file: PathBuf, why: String },
    #[error("{dir}: no sensors.geojson, units.geojson or incidents.json with anything in it; make them with `yiping demo-city`")]
    Empty { dir: PathBuf },
    #[error("neither a city nor a journal to play; give --data DIR or --journal FILE")]
    Nothing,
    #[error("can't listen on {address}: {source}; choose another port, or 0 for any free one")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("no threads to run on: {source}")]
    Runtime { source: std::io::Error },
    #[error("MQTT broker: {why}")]
    Broker { why: String },
}

/// A running platform; dropping it ends its HTTP side, with all open connections, and its player.
pub struct Platform {
    pub http: SocketAddr,
    pub mqtt: Option<SocketAddr>,
    /// Datastreams known at the start.
    pub datastreams: usize,
    report: Arc<Mutex<PlayReport>>,
    /// Its own, because only the end of a runtime ends axum's open connections too. Taken in `drop`.
    runtime: Option<Runtime>,
}

impl Drop for Platform {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Platform {
    /// Starts serving and playing; returns when both HTTP and MQTT accept connections and what is there at the start is there.
    ///
    /// # Errors
    /// [`ReplayError`]: nothing to play, a file or an address that can't be used.
    pub fn start(options: Options) -> Result<Platform, ReplayError> {
        let listen_failed = |source| ReplayError::Listen { address: options.listen, source };
        let listener = std::net::TcpListener::bind(options.listen).map_err(listen_failed)?;
        listener.set_nonblocking(true).map_err(listen_failed)?;
        let http = listener.local_addr().map_err(listen_failed)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("replay").enable_all().build();
        let runtime = runtime.map_err(|source| ReplayError::Runtime { source })?;
        let shared = Arc::new(Shared::new(&format!("{:x}", Utc::now().timestamp_micros())));
        let report = Arc::new(Mutex::new(PlayReport::default()));
        let publisher = options.mqtt.map(Publisher::start).transpose()?;
        let mqtt = publisher.as_ref().map(|p| p.address);
        let mut player = Player::new(options, shared.clone(), publisher, report.clone())?;
        player.turn()?;
        let datastreams = shared.store().datastreams();
        runtime.spawn(player.run());
        runtime.spawn(async move {
            let served = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => axum::serve(listener, serve::router(shared)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                tracing::error!(%error, "HTTP ended");
            }
        });
        Ok(Platform { http, mqtt, datastreams, report, runtime: Some(runtime) })
    }

    /// What was played so far, and what could not be.
    pub fn report(&self) -> PlayReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `http://127.0.0.1:8088/v1.1`.
    pub fn sensorthings_url(&self) -> String {
        format!("http://{}/v1.1", self.http)
    }

    /// `mqtt://127.0.0.1:1883`.
    pub fn mqtt_url(&self) -> Option<String> {
        self.mqtt.map(|address| format!("mqtt://{address}"))
    }
}

/// Where entries come from.
enum Source {
    Generated(Box<Generator>),
    Recorded(Journals),
}

/// Plays the source by its clock.
struct Player {
    source: Source,
    shared: Arc<Shared>,
    publisher: Option<Publisher>,
    recorder: Option<Recorder>,
    report: Arc<Mutex<PlayReport>>,
    speed: f64,
    began: Instant,
    start: DateTime<Utc>,
}

impl Player {
    fn new(o: Options, shared: Arc<Shared>, publisher: Option<Publisher>, report: Arc<Mutex<PlayReport>>) -> Result<Self, ReplayError> {
        let recorder = o.record.as_deref().map(Recorder::create).transpose()?;
        let began = Instant::now();
        let (source, start, there) = match (o.city, o.journals.is_empty()) {
            (None, true) => return Err(ReplayError::Nothing),
            (Some(city), true) => {
                let start = o.start.unwrap_or_else(Utc::now);
                let (generator, there) = Generator::new(city, o.seed, start);
                (Source::Generated(Box::new(generator)), start, there)
            }
            (city, false) => {
                let journals = Journals::open(&o.journals, &mut report.lock().unwrap_or_else(PoisonError::into_inner))?;
                let start = o.start.or(journals.next_time()).unwrap_or_else(Utc::now);
                let sensors = city.map(|c| c.sensors).unwrap_or_default();
                let there = sensors.into_iter().map(|s| Entry { t: start, what: What::Datastream(s) }).collect();
                (Source::Recorded(journals), start, there)
            }
        };
        let mut player = Self { source, shared, publisher: None, recorder, report, speed: o.speed, began, start };
        // Nobody has subscribed yet: what is there at the start is only stored.
        player.serve(there)?;
        player.publisher = publisher;
        Ok(player)
    }

    /// Simulated time.
    fn now(&self) -> DateTime<Utc> {
        let ms = self.began.elapsed().as_secs_f64() * self.speed * 1000.0;
        self.start + TimeDelta::milliseconds(ms as i64)
    }

    async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.turn() {
                // Serving what there is goes on; a recording that fails must not end the platform.
                tracing::error!(%error, "recording stopped");
                self.recorder = None;
            }
        }
    }

    /// Serves what is due now.
    fn turn(&mut self) -> Result<(), ReplayError> {
        let now = self.now();
        let entries = match &mut self.source {
            Source::Generated(generator) => generator.until(now),
            Source::Recorded(journals) => {
                let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
                std::iter::from_fn(|| journals.due(now, &mut report)).take(BURST).collect()
            }
        };
        let count = entries.len() as u64;
        self.serve(entries)?;
        if matches!(self.source, Source::Generated(_)) {
            self.report.lock().unwrap_or_else(PoisonError::into_inner).played += count;
        }
        self.recorder.as_mut().map_or(Ok(()), Recorder::flush)
    }

    fn serve(&mut self, entries: Vec<Entry>) -> Result<(), ReplayError> {
        let mut recorded = Ok(());
        let mut dropped = 0;
        for entry in entries {
            if let Some(recorder) = self.recorder.as_mut().filter(|_| recorded.is_ok()) {
                recorded = recorder.write(&entry);
            }
            match entry.what {
                What::Datastream(datastream) => self.shared.store_mut().learn(datastream),
                What::Observation(observation) => {
                    let kept = self.shared.store_mut().keep(&observation);
                    let publication = kept.filter(|_| self.publisher.is_some()).and_then(|kept| {
                        let root = "http://localhost/v1.1";
                        sta::Answerer { store: &self.shared.store(), root }.publication(kept)
                    });
                    if let (Some(publisher), Some((topic, json))) = (&self.publisher, publication) {
                        dropped += u64::from(!publisher.publish(format!("v1.1/{topic}"), json));
                    }
                    if kept.is_none() {
                        self.report.lock().unwrap_or_else(PoisonError::into_inner).unknown(&observation.datastream);
                    }
                }
                What::Incident(report) => self.shared.incidents.push(&report.id, &lines::incident_feature(&report)),
                What::Unit(unit) => self.shared.units.push(&unit.id, &lines::unit_feature(&unit)),
            }
        }
        self.report.lock().unwrap_or_else(PoisonError::into_inner).mqtt_dropped += dropped;
        recorded
    }
}
