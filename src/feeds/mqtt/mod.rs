//! JSON over MQTT: any broker's topics, read by a mapping.
//!
//! A message of quality 1 is acknowledged when what it brought is on disk, and not before: after a fall of the hub or the broker it
//! comes again. Acknowledgements are pipelined: reading goes on while the disk is at work.

#[cfg(test)]
mod tests;

use super::broker::{Link, Message, Receipt};
use super::mapped::Intake;
use super::outbox::Outbox;
use super::{FeedError, Tuning};
use crate::model::feed::MqttSource;
use crate::model::mapping::MQTT_TOPICS;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::time::sleep_until;

/// Messages taken before a mark is set behind them.
const BATCH: usize = 1024;
/// Marks that may be outstanding; then reading waits for the disk.
const MARKS_MAX: usize = 64;

/// Reads one broker; what it knows of sensors and counters outlives the connection.
pub(super) struct Adapter {
    source: Box<MqttSource>,
    tuning: Tuning,
    intake: Intake,
}

impl Adapter {
    pub(super) fn new(feed: String, mut source: Box<MqttSource>, tuning: Tuning) -> Self {
        let intake = Intake::new(feed, MQTT_TOPICS, std::mem::take(&mut source.mapping));
        Self { source, tuning, intake }
    }

    async fn subscribed(&self, outbox: &mut Outbox) -> Result<Link, FeedError> {
        let mut link = Link::dial(&self.source.broker, self.tuning.silence_max)?;
        let topics = &self.source.topics;
        match link.subscribe(topics, self.source.qos).await? {
            0 => {}
            refused if refused == topics.len() => return Err(link.failed(format!("all topics refused: {}", topics.join(", ")))),
            refused => outbox.note(format!("{refused} of {} topics refused by the broker", topics.len())),
        }
        Ok(link)
    }

    /// Takes a message and those that are here already; gives what is to be acknowledged.
    async fn take(&mut self, first: Message, link: &mut Link, outbox: &mut Outbox) -> Result<Vec<Receipt>, FeedError> {
        let (mut next, mut receipts, mut taken) = (Some(first), Vec::new(), 0);
        while let Some(message) = next {
            self.intake.take(&message.topic, &message.payload, outbox).await?;
            receipts.extend(message.receipt);
            taken += 1;
            next = if taken < BATCH { link.next_if_here() } else { None };
        }
        Ok(receipts)
    }
}

impl super::Adapter for Adapter {
    async fn session(&mut self, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut link = self.subscribed(outbox).await?;
        outbox.connected();
        let mut marks = FuturesOrdered::new();
        loop {
            outbox.flush()?;
            tokio::select! {
                message = link.next(), if marks.len() < MARKS_MAX => {
                    let Some(message) = message else { return Err(link.why_ended().await) };
                    let receipts = self.take(message, &mut link, outbox).await?;
                    if !receipts.is_empty() {
                        let reached = outbox.barrier().await?;
                        marks.push_back(async move { reached.await.map(|()| receipts) });
                    }
                }
                Some(receipts) = marks.next() => {
                    // Whoever kept the events is gone without having kept them.
                    let receipts: Vec<Receipt> = receipts.map_err(|_| FeedError::Closed)?;
                    receipts.into_iter().for_each(|r| link.acknowledge(r));
                }
                () = sleep_until(outbox.next_flush()) => {}
            }
        }
    }
}
