//! A small data platform: a recorded or generated journal served as if it happened now.
//!
//! OGC SensorThings 1.1 over HTTP (`/v1.1`) and MQTT, incidents, unit positions and alerts as GeoJSON snapshots and
//! server-sent events, alerts as an index of CAP messages too.
//! It knows nothing of the adapters that read it; both speak only the open interfaces, so each is tested against the other.

pub(in crate::feeds) mod batch;
mod broker;
mod city;
mod clock;
mod control;
#[cfg(test)]
pub(in crate::feeds) mod fixture;
mod generate;
mod lines;
mod player;
mod serve;
mod sta;
mod warnings;

pub use super::journal::PlayReport;
pub use batch::{PAYLOAD_BYTES, PAYLOAD_BYTES_MAX};
pub use city::City;
pub use clock::SPEEDS;

use super::journal::JournalError;
use broker::Publisher;
use chrono::{DateTime, Utc};
use player::Player;
use serve::Shared;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Runtime;

/// What to play and where to serve it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The city's sensors, units and incidents. With journals it only adds sensors.
    pub city: Option<City>,
    /// Played instead of a generated journal: files, or folders of them.
    pub journals: Vec<PathBuf>,
    pub listen: SocketAddr,
    /// `None`: no MQTT.
    pub mqtt: Option<SocketAddr>,
    /// Readings of one datastream that are due together are one MQTT message of at most so many bytes; 0: each is one of its own.
    pub mqtt_payload_bytes: usize,
    /// Simulated seconds a second, within [`SPEEDS`].
    pub speed: f64,
    /// Simulated time at the start; by default now, or a journal's first entry. What was known then is there at the start.
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

impl From<JournalError> for ReplayError {
    fn from(JournalError { file, source }: JournalError) -> Self {
        Self::Io { file, source }
    }
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
        let (shared, asked) = Shared::new(&format!("{:x}", Utc::now().timestamp_micros()));
        let shared = Arc::new(shared);
        let report = Arc::new(Mutex::new(PlayReport::default()));
        let publisher = options.mqtt.map(Publisher::start).transpose()?;
        let mqtt = publisher.as_ref().map(|p| p.address);
        let mut player = Player::new(options, shared.clone(), publisher, report.clone())?;
        player.turn()?;
        let datastreams = shared.store().datastreams();
        runtime.spawn(player.run(asked));
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
