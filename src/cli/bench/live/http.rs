//! Readings in as data arrays over HTTP, each post answered once it is on disk.

use super::ingest::{Figures, Run, STREAMS, start, time};
use super::server::Server;
use anyhow::ensure;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Readings of one sensor in a post: a platform that forwards every few seconds.
const ROWS: usize = 10;
/// Readings in one post.
const A_POST: usize = 5_000;
/// Posts on their way at a time.
const AT_A_TIME: usize = 4;

pub async fn measure(rate: u32, span: Duration) -> anyhow::Result<Figures> {
    let hub = Arc::new(Server::start("[[feed]]\nkind = \"sensorthings_in\"\nid = \"platform\"\n").await?);
    describe(&hub).await?;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let start = start();
    let run = Run::begin(hub.clone(), "platform", |n| format!("platform/{n}"));
    let mut tick = interval(Duration::from_secs_f64(A_POST as f64 / f64::from(rate)));
    // A post that had to wait is made up for, so that the rate is what was asked for.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let room = Arc::new(tokio::sync::Semaphore::new(AT_A_TIME));
    let mut posts = Vec::new();
    while run.elapsed() < span {
        tick.tick().await;
        let permit = room.clone().acquire_owned().await?;
        let (hub, acknowledged, body) = (hub.clone(), acknowledged.clone(), body(posts.len(), start));
        posts.push(tokio::spawn(async move {
            let _permit = permit;
            let answer = hub.http.post(format!("{}/feeds/platform", hub.url)).body(body).send().await?.error_for_status()?;
            let taken: Value = answer.json().await?;
            acknowledged.fetch_add(taken["accepted"].as_u64().unwrap_or_default(), Ordering::Relaxed);
            anyhow::Ok(())
        }));
    }
    let offered = (posts.len() * A_POST) as u64;
    for post in posts {
        post.await??;
    }
    run.end(offered, acknowledged.load(Ordering::Relaxed)).await
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
            let comma = if row > 0 { "," } else { "" };
            let _ = write!(text, r#"{comma}["{}",{}.{}]"#, time(start, round + row), (stream + row) % 90, n % 10);
        }
        text.push_str("]}");
    }
    text.push(']');
    text
}
