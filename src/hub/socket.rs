//! One screen's connection: hello, then deltas and answers out, commands in.

use super::core::{Connected, Core, Screen, text};
use super::news::{self, News};
use super::outbox::{Next, Outbox, Waiting};
use super::to_screens::oldest;
use super::upgrade::{Socket, send_text};
use crate::model::lifecycle::ID_BYTES_MAX;
use crate::model::protocol::{FromHub, FromScreen, PROTOCOL_VERSION, Revision};
use chrono::Utc;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// A screen that has not said hello by then is none.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A screen that takes longer for one message, or is silent for as long, is gone.
const SEND_WITHIN: Duration = Duration::from_secs(20);
const SILENT_MAX: Duration = Duration::from_secs(30);
const PING_EVERY: Duration = Duration::from_secs(10);
/// Screens connected at a time: a city's walls, desks and phones; more is an attack or a loop.
const SCREENS_MAX: usize = 20_000;

static NUMBER: AtomicU64 = AtomicU64::new(1);

type Out = SplitSink<Socket, Message>;
type In = SplitStream<Socket>;

pub async fn serve(core: Arc<Core>, socket: Socket) {
    let (mut out, mut input) = socket.split();
    let (screen, resume) = match timeout(HELLO_WITHIN, hello(&core, &mut input)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(why)) => return bye(&mut out, why).await,
        Err(_) => return bye(&mut out, "no hello came; the first message must be a hello".into()).await,
    };
    let screen = Arc::new(screen);
    // In a box while it is needed: ten thousand screens that have been welcomed need not keep its room.
    let (outbox, number) = match Box::pin(welcome(&core, &screen, resume, &mut out)).await {
        Ok(joined) => joined,
        Err(why) => return bye(&mut out, why).await,
    };
    tracing::info!(screen = screen.id, actor = screen.actor, "a screen has connected");
    let mut writer = tokio::spawn(write(core.clone(), screen.clone(), outbox.clone(), out));
    let why = tokio::select! {
        why = read(&core, &screen, &outbox, &mut input) => why,
        // It has said good-bye itself.
        _ = &mut writer => String::new(),
    };
    leave(&core, &screen, number);
    if !why.is_empty() {
        outbox.bye(&why);
        let _ = writer.await;
    }
    tracing::info!(screen = screen.id, "a screen has gone");
}

/// Reads the hello; an error is what the screen is told.
async fn hello(core: &Core, input: &mut In) -> Result<(Screen, Option<Revision>), String> {
    let first = match input.next().await {
        Some(Ok(Message::Text(first))) => first,
        Some(Ok(_)) => return Err("the first message must be a hello, as JSON text".into()),
        Some(Err(e)) => return Err(format!("the connection failed: {e}")),
        None => return Err("closed before hello".into()),
    };
    let hello: FromScreen = serde_json::from_str(&first).map_err(|e| format!("the first message is no hello: {e}"))?;
    let FromScreen::Hello { version, screen, class, role, actor, token, resume } = hello else {
        return Err("the first message must be a hello".into());
    };
    if version != PROTOCOL_VERSION {
        return Err(format!(
            "this hub speaks version {PROTOCOL_VERSION} of the protocol, the screen speaks {version}; update the older of the two"
        ));
    }
    if !core.may_enter(token.as_deref()) {
        return Err("wrong or missing token; ask for the hub's --token".into());
    }
    for (what, id) in [("screen", &screen), ("actor", &actor)] {
        if id.is_empty() || id.len() > ID_BYTES_MAX || id.chars().any(char::is_control) {
            return Err(format!("the {what} has 1 to {ID_BYTES_MAX} bytes and no control characters"));
        }
    }
    if screen == "feed" || screen == "hub" {
        return Err(format!("a screen may not be called {screen}"));
    }
    Ok((Screen { id: screen, class, role, actor }, resume))
}

/// Welcome, then what the screen needs to stand at the present revision; from then on its outbox gets every change.
async fn welcome(core: &Core, screen: &Arc<Screen>, resume: Option<Revision>, out: &mut Out) -> Result<(Arc<Outbox>, u64), String> {
    let now = Utc::now();
    let mut first = vec![text(&FromHub::Welcome { version: PROTOCOL_VERSION, hub: core.name.clone(), time: now })];
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let outbox;
    {
        // Under the world's lock: nothing may change between what is told here and what enters the outbox.
        let world = core.world();
        outbox = Arc::new(Outbox::new(world.revision));
        let mut screens = core.screens();
        if screens.len() >= SCREENS_MAX {
            return Err(format!("{SCREENS_MAX} screens are connected already"));
        }
        let connected = Connected { screen: screen.clone(), number, outbox: outbox.clone() };
        if let Some(older) = screens.insert(screen.id.clone(), connected) {
            older.outbox.bye("this screen has connected a second time");
        }
        drop(screens);
        let missed: Option<Vec<Utf8Bytes>> = resume.and_then(|from| world.since(from)).map(|past| {
            let delta = |p: &super::world::Past| FromHub::Delta { revision: p.revision, time: p.at, changes: vec![p.change.clone()] };
            past.map(|p| text(&delta(p))).collect()
        });
        match missed {
            Some(deltas) => {
                first.extend(deltas);
                outbox.tell(&world.live(|_, _| true, true), std::time::Instant::now());
            }
            None => {
                first.extend(resume.map(|from| text(&FromHub::Gap { from, to: world.revision })));
                first.push(text(&FromHub::Snapshot(Box::new(world.snapshot(now, core.infos_for(screen), |_, _| true)))));
            }
        }
    }
    core.tell_screens();
    for message in first {
        if let Err(why) = say(out, message).await {
            leave(core, screen, number);
            return Err(why);
        }
    }
    Ok((outbox, number))
}

fn leave(core: &Core, screen: &Screen, number: u64) {
    let mut screens = core.screens();
    // Not when a newer connection of the same screen has taken its place.
    if screens.get(&screen.id).is_some_and(|c| c.number == number) {
        screens.remove(&screen.id);
    }
    drop(screens);
    core.tell_screens();
}

/// Takes messages until the screen goes; why it went.
async fn read(core: &Arc<Core>, screen: &Screen, outbox: &Outbox, input: &mut In) -> String {
    loop {
        let message = match timeout(SILENT_MAX, input.next()).await {
            Ok(None | Some(Ok(Message::Close(_)))) => return "closed".into(),
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(e))) => return format!("the connection failed: {e}"),
            Err(_) => return "nothing was heard for 30 seconds".into(),
        };
        let Message::Text(message) = message else {
            match message {
                Message::Binary(_) => return "binary messages are not part of the protocol".into(),
                _ => continue,
            }
        };
        match serde_json::from_str(&message) {
            Ok(FromScreen::Command { id, command }) => {
                // On a task of its own: once begun it is finished, even if the screen goes.
                let (of, by, command_id) = (core.clone(), screen.clone(), id.clone());
                match tokio::spawn(async move { of.command(&by, &command_id, command).await }).await {
                    Ok(outcome) => outbox.reply(text(&FromHub::Reply { id, outcome })),
                    Err(e) => return format!("the hub failed on this command: {e}"),
                }
            }
            Ok(FromScreen::Ping { sent_ms }) => outbox.reply(text(&FromHub::Pong { sent_ms, time: Utc::now() })),
            Ok(FromScreen::Subscribe { viewport }) => subscribe(core, outbox, viewport),
            Ok(FromScreen::Hello { .. }) => return "hello was said already".into(),
            Err(e) => return format!("not a message of the protocol: {e}"),
        }
    }
}

fn subscribe(core: &Core, outbox: &Outbox, viewport: Option<[f64; 4]>) {
    outbox.set_viewport(viewport.filter(|v| v.iter().all(|n| n.is_finite())));
    let world = core.world();
    let news = world.live(|lon, lat| outbox.sees(lon, lat), false);
    // After a beat that is under way: what it tells is older.
    let _beat = core.screens();
    outbox.tell(&news, std::time::Instant::now());
}

/// Sends what the outbox holds until it says good-bye.
async fn write(core: Arc<Core>, screen: Arc<Screen>, outbox: Arc<Outbox>, mut out: Out) {
    let mut ping_at = Instant::now() + PING_EVERY;
    loop {
        // Boxed, so that a screen that only listens does not keep the room that writing takes.
        let sent = match timeout_at(ping_at, outbox.more.notified()).await {
            Ok(()) => Box::pin(drain(&core, &screen, &outbox, &mut out)).await,
            Err(_) => {
                ping_at = Instant::now() + PING_EVERY;
                Box::pin(send(&mut out, Message::Ping(Default::default()))).await
            }
        };
        if let Err(why) = sent {
            return Box::pin(bye(&mut out, why)).await;
        }
    }
}

/// Sends until nothing waits; an error is why it ends.
async fn drain(core: &Core, screen: &Screen, outbox: &Outbox, out: &mut Out) -> Result<(), String> {
    loop {
        let (message, came) = match outbox.next() {
            Next::Nothing => return Ok(()),
            Next::Bye(why) => return Err(why),
            Next::Send(Waiting::Delta { text, came, .. }) => (text, came.into_iter().collect()),
            Next::Send(Waiting::Reply(text)) => (text, Vec::new()),
            Next::News { revision, news } => {
                (news::delta(revision, Utc::now(), &news).into(), oldest(news.iter().filter_map(|n| n.came.as_ref())))
            }
            Next::Resync { from } => {
                let (gap, snapshot) = {
                    let world = core.world();
                    let snapshot = world.snapshot(Utc::now(), core.infos_for(screen), |lon, lat| outbox.sees(lon, lat));
                    outbox.resynced(world.revision);
                    (FromHub::Gap { from, to: world.revision }, FromHub::Snapshot(Box::new(snapshot)))
                };
                say(out, text(&gap)).await?;
                if !screen.is_told_names() {
                    let total = core.screens().len();
                    outbox.tell(&[News::screens(Vec::new(), total)], std::time::Instant::now());
                }
                (text(&snapshot), Vec::new())
            }
        };
        say(out, message).await?;
        core.to_screens.sent(&came);
    }
}

async fn say(out: &mut Out, message: Utf8Bytes) -> Result<(), String> {
    within(send_text(out, message)).await
}

async fn send(out: &mut Out, message: Message) -> Result<(), String> {
    within(out.send(message)).await
}

async fn within(sending: impl Future<Output = Result<(), Error>>) -> Result<(), String> {
    match timeout(SEND_WITHIN, sending).await {
        Ok(sent) => sent.map_err(|e| format!("the connection failed: {e}")),
        Err(_) => Err("a message could not be delivered within 20 seconds".into()),
    }
}

async fn bye(out: &mut Out, why: String) {
    tracing::debug!("bye: {why}");
    let _ = timeout(Duration::from_secs(1), async {
        let _ = out.send(Message::Text(text(&FromHub::Bye { why }))).await;
        let _ = out.close().await;
    })
    .await;
}

impl Core {
    /// Whether a token opens the door (any does when the hub asks for none). Compared in constant time.
    pub fn may_enter(&self, token: Option<&str>) -> bool {
        use sha2::{Digest, Sha256};
        let Some(wanted) = &self.token else { return true };
        let digest = |t: &str| Sha256::digest(t.as_bytes());
        token.is_some_and(|t| digest(t) == digest(wanted))
    }
}
