//! NMEA 0183 trackers: sentences over TCP, over UDP, or from a device or a log, each receiver a unit.

mod parse;
mod receiver;
#[cfg(test)]
mod tests;

use super::outbox::{Doubt, Outbox, Reason};
use super::{FeedError, FeedEvent, Tuning};
use crate::model::feed::{Tracker, TrackerBy};
use crate::model::unit::{Unit, UnitState};
use chrono::{DateTime, TimeDelta, Utc};
use receiver::{Receiver, Taken};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep_until, timeout};

/// Longest line; the standard's is 82 bytes.
const LINE_BYTES_MAX: usize = 1024;
/// Receivers of one feed.
const UNITS_MAX: usize = 20_000;
const DIAL_MAX: Duration = Duration::from_secs(5);
/// A time this far ahead of our clock is a clock that is wrong.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);

/// Reads one address; how far it has read a log outlives the connection.
pub(super) struct Adapter {
    feed: String,
    url: String,
    tracker: Tracker,
    tuning: Tuning,
    /// By unit.
    receivers: HashMap<String, Receiver>,
    /// Bytes of the log that have been read.
    position: u64,
}

impl Adapter {
    pub(super) fn new(feed: String, tracker: Tracker, tuning: Tuning) -> Self {
        let url = tracker.url.clone();
        Self { feed, url, tracker, tuning, receivers: HashMap::new(), position: 0 }
    }

    /// The unit that a line is about.
    fn unit_of(&self, line: &[u8], from: Option<SocketAddr>) -> String {
        let feed = &self.feed;
        let by = self.tracker.unit_by.unwrap_or(if from.is_some() { TrackerBy::Address } else { TrackerBy::Feed });
        match (by, from) {
            (TrackerBy::Address, Some(from)) => format!("{feed}/{}", from.ip()),
            (TrackerBy::Port, Some(from)) => format!("{feed}/{from}"),
            (TrackerBy::Talker, _) => {
                let talker = line.iter().skip_while(|b| **b != b'$').skip(1).take(2);
                let talker: String = talker.map(|b| char::from(*b)).filter(char::is_ascii_alphanumeric).collect();
                format!("{feed}/{talker}")
            }
            _ => feed.clone(),
        }
    }

    fn take(&mut self, line: &[u8], from: Option<SocketAddr>, outbox: &mut Outbox) -> Result<(), FeedError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let now = Utc::now();
        let id = self.unit_of(line, from);
        let near = self.receivers.get(&id).map_or(now, |receiver| receiver.near(now));
        let fix = match parse::fix(line, near) {
            // Satellites and the like say nothing that we keep: no message of ours.
            Ok(None) => return Ok(()),
            Ok(Some(fix)) => fix,
            Err(why) => {
                outbox.refuse(why);
                return Ok(());
            }
        };
        if self.receivers.len() >= UNITS_MAX && !self.receivers.contains_key(&id) {
            outbox.reject(Reason::Full, format!("{id}: more than {UNITS_MAX} receivers; split the feed"));
            return Ok(());
        }
        for taken in self.receivers.entry(id.clone()).or_default().take(fix, now + AHEAD_MAX) {
            match taken {
                Taken::Repeated => outbox.repeated(),
                Taken::Ahead(fix) => {
                    outbox.quarantine(Doubt::Clock, format!("{id}: its time {} is more than an hour ahead", fix.time));
                }
                Taken::New(fix) => {
                    let unit = self.tracker.unit(&id, fix.lon, fix.lat, fix.course_deg, fix.time);
                    outbox.offer(&id, FeedEvent::Unit(unit))?;
                }
            }
        }
        Ok(())
    }

    /// Lines of a byte stream until it ends; gives the bytes read.
    async fn lines(&mut self, mut stream: impl AsyncRead + Unpin, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut lines = Lines::default();
        let mut heard = Instant::now();
        let mut buffer = vec![0; 4096];
        loop {
            outbox.flush()?;
            tokio::select! {
                read = stream.read(&mut buffer) => {
                    let n = read.map_err(|e| self.failed(e.to_string()))?;
                    if n == 0 {
                        return Ok(());
                    }
                    heard = Instant::now();
                    for line in lines.push(&buffer[..n]) {
                        match line {
                            Some(line) => self.take(&line, None, outbox)?,
                            None => outbox.reject(Reason::TooLarge, format!("NMEA: a line longer than {LINE_BYTES_MAX} bytes")),
                        }
                    }
                }
                () = sleep_until(outbox.next_flush()) => {
                    if heard.elapsed() > self.tuning.silence_max {
                        return Err(FeedError::Silent { url: self.url.clone(), seconds: self.tuning.silence_max.as_secs() });
                    }
                }
            }
        }
    }

    async fn tcp(&mut self, host: &str, outbox: &mut Outbox) -> Result<(), FeedError> {
        let socket = timeout(DIAL_MAX, TcpStream::connect(host)).await.map_err(|_| self.failed("no answer in time".into()))?;
        let socket = socket.map_err(|e| self.failed(e.to_string()))?;
        outbox.connected();
        self.lines(socket, outbox).await?;
        Err(FeedError::Ended { url: self.url.clone() })
    }

    async fn udp(&mut self, address: &str, outbox: &mut Outbox) -> Result<(), FeedError> {
        let socket = UdpSocket::bind(address).await.map_err(|e| self.failed(format!("can't listen: {e}")))?;
        outbox.connected();
        let mut buffer = vec![0; 65_536];
        loop {
            outbox.flush()?;
            tokio::select! {
                received = socket.recv_from(&mut buffer) => {
                    let (n, from) = received.map_err(|e| self.failed(e.to_string()))?;
                    for line in buffer[..n].split(|b| *b == b'\n') {
                        match line.len() > LINE_BYTES_MAX {
                            true => outbox.reject(Reason::TooLarge, format!("NMEA: a line longer than {LINE_BYTES_MAX} bytes")),
                            false => self.take(line, Some(from), outbox)?,
                        }
                    }
                }
                () = sleep_until(outbox.next_flush()) => {}
            }
        }
    }

    /// A device is read as it speaks; a log to its end, and then what is added to it.
    async fn file(&mut self, path: &Path, outbox: &mut Outbox) -> Result<(), FeedError> {
        let failed = |e: std::io::Error| FeedError::Socket { address: path.display().to_string(), why: e.to_string() };
        let is_log = tokio::fs::metadata(path).await.map_err(failed)?.is_file();
        if !is_log {
            let device = tokio::fs::File::open(path).await.map_err(failed)?;
            outbox.connected();
            self.lines(device, outbox).await?;
            return Err(FeedError::Ended { url: self.url.clone() });
        }
        let mut lines = Lines::default();
        loop {
            let length = tokio::fs::metadata(path).await.map_err(failed)?.len();
            if length < self.position {
                // It was begun anew.
                (self.position, lines) = (0, Lines::default());
            }
            outbox.connected();
            let added = added(path, self.position).await.map_err(failed)?;
            self.position += added.len() as u64;
            for line in lines.push(&added) {
                match line {
                    Some(line) => self.take(&line, None, outbox)?,
                    None => outbox.reject(Reason::TooLarge, format!("NMEA: a line longer than {LINE_BYTES_MAX} bytes")),
                }
            }
            // As long as there is more, only make room for others.
            outbox.idle(if added.is_empty() { self.tuning.poll_every } else { Duration::ZERO }).await?;
        }
    }

    fn failed(&self, why: String) -> FeedError {
        FeedError::Socket { address: self.url.clone(), why }
    }
}

/// What a log holds from `position` on, a piece of it at a time.
async fn added(path: &Path, position: u64) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncSeekExt;
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(std::io::SeekFrom::Start(position)).await?;
    let mut bytes = Vec::new();
    file.take(64 << 10).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let url = self.url.clone();
        match url.split_once("://") {
            Some(("tcp", host)) => self.tcp(host, outbox).await,
            Some(("udp", address)) => self.udp(address, outbox).await,
            Some(("file", path)) => self.file(&PathBuf::from(path), outbox).await,
            None => self.file(&PathBuf::from(&url), outbox).await,
            Some(_) => Err(self.failed("write tcp://host:port, udp://0.0.0.0:port, or the path of a device or a log".into())),
        }
    }
}

impl Tracker {
    pub(super) fn unit(&self, id: &str, lon: f64, lat: f64, course_deg: Option<f64>, seen_at: DateTime<Utc>) -> Unit {
        let own = id.rsplit('/').next().unwrap_or(id);
        Unit {
            id: id.to_owned(),
            call_sign: self.call_signs.get(own).cloned().unwrap_or_else(|| own.to_owned()),
            domain: self.domain,
            kind: self.unit_kind.clone(),
            state: UnitState::Available,
            lon,
            lat,
            heading_deg: course_deg.unwrap_or(0.0).rem_euclid(360.0),
            seen_at,
            stale_at: None,
            details: None,
        }
    }
}

/// Lines out of chunks of any size.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Complete lines; `None` for one that was too long.
    fn push(&mut self, chunk: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut out = Vec::new();
        for &byte in chunk {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    out.push((!std::mem::take(&mut self.too_long)).then_some(line));
                }
                _ if self.line.len() >= LINE_BYTES_MAX => self.too_long = true,
                _ => self.line.push(byte),
            }
        }
        out
    }
}
