//! An MQTT broker in this process (rumqttd), and the one who publishes on it.

use super::ReplayError;
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Publications that may wait for the broker; at 100 times real speed a thousand sensors make 3,300 a second.
const QUEUE: usize = 20_000;
/// The broker keeps a log for each topic someone subscribed to: this many bytes twice, so at most 128 kB a sensor.
const LOG_BYTES: usize = 64 << 10;

/// A broker that listens on `address`.
///
/// rumqttd can't be stopped: its threads end with the process.
pub struct Publisher {
    pub address: SocketAddr,
    queue: SyncSender<(String, String)>,
}

impl Publisher {
    /// Starts a broker on `listen` (port 0: any free one), and returns when it accepts connections.
    ///
    /// # Errors
    /// [`ReplayError::Listen`] when the address can't be used, [`ReplayError::Broker`] when the broker doesn't come up.
    pub fn start(listen: SocketAddr) -> Result<Self, ReplayError> {
        // The broker only logs a failure to bind, so try it first; this also finds a free port.
        let probe = TcpListener::bind(listen).map_err(|source| ReplayError::Listen { address: listen, source })?;
        let address = probe.local_addr().map_err(|source| ReplayError::Listen { address: listen, source })?;
        drop(probe);
        let mut broker = Broker::new(config(address));
        let (mut link, rest) = broker.link("yiping-replay").map_err(|e| ReplayError::Broker { why: e.to_string() })?;
        let failed = |source| ReplayError::Broker { why: format!("no thread: {source}") };
        std::thread::Builder::new()
            .name("mqtt-broker".into())
            .spawn(move || {
                if let Err(error) = broker.start() {
                    tracing::error!(%error, "the MQTT broker ended");
                }
            })
            .map_err(failed)?;
        let (queue, waiting) = sync_channel::<(String, String)>(QUEUE);
        std::thread::Builder::new()
            .name("mqtt-publisher".into())
            .spawn(move || {
                // The receiving half keeps the link registered, though nothing is received.
                let _rest = rest;
                for (topic, payload) in waiting {
                    if let Err(error) = link.publish(topic, payload) {
                        tracing::error!(%error, "the MQTT broker takes nothing any more");
                        return;
                    }
                }
            })
            .map_err(failed)?;
        for _ in 0..100 {
            if answers(&address).is_ok() {
                return Ok(Self { address, queue });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(ReplayError::Broker { why: format!("nothing answers on {address}") })
    }

    /// Publishes without waiting; `false` when the queue was full and the message is dropped.
    pub fn publish(&self, topic: String, payload: String) -> bool {
        !matches!(self.queue.try_send((topic, payload)), Err(TrySendError::Full(_) | TrySendError::Disconnected(_)))
    }
}

/// Whether MQTT is spoken there: a whole CONNECT (3.1.1, clean session), since the broker logs a mere connection as an error.
fn answers(address: &SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(address, Duration::from_millis(200))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05probe")?;
    let mut connack = [0; 4];
    stream.read_exact(&mut connack)?;
    // DISCONNECT
    stream.write_all(b"\xe0\x00")
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: 256 << 10,
        max_inflight_count: 200,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings { name: "v4".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 200,
        max_outgoing_packet_count: 200,
        max_segment_size: LOG_BYTES,
        max_segment_count: 2,
        ..RouterConfig::default()
    };
    Config { router, v4: Some(HashMap::from([("v4".to_owned(), server)])), ..Config::default() }
}
