//! Why a city's file can't be read or written: what, where, and the mend.

use std::path::{Path, PathBuf};

/// What [`crate::city::read_source`] reads, as its errors list it.
pub const SOURCE_FORMATS: &str = "CityJSON 1.0, 1.1, 2.0 (.city.json, .json), CityJSONSeq (.city.jsonl, .jsonl), CityGML 1.0, 2.0 (.gml, .xml), \
     FlatCityBuf (.fcb), GeoJSON (.geojson, .geojsonl), FlatGeobuf (.fgb), glTF models (.glb, .gltf, or a list of them in .toml) and \
     3D Tiles 1.0 and 1.1 (a folder, tileset.json or .3tz)";
/// What [`crate::city::elevation::read`] reads, as its errors list it.
pub const ELEVATION_FORMATS: &str = "GeoTIFF and COG (.tif, .tiff), SRTM (.hgt), ESRI ASCII grids (.asc), \
     Terrarium and Mapbox terrain-RGB tiles (FILE.png@zoom/x/y or a folder zoom/x/y.png)";

#[derive(thiserror::Error, Debug)]
pub enum CityError {
    #[error("{file}: {source}; check the path and the rights to read it")]
    Open { file: PathBuf, source: std::io::Error },
    #[error("{file}: can't be written: {source}; check the folder, the rights and the free space")]
    Write { file: PathBuf, source: std::io::Error },
    #[error("{file}: the file is empty; copy or download it again")]
    Empty { file: PathBuf },
    /// Bigger than a bound of ours.
    #[error("{file}: {what} (at most {limit}); {mend}")]
    TooBig { file: PathBuf, what: String, limit: u64, mend: &'static str },
    /// The text breaks off or is not JSON, or not in the shape the format asks for.
    #[error("{file}: line {line}, column {column}: {why}; {mend}")]
    Json { file: PathBuf, line: usize, column: usize, why: String, mend: &'static str },
    #[error("{file}: this is CityJSON {version:?}, read are 1.0, 1.1 and 2.0; bring it up with `cjio FILE upgrade save NEW.city.json`")]
    Version { file: PathBuf, version: String },
    /// The file does not say where on Earth it is.
    #[error("{file}: no coordinate system given; add --crs EPSG:<code> (for a Dutch file often 7415, for PLATEAU 6697)")]
    NoCrs { file: PathBuf },
    #[error("{file}: {found}, which is not read here; read are {supported}")]
    Unsupported { file: PathBuf, found: String, supported: &'static str },
    /// Whoever took its parts has had enough, and says why itself.
    #[error("{file}: reading stopped")]
    Stopped { file: PathBuf },
    /// A file of a known format that can't be used as it is; `why` ends with the mend.
    #[error("{file}: {why}")]
    Unusable { file: PathBuf, why: String },
}

impl CityError {
    pub(crate) fn open(file: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Open { file: file.to_owned(), source }
    }

    pub(crate) fn unusable(file: &Path, why: impl Into<String>) -> Self {
        Self::Unusable { file: file.to_owned(), why: why.into() }
    }
}
