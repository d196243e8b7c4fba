//! Colours and pictures by the ids of what wears them: CityGML 2.0, chapter 9.
//!
//! A file may say the same in several themes (photographs, infrared); one is shown: that of the first picture, and of the first colour.

use super::namespaces::Ns;
use super::numbers;
use super::tree::Element;
use crate::city::part::name_hash;
use crate::city::report::BuildReport;
use crate::city::source::{Texture, TextureImage};
use std::collections::HashMap;
use std::path::Path;

/// Most rings with a picture, and surfaces with a colour, that are kept of one file: 24 bytes each. A file of 2 GB in which every wall has a
/// picture has about as many.
const TARGETS_MAX: usize = 4 << 20;
/// Most texture coordinates that are kept of one file, 8 bytes each.
const UVS_MAX: usize = 24 << 20;

/// X3D's default, which CityGML takes over: a light grey.
const DIFFUSE_DEFAULT: [f64; 3] = [0.8; 3];

/// The picture of a ring.
#[derive(Clone, Copy)]
struct Pictured {
    texture: u32,
    first: u32,
    count: u32,
}

/// What the surfaces of a file, or of one member, wear.
#[derive(Default)]
pub(super) struct Appearance {
    /// By the hash of the ring's id.
    rings: HashMap<u64, Pictured>,
    /// By the hash of the id of a surface, or of what holds surfaces.
    colours: HashMap<u64, [u8; 4]>,
    /// v down from the upper edge, as glTF counts it.
    uvs: Vec<[f32; 2]>,
    textures: Vec<Texture>,
    known_textures: HashMap<Texture, u32>,
    picture_theme: Option<String>,
    colour_theme: Option<String>,
}

impl Appearance {
    pub(super) fn has_colours(&self) -> bool {
        !self.colours.is_empty()
    }

    pub(super) fn has_pictures(&self) -> bool {
        !self.rings.is_empty()
    }

    pub(super) fn colour(&self, id: &str) -> Option<[u8; 4]> {
        self.colours.get(&name_hash(id)).copied()
    }

    /// The picture of a ring and the texture coordinates of its points, the closing one among them.
    pub(super) fn picture(&self, ring: &str) -> Option<(&Texture, &[[f32; 2]])> {
        let pictured = self.rings.get(&name_hash(ring))?;
        let first = pictured.first as usize;
        Some((self.textures.get(pictured.texture as usize)?, self.uvs.get(first..first + pictured.count as usize)?))
    }

    /// Adds an `app:Appearance`. `place` is what warnings begin with.
    pub(super) fn add(&mut self, appearance: Element, file: &Path, place: &dyn Fn(Element) -> String, report: &mut BuildReport) {
        let theme = appearance.child("theme").map_or("", |theme| theme.text());
        for data in appearance.children().filter(|c| c.name() == "surfaceDataMember").flat_map(|member| member.children()) {
            if data.child("isFront").is_some_and(|front| matches!(front.text(), "false" | "0")) {
                // Nobody sees the inner side of a wall.
                continue;
            }
            let chosen = match data.name() {
                "ParameterizedTexture" => &mut self.picture_theme,
                "X3DMaterial" => &mut self.colour_theme,
                other => {
                    report.warn(&format!("{other} left out"), &format!("{}: it is not read", place(data)));
                    continue;
                }
            };
            if chosen.get_or_insert_with(|| theme.to_owned()) != theme {
                report.warn("appearance of another theme left out", &format!("{}: theme {theme:?}", place(data)));
                continue;
            }
            let added = if data.name() == "X3DMaterial" { self.material(data) } else { self.parameterized(data, file, place, report) };
            if let Err(why) = added {
                report.warn("appearance left out", &format!("{}: {why}", place(data)));
            }
        }
    }

    fn material(&mut self, data: Element) -> Result<(), String> {
        let numbers = |name: &str| -> Result<Option<Vec<f64>>, String> {
            let Some(text) = data.child(name).map(|e| e.text()) else { return Ok(None) };
            let mut all = Vec::new();
            numbers::list(text, b' ', &mut all).map_err(|bad| format!("{name} has {bad:?}, which is no number"))?;
            Ok(Some(all))
        };
        let (diffuse, transparency) = (numbers("diffuseColor")?, numbers("transparency")?);
        if diffuse.is_none() && transparency.is_none() {
            return Ok(());
        }
        let byte = |share: f64| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
        let diffuse = diffuse.and_then(|d| <[f64; 3]>::try_from(d).ok()).unwrap_or(DIFFUSE_DEFAULT);
        let [r, g, b] = diffuse.map(byte);
        let colour = [r, g, b, byte(1.0 - transparency.and_then(|t| t.first().copied()).unwrap_or(0.0))];
        for target in data.children().filter(|c| c.name() == "target") {
            let id = target.attribute("uri").unwrap_or(target.text());
            self.room()?;
            self.colours.entry(name_hash(id.trim_start_matches('#'))).or_insert(colour);
        }
        Ok(())
    }

    /// # Errors
    /// When the table is full.
    fn room(&self) -> Result<(), String> {
        if self.rings.len() + self.colours.len() >= TARGETS_MAX || self.uvs.len() >= UVS_MAX {
            return Err(format!("more than {TARGETS_MAX} targets or {UVS_MAX} texture coordinates in one file; split it"));
        }
        Ok(())
    }

    fn parameterized(
        &mut self,
        data: Element,
        file: &Path,
        place: &dyn Fn(Element) -> String,
        report: &mut BuildReport,
    ) -> Result<(), String> {
        let texture = self.texture(data, file)?;
        for target in data.children().filter(|c| c.name() == "target") {
            for list in target.children() {
                if list.name() != "TexCoordList" {
                    report.warn(&format!("{} left out", list.name()), &format!("{}: it is not read", place(list)));
                    continue;
                }
                for coordinates in list.children().filter(|c| c.name() == "textureCoordinates") {
                    self.room()?;
                    if let Err(why) = self.ring(coordinates, texture) {
                        report.warn("texture coordinates left out", &format!("{}: {why}", place(coordinates)));
                    }
                }
            }
        }
        Ok(())
    }

    fn ring(&mut self, coordinates: Element, texture: u32) -> Result<(), String> {
        let ring = coordinates.attribute("ring").ok_or("they name no ring")?;
        let mut all = Vec::new();
        numbers::list(coordinates.text(), b' ', &mut all).map_err(|bad| format!("{bad:?} is no number"))?;
        if all.len() % 2 != 0 {
            return Err("their number is odd".to_owned());
        }
        let pictured = Pictured { texture, first: self.uvs.len() as u32, count: (all.len() / 2) as u32 };
        // CityGML counts t up from the lower edge.
        self.uvs.extend(all.as_chunks::<2>().0.iter().map(|[u, t]| [*u as f32, (1.0 - t) as f32]));
        self.rings.entry(name_hash(ring.trim_start_matches('#'))).or_insert(pictured);
        Ok(())
    }

    /// `imageURI` is a path beside the file, or an absolute one.
    fn texture(&mut self, data: Element, file: &Path) -> Result<u32, String> {
        let image = data.child("imageURI").map_or("", |uri| uri.text());
        if image.is_empty() {
            return Err("a texture without imageURI".to_owned());
        }
        if image.contains("://") {
            return Err(format!("{image:?} is on the network; download it and name the file"));
        }
        // Written on Windows, some files have its separators.
        let path = file.parent().unwrap_or(Path::new("")).join(image.replace('\\', "/"));
        let repeats = data.child("wrapMode").is_some_and(|mode| matches!(mode.text(), "wrap" | "mirror"));
        let texture = Texture { image: TextureImage::File(path), repeats };
        if let Some(known) = self.known_textures.get(&texture) {
            return Ok(*known);
        }
        let number = self.textures.len() as u32;
        self.textures.push(texture.clone());
        self.known_textures.insert(texture, number);
        Ok(number)
    }
}

/// Whether an element is an appearance.
pub(super) fn is_appearance(element: Element) -> bool {
    element.is(Ns::Appearance, "Appearance")
}
