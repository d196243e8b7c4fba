//! Feeds 数据源 as a scene names them, and their loss ledger.

use super::cot::CotTypes;
use super::incident::{Domain, Severity};
use super::mapping::Mapping;
use super::transport::{Broker, Secret, Tls};
use chrono::{DateTime, Utc};
// From `core`: an address is no socket.
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A live source and how to read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedConfig {
    /// Unique in the scene.
    pub id: String,
    /// What the source's longitudes and latitudes are; made WGS 84 as they come in.
    #[serde(default, skip_serializing_if = "Coordinates::is_wgs84")]
    pub coordinates: Coordinates,
    /// Keeps what the feed says in a journal that `yiping replay` plays again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub record: bool,
    /// Refuses the fields it doesn't know, so that a typing error is no silent default.
    #[serde(flatten)]
    pub source: Source,
}

impl FeedConfig {
    /// A feed in WGS 84 that is not recorded.
    pub fn new(id: impl Into<String>, source: Source) -> Self {
        Self { id: id.into(), coordinates: Coordinates::default(), record: false, source }
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The kind of a source, and what reading it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// OGC SensorThings 1.1: history and catalogue over HTTP, news over MQTT when given, else by polling.
    Sensorthings {
        /// Service root ending in `/v1.1`.
        url: String,
        /// Broker of the same service, `mqtt://host:port` or a table.
        #[serde(default)]
        mqtt: Option<Broker>,
        /// Only datastreams of these, by ObservedProperty name in any spelling; all when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        observed_properties: Vec<String>,
        /// Only datastreams in here: west, south, east, north, degrees.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        area: Option<[f64; 4]>,
    },
    /// JSON over MQTT 3.1.1 or 5.
    Mqtt(Box<MqttSource>),
    /// JSON over NATS, core or JetStream.
    Nats(Box<NatsSource>),
    /// Cursor-on-Target units as XML events over TCP or TLS: read from a TAK server, or taken from those who connect here.
    CursorOnTarget(Box<CotSource>),
    /// NMEA 0183 sentences of GNSS receivers: `tcp://host:port`, `udp://0.0.0.0:port`, or a device or a log by its path.
    Nmea(Box<Tracker>),
    /// GPX of trackers, asked again and again: `http(s)://...`, or a file by its path.
    Gpx(Box<Tracker>),
    /// OGC SensorThings entities that the platform posts to the hub (`POST /feeds/ID`): Datastreams as they would be read,
    /// observations one by one or as data arrays.
    SensorthingsIn {},
    /// Public warnings in the Common Alerting Protocol, OASIS CAP 1.2: read from `url`, posted to the hub (`POST /feeds/ID`), or both.
    Cap {
        /// An Atom or RSS index of alerts, or what gives alerts directly.
        #[serde(default)]
        url: Option<String>,
        /// Which alerts are for these screens, by their `scope`.
        #[serde(default = "public")]
        scopes: Vec<AlertScope>,
        #[serde(default = "a_minute")]
        poll_s: f64,
        /// Name of the environment variable that holds the source's bearer token.
        #[serde(default)]
        token_env: Option<String>,
    },
    /// GeoJSON Features, one incident or unit position each: a collection that is polled, or a WebSocket (`ws://`).
    Geojson {
        url: String,
        #[serde(default = "ten_seconds")]
        poll_s: f64,
        /// As for CAP.
        #[serde(default)]
        token_env: Option<String>,
    },
    /// Entities of an NGSI-LD context broker: smart data models `Alert`, `AirQualityObserved`, `TrafficFlowObserved`, and others that
    /// have numbers and a place.
    NgsiLd {
        /// The broker; `/ngsi-ld/v1` is added where it doesn't end so.
        url: String,
        #[serde(default = "a_minute")]
        poll_s: f64,
        /// As for CAP.
        #[serde(default)]
        token_env: Option<String>,
        /// The header the token goes into as it is, e.g. `X-Auth-Token`; without it, it is a bearer token.
        #[serde(default)]
        token_header: Option<String>,
        entities: NgsiLdEntities,
    },
    /// Service requests of citizens, Open311 GeoReport v2.
    Open311 {
        /// The endpoint: what `/requests.json` is added to.
        url: String,
        #[serde(default = "a_minute")]
        poll_s: f64,
        /// As for CAP.
        #[serde(default)]
        token_env: Option<String>,
        #[serde(default)]
        requests: Open311Requests,
    },
    /// Incidents of other centres as NENA EIDO-JSON: read from `url`, posted to the hub (`POST /feeds/ID`), or both.
    Eido {
        #[serde(default)]
        url: Option<String>,
        #[serde(default = "ten_seconds")]
        poll_s: f64,
        /// As for CAP.
        #[serde(default)]
        token_env: Option<String>,
    },
    /// GeoJSON Features as server-sent events; one incident or unit position a Feature.
    GeojsonSse { url: String },
}

/// JSON over MQTT: what to subscribe to and what it means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttSource {
    pub broker: Broker,
    /// Filters, with wildcards: `city/+/air/#`; `$share/GROUP/...` shares the messages out among the members of a group.
    pub topics: Vec<String>,
    /// 0, or 1: the broker sends again what is not acknowledged, and we acknowledge what is on disk.
    #[serde(default = "at_least_once")]
    pub qos: u8,
    pub mapping: Vec<Mapping>,
}

fn at_least_once() -> u8 {
    1
}

/// JSON over NATS: what to subscribe to and what it means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSource {
    /// `nats://host:4222`, or `tls://host:4222`.
    pub url: String,
    /// With wildcards: `city.*.air.>`.
    pub subjects: Vec<String>,
    /// Queue group: each message goes to one of its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Reads the subjects from a stream, which keeps what comes while we are away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jetstream: Option<Durable>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(default)]
    pub tls: Tls,
    pub mapping: Vec<Mapping>,
}

/// Cursor-on-Target: where events come from and which of their types are units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CotSource {
    /// `tcp://host:8087` or `tls://host:8089` of a TAK server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Address on which devices may connect to us; over TLS when `tls` has a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    #[serde(default)]
    pub tls: Tls,
    /// Prefixes of types as kinds of units, asked before those that are built in.
    #[serde(default)]
    pub types: CotTypes,
}

/// Trackers whose messages say only where and when: what they are is said here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tracker {
    pub url: String,
    pub domain: Domain,
    /// `bus`, `patrol_car`, ...
    #[serde(default)]
    pub unit_kind: String,
    /// What makes a unit of NMEA; by default the sender's address for UDP, else the feed as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_by: Option<TrackerBy>,
    /// Call signs by the last part of a unit's id: an address, a talker, a track's name.
    #[serde(default)]
    pub call_signs: BTreeMap<String, String>,
    /// Seconds between two questions for GPX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_every_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackerBy {
    /// The whole feed is one unit.
    Feed,
    Address,
    /// Address and port.
    Port,
    /// The two letters that begin a sentence.
    Talker,
}

/// A JetStream stream and the name of our place in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durable {
    pub stream: String,
    /// Two hubs of one name share the messages.
    pub consumer: String,
}

/// Horizontal coordinates of a source, degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coordinates {
    #[default]
    Wgs84,
    /// 国家大地坐标系: WGS 84 within centimetres, taken as it is.
    Cgcs2000,
    /// 火星坐标, of all Chinese maps but Baidu's.
    Gcj02,
    /// Baidu's.
    Bd09,
}

impl Coordinates {
    fn is_wgs84(&self) -> bool {
        *self == Self::Wgs84
    }
}

/// CAP `scope`: whom an alert is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertScope {
    Public,
    /// For those who keep to its restriction.
    Restricted,
    /// For those it names.
    Private,
}

/// Which entities, and how we hear of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NgsiLdEntities {
    pub types: Vec<String>,
    /// `q` of the query language: `refRoad==\"urn:...\"`.
    #[serde(default)]
    pub query: Option<String>,
    /// `@context` that the types belong to.
    #[serde(default)]
    pub context: Option<String>,
    /// `NGSILD-Tenant`.
    #[serde(default)]
    pub tenant: Option<String>,
    /// `http://HUB/feeds/ID` as the broker reaches this hub: with it, a subscription is made there.
    #[serde(default)]
    pub notify: Option<String>,
    /// Name of the environment variable with the token that the broker brings to the hub.
    #[serde(default)]
    pub notify_token_env: Option<String>,
}

/// Which service requests, and what they are here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Open311Requests {
    /// `jurisdiction_id`, where the endpoint serves several cities.
    pub jurisdiction: Option<String>,
    /// Ask for XML, which each endpoint has, and not for JSON.
    pub xml: bool,
    /// How many days back the first look goes.
    pub days: u32,
    /// What a service is here, by its `service_code`.
    pub services: BTreeMap<String, Filing>,
    /// What all others are.
    pub other: Filing,
}

impl Default for Open311Requests {
    fn default() -> Self {
        Self { jurisdiction: None, xml: false, days: 7, services: BTreeMap::new(), other: Filing::default() }
    }
}

/// Where a report of another system's words is filed here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filing {
    pub domain: Domain,
    /// Path in the domain's category tree.
    #[serde(default)]
    pub category: String,
    #[serde(default = "minor")]
    pub severity: Severity,
}

impl Default for Filing {
    fn default() -> Self {
        Self { domain: Domain::UrbanManagement, category: "urban_management/other".into(), severity: Severity::Minor }
    }
}

fn minor() -> Severity {
    Severity::Minor
}

fn ten_seconds() -> f64 {
    10.0
}

fn public() -> Vec<AlertScope> {
    vec![AlertScope::Public]
}

fn a_minute() -> f64 {
    60.0
}

/// Messages by a short word of what became of them.
pub type Counts = BTreeMap<Cow<'static, str>, u64>;

/// The loss ledger of one feed: `received = stored + rejected + conflated + quarantined` at any time, and each of the last three
/// is the sum of its reasons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedStatus {
    pub feed: String,
    pub kind: String,
    #[serde(default)]
    pub coordinates: Coordinates,
    pub connected: bool,
    pub received: u64,
    pub stored: u64,
    /// Can't be used: unreadable, incomplete, out of range.
    pub rejected: u64,
    #[serde(default)]
    pub rejected_for: Counts,
    /// Left out by policy: repeated, or replaced by a newer one before there was room for it.
    pub conflated: u64,
    #[serde(default)]
    pub conflated_by: Counts,
    /// May be right but can't be trusted or placed: a clock that is wrong, a sensor nobody has described.
    pub quarantined: u64,
    #[serde(default)]
    pub quarantined_for: Counts,
    /// Events that are missing in its journal, though it is recorded.
    #[serde(default)]
    pub unrecorded: u64,
    /// Messages that never came, by the source's own sequence numbers.
    #[serde(default)]
    pub gaps: u64,
    /// How late messages come; `None` until one with a time has come.
    #[serde(default)]
    pub lag: Option<Lag>,
    /// The source's clock less ours, milliseconds; `None` where the source doesn't tell its time.
    #[serde(default)]
    pub skew_ms: Option<f64>,
    /// Event time of the newest message.
    pub newest: Option<DateTime<Utc>>,
    /// In words, for the feeds panel.
    pub last_error: Option<String>,
}

/// Milliseconds from the event to its arrival at the hub (a wrong clock of the source shows here), and from there to a screen's socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    pub arrival_p50_ms: f64,
    pub arrival_p99_ms: f64,
    #[serde(default)]
    pub screen_p50_ms: Option<f64>,
    #[serde(default)]
    pub screen_p99_ms: Option<f64>,
}

impl FeedStatus {
    /// Whether every message has exactly one fate, and every fate its reasons.
    pub fn balances(&self) -> bool {
        let sum = |counts: &Counts| counts.values().sum::<u64>();
        self.received == self.stored + self.rejected + self.conflated + self.quarantined
            && self.rejected == sum(&self.rejected_for)
            && self.conflated == sum(&self.conflated_by)
            && self.quarantined == sum(&self.quarantined_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_written_flat_and_a_field_nobody_knows_is_refused() {
        let text = "kind = \"sensorthings\"\nid = \"air\"\nurl = \"http://x/v1.1\"\ncoordinates = \"gcj02\"\n";
        let feed: FeedConfig = toml::from_str(text).unwrap();
        assert_eq!((feed.id(), feed.coordinates, feed.record), ("air", Coordinates::Gcj02, false));
        assert_eq!(feed.source, Source::Sensorthings { url: "http://x/v1.1".into(), mqtt: None, observed_properties: vec![], area: None });
        let typo = toml::from_str::<FeedConfig>(&text.replace("coordinates", "coordinate")).unwrap_err();
        assert!(typo.to_string().contains("coordinate"), "{typo}");
        let unknown = toml::from_str::<FeedConfig>(&text.replace("sensorthings", "telepathy")).unwrap_err();
        assert!(unknown.to_string().contains("telepathy"), "{unknown}");
    }

    #[test]
    fn every_example_of_the_documentation_is_a_feed() {
        #[derive(Deserialize)]
        struct Example {
            feed: Vec<FeedConfig>,
        }
        let text = include_str!("../../docs/feeds.md");
        let examples: Vec<&str> = text.split("```toml\n").skip(1).filter_map(|e| e.split("```").next()).collect();
        assert!(examples.len() >= 5);
        for example in examples {
            let read = toml::from_str::<Example>(example);
            assert!(read.as_ref().is_ok_and(|e| !e.feed.is_empty()), "{example}\n{:?}", read.err());
        }
    }
}
