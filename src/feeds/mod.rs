//! Feeds 数据源: one adapter a kind of live source, all ending in the same bounded channel of [`FeedEvent`]s.
//!
//! [`spawn`] reads a feed for as long as its [`FeedHandle`] lives. An adapter reconnects by itself (exponential backoff with
//! jitter), takes up where it was cut off, and accounts for every message in its loss ledger ([`FeedStatus`]).
//! [`replay`] is the other side: a small data platform that serves recorded or generated journals over the same open interfaces.
//! Never here: what becomes of a report or a reading (the hub's business), and any trust in what a source sends.

mod backoff;
mod broker;
mod cap;
mod cursor_on_target;
mod dial;
mod eido;
mod geojson;
mod geojson_sse;
mod gpx;
mod http;
mod inlet;
pub mod journal;
mod lag;
mod mapped;
mod mapping;
mod mqtt;
mod nats;
mod ngsi_ld;
mod nmea;
mod open311;
mod outbox;
mod phenomenon;
mod place;
pub mod replay;
mod rounds;
mod sensorthings;
mod sensorthings_in;
mod sequence;
#[cfg(test)]
mod tests;
mod tls;
mod told;
mod visit;

pub use inlet::{Barrier, Inlet, Posted, Refusal, Taken};
pub use lag::LagMeter;
pub use tls::install_tls;

use crate::model::alert::Alert;
use crate::model::feed::{Coordinates, FeedConfig, FeedStatus, Source};
use crate::model::incident::Report;
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use backoff::Backoff;
use chrono::{DateTime, Utc};
use outbox::Outbox;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use visit::Manners;

/// What a feed says.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    /// A datastream was found, or its description has changed. Always sent before its first observation.
    Datastream(Datastream),
    Observation(Observation),
    /// A new incident, by the source's own id: the same id again is the same incident with changed content.
    Incident(Report),
    /// The source says that an incident is over, by the id it was reported with, and why in its words.
    Ended {
        incident: String,
        why: String,
    },
    Unit(Unit),
    /// A public warning, an update or the cancellation of one, by its id.
    Alert(Alert),
    /// Everything before it has to be on disk before [`Barrier::reached`] is called.
    Barrier(Barrier),
    /// The ledger, at most once in [`Tuning::status_every`], and only when something changed.
    Status(FeedStatus),
}

/// What is kept of a feed from before, in WGS 84; nothing of a feed that is new.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub datastreams: Vec<Datastream>,
    /// The newest reading of each datastream.
    pub newest: Vec<Observation>,
    /// All readings from `recent_since` on, to know those that come again.
    pub recent: Vec<Observation>,
    /// Phenomenon time; `None`: `recent` is not told.
    pub recent_since: Option<DateTime<Utc>>,
    /// Ids of incidents of this feed that are open.
    pub open: Vec<String>,
    /// Public warnings of this feed, also those that were replaced or cancelled.
    pub alerts: Vec<Alert>,
}

impl Kept {
    /// In the source's coordinates, as adapters speak.
    fn in_coordinates_of_its_source(mut self, coordinates: Coordinates) -> Self {
        let Some(shifted) = outbox::shifted(coordinates) else { return self };
        let shift = |lon: &mut f64, lat: &mut f64| (*lon, *lat) = shifted.forward(*lon, *lat);
        self.datastreams.iter_mut().for_each(|d| shift(&mut d.lon, &mut d.lat));
        self.alerts.iter_mut().flat_map(|a| &mut a.areas).for_each(|area| area.each_place(shift));
        self
    }
}

/// Intervals of an adapter. The defaults are for use; tests shorten them.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Between two polls of a source that does not push.
    pub poll_every: Duration,
    /// Shortest time between two [`FeedEvent::Status`].
    pub status_every: Duration,
    /// First wait after a failure; doubled each time up to `retry_max`.
    pub retry_min: Duration,
    pub retry_max: Duration,
    /// A push connection that says nothing at all for so long is taken for dead.
    pub silence_max: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_secs(5),
            status_every: Duration::from_secs(1),
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            silence_max: Duration::from_secs(60),
        }
    }
}

/// Keeps a feed running; dropping it ends the feed's tasks.
#[derive(Debug)]
pub struct FeedHandle {
    task: JoinHandle<()>,
    /// Where the hub hands over what the source posts; `None` for a source that is read.
    pub inlet: Option<Inlet>,
}

impl Drop for FeedHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts reading a feed into `out`.
///
/// When `out` is full, positions are conflated per unit and counted; readings, incidents and alerts wait instead and hold the
/// source back, because they are kept.
/// Must be called within a tokio runtime. Ends when the handle is dropped or `out` is closed.
pub fn spawn(config: &FeedConfig, out: Sender<FeedEvent>) -> FeedHandle {
    spawn_tuned(config, Tuning::default(), out)
}

/// [`spawn`] with other intervals.
pub fn spawn_tuned(config: &FeedConfig, tuning: Tuning, out: Sender<FeedEvent>) -> FeedHandle {
    resume(config, tuning, Kept::default(), out)
}

/// Takes a feed up again of which this is kept: a source that can be asked for the past is asked for what came meanwhile, and what it
/// says of things it spoke of before is understood.
pub fn resume(config: &FeedConfig, tuning: Tuning, kept: Kept, out: Sender<FeedEvent>) -> FeedHandle {
    install_tls();
    let FeedConfig { id, coordinates, source, .. } = config.clone();
    let kept = kept.in_coordinates_of_its_source(coordinates);
    let outbox = |kind| Outbox::new(&id, kind, coordinates, out.clone(), tuning.status_every);
    let reads = |task| FeedHandle { task, inlet: None };
    match source {
        Source::Sensorthings { url, mqtt, observed_properties, area, token_env, late_days } => {
            let choice = sensorthings::Choice::new(&observed_properties, area, outbox::shifted(coordinates));
            let adapter = sensorthings::Adapter::new(id.clone(), url, mqtt, choice, tuning.clone());
            let adapter = adapter.with_token(token_env).with_late_days(late_days).resume(&kept);
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("sensorthings"))))
        }
        Source::SensorthingsIn {} => {
            let entities = sensorthings_in::Entities::new(id.clone()).resume(kept.datastreams);
            asked(entities, Manners::default(), None, tuning.clone(), outbox("sensorthings_in"))
        }
        Source::Cap { url, scopes, poll_s, token_env } => {
            let every = url.is_some().then(|| every(poll_s));
            let manners = Manners { token_env, ..Manners::default() };
            asked(cap::Alerts::new(id.clone(), url, scopes).resume(kept.alerts), manners, every, tuning.clone(), outbox("cap"))
        }
        Source::Geojson { url, token_env, tls, mapping, .. } if url.starts_with("ws:") || url.starts_with("wss:") => {
            let adapter = geojson::Socket::new(url, token_env, tls, geojson::Features::new(&id, mapping), tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("geojson"))))
        }
        Source::Geojson { url, poll_s, token_env, mapping, .. } => {
            let manners = Manners { token_env, ..Manners::default() };
            let collection = geojson::Collection::new(url, geojson::Features::new(&id, mapping));
            asked(collection, manners, Some(every(poll_s)), tuning.clone(), outbox("geojson"))
        }
        Source::NgsiLd { url, poll_s, token_env, token_header, entities } => {
            let context = entities.context.as_deref().map(|context| ("link", ngsi_ld::context_link(context)));
            let tenant = entities.tenant.clone().map(|tenant| ("ngsild-tenant", tenant));
            let manners = Manners { token_env, token_header, headers: context.into_iter().chain(tenant).collect() };
            let entities = ngsi_ld::Entities::new(id.clone(), url, entities).resume(kept.open);
            asked(entities, manners, Some(every(poll_s)), tuning.clone(), outbox("ngsi_ld"))
        }
        Source::Open311 { url, poll_s, token_env, requests } => {
            let manners = Manners { token_env, ..Manners::default() };
            let requests = open311::Requests::new(id.clone(), url, requests).resume(&kept.open);
            asked(requests, manners, Some(every(poll_s)), tuning.clone(), outbox("open311"))
        }
        Source::Eido { url, poll_s, token_env } => {
            let every = url.is_some().then(|| every(poll_s));
            let manners = Manners { token_env, ..Manners::default() };
            asked(eido::Incidents::new(id.clone(), url).resume(&kept.open), manners, every, tuning.clone(), outbox("eido"))
        }
        Source::Mqtt(source) => {
            let adapter = mqtt::Adapter::new(id.clone(), source, tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("mqtt"))))
        }
        Source::Nats(source) => {
            let adapter = nats::Adapter::new(id.clone(), source, tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("nats"))))
        }
        Source::CursorOnTarget(source) => {
            let adapter = cursor_on_target::Adapter::new(id.clone(), source, tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("cursor_on_target"))))
        }
        Source::Nmea(tracker) => {
            let adapter = nmea::Adapter::new(id.clone(), *tracker, tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("nmea"))))
        }
        Source::Gpx(tracker) => {
            let adapter = gpx::Adapter::new(id.clone(), *tracker, tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("gpx"))))
        }
        Source::GeojsonSse { url, token_env, mapping } => {
            let adapter = geojson_sse::Adapter::new(url, token_env, geojson::Features::new(&id, mapping), tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("geojson_sse"))))
        }
    }
}

/// Reads a source that is asked round by round, if there is a pause between them, and may always post.
fn asked(source: impl rounds::Source, manners: Manners, every: Option<Duration>, tuning: Tuning, outbox: Outbox) -> FeedHandle {
    let (inlet, posts) = inlet::channel();
    let adapter = rounds::Adapter::new(source, manners, every, posts, &tuning);
    FeedHandle { task: tokio::spawn(keep_running(adapter, tuning, outbox)), inlet: Some(inlet) }
}

/// Seconds of a scene as an interval: at least a hundredth, at most a day, whatever stands there.
fn every(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.clamp(0.01, 86_400.0)).unwrap_or(Duration::from_secs(60))
}

/// One way of reading a source; [`keep_running`] does the rest.
trait Adapter: Send + 'static {
    /// One connection, from dialling to its end. Must keep its position in `self`, so that the next session goes on from there.
    ///
    /// # Errors
    /// Why the connection ended, in words for the feeds panel; it is never meant to end.
    fn session(&mut self, outbox: &mut Outbox) -> impl Future<Output = Result<(), FeedError>> + Send;
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("{url}: {why}")]
    Http { url: String, why: String },
    #[error("{address}: MQTT: {why}")]
    Mqtt { address: String, why: String },
    #[error("{address}: NATS: {why}")]
    Nats { address: String, why: String },
    #[error("{address}: {why}")]
    Socket { address: String, why: String },
    #[error("{url}: nothing heard for {seconds} s")]
    Silent { url: String, seconds: u64 },
    #[error("{url}: the stream ended")]
    Ended { url: String },
    /// The reader of the channel is gone; the only end that is no failure.
    #[error("nobody reads this feed any more")]
    Closed,
}

/// Session after session until nobody reads any more.
async fn keep_running(mut adapter: impl Adapter, tuning: Tuning, mut outbox: Outbox) {
    let mut backoff = Backoff::new(tuning.retry_min, tuning.retry_max);
    loop {
        let stored_before = outbox.status().stored;
        let error = match adapter.session(&mut outbox).await {
            Err(FeedError::Closed) => return,
            Err(error) => error.to_string(),
            Ok(()) => "the source ended the connection".to_string(),
        };
        tracing::warn!(feed = outbox.status().feed, error, "feed lost, will reconnect");
        outbox.lost(error);
        // Only a session that brought something counts as healthy; one that connects and fails at once keeps backing off.
        if outbox.status().stored > stored_before {
            backoff.reset();
        }
        if outbox.idle(backoff.next_wait()).await.is_err() {
            return;
        }
    }
}
