//! A small GeoReport v2 server: pages, services, closings, and one that knows no pages.

use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, Kept, resume};
use crate::model::feed::{FeedConfig, Filing, Open311Requests, Source};
use crate::model::incident::{Domain, Severity};
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::{self, Receiver};

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
