//! A small server whose readings come late, are corrected, or have wrong clocks.

use super::Kept;
use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, resume};
use crate::geo::Shifted;
use crate::model::feed::{Coordinates, FeedConfig, Source};
use crate::model::observation::{Observation, Quality};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};

#[derive(Default)]
struct Server {
    /// Id and place of each datastream.
    streams: Vec<(&'static str, f64, f64)>,
    readings: Vec<(&'static str, DateTime<Utc>, f64)>,
    /// Whether it can be asked for several datastreams by name.
    without_groups: bool,
    fails: bool,
    failed: usize,
    /// Questions that named datastreams.
    named: usize,
    /// `Authorization` of each question.
    tokens: BTreeSet<String>,
    /// Where the second page of the catalogue is.
    next: Option<String>,
}

type Shared = Arc<Mutex<Server>>;

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn observation((stream, time, value): &(&str, DateTime<Utc>, f64)) -> Value {
    json!({"phenomenonTime": iso(*time), "result": value, "Datastream": {"@iot.id": stream}})
}

fn note_token(server: &mut Server, headers: &HeaderMap) {
    let token = headers.get("authorization").and_then(|t| t.to_str().ok()).unwrap_or("none");
    server.tokens.insert(token.to_owned());
}

async fn datastreams(State(server): State<Shared>, headers: HeaderMap) -> String {
    let mut server = server.lock().unwrap();
    note_token(&mut server, &headers);
    let one = |(id, lon, lat): &(&str, f64, f64)| {
        let place = json!({"type": "Point", "coordinates": [lon, lat]});
        let latest = server.readings.iter().filter(|r| r.0 == *id).max_by_key(|r| r.1).map(observation);
        json!({"@iot.id": id, "ObservedProperty": {"name": "PM2.5"}, "Thing": {"name": id, "Locations": [{"location": place}]},
            "Observations": latest.into_iter().collect::<Vec<_>>()})
    };
    json!({"value": server.streams.iter().map(one).collect::<Vec<_>>(), "@iot.nextLink": server.next}).to_string()
}

/// `phenomenonTime gt T`, also after `(Datastream/id eq 'a' or ...) and `; no data arrays.
fn found(server: &mut Server, query: &HashMap<String, String>, only: Option<&str>) -> Response {
    let refuse = || (StatusCode::BAD_REQUEST, "not understood").into_response();
    if server.fails {
        server.failed += 1;
        return (StatusCode::BAD_GATEWAY, "out of order").into_response();
    }
    let filter = query.get("$filter").map(String::as_str).unwrap_or_default();
    let (names, time) = filter.split_once(" and ").map_or(("", filter), |(names, time)| (names, time));
    let Some(after) = time.strip_prefix("phenomenonTime gt ").and_then(|t| t.parse::<DateTime<Utc>>().ok()) else { return refuse() };
    if query.contains_key("$resultFormat") || (!names.is_empty() && server.without_groups) {
        return refuse();
    }
    server.named += usize::from(!names.is_empty() || only.is_some());
    let wanted = |id: &str| only.is_none_or(|only| only == id) && (names.is_empty() || names.contains(&format!("Datastream/id eq '{id}'")));
    let mut all: Vec<_> = server.readings.iter().filter(|r| r.1 > after && wanted(r.0)).collect();
    all.sort_by_key(|r| r.1);
    json!({"value": all.into_iter().map(observation).collect::<Vec<_>>()}).to_string().into_response()
}

async fn observations(State(server): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
    found(&mut server.lock().unwrap(), &query, None)
}

async fn of_one(State(server): State<Shared>, Path(path): Path<String>, Query(query): Query<HashMap<String, String>>) -> Response {
    let id = path.strip_prefix("Datastreams('").and_then(|p| p.strip_suffix("')")).unwrap_or_default().to_owned();
    found(&mut server.lock().unwrap(), &query, Some(&id))
}

async fn start(server: Server) -> (Shared, SocketAddr) {
    let shared = Arc::new(Mutex::new(server));
    let router = Router::new()
        .route("/v1.1/Datastreams", get(datastreams))
        .route("/v1.1/Observations", get(observations))
        .route("/v1.1/{stream}/Observations", get(of_one));
    (shared.clone(), serve(router.with_state(shared)).await)
}

fn config(address: SocketAddr) -> FeedConfig {
    let url = format!("http://{address}/v1.1");
    FeedConfig::new("f", Source::Sensorthings { url, mqtt: None, observed_properties: vec![], area: None, token_env: None, late_days: 1 })
}

fn read(config: &FeedConfig, kept: Kept) -> (FeedHandle, Receiver<FeedEvent>) {
    let (tx, rx) = mpsc::channel(1000);
    (resume(config, quick(), kept, tx), rx)
}

/// Waits until exactly these values of a datastream were heard.
async fn values(rx: &mut Receiver<FeedEvent>, heard: &mut Heard, stream: &str, values: &[f64]) {
    let sorted = |h: &Heard| {
        let mut all: Vec<f64> = h.observations.get(stream).into_iter().flatten().map(|o| o.1).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    listen(rx, heard, |h| sorted(h).len() >= values.len()).await;
    assert_eq!(sorted(heard), values, "{stream}");
}

const HERE: (f64, f64) = (118.28, 33.96);

fn streams(ids: &[&'static str]) -> Vec<(&'static str, f64, f64)> {
    ids.iter().map(|id| (*id, HERE.0, HERE.1)).collect()
}

/// Minutes from now.
fn min(now: DateTime<Utc>, minutes: f64) -> DateTime<Utc> {
    now + TimeDelta::milliseconds((minutes * 60_000.0) as i64)
}

#[tokio::test]
async fn a_sensor_that_is_ahead_hides_no_other() {
    let now = Utc::now();
    let readings = vec![("fast", min(now, 5.0), 1.0), ("right", min(now, -0.1), 1.0), ("third", min(now, -0.1), 1.0)];
    let (server, address) = start(Server { streams: streams(&["fast", "right", "third"]), readings, ..Server::default() }).await;
    let (_feed, mut rx) = read(&config(address), Kept::default());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.observations.len() == 3 && h.status.connected).await;
    server.lock().unwrap().readings.extend([("right", now, 2.0), ("fast", min(now, 5.1), 2.0)]);
    values(&mut rx, &mut heard, "f/right", &[1.0, 2.0]).await;
    values(&mut rx, &mut heard, "f/fast", &[1.0, 2.0]).await;
    listen(&mut rx, &mut heard, |h| h.status.stored == 5).await;
    assert_eq!((heard.status.received, heard.status.quarantined), (5, 0), "each once, however often it was asked for");
}

#[tokio::test]
async fn a_reading_and_a_correction_that_come_minutes_late_are_read_once() {
    let now = Utc::now();
    let readings = vec![("a", min(now, -10.0), 1.0), ("b", now, 1.0)];
    let (server, address) = start(Server { streams: streams(&["a", "b"]), readings, ..Server::default() }).await;
    let (_feed, mut rx) = read(&config(address), Kept::default());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.observations.len() == 2 && h.status.connected).await;
    server.lock().unwrap().readings.push(("a", min(now, -5.0), 2.0));
    values(&mut rx, &mut heard, "f/a", &[1.0, 2.0]).await;
    server.lock().unwrap().readings.push(("a", min(now, -5.0), 3.0));
    values(&mut rx, &mut heard, "f/a", &[1.0, 2.0, 3.0]).await;
    listen(&mut rx, &mut heard, |h| h.status.stored == 4).await;
    assert_eq!((heard.status.received, heard.status.last_error.clone()), (4, None));
}

#[tokio::test]
async fn stations_that_speak_once_an_hour_are_asked_for_by_name() {
    for without_groups in [false, true] {
        let now = Utc::now();
        let hourly = ["h1", "h2"];
        let mut readings = vec![("b", now, 1.0)];
        readings.extend(hourly.map(|h| (h, min(now, -300.0), 1.0)));
        let server = Server { streams: streams(&["b", "h1", "h2"]), readings, without_groups, ..Server::default() };
        let (server, address) = start(server).await;
        let (_feed, mut rx) = read(&config(address), Kept::default());
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.observations.len() == 3 && h.status.connected).await;
        // Three at once, as a station does that could not send for a while.
        for (minutes, value) in [(-240.0, 2.0), (-180.0, 3.0), (-120.0, 4.0)] {
            server.lock().unwrap().readings.extend(hourly.map(|h| (h, min(now, minutes), value)));
        }
        for station in ["f/h1", "f/h2"] {
            values(&mut rx, &mut heard, station, &[1.0, 2.0, 3.0, 4.0]).await;
        }
        listen(&mut rx, &mut heard, |h| h.status.stored == 9).await;
        assert_eq!((heard.status.received, server.lock().unwrap().named), (9, if without_groups { 2 } else { 1 }));
    }
}

#[tokio::test]
async fn what_was_missed_is_asked_for_until_it_is_there() {
    let now = Utc::now();
    let readings = vec![("a", min(now, -5.0), 1.0)];
    let (server, address) = start(Server { streams: streams(&["a"]), readings, ..Server::default() }).await;
    let (_feed, mut rx) = read(&config(address), Kept::default());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.observations.len() == 1 && h.status.connected).await;
    {
        // The catalogue still answers, and tells the latest reading.
        let mut server = server.lock().unwrap();
        server.fails = true;
        server.readings.extend([("a", min(now, -4.0), 2.0), ("a", min(now, -3.0), 3.0), ("a", min(now, -1.0), 4.0)]);
    }
    listen(&mut rx, &mut heard, |h| h.observations["f/a"].len() == 2 && !h.status.connected).await;
    while server.lock().unwrap().failed < 5 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.lock().unwrap().fails = false;
    values(&mut rx, &mut heard, "f/a", &[1.0, 2.0, 3.0, 4.0]).await;
}

#[tokio::test]
async fn after_a_restart_each_datastream_goes_on_where_it_was() {
    let now = Utc::now();
    let kept = |stream: &str, minutes: f64, value: f64| Observation {
        datastream: format!("f/{stream}"),
        phenomenon_time: iso(min(now, minutes)).parse().unwrap(),
        phenomenon_start: None,
        value,
        quality: Quality::Good,
    };
    let readings = vec![
        ("a", min(now, -200.0), 0.5),
        ("a", min(now, -190.0), 1.0),
        // Came while the hub was away, as did all that follows.
        ("a", min(now, -100.0), 2.0),
        ("a", min(now, -99.0), 3.0),
        ("b", min(now, -30.0), 1.0),
        // Late: before the last that was kept.
        ("b", min(now, -25.0), 2.0),
        ("b", min(now, -20.0), 3.0),
        ("b", min(now, -1.0), 4.0),
        ("new", min(now, -15.0), 1.0),
        ("new", min(now, -10.0), 2.0),
    ];
    let (_server, address) = start(Server { streams: streams(&["a", "b", "new"]), readings, ..Server::default() }).await;
    let newest = vec![kept("a", -190.0, 1.0), kept("b", -20.0, 3.0)];
    let recent = vec![kept("b", -20.0, 3.0), kept("b", -30.0, 1.0)];
    let (_feed, mut rx) = read(&config(address), Kept { newest, recent, recent_since: Some(min(now, -80.0)), ..Kept::default() });
    let mut heard = Heard::default();
    values(&mut rx, &mut heard, "f/a", &[2.0, 3.0]).await;
    values(&mut rx, &mut heard, "f/b", &[2.0, 4.0]).await;
    values(&mut rx, &mut heard, "f/new", &[1.0, 2.0]).await;
    listen(&mut rx, &mut heard, |h| h.status.stored == 6).await;
    assert_eq!(heard.status.received, 6);
}

#[tokio::test]
async fn what_is_asked_for_after_a_break_reaches_as_far_back_as_readings_may_come_late() {
    for (days, expected) in [(1, &[3.0][..]), (3, &[2.0, 3.0])] {
        let now = Utc::now();
        let hours = |h: f64| min(now, h * 60.0);
        let readings = vec![("a", hours(-49.0), 1.0), ("a", hours(-47.0), 2.0), ("a", hours(-1.0), 3.0)];
        let (_server, address) = start(Server { streams: streams(&["a"]), readings, ..Server::default() }).await;
        let mut config = config(address);
        let Source::Sensorthings { late_days, .. } = &mut config.source else { panic!() };
        *late_days = days;
        let phenomenon_time = iso(hours(-49.0)).parse().unwrap();
        let newest =
            vec![Observation { datastream: "f/a".into(), phenomenon_time, phenomenon_start: None, value: 1.0, quality: Quality::Good }];
        let (_feed, mut rx) = read(&config, Kept { newest, ..Kept::default() });
        let mut heard = Heard::default();
        values(&mut rx, &mut heard, "f/a", expected).await;
        listen(&mut rx, &mut heard, |h| h.status.stored == expected.len() as u64).await;
    }
}

#[tokio::test]
async fn an_area_is_compared_and_places_come_in_wgs84_whatever_the_source_has() {
    let systems = [
        (Coordinates::Wgs84, None),
        (Coordinates::Cgcs2000, None),
        (Coordinates::Gcj02, Some(Shifted::Gcj02)),
        (Coordinates::Bd09, Some(Shifted::Bd09)),
    ];
    for (coordinates, shifted) in systems {
        let place = |lon: f64, lat: f64| shifted.map_or((lon, lat), |s| s.forward(lon, lat));
        // Just within the eastern edge, which the shift is towards, and just outside of the western one.
        let (inside, outside) = (place(118.2995, 33.95), place(118.1995, 33.95));
        let streams = vec![("in", inside.0, inside.1), ("out", outside.0, outside.1)];
        let (_server, address) = start(Server { streams, ..Server::default() }).await;
        let url = format!("http://{address}/v1.1");
        let area = Some([118.2, 33.9, 118.3, 34.0]);
        let source = Source::Sensorthings { url, mqtt: None, observed_properties: vec![], area, token_env: None, late_days: 1 };
        let (_feed, mut rx) = read(&FeedConfig { coordinates, ..FeedConfig::new("f", source) }, Kept::default());
        let Some(FeedEvent::Datastream(datastream)) = rx.recv().await else { panic!("{coordinates:?}") };
        assert_eq!(datastream.id, "f/in", "{coordinates:?}");
        let off_deg = (datastream.lon - 118.2995).abs().max((datastream.lat - 33.95).abs());
        assert!(off_deg < 1e-8, "{coordinates:?}: {datastream:?}");
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.status.connected).await;
        assert!(heard.datastreams.is_empty(), "{coordinates:?}");
    }
}

#[tokio::test]
async fn a_token_goes_to_its_server_and_to_no_other() {
    let now = Utc::now();
    let (other, other_address) = start(Server { streams: streams(&["b"]), ..Server::default() }).await;
    let next = Some(format!("http://{other_address}/v1.1/Datastreams"));
    let (server, address) = start(Server { streams: streams(&["a"]), readings: vec![("a", now, 1.0)], next, ..Server::default() }).await;
    let url = format!("http://{address}/v1.1");
    // A variable that is set everywhere.
    let token_env = Some("PATH".to_owned());
    let source = Source::Sensorthings { url, mqtt: None, observed_properties: vec![], area: None, token_env, late_days: 1 };
    let (_feed, mut rx) = read(&FeedConfig::new("f", source), Kept::default());
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.datastreams.len() == 2 && h.status.connected).await;
    let sent = format!("Bearer {}", std::env::var("PATH").unwrap());
    assert_eq!(server.lock().unwrap().tokens, [sent].into());
    assert_eq!(other.lock().unwrap().tokens, ["none".to_owned()].into());
}
