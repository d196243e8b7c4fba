//! Faces to triangles in a tile's own east-north-up frame, with the attributes that `shaders/city.wgsl` reads.

use super::place::{City, Feature};
use crate::city::source::{Face, Surface};
use crate::geo::{Geodetic, LocalFrame};
use earcut::Earcut;
use glam::{DVec2, DVec3};

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
}

/// What all vertices of a face share.
#[derive(Clone, Copy)]
pub struct Style {
    pub row: u16,
    pub surface: Surface,
    pub colour: [u8; 4],
    /// Height above the ellipsoid of the object's lowest point, metres.
    pub base_m: f64,
    /// From there to its highest point, metres.
    pub height_m: f64,
}

impl Style {
    pub fn of(feature: &Feature, row: u16, surface: Surface) -> Self {
        let colour = colour(surface, &feature.object.class);
        Self { row, surface, colour, base_m: feature.region.min_height_m, height_m: feature.height_m() }
    }
}

/// A vertex of a face: place in the tile's frame, and height above the ellipsoid.
#[derive(Clone, Copy)]
pub struct Corner {
    pub at: DVec3,
    pub height_m: f64,
}

impl Corner {
    pub fn new(frame: &LocalFrame, p: Geodetic) -> Self {
        Self { at: frame.geodetic_to_enu(p), height_m: p.height_m }
    }
}

/// Triangulates faces into meshes; keeps its buffers between faces.
#[derive(Default)]
pub struct Mesher {
    earcut: Earcut<f64>,
    corners: Vec<Corner>,
    holes: Vec<u32>,
    triangles: Vec<u32>,
}

impl Mesher {
    /// Adds one face of a feature. `false`: it has no area, or its rings cross so badly that no triangle comes out; nothing is added.
    pub fn add(&mut self, mesh: &mut Mesh, city: &City, feature: &Feature, face: &Face<'_>, place: (&LocalFrame, u16)) -> bool {
        self.corners.clear();
        self.holes.clear();
        let points = &city.points[feature.source];
        for (r, ring) in face.rings().enumerate() {
            if r > 0 {
                self.holes.push(self.corners.len() as u32);
            }
            self.corners.extend(ring.iter().map(|&i| Corner::new(place.0, points[i as usize])));
        }
        let outer = face.outer().len();
        self.emit(mesh, outer, &Style::of(feature, place.1, face.surface))
    }

    /// Adds a polygon without holes given by its corners, counter-clockwise seen from outside.
    pub fn add_ring(&mut self, mesh: &mut Mesh, ring: &[Corner], style: &Style) -> bool {
        self.corners.clear();
        self.holes.clear();
        self.corners.extend_from_slice(ring);
        self.emit(mesh, ring.len(), style)
    }

    fn emit(&mut self, mesh: &mut Mesh, outer: usize, style: &Style) -> bool {
        let area = newell(&self.corners[..outer]);
        if area.length() * 0.5 < AREA_MIN_M2 {
            return false;
        }
        let outward = area.normalize();
        let flat = flatten(outward);
        self.earcut.earcut(self.corners.iter().map(|c| flat(c.at)), &self.holes, &mut self.triangles);
        if self.triangles.is_empty() {
            return false;
        }
        // Ground lies face up whatever the order of its ring: a road is never seen from below.
        let normal = if lies(style.surface) && outward.z < 0.0 { -outward } else { outward };
        self.orient(normal);
        let first = mesh.positions.len() as u32;
        let along = along(normal);
        let start = self.corners[..outer].iter().map(|c| along.dot(c.at)).fold(f64::INFINITY, f64::min);
        for c in &self.corners {
            let u = if style.surface == Surface::Wall { along.dot(c.at) - start } else { style.height_m };
            mesh.push(c.at, normal, DVec2::new(u, c.height_m - style.base_m), style);
        }
        mesh.indices.extend(self.triangles.iter().map(|i| first + i));
        true
    }

    /// Turns the triangles so that they wind counter-clockwise around `normal`; earcut gives all of them one sense, which one depends on the plane.
    fn orient(&mut self, normal: DVec3) {
        let at = |i: u32| self.corners[i as usize].at;
        let sum: f64 = self.triangles.chunks_exact(3).map(|t| (at(t[1]) - at(t[0])).cross(at(t[2]) - at(t[0])).dot(normal)).sum();
        if sum < 0.0 {
            self.triangles.chunks_exact_mut(3).for_each(|t| t.swap(1, 2));
        }
    }
}

/// Surfaces that lie on the ground.
pub fn lies(surface: Surface) -> bool {
    matches!(surface, Surface::Terrain | Surface::Water | Surface::Road | Surface::Green | Surface::Land)
}

/// Twice the area vector of a ring (Newell's method): right for concave and slightly bent polygons too.
fn newell(ring: &[Corner]) -> DVec3 {
    let Some(origin) = ring.first().map(|c| c.at) else { return DVec3::ZERO };
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| (a.at - origin).cross(b.at - origin)).sum()
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
    use super::*;

    fn ring(points: &[[f64; 3]]) -> Vec<Corner> {
        points.iter().map(|p| Corner { at: DVec3::from_array(*p), height_m: p[2] }).collect()
    }

    fn style(surface: Surface) -> Style {
        Style { row: 3, surface, colour: [255; 4], base_m: -1.0, height_m: 9.0 }
    }

    #[test]
    fn a_south_wall_runs_east_and_faces_south() {
        let mut mesh = Mesh::default();
        let wall = ring(&[[10.0, 5.0, 0.0], [14.0, 5.0, 0.0], [14.0, 5.0, 3.0], [10.0, 5.0, 3.0]]);
        assert!(Mesher::default().add_ring(&mut mesh, &wall, &style(Surface::Wall)));
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
        let mut mesh = Mesh::default();
        let clockwise = ring(&[[0.0, 0.0, 1.0], [0.0, 2.0, 1.0], [2.0, 2.0, 1.0], [2.0, 0.0, 1.0]]);
        assert!(Mesher::default().add_ring(&mut mesh, &clockwise, &style(Surface::Road)));
        assert!(mesh.normals.iter().all(|n| n[2] == 1.0));
        assert_eq!(mesh.uvs[0], [9.0, 2.0]);
        let sliver = ring(&[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]);
        assert!(!Mesher::default().add_ring(&mut mesh, &sliver, &style(Surface::Roof)));
        assert_eq!(mesh.triangles(), 2);
    }

    #[test]
    fn an_l_shape_keeps_its_area() {
        let mut mesh = Mesh::default();
        let l = ring(&[[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 3.0, 0.0], [0.0, 3.0, 0.0]]);
        assert!(Mesher::default().add_ring(&mut mesh, &l, &style(Surface::Roof)));
        let p = |i: u32| DVec3::from(glam::Vec3::from(mesh.positions[i as usize]));
        let area: f64 = mesh.indices.chunks(3).map(|t| (p(t[1]) - p(t[0])).cross(p(t[2]) - p(t[0])).z * 0.5).sum();
        assert!((area - 6.0).abs() < 1e-9);
    }
}
