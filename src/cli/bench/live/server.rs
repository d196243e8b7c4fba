//! A hub as a process of its own, and what the system says of it.

use anyhow::{Context, bail};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running hub; it ends with this.
pub struct Server {
    child: Child,
    pub url: String,
    pub http: reqwest::Client,
    _data: TempDir,
}

impl Server {
    /// Starts `yiping hub` on a scene with these feeds (TOML), on a free port and an empty data folder.
    pub async fn start(feeds: &str) -> anyhow::Result<Self> {
        Self::start_with(feeds, &[]).await
    }

    /// The same with further arguments.
    pub async fn start_with(feeds: &str, arguments: &[&OsStr]) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("yiping-bench-").tempdir()?;
        let scene = data.path().join("bench.toml");
        std::fs::write(&scene, format!("name = \"bench\"\nname_en = \"bench\"\npackage = \"none\"\n{feeds}"))?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["hub", "--listen", "127.0.0.1:0", "--scene"])
            .arg(&scene)
            .arg("--data")
            .arg(data.path())
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().context("the hub has no output")?;
        let mut lines = BufReader::new(out).lines();
        let url = loop {
            match lines.next_line().await? {
                Some(line) => match line.strip_prefix("yiping hub: ") {
                    Some(url) => break url.trim().to_owned(),
                    None => continue,
                },
                None => bail!("the hub has ended before it listened"),
            }
        };
        crate::feeds::install_tls();
        Ok(Self { child, url, http: reqwest::Client::builder().build()?, _data: data })
    }

    pub async fn json(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// The ledger of one feed.
    pub async fn feed(&self, id: &str) -> anyhow::Result<crate::model::feed::FeedStatus> {
        let all: Vec<crate::model::feed::FeedStatus> = serde_json::from_value(self.json("/api/feeds").await?)?;
        all.into_iter().find(|f| f.feed == id).with_context(|| format!("the hub tells nothing of the feed {id}"))
    }

    /// Resident memory, MiB.
    pub fn rss_mib(&self) -> f64 {
        let Some(pid) = self.child.id() else { return 0.0 };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let kb = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
        kb.unwrap_or_default() / 1024.0
    }

    /// Processor time so far, seconds.
    pub fn cpu_s(&self) -> f64 {
        self.child.id().map_or(0.0, cpu_s)
    }
}

/// Processor time of a process so far, seconds.
pub fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    // After the name in brackets: state is the third field, user and system ticks the 14th and 15th.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// As many open files as the system lets us have: ten thousand screens are as many sockets.
pub fn more_files() -> anyhow::Result<()> {
    crate::hub::allow_many_connections().context("can't raise the number of open files; try `ulimit -n 65536`")
}

/// The value that `share` of all are not above, milliseconds.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}
