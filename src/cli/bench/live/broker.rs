//! An MQTT broker to publish on, and one who publishes.

use super::server::cpu_s;
use anyhow::{Context, bail, ensure};
use rumqttd::{Config, ConnectionSettings, RouterConfig, ServerSettings};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// Messages that may be with the broker and not acknowledged by it; packet ids are 16 bits.
const UNACKNOWLEDGED_MAX: u64 = 5_000;
const START_WITHIN: Duration = Duration::from_secs(10);
const STUCK_AFTER: Duration = Duration::from_secs(15);

/// A broker; it ends with this.
pub struct Broker {
    pub address: SocketAddr,
    /// With its version.
    pub name: String,
    /// `None`: it runs in this process.
    process: Option<(Child, TempDir)>,
}

impl Broker {
    /// Debian's mosquitto as a process of its own; where there is none, rumqttd in this process.
    pub async fn start() -> anyhow::Result<Self> {
        let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = probe.local_addr()?;
        drop(probe);
        let broker = match mosquitto(address).await? {
            Some((name, process)) => Self { address, name, process: Some(process) },
            None => {
                embedded(address)?;
                Self { address, name: "rumqttd 0.20 in the load's process (mosquitto is not installed)".into(), process: None }
            }
        };
        let begun = Instant::now();
        while Publisher::connect(address).await.is_err() {
            ensure!(begun.elapsed() < START_WITHIN, "{}: nothing answers on {address}", broker.name);
            sleep(Duration::from_millis(50)).await;
        }
        Ok(broker)
    }

    /// Processor time so far, seconds, of a broker that is a process of its own.
    pub fn cpu_s(&self) -> Option<f64> {
        self.process.as_ref().and_then(|(child, _)| child.id()).map(cpu_s)
    }
}

async fn mosquitto(address: SocketAddr) -> anyhow::Result<Option<(String, (Child, TempDir))>> {
    // Debian puts it where ordinary users don't look.
    let sbin = PathBuf::from("/usr/sbin/mosquitto");
    let program = if sbin.exists() { sbin.as_path() } else { Path::new("mosquitto") };
    let Ok(help) = Command::new(program).arg("-h").output().await else { return Ok(None) };
    let name = String::from_utf8_lossy(&help.stdout).lines().next().unwrap_or_default().to_owned();
    let dir = tempfile::Builder::new().prefix("yiping-bench-broker-").tempdir()?;
    let file = dir.path().join("conf");
    // Run by root it would become another user, who may not read here. The hub acknowledges once its disk has the reading: with the
    // default of 20 messages on their way, that alone would be the pace.
    let config = format!(
        "user root\nlistener {} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n\
         max_inflight_messages 4096\nmax_queued_messages 0\n",
        address.port()
    );
    std::fs::write(&file, config)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("{} can't be started", program.display()))?;
    Ok(Some((name, (child, dir))))
}

/// rumqttd with room for all that a run may leave waiting; it ends with this process.
fn embedded(listen: SocketAddr) -> anyhow::Result<()> {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: 256 << 10,
        max_inflight_count: 4096,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings { name: "v4".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 20,
        max_outgoing_packet_count: 4096,
        max_segment_size: 64 << 20,
        max_segment_count: 16,
        ..RouterConfig::default()
    };
    let config = Config { router, v4: Some(HashMap::from([("v4".to_owned(), server)])), ..Config::default() };
    std::thread::Builder::new().name("mqtt-broker".into()).spawn(move || {
        if let Err(e) = rumqttd::Broker::new(config).start() {
            tracing::error!("the broker that is measured with has ended: {e}");
        }
    })?;
    Ok(())
}

/// Publishes at quality 1 (MQTT 3.1.1). Written by hand, because a client library would take as much of the two cores as what is measured.
pub struct Publisher {
    out: BufWriter<OwnedWriteHalf>,
    sent: u64,
    acknowledged: Arc<AtomicU64>,
}

impl Publisher {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        // CONNECT: clean session, a minute of silence, client id `bench`.
        socket.write_all(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05bench").await?;
        let mut answer = [0; 4];
        socket.read_exact(&mut answer).await?;
        if answer != [0x20, 2, 0, 0] {
            bail!("the broker refuses a connection: {answer:?}");
        }
        let (input, out) = socket.into_split();
        let acknowledged = Arc::new(AtomicU64::new(0));
        tokio::spawn(count(input, acknowledged.clone()));
        Ok(Self { out: BufWriter::with_capacity(1 << 16, out), sent: 0, acknowledged })
    }

    /// Waits while too many are unacknowledged.
    pub async fn publish(&mut self, topic: &str, payload: &[u8]) -> anyhow::Result<()> {
        if self.sent - self.acknowledged.load(Ordering::Relaxed) >= UNACKNOWLEDGED_MAX {
            self.down_to(UNACKNOWLEDGED_MAX / 2).await?;
        }
        let id = (self.sent % 65_535) as u16 + 1;
        let mut head = vec![0x32];
        let mut length = 2 + topic.len() + 2 + payload.len();
        // Seven bits a byte, the least first.
        loop {
            let more = if length > 127 { 0x80 } else { 0 };
            head.push((length & 127) as u8 | more);
            length >>= 7;
            if more == 0 {
                break;
            }
        }
        head.extend((topic.len() as u16).to_be_bytes());
        head.extend(topic.as_bytes());
        head.extend(id.to_be_bytes());
        self.out.write_all(&head).await?;
        self.out.write_all(payload).await?;
        self.sent += 1;
        Ok(())
    }

    pub async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.out.flush().await?)
    }

    pub async fn all_acknowledged(&mut self) -> anyhow::Result<()> {
        self.down_to(0).await
    }

    async fn down_to(&mut self, unacknowledged: u64) -> anyhow::Result<()> {
        self.flush().await?;
        let begun = Instant::now();
        while self.sent - self.acknowledged.load(Ordering::Relaxed) > unacknowledged {
            ensure!(begun.elapsed() < STUCK_AFTER, "the broker no longer acknowledges");
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// All that a broker says to one who only publishes are PUBACKs, four bytes each.
async fn count(mut input: OwnedReadHalf, acknowledged: Arc<AtomicU64>) {
    let (mut buffer, mut bytes) = (vec![0; 1 << 14], 0);
    while let Ok(n) = input.read(&mut buffer).await {
        if n == 0 {
            return;
        }
        bytes += n as u64;
        acknowledged.store(bytes / 4, Ordering::Relaxed);
    }
}
