//! JSON over NATS: subjects with wildcards and queue groups, or a durable consumer of a JetStream stream, read by a mapping.
//!
//! A message of a stream is acknowledged when what it brought is on disk, and not before. Core NATS keeps nothing for those who are
//! away or too slow; what it leaves out here for want of room is told as missing.

#[cfg(test)]
mod tests;

use super::mapped::Intake;
use super::outbox::Outbox;
use super::tls::{client_config, reveal};
use super::{FeedError, Tuning};
use crate::model::feed::{Durable, NatsSource};
use crate::model::mapping::NATS_SUBJECTS;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::message::Acker;
use async_nats::{Client, ConnectOptions, Event};
use futures_util::stream::{BoxStream, FuturesOrdered, select_all};
use futures_util::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::sleep_until;

/// Messages of one subscription that may wait for us; beyond it the library leaves out what comes.
const QUEUE: usize = 65_536;
/// Messages taken before a mark is set behind them.
const BATCH: usize = 1024;
/// Marks that may be outstanding; then reading waits for the disk.
const MARKS_MAX: usize = 64;
/// Messages of a stream that may be on their way at once.
const UNACKNOWLEDGED: i64 = 8192;
/// A message not acknowledged for so long is sent again.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(30);
/// Words of the library that may wait for us.
const EVENTS: usize = 4096;

/// Reads one server; what it knows of sensors and counters outlives the connection.
pub(super) struct Adapter {
    source: Box<NatsSource>,
    tuning: Tuning,
    intake: Intake,
}

/// A message, and how to acknowledge it where that is asked for.
struct Message {
    subject: String,
    payload: Vec<u8>,
    receipt: Option<Acker>,
}

type Messages = BoxStream<'static, Result<Message, String>>;

impl Adapter {
    pub(super) fn new(feed: String, mut source: Box<NatsSource>, tuning: Tuning) -> Self {
        let intake = Intake::new(feed, NATS_SUBJECTS, std::mem::take(&mut source.mapping));
        Self { source, tuning, intake }
    }

    async fn connect(&self) -> Result<(Client, Receiver<Event>), FeedError> {
        let (said, events) = mpsc::channel(EVENTS);
        let source = &self.source;
        // Two pings without an answer are a dead connection.
        let ping_every = (self.tuning.silence_max / 3).max(Duration::from_millis(500));
        let mut options = ConnectOptions::new()
            .name("yiping")
            .connection_timeout(Duration::from_secs(5))
            .ping_interval(ping_every)
            .subscription_capacity(QUEUE)
            .event_callback(move |event| {
                let said = said.clone();
                async move { drop(said.try_send(event)) }
            });
        if let (Some(user), Some(password)) = (&source.username, &source.password) {
            options = options.user_and_password(user.clone(), reveal(password).map_err(|why| self.failed(why))?);
        }
        if let Some(token) = &source.token {
            options = options.token(reveal(token).map_err(|why| self.failed(why))?);
        }
        if let Some(nkey) = &source.nkey {
            let seed = reveal(nkey).map_err(|why| self.failed(why))?;
            options = options.nkey(seed);
        }
        if let Some(creds) = &source.creds {
            let read = options.credentials_file(creds).await;
            options = read.map_err(|e| self.failed(format!("{}: no credentials of a user: {e}", creds.display())))?;
        }
        if source.url.starts_with("tls://") {
            options = options.tls_client_config(client_config(&source.tls).map_err(|why| self.failed(why))?).require_tls(true);
        }
        let client = options.connect(source.url.as_str()).await.map_err(|e| self.failed(in_words(&e)))?;
        Ok((client, events))
    }

    async fn subscribe(&self, client: &Client) -> Result<Messages, FeedError> {
        let mut all = Vec::new();
        for subject in &self.source.subjects {
            let subscribed = match &self.source.queue {
                Some(queue) => client.queue_subscribe(subject.clone(), queue.clone()).await,
                None => client.subscribe(subject.clone()).await,
            };
            let subscribed = subscribed.map_err(|e| self.failed(format!("{subject:?}: {e}")))?;
            all.push(
                subscribed.map(|m| Ok(Message { subject: m.subject.to_string(), payload: m.payload.to_vec(), receipt: None })).boxed(),
            );
        }
        // The server has our subscriptions once it has answered to what comes behind them.
        client.flush().await.map_err(|e| self.failed(e.to_string()))?;
        Ok(select_all(all).boxed())
    }

    async fn consume(&self, client: &Client, durable: &Durable) -> Result<Messages, FeedError> {
        let Durable { stream, consumer } = durable;
        let failed = |why: String| self.failed(format!("stream {stream:?}, consumer {consumer:?}: {why}"));
        let context = async_nats::jetstream::new(client.clone());
        let config = pull::Config {
            durable_name: Some(consumer.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACKNOWLEDGE_WITHIN,
            max_ack_pending: UNACKNOWLEDGED,
            filter_subjects: self.source.subjects.clone(),
            ..pull::Config::default()
        };
        let found = context.get_stream(stream).await.map_err(|e| failed(in_words(&e)))?;
        let consumer = found.get_or_create_consumer(consumer, config).await.map_err(|e| failed(in_words(&e)))?;
        let messages = consumer.messages().await.map_err(|e| failed(in_words(&e)))?;
        let messages = messages.map(|message| {
            let (message, receipt) = message.map_err(|e| in_words(&e))?.split();
            Ok(Message { subject: message.subject.to_string(), payload: message.payload.to_vec(), receipt: Some(receipt) })
        });
        Ok(messages.boxed())
    }

    /// Takes a message and those that are here already; gives what is to be acknowledged.
    async fn take(&mut self, first: Message, messages: &mut Messages, outbox: &mut Outbox) -> Result<Vec<Acker>, FeedError> {
        let (mut next, mut receipts, mut taken) = (Some(first), Vec::new(), 0);
        while let Some(message) = next {
            self.intake.take(&message.subject, &message.payload, outbox).await?;
            receipts.extend(message.receipt);
            taken += 1;
            next = match (taken < BATCH).then(|| messages.next().now_or_never()).flatten().flatten() {
                Some(message) => Some(message.map_err(|why| self.failed(why))?),
                None => None,
            };
        }
        Ok(receipts)
    }

    /// What the library says beside messages.
    fn hear(&self, event: &Event, outbox: &mut Outbox) -> Result<(), FeedError> {
        match event {
            Event::Disconnected | Event::Closed => Err(self.failed("the connection is lost".into())),
            Event::SlowConsumer(_) => {
                outbox.missing(1);
                outbox.note(format!("{}: too much at a time for core NATS; read these subjects from a JetStream stream", self.source.url));
                Ok(())
            }
            Event::ServerError(e) => {
                outbox.note(format!("{}: {e}", self.source.url));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, why: String) -> FeedError {
        FeedError::Nats { address: self.source.url.clone(), why }
    }
}

/// The library's outermost text names the failed step; the cause stands below it.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        below = cause.source();
    }
    words
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let (client, mut events) = self.connect().await?;
        let mut messages = match &self.source.jetstream {
            None => self.subscribe(&client).await?,
            Some(durable) => self.consume(&client, durable).await?,
        };
        outbox.connected();
        let mut marks = FuturesOrdered::new();
        loop {
            outbox.flush()?;
            tokio::select! {
                message = messages.next(), if marks.len() < MARKS_MAX => {
                    let message = message.ok_or_else(|| self.failed("the subscription has ended".into()))?;
                    let message = message.map_err(|why| self.failed(why))?;
                    let receipts = self.take(message, &mut messages, outbox).await?;
                    if !receipts.is_empty() {
                        let reached = outbox.barrier().await?;
                        marks.push_back(async move { reached.await.map(|()| receipts) });
                    }
                }
                Some(receipts) = marks.next() => {
                    // Whoever kept the events is gone without having kept them.
                    let receipts: Vec<Acker> = receipts.map_err(|_| FeedError::Closed)?;
                    for receipt in receipts {
                        receipt.ack().await.map_err(|e| self.failed(e.to_string()))?;
                    }
                }
                Some(event) = events.recv() => self.hear(&event, outbox)?,
                () = sleep_until(outbox.next_flush()) => {}
            }
        }
    }
}
