//! OGC SensorThings entities that a platform posts: Datastreams to describe its sensors, Observations one by one, in lists, or as
//! data arrays (the standard's "CreateObservations", section 13), which are ten times as quick.
//!
//! The answer comes when everything is on disk. What is posted again after a lost answer is the same observation, and kept once.

use super::outbox::{Doubt, Outbox, Reason};
use super::phenomenon::Phenomenon;
use super::rounds::Source;
use super::sensorthings::parse;
use super::visit::Visitor;
use super::{FeedError, FeedEvent};
use crate::model::observation::{Datastream, Observation};
use chrono::{DateTime, TimeDelta, Utc};
use data_array::{Cell, DataArray};
use serde_json::Value;
use std::collections::HashMap;

mod data_array;

/// Datastreams one platform may describe.
const STREAMS_MAX: usize = 1_100_000;
/// A reading this far ahead of our clock comes from a sensor whose clock is wrong.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);

/// Takes what is posted; the catalogue outlives a session.
pub(super) struct Entities {
    feed: String,
    /// By the platform's own id.
    streams: HashMap<String, Datastream>,
    /// Described before a restart and not spoken of since.
    kept: HashMap<String, Datastream>,
}

impl Entities {
    pub(super) fn new(feed: String) -> Self {
        Self { feed, streams: HashMap::new(), kept: HashMap::new() }
    }

    /// Knows what the platform described before: it does so once, and not again because we were away.
    pub(super) fn resume(mut self, kept: Vec<Datastream>) -> Self {
        let own = format!("{}/", self.feed);
        self.kept.extend(kept.into_iter().filter_map(|d| Some((d.id.strip_prefix(&own)?.to_owned(), d))));
        self
    }

    /// The hub's id of the platform's datastream `id`; `None` when nobody has described it.
    async fn known(&mut self, id: &str, outbox: &mut Outbox) -> Result<Option<String>, FeedError> {
        if let Some(datastream) = self.kept.remove(id) {
            // For whoever reads only what this feed says: a journal.
            outbox.deliver(FeedEvent::Datastream(datastream.clone())).await?;
            self.streams.insert(id.to_owned(), datastream);
        }
        Ok(self.streams.get(id).map(|d| d.id.clone()))
    }

    async fn learn(&mut self, entity: &Value, outbox: &mut Outbox) -> Result<(), FeedError> {
        let (id, datastream) = match (parse::id(entity), parse::datastream(&self.feed, entity)) {
            (Some(id), Ok(datastream)) => (id, datastream),
            (None, _) => {
                outbox.reject(Reason::Incomplete, "a Datastream without @iot.id".into());
                return Ok(());
            }
            (_, Err(why)) => {
                outbox.reject(Reason::Incomplete, why);
                return Ok(());
            }
        };
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&id) {
            outbox.reject(Reason::Full, format!("Datastream {id}: more than {STREAMS_MAX} datastreams; split the feed"));
            return Ok(());
        }
        self.kept.remove(&id);
        if self.streams.insert(id, datastream.clone()).as_ref() != Some(&datastream) {
            outbox.deliver(FeedEvent::Datastream(datastream)).await?;
        }
        Ok(())
    }

    async fn take_rows(&mut self, rows: &DataArray<'_>, now: DateTime<Utc>, outbox: &mut Outbox) -> Result<(), FeedError> {
        let column = |name: &str| rows.components.iter().position(|c| c == name);
        let (time, result) = (column("phenomenonTime").or(column("resultTime")), column("result"));
        let flag = column("resultQuality");
        let stream = self.known(&rows.datastream, outbox).await?;
        for row in &rows.rows {
            let cell = |at: Option<usize>| at.and_then(|at| row.get(at)).unwrap_or(&Cell::Null);
            let parsed = |datastream: String| {
                let fail = |why: &str| format!("{datastream}: {why}");
                let Phenomenon { start: phenomenon_start, end: phenomenon_time } = cell(time).time().map_err(|why| fail(&why))?;
                let value = cell(result).number().ok_or_else(|| fail("a row whose result is no finite number"))?;
                let quality = cell(flag).quality();
                Ok(Observation { datastream, phenomenon_time, phenomenon_start, value, quality })
            };
            self.keep(&rows.datastream, stream.clone().map(parsed), now, outbox).await?;
        }
        Ok(())
    }

    /// `parsed`: `None` when nobody has described the datastream `id`.
    async fn keep(
        &self,
        id: &str,
        parsed: Option<Result<Observation, String>>,
        now: DateTime<Utc>,
        outbox: &mut Outbox,
    ) -> Result<(), FeedError> {
        match parsed {
            None => {
                outbox.quarantine(Doubt::Unknown, format!("an observation of {}/{id}, which no posted Datastream describes", self.feed))
            }
            Some(Err(why)) => outbox.reject(Reason::OutOfRange, why),
            Some(Ok(o)) if o.phenomenon_time > now + AHEAD_MAX => {
                outbox.quarantine(Doubt::Clock, format!("{}: its time {} is more than an hour ahead", o.datastream, o.phenomenon_time));
            }
            Some(Ok(observation)) => outbox.deliver(FeedEvent::Observation(observation)).await?,
        }
        Ok(())
    }
}

impl Source for Entities {
    /// Only posts: there is nothing to ask.
    async fn round(&mut self, _: &mut Visitor, _: &mut Outbox) -> Result<(), FeedError> {
        Ok(())
    }

    async fn posted(&mut self, body: &[u8], outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        let parts = match parts(body) {
            Ok(parts) => parts,
            Err(why) => {
                outbox.reject(Reason::Unreadable, why.clone());
                return Ok(Err(why));
            }
        };
        let now = Utc::now();
        for part in parts {
            match part {
                Part::Rows(rows) => self.take_rows(&rows, now, outbox).await?,
                Part::Entity(entity) if entity.get("ObservedProperty").is_some() => self.learn(&entity, outbox).await?,
                Part::Entity(entity) => {
                    let id = entity.get("Datastream").and_then(parse::id);
                    let stream = match &id {
                        Some(id) => self.known(id, outbox).await?,
                        None => None,
                    };
                    let parsed = |stream: String| parse::observation(&stream, &entity);
                    self.keep(id.as_deref().unwrap_or("?"), stream.map(parsed), now, outbox).await?;
                }
            }
        }
        Ok(Ok(()))
    }
}

/// One entity, or the rows of one datastream.
enum Part<'a> {
    Rows(DataArray<'a>),
    Entity(Value),
}

/// A body's parts: an entity, a list of them, or `{"value": [...]}` as it is read from a server.
fn parts(body: &[u8]) -> Result<Vec<Part<'_>>, String> {
    // Tried first, because it is the form for high rates and can be read without building a tree of values.
    if let Ok(rows) = serde_json::from_slice::<Vec<DataArray>>(body) {
        return Ok(rows.into_iter().map(Part::Rows).collect());
    }
    let value = serde_json::from_slice::<Value>(body).map_err(|e| format!("not JSON ({e})"))?;
    let entities = match value {
        Value::Array(entities) => entities,
        Value::Object(mut map) => match map.remove("value") {
            Some(Value::Array(entities)) => entities,
            _ => vec![Value::Object(map)],
        },
        _ => return Err("neither an entity nor a list of entities".into()),
    };
    Ok(entities.into_iter().map(Part::Entity).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::sensorthings::quality;
    use crate::feeds::tests::{Heard, listen, quick};
    use crate::feeds::{Kept, resume};
    use crate::model::feed::{Coordinates, FeedConfig, Source};
    use crate::model::observation::Quality;
    use serde_json::json;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn the_standards_example_of_posted_data_arrays_is_kept() {
        let examples: Value = serde_json::from_str(include_str!("../../../tests/data/sensorthings/examples.json")).unwrap();
        let described = |id: u32| {
            json!({"@iot.id": id, "ObservedProperty": examples["ObservedProperty"],
                "Thing": {"name": "Oven", "Locations": [examples["Location"]]}})
        };
        let (tx, mut rx) = mpsc::channel(100);
        let feed = resume(&FeedConfig::new("p", Source::SensorthingsIn {}), quick(), Kept::default(), tx);
        let inlet = feed.inlet.clone().unwrap();
        let bodies = [json!([described(1), described(2)]), examples["create_observations"].clone()].map(|b| b.to_string().into_bytes());
        let post = tokio::spawn(async move {
            for body in bodies {
                let taken = inlet.post(String::new(), body).await.unwrap();
                assert_eq!((taken.rejected, taken.left_out), (0, 0));
            }
        });
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.status.stored == 4).await;
        post.await.unwrap();
        // `2010-12-23T10:20:00-0700`
        let at = |minute: u32| format!("2010-12-23T17:{minute}:00Z").parse::<DateTime<Utc>>().unwrap();
        assert_eq!(heard.observations["p/1"], [(at(20), 20.0), (at(21), 30.0)]);
        assert_eq!(heard.observations["p/2"], [(at(20), 65.0), (at(21), 60.0)]);
    }

    #[tokio::test]
    async fn a_reading_has_one_quality_by_poll_by_post_and_by_data_array() {
        let described = |id: u32| {
            let place = json!({"type": "Point", "coordinates": [118.3, 33.9]});
            json!({"@iot.id": id, "ObservedProperty": {"name": "pm2_5"}, "Thing": {"name": "Mast", "Locations": [{"location": place}]}})
        };
        let forms = quality::tests::forms();
        let time = |n: usize| DateTime::from_timestamp(1_767_225_600 + n as i64, 0).unwrap().to_rfc3339();
        let row = |(n, (form, _)): (usize, &(Value, bool))| json!([time(n), n, form]);
        let rows: Vec<_> = forms.iter().enumerate().map(row).collect();
        let entity =
            |row: &Value| json!({"phenomenonTime": row[0], "result": row[1], "resultQuality": row[2], "Datastream": {"@iot.id": 1}});
        let entities: Vec<_> = rows.iter().map(entity).collect();
        let polled: Vec<_> = entities.iter().map(|e| parse::observation("p/1", e).unwrap().quality).collect();
        let array = json!([{"Datastream": {"@iot.id": 2}, "components": ["phenomenonTime", "result", "resultQuality"], "dataArray": rows}]);
        let (tx, mut rx) = mpsc::channel(1000);
        let feed = resume(&FeedConfig::new("p", Source::SensorthingsIn {}), quick(), Kept::default(), tx);
        let inlet = feed.inlet.clone().unwrap();
        let post = tokio::spawn(async move {
            for body in [json!([described(1), described(2)]), json!(entities), array] {
                inlet.post(String::new(), body.to_string().into_bytes()).await.unwrap();
            }
        });
        let mut posted = HashMap::<String, Vec<Quality>>::new();
        while posted.values().map(Vec::len).sum::<usize>() < 2 * forms.len() {
            match tokio::time::timeout(std::time::Duration::from_secs(20), rx.recv()).await.unwrap().unwrap() {
                FeedEvent::Observation(o) => posted.entry(o.datastream).or_default().push(o.quality),
                FeedEvent::Barrier(barrier) => barrier.reached(),
                _ => {}
            }
        }
        post.abort();
        assert_eq!((&posted["p/1"], &posted["p/2"]), (&polled, &polled));
    }

    #[tokio::test]
    async fn what_was_described_before_a_restart_is_known_and_is_where_it_was() {
        let described = Datastream {
            id: "p/7".into(),
            feed: "p".into(),
            sensor: "站".into(),
            observed_property: "pm2_5".into(),
            unit: "µg/m³".into(),
            lon: 118.3,
            lat: 33.9,
            height_m: 0.0,
        };
        let kept = Kept { datastreams: vec![described.clone()], ..Kept::default() };
        let (tx, mut rx) = mpsc::channel(100);
        let config = FeedConfig { coordinates: Coordinates::Gcj02, ..FeedConfig::new("p", Source::SensorthingsIn {}) };
        let feed = resume(&config, quick(), kept, tx);
        let inlet = feed.inlet.clone().unwrap();
        let post = tokio::spawn(async move {
            let rows = r#"[{"Datastream": {"@iot.id": 7}, "components": ["phenomenonTime", "result"],
                "dataArray": [["2026-05-01T00:00:00Z", 1], ["2026-05-01T00:00:01Z", 2]]}]"#;
            let one = r#"[{"phenomenonTime": "2026-05-01T00:00:02Z", "result": 3, "Datastream": {"@iot.id": 8}}]"#;
            let post = async |body: &str| inlet.post(String::new(), body.as_bytes().to_vec()).await.unwrap();
            (post(rows).await, post(one).await)
        });
        let datastream = loop {
            match rx.recv().await.unwrap() {
                FeedEvent::Datastream(datastream) => break datastream,
                FeedEvent::Status(_) => {}
                other => panic!("{other:?} before its datastream"),
            }
        };
        assert!((datastream.lon - 118.3).abs().max((datastream.lat - 33.9).abs()) < 1e-8, "{datastream:?}");
        assert_eq!(Datastream { lon: 118.3, lat: 33.9, ..datastream }, described);
        let mut heard = Heard { datastreams: ["p/7".to_owned()].into(), ..Heard::default() };
        listen(&mut rx, &mut heard, |h| h.status.received == 3).await;
        let (rows, one) = post.await.unwrap();
        assert_eq!((rows.accepted, one.left_out, heard.status.quarantined_for["unknown_sensor"]), (2, 1, 1));
    }
}
