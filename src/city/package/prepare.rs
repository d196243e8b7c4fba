//! One part of a source to records: placed on Earth, accepted or refused, triangulated, simplified for views from afar, outlined for the map.

use super::block::Block;
use super::map;
use super::mesh::Triangulator;
use super::outline::outline;
use super::piece::{BARE, Piece, PieceFace, cuts, surface};
use super::place::{self, Groups};
use super::quadtree::code;
use super::schema::{Survey, is_value};
use super::shape::{Placed, Shape, Stamps};
use super::spool::{Batch, Coarse, Entry, Meta};
use super::surfaces;
use super::terrain::{Flatten, Level, Relief};
use super::texture::{Paints, linear_mean};
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource, Surface};
use crate::geo::{Heights, Region};
use crate::model::city::TilesetRole;
use glam::DVec3;
use rayon::prelude::*;
use std::cell::RefCell;
use std::path::Path;

/// Objects made ready by one task: some milliseconds of work, so that cores stay level.
const CHUNK: usize = 128;
/// Bytes of one vertex and the triangles around it before compression: attributes 40, indices about 6.
const VERTEX_BYTES: usize = 46;
/// Bytes of a feature's own: its row of ids and attributes, roughly.
const FEATURE_BYTES: usize = 160;

/// Bytes of a pixel of the pictures that it shows, counted as those above: a quarter of a byte in a JPEG is one before compression.
const BYTES_PER_PIXEL: f64 = 1.0;

/// Some objects, ready to be spooled.
#[derive(Default)]
pub struct Prepared {
    pub batch: Batch,
    /// Objects in `batch`.
    pub objects: u32,
    pub report: BuildReport,
    /// Attributes of buildings and of surfaces.
    pub surveys: [Survey; 2],
    /// Buildings and surfaces.
    pub counts: [u64; 2],
    /// Objects that lie outside of the extent asked for.
    pub outside: u64,
    /// Names of attributes that objects have values of, by [`Entry::keys`].
    pub keys: Vec<Vec<String>>,
    /// Lines of the phone's map.
    pub map: map::Lines,
    /// Where the terrain is made level.
    pub levels: Vec<Level>,
}

/// Index into [`Prepared::surveys`].
pub fn survey_of(role: TilesetRole) -> usize {
    usize::from(role != TilesetRole::Buildings)
}

/// Makes all objects of a part ready, side by side on all cores, in the part's order.
///
/// `crs` and `heights` are those of the vertices; faces name `paints` by number; objects whose heights are above the ground are put on `relief`.
pub fn prepare(
    part: CitySource,
    (crs, heights): (&str, &Heights),
    paints: &Paints,
    (relief, extent, flatten): (&Relief, Option<[f64; 4]>, Flatten),
) -> Vec<Prepared> {
    // The relief's heights are ellipsoidal already. Where there is none, the ground is taken to be as high as the sea.
    let heights = if part.above_ground && !relief.is_empty() { &Heights::Ellipsoidal } else { heights };
    let placed = place::place(&part.vertices, crs, heights);
    let groups = Groups::of(&part.objects);
    let mut objects: Vec<CityObject> = part.objects.into_iter().filter(|o| !o.faces.is_empty()).collect();
    let context = Context {
        file: &part.file,
        raw: &part.vertices,
        placed: &placed,
        groups: &groups,
        paints,
        relief: Some(relief).filter(|_| part.above_ground),
        extent,
        flatten: if relief.is_empty() { Flatten::default() } else { flatten },
    };
    let chunk = |chunk: &mut [CityObject]| {
        TOOLS.with(|tools| {
            let tools = &mut *tools.borrow_mut();
            tools.0.fit(part.vertices.len());
            context.chunk(chunk, tools)
        })
    };
    objects.par_chunks_mut(CHUNK).map(chunk).collect()
}

thread_local! {
    // Their buffers stay between chunks: a table of all vertices for every hundred objects would cost more than the objects.
    static TOOLS: RefCell<(Stamps, Triangulator)> = RefCell::default();
}

struct Context<'a> {
    file: &'a Path,
    raw: &'a [DVec3],
    placed: &'a Placed,
    groups: &'a Groups,
    paints: &'a Paints,
    /// What heights are above, where they are not above the ellipsoid.
    relief: Option<&'a Relief>,
    extent: Option<[f64; 4]>,
    flatten: Flatten,
}

impl Context<'_> {
    fn chunk(&self, objects: &mut [CityObject], (stamps, triangulator): &mut (Stamps, Triangulator)) -> Prepared {
        let mut prepared = Prepared::default();
        for object in objects {
            if let Err((reason, detail)) = place::check(object, self.raw, self.placed) {
                prepared.report.reject(reason, &format!("{}: object {:?}: {detail}", self.file.display(), object.id));
                continue;
            }
            self.groups.hand_down(object);
            let role = place::role(object);
            let shape = Shape::take(object, self.placed, stamps, self.relief);
            if !self.extent.is_none_or(|e| touches(e, &shape.region)) {
                prepared.outside += 1;
                continue;
            }
            prepared.add(self, object, role, &shape, triangulator);
        }
        prepared
    }
}

impl Prepared {
    /// The number of an object's set of attributes: few sets are shared by all.
    fn keys(&mut self, object: &CityObject) -> u32 {
        let own = || object.attributes.iter().filter(|(_, v)| is_value(v)).map(|(k, _)| k);
        let known = self.keys.iter().position(|set| set.iter().eq(own()));
        known.unwrap_or_else(|| {
            self.keys.push(own().cloned().collect());
            self.keys.len() - 1
        }) as u32
    }

    fn add(&mut self, context: &Context, object: &mut CityObject, role: TilesetRole, shape: &Shape, triangulator: &mut Triangulator) {
        let whole = role == TilesetRole::Buildings;
        let mut bad = Vec::new();
        let mut pieces: Vec<_> = cuts(shape, whole)
            .into_iter()
            .map(|cut| (Piece::of(shape, &cut.faces, triangulator, &mut |face| bad.push(face)), cut.middle))
            .filter(|(piece, _)| !piece.is_empty())
            .collect();
        let name = || format!("{}: object {:?}", context.file.display(), object.id);
        for face in bad {
            self.report.warn("a face without area is left out", &format!("{}, face {face}", name()));
        }
        if pieces.is_empty() {
            self.report.reject("an object has no face with an area", &name());
            return;
        }
        self.report.objects_written += 1;
        self.surveys[survey_of(role)].add(object);
        self.counts[survey_of(role)] += 1;
        let outline = if whole { outline(shape) } else { Vec::new() };
        self.map.add(object, role, shape, &outline);
        if context.flatten != Flatten::default() {
            self.levels.extend(Level::of(object, role, shape, &outline, context.flatten));
        }
        let keys = self.keys(object);
        let meta = meta(object, shape);
        pieces.iter_mut().for_each(|(piece, _)| context.paints.colour_faces(piece));
        let colours = dominant(pieces.iter().map(|p| &p.0), context.paints);
        for (piece, middle) in pieces {
            let region = if whole { shape.region } else { region(shape, &piece) };
            let mut entry = Entry::new(self.objects, role, code(middle), region);
            (entry.colours, entry.keys, entry.paints) = (colours, keys, context.paints.hash_of(&piece));
            let coarse = if whole { block(shape, &outline, &mut entry) } else { surfaces::simplified(&piece, &mut entry) };
            let sharing = !whole && piece.points.len() * 2 < piece.corners.len();
            let vertices = if sharing { piece.points.len() } else { piece.vertices() };
            // Attributes are not compressed, so they weigh twice; half of their JSON is their names.
            let bytes = vertices * VERTEX_BYTES
                + FEATURE_BYTES
                + meta.attributes.len()
                + (context.paints.pixels_shown(&piece) * BYTES_PER_PIXEL) as usize;
            entry.bytes = bytes.try_into().unwrap_or(u32::MAX);
            entry.vertices = vertices.try_into().unwrap_or(u32::MAX);
            self.batch.push(&meta, &coarse, &piece, entry);
        }
        self.objects += 1;
    }
}

/// The colours that cover most of an object's walls and most of its roofs; transparent where the source gives none. Pictures count as one
/// colour, the mean of all that is seen of them.
fn dominant<'a>(pieces: impl Iterator<Item = &'a Piece>, paints: &Paints) -> [[u8; 4]; 2] {
    let mut plain: [Vec<([u8; 4], f64)>; 2] = Default::default();
    let mut pictures: [Vec<([u8; 4], f64)>; 2] = Default::default();
    for piece in pieces {
        for (face, area) in painted_faces(piece) {
            let side = usize::from(surface(face.surface) != Surface::Wall);
            if face.colour[3] > 0 {
                pictures[side].push((face.colour, area));
                continue;
            }
            let colour = paints.colour(face.paint);
            match plain[side].iter_mut().find(|known| known.0 == colour) {
                Some(known) => known.1 += area,
                None if colour[3] > 0 => plain[side].push((colour, area)),
                None => {}
            }
        }
    }
    std::array::from_fn(|side| {
        let shown = pictures[side].iter().map(|p| p.1).sum();
        let mean = Some((linear_mean(pictures[side].iter().copied()), shown)).filter(|m| m.1 > 0.0);
        plain[side].iter().copied().chain(mean).max_by(|x, y| x.1.total_cmp(&y.1)).map_or([0; 4], |most| most.0)
    })
}

/// Faces of a piece that have a paint, with their areas, square metres.
fn painted_faces(piece: &Piece) -> impl Iterator<Item = (&PieceFace, f64)> {
    piece.iter().filter(|(face, ..)| face.paint != BARE).map(|(face, corners, indices, _)| {
        let at = |i: u16| corners.get(usize::from(i)).map_or(glam::Vec3::ZERO, |c| piece.points[*c as usize].into());
        let area = |t: &[u16]| f64::from((at(t[1]) - at(t[0])).cross(at(t[2]) - at(t[0])).length()) * 0.5;
        (face, indices.chunks_exact(3).map(area).sum())
    })
}

fn meta(object: &mut CityObject, shape: &Shape) -> Meta {
    Meta {
        id: std::mem::take(&mut object.id),
        class: std::mem::take(&mut object.class),
        parent: object.parent.take(),
        lod: std::mem::take(&mut object.lod),
        // A map of values has no key that is no text and no number that is none: it can't fail.
        attributes: serde_json::to_string(&object.attributes).unwrap_or_default(),
        origin: shape.frame.origin(),
        base_m: shape.base_m,
        height_m: shape.height_m(),
    }
}

fn block(shape: &Shape, outline: &super::outline::Polygons, entry: &mut Entry) -> Coarse {
    let Some(block) = Block::of(shape, outline) else { return Coarse::Same };
    entry.coarse_vertices = block.vertices() as u32;
    entry.deviation_m = block.deviation_m as f32;
    entry.area_m2 = block.area_m2() as f32;
    for p in block.rings().flatten() {
        place::grow(&mut entry.region, shape.frame.enu_to_geodetic_near(p.extend(shape.base_m)));
    }
    Coarse::Block(block)
}

/// Whether a region touches an extent: west, south, east, north in degrees.
fn touches([west, south, east, north]: [f64; 4], r: &Region) -> bool {
    let degrees = [r.west_rad, r.south_rad, r.east_rad, r.north_rad].map(f64::to_degrees);
    degrees[0] <= east && degrees[2] >= west && degrees[1] <= north && degrees[3] >= south
}

/// Around a piece.
fn region(shape: &Shape, piece: &Piece) -> Region {
    let mut region = place::NOWHERE;
    let (lo, hi) = piece.bounds();
    for x in [lo.x, hi.x] {
        for y in [lo.y, hi.y] {
            for z in [lo.z, hi.z] {
                place::grow(&mut region, shape.frame.enu_to_geodetic_near(DVec3::new(f64::from(x), f64::from(y), f64::from(z))));
            }
        }
    }
    region
}
