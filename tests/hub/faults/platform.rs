//! A SensorThings server whose time and presence are the test's: each sensor has a reading a second, from the beginning until now.

use crate::screen::PATIENCE;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub const SENSORS: i64 = 20;
const PAGE: usize = 1_000;

/// Gone with all its connections when it is dropped.
pub struct Platform {
    pub address: SocketAddr,
    /// Its own, because only the end of a runtime ends open connections too.
    runtime: Option<Runtime>,
}

#[derive(Clone, Copy)]
struct Readings {
    address: SocketAddr,
    begin: DateTime<Utc>,
    /// Seconds from the beginning to now.
    now_s: i64,
}

impl Platform {
    /// Port 0 takes a free one; another is waited for, as the one before may still be letting go of it.
    pub fn start(listen: SocketAddr, begin: DateTime<Utc>, now_s: i64) -> Self {
        let end = Instant::now() + PATIENCE;
        let listener = loop {
            match TcpListener::bind(listen) {
                Ok(listener) => break listener,
                Err(e) => assert!(Instant::now() < end, "{listen}: {e}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let router = Router::new()
            .route("/v1.1/Datastreams", get(datastreams))
            .route("/v1.1/Observations", get(observations))
            .with_state(Readings { address, begin, now_s });
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await });
        Self { address, runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/v1.1", self.address)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Readings {
    fn observation(&self, second: i64, sensor: i64) -> Value {
        let time = (self.begin + TimeDelta::seconds(second)).to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({"phenomenonTime": time, "result": second, "Datastream": {"@iot.id": format!("s{sensor}")}})
    }
}

/// With the latest observation of each.
async fn datastreams(State(all): State<Readings>) -> String {
    let one = |n: i64| {
        let place = json!({"type": "Point", "coordinates": [118.2 + n as f64 * 0.005, 33.96]});
        json!({"@iot.id": format!("s{n}"), "ObservedProperty": {"name": "PM2.5"}, "unitOfMeasurement": {"symbol": "µg/m³"},
            "Thing": {"name": format!("S{n}"), "Locations": [{"location": place}]}, "Observations": [all.observation(all.now_s, n)]})
    };
    json!({"value": (0..SENSORS).map(one).collect::<Value>()}).to_string()
}

/// `$filter=phenomenonTime gt T`, in order of time, page by page; no data arrays.
async fn observations(State(all): State<Readings>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let asked: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let after = asked.get("$filter").and_then(|f| f.strip_prefix("phenomenonTime gt ")?.parse::<DateTime<Utc>>().ok());
    let (Some(after), false) = (after, asked.contains_key("$resultFormat")) else {
        return (StatusCode::BAD_REQUEST, "only $filter=phenomenonTime gt T").into_response();
    };
    let first = if after < all.begin { 0 } else { (after - all.begin).num_seconds() + 1 };
    let skip = asked.get("$skip").and_then(|n| n.parse().ok()).unwrap_or(0);
    let matching = || (first..=all.now_s).flat_map(|s| (0..SENSORS).map(move |n| (s, n)));
    let mut page = json!({"value": matching().skip(skip).take(PAGE).map(|(s, n)| all.observation(s, n)).collect::<Value>()});
    if matching().nth(skip + PAGE).is_some() {
        let rest: Vec<&str> = query.split('&').filter(|p| !p.starts_with("$skip=") && !p.starts_with("%24skip=")).collect();
        page["@iot.nextLink"] = json!(format!("http://{}/v1.1/Observations?{}&$skip={}", all.address, rest.join("&"), skip + PAGE));
    }
    page.to_string().into_response()
}
