//! Feeds 数据源: one adapter a kind of live source, all ending in the same bounded channel of [`FeedEvent`]s.
//!
//! [`spawn`] reads a feed for as long as its [`FeedHandle`] lives. An adapter reconnects by itself (exponential backoff with
//! jitter), takes up where it was cut off, and accounts for every message in its loss ledger ([`FeedStatus`]).
//! [`replay`] is the other side: a small data platform that serves recorded or generated journals over the same open interfaces.
//! Never here: what becomes of a report or a reading (the hub's business), and any trust in what a source sends.

mod backoff;
mod geojson_sse;
mod http;
mod inlet;
mod lag;
mod outbox;
pub mod replay;
mod sensorthings;
mod sensorthings_in;
#[cfg(test)]
mod tests;

pub use http::install_tls;
pub use inlet::{Barrier, Inlet, Posted, Refusal, Taken};
pub use lag::LagMeter;

use crate::model::alert::Alert;
use crate::model::feed::{FeedConfig, FeedStatus, Source};
use crate::model::incident::Report;
use crate::model::observation::{Datastream, Observation};
use crate::model::unit::Unit;
use backoff::Backoff;
use outbox::Outbox;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

/// What a feed says.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    /// A datastream was found, or its description has changed. Always sent before its first observation.
    Datastream(Datastream),
    Observation(Observation),
    /// A new incident, by the source's own id: the same id again is the same incident with changed content.
    Incident(Report),
    Unit(Unit),
    /// A public warning, an update or the cancellation of one, by its id.
    Alert(Alert),
    /// Everything before it has to be on disk before [`Barrier::reached`] is called.
    Barrier(Barrier),
    /// The ledger, at most once in [`Tuning::status_every`], and only when something changed.
    Status(FeedStatus),
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
    install_tls();
    let FeedConfig { id, coordinates, source, .. } = config.clone();
    let outbox = |kind| Outbox::new(&id, kind, coordinates, out.clone(), tuning.status_every);
    let reads = |task| FeedHandle { task, inlet: None };
    match source {
        Source::Sensorthings { url, mqtt } => {
            let adapter = sensorthings::Adapter::new(id.clone(), url, mqtt, tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("sensorthings"))))
        }
        Source::SensorthingsIn {} => {
            let (inlet, posts) = inlet::channel();
            let adapter = sensorthings_in::Adapter::new(id.clone(), posts);
            let task = tokio::spawn(keep_running(adapter, tuning.clone(), outbox("sensorthings_in")));
            FeedHandle { task, inlet: Some(inlet) }
        }
        Source::GeojsonSse { url } => {
            let adapter = geojson_sse::Adapter::new(url, tuning.clone());
            reads(tokio::spawn(keep_running(adapter, tuning.clone(), outbox("geojson_sse"))))
        }
    }
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
