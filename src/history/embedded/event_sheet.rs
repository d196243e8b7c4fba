//! Files of incident events: a day's events, sorted by time, incident and version.

use super::Shared;
use super::columns::{batch, column, time_type, times};
use super::folder::{Draft, Kind, failed};
use super::hot::Chunk;
use super::index::{Broken, Part};
use super::seal::Place;
use crate::history::answer::{from_us, to_us};
use crate::history::{HistoryError, IncidentEvent};
use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub(super) const DAY_US: i64 = 86_400_000_000;

pub(super) fn schema() -> SchemaRef {
    let field = |name: &str, kind: DataType| Field::new(name, kind, name == "area");
    let mut fields = vec![field("happened", time_type()), field("incident", DataType::Utf8), field("version", DataType::UInt64)];
    fields.push(field("received", time_type()));
    fields.extend(["domain", "category", "severity", "state", "area"].map(|n| field(n, DataType::Utf8)));
    fields.extend(["lon", "lat"].map(|n| field(n, DataType::Float64)));
    Arc::new(Schema::new(fields))
}

/// The word a value has in JSON: `urban_management`.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn rows(events: &[Arc<IncidentEvent>]) -> RecordBatch {
    let text = |f: fn(&IncidentEvent) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(events.iter().map(|e| f(e)))) };
    let float = |f: fn(&IncidentEvent) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(events.iter().map(|e| f(e)))) };
    let columns = vec![
        times(events.iter().map(|e| to_us(e.happened_at)).collect()),
        text(|e| e.incident.clone()),
        Arc::new(UInt64Array::from_iter_values(events.iter().map(|e| e.version))),
        times(events.iter().map(|e| to_us(e.received_at)).collect()),
        text(|e| word(&e.domain)),
        text(|e| e.category.clone()),
        text(|e| word(&e.severity)),
        text(|e| word(&e.state)),
        Arc::new(events.iter().map(|e| e.area.as_deref()).collect::<StringArray>()),
        float(|e| e.lon),
        float(|e| e.lat),
    ];
    batch(schema(), columns)
}

fn sort(events: &mut [Arc<IncidentEvent>]) {
    events.sort_by(|a, b| (a.happened_at, &a.incident, a.version).cmp(&(b.happened_at, &b.incident, b.version)));
}

fn write(root: &Path, place: &Place, events: &[Arc<IncidentEvent>]) -> Result<Arc<Part>, HistoryError> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut draft = Draft::new(&place.folder(root), schema(), properties)?;
    draft.write(&rows(events))?;
    place.publish(draft)
}

/// A chunk's events by day.
pub(super) fn write_chunk(root: &Path, chunk: &Chunk, written: &mut Vec<(Place, Arc<Part>)>) -> Result<(), HistoryError> {
    let mut days: BTreeMap<i64, Vec<Arc<IncidentEvent>>> = BTreeMap::new();
    for event in &chunk.events {
        days.entry(to_us(event.happened_at).div_euclid(DAY_US)).or_default().push(event.clone());
    }
    for (day, mut events) in days {
        sort(&mut events);
        let place = Place { kind: Kind::Events, hour: day, property: None, from: chunk.segment, to: chunk.segment };
        let part = write(root, &place, &events)?;
        written.push((place, part));
    }
    Ok(())
}

pub(super) fn merge(shared: &Shared, place: &Place, parts: &[Arc<Part>]) -> Result<Arc<Part>, HistoryError> {
    let mut events = Vec::new();
    for part in parts {
        events.extend(shared.sound(part, read(part))?.into_iter().map(Arc::new));
    }
    sort(&mut events);
    events.dedup();
    write(&shared.folder, place, &events)
}

/// All events of a file.
pub(super) fn read(part: &Part) -> Result<Vec<IncidentEvent>, Broken> {
    part.verify()?;
    let file = File::open(&part.path).map_err(|e| Broken::Unread(e.to_string()))?;
    let damaged = |e: &dyn std::fmt::Display| Broken::Damaged(e.to_string());
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).map_err(|e| damaged(&e))?;
    let mut events = Vec::new();
    for batch in reader {
        take(&batch.map_err(|e| damaged(&e))?, &part.path, &mut events).map_err(|e| damaged(&e))?;
    }
    Ok(events)
}

fn take(batch: &RecordBatch, file: &Path, events: &mut Vec<IncidentEvent>) -> Result<(), HistoryError> {
    let text = |name| column::<StringArray>(batch, name, file);
    let time = |name| column::<TimestampMicrosecondArray>(batch, name, file);
    let float = |name| column::<Float64Array>(batch, name, file);
    let version: &UInt64Array = column(batch, "version", file)?;
    let (happened, received, lon, lat, area) = (time("happened")?, time("received")?, float("lon")?, float("lat")?, text("area")?);
    let [incident, domain, category, severity, state] =
        [text("incident")?, text("domain")?, text("category")?, text("severity")?, text("state")?];
    for i in 0..batch.num_rows() {
        events.push(IncidentEvent {
            incident: incident.value(i).to_owned(),
            version: version.value(i),
            happened_at: from_us(happened.value(i)),
            received_at: from_us(received.value(i)),
            domain: from_word(domain.value(i), file)?,
            category: category.value(i).to_owned(),
            severity: from_word(severity.value(i), file)?,
            state: from_word(state.value(i), file)?,
            lon: lon.value(i),
            lat: lat.value(i),
            area: area.is_valid(i).then(|| area.value(i).to_owned()),
        });
    }
    Ok(())
}

fn from_word<T: DeserializeOwned>(word: &str, file: &Path) -> Result<T, HistoryError> {
    serde_json::from_value(word.into()).map_err(|e| failed(file, e))
}
