//! A tile's triangles in its own east-north-up frame, with the attributes that `shaders/city.wgsl` reads.

use super::piece::{Piece, PieceFace, surface};
use super::texture::Worn;
use crate::city::source::Surface;
use earcut::Earcut;
use glam::{DAffine3, DVec2, DVec3};

/// Faces whose area is under this (square metres) are slivers of rounding, not surfaces.
const AREA_MIN_M2: f64 = 1e-6;

/// One tile's triangles; structure of arrays, all of one length but `indices`. East-north-up metres; the glb writer turns the axes.
#[derive(Default)]
pub struct Mesh {
    pub positions: Vec<[f32; 3]>,
    pub normals: Vec<[f32; 3]>,
    /// Walls: metres along the wall, metres above the building's lowest point. Others: the building's height, metres above its lowest point.
    pub uvs: Vec<[f32; 2]>,
    /// Row of the tile's property table.
    pub features: Vec<u16>,
    pub surfaces: Vec<u8>,
    /// sRGB base colour for viewers that don't know our shader.
    pub colours: Vec<[u8; 4]>,
    pub indices: Vec<u32>,
    /// What its faces wear.
    pub picture: Option<Picture>,
    /// Whether faces must be seen from behind too: the ground is looked at from below, and not every model is closed with its faces outwards.
    pub two_sided: bool,
}

/// A picture over a tile's mesh: one a tile, so that the tile stays one draw call.
///
/// Vertices that wear it have [`TEXTURED`] set in their surface, or none has and all wear it.
pub struct Picture {
    /// A PNG or JPEG file.
    pub bytes: Vec<u8>,
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
    /// Where each vertex is on it: 0..1, v down from the upper edge. Faces that wear nothing lie on something white.
    pub texcoords: Vec<[f32; 2]>,
    /// Faces have holes where it is transparent.
    pub cut_out: bool,
}

/// Bit of the vertex attribute `_SURFACE` above the surface's number: this face shows its picture, not the look of its kind.
pub const TEXTURED: u8 = 0x80;

/// What all vertices of a face share.
#[derive(Clone, Copy)]
pub struct Style {
    pub row: u16,
    pub surface: Surface,
    pub colour: [u8; 4],
}

/// An object in a tile.
#[derive(Clone, Copy)]
pub struct Placement {
    /// From the object's frame to the tile's.
    pub to_tile: DAffine3,
    pub row: u16,
    /// Lowest point of the object, metres up in its frame, and from there to its highest.
    pub base_m: f64,
    pub height_m: f64,
}

impl Mesh {
    pub fn triangles(&self) -> usize {
        self.indices.len() / 3
    }

    pub fn push(&mut self, at: DVec3, normal: DVec3, uv: DVec2, style: &Style) {
        self.positions.push(at.as_vec3().to_array());
        self.normals.push(normal.as_vec3().to_array());
        self.uvs.push(uv.as_vec2().to_array());
        self.features.push(style.row);
        self.surfaces.push(style.surface as u8);
        self.colours.push(style.colour);
    }

    /// Adds the faces of a piece that stand by themselves; what lies on the ground is [`super::surfaces`]' to smooth, unless it wears a
    /// picture. Faces that do are told to `worn`, where there is one.
    pub fn add_piece(
        &mut self,
        piece: &Piece,
        place: &Placement,
        colour: &dyn Fn(Surface, &PieceFace) -> [u8; 4],
        mut worn: Option<&mut Worn>,
    ) {
        self.two_sided |= !piece.is_closed(place.base_m);
        for (face, corners, indices, uvs) in piece.iter() {
            let surface = surface(face.surface);
            let shown = if face.colour[3] > 0 { worn.as_mut().zip(uvs) } else { None };
            if lies(surface) && shown.is_none() {
                continue;
            }
            let style = Style { row: place.row, surface, colour: colour(surface, face) };
            let normal = DVec3::from(glam::Vec3::from(face.normal));
            let at = |i: &u32| DVec3::from(glam::Vec3::from(piece.points[*i as usize]));
            let along = along(normal);
            let start = corners.iter().map(|i| along.dot(at(i))).fold(f64::INFINITY, f64::min);
            let turned = place.to_tile.transform_vector3(normal);
            let first = self.positions.len() as u32;
            if let Some((worn, uvs)) = shown {
                let point = |i: usize| corners.get(i).map_or(glam::Vec3::ZERO, |c| piece.points[*c as usize].into());
                worn.add(face.paint, first, uvs, &point, indices);
            }
            for p in corners.iter().map(at) {
                let u = if surface == Surface::Wall { along.dot(p) - start } else { place.height_m };
                self.push(place.to_tile.transform_point3(p), turned, DVec2::new(u, p.z - place.base_m), &style);
            }
            self.indices.extend(indices.iter().map(|i| first + u32::from(*i)));
        }
    }

    /// Adds walls and roof of a prism: `ring` turns left, metres in the object's frame, from `below_m` up to `top_m`.
    pub fn add_prism(
        &mut self,
        ring: &[DVec2],
        (below_m, top_m): (f64, f64),
        place: &Placement,
        colours: [[u8; 4]; 2],
        tr: &mut Triangulator,
    ) {
        let wall = Style { row: place.row, surface: Surface::Wall, colour: colours[0] };
        let roof = Style { surface: Surface::Roof, colour: colours[1], ..wall };
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let Some(side) = (b - a).try_normalize() else { continue };
            let normal = place.to_tile.transform_vector3(DVec3::new(side.y, -side.x, 0.0));
            let (first, length) = (self.positions.len() as u32, a.distance(*b));
            for (p, u, z) in [(a, 0.0, below_m), (b, length, below_m), (b, length, top_m), (a, 0.0, top_m)] {
                self.push(place.to_tile.transform_point3(p.extend(z)), normal, DVec2::new(u, z - place.base_m), &wall);
            }
            self.indices.extend([0, 1, 2, 0, 2, 3].map(|i| first + i));
        }
        let top = || ring.iter().map(|p| p.extend(top_m));
        let Some(indices) = tr.run(std::iter::once(top()), DVec3::Z, DVec3::Z) else { return };
        let first = self.positions.len() as u32;
        let normal = place.to_tile.transform_vector3(DVec3::Z);
        top().for_each(|p| self.push(place.to_tile.transform_point3(p), normal, DVec2::new(place.height_m, top_m - place.base_m), &roof));
        self.indices.extend(indices.iter().map(|i| first + u32::from(*i)));
    }
}

/// Polygons to triangles; keeps its buffers between faces.
#[derive(Default)]
pub struct Triangulator {
    earcut: Earcut<f64>,
    corners: Vec<DVec3>,
    holes: Vec<u32>,
    triangles: Vec<u32>,
    short: Vec<u16>,
}

impl Triangulator {
    /// Triangles that wind counter-clockwise around `normal`, as indices of the corners of all rings; `None`: the rings cross so badly that no
    /// triangle comes out, or there are too many corners for one face. `plane` is the normal of the plane that the face is spread out on.
    pub fn run<R>(&mut self, rings: impl Iterator<Item = R>, normal: DVec3, plane: DVec3) -> Option<&[u16]>
    where
        R: Iterator<Item = DVec3>,
    {
        self.corners.clear();
        self.holes.clear();
        for (r, ring) in rings.enumerate() {
            if r > 0 {
                self.holes.push(self.corners.len() as u32);
            }
            self.corners.extend(ring);
        }
        if self.corners.len() > usize::from(u16::MAX) {
            return None;
        }
        self.triangles.clear();
        match self.corners.len() {
            3 => self.triangles.extend([0, 1, 2]),
            4 if self.holes.is_empty() && is_convex(&self.corners, plane) => self.triangles.extend([0, 1, 2, 0, 2, 3]),
            _ => {
                let flat = flatten(plane);
                self.earcut.earcut(self.corners.iter().map(|c| flat(*c)), &self.holes, &mut self.triangles);
            }
        }
        self.orient(normal);
        self.short.clear();
        self.short.extend(self.triangles.iter().map(|i| *i as u16));
        (!self.short.is_empty()).then_some(&self.short)
    }

    /// Turns the triangles so that they wind counter-clockwise around `normal`; earcut gives all of them one sense, which one depends on the plane.
    fn orient(&mut self, normal: DVec3) {
        let at = |i: u32| self.corners[i as usize];
        let sum: f64 = self.triangles.chunks_exact(3).map(|t| (at(t[1]) - at(t[0])).cross(at(t[2]) - at(t[0])).dot(normal)).sum();
        if sum < 0.0 {
            self.triangles.chunks_exact_mut(3).for_each(|t| t.swap(1, 2));
        }
    }
}

/// Whether four corners turn the same way all around: most walls do, and need no search for ears.
fn is_convex(c: &[DVec3], normal: DVec3) -> bool {
    (0..4).all(|i| (c[(i + 1) % 4] - c[i]).cross(c[(i + 2) % 4] - c[(i + 1) % 4]).dot(normal) > 0.0)
}

/// Surfaces that lie on the ground.
pub fn lies(surface: Surface) -> bool {
    matches!(surface, Surface::Terrain | Surface::Water | Surface::Road | Surface::Green | Surface::Land)
}

/// Unit normal of a ring (Newell's method): right for concave and slightly bent polygons too; `None` for one without area.
pub fn newell(ring: impl Iterator<Item = DVec3> + Clone) -> Option<DVec3> {
    let origin = ring.clone().next()?;
    let next = ring.clone().skip(1).chain(std::iter::once(origin));
    let sum: DVec3 = ring.zip(next).map(|(a, b)| (a - origin).cross(b - origin)).sum();
    let length = sum.length();
    (length * 0.5 >= AREA_MIN_M2).then(|| sum / length)
}

/// Projection on the coordinate plane that the normal is nearest to, keeping the sense of rotation.
fn flatten(n: DVec3) -> impl Fn(DVec3) -> [f64; 2] {
    let a = n.abs();
    let axis = if a.z >= a.x && a.z >= a.y { 2 } else { usize::from(a.y > a.x) };
    move |p| match axis {
        2 => [p.x, p.y],
        1 => [p.z, p.x],
        _ => [p.y, p.z],
    }
}

/// Horizontal direction to the right along a wall seen from outside; east where the face lies flat.
fn along(normal: DVec3) -> DVec3 {
    DVec3::Z.cross(normal).try_normalize().unwrap_or(DVec3::X)
}

/// Base colour for other viewers, from LOOK's city: warm grey walls, lighter roofs, blue-grey ground.
pub fn colour(surface: Surface, class: &str) -> [u8; 4] {
    let [r, g, b] = match surface {
        Surface::Wall => [0xB9, 0xB2, 0xA8],
        Surface::Roof => [0xD2, 0xCC, 0xC4],
        Surface::Ground | Surface::Other if class == "GenericCityObject" => [0x9A, 0x9C, 0xA0],
        Surface::Ground | Surface::Other => [0xA8, 0xA8, 0xA8],
        Surface::Terrain => [0x8C, 0x96, 0x8A],
        Surface::Water => [0x4F, 0x86, 0xA6],
        Surface::Road => [0x7C, 0x82, 0x8A],
        Surface::Green => [0x7C, 0x9A, 0x74],
        Surface::Land => [0x9C, 0x9A, 0x92],
        Surface::Bridge => [0xA4, 0xA0, 0x98],
    };
    [r, g, b, 255]
}

#[cfg(test)]
mod tests {
    use super::super::piece::Piece;
    use super::super::shape::{Shape, middle};
    use super::*;
    use crate::city::source::Faces;
    use crate::geo::Region;

    fn piece(points: &[[f64; 3]], surface: Surface) -> Piece {
        let region = Region { west_rad: 0.1, east_rad: 0.1, south_rad: 0.5, north_rad: 0.5, min_height_m: 0.0, max_height_m: 1.0 };
        let mut faces = Faces::default();
        faces.push(surface, [(0..points.len() as u32).collect::<Vec<_>>()]);
        let points = points.iter().copied().map(DVec3::from_array).collect();
        let shape = Shape { frame: middle(&region), points, faces, region, base_m: -1.0, top_m: 8.0 };
        Piece::of(&shape, &[0], &mut Triangulator::default(), &mut |_| {})
    }

    fn mesh(piece: &Piece) -> Mesh {
        let mut mesh = Mesh::default();
        let place = Placement { to_tile: DAffine3::IDENTITY, row: 3, base_m: -1.0, height_m: 9.0 };
        mesh.add_piece(piece, &place, &|_, _| [255; 4], None);
        mesh
    }

    #[test]
    fn a_south_wall_runs_east_and_faces_south() {
        let mesh = mesh(&piece(&[[10.0, 5.0, 0.0], [14.0, 5.0, 0.0], [14.0, 5.0, 3.0], [10.0, 5.0, 3.0]], Surface::Wall));
        assert_eq!(mesh.triangles(), 2);
        assert!(mesh.normals.iter().all(|n| *n == [0.0, -1.0, 0.0]));
        assert_eq!(mesh.uvs, [[0.0, 1.0], [4.0, 1.0], [4.0, 4.0], [0.0, 4.0]]);
        for t in mesh.indices.chunks(3) {
            let p = |i: usize| DVec3::from(glam::Vec3::from(mesh.positions[t[i] as usize]));
            assert!((p(1) - p(0)).cross(p(2) - p(0)).y < 0.0, "winds around its outward normal");
        }
    }

    #[test]
    fn ground_is_turned_face_up_and_slivers_are_refused() {
        let road = piece(&[[0.0, 0.0, 1.0], [0.0, 2.0, 1.0], [2.0, 2.0, 1.0], [2.0, 0.0, 1.0]], Surface::Road);
        assert_eq!((road.faces[0].normal, road.indices.len()), ([0.0, 0.0, 1.0], 6));
        assert!(piece(&[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], Surface::Roof).is_empty());
    }

    #[test]
    fn an_l_shape_keeps_its_area() {
        let l = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 3.0, 0.0], [0.0, 3.0, 0.0]];
        let mesh = mesh(&piece(&l, Surface::Roof));
        let p = |i: u32| DVec3::from(glam::Vec3::from(mesh.positions[i as usize]));
        let area: f64 = mesh.indices.chunks(3).map(|t| (p(t[1]) - p(t[0])).cross(p(t[2]) - p(t[0])).z * 0.5).sum();
        assert!((area - 6.0).abs() < 1e-9);
    }

    #[test]
    fn a_prism_has_four_walls_outward_and_a_roof() {
        let mut mesh = Mesh::default();
        let ring = [[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]].map(DVec2::from_array);
        let place = Placement { to_tile: DAffine3::IDENTITY, row: 0, base_m: 1.0, height_m: 9.0 };
        mesh.add_prism(&ring, (1.0, 10.0), &place, [[1; 4], [2; 4]], &mut Triangulator::default());
        assert_eq!((mesh.positions.len(), mesh.triangles()), (20, 10));
        assert_eq!((mesh.normals[0], mesh.normals[4], mesh.normals[16]), ([0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]));
        for t in mesh.indices.chunks(3) {
            let p = |i: usize| DVec3::from(glam::Vec3::from(mesh.positions[t[i] as usize]));
            let n = DVec3::from(glam::Vec3::from(mesh.normals[t[0] as usize]));
            assert!((p(1) - p(0)).cross(p(2) - p(0)).dot(n) > 0.0);
        }
    }
}
