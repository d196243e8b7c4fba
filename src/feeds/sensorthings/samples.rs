//! The standard's own examples (OGC 18-088), and what another server answers to our questions.

use super::parse;
use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, spawn_tuned};
use crate::model::feed::{FeedConfig, Source};
use crate::model::observation::Datastream;
use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const EXAMPLES: &str = include_str!("../../../tests/data/sensorthings/examples.json");
const DJANGO: &str = include_str!("../../../tests/data/sensorthings/django.json");

fn example(name: &str) -> Value {
    serde_json::from_str::<Value>(EXAMPLES).unwrap()[name].take()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The Datastream of the standard with what `$expand` brings of it.
fn expanded() -> Value {
    let (mut datastream, mut thing) = (example("Datastream"), example("Thing"));
    thing["Locations"] = json!([example("Location")]);
    (datastream["Thing"], datastream["ObservedProperty"]) = (thing, example("ObservedProperty"));
    datastream
}

#[test]
fn the_standards_datastream_is_at_its_things_location_else_in_the_middle_of_its_observed_area() {
    let oven = Datastream {
        id: "f/1".into(),
        feed: "f".into(),
        sensor: "Oven".into(),
        observed_property: "dewpoint_temperature".into(),
        unit: "°C".into(),
        lon: -114.06,
        lat: 51.05,
        height_m: 0.0,
    };
    let mut entity = expanded();
    assert_eq!((parse::datastream("f", &entity), parse::path(&entity)), (Ok(oven.clone()), Some("Datastreams(1)".into())));
    entity["Thing"]["Locations"] = json!([]);
    assert_eq!(parse::datastream("f", &entity), Ok(Datastream { lon: 100.5, lat: 0.5, ..oven }));
}

#[test]
fn the_standards_observations_are_read_however_their_zone_is_written() {
    let read = |entity: &Value| parse::observation("f/1", entity).map(|o| (o.phenomenon_time, o.value));
    assert_eq!(read(&example("Observation")), Ok((time("2014-12-31T03:59:59Z"), 70.4)));
    let posted = example("create_observation");
    assert_eq!((read(&posted), parse::id(&posted["Datastream"])), (Ok((time("2013-04-18T23:15:00Z"), 124.0)), Some("1".into())));
    // `2012-06-26T03:42:02-0600`
    let inserted = &example("deep_insert")["Datastreams"][0]["Observations"][0];
    assert_eq!(read(inserted), Ok((time("2012-06-26T09:42:02Z"), 70.4)));
    assert!(read(&example("multi_observation")).unwrap_err().contains("result [25,65,\"clear\"] is no finite number"));
}

#[tokio::test]
async fn the_standards_data_arrays_are_read_page_by_page_and_those_of_multi_datastreams_are_counted() {
    let observations = |RawQuery(query): RawQuery| async move {
        let query = query.unwrap_or_default();
        assert!(query.contains("$resultFormat=dataArray"), "{query}");
        let next = query.contains("$skip=3");
        let mut page = example(if next { "data_array_multi" } else { "data_array" });
        // Both of the standard's pages have another behind them, at a server that is not there.
        page["@iot.nextLink"] = if next { Value::Null } else { json!("Observations?$resultFormat=dataArray&$skip=3") };
        page.to_string()
    };
    let catalogue = json!({"value": [expanded()]}).to_string();
    let router = Router::new().route("/v1.1/Datastreams", get(|| async { catalogue })).route("/v1.1/Observations", get(observations));
    let heard = read(format!("http://{}/v1.1", serve(router).await), 3).await;
    let of = |second: &str, value: f64| (time(&format!("2005-08-05T12:{second}Z")), value);
    assert_eq!(heard.observations["f/1"], [of("21:13", 20.0), of("22:08", 30.0), of("22:54", 0.0)]);
    assert_eq!((heard.status.stored, heard.status.rejected_for["unsupported"]), (3, 1), "{:?}", heard.status);
}

#[tokio::test]
async fn what_a_django_server_says_is_read_with_data_arrays_and_without() {
    for data_arrays in [true, false] {
        let answer = |what: &str| serde_json::from_str::<Value>(DJANGO).unwrap()[what].to_string();
        let observations = move |RawQuery(query): RawQuery| async move {
            let asked_for = query.is_some_and(|q| q.contains("$resultFormat=dataArray"));
            answer(if asked_for && data_arrays { "data_array" } else { "observations" })
        };
        let router = Router::new()
            .route("/sensorthings/v1.1/Datastreams", get(move || async move { answer("catalogue") }))
            .route("/sensorthings/v1.1/Observations", get(observations));
        let heard = read(format!("http://{}/sensorthings/v1.1/", serve(router).await), 1).await;
        let id = "f/01a21917-6c34-7703-8611-129dc412fad7";
        assert_eq!(heard.datastreams, [id.to_owned()].into());
        // With the catalogue and asked for: the same one.
        assert_eq!(heard.observations[id], [(time("2012-06-26T09:42:02Z"), 70.4)]);
        assert_eq!((heard.status.received, heard.status.last_error.clone()), (1, None), "{:?}", heard.status);
    }
}

/// What a server has said once `stored` readings are in and it has been asked again.
async fn read(url: String, stored: u64) -> Heard {
    let (tx, mut rx) = mpsc::channel::<FeedEvent>(100);
    let source = Source::Sensorthings { url, mqtt: None, observed_properties: vec![], area: None, token_env: None, late_days: 1 };
    let _feed = spawn_tuned(&FeedConfig::new("f", source), quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.stored >= stored && h.status.connected).await;
    let again = tokio::time::timeout(std::time::Duration::from_millis(200), listen(&mut rx, &mut heard, |_| false));
    assert!(again.await.is_err(), "nothing new, and no end");
    heard
}
