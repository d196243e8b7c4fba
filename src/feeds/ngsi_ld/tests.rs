//! The data models' own examples, and a small broker with pages and subscriptions.

use super::entity::Entity;
use super::models::{self, Said};
use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, Kept, resume};
use crate::model::category::Categories;
use crate::model::feed::{FeedConfig, NgsiLdEntities, Source};
use crate::model::incident::{Domain, Severity};
use crate::model::observation::Quality;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, patch, post};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};

const AIR: &str = include_str!("../../../tests/data/ngsi_ld/air-quality-key-values.jsonld");
const AIR_V2: &str = include_str!("../../../tests/data/ngsi_ld/air-quality-normalized-v2.json");
const TRAFFIC: &str = include_str!("../../../tests/data/ngsi_ld/traffic-flow-normalized.jsonld");
const ALERT: &str = include_str!("../../../tests/data/ngsi_ld/alert-normalized.jsonld");
const AIR_NORMALIZED: &str = include_str!("../../../tests/data/ngsi_ld/air-quality-normalized.jsonld");
const TRAFFIC_KEY_VALUES: &str = include_str!("../../../tests/data/ngsi_ld/traffic-flow-key-values.jsonld");
const TRAFFIC_V2: &str = include_str!("../../../tests/data/ngsi_ld/traffic-flow-normalized-v2.json");
const ALERT_PROPERTIES: &str = include_str!("../../../tests/data/ngsi_ld/alert-properties.jsonld");
const ALERT_SECURITY: &str = include_str!("../../../tests/data/ngsi_ld/alert-security.json");
const ALERT_AREA: &str = include_str!("../../../tests/data/ngsi_ld/alert-area.json");
const SENSOR_CONCISE: &str = include_str!("../../../tests/data/ngsi_ld/sensor-concise.json");
const KEYWORDS_CONCISE: &str = include_str!("../../../tests/data/ngsi_ld/keywords-concise.json");

fn said(text: &str, now: &str) -> Said {
    let entity = Entity::read(&serde_json::from_str(text).unwrap()).unwrap();
    models::said("f", &entity, now.parse().unwrap()).unwrap()
}

/// Property -> value, unit, time.
fn readings(text: &str) -> BTreeMap<String, (f64, String, DateTime<Utc>)> {
    let Said::Readings(readings) = said(text, "2020-01-01T00:00:00Z") else { panic!("{text}") };
    let all = readings.into_iter().map(Result::unwrap);
    all.map(|(d, o)| (d.observed_property, (o.value, d.unit, o.phenomenon_time))).collect()
}

#[test]
fn each_number_of_an_air_quality_station_is_a_datastream() {
    let air = readings(AIR);
    let time: DateTime<Utc> = "2016-03-15T11:00:00Z".parse().unwrap();
    assert_eq!((air["no2"].clone(), air["co"].0, air["air_quality_index"].0), ((69.0, String::new(), time), 500.0, 65.0));
    assert_eq!((air["temperature"].1.as_str(), air["wind_speed"].1.as_str(), air.contains_key("reliability")), ("°C", "m/s", false));
    let v2 = readings(AIR_V2);
    assert_eq!(v2["no2"], (69.0, "µg/m³".into(), time));
    assert_eq!(v2["co"].1, "mg/m³");
}

#[test]
fn traffic_flow_is_at_the_middle_of_its_road() {
    let flow = readings(TRAFFIC);
    assert_eq!((flow["intensity"].0, flow["occupancy"].0, flow["average_vehicle_speed"].0), (197.0, 0.76, 52.6));
    assert_eq!((flow["average_vehicle_speed"].1.as_str(), flow.contains_key("lane_id")), ("km/h", false));
    assert_eq!(flow["intensity"].2, "2016-12-07T11:15:00Z".parse::<DateTime<Utc>>().unwrap());
    let Said::Readings(readings) = said(TRAFFIC, "2020-01-01T00:00:00Z") else { panic!() };
    let (datastream, _) = readings[0].as_ref().unwrap();
    assert!((datastream.lon + 4.7356).abs() < 0.001 && (datastream.lat - 41.657).abs() < 0.001, "{datastream:?}");
}

#[test]
fn an_alert_at_a_point_is_an_incident_for_its_time_and_one_for_an_area_is_a_warning() {
    let Said::Incident(report) = said(ALERT, "2017-01-02T09:30:00Z") else { panic!() };
    assert_eq!((report.domain, report.category.as_str(), report.severity), (Domain::Traffic, "traffic/congestion/jam", Severity::Major));
    assert_eq!((report.title.as_str(), report.lon), ("The road is completely blocked for 3kms", -3.712247222222222));
    assert_eq!(said(ALERT, "2017-01-02T11:00:00Z"), Said::Over { incident: "f/urn:ngsi-ld:Alert:Alert:1".into() });
    let mut area: Value = serde_json::from_str(ALERT).unwrap();
    area["location"] = json!({"type": "Polygon", "coordinates": [[[118, 33], [119, 33], [119, 34], [118, 33]]]});
    let Said::Alert(alert) = said(&area.to_string(), "2017-01-02T09:30:00Z") else { panic!() };
    assert_eq!((alert.event.as_str(), alert.areas[0].polygons[0].len()), ("trafficJam", 4));
    assert!(alert.in_force("2017-01-02T09:30:00Z".parse().unwrap()) && !alert.in_force("2017-01-02T10:30:00Z".parse().unwrap()));
}

#[test]
fn each_form_of_a_data_model_says_the_same() {
    let air = readings(AIR_NORMALIZED);
    let time: DateTime<Utc> = "2016-03-15T11:00:00Z".parse().unwrap();
    assert_eq!((air["no2"].clone(), air["co"].clone()), ((69.0, "µg/m³".into(), time), (500.0, "mg/m³".into(), time)));
    assert_eq!((air["relative_humidity"].0, air["tsp"].0, air.len()), (0.54, 73.3, 16));
    let flow = readings(TRAFFIC);
    assert_eq!((readings(TRAFFIC_KEY_VALUES), readings(TRAFFIC_V2)), (flow.clone(), flow));
    for text in [TRAFFIC, TRAFFIC_KEY_VALUES, TRAFFIC_V2] {
        let Said::Readings(readings) = said(text, "2020-01-01T00:00:00Z") else { panic!("{text}") };
        assert!(readings.iter().all(|r| r.as_ref().unwrap().1.lasted_ms() == 300_000), "a count of five minutes stands for them: {text}");
    }
    let now = "2017-01-02T09:30:00Z";
    assert_eq!(said(ALERT_PROPERTIES, now), said(ALERT, now));
}

#[test]
fn an_alert_without_an_end_stays_and_one_for_an_area_holds_for_its_time() {
    let Said::Incident(robbery) = said(ALERT_SECURITY, "2026-01-01T00:00:00Z") else { panic!() };
    assert_eq!((robbery.id.as_str(), robbery.title.as_str()), ("f/VisualEvent123", "Potential robbery in main building"));
    assert_eq!(
        (robbery.domain, robbery.category.as_str(), robbery.severity),
        (Domain::PublicOrder, "public_order/security/theft", Severity::Info)
    );
    assert_eq!(robbery.reported_at, Some("2017-04-25T09:25:55Z".parse().unwrap()));
    let Said::Alert(fungus) = said(ALERT_AREA, "2017-03-27T00:00:00Z") else { panic!() };
    assert_eq!(
        (fungus.id.as_str(), fungus.event.as_str(), fungus.severity),
        ("f/urn:ngsi-ld:Alert:agriculture:fungus:f57f-4610-a589", "fungus", Severity::Major)
    );
    assert_eq!((fungus.sender.as_str(), fungus.areas[0].polygons[0].len()), ("https://warnings-app.gaiasense.gr/", 5));
    assert_eq!(
        (fungus.effective, fungus.expires),
        ("2017-03-26T09:25:55Z".parse().unwrap(), Some("2017-03-28T10:25:55Z".parse().unwrap()))
    );
}

#[test]
fn concise_attributes_of_every_kind_are_read() {
    let read = |text: &str| Entity::read(&serde_json::from_str(text).unwrap()).unwrap();
    let sensor = read(SENSOR_CONCISE);
    let number = |name: &str| sensor.attribute(&[name]).map(|a| (a.value.as_f64(), a.unit_code)).unwrap();
    assert_eq!((number("temperature"), number("batteryLevel")), ((Some(25.0), Some("CEL")), (Some(0.8), Some("C62"))));
    assert_eq!(
        (sensor.text("category"), sensor.geometry(&["location"]).unwrap()["coordinates"][0].as_f64()),
        (Some("sensor"), Some(13.3986))
    );
    let keywords = read(KEYWORDS_CONCISE);
    assert_eq!((keywords.text("category"), keywords.text("name")), (Some("sensor"), Some("english")));
    assert_eq!(keywords.attribute(&["isJson"]).map(|a| a.value.clone()), Some(json!({"hello": "world"})));
    // The words of an alert as the newer editions of the standard would have them.
    let mut alert: Value = serde_json::from_str(ALERT).unwrap();
    for name in ["category", "subCategory", "severity"] {
        alert[name] = json!({"vocab": alert[name]});
    }
    alert["name"] = json!({"languageMap": {"en": "Traffic jam", "zh": "拥堵"}});
    let Said::Incident(jam) = said(&alert.to_string(), "2017-01-02T09:30:00Z") else { panic!() };
    assert_eq!((jam.title.as_str(), jam.category.as_str(), jam.severity), ("拥堵", "traffic/congestion/jam", Severity::Major));
}

#[test]
fn alerts_are_filed_in_our_trees() {
    let categories = ["traffic", "naturalDisaster", "weather", "environment", "health", "security", "agriculture", "other"];
    let below = [
        "trafficJam",
        "carAccident",
        "carStopped",
        "roadWorks",
        "robbery",
        "assault",
        "gasLeak",
        "fire",
        "airPollution",
        "waterPollution",
        "rainfall",
        "flood",
        "wind",
        "snow/ice",
        "heatWave",
        "earthquake",
        "",
        "plague",
    ];
    for category in categories {
        for sub_category in below {
            let (_, path) = models::filed(category, sub_category);
            assert!(Categories::bundled().has(path), "{category}, {sub_category}: {path}");
        }
    }
}

#[derive(Default)]
struct Broker {
    entities: Vec<Value>,
    questions: Vec<(HashMap<String, String>, Option<String>)>,
    subscriptions: BTreeMap<String, Value>,
    deleted: usize,
    /// Says where the next page is, or leaves it to the client to count on.
    links: bool,
}

type Shared = Arc<Mutex<Broker>>;

async fn entities(State(broker): State<Shared>, headers: HeaderMap, Query(query): Query<HashMap<String, String>>) -> impl IntoResponse {
    let mut broker = broker.lock().unwrap();
    let tenant = headers.get("ngsild-tenant").map(|v| v.to_str().unwrap().to_owned());
    assert!(headers["link"].to_str().unwrap().starts_with("<https://example.org/context.jsonld>"));
    let number = |name: &str| query.get(name).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    let (limit, offset) = (number("limit"), number("offset"));
    let page: Vec<&Value> = broker.entities.iter().skip(offset).take(limit).collect();
    let more = offset + limit < broker.entities.len();
    let body = json!(page).to_string();
    let next = format!(
        "</ngsi-ld/v1/entities?type={}&limit={limit}&offset={}>;rel=\"next\";type=\"application/json\"",
        query["type"],
        offset + limit
    );
    let mut answer = HeaderMap::new();
    if more && broker.links {
        answer.insert("link", next.parse().unwrap());
    }
    broker.questions.push((query, tenant));
    (answer, body)
}

async fn subscribe(State(broker): State<Shared>, body: String) -> StatusCode {
    let content: Value = serde_json::from_str(&body).unwrap();
    broker.lock().unwrap().subscriptions.insert(content["id"].as_str().unwrap().to_owned(), content);
    StatusCode::CREATED
}

async fn renew(State(broker): State<Shared>, Path(id): Path<String>, body: String) -> StatusCode {
    match broker.lock().unwrap().subscriptions.get_mut(&id) {
        Some(content) => {
            content["expiresAt"] = serde_json::from_str::<Value>(&body).unwrap()["expiresAt"].clone();
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    }
}

async fn unsubscribe(State(broker): State<Shared>, Path(id): Path<String>) -> StatusCode {
    let mut broker = broker.lock().unwrap();
    broker.deleted += usize::from(broker.subscriptions.remove(&id).is_some());
    StatusCode::NO_CONTENT
}

async fn start(broker: Broker, notify: Option<String>) -> (Shared, FeedHandle, Receiver<FeedEvent>) {
    start_again(broker, notify, Kept::default()).await
}

async fn start_again(broker: Broker, notify: Option<String>, kept: Kept) -> (Shared, FeedHandle, Receiver<FeedEvent>) {
    let broker = Arc::new(Mutex::new(broker));
    let router = Router::new()
        .route("/ngsi-ld/v1/entities", get(entities))
        .route("/ngsi-ld/v1/subscriptions", post(subscribe))
        .route("/ngsi-ld/v1/subscriptions/{id}", patch(renew).delete(unsubscribe));
    let address = serve(router.with_state(broker.clone())).await;
    let entities = NgsiLdEntities {
        types: vec!["AirQualityObserved".into(), "Alert".into()],
        query: None,
        context: Some("https://example.org/context.jsonld".into()),
        tenant: Some("suqian".into()),
        notify,
        notify_token_env: None,
    };
    let source = Source::NgsiLd { url: format!("http://{address}"), poll_s: 0.05, token_env: None, token_header: None, entities };
    let (tx, rx) = mpsc::channel(1000);
    (broker, resume(&FeedConfig::new("air", source), quick(), kept, tx), rx)
}

#[tokio::test]
async fn an_incident_whose_time_passed_while_we_were_away_is_ended() {
    let alert: Value = serde_json::from_str(ALERT).unwrap();
    let incident = format!("air/{}", alert["id"].as_str().unwrap());
    let kept = Kept { open: vec![incident.clone()], ..Kept::default() };
    let (_broker, _feed, mut rx) = start_again(Broker { entities: vec![alert], ..Broker::default() }, None, kept).await;
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 1 && h.status.stored == 1 && h.status.connected).await;
    assert_eq!((heard.incidents, heard.status.received), (vec![format!("{incident}×")], 1));
}

fn station(n: usize, time: &str) -> Value {
    json!({"id": format!("urn:station:{n}"), "type": "AirQualityObserved", "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [118.2, 33.9]}},
        "NO2": {"type": "Property", "value": n, "unitCode": "GQ", "observedAt": time}})
}

#[tokio::test]
async fn entities_come_page_by_page_whether_the_broker_says_where_the_next_is_or_not() {
    for links in [true, false] {
        let mut entities: Vec<Value> = (0..250).map(|n| station(n, "2026-01-01T00:00:00Z")).collect();
        entities.push(json!({"id": "urn:x", "type": "AirQualityObserved", "NO2": 1}));
        entities.push(json!(7));
        entities.push(station(300, "2999-01-01T00:00:00Z"));
        let (broker, _feed, mut rx) = start(Broker { entities, links, ..Broker::default() }, None).await;
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.observations.len() == 250 && h.status.received == 253 && h.status.connected).await;
        assert_eq!((heard.status.stored, heard.status.rejected, heard.status.quarantined), (250, 2, 1), "{:?}", heard.status);
        broker.lock().unwrap().entities[3] = station(3, "2026-01-01T00:05:00Z");
        listen(&mut rx, &mut heard, |h| h.observations["air/urn:station:3/NO2"].len() == 2 && h.status.stored == 251).await;
        assert_eq!(heard.status.received, 254, "what has not changed is no news: {:?}", heard.status);
        let broker = broker.lock().unwrap();
        assert!(broker.questions.iter().all(|(q, tenant)| q["type"] == "AirQualityObserved,Alert" && tenant.as_deref() == Some("suqian")));
    }
}

#[tokio::test]
async fn a_brokers_page_of_the_data_models_own_examples_is_read() {
    let examples = [AIR_NORMALIZED, TRAFFIC_KEY_VALUES, ALERT_SECURITY, ALERT_AREA, SENSOR_CONCISE];
    let entities = examples.map(|e| serde_json::from_str(e).unwrap()).to_vec();
    let (_broker, _feed, mut rx) = start(Broker { entities, ..Broker::default() }, None).await;
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected && h.status.rejected == 2).await;
    assert_eq!(heard.incidents, ["air/VisualEvent123"]);
    let road = "air/urn:ngsi-ld:TrafficFlowObserved:TrafficFlowObserved-Valladolid-osm-60821110/intensity";
    assert_eq!(heard.observations[road], [("2016-12-07T11:15:00Z".parse().unwrap(), 197.0)]);
    // Sixteen numbers of the air, five of the road, an incident, a warning; the sensor's two have no time.
    assert_eq!((heard.status.stored, heard.status.rejected_for["incomplete"]), (23, 2), "{:?}", heard.status);
    assert!(heard.status.last_error.is_some_and(|e| e.contains("temperature: no observedAt and no dateObserved")));
}

#[tokio::test]
async fn a_corrected_value_of_the_same_time_passes_once_and_so_does_one_that_is_no_longer_trusted() {
    let time = "2026-01-01T00:00:00Z";
    let station = |value: f64, reliability: f64| {
        let mut station = station(1, time);
        (station["NO2"]["value"], station["reliability"]) = (json!(value), json!({"type": "Property", "value": reliability}));
        station
    };
    let (broker, _feed, mut rx) = start(Broker { entities: vec![station(400.0, 1.0)], ..Broker::default() }, None).await;
    let mut said = Vec::new();
    for (value, reliability) in [(400.0, 1.0), (40.0, 1.0), (40.0, 0.1)] {
        broker.lock().unwrap().entities = vec![station(value, reliability)];
        let next = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                match rx.recv().await.expect("the feed has ended") {
                    FeedEvent::Observation(o) => return (o.value, o.quality),
                    FeedEvent::Status(s) => assert!(s.balances(), "{s:?}"),
                    _ => {}
                }
            }
        });
        said.push(next.await.unwrap());
        let asked = broker.lock().unwrap().questions.len();
        while broker.lock().unwrap().questions.len() < asked + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(said, [(400.0, Quality::Good), (40.0, Quality::Good), (40.0, Quality::Suspect)]);
    while let Ok(event) = rx.try_recv() {
        assert!(!matches!(event, FeedEvent::Observation(_)), "what has not changed is no news: {event:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_is_made_once_and_taken_away_and_notifications_are_taken() {
    let notify = "http://127.0.0.1:8080/feeds/air".to_owned();
    let (broker, feed, mut rx) = start(Broker::default(), Some(notify.clone())).await;
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    {
        let broker = broker.lock().unwrap();
        let (id, content) = broker.subscriptions.first_key_value().unwrap();
        assert_eq!(
            (id.as_str(), content["notification"]["endpoint"]["uri"].as_str()),
            ("urn:ngsi-ld:Subscription:yiping:air", Some(notify.as_str()))
        );
        assert_eq!(content["entities"], json!([{"type": "AirQualityObserved"}, {"type": "Alert"}]));
    }
    let inlet = feed.inlet.clone().unwrap();
    let posting = tokio::spawn(async move {
        let alert: Value = serde_json::from_str(ALERT).unwrap();
        let notification = json!({"id": "urn:n:1", "type": "Notification", "subscriptionId": "s", "notifiedAt": "2026-01-01T00:00:00Z",
            "data": [station(1, "2026-01-01T00:00:00Z"), station(1, "2025-12-31T23:00:00Z"), station(1, "2026-01-01T00:00:00Z"), alert]});
        let taken = inlet.post("application/json".into(), notification.to_string().into_bytes()).await.unwrap();
        assert_eq!((taken.received, taken.accepted, taken.left_out), (4, 2, 2));
        assert!(inlet.post("application/json".into(), b"{".to_vec()).await.is_err());
    });
    listen(&mut rx, &mut heard, |h| h.status.received == 5).await;
    posting.await.unwrap();
    assert_eq!((heard.status.conflated_by["repeated"], heard.status.conflated_by["over_already"]), (1, 1), "{:?}", heard.status);
    drop(feed);
    for _ in 0..400 {
        if broker.lock().unwrap().deleted == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the subscription was left at the broker");
}
