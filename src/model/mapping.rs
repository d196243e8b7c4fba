//! How the fields of somebody else's JSON become readings, units and incidents: what a scene says of it.
//!
//! A [`Term`] says where a value comes from: `/a/b` points into the record (RFC 6901), `^/a` into the whole message, `{2}` is the
//! second part of its topic or subject, and anything else is the value itself. Braces mix them: `{2}-{/id}`.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub struct Term {
    text: String,
    pieces: Vec<Piece>,
}

/// Part of a [`Term`]; a term of one pointer gives the JSON value as it is, all others text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// Into the record.
    Pointer(String),
    /// Into the whole message.
    Outer(String),
    /// Part of the topic or subject, the first is 0.
    Part(usize),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bool(bool),
    Integer(i64),
    Number(f64),
}

impl TryFrom<Written> for Term {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => Term::parse(&text),
            Written::Bool(b) => Term::parse(&b.to_string()),
            Written::Integer(n) => Term::parse(&n.to_string()),
            Written::Number(n) => Term::parse(&n.to_string()),
        }
    }
}

impl From<Term> for String {
    fn from(term: Term) -> Self {
        term.text
    }
}

impl Term {
    /// # Errors
    /// In words: a brace that isn't closed, or holds neither a number nor a pointer.
    pub fn parse(text: &str) -> Result<Self, String> {
        let whole = |pieces| Ok(Self { text: text.to_owned(), pieces });
        if let Some(piece) = pointer(text) {
            return whole(vec![piece]);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').ok_or_else(|| format!("{text:?}: a brace is not closed"))?;
            let part = inside.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).map(Piece::Part);
            let piece = pointer(inside).or(part).ok_or_else(|| {
                format!("{text:?}: {{{inside}}} is neither a part of the topic such as {{1}} nor a pointer such as {{/id}}")
            })?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(piece);
            rest = after;
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        whole(pieces)
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// As it is written in the scene, for messages.
    pub fn written(&self) -> &str {
        &self.text
    }
}

fn pointer(text: &str) -> Option<Piece> {
    match text.strip_prefix('^') {
        Some(outer) if outer.starts_with('/') => Some(Piece::Outer(outer.to_owned())),
        _ => text.starts_with('/').then(|| Piece::Pointer(text.to_owned())),
    }
}

/// What one kind of message says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Mapping {
    /// Only messages whose topic (subject) matches this filter; all when absent. The first mapping that matches takes a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Pointer to the array of records; without it the message is a record, or an array of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// The source's own id of the sensor, unit or incident.
    pub id: Term,
    /// When it was measured; the time of arrival when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Term>,
    pub time_format: TimeFormat,
    /// Degrees. Where a record has no place, [`Mapping::places`] are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lon: Option<Term>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lat: Option<Term>,
    /// Metres above ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_m: Option<Term>,
    /// Counts the messages of one id, one by one: what is missing is told in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Term>,
    /// `good`, `suspect`, or a word of the source's that `words` explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Term>,
    /// Name of the sensor; its id when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensor: Option<Term>,
    /// The source's words for domains, severities, states and qualities, in ours.
    pub words: BTreeMap<String, String>,
    /// Longitude, latitude and, where known, height above ground of ids whose messages don't tell.
    pub places: BTreeMap<String, Vec<f64>>,
    pub observations: Vec<ObservationFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentFields>,
}

/// [`Mapping`] as it is written, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    topic: Option<String>,
    records: Option<String>,
    id: Term,
    time: Option<Term>,
    #[serde(default)]
    time_format: TimeFormat,
    lon: Option<Term>,
    lat: Option<Term>,
    height_m: Option<Term>,
    sequence: Option<Term>,
    quality: Option<Term>,
    sensor: Option<Term>,
    #[serde(default)]
    words: BTreeMap<String, String>,
    #[serde(default)]
    places: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    observations: Vec<ObservationFields>,
    unit: Option<UnitFields>,
    incident: Option<IncidentFields>,
}

impl TryFrom<Fields> for Mapping {
    type Error = String;

    fn try_from(f: Fields) -> Result<Self, String> {
        let kinds = usize::from(!f.observations.is_empty()) + usize::from(f.unit.is_some()) + usize::from(f.incident.is_some());
        if kinds != 1 {
            return Err("a mapping has either observations, or a unit, or an incident".into());
        }
        if f.incident.as_ref().is_some_and(|i| i.state.is_none() && !i.over.is_empty()) {
            return Err("an incident with over needs state: where in a record its state is".into());
        }
        if let Some(records) = f.records.as_ref().filter(|r| !r.starts_with('/')) {
            return Err(format!("records is {records:?}; a pointer begins with /"));
        }
        if let Some((id, place)) = f.places.iter().find(|(_, p)| !(2..=3).contains(&p.len())) {
            return Err(format!(
                "places: {id:?} has {} numbers; write [longitude, latitude] or [longitude, latitude, height]",
                place.len()
            ));
        }
        let Fields { topic, records, id, time, time_format, lon, lat, height_m, sequence, quality, sensor, .. } = f;
        let Fields { words, places, observations, unit, incident, .. } = f;
        Ok(Self {
            topic,
            records,
            id,
            time,
            time_format,
            lon,
            lat,
            height_m,
            sequence,
            quality,
            sensor,
            words,
            places,
            observations,
            unit,
            incident,
        })
    }
}

/// One value of a record: a datastream of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationFields {
    pub value: Term,
    pub observed_property: Term,
    /// Unit symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Term>,
    /// Instead of the mapping's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitFields {
    pub domain: Term,
    /// The id when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_sign: Option<Term>,
    /// `patrol_car`, `ambulance`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Term>,
    /// `available` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Term>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentFields {
    pub domain: Term,
    pub category: Term,
    pub severity: Term,
    pub title: Term,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_en: Option<Term>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Term>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Term>,
    /// How far it is. A record with one of the words of `over` here says that the incident is over; nothing else is needed of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Term>,
    /// The source's words for an incident that is over; our own (`closed`, `evaluated`, `duplicate`, `void`) always are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
}

/// How a source writes times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// `2026-01-01T08:00:00+08:00`.
    #[default]
    Rfc3339,
    /// Seconds since 1970, fractions allowed.
    EpochS,
    EpochMs,
}

/// How a protocol's topics are written, for filters with wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicStyle {
    pub separator: char,
    /// Stands for one part.
    pub one: &'static str,
    /// Stands for the rest.
    pub rest: &'static str,
    /// Whether `rest` matches no part at all as well (`a/#` is also `a`).
    pub rest_may_be_empty: bool,
}

pub const MQTT_TOPICS: TopicStyle = TopicStyle { separator: '/', one: "+", rest: "#", rest_may_be_empty: true };
pub const NATS_SUBJECTS: TopicStyle = TopicStyle { separator: '.', one: "*", rest: ">", rest_may_be_empty: false };

impl TopicStyle {
    /// The parts of a topic.
    pub fn parts(self, topic: &str) -> Vec<&str> {
        topic.split(self.separator).collect()
    }

    /// Whether a topic is one of those that the filter means.
    pub fn matches(self, filter: &str, topic: &str) -> bool {
        let mut wanted = filter.split(self.separator);
        let mut parts = topic.split(self.separator);
        loop {
            match (wanted.next(), parts.next()) {
                (Some(w), part) if w == self.rest => return part.is_some() || self.rest_may_be_empty,
                (Some(w), Some(part)) if w == self.one || w == part => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

/// The text of `word`, or what the source means by it.
pub fn explained<'a>(words: &'a BTreeMap<String, String>, word: &'a str) -> Cow<'a, str> {
    Cow::Borrowed(words.get(word).map_or(word, String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_pointers_parts_and_text() {
        let pieces = |text: &str| Term::parse(text).unwrap().pieces;
        assert_eq!(pieces("/a/0"), [Piece::Pointer("/a/0".into())]);
        assert_eq!(pieces("^/a"), [Piece::Outer("/a".into())]);
        assert_eq!(
            pieces("air-{2}/{/id}"),
            [Piece::Text("air-".into()), Piece::Part(1), Piece::Text("/".into()), Piece::Pointer("/id".into())]
        );
        assert_eq!(pieces(""), [Piece::Text(String::new())]);
        for (wrong, why) in [("{1", "not closed"), ("{0}", "neither"), ("{id}", "neither")] {
            assert!(Term::parse(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }

    #[test]
    fn filters_match_as_their_protocols_say() {
        for (filter, topic, matches) in [
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a/b/d", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a", true),
            ("a/+", "a", false),
            ("a", "a/b", false),
        ] {
            assert_eq!(MQTT_TOPICS.matches(filter, topic), matches, "{filter} {topic}");
        }
        assert!(NATS_SUBJECTS.matches("a.*.>", "a.b.c.d") && !NATS_SUBJECTS.matches("a.>", "a"));
    }

    #[test]
    fn a_mapping_that_can_mean_nothing_is_refused_in_words() {
        let parse = |text: &str| toml::from_str::<Mapping>(text);
        let good = "id = \"/id\"\nlon = 118.3\nlat = \"/lat\"\nobservations = [{ value = \"/v\", observed_property = \"pm2_5\" }]\n";
        let mapping = parse(good).unwrap();
        assert_eq!(mapping.lon.as_ref().unwrap().pieces(), [Piece::Text("118.3".into())]);
        assert_eq!(toml::from_str::<Mapping>(&toml::to_string(&mapping).unwrap()).unwrap(), mapping);
        let why = |text: &str| parse(text).unwrap_err().to_string();
        assert!(why("id = \"/id\"").contains("either observations"));
        assert!(why(&format!("records = \"readings\"\n{good}")).contains("begins with /"));
        assert!(why(&format!("places = {{ a = [1.0] }}\n{good}")).contains("longitude, latitude"));
        assert!(why(&good.replace("lat", "latt")).contains("latt"));
        let over =
            "id = \"/id\"\nincident = { domain = \"traffic\", category = \"c\", severity = \"minor\", title = \"t\", over = [\"done\"] }";
        assert!(why(over).contains("needs state"));
    }
}
