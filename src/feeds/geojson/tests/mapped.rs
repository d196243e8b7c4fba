//! Other people's layers by a mapping: what becomes of their Features, and each way they come from a real server.

use super::super::{Features, Way};
use super::collection;
use crate::feeds::outbox::Outbox;
use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, spawn_tuned};
use crate::geo::Shifted;
use crate::model::feed::{Coordinates, FeedConfig, FeedStatus};
use crate::model::incident::{Domain, Severity};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};

const SAMPLE: &str = include_str!("../../../../tests/data/geojson/usgs-earthquakes.geojson");
const QUAKES: &str = r#"id = "/id"
    time = "/properties/time"
    time_format = "epoch_ms"
    words = { earthquake = "emergency/natural_disaster/earthquake" }
    incident = { domain = "emergency", category = "/properties/type", severity = "minor", title = "/properties/title", state = "/properties/status", over = ["deleted"] }"#;
const LOTS: &str = r#"id = "/properties/lot"
    places = { P9 = [118.2, 33.9] }
    observations = [{ value = "/properties/free", observed_property = "free spaces" }]"#;

/// What a feed in these coordinates makes of messages, one by one.
fn take(mapping: &str, coordinates: Coordinates, messages: &[String]) -> (FeedStatus, Vec<FeedEvent>) {
    let (tx, mut rx) = mpsc::channel(10_000);
    let mut outbox = Outbox::new("f", "geojson", coordinates, tx, Duration::from_secs(3600));
    let mut features = Features::new("f", vec![toml::from_str(mapping).unwrap()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        for message in messages {
            let _ = features.take(message, Way::Asked, &mut outbox).await.unwrap();
            assert!(outbox.status().balances(), "{:?}", outbox.status());
        }
    });
    (outbox.status().clone(), std::iter::from_fn(|| rx.try_recv().ok()).collect())
}

fn lot(id: &str, free: i32, geometry: &Value) -> String {
    json!({"type": "Feature", "geometry": geometry, "properties": {"lot": id, "free": free}}).to_string()
}

fn point(lon: f64, lat: f64) -> Value {
    json!({"type": "Point", "coordinates": [lon, lat]})
}

fn places(events: &[FeedEvent]) -> Vec<(&str, f64, f64)> {
    events.iter().filter_map(|e| if let FeedEvent::Datastream(d) = e { Some((d.id.as_str(), d.lon, d.lat)) } else { None }).collect()
}

#[test]
fn recorded_earthquakes_are_incidents_where_and_when_they_were() {
    let (status, events) = take(QUAKES, Coordinates::Wgs84, &[SAMPLE.into()]);
    assert_eq!((status.received, status.stored, events.len()), (26, 26, 26), "{status:?}");
    let FeedEvent::Incident(quake) = &events[0] else { panic!("{:?}", events[0]) };
    assert_eq!((quake.id.as_str(), quake.title.as_str()), ("f/nc73138176", "M 2.8 - 4km WSW of Daly City, CA"));
    assert_eq!((quake.domain, quake.severity), (Domain::Emergency, Severity::Minor));
    assert_eq!(quake.category, "emergency/natural_disaster/earthquake");
    assert_eq!((quake.lon, quake.lat), (-122.512001, 37.6756668));
    assert_eq!(quake.reported_at.unwrap().timestamp_millis(), 1_548_872_933_560);
}

#[test]
fn the_place_of_a_feature_is_that_of_its_geometry_or_of_the_mapping_and_converted_once() {
    let line = json!({"type": "LineString", "coordinates": [[118.0, 33.0], [118.2, 33.0]]});
    let area = json!({"type": "Polygon", "coordinates": [[[118.0, 33.0], [118.2, 33.0], [118.2, 33.2], [118.0, 33.2], [118.0, 33.0]]]});
    let lots = [lot("P1", 1, &point(118.3, 33.9)), lot("P2", 2, &line), lot("P3", 3, &area), lot("P9", 9, &Value::Null)];
    let (_, events) = take(LOTS, Coordinates::Gcj02, &[collection(&lots)]);
    let said = [("P1", 118.3, 33.9), ("P2", 118.1, 33.0), ("P3", 118.1, 33.1), ("P9", 118.2, 33.9)];
    for ((id, lon, lat), (name, gcj_lon, gcj_lat)) in places(&events).into_iter().zip(said) {
        let (x, y) = Shifted::Gcj02.inverse(gcj_lon, gcj_lat);
        assert_eq!(id, format!("f/{name}/free_spaces"));
        assert!((lon - x).abs() < 1e-9 && (lat - y).abs() < 1e-9 && (lon - gcj_lon).abs() > 1e-3, "{id}: {lon} {lat}");
    }
    assert_eq!(places(&events).len(), 4);
    // Fields that the mapping names count, whatever the geometry says.
    let by_fields = format!("lon = \"/properties/x\"\nlat = \"/properties/y\"\n{LOTS}");
    let feature = r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[13168000,4016000]},"properties":{"lot":"P1","free":1,"x":118.3,"y":33.9}}"#;
    let (_, events) = take(&by_fields, Coordinates::Wgs84, &[feature.into()]);
    assert_eq!(places(&events), [("f/P1/free_spaces", 118.3, 33.9)]);
}

#[test]
fn a_feature_without_a_usable_place_or_id_costs_no_other_and_is_told_once() {
    let metres = json!({"type": "Point", "coordinates": [13168000, 4016000]});
    let lots = [
        lot("P1", 1, &metres),
        lot("P2", 2, &Value::Null),
        lot("P3", 3, &point(0.0, 0.0)),
        lot("", 4, &Value::Null),
        lot("", 5, &Value::Null),
    ];
    let good = format!(r#"{{"type":"Feature","geometry":{},"properties":{{"lot":"P6","free":6,"slope":NaN}}}}"#, point(118.3, 33.9));
    let page = collection(&[lots.to_vec(), vec!["7".into(), good]].concat());
    let (status, events) = take(LOTS, Coordinates::Wgs84, &[page.clone(), page]);
    assert_eq!(places(&events), [("f/P6/free_spaces", 118.3, 33.9)]);
    assert_eq!((status.stored, status.rejected, status.quarantined, status.conflated), (1, 4, 2, 7), "{status:?}");
    assert!(status.conflated_by["repeated"] == 7 && status.quarantined_for["no_fix"] == 1, "{status:?}");
}

#[test]
fn without_a_time_a_value_is_news_when_it_changes_and_with_one_each_time() {
    let values = |mapping: &str, said: &[(i32, i64)]| {
        let page = |(free, at): &(i32, i64)| {
            let mut page: Value = serde_json::from_str(&collection(&[lot("P1", *free, &point(118.3, 33.9))])).unwrap();
            page["at"] = json!(at);
            page.to_string()
        };
        let (status, events) = take(mapping, Coordinates::Wgs84, &said.iter().map(page).collect::<Vec<_>>());
        assert_eq!(status.received, said.len() as u64);
        events.iter().filter_map(|e| if let FeedEvent::Observation(o) = e { Some(o.value) } else { None }).collect::<Vec<_>>()
    };
    let said = [(5, 1), (5, 2), (6, 3), (6, 3), (5, 4)];
    assert_eq!(values(LOTS, &said), [5.0, 6.0, 5.0]);
    // Here the whole message has a time.
    assert_eq!(values(&format!("time = \"^/at\"\ntime_format = \"epoch_s\"\n{LOTS}"), &said), [5.0, 5.0, 6.0, 5.0]);
    // And here the source numbers what it says.
    assert_eq!(values(&format!("sequence = \"^/at\"\n{LOTS}"), &said), [5.0, 5.0, 6.0, 5.0]);
}

#[test]
fn a_collection_that_says_it_is_cut_short_is_taken_and_told() {
    let page = collection(&[lot("P1", 1, &point(118.3, 33.9))]);
    for mark in
        [r#""exceededTransferLimit":true"#, r#""properties":{"exceededTransferLimit":true}"#, r#""links":[{"rel":"next","href":"x"}]"#]
    {
        let (status, _) = take(LOTS, Coordinates::Wgs84, &[page.replacen('{', &format!("{{{mark},"), 1)]);
        assert!(status.stored == 1 && status.last_error.as_ref().is_some_and(|e| e.contains("not whole")), "{mark} {status:?}");
    }
    let (status, _) = take(LOTS, Coordinates::Wgs84, &[page.replacen('{', r#"{"links":[{"rel":"self"}],"#, 1)]);
    assert_eq!(status.last_error, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_collection_that_comes_again_is_all_repetitions_and_the_ledger_balances(
        lots in proptest::collection::vec((0u8..4, any::<Option<i8>>(), any::<bool>()), 0..20), dated in any::<bool>()
    ) {
        let features: Vec<String> = lots.iter().enumerate().map(|(n, (place, free, has_id))| {
            let geometry = [Value::Null, point(118.3, 33.9), point(500.0, 1.0), json!({"type": "Point"})][usize::from(*place)].clone();
            let properties = json!({"lot": has_id.then(|| n.to_string()), "free": free, "n": n, "t": 1.5e9});
            json!({"type": "Feature", "geometry": geometry, "properties": properties}).to_string()
        }).collect();
        let mapping = if dated { format!("time = \"/properties/t\"\ntime_format = \"epoch_s\"\n{LOTS}") } else { LOTS.to_owned() };
        let page = collection(&features);
        let (once, _) = take(&mapping, Coordinates::Wgs84, std::slice::from_ref(&page));
        let (twice, _) = take(&mapping, Coordinates::Wgs84, &[page.clone(), page]);
        prop_assert_eq!((once.received, once.conflated), (features.len() as u64, 0));
        prop_assert_eq!((twice.received, twice.conflated_by.get("repeated").copied().unwrap_or_default()), (2 * once.received, once.received));
        prop_assert_eq!((twice.stored, twice.rejected, twice.quarantined), (once.stored, once.rejected, once.quarantined));
    }
}

fn feed(kind: &str, url: &str, mapping: &str) -> (FeedHandle, Receiver<FeedEvent>) {
    let poll = if kind == "geojson" { "poll_s = 0.03\n" } else { "" };
    let config: FeedConfig =
        toml::from_str(&format!("kind = \"{kind}\"\nid = \"f\"\nurl = \"{url}\"\n{poll}[[mapping]]\n{mapping}")).unwrap();
    let (tx, rx) = mpsc::channel(100);
    (spawn_tuned(&config, quick(), tx), rx)
}

#[tokio::test]
async fn a_polled_layer_is_asked_with_its_etag_and_its_features_end_only_when_it_says_so() {
    async fn quakes(State(calls): State<Arc<AtomicUsize>>, headers: HeaderMap) -> impl IntoResponse {
        let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let mut page: Value = serde_json::from_str(SAMPLE).unwrap();
        let quakes = page["features"].as_array_mut().unwrap();
        let changed = match calls.fetch_add(1, Ordering::SeqCst) {
            0 => "\"1\"",
            1..=3 if known == "\"1\"" => return StatusCode::NOT_MODIFIED.into_response(),
            _ if known == "\"2\"" => return StatusCode::NOT_MODIFIED.into_response(),
            4 if known == "\"1\"" => {
                // One is gone, one is over, one has another title, and of all others only what the mapping doesn't name is new.
                quakes.remove(25);
                quakes.iter_mut().for_each(|q| q["properties"]["felt"] = json!(9));
                quakes[3]["properties"]["status"] = json!("deleted");
                quakes[4]["properties"]["title"] = json!("M 5.0");
                "\"2\""
            }
            call => panic!("call {call} knows {known:?}"),
        };
        ([(header::ETAG, changed)], page.to_string()).into_response()
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(Router::new().route("/q", get(quakes)).with_state(calls.clone())).await;
    let (_feed, mut rx) = feed("geojson", &format!("http://{address}/q"), QUAKES);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.stored == 28 && h.status.received == 51).await;
    while calls.load(Ordering::SeqCst) < 8 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(heard.incidents[26..], ["f/nc73138156×", "f/nc73138151"]);
    assert_eq!((heard.status.conflated_by["repeated"], heard.status.rejected), (23, 0), "{:?}", heard.status);
}

#[tokio::test]
async fn an_event_stream_with_a_mapping_goes_on_at_its_last_event() {
    async fn lots(State(calls): State<Arc<AtomicUsize>>, headers: HeaderMap) -> impl IntoResponse {
        let [one, two, three] = [("P1", 1), ("P2", 2), ("P3", 3)].map(|(id, free)| lot(id, free, &point(118.3, 33.9)));
        let resumed = headers.get("last-event-id").is_some_and(|id| id == "7");
        let events = match calls.fetch_add(1, Ordering::SeqCst) {
            0 => format!("data: <html>\n\nid: 7\ndata: {}\n\n", collection(&[one, two])),
            _ if resumed => format!("data: {two}\n\ndata: {three}\n\n"),
            _ => String::new(),
        };
        ([(header::CONTENT_TYPE, "text/event-stream")], events)
    }
    let address = serve(Router::new().route("/s", get(lots)).with_state(Arc::default())).await;
    let (_feed, mut rx) = feed("geojson_sse", &format!("http://{address}/s"), LOTS);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.stored >= 3 && h.status.conflated >= 1).await;
    let values: Vec<f64> = heard.observations.values().flatten().map(|o| o.1).collect();
    assert_eq!(values, [1.0, 2.0, 3.0]);
    assert_eq!((heard.status.stored, heard.status.rejected), (3, 1), "{:?}", heard.status);
}

#[tokio::test]
async fn units_come_over_a_websocket_by_a_mapping() {
    let cars = "id = \"/properties/car\"\ntime = \"/properties/t\"\ntime_format = \"epoch_s\"\n\
        words = { busy = \"on_scene\" }\nunit = { domain = \"traffic\", kind = \"patrol_car\", state = \"/properties/s\" }";
    let car = |t: u32, s: &str| {
        json!({"type": "Feature", "geometry": point(118.3, 33.9), "properties": {"car": "A", "t": t, "s": s}}).to_string()
    };
    let said = [car(1, "busy"), car(1, "busy"), "[]".into(), car(2, "asleep"), collection(&[car(3, "available")])];
    let upgrade = move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(|mut socket| async move {
            for text in said {
                socket.send(Message::Text(text.into())).await.unwrap();
            }
            while socket.recv().await.is_some() {}
        })
    };
    let address = serve(Router::new().route("/ws", get(upgrade))).await;
    let (_feed, mut rx) = feed("geojson", &format!("ws://{address}/ws"), cars);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.received == 5).await;
    assert_eq!(heard.units["f/A"], 2);
    assert_eq!((heard.status.stored, heard.status.rejected, heard.status.conflated), (2, 2, 1), "{:?}", heard.status);
}
