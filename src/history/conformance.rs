//! What every backend must hold, as checks that take any [`History`]. Each panics with the promise that was broken.

mod spans;

pub use spans::mean;

use super::{
    At, Batch, Bucket, ChartsQuery, EventQuery, HexagonQuery, History, HistoryError, IncidentEvent, Memory, Reading, ReadingsQuery,
    Retention, Select, SeriesQuery, State,
};
use crate::model::incident::{Domain, IncidentState, Severity};
use crate::model::observation::{Datastream, Observation, Quality};
use chrono::{DateTime, TimeDelta, Utc};

/// Runs every check, each on a fresh history.
pub async fn all<H: History>(mut fresh: impl FnMut() -> H) {
    what_was_appended_is_told(&fresh()).await;
    late_and_corrected_readings_take_their_places(&fresh()).await;
    spans::are_kept_with_their_readings(&fresh()).await;
    what_we_knew_then_is_not_what_we_know_now(&fresh()).await;
    charts_and_hexagons_agree_with_the_reference(&fresh()).await;
    readings_come_page_by_page_in_order(&fresh()).await;
    incidents_are_as_they_were(&fresh()).await;
    what_can_not_be_kept_is_refused_whole(&fresh()).await;
    the_policy_says_what_goes(&fresh()).await;
}

/// 2026-11-25 00:00:00 UTC, and so many seconds.
pub fn second(s: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_564_800 + s, 0).unwrap_or_default()
}

pub fn datastream(id: &str, property: &str, lon: f64, lat: f64) -> Datastream {
    let (feed, sensor, unit) = ("air".to_owned(), format!("sensor of {id}"), "µg/m³".to_owned());
    Datastream { id: id.into(), feed, sensor, observed_property: property.into(), unit, lon, lat, height_m: 2.5 }
}

/// Phenomenon time and arrival as seconds of the day of [`second`].
pub fn reading(datastream: &str, time_s: i64, received_s: i64, value: f64) -> Reading {
    Reading { observation: Observation::new(datastream, second(time_s), value), received_at: second(received_s) }
}

pub fn event(incident: &str, version: u64, at_s: i64, received_s: i64, state: IncidentState) -> IncidentEvent {
    IncidentEvent {
        incident: incident.into(),
        version,
        happened_at: second(at_s),
        received_at: second(received_s),
        domain: Domain::Traffic,
        category: "traffic/accident/collision".into(),
        severity: Severity::Major,
        state,
        lon: 118.27,
        lat: 33.96,
        area: (version > 1).then(|| "321302001".into()),
    }
}

/// Three datastreams of two properties.
fn three() -> Batch {
    let datastreams =
        vec![datastream("a", "pm2_5", 118.27, 33.96), datastream("b", "pm2_5", 118.31, 33.99), datastream("c", "noise", 118.27, 33.96)];
    Batch { datastreams, ..Batch::default() }
}

async fn append<H: History>(history: &H, readings: Vec<Reading>) {
    history.append(Batch { readings, ..Batch::default() }).await.expect("a right batch is kept");
}

/// Ids and values.
fn values(state: &State) -> Vec<(String, f64)> {
    assert_eq!(state.missing, [""; 0], "nothing is missing");
    let mut values: Vec<_> = state.iter().map(|(d, s)| (d.id.clone(), s.value)).collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    values
}

fn pairs(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect()
}

async fn at<H: History>(history: &H, at: At) -> Vec<(String, f64)> {
    values(&history.latest_at(at, Select::all()).await.expect("an instant"))
}

async fn what_was_appended_is_told<H: History>(history: &H) {
    assert!(values(&history.latest(Select::all()).await.expect("latest")).is_empty(), "an empty history tells nothing");
    history.append(three()).await.expect("descriptions are kept");
    append(history, vec![reading("a", 60, 61, 1.0), reading("c", 60, 61, 50.0), reading("a", 120, 121, 2.0)]).await;
    assert_eq!(values(&history.latest(Select::all()).await.expect("latest")), pairs(&[("a", 2.0), ("c", 50.0)]));
    assert_eq!(values(&history.latest(Select::property("noise")).await.expect("latest")), pairs(&[("c", 50.0)]));
    assert_eq!(values(&history.latest(Select::datastream("a")).await.expect("latest")), pairs(&[("a", 2.0)]));
    assert_eq!(at(history, At::as_it_happened(second(119))).await, pairs(&[("a", 1.0), ("c", 50.0)]));
    assert_eq!(at(history, At::as_it_happened(second(120))).await, pairs(&[("a", 2.0), ("c", 50.0)]), "an instant holds its readings");
    assert!(at(history, At::as_it_happened(second(59))).await.is_empty(), "before the first there is nothing");
    let next_day = At::as_it_happened(second(86_400 + 5));
    assert_eq!(at(history, next_day).await, pairs(&[("a", 2.0), ("c", 50.0)]), "a silent series keeps its last reading");
    let health = history.health().await.expect("health");
    assert_eq!((health.datastreams, health.readings, health.newest), (3, 3, Some(second(120))));
}

async fn late_and_corrected_readings_take_their_places<H: History>(history: &H) {
    history.append(three()).await.expect("descriptions are kept");
    append(history, vec![reading("a", 7200, 7201, 3.0), reading("b", 10, 11, 9.0)]).await;
    append(history, vec![reading("a", 3500, 7300, 1.0), reading("a", -40_000, 7400, 0.5)]).await;
    assert_eq!(at(history, At::as_it_happened(second(7100))).await, pairs(&[("a", 1.0), ("b", 9.0)]));
    assert_eq!(at(history, At::as_it_happened(second(-1))).await, pairs(&[("a", 0.5)]), "late readings land in their day");
    append(history, vec![reading("a", 3500, 7500, 1.5)]).await;
    assert_eq!(at(history, At::as_it_happened(second(7100))).await, pairs(&[("a", 1.5), ("b", 9.0)]), "what was received last counts");
    append(history, vec![reading("a", 3500, 7450, 1.25)]).await;
    assert_eq!(at(history, At::as_it_happened(second(7100))).await, pairs(&[("a", 1.5), ("b", 9.0)]), "not what was appended last");
    assert_eq!(values(&history.latest(Select::all()).await.expect("latest")), pairs(&[("a", 3.0), ("b", 9.0)]));
}

async fn what_we_knew_then_is_not_what_we_know_now<H: History>(history: &H) {
    history.append(three()).await.expect("descriptions are kept");
    append(history, vec![reading("a", 1000, 1001, 1.0), reading("a", 2000, 5000, 2.0), reading("a", 1000, 6000, 1.5)]).await;
    let knew = |time, by| At { time: second(time), known_by: Some(second(by)) };
    assert_eq!(at(history, knew(3000, 3000)).await, pairs(&[("a", 1.0)]), "the later reading was still on its way");
    assert_eq!(at(history, knew(3000, 5000)).await, pairs(&[("a", 2.0)]));
    assert_eq!(at(history, knew(1500, 5999)).await, pairs(&[("a", 1.0)]));
    assert_eq!(at(history, knew(1500, 6000)).await, pairs(&[("a", 1.5)]), "a correction counts once it is here");
    assert!(at(history, knew(3000, 1000)).await.is_empty(), "nothing had arrived");
    assert_eq!(at(history, At::as_we_knew_it(second(3000))).await, pairs(&[("a", 1.0)]));
}

/// A deterministic jumble: 3 series over 3 hours, one in five late, one in seven corrected, one in eleven flagged.
fn jumble() -> Vec<Reading> {
    let mut readings = Vec::new();
    for i in 0..360_i64 {
        let id = ["a", "b", "c"][i as usize % 3];
        let late = if i % 5 == 0 { 4000 } else { 2 };
        let mut one = reading(id, i * 30, i * 30 + late, (i * 37 % 101) as f64);
        if i % 4 == 2 {
            one.observation.phenomenon_start = Some(second(i * 30 - 60).into());
        }
        if i % 11 == 0 {
            one.observation.quality = Quality::Suspect;
        }
        if i % 7 == 0 {
            readings.push(reading(id, i * 30, i * 30 + 5000, (i * 53 % 89) as f64));
        }
        readings.push(one);
    }
    readings
}

async fn charts_and_hexagons_agree_with_the_reference<H: History>(history: &H) {
    let reference = Memory::default();
    let batch = Batch { readings: jumble(), ..three() };
    reference.append(batch.clone()).await.expect("the reference takes it");
    for part in batch.readings.chunks(50) {
        history.append(Batch { readings: part.to_vec(), ..three() }).await.expect("a right batch is kept");
    }
    charts_and_hexagons_are_the_same(history, &reference, "of readings").await;
    history.settle().await.expect("roll-ups are made");
    charts_and_hexagons_are_the_same(history, &reference, "of roll-ups").await;
    // A late one, a correction, one that is flagged afterwards, and a series that had nothing in its hour: all in hours that are rolled up.
    let mut flagged = reading("b", 120, 20_000, 999.0);
    flagged.observation.quality = Quality::Suspect;
    let late = vec![reading("a", 3610, 20_000, 77.0), reading("a", 3600, 20_000, -5.0), flagged, reading("c", -1000, 20_000, 3.0)];
    for one in late {
        let batch = Batch { readings: vec![one], ..Batch::default() };
        reference.append(batch.clone()).await.expect("the reference takes it");
        history.append(batch).await.expect("a late reading is kept");
    }
    charts_and_hexagons_are_the_same(history, &reference, "after late readings").await;
    history.settle().await.expect("roll-ups are made anew");
    charts_and_hexagons_are_the_same(history, &reference, "of roll-ups made anew").await;
}

async fn charts_and_hexagons_are_the_same<H: History>(history: &H, reference: &Memory, when: &str) {
    for (from, to, known_by) in [(900, 9000, None), (900, 9000, Some(second(6000))), (-7200, 14_400, None), (905, 9000, None)] {
        for minutes in [1, 5, 15, 60, 180] {
            let (from, to) = (second(from), second(to));
            let query = SeriesQuery { datastream: "a".into(), from, to, step: TimeDelta::minutes(minutes), known_by };
            let (theirs, ours) = (history.series(query.clone()).await.expect("series"), reference.series(query).await.expect("series"));
            assert_same_buckets(&theirs.rows, &ours.rows, &format!("a chart in steps of {minutes} min from {from} {when}"));
            let datastreams = ["b", "nobody", "a", "c"].map(str::to_owned).to_vec();
            let query = ChartsQuery { property: "pm2_5".into(), datastreams, from, to, step: TimeDelta::minutes(minutes), known_by };
            let (theirs, ours) = (charts(history, query.clone()).await, charts(reference, query).await);
            let ids = |charts: &[(String, Vec<Bucket>)]| charts.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
            assert_eq!(ids(&theirs), ids(&ours), "who has a chart {when}");
            for ((id, theirs), (_, ours)) in theirs.iter().zip(&ours) {
                assert_same_buckets(theirs, ours, &format!("charts at once of {id} in steps of {minutes} min from {from} {when}"));
            }
        }
    }
    for (from, to, minutes, resolution) in [(0, 9000, 15, 9), (0, 9000, 15, 7), (-7200, 14_400, 60, 5), (0, 9000, 5, 11), (5, 8000, 30, 8)]
    {
        let (from, to, bucket) = (second(from), second(to), TimeDelta::minutes(minutes));
        let query = HexagonQuery { property: "pm2_5".into(), from, to, bucket, resolution };
        let (theirs, ours) = (history.hexagons(query.clone()).await.expect("hexagons"), reference.hexagons(query).await.expect("hexagons"));
        assert_same_hexagons(&theirs.rows, &ours.rows, &format!("hexagons of {minutes} min at resolution {resolution} {when}"));
    }
}

/// By id.
async fn charts<H: History>(history: &H, query: ChartsQuery) -> Vec<(String, Vec<Bucket>)> {
    let mut charts = history.charts(query).await.expect("charts").rows;
    charts.sort_by(|a, b| a.0.cmp(&b.0));
    charts
}

fn assert_same_hexagons(theirs: &[super::Hexagon], ours: &[super::Hexagon], what: &str) {
    let rows = |told: &[super::Hexagon]| -> Vec<_> { told.iter().map(|h| (h.start, h.cell, h.count, h.min, h.max)).collect() };
    assert_eq!(rows(theirs), rows(ours), "{what}");
    assert!(theirs.iter().zip(ours).all(|(t, o)| (t.mean - o.mean).abs() < 1e-9), "means of {what}");
}

/// For backends that keep roll-ups longer than readings.
pub async fn roll_ups_outlive_their_readings<H: History>(history: &H) {
    const DAY: i64 = 86_400;
    history.append(Batch { readings: jumble(), ..three() }).await.expect("readings of a day");
    append(history, vec![reading("a", 3 * DAY, 3 * DAY + 1, 1.0)]).await;
    let before = rolled_up(history).await;
    // "b" is silent from the first day on, and "c" with all of its property.
    let then = At::as_it_happened(second(3 * DAY + 50));
    let newest = at(history, then).await;
    assert_eq!(newest.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let begun = spans::starts(history, then).await;
    assert_eq!(begun[1], ("b".to_owned(), Some(358 * 30 - 60)), "b's last reading is of a span");
    assert!(before.0.iter().all(|rows| !rows.is_empty()) && before.1.iter().all(|rows| !rows.is_empty()));
    let policy = Retention { raw_days: 2, rollup_days: 10 };
    history.retain(policy, second(3 * DAY + 100)).await.expect("retention");
    assert_eq!(readings_of_the_day(history).await, 0, "its readings are gone");
    assert_same(&rolled_up(history).await, &before, "once the readings are gone");
    assert_eq!(at(history, then).await, newest, "a silent sensor is still known by its last reading");
    assert_eq!(spans::starts(history, then).await, begun, "and by the span of it");
    append(history, vec![reading("a", 30, 3 * DAY + 200, 1000.0), reading("b", 40, 3 * DAY + 200, 1000.0)]).await;
    assert_same(&rolled_up(history).await, &before, "after a late reading of a day that is gone");
    history.settle().await.expect("roll-ups are made");
    assert_same(&rolled_up(history).await, &before, "once it has been settled");
    history.retain(policy, second(3 * DAY + 300)).await.expect("retention");
    assert_eq!(readings_of_the_day(history).await, 0, "it goes with the next run");
    assert_same(&rolled_up(history).await, &before, "once it is gone too");
    assert_eq!(at(history, then).await, newest, "nor has the late one become the newest");
    history.retain(Retention { raw_days: 2, rollup_days: 2 }, second(3 * DAY + 400)).await.expect("retention");
    let after = rolled_up(history).await;
    assert!(after.0.iter().all(Vec::is_empty) && after.1.iter().all(Vec::is_empty), "roll-ups go by their own days");
}

async fn readings_of_the_day<H: History>(history: &H) -> usize {
    let query = ReadingsQuery {
        select: Select::property("pm2_5"),
        from: second(0),
        to: second(86_400),
        newest_first: false,
        skip: 0,
        limit: 1000,
        known_by: None,
    };
    history.readings(query).await.expect("readings").rows.len()
}

type RolledUp = (Vec<Vec<super::Bucket>>, Vec<Vec<super::Hexagon>>);

/// Charts and hexagons that fit roll-ups.
async fn rolled_up<H: History>(history: &H) -> RolledUp {
    let (mut charts, mut hexagons) = (Vec::new(), Vec::new());
    for minutes in [1, 15, 60, 180] {
        let (from, to, step) = (second(0), second(4 * 3600), TimeDelta::minutes(minutes));
        charts.push(history.series(SeriesQuery { datastream: "a".into(), from, to, step, known_by: None }).await.expect("series").rows);
    }
    for (minutes, resolution) in [(15, 9), (60, 7)] {
        let (from, to, bucket) = (second(0), second(4 * 3600), TimeDelta::minutes(minutes));
        let query = HexagonQuery { property: "pm2_5".into(), from, to, bucket, resolution };
        hexagons.push(history.hexagons(query).await.expect("hexagons").rows);
    }
    (charts, hexagons)
}

fn assert_same(now: &RolledUp, before: &RolledUp, when: &str) {
    now.0.iter().zip(&before.0).for_each(|(now, before)| assert_same_buckets(now, before, &format!("charts {when}")));
    now.1.iter().zip(&before.1).for_each(|(now, before)| assert_same_hexagons(now, before, &format!("hexagons {when}")));
}

fn assert_same_buckets(theirs: &[super::Bucket], ours: &[super::Bucket], what: &str) {
    let rows = |told: &[super::Bucket]| -> Vec<_> { told.iter().map(|b| (b.start, b.count, b.suspect, b.min, b.max, b.last)).collect() };
    assert_eq!(rows(theirs), rows(ours), "{what}");
    let near = |a: Option<f64>, b: Option<f64>| a.zip(b).map_or(a == b, |(a, b)| (a - b).abs() < 1e-9);
    assert!(theirs.iter().zip(ours).all(|(t, o)| near(t.mean, o.mean)), "means of {what}");
}

async fn readings_come_page_by_page_in_order<H: History>(history: &H) {
    history.append(three()).await.expect("descriptions are kept");
    append(history, jumble()).await;
    let reference = Memory::default();
    reference.append(Batch { readings: jumble(), ..three() }).await.expect("the reference takes it");
    for newest_first in [false, true] {
        for (skip, limit) in [(0, 10), (10, 10), (95, 100), (200, 5)] {
            let query = ReadingsQuery {
                select: Select::property("pm2_5"),
                from: second(1000),
                to: second(9000),
                newest_first,
                skip,
                limit,
                known_by: None,
            };
            let ours = reference.readings(query.clone()).await.expect("readings").rows;
            assert_eq!(history.readings(query).await.expect("readings").rows, ours, "{skip}+{limit}, newest first: {newest_first}");
        }
    }
}

async fn incidents_are_as_they_were<H: History>(history: &H) {
    use IncidentState::{Accepted, Closed, Reported};
    let events = vec![
        event("i", 1, 100, 100, Reported),
        event("j", 1, 150, 150, Reported),
        event("i", 2, 200, 205, Accepted),
        event("i", 3, 90_000, 90_000, Closed),
    ];
    history.append(Batch { events: events.clone(), ..Batch::default() }).await.expect("events are kept");
    let states = |told: super::Told<IncidentEvent>| -> Vec<_> { told.rows.into_iter().map(|e| (e.incident, e.state)).collect() };
    let then = |time| At::as_it_happened(second(time));
    assert_eq!(states(history.incidents_at(then(199)).await.expect("incidents")), [("i".into(), Reported), ("j".into(), Reported)]);
    assert_eq!(states(history.incidents_at(then(95_000)).await.expect("incidents")), [("i".into(), Closed), ("j".into(), Reported)]);
    let knew = At::as_we_knew_it(second(202));
    assert_eq!(states(history.incidents_at(knew).await.expect("incidents")), [("i".into(), Reported), ("j".into(), Reported)]);
    let all = EventQuery { from: second(0), to: second(100_000), incident: None, known_by: None, limit: 100 };
    assert_eq!(history.events(all.clone()).await.expect("events").rows, events);
    let one = EventQuery { incident: Some("j".into()), ..all.clone() };
    assert_eq!(history.events(one).await.expect("events").rows, events[1..2]);
    assert_eq!(history.events(EventQuery { limit: 2, ..all }).await.expect("events").rows, events[..2]);
}

async fn what_can_not_be_kept_is_refused_whole<H: History>(history: &H) {
    let refused = history.append(Batch { readings: vec![reading("nobody", 1, 1, 1.0)], ..three() }).await;
    assert_eq!(refused, Err(HistoryError::Unknown { id: "nobody".into() }));
    let mixed = vec![reading("a", 1, 1, 1.0), reading("a", 2, 2, f64::NAN)];
    assert!(history.append(Batch { readings: mixed, ..three() }).await.is_err(), "no number is no reading");
    assert_eq!(history.health().await.expect("health").readings, 0, "nothing of a refused batch is kept");
}

async fn the_policy_says_what_goes<H: History>(history: &H) {
    let day = 86_400;
    let mut batch = three();
    batch.readings = (0..5).map(|d| reading("a", d * day + 10, d * day + 11, d as f64)).collect();
    batch.events = (0..5).map(|d| event(&format!("i{d}"), 1, d * day + 10, d * day + 10, IncidentState::Reported)).collect();
    history.append(batch).await.expect("five days");
    let policy = Retention { raw_days: 2, rollup_days: 3 };
    history.retain(policy, second(4 * day + 100)).await.expect("retention");
    let query = ReadingsQuery {
        select: Select::all(),
        from: second(0),
        to: second(5 * day),
        newest_first: false,
        skip: 0,
        limit: 10,
        known_by: None,
    };
    let left: Vec<f64> = history.readings(query).await.expect("readings").rows.iter().map(|r| r.observation.value).collect();
    assert_eq!(left, [3.0, 4.0], "today and yesterday are kept");
    let events = EventQuery { from: second(0), to: second(5 * day), incident: None, known_by: None, limit: 10 };
    let left: Vec<String> = history.events(events).await.expect("events").rows.into_iter().map(|e| e.incident).collect();
    assert_eq!(left, ["i2", "i3", "i4"], "events go by the days of roll-ups");
}
