//! Feeds 数据源 as a scene names them, and their loss ledger.

mod features;
mod sources;
mod status;

pub use sources::{CotSource, Durable, Filing, MqttSource, NatsSource, NgsiLdEntities, Open311Requests, Tracker, TrackerBy};
pub use status::{Counts, FeedStatus, Lag};

use super::mapping::Mapping;
use super::transport::{Broker, Tls};
use serde::{Deserialize, Serialize};

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
        /// Only datastreams in here: west, south, east, north, WGS 84 degrees.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        area: Option<[f64; 4]>,
        /// Name of the environment variable that holds the source's bearer token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_env: Option<String>,
        /// How late readings may come and still be asked for, days; each more is as much more to ask for every four hours.
        #[serde(default = "one_day", skip_serializing_if = "is_one_day", deserialize_with = "late_days")]
        late_days: u32,
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
    /// GeoJSON Features: a collection that is polled, or a WebSocket (`ws://`, `wss://`).
    Geojson {
        url: String,
        #[serde(default = "ten_seconds")]
        poll_s: f64,
        /// As for CAP.
        #[serde(default)]
        token_env: Option<String>,
        /// Of a WebSocket.
        #[serde(default)]
        tls: Tls,
        /// What a Feature says, one at most; without it, its properties are those of our own incidents and units.
        #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "features::mapping")]
        mapping: Vec<Mapping>,
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
    /// GeoJSON Features as server-sent events.
    GeojsonSse {
        url: String,
        /// As for CAP.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_env: Option<String>,
        /// As for GeoJSON that is polled.
        #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "features::mapping")]
        mapping: Vec<Mapping>,
    },
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

/// A month late is an import.
const LATE_DAYS_MAX: u32 = 31;

fn one_day() -> u32 {
    1
}

fn is_one_day(days: &u32) -> bool {
    *days == one_day()
}

fn late_days<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let days = u32::deserialize(from)?;
    let wrong = || serde::de::Error::custom(format!("late_days = {days}; readings are asked for that come 1 to {LATE_DAYS_MAX} days late"));
    if (1..=LATE_DAYS_MAX).contains(&days) { Ok(days) } else { Err(wrong()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_written_flat_and_a_field_nobody_knows_is_refused() {
        let text = "kind = \"sensorthings\"\nid = \"air\"\nurl = \"http://x/v1.1\"\ncoordinates = \"gcj02\"\n";
        let feed: FeedConfig = toml::from_str(text).unwrap();
        assert_eq!((feed.id(), feed.coordinates, feed.record), ("air", Coordinates::Gcj02, false));
        assert_eq!(
            feed.source,
            Source::Sensorthings {
                url: "http://x/v1.1".into(),
                mqtt: None,
                observed_properties: vec![],
                area: None,
                token_env: None,
                late_days: 1
            }
        );
        let late = toml::from_str::<FeedConfig>(&format!("{text}late_days = 32\n")).unwrap_err();
        assert!(late.to_string().contains("1 to 31 days late"), "{late}");
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
        let text = include_str!("../../../docs/feeds.md");
        let examples: Vec<&str> = text.split("```toml\n").skip(1).filter_map(|e| e.split("```").next()).collect();
        assert!(examples.len() >= 5);
        for example in examples {
            let read = toml::from_str::<Example>(example);
            assert!(read.as_ref().is_ok_and(|e| !e.feed.is_empty()), "{example}\n{:?}", read.err());
        }
    }
}
