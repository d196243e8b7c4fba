//! What kinds of sources need to be read, as fields of a scene.

use crate::model::cot::CotTypes;
use crate::model::incident::{Domain, Severity};
use crate::model::mapping::Mapping;
use crate::model::transport::{Broker, Secret, Tls};
// From `core`: an address is no socket.
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

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
    /// Credentials file of `nsc`: a user's JWT and its seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creds: Option<PathBuf>,
    /// Seed of an NKey, `SU...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nkey: Option<Secret>,
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
    /// Name of the environment variable that holds the bearer token of who serves GPX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
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
