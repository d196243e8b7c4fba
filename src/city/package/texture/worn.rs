//! Faces of a tile that show pictures, noted down while they go into its mesh.

/// Pixels a metre of wall or roof in a package at most: 10 cm, what photographs from the air give.
pub const PIXELS_PER_M_MAX: f64 = 10.0;

/// What [`super::dress`] is told of a tile's faces.
#[derive(Default)]
pub struct Worn {
    pub faces: Vec<Face>,
    uvs: Vec<[f32; 2]>,
}

/// One face that shows a picture.
pub struct Face {
    /// Number of its paint.
    pub paint: u32,
    /// Its first vertex in the mesh; the others follow.
    pub first: u32,
    /// Square metres, and the same area on the picture where the whole picture is 1.
    pub area_m2: f64,
    pub area_uv: f64,
    uvs: std::ops::Range<usize>,
}

impl Worn {
    /// A face whose corners have become the mesh's vertices from `first` on.
    pub fn add(&mut self, paint: u32, first: u32, uvs: &[[f32; 2]], points: &dyn Fn(usize) -> glam::Vec3, indices: &[u16]) {
        let (area_m2, area_uv) = areas(uvs, points, indices);
        let from = self.uvs.len();
        self.uvs.extend_from_slice(uvs);
        self.faces.push(Face { paint, first, area_m2, area_uv, uvs: from..self.uvs.len() });
    }

    /// Texture coordinates of a face's corners.
    pub fn uvs_of(&self, face: &Face) -> &[[f32; 2]] {
        self.uvs.get(face.uvs.clone()).unwrap_or_default()
    }
}

/// Areas of a face's triangles in space and on its picture.
pub fn areas(uvs: &[[f32; 2]], points: &dyn Fn(usize) -> glam::Vec3, indices: &[u16]) -> (f64, f64) {
    let mut sum = (0.0, 0.0);
    for t in indices.chunks_exact(3) {
        let [a, b, c] = [t[0], t[1], t[2]].map(usize::from);
        let (Some(p), Some(q), Some(r)) = (uvs.get(a), uvs.get(b), uvs.get(c)) else { continue };
        sum.0 += f64::from((points(b) - points(a)).cross(points(c) - points(a)).length()) * 0.5;
        let (x, y) = ([q[0] - p[0], q[1] - p[1]], [r[0] - p[0], r[1] - p[1]]);
        sum.1 += f64::from((x[0] * y[1] - x[1] * y[0]).abs()) * 0.5;
    }
    sum
}
