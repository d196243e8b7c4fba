//! ClickHouse's RowBinary: values one after the other, little-endian, texts with their length in LEB128 before them.

use crate::history::{IncidentEvent, Sample, Series};
use crate::model::observation::{Datastream, Quality, SpanStart};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A row being written.
#[derive(Default)]
pub(super) struct Out(pub Vec<u8>);

impl Out {
    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn f64(&mut self, value: f64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// A `Date` of a time: days since the Unix epoch, which end in 2149.
    pub(super) fn day(&mut self, time_us: i64) -> &mut Self {
        let day = u16::try_from(time_us.div_euclid(super::DAY_US).max(0)).unwrap_or(u16::MAX);
        self.0.extend(day.to_le_bytes());
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let mut length = text.len();
        while length >= 0x80 {
            self.0.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        self.0.push(length as u8);
        self.0.extend(text.as_bytes());
        self
    }
}

/// Rows being read; every answer is nothing when they end too early.
pub(super) struct In<'a>(pub &'a [u8]);

impl<'a> In<'a> {
    fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.u64().map(|v| v as i64)
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        self.u64().map(f64::from_bits)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let mut length = 0_usize;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return String::from_utf8(self.bytes(length)?.to_vec()).ok();
            }
        }
        None
    }

    /// All rows, each read by `row`; nothing when the last is not whole.
    pub(super) fn all<T>(mut self, mut row: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut rows = Vec::new();
        while !self.0.is_empty() {
            rows.push(row(&mut self)?);
        }
        Some(rows)
    }
}

/// The word a value has in JSON: `urban_management`.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn from_word<T: DeserializeOwned>(word: String) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

/// Columns of an event, in the order of [`put_event`] and [`event`].
pub(super) const EVENT_COLUMNS: &str = "incident, version, happened, received, domain, category, severity, state, lon, lat, area";

pub(super) fn put_event(out: &mut Out, event: &IncidentEvent) {
    let (happened, received) = (event.happened_at.timestamp_micros(), event.received_at.timestamp_micros());
    out.text(&event.incident).u64(event.version).i64(happened).i64(received);
    out.text(&word(&event.domain)).text(&event.category).text(&word(&event.severity)).text(&word(&event.state));
    out.f64(event.lon).f64(event.lat).text(event.area.as_deref().unwrap_or_default());
}

pub(super) fn event(row: &mut In) -> Option<IncidentEvent> {
    use crate::history::answer::from_us;
    let (incident, version) = (row.text()?, row.u64()?);
    let (happened_at, received_at) = (from_us(row.i64()?), from_us(row.i64()?));
    let (domain, category, severity, state) = (from_word(row.text()?)?, row.text()?, from_word(row.text()?)?, from_word(row.text()?)?);
    let (lon, lat, area) = (row.f64()?, row.f64()?, Some(row.text()?).filter(|a| !a.is_empty()));
    Some(IncidentEvent { incident, version, happened_at, received_at, domain, category, severity, state, lon, lat, area })
}

/// Columns of a datastream, in the order of [`put_datastream`] and [`datastream`].
pub(super) const DATASTREAM_COLUMNS: &str = "id, feed, sensor, observed_property, unit, lon, lat, height_m";

pub(super) fn put_datastream(out: &mut Out, d: &Datastream) {
    out.text(&d.id).text(&d.feed).text(&d.sensor).text(&d.observed_property).text(&d.unit).f64(d.lon).f64(d.lat).f64(d.height_m);
}

pub(super) fn datastream(row: &mut In) -> Option<Datastream> {
    let [id, feed, sensor, observed_property, unit] = [row.text()?, row.text()?, row.text()?, row.text()?, row.text()?];
    let (lon, lat, height_m) = (row.f64()?, row.f64()?, row.f64()?);
    Some(Datastream { id, feed, sensor, observed_property, unit, lon, lat, height_m })
}

/// A row of `key, time, received, value, suspect, start`, with the number that `series` gives for the key.
pub(super) fn sample(row: &mut In, series: impl Fn(u64) -> Option<Series>) -> Option<Option<Sample>> {
    let (key, time_us, received_us, value) = (row.u64()?, row.i64()?, row.i64()?, row.f64()?);
    let quality = if row.u8()? == 0 { Quality::Good } else { Quality::Suspect };
    let start = Some(row.i64()?).filter(|start| *start != time_us).map(SpanStart::from_micros);
    Some(series(key).map(|series| Sample { series, time_us, start, received_us, value, quality }))
}

#[cfg(test)]
mod tests {
    use super::super::super::conformance;
    use super::*;
    use crate::model::incident::IncidentState;

    #[test]
    fn what_is_written_is_read_and_half_a_row_is_none() {
        let events = [conformance::event("i", 1, 1, 2, IncidentState::Reported), conformance::event("件", 2, 3, 4, IncidentState::EnRoute)];
        let mut out = Out::default();
        events.iter().for_each(|e| put_event(&mut out, e));
        assert_eq!(In(&out.0).all(event).unwrap(), events);
        assert_eq!(In(&out.0[..out.0.len() - 1]).all(event), None);
        let long = conformance::datastream(&"x".repeat(300), "pm2_5", 118.0, 34.0);
        let mut out = Out::default();
        put_datastream(&mut out, &long);
        assert_eq!(In(&out.0).all(datastream).unwrap(), [long]);
    }
}
