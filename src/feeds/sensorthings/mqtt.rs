//! The push side of SensorThings: one MQTT topic a datastream.

use super::super::FeedError;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, SubscribeFilter, SubscribeReasonCode};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Messages between socket and adapter. When full, reading stops and TCP holds the broker back.
const QUEUE: usize = 4096;
/// Largest MQTT packet taken; an observation is under 1 kB.
const PACKET_BYTES_MAX: usize = 256 << 10;
/// Topics in one SUBSCRIBE packet.
const TOPICS_A_PACKET: usize = 100;
/// More topics than this are asked for with one wildcard.
const TOPICS_MAX: usize = 5_000;
/// How long a broker may take from dialling to the last SUBACK.
const SUBSCRIBE_MAX: Duration = Duration::from_secs(15);

/// A live subscription; dropping it closes the connection.
pub(super) struct Push {
    pub(super) messages: Receiver<Message>,
    address: String,
    task: JoinHandle<Result<(), String>>,
}

/// A publication: the datastream's id from its topic, and the payload.
pub(super) struct Message {
    pub(super) datastream: String,
    pub(super) payload: Vec<u8>,
}

impl Drop for Push {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Push {
    /// Subscribes to the observations of the datastreams `paths` (`Datastreams(7)`), and returns when the broker has confirmed it:
    /// what happens from then on will come.
    ///
    /// # Errors
    /// [`FeedError::Mqtt`]: address, refusal or time-out in words.
    pub(super) async fn subscribe(address: &str, version: &str, paths: &[String]) -> Result<Push, FeedError> {
        let failed = |why: String| FeedError::Mqtt { address: address.to_owned(), why };
        let options = options(address).map_err(failed)?;
        let wildcard = vec![format!("{version}/+/Observations")];
        let each: Vec<String> = paths.iter().map(|p| format!("{version}/{p}/Observations")).collect();
        let (first, second) = if each.is_empty() || each.len() > TOPICS_MAX { (wildcard, None) } else { (each, Some(wildcard)) };
        let (client, mut events) = AsyncClient::new(options, first.len() / TOPICS_A_PACKET + 8);
        events.network_options.set_connection_timeout(5);
        let subscribing = async {
            // A broker that refuses single topics may still take the wildcard.
            match (request(&client, &mut events, &first).await?, second) {
                (0, _) => Ok(()),
                (refused, None) => Err(format!("{refused} of {} topics refused", first.len())),
                (refused, Some(wildcard)) => match request(&client, &mut events, &wildcard).await? {
                    0 => Ok(()),
                    _ => Err(format!("{refused} of {} topics refused, and {} too", first.len(), wildcard[0])),
                },
            }
        };
        let done = timeout(SUBSCRIBE_MAX, subscribing).await;
        done.unwrap_or_else(|_| Err(format!("not subscribed within {} s", SUBSCRIBE_MAX.as_secs()))).map_err(failed)?;
        let (send, messages) = mpsc::channel(QUEUE);
        // The client is moved in as well: the event loop ends when its last client is gone.
        let task = tokio::spawn(async move {
            let _client = client;
            forward(events, send).await
        });
        Ok(Push { messages, address: address.to_owned(), task })
    }

    /// Why no more messages come. Call when [`Push::messages`] has ended.
    pub(super) async fn why_ended(&mut self) -> FeedError {
        let why = match (&mut self.task).await {
            Ok(Err(why)) => why,
            Ok(Ok(())) | Err(_) => "the connection ended".into(),
        };
        FeedError::Mqtt { address: self.address.clone(), why }
    }
}

/// How many topics the broker refused.
///
/// What is published while the SUBACKs come is dropped here: the caller reads up over HTTP afterwards anyway.
async fn request(client: &AsyncClient, events: &mut EventLoop, topics: &[String]) -> Result<usize, String> {
    let mut unanswered = 0;
    for block in topics.chunks(TOPICS_A_PACKET) {
        let filters = block.iter().map(|t| SubscribeFilter::new(t.clone(), QoS::AtMostOnce));
        client.try_subscribe_many(filters).map_err(|e| e.to_string())?;
        unanswered += 1;
    }
    let mut refused = 0;
    while unanswered > 0 {
        if let Event::Incoming(Packet::SubAck(ack)) = events.poll().await.map_err(|e| e.to_string())? {
            unanswered -= 1;
            refused += ack.return_codes.iter().filter(|c| **c == SubscribeReasonCode::Failure).count();
        }
    }
    Ok(refused)
}

async fn forward(mut events: EventLoop, send: Sender<Message>) -> Result<(), String> {
    loop {
        // The first error ends it: a reconnected broker knows nothing of our topics, so the session starts anew.
        if let Event::Incoming(Packet::Publish(p)) = events.poll().await.map_err(|e| e.to_string())?
            && let Some(datastream) = datastream_of(&p.topic)
            && send.send(Message { datastream, payload: p.payload.to_vec() }).await.is_err()
        {
            return Ok(());
        }
    }
}

/// `mqtt://[user:password@]host[:1883]`.
fn options(address: &str) -> Result<MqttOptions, String> {
    let url = url::Url::parse(address).map_err(|e| format!("{e}; write mqtt://host:1883"))?;
    let host = url.host_str().filter(|_| ["mqtt", "tcp"].contains(&url.scheme())).ok_or("write mqtt://host:1883")?;
    let client_id = format!("yiping-{}", uuid::Uuid::new_v4().simple());
    let mut options = MqttOptions::new(client_id, host, url.port().unwrap_or(1883));
    options.set_keep_alive(Duration::from_secs(20)).set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    if let Some(password) = url.password() {
        options.set_credentials(url.username(), password);
    }
    Ok(options)
}

/// The id in `v1.1/Datastreams(7)/Observations` or `.../Datastreams('a7')/...`; other topics are none of ours.
fn datastream_of(topic: &str) -> Option<String> {
    let inside = topic.split_once("Datastreams(")?.1.rsplit_once(")/Observations")?.0;
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
    }

    #[test]
    fn an_address_that_is_none_says_how_to_write_it() {
        assert!(options("127.0.0.1:1883").unwrap_err().contains("mqtt://host:1883"));
        assert!(options("http://127.0.0.1:1883").unwrap_err().contains("mqtt://host:1883"));
        assert_eq!(options("mqtt://example.org").unwrap().broker_address(), ("example.org".to_owned(), 1883));
    }
}
