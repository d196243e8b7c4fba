//! A glTF model, wherever it stands.

use super::metadata::MetadataSummary;
use super::objects::{AttributeSummary, Attributes};
use crate::city::CityError;
use crate::city::gltf_model::{Beside, Wrapping, chunks, read_bytes};
use crate::city::tileset::unescape;
use glam::DVec3;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// As for models that are built.
const FILE_BYTES_MAX: u64 = 2 << 30;

#[derive(Debug, Default, Serialize)]
pub struct ModelSummary {
    pub file: PathBuf,
    pub version: String,
    pub generator: Option<String>,
    pub copyright: Option<String>,
    /// `nodes`, `meshes`, `materials`, `textures`, `images`, `animations`, `skins`: those there are.
    pub counts: BTreeMap<String, u64>,
    pub extensions_used: Vec<String>,
    pub extensions_required: Vec<String>,
    pub triangles: u64,
    pub points: u64,
    /// Lowest and highest corner in the model's own frame, y up.
    pub extent: Option<([f64; 3], [f64; 3])>,
    /// Features named by `EXT_mesh_features` or `EXT_instance_features`.
    pub features: u64,
    pub attributes: BTreeMap<String, AttributeSummary>,
    /// `EXT_structural_metadata`: classes, and how many tables, attributes and textures have them.
    pub metadata: MetadataSummary,
    /// The file beside it that says where it stands, if there is one.
    pub place_file: Option<PathBuf>,
    pub warnings: Vec<String>,
}

pub(super) fn summarise(path: &Path) -> Result<ModelSummary, CityError> {
    let size = std::fs::metadata(path).map_err(CityError::open(path))?.len();
    if size > FILE_BYTES_MAX {
        let what = format!("{size} bytes");
        return Err(CityError::TooBig { file: path.to_owned(), what, limit: FILE_BYTES_MAX, mend: "divide the model" });
    }
    let bytes = std::fs::read(path).map_err(CityError::open(path))?;
    let wrong = |why: String| CityError::unusable(path, why);
    let json = if bytes.starts_with(b"glTF") { chunks(&bytes).map_err(wrong)?.0 } else { &bytes };
    let json: Value = serde_json::from_slice(json).map_err(|e| wrong(format!("the glTF's JSON is broken: {e}; write the model again")))?;
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let list = |v: &Value| v.as_array().into_iter().flatten().filter_map(text).collect();
    let counted = ["nodes", "meshes", "materials", "textures", "images", "animations", "skins"];
    let count = |key: &&str| Some(((*key).to_owned(), json[*key].as_array()?.len() as u64));
    let mut summary = ModelSummary {
        file: path.to_owned(),
        version: text(&json["asset"]["version"]).unwrap_or_default(),
        generator: text(&json["asset"]["generator"]),
        copyright: text(&json["asset"]["copyright"]),
        counts: counted.iter().filter_map(count).collect(),
        extensions_used: list(&json["extensionsUsed"]),
        extensions_required: list(&json["extensionsRequired"]),
        metadata: MetadataSummary::of_gltf(&json, |uri| schema_beside(path, uri)),
        place_file: Some(path.with_extension("place.toml")).filter(|p| p.is_file()),
        ..ModelSummary::default()
    };
    let beside = Beside::Folder(path.parent().unwrap_or(Path::new(".")));
    let shape = read_bytes(&bytes, beside, Wrapping { by_feature: true, ..Wrapping::default() }).map_err(wrong)?;
    (summary.triangles, summary.points) = (shape.triangles.len() as u64, shape.points.len() as u64);
    let empty = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    let (min, max) = shape.points.iter().fold(empty, |(min, max), p| (min.min(*p), max.max(*p)));
    summary.extent = (min.x <= max.x).then(|| (min.into(), max.into()));
    let mut attributes = Attributes::default();
    (0..shape.features.count().min(super::tileset::FEATURES_MAX)).for_each(|id| attributes.add(&shape.features.attributes(id)));
    (summary.features, summary.attributes) = (shape.features.count().into(), attributes.finish());
    summary.warnings = shape.notes;
    Ok(summary)
}

/// A schema in a file of its own, beside the model or below it.
fn schema_beside(path: &Path, uri: &str) -> Result<Value, String> {
    let name = crate::ogc::archive::inside(&unescape(uri)).ok_or("it is not below the model's folder, and is not looked at")?;
    let bytes = std::fs::read(path.parent().unwrap_or(Path::new(".")).join(name)).map_err(|e| e.to_string())?;
    serde_json::from_slice(&bytes).map_err(|e| e.to_string())
}
