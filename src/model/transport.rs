//! What a connection to a source needs beside its address: certificates, credentials, a broker's own settings.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Certificates of a TLS connection; PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The authority that signed the server's certificate; without it, those that the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Our own certificate, where the server asks for one; with `key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// A password or token: itself, or `$NAME` for the environment variable that holds it. Never written or printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The variable that holds it, when it is not written out.
    pub fn variable(&self) -> Option<&str> {
        self.0.strip_prefix('$')
    }

    /// As it is written in the scene.
    pub fn written(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(if self.variable().is_some() { &self.0 } else { "***" })
    }
}

/// An MQTT broker and how to speak to it; in a scene its address alone, or a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broker {
    /// `mqtt://[user:password@]host[:1883]` or `mqtts://host[:8883]`.
    pub url: String,
    pub version: MqttVersion,
    /// Names us to the broker, which then keeps what comes while we are away. Two hubs must not have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    pub tls: Tls,
}

/// [`Broker`] as a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    url: String,
    #[serde(default)]
    version: MqttVersion,
    client_id: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    #[serde(default)]
    tls: Tls,
}

impl<'de> Deserialize<'de> for Broker {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(BrokerVisitor)
    }
}

// An untagged enum would say of a typing error only that nothing matched.
struct BrokerVisitor;

impl<'de> Visitor<'de> for BrokerVisitor {
    type Value = Broker;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an address such as \"mqtt://host:1883\", or a table with url, version, client_id, username, password, tls")
    }

    fn visit_str<E: de::Error>(self, url: &str) -> Result<Broker, E> {
        Ok(Broker::at(url))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Broker, A::Error> {
        let f = Fields::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let Fields { url, version, client_id, username, password, tls } = f;
        Ok(Broker { url, version, client_id, username, password, tls })
    }
}

impl Broker {
    /// A broker by its address alone.
    pub fn at(url: impl Into<String>) -> Self {
        let (version, tls) = (MqttVersion::default(), Tls::default());
        Self { url: url.into(), version, client_id: None, username: None, password: None, tls }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MqttVersion {
    #[default]
    #[serde(rename = "3.1.1")]
    V311,
    #[serde(rename = "5")]
    V5,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_printed_nor_written() {
        let broker: Broker = toml::from_str("url = \"mqtt://h\"\nversion = \"5\"\nusername = \"u\"\npassword = \"hush\"").unwrap();
        assert_eq!((broker.version, broker.password.as_ref().unwrap().written()), (MqttVersion::V5, "hush"));
        assert!(!format!("{broker:?}").contains("hush") && !toml::to_string(&broker).unwrap().contains("hush"));
        let named: Broker = toml::from_str("url = \"mqtt://h\"\npassword = \"$MQTT\"").unwrap();
        assert_eq!(named.password.as_ref().unwrap().variable(), Some("MQTT"));
        assert!(toml::from_str::<Broker>("url = \"mqtt://h\"\nversion = \"4\"").unwrap_err().to_string().contains("3.1.1"));
    }
}
