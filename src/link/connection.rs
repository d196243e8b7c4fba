//! The link's thread: connects, reads, writes, measures the clock, and starts again after a break.

use super::fetch::{client, get};
use super::{Ask, COMMANDS_MAX, Identity, LinkEvent, Shared};
use crate::model::protocol::{Command, FromHub, FromScreen, Outcome, PROTOCOL_VERSION, Revision};
use chrono::{DateTime, Utc};
use crossbeam_channel::{Sender, TrySendError};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use indexmap::IndexMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use url::Url;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// Pings are answered: longer silence is a broken line.
const SILENT_MAX: Duration = Duration::from_secs(15);
const PING_EVERY: Duration = Duration::from_secs(5);
/// First pause after a break, doubled up to the longest; each is shortened by up to half at random, so that all screens of a
/// hall do not come back in the same instant.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);
/// A connection that held this long was good: the next break starts with the first pause again.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// Pings whose best gives the clock's offset: the fastest has the least unknown in it.
const CLOCK_SAMPLES: usize = 8;
/// Bytes of one message; a snapshot of 200,000 sensors is a quarter of it.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long to wait before looking again whether the screen has taken its events.
const FULL_PAUSE: Duration = Duration::from_millis(5);

type Out = SplitSink<WebSocketStream<MaybeTlsStream<TcpStream>>, Message>;

pub struct Connection {
    base: Url,
    me: Identity,
    events: Sender<LinkEvent>,
    shared: Arc<Shared>,
    /// Last revision heard.
    revision: Option<Revision>,
    /// Name of the hub's store.
    hub: Option<String>,
    /// Sent and not yet answered.
    unanswered: IndexMap<String, Command>,
    viewport: Option<[f64; 4]>,
    started: Instant,
    clock: VecDeque<Sample>,
}

/// One ping: how long it took, and the hub's clock less ours, both microseconds.
#[derive(Clone, Copy)]
struct Sample {
    way_us: i64,
    offset_us: i64,
}

impl Connection {
    pub fn new(base: Url, me: Identity, events: Sender<LinkEvent>, shared: Arc<Shared>) -> Self {
        let (clock, unanswered) = (VecDeque::new(), IndexMap::new());
        Self { base, me, events, shared, revision: None, hub: None, unanswered, viewport: None, started: Instant::now(), clock }
    }

    /// Keeps connecting until dropped, or until nobody listens.
    pub async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        let mut pause = PAUSE_FIRST;
        let mut told = false;
        loop {
            let began = Instant::now();
            let Err(why) = self.connect(&mut asks).await else { return };
            let was_connected = self.shared.connected.swap(false, Ordering::AcqRel);
            if was_connected || !told {
                tracing::warn!("no connection to {}: {why}", self.base);
                self.tell(LinkEvent::Disconnected { why, since: Utc::now() }).await;
                told = true;
            }
            if was_connected && began.elapsed() > GOOD_AFTER {
                pause = PAUSE_FIRST;
            }
            let shorter = pause.mul_f64(0.5 + 0.5 * random());
            if self.wait(shorter, &mut asks).await.is_none() {
                return;
            }
            pause = (pause * 2).min(PAUSE_LONGEST);
        }
    }

    /// Lets the pause pass, serving what needs no connection; `None` when the link is gone.
    async fn wait(&mut self, pause: Duration, asks: &mut mpsc::Receiver<Ask>) -> Option<()> {
        let sleep = tokio::time::sleep(pause);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => return Some(()),
                ask = asks.recv() => match ask? {
                    // Given between the break and the screen's hearing of it: it goes out with the next connection.
                    Ask::Command { id, command } => drop(self.unanswered.insert(id, command)),
                    Ask::Subscribe(viewport) => self.viewport = viewport,
                    Ask::Fetch { path, answer } => self.fetch(path, answer),
                },
            }
        }
    }

    /// One connection from hello to its end: `Err` says why it ended, `Ok` that the link is gone.
    async fn connect(&mut self, asks: &mut mpsc::Receiver<Ask>) -> Result<(), String> {
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
        let connecting = tokio_tungstenite::connect_async_with_config(self.ws_url()?, Some(config), true);
        let (socket, _) = match timeout(CONNECT_WITHIN, connecting).await {
            Ok(connected) => connected.map_err(|e| e.to_string())?,
            Err(_) => return Err("no answer within 5 seconds".into()),
        };
        let (mut out, mut input) = socket.split();
        self.hello(&mut out).await?;
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            tokio::select! {
                message = timeout(SILENT_MAX, input.next()) => match message {
                    Ok(Some(Ok(Message::Text(message)))) => self.hear(&message, &mut out).await?,
                    Ok(Some(Ok(Message::Close(_))) | None) => return Err("the hub has closed the connection".into()),
                    Ok(Some(Ok(_))) => {}
                    Ok(Some(Err(e))) => return Err(e.to_string()),
                    Err(_) => return Err("nothing was heard for 15 seconds".into()),
                },
                ask = asks.recv() => match ask {
                    Some(ask) => self.ask(ask, &mut out).await?,
                    None => return Ok(()),
                },
                _ = ping.tick() => send(&mut out, &FromScreen::Ping { sent_ms: self.now_ms() }).await?,
            }
        }
    }

    fn ws_url(&self) -> Result<String, String> {
        if self.base.scheme() == "https" {
            return Err("this build speaks no TLS; name the hub as http://".into());
        }
        Ok(self.base.as_str().replacen("http", "ws", 1) + "ws")
    }

    async fn hello(&self, out: &mut Out) -> Result<(), String> {
        let me = self.me.clone();
        let hello = FromScreen::Hello {
            version: PROTOCOL_VERSION,
            screen: me.screen,
            class: me.class,
            role: me.role,
            actor: me.actor,
            token: me.token,
            resume: self.revision,
        };
        send(out, &hello).await
    }

    async fn ask(&mut self, ask: Ask, out: &mut Out) -> Result<(), String> {
        match ask {
            Ask::Command { id, .. } if self.unanswered.len() >= COMMANDS_MAX => {
                let outcome = Outcome::Rejected {
                    rule: "the hub has not answered earlier commands".into(),
                    rule_zh: "中枢尚未答复之前的操作".into(),
                };
                self.tell(LinkEvent::Reply { id, outcome }).await;
                Ok(())
            }
            Ask::Command { id, command } => {
                self.unanswered.insert(id.clone(), command.clone());
                // Before the welcome it waits: the hub may turn out to be another one.
                if self.shared.connected.load(Ordering::Acquire) { send(out, &FromScreen::Command { id, command }).await } else { Ok(()) }
            }
            Ask::Subscribe(viewport) => {
                self.viewport = viewport;
                send(out, &FromScreen::Subscribe { viewport }).await
            }
            Ask::Fetch { path, answer } => {
                self.fetch(path, answer);
                Ok(())
            }
        }
    }

    fn fetch(&self, path: String, answer: Sender<Result<Vec<u8>, super::LinkError>>) {
        let (base, token) = (self.base.clone(), self.me.token.clone());
        tokio::spawn(async move {
            let got = match client() {
                Ok(client) => get(&client, &base, &path, token.as_deref()).await,
                Err(e) => Err(e),
            };
            let _ = answer.send(got);
        });
    }

    async fn hear(&mut self, message: &str, out: &mut Out) -> Result<(), String> {
        let message: FromHub = serde_json::from_str(message).map_err(|e| format!("the hub said what is not in the protocol: {e}"))?;
        match message {
            FromHub::Welcome { version, hub, time } => self.welcomed(version, hub, time, out).await?,
            FromHub::Snapshot(snapshot) => {
                self.revision = Some(snapshot.revision);
                self.tell(LinkEvent::Snapshot(snapshot)).await;
            }
            FromHub::Delta { revision, time, changes } => {
                self.revision = self.revision.max(Some(revision));
                self.tell(LinkEvent::Delta { revision, time, changes }).await;
            }
            FromHub::Gap { from, to } => self.tell(LinkEvent::Gap { from, to }).await,
            FromHub::Reply { id, outcome } => {
                self.unanswered.shift_remove(&id);
                self.tell(LinkEvent::Reply { id, outcome }).await;
            }
            FromHub::Pong { sent_ms, time } => self.set_clock(self.now_ms() - sent_ms, time),
            FromHub::Bye { why } => return Err(format!("the hub said good-bye: {why}")),
        }
        Ok(())
    }

    async fn welcomed(&mut self, version: u32, hub: String, time: DateTime<Utc>, out: &mut Out) -> Result<(), String> {
        if version != PROTOCOL_VERSION {
            return Err(format!("the hub speaks version {version} of the protocol, this screen {PROTOCOL_VERSION}; update the older"));
        }
        let another = self.hub.replace(hub.clone()).is_some_and(|known| known != hub);
        if another && self.revision.take().is_some() {
            // Its revisions are not the ones we know, nor are our commands about its incidents.
            self.unanswered.clear();
            return Err("another hub answers at this address; starting anew".into());
        }
        if self.clock.is_empty() {
            self.shared.offset_us.store((time - Utc::now()).num_microseconds().unwrap_or(0), Ordering::Release);
        }
        self.shared.connected.store(true, Ordering::Release);
        self.tell(LinkEvent::Connected).await;
        if self.viewport.is_some() {
            send(out, &FromScreen::Subscribe { viewport: self.viewport }).await?;
        }
        for (id, command) in &self.unanswered {
            send(out, &FromScreen::Command { id: id.clone(), command: command.clone() }).await?;
        }
        Ok(())
    }

    /// Takes one ping's answer: the hub wrote `time` half a way ago.
    fn set_clock(&mut self, way_ms: f64, time: DateTime<Utc>) {
        let way_us = (way_ms * 1000.0).max(0.0) as i64;
        let Some(apart_us) = (time - Utc::now()).num_microseconds() else { return };
        self.clock.push_back(Sample { way_us, offset_us: apart_us + way_us / 2 });
        if self.clock.len() > CLOCK_SAMPLES {
            self.clock.pop_front();
        }
        if let Some(best) = self.clock.iter().min_by_key(|s| s.way_us) {
            self.shared.offset_us.store(best.offset_us, Ordering::Release);
        }
    }

    /// Milliseconds since this link began.
    fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    /// Hands an event to the screen, waiting while it has no room: the hub sees a slow screen, and conflates.
    async fn tell(&self, event: LinkEvent) {
        let mut event = event;
        while let Err(TrySendError::Full(back)) = self.events.try_send(event) {
            event = back;
            tokio::time::sleep(FULL_PAUSE).await;
        }
    }
}

async fn send(out: &mut Out, message: &FromScreen) -> Result<(), String> {
    let message = serde_json::to_string(message).map_err(|e| e.to_string())?;
    match timeout(SEND_WITHIN, out.send(Message::text(message))).await {
        Ok(sent) => sent.map_err(|e| e.to_string()),
        Err(_) => Err("a message could not be sent within 10 seconds".into()),
    }
}

/// 0 to 1, from the randomness of a UUID.
fn random() -> f64 {
    (uuid::Uuid::new_v4().as_u128() as u32) as f64 / f64::from(u32::MAX)
}
