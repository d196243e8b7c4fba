//! The push side of SensorThings: one MQTT topic a datastream.

use super::super::FeedError;
use super::super::broker::Link;
use crate::model::transport::Broker;
use std::time::Duration;

/// More topics than this are asked for with one wildcard.
const TOPICS_MAX: usize = 5_000;
/// Sent once at most: what is lost is read up over HTTP.
const QOS: u8 = 0;

/// A live subscription; dropping it closes the connection.
pub(super) struct Push {
    link: Link,
}

/// A publication: the datastream's id from its topic, and the payload.
pub(super) struct Message {
    pub(super) datastream: String,
    pub(super) payload: Vec<u8>,
}

impl Push {
    /// Subscribes to the observations of the datastreams `paths` (`Datastreams(7)`), and returns when the broker has confirmed it:
    /// what happens from then on will come.
    ///
    /// # Errors
    /// [`FeedError::Mqtt`]: address, refusal or time-out in words.
    pub(super) async fn subscribe(broker: &Broker, silence_max: Duration, version: &str, paths: &[String]) -> Result<Push, FeedError> {
        let wildcard = [format!("{version}/+/Observations")];
        let each: Vec<String> = paths.iter().map(|p| format!("{version}/{p}/Observations")).collect();
        let mut link = Link::dial(broker, silence_max)?;
        if !each.is_empty() && each.len() <= TOPICS_MAX {
            let refused = link.subscribe(&each, QOS).await?;
            if refused == 0 {
                return Ok(Push { link });
            }
        }
        // A broker that refuses single topics may still take the wildcard.
        match link.subscribe(&wildcard, QOS).await? {
            0 => Ok(Push { link }),
            _ => Err(link.failed(format!("{} and the topics of {} datastreams are refused", wildcard[0], each.len()))),
        }
    }

    /// The next message; `None` when the connection has ended. Safe to be broken off.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            let message = self.link.next().await?;
            if let Some(datastream) = datastream_of(&message.topic) {
                return Some(Message { datastream, payload: message.payload });
            }
        }
    }

    /// Why no more messages come. Call when [`Push::next`] has given none.
    pub(super) async fn why_ended(&mut self) -> FeedError {
        self.link.why_ended().await
    }
}

/// The id in `v1.1/Datastreams(7)/Observations` or `.../Datastreams('a7')/...`; other topics are none of ours.
fn datastream_of(topic: &str) -> Option<String> {
    id_in(topic.strip_suffix("/Observations")?)
}

/// The id in a link or topic that ends with `Datastreams(7)` or `Datastreams('a7')`.
pub(super) fn id_in(link: &str) -> Option<String> {
    let (before, inside) = link.rsplit_once("Datastreams(")?;
    // `MultiDatastreams(7)` is another one than `Datastreams(7)`.
    if before.ends_with(char::is_alphabetic) {
        return None;
    }
    let inside = inside.strip_suffix(')')?;
    let text = inside.strip_prefix('\'').and_then(|t| t.strip_suffix('\''));
    Some(text.map_or_else(|| inside.to_owned(), |t| t.replace("''", "'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_name_their_datastream() {
        assert_eq!(datastream_of("v1.1/Datastreams(7)/Observations").as_deref(), Some("7"));
        assert_eq!(datastream_of("v1.1/Datastreams('a''b')/Observations").as_deref(), Some("a'b"));
        assert_eq!(datastream_of("v1.1/FeaturesOfInterest(7)/Observations"), None);
        assert_eq!(datastream_of("v1.1/MultiDatastreams(7)/Observations"), None);
    }
}
