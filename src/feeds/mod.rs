//! Adapters for live sources: each reads one kind of server and says what it heard as [`FeedEvent`]s.
//!
//! An adapter counts what it could not use in its [`FeedStatus`] (`rejected`, `quarantined`, `conflated`); what it hands on is
//! counted by whoever takes it.

use crate::model::incident::Report;
use crate::model::observation::{Datastream, FeedStatus, Observation};
use crate::model::scene::FeedConfig;
use crate::model::unit::Unit;
use tokio::sync::mpsc;

/// What a source says, in the model's words.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    Datastream(Datastream),
    Observation(Observation),
    Incident(Report),
    Unit(Unit),
    /// The adapter's own counts and whether it is connected.
    Status(FeedStatus),
}

/// A running adapter; it ends when this is dropped.
#[derive(Debug)]
pub struct FeedHandle(tokio::task::AbortHandle);

impl Drop for FeedHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts the adapter for `config` on the current tokio runtime. It ends when `out` is closed or the handle is dropped.
pub fn spawn(config: &FeedConfig, out: mpsc::Sender<FeedEvent>) -> FeedHandle {
    let kind = match config {
        FeedConfig::Sensorthings { .. } => "sensorthings",
        FeedConfig::GeojsonSse { .. } => "geojson_sse",
    };
    let status = FeedStatus {
        feed: config.id().to_owned(),
        kind: kind.to_owned(),
        last_error: Some(format!("this build has no adapter for {kind}")),
        ..FeedStatus::default()
    };
    let task = tokio::spawn(async move {
        let _ = out.send(FeedEvent::Status(status)).await;
    });
    FeedHandle(task.abort_handle())
}
