//! What readings that come in are measured by, whichever way they come: the ledger, the history, and how long a reader waits meanwhile.

use super::server::{Server, quantile};
use anyhow::{Context, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Sensors that tell.
pub const STREAMS: usize = 5_000;
const READ_EVERY: Duration = Duration::from_millis(50);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Nothing more is waited for when the history has not grown for so long.
const STUCK_AFTER: Duration = Duration::from_secs(15);

#[derive(Debug, Serialize)]
pub struct Figures {
    /// From the first reading sent until the last was on disk.
    pub seconds: f64,
    pub offered_per_s: f64,
    pub stored_per_s: f64,
    /// Readings whose sender was told that they are safe: by the hub over HTTP, by the broker over MQTT.
    pub acknowledged: u64,
    /// Readings found in the history afterwards.
    pub in_history: u64,
    pub ledger_balanced: bool,
    /// A reader's requests (feeds, one sensor's chart) while readings come in.
    pub reader_ms_p50: f64,
    pub reader_ms_p99: f64,
    pub reader_ms_max: f64,
    pub hub_rss_mib: f64,
    pub hub_cpu_s: f64,
    /// The MQTT broker between, with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_cpu_s: Option<f64>,
    /// This program's own, for making the load and reading beside it.
    pub load_cpu_s: f64,
}

/// A run under way.
pub struct Run {
    hub: Arc<Server>,
    feed: &'static str,
    begun: Instant,
    hub_cpu_s: f64,
    load_cpu_s: f64,
    running: Arc<AtomicBool>,
    reader: JoinHandle<anyhow::Result<Vec<f64>>>,
}

impl Run {
    /// Begins to read beside: `chart` names the `n`th sensor's datastream.
    pub fn begin(hub: Arc<Server>, feed: &'static str, chart: fn(usize) -> String) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        let reader = tokio::spawn(read(hub.clone(), running.clone(), chart));
        let (hub_cpu_s, load_cpu_s) = (hub.cpu_s(), own_cpu_s());
        Self { hub, feed, begun: Instant::now(), hub_cpu_s, load_cpu_s, running, reader }
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits until all that was acknowledged is in the history, and counts.
    pub async fn end(self, offered: u64, acknowledged: u64) -> anyhow::Result<Figures> {
        let (mut in_history, mut grew) = (0, Instant::now());
        while in_history < acknowledged && grew.elapsed() < STUCK_AFTER {
            let now =
                self.hub.json("/api/health").await?["history"]["readings"].as_u64().context("the hub tells nothing of its history")?;
            if now > in_history {
                (in_history, grew) = (now, Instant::now());
            }
            if in_history < acknowledged {
                sleep(LOOK_EVERY).await;
            }
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let (hub_cpu_s, load_cpu_s) = (self.hub.cpu_s() - self.hub_cpu_s, own_cpu_s() - self.load_cpu_s);
        self.running.store(false, Ordering::Relaxed);
        let mut reader_ms = self.reader.await??;
        reader_ms.sort_by(f64::total_cmp);
        // The ledger is told once a second.
        sleep(Duration::from_millis(1_500)).await;
        let ledger = self.hub.feed(self.feed).await?;
        Ok(Figures {
            seconds,
            offered_per_s: offered as f64 / seconds,
            stored_per_s: ledger.stored as f64 / seconds,
            acknowledged,
            in_history,
            ledger_balanced: ledger.balances() && ledger.stored == acknowledged && in_history == acknowledged,
            reader_ms_p50: quantile(&reader_ms, 0.5),
            reader_ms_p99: quantile(&reader_ms, 0.99),
            reader_ms_max: quantile(&reader_ms, 1.0),
            hub_rss_mib: self.hub.rss_mib(),
            hub_cpu_s,
            broker: None,
            broker_cpu_s: None,
            load_cpu_s,
        })
    }
}

fn own_cpu_s() -> f64 {
    super::server::cpu_s(std::process::id())
}

/// When the first reading of each sensor was taken.
pub fn start() -> DateTime<Utc> {
    Utc::now() - TimeDelta::minutes(30)
}

/// When a sensor took its `round`th reading: one a second.
pub fn time(start: DateTime<Utc>, round: usize) -> String {
    (start + TimeDelta::seconds(round as i64)).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Asks as a desk does, again and again; how long each answer took, ms.
async fn read(hub: Arc<Server>, running: Arc<AtomicBool>, chart: fn(usize) -> String) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    let mut n = 0;
    while running.load(Ordering::Relaxed) {
        let path = match n % 2 {
            0 => "/api/feeds".to_owned(),
            _ => format!("/api/series?datastream={}&step_s=60", chart(n * 37 % STREAMS)),
        };
        let begun = Instant::now();
        hub.json(&path).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        n += 1;
        sleep(READ_EVERY).await;
    }
    ensure!(!times.is_empty(), "the run was too short for a reader");
    Ok(times)
}
