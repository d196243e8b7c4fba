//! `GET /api/means?property=…&hours=24&time=…&known=…`: moving means of a property by sensor, for heat layers on scales of means.
//!
//! Made here and not on each screen, so that all of them show the same, live and in the past alike: it is the history that is asked.

use super::core::Core;
use super::series::{no_history, refused};
use crate::history::{Bucket, ChartsQuery, History, HistoryError};
use crate::model::average::{self, Means, Period, Quarter};
use crate::model::view::Known;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Sensors of one property whose means are made; a country's air is watched by fewer.
const SENSORS_MAX: usize = 10_000;
/// Answers kept: a play at 600x comes to a new one each second and a half.
const KEPT: usize = 32;
/// Late readings come within an hour or so; until then an answer is made anew after a minute.
const SETTLED_AFTER: TimeDelta = TimeDelta::hours(2);
const FRESH: Duration = Duration::from_secs(60);

/// The last answers, each with when it was made.
#[derive(Default)]
pub struct MeansAnswers(Mutex<VecDeque<(Instant, Arc<Means>)>>);

#[derive(Deserialize)]
pub struct Asked {
    property: String,
    hours: u8,
    /// By default now.
    time: Option<DateTime<Utc>>,
    #[serde(default)]
    known: Known,
}

pub async fn means(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Response {
    let Some(history) = core.history.clone() else { return no_history() };
    let hours = match Period::try_from(asked.hours) {
        Ok(hours) => hours,
        Err(why) => return super::series::wrong(StatusCode::BAD_REQUEST, why),
    };
    let now = Utc::now();
    let until = average::until(asked.time.unwrap_or(now).min(now));
    match core.means(&*history, (&asked.property, hours), until, asked.known).await {
        Ok(means) => ([(header::CACHE_CONTROL, "no-store")], Json(&*means)).into_response(),
        Err(e) => refused(&e),
    }
}

impl Core {
    async fn means(
        &self,
        history: &dyn History,
        (property, hours): (&str, Period),
        until: DateTime<Utc>,
        known: Known,
    ) -> Result<Arc<Means>, HistoryError> {
        // Held while it is made: another screen that asks for the same waits and gets it too.
        let mut answers = self.means_answers.0.lock().await;
        let is_same = |m: &Means| m.property == property && m.hours == hours && m.until == until && m.known == known;
        if let Some(place) = answers.iter().position(|(_, m)| is_same(m)) {
            let (made, answer) = &answers[place];
            if made.elapsed() < FRESH || Utc::now() - until > SETTLED_AFTER {
                return Ok(answer.clone());
            }
            answers.remove(place);
        }
        let means = Arc::new(self.make_means(history, (property, hours), until, known).await?);
        if answers.len() >= KEPT {
            answers.pop_front();
        }
        answers.push_back((Instant::now(), means.clone()));
        Ok(means)
    }

    async fn make_means(
        &self,
        history: &dyn History,
        (property, hours): (&str, Period),
        until: DateTime<Utc>,
        known: Known,
    ) -> Result<Means, HistoryError> {
        let mut sensors: Vec<String> = {
            let world = self.world();
            world.datastreams.values().filter(|d| d.observed_property == property).map(|d| d.id.clone()).collect()
        };
        let mut missing = Vec::new();
        if sensors.len() > SENSORS_MAX {
            missing.push(format!("means of only {SENSORS_MAX} of {} sensors", sensors.len()));
            sensors.truncate(SENSORS_MAX);
        }
        // What the hub had by the end of the period.
        let known_by = (known == Known::AsWeKnewIt).then_some(until);
        let (from, to, step) = (average::from(until), until, average::STEP);
        let query = ChartsQuery { property: property.to_owned(), datastreams: sensors.clone(), from, to, step, known_by };
        let told = history.charts(query).await?;
        let charts: HashMap<String, Vec<Bucket>> = told.rows.into_iter().collect();
        let mean = |datastream: &String| {
            let quarters: Vec<Quarter> = charts.get(datastream).into_iter().flatten().filter_map(quarter).collect();
            average::mean(datastream, &quarters, until, hours)
        };
        let means = sensors.iter().map(mean).collect();
        missing.extend(told.missing);
        missing.sort();
        missing.dedup();
        Ok(Means { property: property.to_owned(), hours, until, known, needed: hours.needed(), means, missing })
    }
}

/// Good readings of a bucket.
fn quarter(bucket: &Bucket) -> Option<Quarter> {
    bucket.mean.map(|mean| Quarter { start: bucket.start, count: bucket.count, mean })
}

#[cfg(test)]
mod tests {
    use super::super::scene_file::LoadedScene;
    use super::*;
    use crate::history::{Batch, Memory, Reading};
    use crate::model::observation::{Datastream, Observation, Quality};
    use crate::store::Embedded;

    #[tokio::test]
    async fn a_day_of_readings_is_a_mean_too_few_hours_are_none_and_late_ones_were_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.toml");
        std::fs::write(&file, "name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n").unwrap();
        let until = average::until(Utc::now() - TimeDelta::hours(3));
        let stream = |id: &str, property: &str| Datastream {
            id: id.into(),
            feed: "f".into(),
            sensor: id.into(),
            observed_property: property.into(),
            unit: "µg/m³".into(),
            lon: 118.0,
            lat: 33.0,
            height_m: 0.0,
        };
        let streams =
            [stream("day", "pm2_5"), stream("young", "pm2_5"), stream("late", "pm2_5"), stream("mute", "pm2_5"), stream("o", "o3")];
        // Every five minutes, of each hour its number back; flagged ones don't count.
        let reading = |id: &str, minutes: i64, late: TimeDelta, quality: Quality| {
            let phenomenon_time = until - TimeDelta::minutes(minutes);
            let value = if quality == Quality::Good { ((minutes - 1) / 60) as f64 } else { 1e6 };
            Reading {
                observation: Observation { datastream: id.into(), phenomenon_time, phenomenon_start: None, value, quality },
                received_at: phenomenon_time + late,
            }
        };
        let every = |id: &'static str, minutes: i64, late: TimeDelta| {
            (1..=minutes / 5).map(move |n| reading(id, n * 5, late, Quality::Good)).collect::<Vec<_>>()
        };
        let mut readings = every("day", 24 * 60, TimeDelta::zero());
        readings.extend(every("young", 19 * 60, TimeDelta::zero()));
        readings.extend(every("late", 24 * 60, TimeDelta::hours(25)));
        readings.push(reading("day", 7, TimeDelta::zero(), Quality::Suspect));
        let history = Arc::new(Memory::default());
        history.append(Batch { datastreams: streams.to_vec(), readings, events: vec![] }).await.unwrap();
        let state = dir.path().join("s.redb");
        let store = Arc::new(Embedded::open(&state).unwrap());
        let scene = LoadedScene::load(&file, dir.path()).unwrap();
        let core = Core::new(scene, None, None, store, Some(history.clone()), &state).await.unwrap();
        streams.into_iter().for_each(|s| core.world().learn(s));
        let told = async |hours, known| {
            let means = core.means(&*history, ("pm2_5", hours), until, known).await.unwrap();
            means.means.iter().map(|m| (m.datastream.clone(), m.value, m.valid)).collect::<Vec<_>>()
        };
        let one = |id: &str, value: Option<f64>, valid: u8| (id.to_owned(), value, valid);
        let expected = [one("day", Some(11.5), 24), one("late", Some(11.5), 24), one("mute", None, 0), one("young", None, 19)];
        assert_eq!(told(Period::Day, Known::AsItHappened).await, expected);
        let expected = [one("day", Some(11.5), 24), one("late", None, 0), one("mute", None, 0), one("young", None, 19)];
        assert_eq!(told(Period::Day, Known::AsWeKnewIt).await, expected);
        let hour = told(Period::Hour, Known::AsItHappened).await;
        assert_eq!(hour[3], one("young", Some(0.0), 1));
        // What has come since is in an answer that is not settled yet and old enough; one of a minute ago stands.
        assert_eq!(told(Period::Hour, Known::AsItHappened).await, hour);
        assert_eq!(core.means_answers.0.lock().await.len(), 3);
    }
}
