//! Contents of a tileset as city objects: one a feature, with its attributes; of several levels of detail the finest.

use super::existing::ExistingTileset;
use super::files::{TilesetFiles, TilesetPlace};
use super::tiles::{Above, Tile};
use super::walk::{Part, Visit, walk};
use crate::city::CityError;
use crate::city::footprints::extrude::touch;
use crate::city::gltf_model::{Beside, PART_CORNERS, Shape, UNDERSIDE_M, Wrapping, read_bytes};
use crate::city::meaning;
use crate::city::read::{ReadOptions, Sink};
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource, Surface};
use crate::geo::{Ecef, LocalFrame, ecef_to_geodetic};
use crate::ogc::{NO_FEATURE, composite_parts, unwrap_b3dm};
use glam::{DMat3, DMat4, DVec2, DVec3};
use rayon::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// WGS 84 with ellipsoidal heights; longitude first, as all vertices here.
const CRS: &str = "EPSG:4979";
/// Class of features that don't say what they are, as of models.
const CLASS: &str = "Building";
/// Attributes that are ids, the first that is there.
const ID_KEYS: [&str; 5] = ["id", "gml_id", "gml:id", "gmlId", "GlobalId"];
/// Begins the word on a content that has nothing to take apart.
const NO_MESH: &str = "no mesh of glTF";
/// Contents decoded at a time.
const BATCH: usize = 16;

/// Reads a tileset as city objects and hands them on part by part. Of a tile that is replaced by finer ones, nothing is taken; contents that
/// are not meshes of glTF are counted and left out.
///
/// # Errors
/// When it is no tileset, or stands nowhere.
pub(in crate::city) fn read(path: &Path, options: &ReadOptions, report: &mut BuildReport, sink: &mut Sink) -> Result<(), CityError> {
    let at = TilesetPlace::open(path)?;
    let tileset = ExistingTileset::open(at, options.place)?;
    let placed = tileset.transform(0.0).unwrap_or(DMat4::IDENTITY);
    let above_ground = tileset.place().is_some_and(|p| p.height_m.is_none());
    let files = tileset.files();
    let mut leaves = Leaves { path, report, found: Vec::new() };
    walk(files, tileset.root(), &mut leaves);
    let found = leaves.found;
    let empty = || CitySource { above_ground, ..CitySource::new(path, Some(CRS.to_owned())) };
    let (mut part, mut corners) = (empty(), 0);
    for batch in found.chunks(BATCH) {
        let read: Vec<Read> = batch.par_iter().map(|content| content.read(files, path, &placed, options.extent)).collect();
        for one in read {
            report.objects_in += one.source.objects.len() as u64 + one.refused.len() as u64;
            one.refused.iter().for_each(|example| report.reject("content of a tileset can't be read", example));
            one.notes.iter().for_each(|(reason, example)| report.warn(reason, example));
            corners += one.source.objects.iter().map(|o| o.faces.corners().len()).sum::<usize>();
            part.append(one.source)?;
            if corners > PART_CORNERS {
                corners = 0;
                sink(std::mem::replace(&mut part, empty()))?;
            }
        }
    }
    if part.objects.is_empty() { Ok(()) } else { sink(part) }
}

/// A content to be taken apart.
pub(crate) struct Content {
    pub(crate) name: String,
    here: Above,
    up_axis: u8,
}

/// Gathers the contents that are drawn when everything is drawn at its finest.
struct Leaves<'a> {
    path: &'a Path,
    report: &'a mut BuildReport,
    found: Vec<Content>,
}

impl Visit for Leaves<'_> {
    fn tile(&mut self, _: &Tile) {}

    fn wants(&self, _: &Tile) -> bool {
        false
    }

    fn content(&mut self, tile: &Tile, name: &str, _: Option<Vec<u8>>) {
        if tile.is_leaf || tile.here.adds {
            self.found.push(Content::new(name, tile));
        }
    }

    fn part(&mut self, _: &str, _: &[u8], _: Part) {}

    fn missing(&mut self, name: &str, why: &str) {
        self.report.warn("a file that an existing tileset names can't be had", &format!("{}: {name}: {why}", self.path.display()));
    }

    fn remote(&mut self, address: &str) {
        self.report.warn("a content on the network is not re-tiled", &format!("{}: {address}", self.path.display()));
    }

    fn again(&self) -> bool {
        true
    }
}

/// What came of a content.
struct Read {
    source: CitySource,
    refused: Vec<String>,
    /// Reason and example.
    notes: Vec<(String, String)>,
}

impl Content {
    pub(crate) fn new(name: &str, tile: &Tile) -> Self {
        Self { name: name.to_owned(), here: tile.here, up_axis: tile.up_axis }
    }

    /// Its meshes, several of a composite; and why what is left out is.
    pub(in crate::city) fn shapes(&self, files: &dyn TilesetFiles) -> (Vec<Shape>, Vec<String>) {
        let (mut shapes, mut refused) = (Vec::new(), Vec::new());
        match files.read(&self.name) {
            Ok(bytes) => self.unwrap(&bytes, files, &mut shapes, &mut refused),
            Err(why) => refused.push(why),
        }
        (shapes, refused)
    }

    fn unwrap(&self, bytes: &[u8], files: &dyn TilesetFiles, shapes: &mut Vec<Shape>, refused: &mut Vec<String>) {
        let mut wrapping = Wrapping { by_feature: true, ..Wrapping::default() };
        let gltf = match bytes.get(..4) {
            Some(b"cmpt") => match composite_parts(bytes) {
                // A composite inside another is so rare that it is only counted.
                Ok(parts) if parts.iter().all(|p| !p.starts_with(b"cmpt")) => {
                    return parts.iter().for_each(|part| self.unwrap(part, files, shapes, refused));
                }
                Ok(_) => return refused.push(format!("{NO_MESH}: composites inside a composite")),
                Err(fault) => return refused.push(fault.to_string()),
            },
            Some(kind @ (b"i3dm" | b"pnts" | b"vctr" | b"geom")) => {
                return refused.push(format!("{NO_MESH}: {}", String::from_utf8_lossy(kind)));
            }
            Some(b"b3dm") => match unwrap_b3dm(bytes) {
                Ok(batched) => {
                    (wrapping.batches, wrapping.rtc_center) = (batched.batches, batched.rtc_center);
                    batched.glb
                }
                Err(fault) => return refused.push(fault.to_string()),
            },
            _ => bytes,
        };
        match read_bytes(gltf, Beside::Tileset(files, &self.name), wrapping) {
            Ok(shape) => shapes.push(shape),
            Err(why) => refused.push(why),
        }
    }

    fn read(&self, files: &dyn TilesetFiles, path: &Path, placed: &DMat4, extent: Option<[f64; 4]>) -> Read {
        let mut read = Read { source: CitySource::new(path, Some(CRS.to_owned())), refused: Vec::new(), notes: Vec::new() };
        let place = format!("{}: {}", path.display(), self.name);
        let (shapes, refused) = self.shapes(files);
        for why in refused {
            match why.strip_prefix(NO_MESH) {
                Some(kind) => read.notes.push((format!("a content is not re-tiled, it is no mesh of glTF{kind}"), place.clone())),
                None => read.refused.push(format!("{place}: {why}")),
            }
        }
        for shape in shapes {
            for note in &shape.notes {
                let (reason, rest) = note.split_once(": ").unwrap_or((note, ""));
                read.notes.push((format!("content: {reason}"), format!("{place}: {rest}").trim_end_matches(": ").to_owned()));
            }
            let source = self.objects(&shape, placed, extent, path);
            // Fewer vertices than 32 bits can number: a content is far smaller.
            if let Err(e) = read.source.append(source) {
                read.refused.push(e.to_string());
            }
        }
        read
    }

    fn objects(&self, shape: &Shape, placed: &DMat4, extent: Option<[f64; 4]>, file: &Path) -> CitySource {
        let mut source = CitySource::new(file, Some(CRS.to_owned()));
        // glTF has y up; the tile's frame has z up.
        let up = match self.up_axis {
            b'z' => DMat3::IDENTITY,
            b'x' => DMat3::from_cols(DVec3::Z, DVec3::Y, DVec3::NEG_X),
            _ => DMat3::from_cols(DVec3::X, DVec3::Z, DVec3::NEG_Y),
        };
        let to_ecef = *placed * self.here.transform * DMat4::from_mat3(up);
        let ecef: Vec<DVec3> = shape.points.iter().map(|p| to_ecef.transform_point3(*p)).collect();
        let Some(first) = ecef.first().copied().filter(|p| p.is_finite()) else { return source };
        let frame = LocalFrame::new(ecef_to_geodetic(Ecef(first)));
        let enu: Vec<DVec3> = ecef.iter().map(|p| frame.to_enu(Ecef(*p))).collect();
        let places = ecef.iter().map(|p| ecef_to_geodetic(Ecef(*p))).map(|g| DVec3::new(g.lon_deg(), g.lat_deg(), g.height_m));
        source.vertices = places.collect();
        let mut features: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        shape.triangles.iter().enumerate().for_each(|(i, t)| features.entry(t.feature).or_default().push(i));
        for (feature, triangles) in features {
            let object = self.object(shape, feature, &triangles, &enu);
            if extent.is_none_or(|wanted| bounds(&object, &source.vertices).is_some_and(|b| touch(wanted, b))) {
                source.objects.push(object);
            }
        }
        source.paints.clone_from(&shape.paints);
        source
    }

    fn object(&self, shape: &Shape, feature: u32, triangles: &[usize], enu: &[DVec3]) -> CityObject {
        let mut attributes = shape.features.attributes(feature);
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        let unnamed = || if feature == NO_FEATURE { stem.to_owned() } else { format!("{stem}#{feature}") };
        let mut object = CityObject { id: unnamed(), class: CLASS.to_owned(), ..CityObject::default() };
        name(&mut object, &mut attributes);
        let rule = meaning::rule(&object.class, &attributes);
        let corners = || triangles.iter().flat_map(|t| shape.triangles[*t].corners);
        let low = corners().map(|c| enu[c as usize].z).fold(f64::INFINITY, f64::min);
        for triangle in triangles.iter().map(|t| &shape.triangles[*t]) {
            let lies_low = || triangle.corners.iter().all(|c| enu[*c as usize].z < low + UNDERSIDE_M);
            let told = triangle.surface.and_then(surface);
            let surface =
                told.unwrap_or_else(|| match meaning::surface(rule, None, || meaning::normal(&triangle.corners, enu, DVec2::ONE)) {
                    // Seen from the street: eaves, balconies, bridges between towers.
                    Surface::Ground if !lies_low() => Surface::Wall,
                    surface => surface,
                });
            for (i, corner) in triangle.corners.iter().enumerate() {
                match triangle.uvs {
                    Some(uvs) => object.faces.textured_corner(*corner, uvs[i]),
                    None => object.faces.corner(*corner),
                }
            }
            object.faces.end_ring();
            object.faces.end_face(surface, triangle.paint);
        }
        object.attributes = attributes;
        object
    }
}

/// Takes id, class, parent and level of detail out of attributes that our own packages have them in; of others the id alone.
fn name(object: &mut CityObject, attributes: &mut Map<String, Value>) {
    let text = |attributes: &Map<String, Value>, key: &str| match attributes.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let own = ["id", "class", "lod"].iter().all(|key| attributes.contains_key(*key));
    if own {
        let mut take = |key: &str| {
            let found = text(attributes, key);
            attributes.shift_remove(key);
            found
        };
        let (id, class, lod, parent) = (take("id"), take("class"), take("lod"), take("parent"));
        object.id = id.unwrap_or_else(|| std::mem::take(&mut object.id));
        object.class = class.unwrap_or_else(|| std::mem::take(&mut object.class));
        (object.lod, object.parent) = (lod.unwrap_or_default(), parent);
    } else if let Some(id) = ID_KEYS.iter().find_map(|key| text(attributes, key)) {
        object.id = id;
    }
}

/// A face's meaning from its number in our own tiles; 0 says nothing.
fn surface(number: u8) -> Option<Surface> {
    use Surface::{Bridge, Green, Ground, Land, Road, Roof, Terrain, Wall, Water};
    [Wall, Roof, Ground, Terrain, Water, Road, Green, Land, Bridge].into_iter().find(|s| *s as u8 == number)
}

/// West, south, east, north.
fn bounds(object: &CityObject, vertices: &[DVec3]) -> Option<[f64; 4]> {
    let corners = object.faces.corners().iter().map(|c| vertices[*c as usize]);
    let (min, max) = corners.fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(min, max), p| (min.min(p), max.max(p)));
    (min.x <= max.x).then_some([min.x, min.y, max.x, max.y])
}
