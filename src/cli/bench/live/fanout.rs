//! Positions out to many screens, and screens that only stay.

use super::server::{Server, cpu_s, quantile};
use anyhow::Context;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{SinkExt, StreamExt, stream};
use serde::Serialize;
use serde_json::json;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Positions a second of all units together, and how many units there are.
const POSITIONS_PER_S: f64 = 1_400.0;
const UNITS: usize = 2_800;
/// Of the positions a screen hears, one in so many is timed: reading the time of all would measure this program.
const TIMED: usize = 7;
const KEY: &[u8] = b"\"seen_at\":\"";
/// `2026-11-26T03:22:11.123Z`
const TIME_BYTES: usize = 24;
const READ_BYTES: usize = 16 << 10;
/// A pong nobody asked for (RFC 6455, 5.5.3) with a mask of noughts: the hub hangs up on a screen that says nothing for half a minute.
const PONG: &[u8] = &[0x8a, 0x80, 0, 0, 0, 0];
const PONG_EVERY: Duration = Duration::from_secs(8);
/// Screens that knock at a time.
const KNOCK: usize = 50;
const BLOCK: usize = 200;
/// The city's extent, and a viewport's part of it along each side.
const CITY: [f64; 4] = [118.20, 33.90, 118.40, 34.10];
const PART: f64 = 0.3;

#[derive(Debug, Serialize)]
pub struct Figures {
    pub clients: usize,
    /// Screens whose connection ended before the run.
    pub cut_off: usize,
    pub seconds: f64,
    pub positions_per_s: f64,
    /// Positions timed.
    pub heard: usize,
    /// From the moment a unit's platform wrote its position to the moment a screen had it.
    pub ms_p50: f64,
    pub ms_p99: f64,
    pub ledger_balanced: bool,
    pub hub_rss_mib: f64,
    pub hub_cpu_s: f64,
    /// This program's own: the platform that moves the units, and all screens.
    pub load_cpu_s: f64,
}

#[derive(Debug, Serialize)]
pub struct IdleFigures {
    /// Screens that the hub counts at the end.
    pub clients: usize,
    pub hub_rss_mib: f64,
    /// Above the same hub without screens.
    pub added_mib: f64,
    pub kb_each: f64,
    /// Connecting all of them, seconds.
    pub connect_s: f64,
}

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

pub async fn positions(clients: usize, span: Duration) -> anyhow::Result<Figures> {
    let platform = platform().await?;
    let hub = Server::start(&format!("[[feed]]\nkind = \"geojson_sse\"\nid = \"units\"\nurl = \"{platform}\"\n")).await?;
    let (running, timing) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let mut listening = Vec::new();
    // In blocks that listen at once, so that nothing piles up for the first ones while the last ones knock.
    for block in blocks(clients) {
        for screen in connect(&hub, block, true).await? {
            listening.push(tokio::spawn(listen(screen, running.clone(), timing.clone())));
        }
    }
    sleep(Duration::from_secs(2)).await;
    let own = std::process::id();
    let (cpu, load, before, begun) = (hub.cpu_s(), cpu_s(own), hub.feed("units").await?, Instant::now());
    timing.store(true, Ordering::Relaxed);
    sleep(span).await;
    let (seconds, cpu, load) = (begun.elapsed().as_secs_f64(), hub.cpu_s() - cpu, cpu_s(own) - load);
    running.store(false, Ordering::Relaxed);
    let (mut ms, mut cut_off) = (Vec::new(), 0);
    for listener in listening {
        let (times, to_the_end) = listener.await?;
        ms.extend(times);
        cut_off += usize::from(!to_the_end);
    }
    ms.sort_by(f64::total_cmp);
    let ledger = hub.feed("units").await?;
    Ok(Figures {
        clients,
        cut_off,
        seconds,
        positions_per_s: (ledger.stored - before.stored) as f64 / seconds,
        heard: ms.len(),
        ms_p50: quantile(&ms, 0.5),
        ms_p99: quantile(&ms, 0.99),
        ledger_balanced: ledger.balances(),
        hub_rss_mib: hub.rss_mib(),
        hub_cpu_s: cpu,
        load_cpu_s: load,
    })
}

pub async fn idle(clients: usize, hold: Duration) -> anyhow::Result<IdleFigures> {
    let hub = Server::start("").await?;
    sleep(Duration::from_millis(500)).await;
    let (before, begun) = (hub.rss_mib(), Instant::now());
    let mut screens = tokio::task::JoinSet::new();
    // In blocks, so that the first ones answer pings while the last ones knock.
    for block in blocks(clients) {
        for mut screen in connect(&hub, block, false).await? {
            screens.spawn(async move { while let Some(Ok(_)) = screen.next().await {} });
        }
    }
    let connect_s = begun.elapsed().as_secs_f64();
    sleep(hold).await;
    let after = hub.rss_mib();
    let there = hub.json("/api/health").await?["counts"]["screens"].as_u64().unwrap_or_default() as usize;
    let added = (after - before).max(0.0);
    Ok(IdleFigures { clients: there, hub_rss_mib: after, added_mib: added, kb_each: added * 1024.0 / there.max(1) as f64, connect_s })
}

fn blocks(clients: usize) -> impl Iterator<Item = Range<usize>> {
    (0..clients).step_by(BLOCK).map(move |first| first..(first + BLOCK).min(clients))
}

/// A platform whose units move: an event stream of positions, each with the time it was written.
async fn platform() -> anyhow::Result<String> {
    let stream = || async {
        let mut tick = interval(Duration::from_millis(10));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let events = stream::unfold((tick, 0usize), |(mut tick, n)| async move {
            tick.tick().await;
            let many = (POSITIONS_PER_S / 100.0) as usize;
            let features: Vec<_> = (n..n + many).map(|i| position(i % UNITS, i / UNITS)).collect();
            let event = Event::default().data(json!({"type": "FeatureCollection", "features": features}).to_string());
            Some((Ok::<_, Infallible>(event), (tick, n + many)))
        });
        Sse::new(events).keep_alive(KeepAlive::default())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/units", get(stream))).await });
    Ok(format!("http://{address}/units"))
}

fn position(unit: usize, turn: usize) -> serde_json::Value {
    let [west, south, east, north] = CITY;
    let (x, y) = ((unit % 53) as f64 / 53.0, (unit / 53) as f64 / 53.0);
    let shift = (turn % 100) as f64 * 1e-5;
    let seen_at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"type": "Feature", "id": format!("u{unit}"),
        "geometry": {"type": "Point", "coordinates": [west + x * (east - west) + shift, south + y * (north - south)]},
        "properties": {"kind": "unit", "call_sign": format!("巡逻 {unit}"), "domain": "traffic", "unit_kind": "patrol_car",
            "state": "available", "heading_deg": (turn % 360) as f64, "seen_at": seen_at}})
}

/// Screens that have said hello; with a viewport of their own where they shall watch.
async fn connect(hub: &Server, numbers: Range<usize>, watching: bool) -> anyhow::Result<Vec<Socket>> {
    let url = hub.url.replacen("http", "ws", 1) + "/ws";
    let screens = stream::iter(numbers).map(|i| {
        let url = url.clone();
        async move { timeout(Duration::from_secs(30), greet(&url, i, watching)).await.context("a screen could not connect in 30 s")? }
    });
    let screens: Vec<anyhow::Result<Socket>> = screens.buffer_unordered(KNOCK).collect().await;
    screens.into_iter().collect()
}

async fn greet(url: &str, i: usize, watching: bool) -> anyhow::Result<Socket> {
    let small = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(1024);
    let (mut socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(small), true).await?;
    let hello = json!({"type": "hello", "version": crate::model::protocol::PROTOCOL_VERSION, "screen": format!("phone-{i}"),
        "class": "small", "role": "viewer", "actor": "bench"});
    socket.send(Message::text(hello.to_string())).await?;
    if watching {
        let [west, south, east, north] = CITY;
        let (dx, dy) = ((east - west) * PART, (north - south) * PART);
        let (x, y) = (west + (i % 31) as f64 / 31.0 * (east - west - dx), south + (i / 31 % 31) as f64 / 31.0 * (north - south - dy));
        let subscribe = json!({"type": "subscribe", "viewport": [x, y, x + dx, y + dy]});
        socket.send(Message::text(subscribe.to_string())).await?;
    }
    // Welcome, then the snapshot: only then is it a screen.
    for _ in 0..2 {
        socket.next().await.context("the hub closed the door")??;
    }
    Ok(socket)
}

/// Reads what comes; milliseconds from the time a position was written, of some of them once `timing` has begun; and whether it was
/// connected to the end.
///
/// Bytes are looked at as they come, for the one field: taking frames and JSON apart a thousand times beside the hub would measure
/// this program.
async fn listen(mut socket: Socket, running: Arc<AtomicBool>, timing: Arc<AtomicBool>) -> (Vec<f64>, bool) {
    let tcp = socket.get_mut();
    let key = memchr::memmem::Finder::new(KEY);
    let (mut ms, mut n, mut bytes, mut pong_at) = (Vec::new(), 0, Vec::with_capacity(READ_BYTES), Instant::now());
    while running.load(Ordering::Relaxed) {
        if pong_at.elapsed() >= PONG_EVERY {
            pong_at = Instant::now();
            if tcp.write_all(PONG).await.is_err() {
                return (ms, false);
            }
        }
        match timeout(Duration::from_secs(1), tcp.read_buf(&mut bytes)).await {
            Ok(Ok(read)) if read > 0 => {}
            Err(_) => continue,
            _ => return (ms, false),
        }
        let now = Utc::now();
        let mut seen = 0;
        for at in key.find_iter(&bytes) {
            let Some(time) = bytes.get(at + KEY.len()..at + KEY.len() + TIME_BYTES) else { break };
            seen = at + KEY.len() + TIME_BYTES;
            n += 1;
            if n % TIMED == 0 && timing.load(Ordering::Relaxed) {
                let time = std::str::from_utf8(time).ok().and_then(|t| DateTime::parse_from_rfc3339(t).ok());
                ms.extend(time.map(|t| (now - t.with_timezone(&Utc)).num_microseconds().unwrap_or(i64::MAX) as f64 / 1000.0));
            }
        }
        // What may be the beginning of the next one stays.
        let rest = seen.max(bytes.len().saturating_sub(KEY.len() + TIME_BYTES - 1));
        bytes.drain(..rest);
    }
    (ms, true)
}
