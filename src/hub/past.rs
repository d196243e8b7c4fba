//! `GET /api/at?time=…&known=…`: what was at an instant, for screens whose shared clock is in the past.
//!
//! All screens of a wall ask for the same instants, so the last answers are kept as they go over the wire, and one that is being made is
//! waited for.

mod answer;

use self::answer::{Answer, Rest};
use super::core::Core;
use super::tracks;
use super::world::DATASTREAMS_MAX;
use crate::history::{At, HistoryError, Select, State as Newest};
use crate::model::alert::Alert;
use crate::model::incident::Incident;
use crate::model::unit::{self, Unit};
use crate::model::view::Known;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Answers kept; a play at 600x on screens that are a little apart asks for some two a second.
const KEPT: usize = 16;
/// Instants are told apart by as much: ten pictures a second of the past at its own speed.
const GRAIN: TimeDelta = TimeDelta::milliseconds(100);
/// Readings and positions older than this at that instant were stale then and are left out.
const STALE_AFTER: TimeDelta = unit::KEPT;

/// The last answers.
#[derive(Default)]
pub struct PastAnswers(Mutex<VecDeque<Arc<Answer>>>);

#[derive(Deserialize)]
pub struct Asked {
    time: DateTime<Utc>,
    #[serde(default)]
    known: Known,
}

pub async fn at(State(core): State<Arc<Core>>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let answer = match core.past(asked.time, asked.known).await {
        Ok(answer) => answer,
        Err(e) => return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": e.to_string() }))).into_response(),
    };
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store"), (header::VARY, "accept-encoding")];
    if takes_gzip(&headers) {
        return (kind, [(header::CONTENT_ENCODING, "gzip")], answer.packed.clone()).into_response();
    }
    match tokio::task::spawn_blocking(move || answer.json()).await {
        Ok(json) => (kind, json).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": e.to_string() }))).into_response(),
    }
}

/// Whether `Accept-Encoding` names gzip and does not rule it out.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    let mut words = all.map(|one| one.split(';').map(str::trim));
    words.any(|mut one| {
        let is_gzip = one.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !one.filter_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok()).any(|q| q <= 0.0)
    })
}

impl Core {
    /// What was at `time`; an instant to come is now.
    ///
    /// # Errors
    /// When the history can't be asked.
    pub(super) async fn past(&self, time: DateTime<Utc>, known: Known) -> Result<Arc<Answer>, HistoryError> {
        let time = time.min(Utc::now());
        let time = time.duration_trunc(GRAIN).unwrap_or(time);
        // Held while it is made: another screen that asks for the same instant waits and gets it too.
        let mut answers = self.past_answers.0.lock().await;
        if let Some(known_answer) = answers.iter().find(|a| a.time == time && a.known == known) {
            return Ok(known_answer.clone());
        }
        let answer = Arc::new(self.make_past(time, known).await?);
        // The last seconds may still get late readings; anything else stays as it is for a while.
        if Utc::now() - time > TimeDelta::seconds(5) {
            if answers.len() >= KEPT {
                answers.pop_front();
            }
            answers.push_back(answer.clone());
        }
        Ok(answer)
    }

    async fn make_past(&self, time: DateTime<Utc>, known: Known) -> Result<Answer, HistoryError> {
        let mut past = {
            let world = self.world();
            let (incidents, alerts) = (world.chronicle.at(time, known), world.alert_past.at(time, known));
            Past { time, known, incidents, alerts, units: world.units.clone(), newest: None, missing: Vec::new() }
        };
        match &self.history {
            None => past.missing.push("this hub keeps no history: only incidents and warnings are as they were".into()),
            Some(history) => {
                let instant = match known {
                    Known::AsItHappened => At::as_it_happened(time),
                    Known::AsWeKnewIt => At::as_we_knew_it(time),
                };
                past.newest = Some(history.latest_at(instant, Select::all()).await?);
            }
        }
        // A panic there is a bug of ours, as it would be here.
        tokio::task::spawn_blocking(move || past.answer()).await.map_err(|_| HistoryError::Closed)
    }
}

/// What an answer is made of.
struct Past {
    time: DateTime<Utc>,
    known: Known,
    incidents: Vec<Incident>,
    alerts: Vec<Alert>,
    /// As they are now, by id.
    units: BTreeMap<String, Unit>,
    /// `None` without a history.
    newest: Option<Newest>,
    missing: Vec<String>,
}

impl Past {
    fn answer(mut self) -> Answer {
        let fresh = (self.time - STALE_AFTER).timestamp_micros();
        let mut positions = tracks::Positions::default();
        let mut readings = Vec::with_capacity(self.newest.as_ref().map_or(0, |n| n.samples.len()));
        for (datastream, sample) in self.newest.iter().flat_map(Newest::iter).filter(|(_, s)| s.time_us >= fresh) {
            if !positions.take(datastream, sample) {
                readings.push((datastream, sample));
            }
        }
        // A history may hold more than one hub takes: that of several hubs, or of sensors that have been replaced.
        if readings.len() > DATASTREAMS_MAX {
            self.missing.push(format!("only {DATASTREAMS_MAX} of {} readings", readings.len()));
            readings.truncate(DATASTREAMS_MAX);
        }
        let units = if self.newest.is_some() { positions.units(&self.units) } else { Vec::new() };
        self.missing.extend(self.newest.iter().flat_map(|n| n.missing.iter().cloned()));
        let Self { time, known, ref incidents, ref alerts, ref missing, .. } = self;
        Answer::new(&Rest { time, known, incidents, units: &units, alerts, missing }, &readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::scene_file::LoadedScene;
    use crate::model::protocol::PastWorld;
    use crate::store::Embedded;

    async fn open(dir: &std::path::Path) -> Arc<Core> {
        let file = dir.join("s.toml");
        std::fs::write(&file, "name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n").unwrap();
        let scene = LoadedScene::load(&file, dir).unwrap();
        let state = dir.join("s.redb");
        let store = Arc::new(Embedded::open(&state).unwrap());
        Core::new(scene, None, None, store, None, &state).await.unwrap()
    }

    async fn past(core: &Core, time: DateTime<Utc>, known: Known) -> PastWorld {
        serde_json::from_slice(&core.past(time, known).await.unwrap().json()).unwrap()
    }

    #[test]
    fn who_does_not_take_gzip_is_not_sent_it() {
        let takes = |said: &str| takes_gzip(&[(header::ACCEPT_ENCODING, said.parse().unwrap())].into_iter().collect());
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("deflate,gzip"));
        assert!(!takes("") && !takes("identity") && !takes("br, gzip;q=0") && !takes("gzipped"));
        assert!(!takes_gzip(&HeaderMap::new()));
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
            let past = past(&core, ago(minutes), known).await;
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
            assert_eq!(past(&core, time, Known::AsWeKnewIt).await.alerts.len(), count);
        }
        core.keep_alerts().await.unwrap();
        assert!(std::fs::read_to_string(dir.path().join("s.alerts.jsonl")).unwrap().contains("暴雨"));
    }
}
