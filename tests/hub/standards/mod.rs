//! The hub in the open standards, over real HTTP: a small city with sensors that post, units on a stream, and incidents from a desk.

mod catalogue;
mod eido;
mod features;
mod federation;
mod open311;
mod sensorthings;
mod stream;

use crate::screen::{PATIENCE, SCENE, Screen, accepted, config, data, report};
use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::routing::get;
use chrono::{SecondsFormat, TimeDelta, Utc};
use futures_util::StreamExt;
use futures_util::stream::{once, pending};
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use std::future::ready;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::runtime::Runtime;
use yiping::hub::{Hub, HubConfig, HubHandle};
use yiping::model::incident::{Action, Domain, Severity};
use yiping::model::protocol::{Command, Role};

const AREAS: &str = r#"{"type":"FeatureCollection","licence":"CC0-1.0","features":[
{"type":"Feature","properties":{"id":"3213","name":"宿迁市","name_en":"Suqian","level":"city","parent":null},
 "geometry":{"type":"Polygon","coordinates":[[[118.0,33.5],[118.8,33.5],[118.8,34.3],[118.0,34.3],[118.0,33.5]]]}},
{"type":"Feature","properties":{"id":"321302","name":"宿城区","name_en":"Sucheng","level":"county","parent":"3213"},
 "geometry":{"type":"Polygon","coordinates":[[[118.2,33.9],[118.4,33.9],[118.4,34.1],[118.2,34.1],[118.2,33.9]]]}},
{"type":"Feature","properties":{"id":"321302001003","name":"三号网格","name_en":"Cell 3","level":"grid_cell","parent":"321302"},
 "geometry":{"type":"Polygon","coordinates":[[[118.27,33.95],[118.29,33.95],[118.29,33.97],[118.27,33.97],[118.27,33.95]]]}}]}"#;

/// Somebody's photogrammetry beside the city: half a degree around it.
const MESH: &str = r#"{"asset":{"version":"1.1","copyright":"CC BY-SA 4.0"},"geometricError":10,
"root":{"boundingVolume":{"region":[2.0594885173533,0.5899212871740834,2.0682151637788,0.5986479335995,0,50]},"geometricError":0}}"#;

/// A hub with all of it, and who reads it.
pub struct City {
    pub desk: Screen,
    pub hub: HubHandle,
    _data: tempfile::TempDir,
    http: reqwest::Client,
    runtime: Runtime,
}

/// An answer.
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &'static str) -> &str {
        self.headers.get(HeaderName::from_static(name)).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// A Datastream as a platform posts it.
pub fn datastream(id: u32) -> Value {
    let property = ["pm2_5", "noise"][id as usize % 2];
    let symbol = ["µg/m³", "dB"][id as usize % 2];
    let place = json!({"type": "Point", "coordinates": [118.25 + f64::from(id / 2) * 0.02, 33.96]});
    json!({"@iot.id": id, "name": format!("{property} {id}"), "unitOfMeasurement": {"symbol": symbol}, "ObservedProperty": {"name": property},
        "Thing": {"name": format!("站 {}", id / 2), "Locations": [{"location": place}]}})
}

/// Observations of six datastreams, the latest a minute old.
fn observations() -> Value {
    let newest = Utc::now() - TimeDelta::minutes(1);
    let one = |n: u32| {
        let time = (newest - TimeDelta::seconds(i64::from(n % 6))).to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({"phenomenonTime": time, "result": 10 * (n % 6) + n / 6, "Datastream": {"@iot.id": n % 6}})
    };
    (0..6).map(one).collect()
}

fn units() -> String {
    let unit = |n: u32| {
        json!({"type": "Feature", "id": format!("u{n}"), "geometry": {"type": "Point", "coordinates": [118.2 + f64::from(n) * 0.05, 33.95]},
            "properties": {"kind": "unit", "call_sign": format!("宿{n}"), "domain": (if n == 0 { "emergency" } else { "traffic" }),
                "unit_kind": "patrol_car", "state": "available", "heading_deg": 90.0, "seen_at": Utc::now()}})
    };
    (0..3).map(|n| format!("data: {}\n\n", unit(n))).collect()
}

impl City {
    pub fn open() -> Self {
        Self::with(None)
    }

    pub fn with(token: Option<&str>) -> Self {
        yiping::feeds::install_tls();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let said = units();
        // Goes on for ever, so that the feed stays connected.
        let body = move || once(ready(Ok::<_, std::io::Error>(said.clone()))).chain(pending());
        let answer = move || ready(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body())));
        let source = runtime.block_on(serve(Router::new().route("/u", get(answer))));
        let data = data();
        let feeds = format!(
            "licence = \"CC BY 4.0\"\nagency = \"suqian.example\"\n[[feed]]\nkind = \"sensorthings_in\"\nid = \"air\"\nattribution = \"© 环境局\"\n\
             [[feed]]\nkind = \"geojson_sse\"\nid = \"units\"\nurl = \"http://{source}/u\"\n\
             [[tileset]]\nid = \"harbour\"\nname = \"港区实景\"\nname_en = \"harbour mesh\"\nsource = \"mesh\"\nkind = \"ground\"\n[[camera]]"
        );
        std::fs::write(data.path().join("test.toml"), SCENE.replacen("[[camera]]", &feeds, 1)).unwrap();
        std::fs::write(data.path().join("city/areas.geojson"), AREAS).unwrap();
        std::fs::create_dir(data.path().join("mesh")).unwrap();
        std::fs::write(data.path().join("mesh/tileset.json"), MESH).unwrap();
        let hub = Hub::start(HubConfig { token: token.map(str::to_owned), ..config(data.path(), 0) }).unwrap();
        let mut desk = Screen::begin(
            &hub.url(),
            yiping::link::Identity { token: token.map(str::to_owned), ..crate::screen::me("desk", Role::Officer) },
        );
        desk.until("a snapshot", |s| s.world.view.is_some());
        let mut city = Self { desk, hub, _data: data, http: reqwest::Client::new(), runtime };
        city.fill(token);
        city
    }

    fn fill(&mut self, token: Option<&str>) {
        let bearer: Vec<(&str, String)> = token.iter().map(|t| ("authorization", format!("Bearer {t}"))).collect();
        let bearer: Vec<(&str, &str)> = bearer.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let end = Instant::now() + PATIENCE;
        // The feed's door opens a moment after the hub's.
        while self.post("/feeds/air", &(0..6).map(datastream).collect::<Value>().to_string(), &bearer).status != 200 {
            assert!(Instant::now() < end, "the feed takes no posts");
        }
        assert_eq!(self.post("/feeds/air", &observations().to_string(), &bearer).status, 200);
        let places = [(118.28, 33.96), (118.22, 33.92), (118.35, 34.05), (118.6, 34.2)];
        for (n, (lon, lat)) in places.into_iter().enumerate() {
            accepted(self.desk.ask(incident(n, lon, lat)));
        }
        accepted(self.desk.act("i3", 1, Action::Void));
        let connected = |s: &Screen| s.world.feeds.values().filter(|f| f.connected).count();
        self.desk.until("the units", |s| s.world.units.len() == 3 && connected(s) == 2);
    }

    pub fn get(&self, path: &str) -> Got {
        self.ask(path, &[])
    }

    pub fn json(&self, path: &str) -> Value {
        let got = self.get(path);
        assert_eq!(got.status, 200, "{path}: {}", got.text);
        got.json()
    }

    /// GET of a path or a whole address.
    pub fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        let request = headers.iter().fold(self.http.get(self.url(path)), |r, (k, v)| r.header(*k, *v));
        self.runtime.block_on(got(request))
    }

    pub fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Got {
        let request = headers.iter().fold(self.http.post(self.url(path)), |r, (k, v)| r.header(*k, *v));
        self.runtime.block_on(got(request.body(body.to_owned())))
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { self.hub.url() + path }
    }
}

async fn got(request: reqwest::RequestBuilder) -> Got {
    // A server that refuses may hang up before all was sent, and a client finds that out with its next request.
    let again = request.try_clone();
    let response = match (request.send().await, again) {
        (Ok(response), _) => response,
        (Err(_), Some(again)) => again.send().await.unwrap(),
        (Err(e), None) => panic!("{e}"),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, text: response.text().await.unwrap() }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The first two are traffic, the others urban management; the first is major.
fn incident(n: usize, lon: f64, lat: f64) -> Command {
    let Command::Report { mut report } = report(&format!("i{n}")) else { unreachable!() };
    (report.lon, report.lat) = (lon, lat);
    report.severity = if n == 0 { Severity::Major } else { Severity::Minor };
    if n < 2 {
        (report.domain, report.category) = (Domain::Traffic, "traffic/accident/collision".into());
    }
    Command::Report { report }
}

/// Ids of a page of features or of requests.
fn ids(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|f| f[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn everything_of_a_hub_with_a_token_asks_for_it_and_pages_of_others_may_bring_it() {
    let city = City::with(Some("open sesame"));
    let paths = [
        "/sta/v1.1",
        "/sta/v1.1/Things",
        "/eido/incidents",
        "/ogc/features",
        "/ogc/features/collections/incidents/items",
        "/catalogue",
        "/stream/incidents",
    ];
    for path in paths {
        assert_eq!(city.get(path).status, 401, "{path}");
    }
    for path in &paths[..6] {
        assert_eq!(city.ask(path, &[("authorization", "Bearer open sesame")]).status, 200, "{path}");
        let got = city.ask(&format!("{path}?token=open%20sesame"), &[("origin", "https://elsewhere.example")]);
        assert_eq!((got.status, got.header("access-control-allow-origin")), (200, "https://elsewhere.example"), "{path}");
    }
    assert_eq!(city.get("/open311/v2/requests.json").status, 403);
    assert_eq!(city.get("/open311/v2/requests.json?api_key=open%20sesame").status, 200);
    let next = city.json("/sta/v1.1/Things?token=open%20sesame&$top=1")["@iot.nextLink"].as_str().unwrap().to_owned();
    assert_eq!(city.get(&next).status, 200, "links go on with the token they were asked with");
}

#[test]
fn pages_of_other_servers_read_readings_but_not_incidents_of_a_hub_without_a_token() {
    let city = City::open();
    let allowed = |path: &str, origin: &str| city.ask(path, &[("origin", origin)]).header("access-control-allow-origin").to_owned();
    for open in ["/sta/v1.1/Things", "/ogc/features/collections", "/ogc/features/collections/areas/items"] {
        assert_eq!(allowed(open, "https://elsewhere.example"), "https://elsewhere.example", "{open}");
    }
    for state in [
        "/ogc/features/collections/incidents/items",
        "/open311/v2/requests.json",
        "/ogc/features/collections/units/items",
        "/catalogue.json",
        "/eido/incidents",
    ] {
        assert_eq!(allowed(state, "https://elsewhere.example"), "", "{state}");
        assert_eq!(allowed(state, "http://localhost:5173"), "http://localhost:5173", "{state}");
    }
}
