//! MQTT 3.1.1 and 5 as all adapters use it: one link that is dialled, subscribed, read, and whose messages are acknowledged by hand.

use super::FeedError;
use super::tls::{client_config, reveal};
use crate::model::transport::{Broker, MqttVersion};
use rumqttc::{Transport, v5};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Messages between socket and adapter. When full, reading stops and TCP holds the broker back.
const QUEUE: usize = 4096;
/// Largest MQTT packet taken. A larger one ends the connection (3.1.1) or is left out by the broker (5).
const PACKET_BYTES_MAX: usize = 16 << 20;
/// Topics in one SUBSCRIBE packet.
const TOPICS_A_PACKET: usize = 100;
/// How long a broker may take from dialling to the last SUBACK.
const SUBSCRIBE_MAX: Duration = Duration::from_secs(15);
/// Messages kept that come before the last SUBACK, such as retained ones.
const EARLY_MAX: usize = 200_000;
/// Requests that may wait for the socket: packet ids are 16 bits, so no more acknowledgements than this can be outstanding.
const REQUESTS: usize = 70_000;
/// Messages that an MQTT 5 broker may send before the first of them is acknowledged.
const UNACKNOWLEDGED: u16 = 4096;
/// How long an MQTT 5 broker keeps our session once we are gone.
const SESSION_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A live connection; dropping it closes it.
pub(super) struct Link {
    client: Client,
    messages: Receiver<Message>,
    early: VecDeque<Message>,
    /// Refused topics of each SUBSCRIBE as it is answered.
    answers: Receiver<usize>,
    address: String,
    task: JoinHandle<Result<(), String>>,
}

/// A publication.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// What [`Link::acknowledge`] needs; `None` for one that is sent once at most.
    pub(super) receipt: Option<Receipt>,
}

/// The packet id of a message that waits for its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt(u16);

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Starts dialling; what goes wrong is said by [`Link::subscribe`]. A broker that is silent for `silence_max` is taken for dead.
    ///
    /// # Errors
    /// [`FeedError::Mqtt`]: address, certificates or password that can't be used.
    pub(super) fn dial(broker: &Broker, silence_max: Duration) -> Result<Link, FeedError> {
        let address = broker.url.clone();
        let failed = |why: String| FeedError::Mqtt { address: without_password(&address), why };
        let (client, events) = dialling(broker, silence_max).map_err(failed)?;
        let (send, messages) = mpsc::channel(QUEUE);
        let (answer, answers) = mpsc::channel(REQUESTS / TOPICS_A_PACKET);
        // The client is moved in as well: the event loop ends when its last client is gone.
        let kept = client.clone();
        let task = tokio::spawn(async move {
            let _kept = kept;
            forward(events, send, answer).await
        });
        Ok(Link { client, messages, early: VecDeque::new(), answers, address: without_password(&broker.url), task })
    }

    /// Subscribes, and returns when the broker has answered: what happens from then on will come. Gives the number of topics refused.
    ///
    /// # Errors
    /// [`FeedError::Mqtt`]: not reached, refused, or no answer in time.
    pub(super) async fn subscribe(&mut self, topics: &[String], qos: u8) -> Result<usize, FeedError> {
        let mut unanswered = 0;
        for block in topics.chunks(TOPICS_A_PACKET) {
            self.client.subscribe(block, qos).map_err(|why| self.failed(why))?;
            unanswered += 1;
        }
        let mut refused = 0;
        let answered = async {
            while unanswered > 0 {
                tokio::select! {
                    answer = self.answers.recv() => match answer {
                        Some(count) => (refused, unanswered) = (refused + count, unanswered - 1),
                        None => return false,
                    },
                    Some(message) = self.messages.recv(), if self.early.len() < EARLY_MAX => self.early.push_back(message),
                }
            }
            true
        };
        match timeout(SUBSCRIBE_MAX, answered).await {
            Ok(true) => Ok(refused),
            Ok(false) => Err(self.why_ended().await),
            Err(_) => Err(self.failed(format!("not subscribed within {} s", SUBSCRIBE_MAX.as_secs()))),
        }
    }

    /// The next message; `None` when the connection has ended.
    pub(super) async fn next(&mut self) -> Option<Message> {
        match self.early.pop_front() {
            Some(message) => Some(message),
            None => self.messages.recv().await,
        }
    }

    /// The next message if it is here already.
    pub(super) fn next_if_here(&mut self) -> Option<Message> {
        self.early.pop_front().or_else(|| self.messages.try_recv().ok())
    }

    /// Tells the broker that a message is safe with us.
    pub(super) fn acknowledge(&self, receipt: Receipt) {
        // It fails when the connection has ended; then the broker sends the message again.
        self.client.acknowledge(receipt);
    }

    /// Why no more messages come. Call when [`Link::next`] has ended.
    pub(super) async fn why_ended(&mut self) -> FeedError {
        let why = match (&mut self.task).await {
            Ok(Err(why)) => why,
            Ok(Ok(())) | Err(_) => "the connection ended".into(),
        };
        self.failed(why)
    }

    pub(super) fn failed(&self, why: String) -> FeedError {
        FeedError::Mqtt { address: self.address.clone(), why }
    }
}

#[derive(Clone)]
enum Client {
    V4(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

enum Events {
    V4(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

enum Heard {
    Message(Message),
    Subscribed { refused: usize },
    Nothing,
}

impl Client {
    fn subscribe(&self, topics: &[String], qos: u8) -> Result<(), String> {
        match self {
            Client::V4(client) => {
                let qos = if qos == 0 { rumqttc::QoS::AtMostOnce } else { rumqttc::QoS::AtLeastOnce };
                let filters = topics.iter().map(|t| rumqttc::SubscribeFilter::new(t.clone(), qos));
                client.try_subscribe_many(filters).map_err(|_| refused(topics))
            }
            Client::V5(client) => {
                let qos = if qos == 0 { v5::mqttbytes::QoS::AtMostOnce } else { v5::mqttbytes::QoS::AtLeastOnce };
                let filters = topics.iter().map(|t| v5::mqttbytes::v5::Filter::new(t.clone(), qos));
                client.try_subscribe_many(filters).map_err(|_| refused(topics))
            }
        }
    }

    fn acknowledge(&self, Receipt(id): Receipt) {
        match self {
            Client::V4(client) => {
                let mut publish = rumqttc::Publish::new("", rumqttc::QoS::AtLeastOnce, Vec::new());
                publish.pkid = id;
                let _ = client.try_ack(&publish);
            }
            Client::V5(client) => {
                let mut publish = v5::mqttbytes::v5::Publish::new("", v5::mqttbytes::QoS::AtLeastOnce, Vec::new(), None);
                publish.pkid = id;
                let _ = client.try_ack(&publish);
            }
        }
    }
}

fn refused(topics: &[String]) -> String {
    format!("{:?} can't be subscribed to; a filter has + and # only as whole parts, # last", topics.first().map_or("", String::as_str))
}

impl Events {
    async fn poll(&mut self) -> Result<Heard, String> {
        match self {
            Events::V4(events) => match events.poll().await.map_err(|e| in_words(&e.to_string()))? {
                rumqttc::Event::Incoming(rumqttc::Packet::Publish(p)) => {
                    let receipt = (p.qos != rumqttc::QoS::AtMostOnce).then_some(Receipt(p.pkid));
                    Ok(Heard::Message(Message { topic: p.topic, payload: p.payload.to_vec(), receipt }))
                }
                rumqttc::Event::Incoming(rumqttc::Packet::SubAck(ack)) => {
                    let refused = ack.return_codes.iter().filter(|c| **c == rumqttc::SubscribeReasonCode::Failure).count();
                    Ok(Heard::Subscribed { refused })
                }
                _ => Ok(Heard::Nothing),
            },
            Events::V5(events) => match events.poll().await.map_err(|e| in_words(&e.to_string()))? {
                v5::Event::Incoming(v5::mqttbytes::v5::Packet::Publish(p)) => {
                    let receipt = (p.qos != v5::mqttbytes::QoS::AtMostOnce).then_some(Receipt(p.pkid));
                    let topic = String::from_utf8_lossy(&p.topic).into_owned();
                    Ok(Heard::Message(Message { topic, payload: p.payload.to_vec(), receipt }))
                }
                v5::Event::Incoming(v5::mqttbytes::v5::Packet::SubAck(ack)) => {
                    let granted =
                        |c: &&v5::mqttbytes::v5::SubscribeReasonCode| !matches!(c, v5::mqttbytes::v5::SubscribeReasonCode::Success(_));
                    Ok(Heard::Subscribed { refused: ack.return_codes.iter().filter(granted).count() })
                }
                _ => Ok(Heard::Nothing),
            },
        }
    }
}

/// The library's words for a connection whose other end is gone say nothing to an operator.
fn in_words(error: &str) -> String {
    if error.contains("pingreq") { "the broker no longer answers; the connection is dead at its other end".into() } else { error.into() }
}

async fn forward(mut events: Events, send: Sender<Message>, answers: Sender<usize>) -> Result<(), String> {
    loop {
        // The first error ends it: a reconnected broker knows nothing of our topics, so the session starts anew.
        match events.poll().await? {
            Heard::Message(message) => {
                if send.send(message).await.is_err() {
                    return Ok(());
                }
            }
            Heard::Subscribed { refused } => {
                let _ = answers.send(refused).await;
            }
            Heard::Nothing => {}
        }
    }
}

/// Host, port and whether TLS, of `mqtt://[user:password@]host[:1883]` or `mqtts://host[:8883]`.
fn address(broker: &Broker) -> Result<(String, u16, bool), String> {
    const WRITE: &str = "write mqtt://host:1883, or mqtts://host:8883 for TLS";
    let url = url::Url::parse(&broker.url).map_err(|e| format!("{e}; {WRITE}"))?;
    let tls = match url.scheme() {
        "mqtt" | "tcp" => false,
        "mqtts" | "ssl" | "tls" => true,
        _ => return Err(WRITE.into()),
    };
    let host = url.host_str().filter(|h| !h.is_empty()).ok_or(WRITE)?;
    // `[::1]` in an address, `::1` for a certificate; both dial.
    Ok((host.to_owned(), url.port().unwrap_or(if tls { 8883 } else { 1883 }), tls))
}

fn without_password(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(Some("***"));
            url.to_string()
        }
        _ => address.to_owned(),
    }
}

fn credentials(broker: &Broker) -> Result<Option<(String, String)>, String> {
    let url = url::Url::parse(&broker.url).ok();
    let in_url = url.as_ref().and_then(|u| u.password().map(|p| (u.username().to_owned(), p.to_owned())));
    match (&broker.username, &broker.password) {
        (Some(user), Some(password)) => Ok(Some((user.clone(), reveal(password)?))),
        (Some(user), None) => Ok(Some((user.clone(), String::new()))),
        (None, Some(_)) => Err("a password without username".into()),
        (None, None) => Ok(in_url),
    }
}

fn dialling(broker: &Broker, silence_max: Duration) -> Result<(Client, Events), String> {
    let (host, port, tls) = address(broker)?;
    let transport = match tls {
        false => Transport::Tcp,
        true => Transport::tls_with_config(client_config(&broker.tls)?.into()),
    };
    if broker.client_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
        return Err("client_id is empty".into());
    }
    // A named client has a session that outlives its connection; one without a name leaves nothing behind.
    let keeps = broker.client_id.is_some();
    let id = broker.client_id.clone().unwrap_or_else(|| format!("yiping-{}", uuid::Uuid::new_v4().simple()));
    // Unanswered pings are noticed at the next one: within two of these.
    let seconds = |least: u64| Duration::from_secs((silence_max.as_secs() / 3).clamp(least, 300));
    match broker.version {
        MqttVersion::V311 => {
            let mut options = rumqttc::MqttOptions::new(id, host, port);
            options.set_keep_alive(seconds(1)).set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
            options.set_transport(transport).set_clean_session(!keeps).set_manual_acks(true);
            if let Some((user, password)) = credentials(broker)? {
                options.set_credentials(user, password);
            }
            let (client, mut events) = rumqttc::AsyncClient::new(options, REQUESTS);
            events.network_options.set_connection_timeout(5);
            Ok((Client::V4(client), Events::V4(Box::new(events))))
        }
        MqttVersion::V5 => {
            let mut options = v5::MqttOptions::new(id, host, port);
            options.set_keep_alive(seconds(5)).set_max_packet_size(Some(PACKET_BYTES_MAX as u32));
            options.set_transport(transport).set_clean_start(!keeps).set_manual_acks(true).set_connection_timeout(5);
            options.set_receive_maximum(Some(UNACKNOWLEDGED));
            options.set_session_expiry_interval(keeps.then_some(SESSION_KEPT.as_secs() as u32));
            if let Some((user, password)) = credentials(broker)? {
                options.set_credentials(user, password);
            }
            let (client, events) = v5::AsyncClient::new(options, REQUESTS);
            Ok((Client::V5(client), Events::V5(Box::new(events))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_says_how_to_write_it() {
        for wrong in ["127.0.0.1:1883", "http://127.0.0.1:1883", "mqtt://"] {
            assert!(address(&Broker::at(wrong)).unwrap_err().contains("mqtt://host:1883"), "{wrong}");
        }
        assert_eq!(address(&Broker::at("mqtt://example.org")).unwrap(), ("example.org".into(), 1883, false));
        assert_eq!(address(&Broker::at("mqtts://u:p@example.org")).unwrap(), ("example.org".into(), 8883, true));
    }

    #[test]
    fn a_password_never_shows_in_an_error() {
        assert_eq!(without_password("mqtt://u:hush@h:1"), "mqtt://u:***@h:1");
        let broker = Broker { password: None, username: None, ..Broker::at("mqtt://u:hush@h:1") };
        assert_eq!(credentials(&broker).unwrap(), Some(("u".into(), "hush".into())));
    }
}
