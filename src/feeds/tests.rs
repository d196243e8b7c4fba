//! Adapters and the replay platform against each other, and adapters against servers that send rubbish.

pub(super) mod peers;
mod recorded;

use super::replay::{Options, PAYLOAD_BYTES, Platform, fixture};
use super::*;
use crate::model::transport::Broker;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::routing::get;
use chrono::{TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::{self, Receiver};

const ANY: &str = "127.0.0.1:0";

pub(super) fn quick() -> Tuning {
    Tuning {
        poll_every: Duration::from_millis(40),
        status_every: Duration::ZERO,
        retry_min: Duration::from_millis(30),
        retry_max: Duration::from_millis(80),
        silence_max: Duration::from_secs(5),
    }
}

fn options(listen: SocketAddr, mqtt: bool) -> Options {
    let any = ANY.parse().unwrap();
    // Two minutes before the fixture's incident at 9 local time.
    let start = Some("2026-05-01T00:58:00Z".parse().unwrap());
    Options {
        city: Some(fixture::city()),
        journals: vec![],
        listen,
        mqtt: mqtt.then_some(any),
        mqtt_payload_bytes: PAYLOAD_BYTES,
        speed: 100.0,
        start,
        seed: 7,
        record: None,
    }
}

fn platform(mqtt: bool) -> Platform {
    Platform::start(options(ANY.parse().unwrap(), mqtt)).unwrap()
}

/// Another one on the address of one just dropped, as soon as its port is free.
async fn again(options: Options) -> Platform {
    for _ in 0..200 {
        if let Ok(platform) = Platform::start(options.clone()) {
            return platform;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Platform::start(options).unwrap()
}

fn sensorthings_at(url: String, mqtt: Option<String>) -> Source {
    Source::Sensorthings { url, mqtt: mqtt.map(Broker::at), observed_properties: vec![], area: None, token_env: None, late_days: 1 }
}

fn sensorthings(platform: &Platform) -> FeedConfig {
    FeedConfig::new("f", sensorthings_at(platform.sensorthings_url(), platform.mqtt_url()))
}

/// What was heard, and the last ledger.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) datastreams: BTreeSet<String>,
    pub(super) observations: BTreeMap<String, Vec<(chrono::DateTime<Utc>, f64)>>,
    pub(super) incidents: Vec<String>,
    pub(super) units: BTreeMap<String, usize>,
    pub(super) status: FeedStatus,
}

/// Listens until `enough`, or fails after 20 s. Every ledger on the way must balance.
pub(super) async fn listen(rx: &mut Receiver<FeedEvent>, heard: &mut Heard, enough: impl Fn(&Heard) -> bool) {
    let until = async {
        while !enough(heard) {
            match rx.recv().await.expect("the feed has ended") {
                FeedEvent::Datastream(d) => drop(heard.datastreams.insert(d.id)),
                FeedEvent::Observation(o) => {
                    assert!(heard.datastreams.contains(&o.datastream), "{} before its datastream", o.datastream);
                    heard.observations.entry(o.datastream).or_default().push((o.phenomenon_time, o.value));
                }
                FeedEvent::Incident(r) => heard.incidents.push(r.id),
                FeedEvent::Ended { incident, .. } => heard.incidents.push(format!("{incident}×")),
                FeedEvent::Alert(_) => {}
                FeedEvent::Barrier(barrier) => barrier.reached(),
                FeedEvent::Unit(u) => *heard.units.entry(u.id).or_default() += 1,
                FeedEvent::Status(s) => {
                    assert!(s.balances(), "{s:?}");
                    heard.status = s;
                }
            }
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), until).await;
    assert!(done.is_ok(), "not heard in time; last status {:?}", heard.status);
}

/// Each datastream's readings came once, and none of its period was left out. After a break, which a loaded machine may have with its own broker, the latest
/// value comes first and what was missed after it.
fn is_complete(heard: &Heard) -> bool {
    heard.observations.values().all(|readings| {
        let mut times: Vec<_> = readings.iter().map(|r| r.0).collect();
        times.sort_unstable();
        let steps: BTreeSet<TimeDelta> = times.windows(2).map(|w| w[1] - w[0]).collect();
        steps.len() <= 1 && steps.iter().all(|s| *s > TimeDelta::zero())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_come_over_mqtt_once_and_without_gaps() {
    let platform = platform(true);
    let (tx, mut rx) = mpsc::channel(1000);
    let _feed = spawn_tuned(&sensorthings(&platform), quick(), tx);
    let mut heard = Heard::default();
    let all = |n: usize| move |h: &Heard| h.observations.len() == 12 && h.observations.values().all(|o| o.len() >= n);
    listen(&mut rx, &mut heard, |h| all(8)(h) && is_complete(h)).await;
    assert_eq!(heard.datastreams.len(), 12);
    listen(&mut rx, &mut heard, |h| h.status.connected && h.status.stored >= 96).await;
    assert_eq!((heard.status.rejected, heard.status.quarantined, heard.status.last_error.clone()), (0, 0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_that_are_due_together_come_in_messages_of_the_length_that_is_set() {
    const BYTES: usize = 1_000;
    let platform = Platform::start(Options { speed: 1000.0, mqtt_payload_bytes: BYTES, ..options(ANY.parse().unwrap(), true) }).unwrap();
    let mut options = rumqttc::MqttOptions::new("listener", "127.0.0.1", platform.mqtt.unwrap().port());
    options.set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
    client.subscribe("v1.1/+/Observations", rumqttc::QoS::AtMostOnce).await.unwrap();
    let several = async {
        loop {
            let rumqttc::Event::Incoming(rumqttc::Packet::Publish(message)) = events.poll().await.unwrap() else { continue };
            let told = sensorthings::parse::observations(serde_json::from_slice(&message.payload).unwrap()).unwrap();
            assert!(message.payload.len() <= BYTES || told.len() == 1, "{} bytes", message.payload.len());
            if told.len() > 1 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), several).await.expect("some are due together");
    let (tx, mut rx) = mpsc::channel(1000);
    let _feed = spawn_tuned(&sensorthings(&platform), quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.observations.len() == 12 && h.observations.values().all(|o| o.len() >= 40) && is_complete(h)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_goes_on_where_it_was_when_the_server_comes_back() {
    let first = platform(false);
    let (address, config) = (first.http, sensorthings(&first));
    let (tx, mut rx) = mpsc::channel(1000);
    let _feed = spawn_tuned(&config, quick(), tx);
    let mut heard = Heard::default();
    let all = |n: usize| move |h: &Heard| h.observations.len() == 12 && h.observations.values().all(|o| o.len() >= n);
    listen(&mut rx, &mut heard, all(4)).await;
    drop(first);
    listen(&mut rx, &mut heard, |h| !h.status.connected && h.status.last_error.is_some()).await;
    // The same journal, further on: what happened while it was away is in its history of the last hour.
    let start = Some("2026-05-01T01:20:00Z".parse().unwrap());
    let _second = again(Options { start, ..options(address, false) }).await;
    let late: chrono::DateTime<Utc> = "2026-05-01T01:21:00Z".parse().unwrap();
    listen(&mut rx, &mut heard, |h| h.status.connected && h.observations.values().all(|o| o.iter().any(|r| r.0 > late)) && is_complete(h))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incidents_and_units_come_over_sse_and_again_after_a_restart() {
    let first = platform(false);
    let address = first.http;
    let (tx, mut rx) = mpsc::channel(1000);
    let url = |what: &str| {
        FeedConfig::new(what, Source::GeojsonSse { url: format!("http://{address}/{what}/stream"), token_env: None, mapping: vec![] })
    };
    let _incidents = spawn_tuned(&url("incidents"), quick(), tx.clone());
    let _units = spawn_tuned(&url("units"), quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 3 && h.units.len() == 6 && h.units.values().all(|n| *n > 5)).await;
    assert_eq!(heard.incidents, ["i0-20260501", "i1-20260501", "i2-20260501"]);
    drop(first);
    // Next morning; the incidents of yesterday are gone from the server, those of today are new.
    let start = Some("2026-05-02T00:58:00Z".parse().unwrap());
    let _second = again(Options { start, ..options(address, false) }).await;
    listen(&mut rx, &mut heard, |h| h.incidents.len() >= 6).await;
    assert_eq!(heard.incidents[3..], ["i0-20260502", "i1-20260502", "i2-20260502"]);
}

/// Serves `router` on a free port.
pub(super) async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub(super) fn feature(id: &str, severity: &str) -> String {
    format!(
        r#"{{"type":"Feature","id":"{id}","geometry":{{"type":"Point","coordinates":[118.2,33.9]}},"properties":{{"kind":"incident","domain":"traffic","severity":"{severity}","title":"t"}}}}"#
    )
}

#[tokio::test]
async fn rubbish_on_the_event_stream_is_counted_and_the_good_passes() {
    // First answer a page, then a stream with all kinds of rubbish, later streams what follows.
    async fn stream(State(calls): State<Arc<AtomicUsize>>, headers: HeaderMap) -> ([(header::HeaderName, &'static str); 1], String) {
        let sse = [(header::CONTENT_TYPE, "text/event-stream")];
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => ([(header::CONTENT_TYPE, "text/html")], "<html>Wartung</html>".into()),
            1 => {
                let huge = "x".repeat(2 << 20);
                let rubbish = ["<html>", "{\"type\":", "[]", "{\"type\":\"Feature\"}", &feature("bad", "terrible"), &huge, "{\"a\": NaN}"];
                let rubbish: String = rubbish.iter().map(|r| format!("data: {r}\n\n")).collect();
                (sse, format!("id: 1\ndata: {}\n\n{rubbish}id: 2\ndata: {}\n\n", feature("a", "minor"), feature("b", "major")))
            }
            _ => {
                let resumed = headers.get("last-event-id").is_some_and(|id| id == "2");
                (
                    sse,
                    format!("id: 2\ndata: {}\n\ndata: {}\n\n", feature("b", "major"), feature(if resumed { "c" } else { "lost" }, "info")),
                )
            }
        }
    }
    let address = serve(Router::new().route("/s", get(stream)).with_state(Arc::default())).await;
    let (tx, mut rx) = mpsc::channel(100);
    let _feed = spawn_tuned(
        &FeedConfig::new("x", Source::GeojsonSse { url: format!("http://{address}/s"), token_env: None, mapping: vec![] }),
        quick(),
        tx,
    );
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.last_error.as_ref().is_some_and(|e| e.contains("text/html"))).await;
    listen(&mut rx, &mut heard, |h| h.incidents.len() >= 3 && h.status.stored >= 3 && h.status.conflated >= 1).await;
    assert_eq!(heard.incidents, ["a", "b", "c"]);
    assert_eq!((heard.status.stored, heard.status.rejected), (3, 7), "{:?}", heard.status);
}

#[tokio::test]
async fn an_event_stream_is_asked_with_the_token_of_its_source() {
    let stream = |headers: HeaderMap| async move {
        let sse = [(header::CONTENT_TYPE, "text/event-stream")];
        // A variable that is set everywhere.
        let token = format!("Bearer {}", std::env::var("PATH").unwrap());
        let is_known = headers.get("authorization").is_some_and(|t| *t == token);
        (sse, if is_known { format!("data: {}\n\n", feature("a", "minor")) } else { String::new() })
    };
    let address = serve(Router::new().route("/s", get(stream))).await;
    let (tx, mut rx) = mpsc::channel(100);
    let source = Source::GeojsonSse { url: format!("http://{address}/s"), token_env: Some("PATH".into()), mapping: vec![] };
    let _feed = spawn_tuned(&FeedConfig::new("x", source), quick(), tx);
    listen(&mut rx, &mut Heard::default(), |h| h.incidents == ["a"]).await;
    let (tx, mut rx) = mpsc::channel(100);
    let source = Source::GeojsonSse { url: format!("http://{address}/s"), token_env: Some("YIPING_NO_SUCH_TOKEN".into()), mapping: vec![] };
    let _feed = spawn_tuned(&FeedConfig::new("y", source), quick(), tx);
    let said = |h: &Heard| h.status.last_error.as_ref().is_some_and(|e| e.contains("YIPING_NO_SUCH_TOKEN"));
    listen(&mut rx, &mut Heard::default(), said).await;
}

pub(super) const CATALOGUE: &str = r#"{"value":[
 {"@iot.id":"a","ObservedProperty":{"name":"PM2.5"},"Thing":{"name":"A","Locations":[{"location":{"type":"Point","coordinates":[118.2,33.9]}}]}},
 {"@iot.id":"b","ObservedProperty":{"name":"PM2.5"},"Thing":{"name":"B"}}, 17, null]}"#;
const OBSERVATIONS: &str = r#"{"value":[
 {"phenomenonTime":"2026-05-01T00:00:01Z","result":1,"Datastream":{"@iot.id":"a"}},
 {"phenomenonTime":"2026-05-01T00:00:02Z","result":NaN,"Datastream":{"@iot.id":"a"}},
 {"phenomenonTime":"2026-05-01T00:00:03Z","result":{"x":1},"Datastream":{"@iot.id":"a"}},
 {"phenomenonTime":"yesterday","result":1,"Datastream":{"@iot.id":"a"}},
 {"phenomenonTime":"2026-05-01T00:00:04Z","result":"4.5","Datastream":{"@iot.id":"a"}},
 {"phenomenonTime":"2999-05-01T00:00:04Z","result":5,"Datastream":{"@iot.id":"a"}},
 {"phenomenonTime":"2026-05-01T00:00:05Z","result":5,"Datastream":{"@iot.id":"zz"}},
 {"phenomenonTime":"2026-05-01T00:00:05Z","result":5}, "x"]}"#;

#[tokio::test]
async fn rubbish_in_sensorthings_is_counted_and_the_good_passes() {
    async fn observations(State(calls): State<Arc<AtomicUsize>>, RawQuery(query): RawQuery) -> String {
        if query.is_some_and(|q| q.contains("dataArray")) {
            return "<h1>what is a data array?</h1>".into();
        }
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => "<!doctype html><h1>502</h1>".into(),
            1 => r#"{"value": {"not": "a list"}}"#.into(),
            2 => OBSERVATIONS.into(),
            _ => r#"{"value":[]}"#.into(),
        }
    }
    let first = r#"{"phenomenonTime":"2026-05-01T00:00:00Z","result":0.5}"#;
    let catalogue = CATALOGUE.replacen("\"Thing\"", &format!("\"Observations\":[{first}],\"Thing\""), 1);
    let router = Router::new().route("/v1.1/Datastreams", get(|| async move { catalogue })).route("/v1.1/Observations", get(observations));
    let address = serve(router.with_state(Arc::default())).await;
    let (tx, mut rx) = mpsc::channel(100);
    let config = FeedConfig::new("x", sensorthings_at(format!("http://{address}/v1.1/"), None));
    let _feed = spawn_tuned(&config, quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.last_error.as_ref().is_some_and(|e| e.contains("not JSON"))).await;
    listen(&mut rx, &mut heard, |h| h.status.stored >= 3 && h.status.quarantined >= 2 && h.status.connected).await;
    assert_eq!(heard.datastreams, ["x/a".to_owned()].into());
    let values: Vec<f64> = heard.observations["x/a"].iter().map(|o| o.1).collect();
    assert_eq!(values, [0.5, 1.0, 4.5]);
    // Three broken datastreams, once though the catalogue was read three times; two broken pages, five broken observations.
    assert_eq!((heard.status.stored, heard.status.quarantined, heard.status.rejected), (3, 2, 10), "{:?}", heard.status);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datastreams_are_chosen_by_property_and_area() {
    let platform = platform(true);
    let (tx, mut rx) = mpsc::channel(1000);
    // Noise in any spelling; of the four such sensors, those in the west.
    let (observed_properties, area) = (vec!["Noise".to_owned()], Some([118.0, 33.0, 118.265, 35.0]));
    let source = Source::Sensorthings {
        url: platform.sensorthings_url(),
        mqtt: platform.mqtt_url().map(Broker::at),
        observed_properties,
        area,
        token_env: None,
        late_days: 1,
    };
    let _feed = spawn_tuned(&FeedConfig::new("f", source), quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.stored >= 10).await;
    let expected: BTreeSet<String> = (0..12).filter(|i| i % 3 == 1 && i % 4 < 2).map(|i| format!("f/{}", i + 1)).collect();
    assert_eq!(heard.datastreams, expected);
    assert_eq!((heard.status.quarantined, heard.status.rejected), (0, 0), "{:?}", heard.status);
    assert!(heard.status.skew_ms.is_some_and(|ms| ms.abs() < 2000.0), "{:?}", heard.status.skew_ms);
}

#[tokio::test]
async fn data_arrays_are_read_where_a_server_has_them() {
    async fn observations(RawQuery(query): RawQuery) -> String {
        let query = query.unwrap_or_default();
        if !query.contains("dataArray") {
            return r#"{"value": []}"#.into();
        }
        if query.contains("skip") {
            return r#"{"value": [{"Datastream@iot.navigationLink": "http://x/v1.1/Datastreams('a')", "components": ["phenomenonTime", "result"],
                "dataArray": [["2026-05-01T00:00:03Z", 3]]}]}"#
                .into();
        }
        r#"{"@iot.nextLink": "?$resultFormat=dataArray&$skip=2", "value": [{"Datastream@iot.navigationLink": "http://x/v1.1/Datastreams('a')",
            "components": ["phenomenonTime", "result", "resultQuality"],
            "dataArray": [["2026-05-01T00:00:01Z", 1, "good"], ["2026-05-01T00:00:02Z", 2, "bad"], ["soon", 2, null]]}]}"#
            .into()
    }
    let first = r#"{"phenomenonTime":"2026-05-01T00:00:00Z","result":0.5}"#;
    let catalogue = CATALOGUE.replacen("\"Thing\"", &format!("\"Observations\":[{first}],\"Thing\""), 1);
    let router = Router::new().route("/v1.1/Datastreams", get(|| async move { catalogue })).route("/v1.1/Observations", get(observations));
    let address = serve(router).await;
    let (tx, mut rx) = mpsc::channel(100);
    let _feed = spawn_tuned(&FeedConfig::new("x", sensorthings_at(format!("http://{address}/v1.1"), None)), quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.observations.get("x/a").is_some_and(|o| o.len() >= 4)).await;
    let values: Vec<f64> = heard.observations["x/a"].iter().map(|o| o.1).collect();
    assert_eq!(values, [0.5, 1.0, 2.0, 3.0]);
}
