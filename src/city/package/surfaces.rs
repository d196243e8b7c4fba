//! What lies on the ground: full tiles as the source has it, coarse tiles with small things left out and terrain simplified.

use super::mesh::{Mesh, Mesher, Style, lies};
use super::place::{NOWHERE, grow, region_size_m};
use super::quadtree::{Item, LEAF_FEATURES};
use super::tiles::{Content, Tree};
use crate::city::source::Surface;
use crate::geo::{LocalFrame, Region};
use glam::{DVec2, Vec2, Vec3};
use meshopt::{SimplifyOptions, VertexDataAdapter};
use std::collections::{BTreeMap, HashMap};

/// A coarse tile may be off by this part of its own diagonal.
const ERROR_PER_SIZE: f64 = 1.0 / 2000.0;
/// Smaller pieces are drawn as they are: simplifying them gains nothing.
const SIMPLIFY_MIN_TRIANGLES: usize = 64;

/// Everything, as the source has it.
pub fn full(tree: &Tree, items: &[Item], region: Region, frame: &LocalFrame) -> Content {
    let mut content = Content::new(region);
    for piece in items.chunk_by(|a, b| a.feature == b.feature) {
        add(tree, piece, frame, &mut content, None);
    }
    content
}

/// The largest pieces up to a budget of vertices, terrain simplified.
pub fn coarse(tree: &Tree, items: &[Item], (region, budget): (Region, usize), frame: &LocalFrame) -> Content {
    let mut content = Content::new(region);
    let mut items = items.to_vec();
    items.sort_by_key(|i| (i.feature, i.face));
    let mut pieces: Vec<(f64, &[Item])> = items.chunk_by(|a, b| a.feature == b.feature).map(|piece| (size_m(tree, piece), piece)).collect();
    pieces.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1[0].feature.cmp(&b.1[0].feature)));
    let tolerance_m = region_size_m(&region) * ERROR_PER_SIZE;
    for (size_m, piece) in pieces {
        if content.rows.len() >= LEAF_FEATURES || content.mesh.positions.len() >= budget || size_m < tolerance_m {
            content.error_m = content.error_m.max(size_m);
            continue;
        }
        let room = (budget - content.mesh.positions.len()).max(SIMPLIFY_MIN_TRIANGLES);
        let changed_m = add(tree, piece, frame, &mut content, Some((tolerance_m as f32, room)));
        content.error_m = content.error_m.max(changed_m);
    }
    content
}

fn size_m(tree: &Tree, piece: &[Item]) -> f64 {
    let mut region = NOWHERE;
    for item in piece {
        let feature = &tree.city.features[item.feature as usize];
        let Some(face) = item.face.and_then(|f| feature.object.faces.get(f as usize)) else { continue };
        face.corners().iter().for_each(|v| grow(&mut region, tree.city.points[feature.source][*v as usize]));
    }
    region_size_m(&region)
}

/// Adds a feature's faces as one row; answers by how many metres they were changed. What lies on the ground is smoothed, kind by
/// kind; everything else keeps flat faces.
fn add(tree: &Tree, piece: &[Item], frame: &LocalFrame, content: &mut Content, coarser: Option<(f32, usize)>) -> f64 {
    let feature = &tree.city.features[piece[0].feature as usize];
    let row = content.rows.len() as u16;
    let mut mesher = Mesher::default();
    let mut grounds: BTreeMap<u8, (Surface, Mesh)> = BTreeMap::new();
    content.rows.push(piece[0].feature);
    for item in piece {
        let Some(face) = item.face.and_then(|f| feature.object.faces.get(f as usize)) else { continue };
        let mesh = match lies(face.surface) {
            true => &mut grounds.entry(face.surface as u8).or_insert_with(|| (face.surface, Mesh::default())).1,
            false => &mut content.mesh,
        };
        if !mesher.add(mesh, tree.city, feature, &face, (frame, row)) {
            content.degenerate.push((item.feature, item.face.unwrap_or(0)));
        }
    }
    let mut worst_m: f64 = 0.0;
    for (surface, mesh) in grounds.values() {
        let (vertices, mut indices) = weld(mesh);
        if let Some((tolerance_m, triangles_max)) = coarser.filter(|_| indices.len() / 3 > SIMPLIFY_MIN_TRIANGLES) {
            let changed_m;
            (indices, changed_m) = simplify(&vertices.positions, &indices, tolerance_m, triangles_max);
            worst_m = worst_m.max(f64::from(changed_m));
        }
        smooth(&vertices, &indices, tree.style(piece[0].feature, row, *surface), &mut content.mesh);
    }
    worst_m
}

/// Places with their texture coordinates, each once.
#[derive(Default)]
struct Welded {
    positions: Vec<[f32; 3]>,
    uvs: Vec<[f32; 2]>,
}

/// Vertices at the same place become one.
fn weld(mesh: &Mesh) -> (Welded, Vec<u32>) {
    let mut at: HashMap<[u32; 3], u32> = HashMap::with_capacity(mesh.positions.len());
    let mut welded = Welded::default();
    let mut index = |i: &u32| {
        let p = mesh.positions[*i as usize];
        // + 0.0 makes the two zeros one.
        *at.entry(p.map(|x| (x + 0.0).to_bits())).or_insert_with(|| {
            welded.positions.push(p);
            welded.uvs.push(mesh.uvs[*i as usize]);
            welded.positions.len() as u32 - 1
        })
    };
    let indices: Vec<u32> = mesh.indices.iter().map(&mut index).collect();
    let proper = |t: &&[u32]| t[0] != t[1] && t[1] != t[2] && t[2] != t[0];
    let indices = indices.chunks_exact(3).filter(proper).flatten().copied().collect();
    (welded, indices)
}

/// Fewer triangles within `tolerance_m`, or as far off as it takes to keep to `triangles_max`; borders stay, so that neighbouring
/// pieces still meet. Answers the error reached, metres.
fn simplify(positions: &[[f32; 3]], indices: &[u32], tolerance_m: f32, triangles_max: usize) -> (Vec<u32>, f32) {
    let Ok(vertices) = VertexDataAdapter::new(bytemuck::cast_slice(positions), 12, 0) else { return (indices.to_vec(), 0.0) };
    let options = SimplifyOptions::LockBorder | SimplifyOptions::ErrorAbsolute;
    let mut reached = 0.0;
    let fewer = meshopt::simplify(indices, &vertices, 0, tolerance_m, options, Some(&mut reached));
    if fewer.len() <= triangles_max * 3 {
        return (fewer, reached);
    }
    let fewer = meshopt::simplify(indices, &vertices, triangles_max * 3, f32::MAX, options, Some(&mut reached));
    (fewer, reached)
}

/// Adds a welded surface with normals averaged by area.
fn smooth(welded: &Welded, indices: &[u32], style: Style, mesh: &mut Mesh) {
    let at = |i: u32| Vec3::from(welded.positions[i as usize]);
    let mut normals = vec![Vec3::ZERO; welded.positions.len()];
    for t in indices.chunks_exact(3) {
        let n = (at(t[1]) - at(t[0])).cross(at(t[2]) - at(t[0]));
        t.iter().for_each(|i| normals[*i as usize] += n);
    }
    // Only vertices that triangles still use.
    let mut new = vec![u32::MAX; welded.positions.len()];
    for i in indices {
        let old = *i as usize;
        if new[old] == u32::MAX {
            new[old] = mesh.positions.len() as u32;
            let normal = normals[old].try_normalize().unwrap_or(Vec3::Z).as_dvec3();
            let uv = if style.surface == Surface::Terrain { DVec2::ZERO } else { Vec2::from(welded.uvs[old]).as_dvec2() };
            mesh.push(at(*i).as_dvec3(), normal, uv, &style);
        }
        mesh.indices.push(new[old]);
    }
}
