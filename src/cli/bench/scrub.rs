//! What a hub takes to answer `/api/at`, which screens ask as they scrub: over the bench's history, with a day of units and incidents that are
//! posted to it. The hub is a process of its own, asked over loopback.

use super::history::{PROPERTY, Times, first, ms, times};
use super::live::server::Server;
use anyhow::{Context, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Units on duty, each with a position every ten minutes of the day; an answer tells one each.
const UNITS: i64 = 1_000;
const POSITIONS: i64 = 144;
const INCIDENTS: i64 = 1_000;
/// Instants all over the day, none of them asked for before.
const INSTANTS: i64 = 24;
/// Features of one post.
const A_POST: usize = 10_000;
const DOOR_WITHIN: Duration = Duration::from_secs(15);

/// The hub's own answers: made, written as JSON, and read by the asker.
#[derive(Debug, Serialize)]
pub struct Scrub {
    units: usize,
    incidents: usize,
    readings: usize,
    /// Of an answer, as the middle of the day has it: its JSON, and what goes over the wire to who takes gzip, as all screens do.
    body_kib: f64,
    packed_kib: f64,
    as_it_happened_ms: Times,
    as_we_knew_it_ms: Times,
    /// The same instants again: other screens of the wall, and a look back. The last sixteen answers are kept.
    kept_ms: Times,
    /// Means over 24 hours of all sensors, made for the first time.
    means_24h_ms: f64,
}

/// Starts a hub on the history in `folder` and asks it.
///
/// # Errors
/// A hub that does not start, refuses a post, or tells something else than was posted.
pub async fn measure(folder: &Path) -> anyhow::Result<Scrub> {
    let feeds = "[[feed]]\nkind = \"sensorthings_in\"\nid = \"bench\"\n[[feed]]\nkind = \"geojson\"\nid = \"posted\"\nurl = \"http://127.0.0.1:9/\"\npoll_s = 3600\n";
    let hub = Server::start_with(feeds, &["--history".as_ref(), folder.as_os_str()]).await?;
    let from = first();
    for round in 0..POSITIONS {
        let at = from + TimeDelta::minutes(round * 10);
        post(&hub, (0..UNITS).map(|n| unit(n, round, at)).collect()).await?;
    }
    post(&hub, (0..INCIDENTS).map(|n| incident(n, from + TimeDelta::seconds(n * 86_400 / INCIDENTS))).collect()).await?;
    let instant = |i: i64| from + TimeDelta::seconds(3_600 + (i * 13_577) % 82_000);
    let all = |known: &'static str, instants: Vec<i64>| ask(&hub, known, instants.into_iter().map(instant).collect());
    let (as_it_happened_ms, body) = all("as_it_happened", (0..INSTANTS).collect()).await?;
    // Those of the last question are still kept.
    let (kept_ms, _) = all("as_it_happened", (INSTANTS - 16..INSTANTS).collect()).await?;
    let (as_we_knew_it_ms, _) = all("as_we_knew_it", (0..INSTANTS).collect()).await?;
    let packed = reqwest::Client::builder()
        .no_gzip()
        .build()?
        .get(address(&hub, "as_it_happened", instant(INSTANTS - 1)))
        .header("accept-encoding", "gzip");
    let packed = packed.send().await?.error_for_status()?.bytes().await?;
    let told: Value = serde_json::from_slice(&body)?;
    let count = |key: &str| told[key].as_array().map_or(0, Vec::len);
    let (units, incidents, readings) = (count("units"), count("incidents"), count("observations"));
    ensure!(
        units as i64 == UNITS && incidents > 0 && readings > 0,
        "an answer has {units} units, {incidents} incidents, {readings} readings"
    );
    Ok(Scrub {
        units,
        incidents,
        readings,
        body_kib: body.len() as f64 / 1024.0,
        packed_kib: packed.len() as f64 / 1024.0,
        as_it_happened_ms,
        as_we_knew_it_ms,
        kept_ms,
        means_24h_ms: means(&hub).await?,
    })
}

fn address(hub: &Server, known: &str, at: DateTime<Utc>) -> String {
    format!("{}/api/at?time={}&known={known}", hub.url, at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Times of the answers, unpacked, and the last of them.
async fn ask(hub: &Server, known: &str, instants: Vec<DateTime<Utc>>) -> anyhow::Result<(Times, Vec<u8>)> {
    let (mut all, mut last) = (Vec::new(), Vec::new());
    for at in instants {
        let begun = Instant::now();
        let answer = hub.http.get(address(hub, known, at)).send().await?.error_for_status()?;
        last = answer.bytes().await?.to_vec();
        all.push(ms(begun));
    }
    Ok((times(all), last))
}

async fn means(hub: &Server) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let told = hub.json(&format!("/api/means?property={PROPERTY}&hours=24")).await?;
    let took = ms(begun);
    let made = told["means"].as_array().context("no means")?;
    ensure!(made.iter().all(|m| m["value"].is_f64() || m["valid"].as_u64() < Some(20)), "means that make no sense");
    Ok(took)
}

async fn post(hub: &Server, features: Vec<Value>) -> anyhow::Result<()> {
    for part in features.chunks(A_POST) {
        let body = json!({"type": "FeatureCollection", "features": part});
        let begun = Instant::now();
        loop {
            let answer = hub.http.post(format!("{}/feeds/posted", hub.url)).json(&body).send().await?;
            // The feed's door opens a moment after the hub's.
            if answer.status() == 404 && begun.elapsed() < DOOR_WITHIN {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            ensure!(answer.status().is_success(), "the hub refused a post: {}", answer.text().await?);
            break;
        }
    }
    Ok(())
}

fn unit(n: i64, round: i64, seen_at: DateTime<Utc>) -> Value {
    let (lon, lat) = (118.0 + ((n * 37 + round) % 500) as f64 * 1e-3, 33.7 + ((n * 53 + round * 3) % 500) as f64 * 1e-3);
    json!({"type": "Feature", "id": format!("u{n}"), "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"kind": "unit", "call_sign": format!("宿{n}"), "domain": "traffic", "unit_kind": "patrol_car", "state": "available",
            "heading_deg": (n * 7 + round) % 360, "seen_at": seen_at}})
}

fn incident(n: i64, reported_at: DateTime<Utc>) -> Value {
    let (lon, lat) = (118.0 + (n * 61 % 500) as f64 * 1e-3, 33.7 + (n * 29 % 500) as f64 * 1e-3);
    json!({"type": "Feature", "id": format!("i{n}"), "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"kind": "incident", "domain": "traffic", "category": "traffic/accident/collision", "severity": "minor",
            "title": format!("追尾 {n}"), "reported_at": reported_at}})
}
