//! Colours and textures a file or a feature offers: CityJSON 2.0, section 6.

use super::scan::Scan;
use crate::city::report::BuildReport;
use crate::city::source::{Texture, TextureImage};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;

/// The palette that geometries of one file, or one feature, choose from.
#[derive(Default)]
pub(super) struct Appearance {
    /// sRGB with opacity; `None` for a material that says nothing of its colour.
    pub materials: Vec<Option<[u8; 4]>>,
    /// `None` for a picture that can't be had.
    pub textures: Vec<Option<Texture>>,
    /// Texture coordinates as glTF counts them: v down from the upper edge.
    pub uvs: Vec<[f32; 2]>,
    pub material_theme: Option<String>,
    pub texture_theme: Option<String>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default)]
    materials: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    textures: Vec<&'a RawValue>,
    #[serde(rename = "vertices-texture", borrow)]
    uvs: Option<&'a RawValue>,
    #[serde(rename = "default-theme-material")]
    material_theme: Option<String>,
    #[serde(rename = "default-theme-texture")]
    texture_theme: Option<String>,
}

#[derive(Deserialize)]
struct RawMaterial {
    #[serde(rename = "diffuseColor")]
    diffuse: Option<[f64; 3]>,
    transparency: Option<f64>,
}

#[derive(Deserialize)]
struct RawTexture {
    image: String,
    #[serde(rename = "wrapMode")]
    wrap: Option<String>,
}

/// X3D's default, which CityGML takes over: a light grey.
const DIFFUSE_DEFAULT: [f64; 3] = [0.8; 3];

impl Appearance {
    /// Broken parts are told here and are missing to every geometry that names them.
    pub(super) fn read(file: &Path, text: Option<&str>, report: &mut BuildReport) -> Self {
        let Some(text) = text else { return Self::default() };
        let raw: Raw = match serde_json::from_str(text) {
            Ok(raw) => raw,
            Err(e) => {
                report.warn("appearance not understood", &format!("{}: appearance: {e}; everything is drawn without it", file.display()));
                return Self::default();
            }
        };
        let mut warn = |what: &str, why: &str| report.warn(what, &format!("{}: appearance.{why}", file.display()));
        let materials = raw.materials.iter().enumerate().map(|(i, raw)| {
            material(raw.get()).unwrap_or_else(|e| {
                warn("material not understood", &format!("materials[{i}]: {e}; it is left out"));
                None
            })
        });
        let materials = materials.collect();
        let textures = raw.textures.iter().enumerate().map(|(i, raw)| {
            texture(file, raw.get()).map_err(|why| warn("texture not understood", &format!("textures[{i}]: {why}; it is left out"))).ok()
        });
        let textures = textures.collect();
        let uvs = raw.uvs.map_or(Some(Vec::new()), |raw| coordinates(raw.get())).unwrap_or_else(|| {
            warn("texture coordinates not understood", "vertices-texture is no list of pairs of numbers; textures are left out");
            Vec::new()
        });
        Self { materials, textures, uvs, material_theme: raw.material_theme, texture_theme: raw.texture_theme }
    }
}

fn material(text: &str) -> serde_json::Result<Option<[u8; 4]>> {
    let raw: RawMaterial = serde_json::from_str(text)?;
    if raw.diffuse.is_none() && raw.transparency.is_none() {
        return Ok(None);
    }
    let byte = |share: f64| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
    let [r, g, b] = raw.diffuse.unwrap_or(DIFFUSE_DEFAULT).map(byte);
    Ok(Some([r, g, b, byte(1.0 - raw.transparency.unwrap_or(0.0))]))
}

/// `image` is a path beside the file, or an absolute one.
fn texture(file: &Path, text: &str) -> Result<Texture, String> {
    let raw: RawTexture = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if raw.image.contains("://") {
        return Err(format!("{:?} is on the network; download it and name the file", raw.image));
    }
    // Written on Windows, some files have its separators.
    let path = file.parent().unwrap_or(Path::new("")).join(raw.image.replace('\\', "/"));
    let repeats = raw.wrap.is_some_and(|mode| matches!(mode.as_str(), "wrap" | "mirror"));
    Ok(Texture { image: TextureImage::File(path), repeats })
}

/// CityJSON counts t up from the lower edge.
fn coordinates(text: &str) -> Option<Vec<[f32; 2]>> {
    let (mut scan, mut all) = (Scan::new(text), Vec::new());
    scan.items(|scan| {
        scan.need(b'[')?;
        let u = scan.float()?;
        scan.need(b',')?;
        let t = scan.float()?;
        scan.need(b']')?;
        all.push([u as f32, (1.0 - t) as f32]);
        Some(())
    })?;
    Some(all)
}
