//! One door for every format of city objects.

use super::error::{ELEVATION_FORMATS, SOURCE_FORMATS};
use super::report::BuildReport;
use super::source::CitySource;
use super::{CityError, ModelPlace};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Enough of a file to tell its format by: past a byte-order mark, blank lines and an XML comment.
const HEAD_BYTES: u64 = 4096;

/// How a source is to be read, beyond what it says itself.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Level of detail wanted: objects come at the highest level that is not above it; `None`: at their best. `"1"` allows all of 1.x, `"1.2"`
    /// those up to 1.2. An object that has only higher ones comes at its lowest, with a warning.
    pub lod: Option<String>,
    /// TOML that says which attributes of footprints hold heights, storeys and roofs.
    pub mapping: Option<PathBuf>,
    /// Only what touches this: west, south, east, north in WGS 84 degrees. Formats with an index read no more of the file than that.
    pub extent: Option<[f64; 4]>,
    /// Where a glTF model stands; `None`: as the file beside it says.
    pub place: Option<ModelPlace>,
}

/// Takes a source as it is read, part by part.
pub type Sink<'a> = dyn FnMut(CitySource) -> Result<(), CityError> + 'a;

/// Reads a file of city objects in one piece.
///
/// # Errors
/// As [`read_parts`].
pub fn read_source(path: &Path, report: &mut BuildReport) -> Result<CitySource, CityError> {
    let mut whole: Option<CitySource> = None;
    read_parts(path, &ReadOptions::default(), report, &mut |part| match &mut whole {
        Some(whole) => whole.append(part),
        None => {
            whole = Some(part);
            Ok(())
        }
    })?;
    Ok(whole.unwrap_or_else(|| CitySource::new(path, None)))
}

/// Reads a file of city objects, told by its content, then by its extension, and hands it on part by part, so that a file need not fit in
/// memory where its format allows. What is left out or doubtful goes to `report`.
///
/// # Errors
/// [`CityError`] with file, place and mend; for a format not read here, with the list of those that are. What `sink` answers ends the reading.
pub fn read_parts(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    if super::tileset::is_tileset(path) {
        return super::tileset::read(path, options, report, sink);
    }
    let mut head = Vec::new();
    File::open(path).and_then(|f| f.take(HEAD_BYTES).read_to_end(&mut head)).map_err(CityError::open(path))?;
    if head.is_empty() {
        return Err(CityError::Empty { file: path.to_owned() });
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    if super::flatgeobuf::is_flatgeobuf(&head) {
        return super::flatgeobuf::read(path, options, report, sink);
    }
    if super::flatcitybuf::is_flatcitybuf(&head) {
        return super::flatcitybuf::read(path, options, report, sink);
    }
    let named = |names: &[&str]| path.extension().is_some_and(|e| names.iter().any(|known| e.eq_ignore_ascii_case(known)));
    if text.starts_with(b"glTF") || named(&["gltf"]) {
        return super::gltf_model::read(path, options, report, sink);
    }
    if super::gltf_model::is_list(text, named(&["toml"])) {
        return super::gltf_model::read_list(path, options, report, sink);
    }
    let named_geojson = named(&["geojson", "geojsonl", "geojsons", "ndjson"]);
    if (text.starts_with(b"{") || text.starts_with(b"[") || text.starts_with(b"\x1e") || named_geojson)
        && super::footprints::is_geojson(text, named_geojson)
    {
        return super::footprints::read(path, options, report, sink);
    }
    let named_json = named(&["json", "jsonl", "cityjson"]);
    if text.starts_with(b"<") {
        return super::citygml::read(path, options, report, sink);
    }
    let found = if text.starts_with(b"{") || named_json {
        return super::cityjson::read(path, options, report, sink);
    } else if super::elevation::is_tiff(&head) {
        format!("an elevation model or picture (heights are read from {ELEVATION_FORMATS} with --terrain)")
    } else {
        "a format not known here".to_owned()
    };
    Err(CityError::Unsupported { file: path.to_owned(), found, supported: SOURCE_FORMATS })
}
