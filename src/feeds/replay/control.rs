//! `/control`: what the platform plays, and changes of it while it plays.

use super::clock::SPEEDS;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// A change; what isn't given stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Simulated seconds a second.
    pub speed: Option<f64>,
    pub paused: Option<bool>,
    /// Go to this time, forwards or backwards.
    pub seek: Option<DateTime<Utc>>,
}

/// What is being played.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Playing {
    pub time: DateTime<Utc>,
    pub speed: f64,
    pub paused: bool,
    /// First entry of the journals; `None` when they are generated.
    pub start: Option<DateTime<Utc>>,
    /// Next entry; `None` at their end.
    pub next: Option<DateTime<Utc>>,
}

/// A change and where its answer goes.
pub type Asked = (Change, oneshot::Sender<Result<Playing, String>>);

/// Asks the player.
///
/// # Errors
/// Status and words: a change that can't be, or a player that has ended.
pub async fn ask(player: &mpsc::Sender<Asked>, change: Change) -> Result<Playing, (StatusCode, String)> {
    if change.speed.is_some_and(|s| !SPEEDS.contains(&s)) {
        return Err((StatusCode::BAD_REQUEST, format!("a speed is between {} and {}", SPEEDS.start(), SPEEDS.end())));
    }
    let ended = || (StatusCode::SERVICE_UNAVAILABLE, "the player has ended".to_owned());
    let (answer, answered) = oneshot::channel();
    player.send((change, answer)).await.map_err(|_| ended())?;
    answered.await.map_err(|_| ended())?.map_err(|why| (StatusCode::CONFLICT, why))
}
