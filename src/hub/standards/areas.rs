//! `areas.geojson` of the city's data folder, read again when it has changed.

use chrono::{DateTime, Utc};
use geo::{BoundingRect, Geometry};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A whole province's grid cells are under this.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// One area with its border.
pub struct Area {
    pub id: String,
    pub feature: Value,
    pub shape: Geometry,
    /// West, south, east, north, degrees.
    pub bounds: [f64; 4],
}

/// The file as it was last read.
#[derive(Default)]
pub struct Read {
    pub areas: Vec<Area>,
    pub modified: Option<DateTime<Utc>>,
}

pub struct Areas {
    file: Option<PathBuf>,
    known: Mutex<Option<(SystemTime, Arc<Read>)>>,
}

impl Areas {
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { file: folder.map(|f| f.join("areas.geojson")), known: Mutex::default() }
    }

    /// The areas; none when there is no file. Reads files: not for the runtime's own threads.
    pub fn read(&self) -> Arc<Read> {
        let Some((file, modified)) = self.file.as_ref().and_then(|f| Some((f, std::fs::metadata(f).and_then(|m| m.modified()).ok()?)))
        else {
            return Arc::default();
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, read)) = &*known
            && *at == modified
        {
            return read.clone();
        }
        let text = std::fs::metadata(file).ok().filter(|m| m.len() <= BYTES_MAX).and_then(|_| std::fs::read(file).ok());
        let read = match text.as_deref().map(serde_json::from_slice::<Value>) {
            Some(Ok(collection)) => Read { modified: Some(modified.into()), ..areas(&collection) },
            Some(Err(e)) => {
                tracing::warn!("{}: no GeoJSON, so there are no areas to serve: {e}", file.display());
                Read::default()
            }
            None => {
                tracing::warn!("{}: can't be read or is over {BYTES_MAX} bytes, so there are no areas to serve", file.display());
                Read::default()
            }
        };
        let read = Arc::new(read);
        *known = Some((modified, read.clone()));
        read
    }
}

fn areas(collection: &Value) -> Read {
    let features = collection["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    Read { areas: features.iter().filter_map(area).collect(), modified: None }
}

fn area(feature: &Value) -> Option<Area> {
    let properties = feature["properties"].as_object()?;
    let id = match properties.get("id").or_else(|| feature.get("id"))? {
        Value::String(id) => id.clone(),
        Value::Number(n) => n.to_string(),
        _ => return None,
    };
    let mut kept: Map<String, Value> = properties.clone();
    kept.insert("kind".into(), "area".into());
    placed(&json!({"type": "Feature", "id": id, "geometry": feature["geometry"], "properties": kept}))
}

/// A Feature with an id and a geometry, made ready to be looked for by place.
pub fn placed(feature: &Value) -> Option<Area> {
    let shape: Geometry = serde_json::from_value::<geojson::Geometry>(feature["geometry"].clone()).ok()?.try_into().ok()?;
    let rect = shape.bounding_rect()?;
    let bounds = [rect.min().x, rect.min().y, rect.max().x, rect.max().y];
    Some(Area { id: feature["id"].as_str()?.to_owned(), feature: feature.clone(), shape, bounds })
}
