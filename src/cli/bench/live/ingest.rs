//! Readings in, as data arrays over HTTP, each post answered once it is on disk.

use super::server::{Server, quantile};
use anyhow::ensure;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Sensors, and readings of one in a post: a platform that forwards every few seconds.
const STREAMS: usize = 5_000;
const ROWS: usize = 10;
/// Readings in one post.
const A_POST: usize = 5_000;
/// Posts on their way at a time.
const AT_A_TIME: usize = 4;
const READ_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, Serialize)]
pub struct Figures {
    pub seconds: f64,
    pub offered_per_s: f64,
    pub stored_per_s: f64,
    /// Readings whose post was answered with success.
    pub acknowledged: u64,
    /// Readings found in the history afterwards.
    pub in_history: u64,
    pub ledger_balanced: bool,
    /// A reader's requests (feeds, one sensor's chart) while readings come in.
    pub reader_ms_p50: f64,
    pub reader_ms_p99: f64,
    pub hub_rss_mib: f64,
    pub hub_cpu_s: f64,
}

pub async fn over_http(rate: u32, span: Duration) -> anyhow::Result<Figures> {
    let hub = Arc::new(Server::start("[[feed]]\nkind = \"sensorthings_in\"\nid = \"platform\"\n").await?);
    describe(&hub).await?;
    let (acknowledged, running) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(true)));
    let reader = tokio::spawn(read(hub.clone(), running.clone()));
    let cpu = hub.cpu_s();
    let begun = Instant::now();
    let mut tick = interval(Duration::from_secs_f64(A_POST as f64 / f64::from(rate)));
    // A post that had to wait is made up for, so that the rate is what was asked for.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let room = Arc::new(tokio::sync::Semaphore::new(AT_A_TIME));
    let start = Utc::now() - TimeDelta::minutes(30);
    let mut posts = Vec::new();
    let mut n = 0;
    while begun.elapsed() < span {
        tick.tick().await;
        let permit = room.clone().acquire_owned().await?;
        let (hub, acknowledged, body) = (hub.clone(), acknowledged.clone(), body(n, start));
        posts.push(tokio::spawn(async move {
            let _permit = permit;
            let answer = hub.http.post(format!("{}/feeds/platform", hub.url)).body(body).send().await?.error_for_status()?;
            let taken: Value = answer.json().await?;
            acknowledged.fetch_add(taken["accepted"].as_u64().unwrap_or_default(), Ordering::Relaxed);
            anyhow::Ok(())
        }));
        n += 1;
    }
    for post in posts {
        post.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    running.store(false, Ordering::Relaxed);
    let mut reader_ms = reader.await??;
    reader_ms.sort_by(f64::total_cmp);
    // The ledger is told once a second.
    sleep(Duration::from_millis(1_500)).await;
    let ledger = hub.feed("platform").await?;
    let in_history = hub.json("/api/health").await?["history"]["readings"].as_u64().unwrap_or_default();
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    Ok(Figures {
        seconds,
        offered_per_s: (n * A_POST) as f64 / seconds,
        stored_per_s: ledger.stored as f64 / seconds,
        acknowledged,
        in_history,
        ledger_balanced: ledger.balances() && ledger.stored == acknowledged && in_history == acknowledged,
        reader_ms_p50: quantile(&reader_ms, 0.5),
        reader_ms_p99: quantile(&reader_ms, 0.99),
        hub_rss_mib: hub.rss_mib(),
        hub_cpu_s: hub.cpu_s() - cpu,
    })
}

/// Tells the hub of all sensors.
async fn describe(hub: &Server) -> anyhow::Result<()> {
    let stream = |i: usize| {
        let place = json!({"type": "Point", "coordinates": [118.2 + (i % 100) as f64 * 1e-3, 33.9 + (i / 100) as f64 * 1e-3]});
        json!({"@iot.id": i, "ObservedProperty": {"name": "PM2.5"}, "unitOfMeasurement": {"symbol": "µg/m³"},
               "Thing": {"name": format!("mast {i}"), "Locations": [{"location": place}]}})
    };
    let all: Vec<_> = (0..STREAMS).map(stream).collect();
    let answer = hub.http.post(format!("{}/feeds/platform", hub.url)).json(&all).send().await?;
    ensure!(answer.status().is_success(), "the hub refused the sensors: {}", answer.text().await?);
    Ok(())
}

/// The `n`th post: the next ten readings of the next sensors, a second apart.
fn body(n: usize, start: DateTime<Utc>) -> String {
    let streams = A_POST / ROWS;
    let mut text = String::with_capacity(A_POST * 50);
    text.push('[');
    for i in 0..streams {
        let stream = (n * streams + i) % STREAMS;
        let round = (n * streams + i) / STREAMS * ROWS;
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(text, r#"{comma}{{"Datastream":{{"@iot.id":{stream}}},"components":["phenomenonTime","result"],"dataArray":["#);
        for row in 0..ROWS {
            let time = (start + TimeDelta::milliseconds(((round + row) * 1_000) as i64)).to_rfc3339_opts(SecondsFormat::Millis, true);
            let comma = if row > 0 { "," } else { "" };
            let _ = write!(text, r#"{comma}["{time}",{}.{}]"#, (stream + row) % 90, n % 10);
        }
        text.push_str("]}");
    }
    text.push(']');
    text
}

/// Asks as a desk does, again and again; how long each answer took, ms.
async fn read(hub: Arc<Server>, running: Arc<AtomicBool>) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    let mut n = 0;
    while running.load(Ordering::Relaxed) {
        let path = match n % 2 {
            0 => "/api/feeds".to_owned(),
            _ => format!("/api/series?datastream=platform/{}&step_s=60", n * 37 % STREAMS),
        };
        let begun = Instant::now();
        hub.json(&path).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        n += 1;
        sleep(READ_EVERY).await;
    }
    Ok(times)
}
