//! Features of any vector format into city objects: buildings get bodies, streets and water get surfaces.

use super::feature::{Path, Shape, Tags, VectorFeature};
use super::layer::{self, Layer};
use super::mapping::Mapping;
use super::measures::Measures;
use super::outline::{self, Mended, Outline};
use super::parts;
use super::plane::{Plane, Unit};
use super::quantity::{length_m, number};
use super::roof::{self, RoofShape};
use super::solid::Solid;
use crate::city::meaning::{self, Rule};
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource, Surface};
use crate::city::{CityError, ReadOptions};
use crate::geo::{Crs, Geodetic};
use geo::algorithm::buffer::{Buffer, BufferStyle, LineCap, LineJoin};
use geo::{Coord, LineString, MultiLineString};
use glam::{DVec2, DVec3};
use rayon::prelude::*;
use std::path::PathBuf;

/// A polygon without a tag that says building is believed to be one up to this size, square metres: the largest stands on 0.5 km2.
const BUILDING_MAX_M2: f64 = 1e6;
/// Width of a lane where a street tells only their number, metres.
const LANE_M: f64 = 3.25;
/// Widest street, metres.
const WIDTH_MAX_M: f64 = 100.0;
/// Turn of one facet in a rounded corner of a street, radians.
const ROUNDING: f64 = 0.6;

/// A reason to leave an object out, and the details.
pub(crate) type Refusal = (String, String);

/// Turns features into objects; made once a file.
pub(crate) struct Extruder {
    file: PathBuf,
    crs: Option<String>,
    mapping: Mapping,
    unit: Unit,
    /// Only what touches this, in the file's own coordinates.
    bounds: Option<[f64; 4]>,
    /// Level of detail 1 asked for: no roofs.
    flat: bool,
}

/// What came of one feature.
#[derive(Default)]
pub(super) struct Made {
    pub(super) object: Option<CityObject>,
    pub(super) vertices: Vec<DVec3>,
    pub(super) report: BuildReport,
    /// The shape of a building, for finding what is a part of what; outer rings in the file's coordinates.
    pub(super) rings: Vec<Path>,
}

impl Extruder {
    /// `crs` is what the file says; `at` some point of it, to know its unit by.
    ///
    /// # Errors
    /// When the mapping or the coordinate system can't be used.
    pub(crate) fn new(file: PathBuf, crs: Option<String>, at: DVec2, options: &ReadOptions) -> Result<Self, CityError> {
        let mapping = Mapping::read(options.mapping.as_deref())?;
        let unit = match &crs {
            Some(crs) => Unit::of(&file, crs, at)?,
            None => Unit::Metres(DVec2::ONE),
        };
        let bounds =
            options.extent.map(|extent| bounds_in(crs.as_deref(), extent)).transpose().map_err(|e| CityError::unusable(&file, e))?;
        let flat = options.lod.as_deref().is_some_and(|lod| lod.starts_with(['0', '1']));
        Ok(Self { file, crs, mapping, unit, bounds, flat })
    }

    /// The extent asked for in the file's own coordinates: west, south, east, north.
    pub(crate) fn bounds(&self) -> Option<[f64; 4]> {
        self.bounds
    }

    /// Reads items side by side on all cores and puts what they become into one source, in their order.
    pub(crate) fn part<T: Sync>(
        &self,
        items: &[T],
        read: impl Fn(&T) -> Result<(usize, VectorFeature), Refusal> + Sync,
        report: &mut BuildReport,
    ) -> CitySource {
        let mut made: Vec<Made> = items
            .par_iter()
            .map(|item| match read(item) {
                Ok((number, feature)) => self.feature(number, feature),
                Err((reason, details)) => Made::refused(&reason, &details),
            })
            .collect();
        parts::adopt(&mut made, &self.file, report);
        let mut source = CitySource::new(self.file.clone(), self.crs.clone());
        source.above_ground = self.mapping.above_ground();
        for Made { object, vertices, report: said, .. } in made {
            report.merge(said);
            let Some(mut object) = object else { continue };
            report.objects_in += u64::from(!object.faces.is_empty());
            let base = source.vertices.len() as u32;
            object.faces.corners_mut().iter_mut().for_each(|n| *n += base);
            source.vertices.extend(vertices);
            source.objects.push(object);
        }
        source
    }

    /// One feature; `number` is its place in the file, from 1.
    fn feature(&self, number: usize, mut feature: VectorFeature) -> Made {
        let Some(middle) = feature.shape.bounds() else {
            return self.shapeless(number, &feature);
        };
        if let Some(wanted) = self.bounds
            && !touch(wanted, middle)
        {
            return Made::default();
        }
        super::feature::spread_other_tags(&mut feature.attributes);
        let id = self.id(number, &feature);
        let name = format!("{}: feature {number} ({id})", self.file.display());
        let mut report = BuildReport::default();
        let plane = Plane::at(DVec2::new(middle[0], middle[1]), self.unit);
        match self.object(&feature, &id, &name, plane, &mut report) {
            Ok(mut made) => {
                made.report = report;
                if let Some(object) = &mut made.object {
                    object.attributes = feature.attributes;
                }
                made
            }
            Err(reason) => Made::refused(&reason, &name),
        }
    }

    fn shapeless(&self, number: usize, feature: &VectorFeature) -> Made {
        let name = format!("{}: feature {number} ({})", self.file.display(), self.id(number, feature));
        if feature.shape.points > 0 {
            return Made::refused("a point has no footprint", &name);
        }
        let mut made = Made::default();
        made.report.warn("feature without geometry", &name);
        made
    }

    fn id(&self, number: usize, feature: &VectorFeature) -> String {
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(s) => Some(s.clone()),
            serde_json::Value::Number(n) => Some(n.to_string()),
            _ => None,
        };
        let given = || feature.id.clone().filter(|i| !i.is_empty());
        let named = || Tags(&feature.attributes).first(&self.mapping.id, |_, v| text(v)).ok().flatten();
        // A mapping that names the id means it; else the format's own id is first.
        let id = if self.mapping.id_named { named().or_else(given) } else { given().or_else(named) };
        id.unwrap_or_else(|| format!("{}-{number}", self.file.file_stem().unwrap_or_default().to_string_lossy()))
    }

    fn object(&self, feature: &VectorFeature, id: &str, name: &str, plane: Plane, report: &mut BuildReport) -> Result<Made, String> {
        let tags = Tags(&feature.attributes);
        let known = self.mapping.layer.or_else(|| layer::by_tags(tags));
        let mut shape = feature.shape.clone();
        if known.is_some_and(|l| !matches!(l, Layer::Road | Layer::Railway)) {
            close_lines(&mut shape);
        }
        let layer = known.unwrap_or(Layer::Building);
        if let Some(why) = layer::hidden(tags, layer) {
            return Err(format!("left out: {why}"));
        }
        let outlines =
            if shape.polygons.is_empty() { self.strips(&shape, tags, known, plane)? } else { mended(&shape, plane, name, report)? };
        if known.is_none() && outlines.iter().any(|o| o.area_m2() > BUILDING_MAX_M2) {
            return Err("polygon too large for a building and without a tag; say what it is with `layer` in a mapping".to_owned());
        }
        let class = layer.class();
        let mut object = CityObject { id: id.to_owned(), class: class.to_owned(), lod: "1".to_owned(), ..CityObject::default() };
        let mut vertices = Vec::new();
        let place = |p: DVec3| plane.to_degrees(p.truncate()).extend(p.z);
        if layer.is_building() {
            let mut measures = Measures::read(tags, &self.mapping, name, report);
            if self.flat {
                measures.roof.shape = RoofShape::Flat;
            }
            for outline in &outlines {
                let solid = body(outline, &measures, name, report).ok_or("underside not below the top")?;
                solid.put(&mut object.faces, &mut vertices, place);
            }
            if measures.roof.shape != RoofShape::Flat {
                "2".clone_into(&mut object.lod);
            }
        } else {
            let surface = match meaning::rule(class, &feature.attributes) {
                Rule::Always(surface) | Rule::Default(surface) => surface,
                Rule::BySlope => Surface::Land,
            };
            let base = tags.first(&self.mapping.base, |name, v| length_m(v, self.mapping.unit(name))).ok().flatten().unwrap_or(0.0);
            outlines.iter().for_each(|o| Solid::ground(o, base, surface).put(&mut object.faces, &mut vertices, place));
        }
        if layer == Layer::BuildingPart {
            object.parent = tags.text("building_id").map(str::to_owned);
        }
        let rings =
            if layer.is_building() { shape.polygons.into_iter().filter_map(|p| p.into_iter().next()).collect() } else { Vec::new() };
        Ok(Made { object: Some(object), vertices, rings, ..Made::default() })
    }

    /// Streets, rails and streams as wide as they are.
    fn strips(&self, shape: &Shape, tags: Tags, known: Option<Layer>, plane: Plane) -> Result<Vec<Outline>, String> {
        let layer = match known {
            Some(layer @ (Layer::Road | Layer::Railway | Layer::Water)) => layer,
            Some(_) => return Err("a line has no footprint".to_owned()),
            None => return Err("line without a tag; say what it is with `layer = \"road\"` in a mapping".to_owned()),
        };
        let told = tags.first(&self.mapping.width, |name, v| length_m(v, self.mapping.unit(name))).ok().flatten();
        let lanes = || tags.first(&self.mapping.lanes, |_, v| number(v)).ok().flatten().filter(|n| *n >= 1.0).map(|n| n * LANE_M);
        let width = told.filter(|w| *w > 0.0).or_else(lanes).unwrap_or_else(|| layer::width_m(tags, layer)).clamp(0.5, WIDTH_MAX_M);
        let line = |path: &Path| LineString(path.iter().filter(|p| p.is_finite()).map(|p| plane.to_metres(*p)).map(coord).collect());
        let lines = MultiLineString(shape.lines.iter().map(line).filter(|l: &LineString| l.0.len() > 1).collect());
        if lines.0.iter().map(|l| l.0.len()).sum::<usize>() > outline::CORNERS_MAX {
            return Err("more points than a street can have".to_owned());
        }
        let style = BufferStyle::new(width / 2.0).line_cap(LineCap::Round(ROUNDING)).line_join(LineJoin::Round(ROUNDING));
        let outlines = outline::outlines(lines.buffer_with_style(style));
        if outlines.is_empty() { Err("line without length".to_owned()) } else { Ok(outlines) }
    }
}

impl Made {
    fn refused(reason: &str, example: &str) -> Self {
        let mut made = Self::default();
        made.report.objects_in += 1;
        made.report.reject(reason, example);
        made
    }
}

fn coord(p: DVec2) -> Coord {
    Coord { x: p.x, y: p.y }
}

/// A closed line that is tagged as an area is one: some exports know only lines.
fn close_lines(shape: &mut Shape) {
    let closed = |l: &Path| l.len() > 3 && l.first() == l.last();
    if shape.polygons.is_empty() && !shape.lines.is_empty() && shape.lines.iter().all(closed) {
        shape.polygons = std::mem::take(&mut shape.lines).into_iter().map(|l| vec![l]).collect();
    }
}

/// The outlines of all polygons; what can't be mended is told, and only when nothing is left an error.
fn mended(shape: &Shape, plane: Plane, name: &str, report: &mut BuildReport) -> Result<Vec<Outline>, String> {
    let mut found = Vec::new();
    let mut refused = None;
    for polygon in &shape.polygons {
        let rings: Vec<Path> = polygon.iter().map(|r| r.iter().map(|p| plane.to_metres(*p)).collect()).collect();
        match outline::mend(&rings) {
            Ok(Mended { mut outlines, notes }) => {
                notes.iter().for_each(|note| report.warn(note, name));
                found.append(&mut outlines);
            }
            Err(why) => {
                if shape.polygons.len() > 1 {
                    report.warn(&format!("polygon left out: {why}"), name);
                }
                refused = Some(why);
            }
        }
    }
    if found.is_empty() { Err(refused.unwrap_or("footprint without area").to_owned()) } else { Ok(found) }
}

/// The body over one outline.
fn body(outline: &Outline, measures: &Measures, name: &str, report: &mut BuildReport) -> Option<Solid> {
    let (mut top, note) = roof::top(outline, &measures.roof);
    if let Some(note) = note {
        report.warn(note, name);
    }
    let mut heights = measures.heights(&top)?;
    if heights.roof <= 0.01 && top.faces.len() > 1 {
        // No height for a slope: its faces would lie flat on one another's edges.
        top = roof::flat(outline);
        heights.roof = 0.0;
    }
    Some(Solid::under(outline, top, heights))
}

/// The bounds in a file's coordinates of an extent in degrees; both west, south, east, north.
///
/// # Errors
/// In words, when the file's system is unknown or the extent has no place in it.
pub(crate) fn bounds_in(crs: Option<&str>, [west, south, east, north]: [f64; 4]) -> Result<[f64; 4], String> {
    let Some(crs) = crs else {
        return Err("no coordinate system given, so no extent can be cut from it; add --crs EPSG:<code>".to_owned());
    };
    if crs == super::CRS84 {
        return Ok([west, south, east, north]);
    }
    let system = Crs::new(crs).map_err(|e| e.to_string())?;
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    // Straight edges in degrees bend in a projection: points between the corners, too.
    for i in 0..=8 {
        for j in 0..=8 {
            let lon = west + (east - west) * f64::from(i) / 8.0;
            let lat = south + (north - south) * f64::from(j) / 8.0;
            let (x, y) = system.from_geodetic(Geodetic::from_degrees(lon, lat, 0.0)).map_err(|e| e.to_string())?;
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
    }
    Ok(bounds)
}

/// Whether two boxes (west, south, east, north) touch.
pub(crate) fn touch(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}
