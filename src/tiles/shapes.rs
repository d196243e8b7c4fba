//! Points and lines as small solids of triangles, so that a tile stays one draw call of one material.

use super::error::Fault;
use super::mesh::{Piece, VERTICES_MAX};
use glam::{DVec3, Vec3};

/// Corners of the solid that stands for a point: a tetrahedron, whose outline is nearly as large from every side.
const CORNERS: [Vec3; 4] = [Vec3::new(1.0, 1.0, 1.0), Vec3::new(1.0, -1.0, -1.0), Vec3::new(-1.0, 1.0, -1.0), Vec3::new(-1.0, -1.0, 1.0)];
/// Counter-clockwise seen from outside.
const FACES: [[u32; 3]; 4] = [[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]];
/// Points whose next neighbour is looked for; their median is the cloud's spacing.
const SPACING_SAMPLES: usize = 64;
/// A point is at most this part of its cloud, so that a few points stay points.
const POINT_SHARE: f64 = 1.0 / 100.0;
/// The width of a line as a part of the extent of all lines beside it.
const LINE_SHARE: f64 = 1.0 / 1000.0;
/// The width of an edge as a part of the length of edges beside it.
const EDGE_SHARE: f64 = 1.0 / 50.0;
/// The size of a single point, which has no neighbours and no extent; the unit of its frame, mostly metres.
const ALONE: f64 = 0.5;

/// What a tile with points says.
pub const POINTS_NOTE: &str = "points are drawn as small tetrahedra";
/// What a tile with lines says.
pub const LINES_NOTE: &str = "lines are drawn as thin prisms";

/// # Errors
/// When so many points are more than a tile may have.
pub fn room_for_points(count: usize) -> Result<(), Fault> {
    let max = VERTICES_MAX / CORNERS.len();
    if count > max { Err(Fault::unsupported(format!("more than {max} points in a tile"), "divide the tile")) } else { Ok(()) }
}

/// Each index of `cloud` names a point, which becomes a tetrahedron as wide as one and a half times the median way to the next point.
///
/// Where points have normals, all of a point's corners take it, so that it is lit as the surface it was taken of.
pub fn points(cloud: Piece) -> Result<Piece, Fault> {
    room_for_points(cloud.indices.len())?;
    let half = point_half(&cloud.positions) as f32;
    let n = cloud.indices.len() * CORNERS.len();
    let (mut of, mut positions, mut normals) = (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
    let mut indices = Vec::with_capacity(cloud.indices.len() * FACES.len() * 3);
    for point in &cloud.indices {
        let first = of.len() as u32;
        let at = Vec3::from(cloud.positions[*point as usize]);
        let own = cloud.normals.get(*point as usize);
        for corner in CORNERS {
            of.push(*point);
            positions.push((at + corner * half).to_array());
            normals.push(own.copied().unwrap_or_else(|| corner.normalize().to_array()));
        }
        indices.extend(FACES.iter().flatten().map(|i| first + i));
    }
    Ok(cloud.regrouped(&of, positions, normals, indices))
}

/// Half the width of the solids of a cloud.
fn point_half(positions: &[[f32; 3]]) -> f64 {
    let wide = |p: &[f32; 3]| DVec3::from(p.map(f64::from));
    let step = positions.len().div_ceil(SPACING_SAMPLES).max(1);
    let nearest = |at: DVec3| {
        let squares = positions.iter().map(|p| wide(p).distance_squared(at)).filter(|d| *d > 0.0);
        squares.fold(f64::INFINITY, f64::min).sqrt()
    };
    let mut ways: Vec<f64> = positions.iter().step_by(step).map(|p| nearest(wide(p))).filter(|d| d.is_finite()).collect();
    ways.sort_by(f64::total_cmp);
    let Some(spacing) = ways.get(ways.len() / 2) else { return ALONE * 0.5 };
    (spacing * 1.5).min(diagonal(positions) * POINT_SHARE) * 0.5
}

/// Lines of `mode` (1 pairs, 2 a loop, 3 a strip) as three-sided prisms, a thousandth of their extent wide.
pub fn lines(line: Piece, mode: u32) -> Result<Piece, Fault> {
    let width = diagonal(&line.positions) * LINE_SHARE;
    prisms(line, mode, width)
}

/// Pairs as lines, a fiftieth as wide as the one in the middle is long, however many houses they run around.
pub fn edges(edges: Piece) -> Result<Piece, Fault> {
    let corner = |i: u32| edges.positions.get(i as usize).copied().map_or(Vec3::ZERO, Vec3::from);
    let mut lengths: Vec<f32> = pairs(&edges.indices, 1).iter().map(|[a, b]| corner(*a).distance(corner(*b))).collect();
    lengths.sort_by(f32::total_cmp);
    let width = lengths.get(lengths.len() / 2).map_or(0.0, |middle| f64::from(*middle) * EDGE_SHARE);
    prisms(edges, 1, width)
}

fn prisms(line: Piece, mode: u32, width: f64) -> Result<Piece, Fault> {
    let pairs = pairs(&line.indices, mode);
    if pairs.len() > VERTICES_MAX / 6 {
        return Err(Fault::unsupported(format!("more than {} pieces of lines in a tile", VERTICES_MAX / 6), "divide the tile"));
    }
    let radius = (width * 0.5) as f32;
    let n = pairs.len() * 6;
    let (mut of, mut positions, mut normals) = (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
    let mut indices = Vec::with_capacity(pairs.len() * 24);
    for pair in &pairs {
        let first = of.len() as u32;
        let [a, b] = pair.map(|i| Vec3::from(line.positions[i as usize]));
        let along = (b - a).normalize_or(Vec3::Z);
        let side = along.any_orthonormal_vector();
        let up = along.cross(side);
        for (i, at) in pair.iter().zip([a, b]) {
            for turn in [0.0f32, 1.0, 2.0] {
                let (sin, cos) = (turn * std::f32::consts::TAU / 3.0).sin_cos();
                let out = side * cos + up * sin;
                of.push(*i);
                positions.push((at + out * radius).to_array());
                normals.push(out.to_array());
            }
        }
        // Corners 0 to 2 stand around the beginning, 3 to 5 around the end, both counter-clockwise seen from the end.
        let sides = [0u32, 1, 2].map(|i| [i, (i + 1) % 3]).map(|[i, j]| [i, j, j + 3, i, j + 3, i + 3]);
        indices.extend(sides.iter().flatten().chain(&[0, 2, 1, 3, 4, 5]).map(|i| first + i));
    }
    Ok(line.regrouped(&of, positions, normals, indices))
}

fn pairs(indices: &[u32], mode: u32) -> Vec<[u32; 2]> {
    if mode == 1 {
        return indices.as_chunks::<2>().0.to_vec();
    }
    let mut pairs: Vec<_> = indices.windows(2).map(|w| [w[0], w[1]]).collect();
    if let (2, Some(first), Some(last)) = (mode, indices.first(), indices.last()) {
        pairs.push([*last, *first]);
    }
    pairs
}

/// Of the box around all positions.
fn diagonal(positions: &[[f32; 3]]) -> f64 {
    let empty = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    let (min, max) = positions.iter().fold(empty, |(min, max), p| {
        let p = DVec3::from(p.map(f64::from));
        (min.min(p), max.max(p))
    });
    if positions.is_empty() { 0.0 } else { (max - min).length() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(positions: &[[f32; 3]]) -> Piece {
        let n = positions.len();
        Piece {
            positions: positions.to_vec(),
            feature_ids: (0..n as u32).collect(),
            surfaces: vec![0; n],
            colours: vec![[1, 2, 3, 255]; n],
            indices: (0..n as u32).collect(),
            ..Piece::default()
        }
    }

    /// Volume enclosed, positive when all faces look outward.
    fn volume(piece: &Piece) -> f32 {
        let corner = |i: u32| Vec3::from(piece.positions[i as usize]);
        piece.indices.as_chunks::<3>().0.iter().map(|[a, b, c]| corner(*a).dot(corner(*b).cross(corner(*c))) / 6.0).sum()
    }

    #[test]
    fn points_are_as_large_as_they_stand_apart_and_keep_their_feature() {
        let grid: Vec<[f32; 3]> = (0..40_000).map(|i| [(i % 200) as f32, (i / 200) as f32, 0.0]).collect();
        let drawn = points(cloud(&grid)).unwrap();
        assert_eq!((drawn.positions.len(), drawn.indices.len() / 3, drawn.feature_ids[4 * 7 + 3]), (160_000, 160_000, 7));
        assert_eq!(drawn.positions[0], [0.75; 3]);
        let few = points(cloud(&[[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])).unwrap();
        assert!(few.positions[0][0] < 0.01, "a few points stay points");
        let one = points(cloud(&[[0.0; 3]])).unwrap();
        assert!(one.positions[0] == [0.25; 3] && volume(&one) > 0.0);
        assert!(room_for_points(3_000_000).is_err());
    }

    #[test]
    fn lines_become_prisms_that_look_outward() {
        let corners = [[0.0; 3], [600.0, 0.0, 0.0], [600.0, 800.0, 0.0]];
        for (mode, pieces) in [(1, 1), (2, 3), (3, 2)] {
            let drawn = lines(cloud(&corners), mode).unwrap();
            assert_eq!((drawn.positions.len(), drawn.indices.len() / 3), (pieces * 6, pieces * 8), "mode {mode}");
            assert!(volume(&drawn) > 0.0, "mode {mode}");
        }
        assert_eq!(lines(cloud(&[]), 2).unwrap().indices.len(), 0);
    }
}
