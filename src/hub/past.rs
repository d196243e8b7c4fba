//! `GET /api/at?time=…&known=…`: what was at an instant, for screens whose shared clock is in the past.
//!
//! All screens of a wall ask for the same instants, so the last answers are kept and one that is being made is waited for.

use super::core::Core;
use super::tracks;
use crate::history::{At, HistoryError, Select};
use crate::model::observation::Observation;
use crate::model::protocol::PastWorld;
use crate::model::view::Known;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Answers kept; a play at 600x on screens that are a little apart asks for some two a second.
const KEPT: usize = 16;
/// Instants are told apart by as much: ten pictures a second of the past at its own speed.
const GRAIN: TimeDelta = TimeDelta::milliseconds(100);
/// A picture with more series than this would not be drawn anyway; what is left out is said.
const OBSERVATIONS_MAX: usize = 100_000;
/// Readings and positions older than this at that instant were stale then and are left out.
const STALE_AFTER: TimeDelta = TimeDelta::hours(24);

/// The last answers.
#[derive(Default)]
pub struct PastAnswers(Mutex<VecDeque<Arc<PastWorld>>>);

#[derive(Deserialize)]
pub struct Asked {
    time: DateTime<Utc>,
    #[serde(default)]
    known: Known,
}

pub async fn at(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Response {
    match core.past(asked.time, asked.known).await {
        Ok(past) => ([(header::CACHE_CONTROL, "no-store")], Json(&*past)).into_response(),
        Err(e) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": e.to_string() }))).into_response(),
    }
}

impl Core {
    /// What was at `time`; an instant to come is now.
    ///
    /// # Errors
    /// When the history can't be asked.
    pub async fn past(&self, time: DateTime<Utc>, known: Known) -> Result<Arc<PastWorld>, HistoryError> {
        let time = time.min(Utc::now());
        let time = time.duration_trunc(GRAIN).unwrap_or(time);
        // Held while it is made: another screen that asks for the same instant waits and gets it too.
        let mut answers = self.past_answers.0.lock().await;
        if let Some(known_answer) = answers.iter().find(|a| a.time == time && a.known == known) {
            return Ok(known_answer.clone());
        }
        let past = Arc::new(self.make_past(time, known).await?);
        // The last seconds may still get late readings; anything else stays as it is for a while.
        if Utc::now() - time > TimeDelta::seconds(5) {
            if answers.len() >= KEPT {
                answers.pop_front();
            }
            answers.push_back(past.clone());
        }
        Ok(past)
    }

    async fn make_past(&self, time: DateTime<Utc>, known: Known) -> Result<PastWorld, HistoryError> {
        let mut past = PastWorld { time, known, ..PastWorld::default() };
        let units = {
            let world = self.world();
            past.incidents = world.chronicle.at(time, known);
            past.alerts = world.alert_past.at(time, known);
            world.units.clone()
        };
        let Some(history) = &self.history else {
            past.missing.push("this hub keeps no history: only incidents and warnings are as they were".into());
            return Ok(past);
        };
        let instant = match known {
            Known::AsItHappened => At::as_it_happened(time),
            Known::AsWeKnewIt => At::as_we_knew_it(time),
        };
        let state = history.latest_at(instant, Select::all()).await?;
        let fresh = (time - STALE_AFTER).timestamp_micros();
        let mut positions = tracks::Positions::default();
        for (datastream, sample) in state.iter().filter(|(_, s)| s.time_us >= fresh) {
            if positions.take(datastream, sample) {
                continue;
            }
            if past.observations.len() >= OBSERVATIONS_MAX {
                past.missing.push(format!("only {OBSERVATIONS_MAX} of {} readings", state.samples.len()));
                break;
            }
            past.observations.push(Observation {
                datastream: datastream.id.clone(),
                phenomenon_time: DateTime::from_timestamp_micros(sample.time_us).unwrap_or(time),
                phenomenon_start: sample.start,
                value: sample.value,
                quality: sample.quality,
            });
        }
        past.units = positions.units(&units);
        past.missing.extend(state.missing.iter().cloned());
        Ok(past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::scene_file::LoadedScene;
    use crate::model::alert::Alert;
    use crate::store::Embedded;

    async fn open(dir: &std::path::Path) -> Arc<Core> {
        let file = dir.join("s.toml");
        std::fs::write(&file, "name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n").unwrap();
        let scene = LoadedScene::load(&file, dir).unwrap();
        let state = dir.join("s.redb");
        let store = Arc::new(Embedded::open(&state).unwrap());
        Core::new(scene, None, None, store, None, &state).await.unwrap()
    }

    #[tokio::test]
    async fn warnings_of_the_past_are_those_that_stood_then_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let now = Utc::now();
        let ago = |minutes| now - TimeDelta::minutes(minutes);
        let alert = |id: &str, sent: i64| -> Alert {
            let alert = json!({"id": id, "feed": "cap", "sender": "s", "sent": ago(sent), "status": "actual", "severity": "major",
                "event": "暴雨", "areas": [], "effective": ago(sent), "expires": ago(-600)});
            serde_json::from_value(alert).unwrap()
        };
        // "a" is cancelled half an hour ago, "b" is sent ten minutes ago and comes five minutes late.
        {
            let core = open(dir.path()).await;
            core.world().hear_alert(alert("a", 60), ago(60));
            core.keep_alerts().await.unwrap();
            core.world().hear_alert(Alert { cancelled: true, ..alert("a", 60) }, ago(30));
            core.world().hear_alert(alert("b", 10), ago(5));
            core.keep_alerts().await.unwrap();
            assert!(core.world().unkept_alert_words.is_empty());
        }
        let core = open(dir.path()).await;
        let ids = async |minutes, known| -> Vec<String> {
            let past = core.past(ago(minutes), known).await.unwrap();
            past.alerts.iter().map(|a| format!("{}{}", a.id, if a.cancelled { "×" } else { "" })).collect()
        };
        for (minutes, happened, knew) in
            [(61, vec![], vec![]), (59, vec!["a"], vec!["a"]), (29, vec![], vec![]), (8, vec!["b"], vec![]), (4, vec!["b"], vec!["b"])]
        {
            assert_eq!(ids(minutes, Known::AsItHappened).await, happened, "{minutes} minutes ago");
            assert_eq!(ids(minutes, Known::AsWeKnewIt).await, knew, "{minutes} minutes ago, as we knew it");
        }
        assert!(core.world().alerts["a"].cancelled, "the present is as it is");
    }

    #[tokio::test]
    async fn warnings_of_a_hub_of_before_their_past_was_kept_stand_from_when_they_were_sent() {
        let dir = tempfile::tempdir().unwrap();
        let core = open(dir.path()).await;
        let sent = Utc::now() - TimeDelta::hours(1);
        let alert = json!([{"id": "a", "feed": "cap", "sender": "s", "sent": sent, "status": "actual", "severity": "major",
            "event": "暴雨", "areas": [], "effective": sent, "expires": null}]);
        drop(core);
        std::fs::write(dir.path().join("s.alerts.json"), alert.to_string()).unwrap();
        let core = open(dir.path()).await;
        for (time, count) in [(sent - TimeDelta::minutes(1), 0), (sent + TimeDelta::minutes(1), 1)] {
            assert_eq!(core.past(time, Known::AsWeKnewIt).await.unwrap().alerts.len(), count);
        }
        core.keep_alerts().await.unwrap();
        assert!(std::fs::read_to_string(dir.path().join("s.alerts.jsonl")).unwrap().contains("暴雨"));
    }
}
