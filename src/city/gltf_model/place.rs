//! Where models stand: one place for one file, or a list of many.
//!
//! `NAME.place.toml` beside `NAME.glb`:
//! ```toml
//! lon = 118.2755          # degrees, WGS 84
//! lat = 33.9632
//! height = 23.5           # of the model's origin, metres above the ellipsoid; without it the model stands on the ground
//! heading = 30            # degrees clockwise; at 0 the model's -Z looks north and its X east, as a plan drawn north up
//! scale = 1.0
//! class = "Building"      # CityGML class
//! id = "tower-1"
//! [attributes]
//! name = "电视塔"
//! ```
//! A list (`models.toml`) has the same under `[[model]]`, each with `file = "tower.glb"`, a path from the list's folder.

use crate::city::CityError;
use crate::geo::{Geodetic, LocalFrame};
use glam::{DMat3, DMat4, DVec3};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// A list of a million models is 100 MB of text.
const LIST_BYTES_MAX: u64 = 256 << 20;

/// Where a model stands and which way it looks.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPlace {
    /// WGS 84.
    #[serde(rename = "lon")]
    pub lon_deg: f64,
    #[serde(rename = "lat")]
    pub lat_deg: f64,
    /// Of the model's origin, metres above the ellipsoid; `None` on the ground.
    #[serde(rename = "height", default)]
    pub height_m: Option<f64>,
    /// Clockwise from above. At 0 the model's -Z looks north and its X east.
    #[serde(rename = "heading", default)]
    pub heading_deg: f64,
    /// Metres of one unit of the model; glTF says 1, some exports say 0.01.
    #[serde(default = "one")]
    pub scale: f64,
}

fn one() -> f64 {
    1.0
}

impl ModelPlace {
    /// The local frame at the place, and the way from the model (y up) to metres east, north and up of it.
    pub(super) fn frame(&self) -> (LocalFrame, DMat4) {
        let origin = Geodetic::from_degrees(self.lon_deg, self.lat_deg, self.height_m.unwrap_or(0.0));
        let z_up = DMat3::from_cols(DVec3::X, DVec3::Z, DVec3::NEG_Y);
        let turn = DMat3::from_rotation_z(-self.heading_deg.to_radians());
        (LocalFrame::new(origin), DMat4::from_mat3(turn * z_up * self.scale))
    }

    /// ECEF from a frame of its own with z up, as local tilesets have it: at heading 0 its x looks east. `ground_m` is the height where none is
    /// given.
    pub(crate) fn ecef_from_z_up(&self, ground_m: f64) -> DMat4 {
        let origin = Geodetic::from_degrees(self.lon_deg, self.lat_deg, self.height_m.unwrap_or(ground_m));
        let turn = DMat3::from_rotation_z(-self.heading_deg.to_radians());
        LocalFrame::new(origin).ecef_from_enu() * DMat4::from_mat3(turn * self.scale)
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<String> {
        let all = [self.lon_deg, self.lat_deg, self.height_m.unwrap_or(0.0), self.heading_deg, self.scale];
        if all.iter().any(|v| !v.is_finite()) {
            return Some("lon, lat, height, heading and scale must be numbers".to_owned());
        }
        if self.lon_deg.abs() > 180.0 || self.lat_deg.abs() > 90.0 {
            return Some(format!("lon {} and lat {} are no place on Earth", self.lon_deg, self.lat_deg));
        }
        (self.scale <= 0.0).then(|| format!("scale {} is not above 0", self.scale))
    }
}

/// One model placed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placement {
    pub(super) file: PathBuf,
    pub(super) place: ModelPlace,
    pub(super) id: String,
    pub(super) class: String,
    pub(super) attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    file: Option<PathBuf>,
    lon: f64,
    lat: f64,
    height: Option<f64>,
    #[serde(default)]
    heading: f64,
    #[serde(default = "one")]
    scale: f64,
    id: Option<String>,
    class: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

impl Written {
    fn placement(self, file: PathBuf, id: impl FnOnce(&str) -> String) -> Result<Placement, String> {
        let place =
            ModelPlace { lon_deg: self.lon, lat_deg: self.lat, height_m: self.height, heading_deg: self.heading, scale: self.scale };
        place.fault().map_or(Ok(()), Err)?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let class = self.class.unwrap_or_else(|| "Building".to_owned());
        Ok(Placement { id: self.id.unwrap_or_else(|| id(&stem)), place, class, attributes: self.attributes, file })
    }
}

/// The place of one model: as given, else from the file beside it.
///
/// # Errors
/// When there is none, or it can't be used.
pub(super) fn of_model(model: &Path, given: Option<ModelPlace>) -> Result<Placement, CityError> {
    let wrong = |file: &Path, why: String| CityError::unusable(file, why);
    if let Some(place) = given {
        let ModelPlace { lon_deg: lon, lat_deg: lat, height_m: height, heading_deg: heading, scale } = place;
        let written = Written { file: None, lon, lat, height, heading, scale, id: None, class: None, attributes: Map::new() };
        return written.placement(model.to_owned(), str::to_owned).map_err(|why| wrong(model, why));
    }
    let beside = model.with_extension("place.toml");
    if !beside.is_file() {
        let name = beside.file_name().unwrap_or_default().to_string_lossy();
        let why = format!("a glTF model does not say where it stands; write `lon = ...` and `lat = ...` (degrees) into {name} beside it");
        return Err(wrong(model, why));
    }
    let text = std::fs::read_to_string(&beside).map_err(CityError::open(&beside))?;
    let written: Written = toml::from_str(&text).map_err(|e| wrong(&beside, e.to_string()))?;
    written.placement(model.to_owned(), str::to_owned).map_err(|why| wrong(&beside, why))
}

/// The places of a list, in its order; each `Err` is one entry that can't be used, and why.
///
/// # Errors
/// When the list as a whole is no TOML of models.
pub(super) fn of_list(list: &Path) -> Result<Vec<Result<Placement, String>>, CityError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        model: Vec<Written>,
    }
    let size = std::fs::metadata(list).map_err(CityError::open(list))?.len();
    if size > LIST_BYTES_MAX {
        let mend = "divide the list";
        return Err(CityError::TooBig { file: list.to_owned(), what: format!("{size} bytes"), limit: LIST_BYTES_MAX, mend });
    }
    let text = std::fs::read_to_string(list).map_err(CityError::open(list))?;
    let read: List = toml::from_str(&text).map_err(|e| CityError::unusable(list, e.to_string()))?;
    let folder = list.parent().unwrap_or(Path::new("."));
    let placed = |(i, written): (usize, Written)| {
        let number = i + 1;
        let file = written.file.clone().ok_or_else(|| format!("model {number}: no `file`"))?;
        written.placement(folder.join(file), |stem| format!("{stem}-{number}")).map_err(|why| format!("model {number}: {why}"))
    };
    Ok(read.model.into_iter().enumerate().map(placed).collect())
}
