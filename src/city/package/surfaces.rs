//! What lies on the ground: full tiles as the source has it, coarse tiles with small things left out and wide things simplified.

use super::PackageError;
use super::ground::{self, Net};
use super::mesh::{Placement, Style, lies};
use super::piece::{Piece, surface};
use super::place::{NOWHERE, join, region_size_m};
use super::quadtree::Item;
use super::spool::{Coarse, Entry, Meta};
use super::tiles::{Content, Tree};
use crate::geo::LocalFrame;
use std::collections::BTreeMap;

/// A coarse tile may be off by this part of its own diagonal.
const ERROR_PER_SIZE: f64 = 1.0 / 2000.0;
/// What lies on the ground counts as so many times as far off as it is: edges of roads and the height over a terrain that has errors of its own
/// are seen sooner than the height of a roof.
const MOVED_COUNTS: f64 = 8.0;
/// What is left out counts as so many times its size: a field that is a few pixels wide is missed sooner than a wall that is a few pixels off.
const LEFT_OUT_COUNTS: f64 = 2.0;
/// Things in a coarse tile at most. More than in full tiles: most of them are two triangles there, and fields left out leave holes in the land.
const COARSE_FEATURES: usize = 16_384;
/// The coarse form of a piece, from which coarser ones are made, by this part of its own.
const PIECE_ERROR_PER_SIZE: f64 = 1.0 / 500.0;
/// Smaller pieces are drawn as they are: simplifying them gains nothing.
const SIMPLIFY_MIN_TRIANGLES: usize = 64;
/// Vertices read for one coarse tile at most; what is beyond is left out and counts in the error.
const READ_VERTICES_MAX: usize = 4_000_000;

/// A piece with fewer triangles, where it has enough of them.
pub fn simplified(piece: &Piece, entry: &mut Entry) -> Coarse {
    let net_triangles: usize = piece.iter().filter(|(f, ..)| lies(surface(f.surface))).map(|(f, ..)| f.indices as usize / 3).sum();
    if net_triangles <= SIMPLIFY_MIN_TRIANGLES {
        return Coarse::Same;
    }
    let tolerance_m = (region_size_m(&entry.region) * PIECE_ERROR_PER_SIZE) as f32;
    let (mut nets, mut fewer) = (BTreeMap::new(), Piece::default());
    ground::nets(piece, &|_| false, &mut nets);
    let mut deviation_m: f32 = 0.0;
    for ((kind, paint), mut net) in nets {
        deviation_m = deviation_m.max(net.simplify(tolerance_m, usize::MAX));
        if net.into_face(surface(kind), paint, &mut fewer).is_none() {
            return Coarse::Same;
        }
    }
    for (face, corners, indices, _) in piece.iter().filter(|(f, ..)| !lies(surface(f.surface))) {
        let first = fewer.points.len() as u32;
        fewer.points.extend(corners.iter().map(|c| piece.points[*c as usize]));
        fewer.corners.extend(first..fewer.points.len() as u32);
        fewer.indices.extend_from_slice(indices);
        fewer.faces.push(*face);
    }
    if fewer.vertices() * 2 > piece.points.len() {
        return Coarse::Same;
    }
    entry.deviation_m = deviation_m;
    entry.coarse_vertices = fewer.vertices() as u32;
    Coarse::Ground(fewer)
}

/// Everything, as the source has it.
pub fn full(tree: &Tree, items: &[Item], frame: &LocalFrame, content: &mut Content) -> Result<(), PackageError> {
    for pieces in by_object(tree, items) {
        let mut object = Object::default();
        for entry in pieces {
            let (meta, piece) = tree.spool.full(entry)?;
            object.add(tree, meta, &piece, frame, content);
        }
        object.finish(tree, content, None);
    }
    Ok(())
}

/// The largest things up to a budget of vertices, each simplified.
pub fn coarse(tree: &Tree, items: &[Item], (frame, budget): (&LocalFrame, usize), content: &mut Content) -> Result<(), PackageError> {
    let sized = |pieces: Vec<_>| {
        let mut region = NOWHERE;
        pieces.iter().for_each(|e: &&Entry| join(&mut region, &e.region));
        (region_size_m(&region), pieces)
    };
    let mut objects: Vec<(f64, Vec<&Entry>)> = by_object(tree, items).into_iter().map(sized).collect();
    objects.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1[0].object.cmp(&b.1[0].object)));
    let tolerance_m = region_size_m(&content.region) * ERROR_PER_SIZE;
    let mut read = 0;
    for (size_m, pieces) in objects {
        let used = content.mesh.positions.len();
        if content.rows.len() >= COARSE_FEATURES || used >= budget || size_m < tolerance_m || read > READ_VERTICES_MAX {
            content.error_m = content.error_m.max(size_m * LEFT_OUT_COUNTS);
            continue;
        }
        let (mut object, mut changed_m) = (Object::default(), 0.0f64);
        for entry in pieces {
            let (meta, coarse) = tree.spool.coarse(entry)?;
            let piece = if let Coarse::Ground(piece) = coarse { piece } else { tree.spool.full(entry)?.1 };
            read += piece.vertices();
            changed_m = changed_m.max(f64::from(entry.deviation_m));
            object.add(tree, meta, &piece, frame, content);
        }
        let room = (budget - used).max(SIMPLIFY_MIN_TRIANGLES);
        let moved_m = object.finish(tree, content, Some((tolerance_m as f32, room)));
        content.error_m = content.error_m.max(changed_m + f64::from(moved_m));
    }
    Ok(())
}

/// Entries of items, those of one object together, in the order of the source.
fn by_object<'a>(tree: &'a Tree, items: &[Item]) -> Vec<Vec<&'a Entry>> {
    let mut numbers: Vec<u32> = items.iter().map(|i| i.entry).collect();
    numbers.sort_unstable();
    let entries: Vec<&Entry> = numbers.iter().map(|n| &tree.spool.entries[*n as usize]).collect();
    entries.chunk_by(|a, b| a.object == b.object).map(<[_]>::to_vec).collect()
}

/// An object while its pieces come in: what stands goes into the tile at once, what lies waits until all of it is there.
#[derive(Default)]
struct Object {
    nets: BTreeMap<(u32, u32), Net>,
    known: Option<(String, Placement)>,
}

impl Object {
    fn add(&mut self, tree: &Tree, meta: Meta, piece: &Piece, frame: &LocalFrame, content: &mut Content) {
        if self.known.is_none() {
            let place = content.place(&meta, frame);
            self.known = Some((meta.class.clone(), place));
            content.rows.push(meta);
        }
        let Some((class, place)) = &self.known else { return };
        let dressed = content.worn.is_some() && !piece.uvs.is_empty();
        content.mesh.add_piece(piece, place, &|surface, face| tree.face_colour(surface, class, face), content.worn.as_mut());
        ground::nets(piece, &|face| dressed && face.colour[3] > 0, &mut self.nets);
    }

    /// Answers by how many metres the ground was changed, as it counts.
    fn finish(self, tree: &Tree, content: &mut Content, coarser: Option<(f32, usize)>) -> f32 {
        let Some((class, place)) = self.known else { return 0.0 };
        let mut worst_m: f32 = 0.0;
        for ((kind, paint), mut net) in self.nets {
            if let Some((tolerance_m, most)) = coarser {
                let straight_m = net.straighten(tolerance_m / MOVED_COUNTS as f32) * MOVED_COUNTS as f32;
                let simple_m = if net.triangles() > SIMPLIFY_MIN_TRIANGLES { net.simplify(tolerance_m, most) } else { 0.0 };
                worst_m = worst_m.max(straight_m + simple_m);
            }
            let surface = surface(kind);
            net.smooth(&place, &Style { row: place.row, surface, colour: tree.colour(surface, &class, paint) }, &mut content.mesh);
        }
        worst_m
    }
}
