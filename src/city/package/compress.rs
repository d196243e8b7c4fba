//! Fewer bytes for the same mesh: KHR_mesh_quantization, as far as it stays exact enough, and EXT_meshopt_compression over all of it.
//!
//! Positions become whole steps from the corner of the mesh where a step can be small enough ([`STEP_EXACT_M`]); in wider tiles they stay
//! floats, rounded to what the codec packs well. Readers undo the steps by the node's translation and scale.

use super::mesh::Mesh;
use bytemuck::Pod;
use glam::DVec3;
use serde_json::{Value, json};

/// Steps of half this and less on three axes move no point by more than a centimetre: 2 * 0.01 m / sqrt(3).
const STEP_EXACT_M: f64 = 0.0115;
/// Finer than this nothing is gained: the sources are written in centimetres or millimetres.
const STEP_MIN_M: f64 = 1.0 / 128.0;
/// A mesh that is off by some metres anyway may take steps of this part of its error.
const STEP_PER_ERROR: f64 = 0.05;
/// What that makes of the error: half a step on three axes comes to it.
pub const ROUNDED: f64 = 1.0 + STEP_PER_ERROR;
/// Steps that an unsigned 16-bit number counts.
const STEPS: f64 = 65_535.0;
/// Floats are rounded to this many parts of a metre, 2 mm off at most: zeros at their end cost nothing.
const FLOAT_PARTS: f32 = 256.0;
/// Metres along and up a wall are rounded to this many parts of a metre: no window moves by more than 1 cm.
const FACADE_PARTS: f32 = 64.0;
/// The version of the vertex codec that EXT_meshopt_compression names; newer ones are KHR_meshopt_compression's.
const VERTEX_VERSION: i32 = 0;

/// Positions as they are written, glTF's axes (y up).
pub enum Positions {
    /// `steps * step_m + corner`.
    Steps {
        /// The fourth is padding: elements start on multiples of 4 bytes.
        steps: Vec<[u16; 4]>,
        corner: [f32; 3],
        step_m: f32,
    },
    Floats(Vec<[f32; 3]>),
}

impl Positions {
    /// `error_m`: by how much the mesh differs from what it stands for.
    pub fn of(mesh: &Mesh, error_m: f64) -> Self {
        let positions: Vec<[f32; 3]> = mesh.positions.iter().map(y_up).collect();
        let (low, high) = bounds(&positions);
        let extent_m = (0..3).map(|i| f64::from(high[i]) - f64::from(low[i])).fold(0.0, f64::max);
        // A hundred-thousandth more, so that rounding in f32 never passes the last step.
        let step_m = (extent_m / STEPS * 1.000_01).max(STEP_MIN_M);
        if step_m > STEP_EXACT_M.max(error_m * STEP_PER_ERROR) {
            let round = |v: f32| (v * FLOAT_PARTS).round() / FLOAT_PARTS;
            return Self::Floats(positions.into_iter().map(|p| p.map(round)).collect());
        }
        let (corner, step_m) = (low, step_m as f32);
        let step = |v: f32, i: usize| ((f64::from(v) - f64::from(corner[i])) / f64::from(step_m)).round().clamp(0.0, STEPS) as u16;
        let steps = positions.iter().map(|p| [step(p[0], 0), step(p[1], 1), step(p[2], 2), 0]).collect();
        Self::Steps { steps, corner, step_m }
    }

    /// `min` and `max` of the accessor: exactly those of what is written.
    pub fn bounds(&self) -> (Value, Value) {
        match self {
            Self::Steps { steps, .. } => {
                let bound =
                    |pick: fn(u16, u16) -> u16, start: u16| steps.iter().fold([start; 3], |b, s| std::array::from_fn(|i| pick(b[i], s[i])));
                (json!(bound(u16::min, u16::MAX)), json!(bound(u16::max, 0)))
            }
            Self::Floats(floats) => {
                let (low, high) = bounds(floats);
                (json!(low), json!(high))
            }
        }
    }

    /// Where the node stands and by what it scales: `offset` metres east, north, up, then what undoes the steps.
    pub fn node(&self, offset: DVec3, node: &mut Value) {
        let mut at = DVec3::new(offset.x, offset.z, -offset.y);
        if let Self::Steps { corner, step_m, .. } = self {
            at += DVec3::from(corner.map(f64::from));
            node["scale"] = json!([step_m, step_m, step_m]);
        }
        if at != DVec3::ZERO {
            node["translation"] = json!(at.as_vec3().to_array());
        }
    }
}

/// Unit vectors in steps of 1/127, with the padding byte that keeps elements on multiples of 4 bytes.
pub fn normals(mesh: &Mesh) -> Vec<[i8; 4]> {
    let step = |v: f32| (v.clamp(-1.0, 1.0) * 127.0).round() as i8;
    mesh.normals.iter().map(|n| y_up(n).map(step)).map(|[x, y, z]| [x, y, z, 0]).collect()
}

/// Facade coordinates, metres.
pub fn facades(mesh: &Mesh) -> Vec<[f32; 2]> {
    mesh.uvs.iter().map(|uv| uv.map(|v| (v * FACADE_PARTS).round() / FACADE_PARTS)).collect()
}

/// Vertices as the codec writes them; `None` where it can't.
pub fn vertices<T: Pod>(data: &[T]) -> Option<Vec<u8>> {
    // Level 2 is the codec's own choice; it is not used by this version.
    meshopt::encode_vertex_buffer_level(data, 2, Some(VERTEX_VERSION)).ok().filter(|b| !b.is_empty())
}

/// Triangles as the codec writes them: their order stays, the corner that a triangle starts with may not.
pub fn triangles(indices: &[u32], vertices: usize) -> Option<Vec<u8>> {
    meshopt::encode_index_buffer(indices, vertices).ok().filter(|b| !b.is_empty())
}

/// East-north-up is written as glTF has it: (e, n, u) becomes (e, u, -n).
fn y_up(v: &[f32; 3]) -> [f32; 3] {
    [v[0], v[2], -v[1]]
}

fn bounds(positions: &[[f32; 3]]) -> ([f32; 3], [f32; 3]) {
    positions.iter().fold(([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]), |(lo, hi), p| {
        (std::array::from_fn(|i| lo[i].min(p[i])), std::array::from_fn(|i| hi[i].max(p[i])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mesh(positions: Vec<[f32; 3]>) -> Mesh {
        Mesh { positions, ..Mesh::default() }
    }

    proptest! {
        #[test]
        fn no_point_moves_by_more_than_a_centimetre(points in prop::collection::vec(prop::array::uniform3(-700f32..700.0), 1..50)) {
            let written = Positions::of(&mesh(points.clone()), 0.0);
            for (n, p) in points.iter().enumerate() {
                let back = match &written {
                    Positions::Floats(floats) => DVec3::from(floats[n].map(f64::from)),
                    Positions::Steps { steps, corner, step_m } => {
                        DVec3::from_array(std::array::from_fn(|i| f64::from(f32::from(steps[n][i]) * step_m + corner[i])))
                    }
                };
                let exact = DVec3::from(y_up(p).map(f64::from));
                prop_assert!(back.distance(exact) <= 0.0101, "{} m", back.distance(exact));
            }
        }
    }

    #[test]
    fn a_block_fits_in_steps_and_a_district_only_where_it_is_rough_anyway() {
        let wide = |m: f32| mesh(vec![[0.0; 3], [m, 0.0, 0.0], [0.0, m, 9.0]]);
        assert!(matches!(Positions::of(&wide(500.0), 0.0), Positions::Steps { .. }));
        assert!(matches!(Positions::of(&wide(5000.0), 0.0), Positions::Floats(_)));
        assert!(matches!(Positions::of(&wide(5000.0), 4.0), Positions::Steps { .. }));
    }

    #[test]
    fn the_codec_gives_vertices_and_triangles_back() {
        let normals: Vec<[i8; 4]> = (0..100).map(|i| [i, -i, 0, 0]).collect();
        assert_eq!(meshopt::decode_vertex_buffer::<[i8; 4]>(&vertices(&normals).unwrap(), 100).unwrap(), normals);
        let bytes = triangles(&[0, 1, 2, 2, 1, 3], 4).unwrap();
        assert_eq!(meshopt::decode_index_buffer::<u32>(&bytes, 6).unwrap(), [0, 1, 2, 2, 1, 3]);
    }
}
