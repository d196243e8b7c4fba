//! Feeds 数据源 as a scene names them, and their loss ledger.

use chrono::{DateTime, Utc};
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
        /// `mqtt://host:port` of the same service.
        #[serde(default)]
        mqtt: Option<String>,
    },
    /// OGC SensorThings entities that the platform posts to the hub (`POST /feeds/ID`): Datastreams as they would be read,
    /// observations one by one or as data arrays.
    SensorthingsIn {},
    /// GeoJSON Features as server-sent events; one incident or unit position a Feature.
    GeojsonSse { url: String },
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
        assert_eq!(feed.source, Source::Sensorthings { url: "http://x/v1.1".into(), mqtt: None });
        let typo = toml::from_str::<FeedConfig>(&text.replace("coordinates", "coordinate")).unwrap_err();
        assert!(typo.to_string().contains("coordinate"), "{typo}");
        let unknown = toml::from_str::<FeedConfig>(&text.replace("sensorthings", "telepathy")).unwrap_err();
        assert!(unknown.to_string().contains("telepathy"), "{unknown}");
    }
}
