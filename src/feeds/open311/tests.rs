//! A small GeoReport v2 server: pages, services, closings, and one that knows no pages.

use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, Kept, resume};
use crate::model::feed::{FeedConfig, Filing, Open311Requests, Source};
use crate::model::incident::{Domain, Report, Severity};
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::{self, Receiver};

const CHICAGO: &str = include_str!("../../../tests/data/open311/chicago-requests.json");
const TORONTO: &str = include_str!("../../../tests/data/open311/toronto-requests.xml");
const SERVICES: &str = include_str!("../../../tests/data/open311/services.json");
const GIESSEN: &str = include_str!("../../../tests/data/open311/giessen-services.xml");

#[derive(Default)]
struct City {
    requests: Vec<Value>,
    questions: Vec<HashMap<String, String>>,
    without_pages: bool,
}

type Shared = Arc<Mutex<City>>;

fn request(id: usize, status: &str) -> Value {
    let at = (chrono::Utc::now() - chrono::TimeDelta::minutes(id as i64 + 1)).to_rfc3339();
    json!({"service_request_id": id.to_string(), "status": status, "status_notes": "已处理", "service_code": "001", "service_name": "Cans left out",
        "requested_datetime": at, "lat": 33.9, "long": 118.2, "address": "8TH AVE"})
}

async fn requests(State(city): State<Shared>, Query(query): Query<HashMap<String, String>>) -> String {
    let mut city = city.lock().unwrap();
    city.questions.push(query.clone());
    if let Some(ids) = query.get("service_request_id") {
        let ids: Vec<&str> = ids.split(',').collect();
        let found: Vec<&Value> = city.requests.iter().filter(|r| ids.contains(&r["service_request_id"].as_str().unwrap())).collect();
        return json!(found).to_string();
    }
    // A request whose service is closed long after it was made is in no window of start dates any more.
    let since = query["start_date"].parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let made = |r: &&Value| r["requested_datetime"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap() >= since;
    let page: usize = if city.without_pages { 1 } else { query["page"].parse().unwrap() };
    json!(city.requests.iter().filter(made).skip((page - 1) * 100).take(100).collect::<Vec<_>>()).to_string()
}

async fn start(city: City) -> (Shared, FeedHandle, Receiver<FeedEvent>) {
    start_again(city, Kept::default()).await
}

async fn start_again(city: City, kept: Kept) -> (Shared, FeedHandle, Receiver<FeedEvent>) {
    let city = Arc::new(Mutex::new(city));
    let services = r#"[{"service_code":"001","service_name":"Cans left out 24x7"}]"#;
    let router = Router::new().route("/v2/requests.json", get(requests)).route("/v2/services.json", get(move || async move { services }));
    let address = serve(router.with_state(city.clone())).await;
    let filing =
        Filing { domain: Domain::UrbanManagement, category: "urban_management/appearance/rubbish".into(), severity: Severity::Info };
    let services = [("001".to_owned(), filing)].into();
    let wanted = Open311Requests { jurisdiction: Some("city.gov".into()), services, ..Open311Requests::default() };
    let source = Source::Open311 { url: format!("http://{address}/v2/"), poll_s: 0.03, token_env: None, requests: wanted };
    let (tx, rx) = mpsc::channel(1000);
    (city, resume(&FeedConfig::new("311", source), quick(), kept, tx), rx)
}

#[tokio::test]
async fn a_request_that_closed_while_we_were_away_is_ended_however_long_ago_it_was_made() {
    let mut all = vec![request(1, "closed"), request(2, "closed"), request(3, "open")];
    all[1]["requested_datetime"] = json!((chrono::Utc::now() - chrono::TimeDelta::days(40)).to_rfc3339());
    all.push(request(4, "closed"));
    let open = ["311/1", "311/2", "311/3"].map(str::to_owned).to_vec();
    let (_city, _feed, mut rx) = start_again(City { requests: all, ..City::default() }, Kept { open, ..Kept::default() }).await;
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 3 && h.status.received == 4).await;
    heard.incidents.sort();
    assert_eq!(heard.incidents, ["311/1×", "311/2×", "311/3"]);
    assert_eq!((heard.status.stored, heard.status.conflated_by["over_already"]), (3, 1), "the last one we never knew");
}

#[tokio::test]
async fn requests_come_page_by_page_and_those_closed_later_end() {
    // The oldest is out of the window of the next question; one was closed before we came, one has no place.
    let mut all: Vec<Value> = (0..230).map(|id| request(id, if id == 7 { "closed" } else { "open" })).collect();
    all[8]["lat"] = Value::Null;
    let (city, _feed, mut rx) = start(City { requests: all, ..City::default() }).await;
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 228).await;
    city.lock().unwrap().requests[229]["status"] = json!("closed");
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 229 && h.status.stored == 229).await;
    assert_eq!(heard.incidents[228], "311/229×");
    assert_eq!((heard.status.conflated_by["over_already"], heard.status.rejected_for["incomplete"]), (1, 1), "{:?}", heard.status);
    let city = city.lock().unwrap();
    assert!(city.questions.iter().all(|q| q["jurisdiction_id"] == "city.gov"));
    assert_eq!(city.questions.iter().take(3).map(|q| q["page"].as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_server_that_knows_no_pages_is_asked_twice_and_no_more() {
    let all = (0..100).map(|id| request(id, "open")).collect();
    let (city, _feed, mut rx) = start(City { requests: all, without_pages: true, ..City::default() }).await;
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 100 && h.status.stored == 100 && h.status.connected).await;
    assert_eq!((heard.status.received, heard.status.rejected), (100, 0));
    let city = city.lock().unwrap();
    let pages: Vec<_> = city.questions.iter().map_while(|q| q.get("page")).collect();
    assert_eq!(pages, ["1", "2"]);
}

/// What cities' own servers answered: the first look of a feed.
async fn answered(format: &str, services: &'static str, requests: &'static str, known: &str) -> (Vec<Report>, Option<String>) {
    let router = Router::new()
        .route(&format!("/v2/requests.{format}"), get(move || async move { requests }))
        .route(&format!("/v2/services.{format}"), get(move || async move { services }));
    let filing = Filing { domain: Domain::Traffic, category: "traffic/facility".into(), severity: Severity::Major };
    let wanted = Open311Requests { xml: format == "xml", services: [(known.to_owned(), filing)].into(), ..Open311Requests::default() };
    let url = format!("http://{}/v2", serve(router).await);
    let source = Source::Open311 { url, poll_s: 0.03, token_env: None, requests: wanted };
    let (tx, mut rx) = mpsc::channel(1000);
    let _feed = resume(&FeedConfig::new("311", source), quick(), Kept::default(), tx);
    let (mut reports, mut error) = (Vec::new(), None);
    let first = async {
        loop {
            match rx.recv().await.unwrap() {
                FeedEvent::Incident(report) => reports.push(report),
                FeedEvent::Status(s) if s.connected && s.stored == 2 => {
                    assert_eq!((s.received, s.balances()), (2, true), "{s:?}");
                    error = s.last_error;
                    return;
                }
                FeedEvent::Status(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), first).await.expect("two requests");
    (reports, error)
}

#[tokio::test]
async fn answers_of_chicago_and_toronto_are_read() {
    let (reports, error) = answered("json", SERVICES, CHICAGO, "002").await;
    let light = Report {
        id: "311/14-01100669".into(),
        domain: Domain::UrbanManagement,
        category: Filing::default().category,
        severity: Filing::default().severity,
        title: "Alley Light Out".into(),
        title_en: String::new(),
        description: "1540 W 17TH ST, CHICAGO, IL, 60608".into(),
        lon: -87.66475146237676,
        lat: 41.858724777757864,
        area: None,
        reported_at: Some("2014-07-12T15:58:43Z".parse().unwrap()),
    };
    assert_eq!((&reports[0], error), (&light, None));
    assert_eq!(reports[1].description, "7408 S NORMAL AVE, CHICAGO, IL, 60621\nLocked");
    let (reports, error) = answered("xml", GIESSEN, TORONTO, "CSROWR-12").await;
    let hole = Report {
        id: "311/101005420892".into(),
        domain: Domain::Traffic,
        category: "traffic/facility".into(),
        severity: Severity::Major,
        title: "Road - Pot hole".into(),
        description: "Warden Ave / Freeman St, Scarborough\nIn progress - The request has been scheduled.".into(),
        lon: -79.272306875,
        lat: 43.691104288,
        reported_at: Some("2018-07-30T04:01:00Z".parse().unwrap()),
        ..light
    };
    assert_eq!((&reports[0], reports[1].id.as_str()), (&hole, "311/101005420894"));
    assert!(error.is_some_and(|e| e.contains("has no services [\"CSROWR-12\"]")), "Giessen has no such service");
}

#[test]
fn services_of_the_standard_and_of_giessen_are_read() {
    let read = |text: &str| super::parse::services(text.as_bytes()).unwrap();
    let names = read(SERVICES);
    assert_eq!((names.len(), names[1].clone()), (3, ("002".into(), "Construction plate shifted".into())));
    let names = read(GIESSEN);
    assert_eq!((names.len(), names[3].clone()), (8, ("012".into(), "Verkehrsschild beschädigt".into())));
}
