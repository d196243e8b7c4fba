//! A message of somebody else's JSON as readings, units and incidents, by the [`Mapping`] of a scene. Pure: time is an argument.

#[cfg(test)]
mod tests;

use super::outbox::{Doubt, Reason, Unusable};
use super::phenomenon::Phenomenon;
use super::place::middle;
use super::sensorthings::parse::snake_case;
use crate::model::incident::{IncidentState, Report};
use crate::model::mapping::{IncidentFields, Mapping, ObservationFields, Piece, Term, TimeFormat, UnitFields, explained};
use crate::model::observation::{Datastream, Observation, Quality};
use crate::model::unit::{Unit, UnitState};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;

/// Longest text taken from a field, bytes: nothing a panel shows is longer, and a source must not fill our memory with one.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Reading {
        datastream: Datastream,
        observation: Observation,
    },
    Unit(Unit),
    Incident(Report),
    /// An incident is over, and why.
    Over {
        incident: String,
        why: String,
    },
}

impl Said {
    /// The id of what is spoken of.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Reading { observation, .. } => &observation.datastream,
            Self::Unit(unit) => &unit.id,
            Self::Incident(report) => &report.id,
            Self::Over { incident, .. } => incident,
        }
    }

    /// Its time; `None` where nothing hangs on one.
    pub(super) fn time(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Reading { observation, .. } => Some(observation.phenomenon_time),
            Self::Unit(unit) => Some(unit.seen_at),
            Self::Incident(report) => report.reported_at,
            Self::Over { .. } => None,
        }
    }

    /// The same at another time.
    pub(super) fn at(mut self, time: DateTime<Utc>) -> Self {
        match &mut self {
            Self::Reading { observation, .. } => observation.phenomenon_time = time,
            Self::Unit(unit) => unit.seen_at = time,
            Self::Incident(report) => report.reported_at = Some(time),
            Self::Over { .. } => {}
        }
        self
    }
}

/// A record with what surrounds it.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) feed: &'a str,
    /// Parts of the topic or subject.
    pub(super) parts: &'a [&'a str],
    /// The whole message.
    pub(super) message: &'a Value,
    pub(super) record: &'a Value,
    /// GeoJSON of where a record is that has a place by its format; asked where the mapping has neither `lon` nor `lat`.
    pub(super) geometry: Option<&'a Value>,
    pub(super) arrived: DateTime<Utc>,
}

/// The records of a message.
///
/// # Errors
/// In words, when there are none where the mapping looks.
pub(super) fn records<'a>(mapping: &Mapping, message: &'a Value) -> Result<&'a [Value], String> {
    let at = match &mapping.records {
        None => message,
        Some(pointer) => message.pointer(pointer).ok_or_else(|| format!("nothing at {pointer}"))?,
    };
    match at {
        Value::Array(records) => Ok(records),
        Value::Object(_) => Ok(std::slice::from_ref(at)),
        _ => Err("neither an object nor an array of objects".into()),
    }
}

/// The id and, where the mapping has one, the sequence number of a record.
///
/// # Errors
/// [`Unusable`] when it has no id.
pub(super) fn identity(mapping: &Mapping, r: Record) -> Result<(String, Option<u64>), Unusable> {
    let id = r.text(&mapping.id).ok_or_else(|| incomplete(format!("no id at {}", mapping.id.written())))?;
    let sequence = mapping.sequence.as_ref().and_then(|term| match r.value(term)?.as_ref() {
        Value::Number(n) => n.as_u64(),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    });
    Ok((id, sequence))
}

/// What a record of this id says; each value by itself, since one that is wrong must not cost the others.
pub(super) fn read(mapping: &Mapping, id: &str, r: Record) -> Vec<Result<Said, Unusable>> {
    if let Some(over) = mapping.incident.as_ref().and_then(|fields| over(mapping, fields, id, r)) {
        return vec![Ok(over)];
    }
    let phenomenon = match &mapping.time {
        None => Ok(Phenomenon::instant(r.arrived)),
        Some(term) => phenomenon(mapping, term, id, r),
    };
    let phenomenon = match phenomenon {
        Ok(phenomenon) => phenomenon,
        Err(why) => return vec![Err(why)],
    };
    let time = phenomenon.end;
    if let Some(unit_fields) = &mapping.unit {
        return vec![place(mapping, id, r).and_then(|at| unit(mapping, unit_fields, id, r, at, time)).map(Said::Unit)];
    }
    if let Some(fields) = &mapping.incident {
        return vec![place(mapping, id, r).and_then(|at| incident(mapping, fields, id, r, at, time)).map(Said::Incident)];
    }
    let values = mapping.observations.iter().filter_map(|fields| {
        // A message rarely has all values; those it leaves out are no loss.
        let value = r.value(&fields.value).filter(|v| !v.is_null())?;
        let at = place(mapping, id, r);
        Some(at.and_then(|at| reading(mapping, fields, id, r, at, phenomenon, &value)))
    });
    let values: Vec<_> = values.collect();
    if values.is_empty() { vec![Err(incomplete(format!("{id}: none of the values that the mapping names")))] } else { values }
}

impl<'a> Record<'a> {
    /// What a term stands for here; `None` where there is nothing.
    fn value(&self, term: &Term) -> Option<Cow<'a, Value>> {
        match term.pieces() {
            [Piece::Pointer(pointer)] => return pointed(self.record, pointer).map(Cow::Borrowed),
            [Piece::Outer(pointer)] => return pointed(self.message, pointer).map(Cow::Borrowed),
            _ => {}
        }
        let mut text = String::new();
        for piece in term.pieces() {
            match piece {
                Piece::Text(t) => text.push_str(t),
                Piece::Part(i) => text.push_str(self.parts.get(*i)?),
                Piece::Pointer(p) => text.push_str(&plain(pointed(self.record, p)?)?),
                Piece::Outer(p) => text.push_str(&plain(pointed(self.message, p)?)?),
            }
        }
        Some(Cow::Owned(Value::String(text)))
    }

    /// Text that says something.
    fn text(&self, term: &Term) -> Option<String> {
        let text = plain(self.value(term)?.as_ref())?.into_owned();
        (!text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX).then_some(text)
    }

    fn number(&self, term: &Term) -> Option<f64> {
        number(self.value(term)?.as_ref())
    }
}

/// As [`Value::pointer`], which makes two strings of every step: a fifth of the time of a reading.
fn pointed<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.contains('~') {
        return value.pointer(pointer);
    }
    let index =
        |step: &str| (step == "0" || step.starts_with(|c: char| ('1'..='9').contains(&c))).then(|| step.parse::<usize>().ok()).flatten();
    pointer.strip_prefix('/')?.split('/').try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(index(step)?),
        _ => None,
    })
}

/// Numbers, booleans and text as text; nothing else.
fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(s) => Some(Cow::Borrowed(s)),
        Value::Number(n) => Some(Cow::Owned(n.to_string())),
        Value::Bool(b) => Some(Cow::Borrowed(if *b { "true" } else { "false" })),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse().ok(),
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    };
    number.filter(|n| n.is_finite())
}

/// An instant, or in the notation of RFC 3339 an interval of two.
fn phenomenon(mapping: &Mapping, term: &Term, id: &str, r: Record) -> Result<Phenomenon, Unusable> {
    let value = r.value(term).filter(|v| !v.is_null()).ok_or_else(|| incomplete(format!("{id}: no time at {}", term.written())))?;
    let rfc3339 = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc));
    let read = match mapping.time_format {
        TimeFormat::Rfc3339 => value.as_str().map_or(Ok(None), |text| Phenomenon::read(text, rfc3339)),
        TimeFormat::EpochS => Ok(number(&value).and_then(|s| from_millis(s * 1000.0)).map(Phenomenon::instant)),
        TimeFormat::EpochMs => Ok(number(&value).and_then(from_millis).map(Phenomenon::instant)),
    };
    let format = match mapping.time_format {
        TimeFormat::Rfc3339 => "a time like 2026-01-01T00:00:00Z",
        TimeFormat::EpochS => "seconds since 1970",
        TimeFormat::EpochMs => "milliseconds since 1970",
    };
    let read = read.and_then(|read| read.ok_or_else(|| format!("is not {format}")));
    read.map_err(|why| out_of_range(format!("{id}: time {} {why}", short(&value.to_string()))))
}

fn from_millis(ms: f64) -> Option<DateTime<Utc>> {
    // A cast would make any number one that fits.
    (ms.abs() < 1e15).then(|| DateTime::from_timestamp_millis(ms.round() as i64)).flatten()
}

/// Longitude, latitude (degrees) and height above ground (metres).
fn place(mapping: &Mapping, id: &str, r: Record) -> Result<[f64; 3], Unusable> {
    let field = |term: &Option<Term>| term.as_ref().and_then(|t| r.number(t));
    let height_m = field(&mapping.height_m);
    let known = || mapping.places.get(id).map(|p| [p[0], p[1], height_m.or(p.get(2).copied()).unwrap_or(0.0)]);
    // Fields that the mapping names are there because the geometry is not the place: in metres, or of something else.
    let named = mapping.lon.is_some() || mapping.lat.is_some();
    let at = match (field(&mapping.lon), field(&mapping.lat), r.geometry.filter(|g| !named && !g.is_null())) {
        (Some(lon), Some(lat), _) => Some([lon, lat, height_m.unwrap_or(0.0)]),
        (_, _, Some(geometry)) => {
            let (lon, lat) = middle(geometry).map_err(|why| out_of_range(format!("{id}: {why}")))?;
            Some([lon, lat, height_m.unwrap_or(0.0)])
        }
        _ => known(),
    };
    let at = at.ok_or_else(|| {
        Unusable::Quarantined(Doubt::Unknown, format!("{id}: no place; give lon and lat in the mapping, or its place under places"))
    })?;
    match at {
        [lon, lat, _] if lon.abs() > 180.0 || lat.abs() > 90.0 => Err(out_of_range(format!("{id}: {lon}, {lat} is no place on Earth"))),
        [0.0, 0.0, _] => Err(Unusable::Quarantined(Doubt::Place, format!("{id}: is at 0, 0, where a receiver without a fix says it is"))),
        at => Ok(at),
    }
}

fn reading(
    mapping: &Mapping,
    fields: &ObservationFields,
    id: &str,
    r: Record,
    [lon, lat, height_m]: [f64; 3],
    Phenomenon { start: phenomenon_start, end: phenomenon_time }: Phenomenon,
    value: &Value,
) -> Result<Said, Unusable> {
    let property = r.text(&fields.observed_property).map(|p| snake_case(&p)).filter(|p| !p.is_empty());
    let observed_property =
        property.ok_or_else(|| incomplete(format!("{id}: no observed property at {}", fields.observed_property.written())))?;
    let stream = format!("{}/{id}/{observed_property}", r.feed);
    let value = number(value).ok_or_else(|| out_of_range(format!("{stream}: {} is no finite number", short(&value.to_string()))))?;
    let quality = quality(mapping, fields.quality.as_ref().or(mapping.quality.as_ref()), r);
    let sensor = mapping.sensor.as_ref().and_then(|t| r.text(t)).unwrap_or_else(|| id.to_owned());
    let unit = fields.unit.as_ref().and_then(|t| r.text(t)).unwrap_or_default();
    let observation = Observation { datastream: stream.clone(), phenomenon_time, phenomenon_start, value, quality };
    Ok(Said::Reading {
        datastream: Datastream { id: stream, feed: r.feed.to_owned(), sensor, observed_property, unit, lon, lat, height_m },
        observation,
    })
}

/// Anything a source says of a reading other than that it is good makes it suspect.
fn quality(mapping: &Mapping, term: Option<&Term>, r: Record) -> Quality {
    let Some(flag) = term.and_then(|t| r.value(t)) else { return Quality::Good };
    let Some(flag) = plain(&flag) else { return Quality::Good };
    let flag = explained(&mapping.words, &flag).trim().to_lowercase();
    if ["good", "ok", "valid", "passed", "true", ""].contains(&flag.as_str()) { Quality::Good } else { Quality::Suspect }
}

fn unit(
    mapping: &Mapping,
    fields: &UnitFields,
    id: &str,
    r: Record,
    [lon, lat, _]: [f64; 3],
    seen_at: DateTime<Utc>,
) -> Result<Unit, Unusable> {
    let text = |term: &Option<Term>| term.as_ref().and_then(|t| r.text(t));
    let state = fields.state.as_ref().map(|term| word(mapping, term, "state", id, r)).transpose()?;
    let heading_deg = fields.heading_deg.as_ref().and_then(|t| r.number(t)).unwrap_or(0.0);
    Ok(Unit {
        id: format!("{}/{id}", r.feed),
        call_sign: text(&fields.call_sign).unwrap_or_else(|| id.to_owned()),
        domain: word(mapping, &fields.domain, "domain", id, r)?,
        kind: text(&fields.kind).unwrap_or_default(),
        state: state.unwrap_or(UnitState::Available),
        lon,
        lat,
        heading_deg: heading_deg.rem_euclid(360.0),
        seen_at,
        stale_at: None,
        details: None,
    })
}

fn incident(
    mapping: &Mapping,
    fields: &IncidentFields,
    id: &str,
    r: Record,
    [lon, lat, _]: [f64; 3],
    reported_at: DateTime<Utc>,
) -> Result<Report, Unusable> {
    let text = |term: &Option<Term>| term.as_ref().and_then(|t| r.text(t));
    Ok(Report {
        id: format!("{}/{id}", r.feed),
        domain: word(mapping, &fields.domain, "domain", id, r)?,
        category: r.text(&fields.category).map(|c| explained(&mapping.words, &c).into_owned()).unwrap_or_default(),
        severity: word(mapping, &fields.severity, "severity", id, r)?,
        title: r.text(&fields.title).ok_or_else(|| incomplete(format!("{id}: no title at {}", fields.title.written())))?,
        title_en: text(&fields.title_en).unwrap_or_default(),
        description: text(&fields.description).unwrap_or_default(),
        lon,
        lat,
        area: text(&fields.area),
        reported_at: Some(reported_at),
    })
}

/// Whether a record says that its incident is over: one that does needs neither place nor title nor time.
fn over(mapping: &Mapping, fields: &IncidentFields, id: &str, r: Record) -> Option<Said> {
    let said = r.text(fields.state.as_ref()?)?;
    let ours: Option<IncidentState> = serde_json::from_value(Value::String(explained(&mapping.words, &said).into_owned())).ok();
    let is_over = fields.over.iter().any(|word| word == said.trim()) || ours.is_some_and(IncidentState::is_ended);
    is_over.then(|| Said::Over { incident: format!("{}/{id}", r.feed), why: format!("{} at its source", said.trim()) })
}

/// A field whose value is one of the model's words, or one that the mapping explains.
fn word<T: DeserializeOwned>(mapping: &Mapping, term: &Term, name: &str, id: &str, r: Record) -> Result<T, Unusable> {
    let said = r.text(term).ok_or_else(|| incomplete(format!("{id}: no {name} at {}", term.written())))?;
    let ours = explained(&mapping.words, &said);
    serde_json::from_value(Value::String(ours.to_string()))
        .map_err(|_| out_of_range(format!("{id}: {name} is {}; explain it in the mapping's words", short(&said))))
}

fn incomplete(why: String) -> Unusable {
    Unusable::Rejected(Reason::Incomplete, why)
}

fn out_of_range(why: String) -> Unusable {
    Unusable::Rejected(Reason::OutOfRange, why)
}

fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}
