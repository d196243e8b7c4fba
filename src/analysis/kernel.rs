//! The city as triangles that rays are asked about: one bounding volume hierarchy, on any processor.
//!
//! The hierarchy is `obvhs` (PLOC with reinsertion; Meister et al. 2022): alive, SIMD, five small dependencies, and it leaves the test of a
//! triangle to us, so that surfaces and clips are asked for inside the walk. `bvh` brings nalgebra, `parry3d` a physics engine's shapes.

use super::clip::Clip;
use crate::geo::{Ecef, Geodetic, LocalFrame};
use crate::model::clip::ClipRegion;
use crate::tiles::{NO_FEATURE, TileContent, TileId, TileMesh};
use glam::DVec3;
use obvhs::BvhBuildParams;
use obvhs::bvh2::{Bvh2, builder::build_bvh2};
use obvhs::ray::{Ray, RayHit};
use obvhs::triangle::Triangle;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// Kinds of surface a ray heeds, as a set of the numbers in `_SURFACE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surfaces(u32);

impl Surfaces {
    pub const ALL: Self = Self(u32::MAX);
    /// Walls, roofs, and what does not say what it is: the renderer's rule for what is no ground.
    pub const BUILDINGS: Self = Self(0b111);
    /// What a walker stands on: terrain, water, roads, bridges.
    pub const GROUND: Self = Self(!0b111);

    /// Whether a number of a `Surface` is in the set.
    pub fn holds(self, surface: u8) -> bool {
        self.0 >> surface.min(31) & 1 == 1
    }
}

/// A city object with triangles in the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct CityObject {
    /// Attribute `id`; where a tileset has none, the tile's and the feature's number.
    pub id: String,
    /// Attribute `class`, empty where there is none.
    pub class: String,
    /// Whether it has a wall or a roof.
    pub is_building: bool,
}

/// The nearest triangle on a ray.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub distance_m: f64,
    /// East-north-up metres of the kernel's frame.
    pub position: DVec3,
    /// Unit length, on the side the triangle's corners run counter-clockwise.
    pub normal: DVec3,
    /// Index for [`Kernel::object`]; `None` for triangles of no feature.
    pub object: Option<u32>,
    /// Number of the `Surface` (wall, roof, ...).
    pub surface: u8,
}

#[derive(Clone, Copy, Debug)]
struct Facts {
    object: u32,
    surface: u8,
}

/// Takes triangles in; [`KernelBuilder::build`] makes them askable.
#[derive(Debug)]
pub struct KernelBuilder {
    frame: LocalFrame,
    triangles: Vec<Triangle>,
    facts: Vec<Facts>,
    objects: Vec<CityObject>,
    by_id: HashMap<String, u32>,
}

/// Triangles with a hierarchy over them. Asked from many threads at once.
pub struct Kernel {
    frame: LocalFrame,
    triangles: Vec<Triangle>,
    facts: Vec<Facts>,
    objects: Vec<CityObject>,
    hierarchy: Option<Bvh2>,
    clip: Option<Clip>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("triangles", &self.triangles.len()).field("objects", &self.objects.len()).finish_non_exhaustive()
    }
}

impl KernelBuilder {
    /// `frame`: the east-north-up frame of the kernel, best in the middle of what it will hold.
    pub fn new(frame: LocalFrame) -> Self {
        Self { frame, triangles: Vec::new(), facts: Vec::new(), objects: Vec::new(), by_id: HashMap::new() }
    }

    /// Adds one tile's triangles; features with the same attribute `id` are one object, also across tiles.
    pub fn add_tile(&mut self, tile: TileId, content: &TileContent) {
        let mut known: HashMap<u32, u32> = HashMap::new();
        for mesh in &content.meshes {
            self.add_mesh(mesh, &mut |this, feature| *known.entry(feature).or_insert_with(|| this.feature(tile, content, feature)));
        }
    }

    /// Adds one triangle, east-north-up metres of the frame. Those without an area or with a corner that is no number are left out.
    pub fn add_triangle(&mut self, corners: [DVec3; 3], object: Option<u32>, surface: u8) {
        let [a, b, c] = corners;
        let area = (b - a).cross(c - a).length();
        if !(area > 1e-9) || !area.is_finite() {
            return;
        }
        let near = |p: DVec3| p.as_vec3().to_array().into();
        self.triangles.push(Triangle { v0: near(a), v1: near(b), v2: near(c) });
        self.facts.push(Facts { object: object.unwrap_or(NO_FEATURE), surface });
        if let Some(object) = object.and_then(|o| self.objects.get_mut(o as usize)) {
            object.is_building |= matches!(surface, 1 | 2);
        }
    }

    /// The number of an object, new or known.
    pub fn object(&mut self, id: &str, class: &str) -> u32 {
        if let Some(known) = self.by_id.get(id) {
            return *known;
        }
        let number = self.objects.len() as u32;
        self.objects.push(CityObject { id: id.to_owned(), class: class.to_owned(), is_building: false });
        self.by_id.insert(id.to_owned(), number);
        number
    }

    fn feature(&mut self, tile: TileId, content: &TileContent, feature: u32) -> u32 {
        let attributes = content.features.attributes(feature);
        let text = |key: &str| attributes.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("id") {
            "" => self.object(&format!("{}/{feature}", tile.0), text("class")),
            id => self.object(id, text("class")),
        }
    }

    fn add_mesh(&mut self, mesh: &TileMesh, object_of: &mut dyn FnMut(&mut Self, u32) -> u32) {
        let corner = |i: u32| {
            let p = mesh.positions.get(i as usize)?;
            Some(self.frame.to_enu(Ecef(mesh.to_world.transform_point3(DVec3::from(p.map(f64::from))))))
        };
        let placed: Vec<Option<DVec3>> = (0..mesh.positions.len() as u32).map(corner).collect();
        let at = |i: u32| placed.get(i as usize).copied().flatten();
        for triangle in mesh.indices.chunks_exact(3) {
            let (Some(a), Some(b), Some(c)) = (at(triangle[0]), at(triangle[1]), at(triangle[2])) else { continue };
            let first = triangle[0] as usize;
            let feature = mesh.feature_ids.get(first).copied().filter(|f| *f != NO_FEATURE);
            let object = feature.map(|f| object_of(self, f));
            self.add_triangle([a, b, c], object, mesh.surfaces.get(first).copied().unwrap_or(0));
        }
    }

    pub fn build(self) -> Kernel {
        let parameters = BvhBuildParams { pre_split: false, ..BvhBuildParams::medium_build() };
        let hierarchy = (!self.triangles.is_empty()).then(|| build_bvh2(&self.triangles, parameters, &mut Duration::default()));
        let order = hierarchy.as_ref().map_or(&[][..], |h| &h.primitive_indices);
        // In the order of the leaves, so that a walk reads memory forwards.
        let triangles = order.iter().map(|i| self.triangles[*i as usize]).collect();
        let facts = order.iter().map(|i| self.facts[*i as usize]).collect();
        Kernel { frame: self.frame, triangles, facts, objects: self.objects, hierarchy, clip: None }
    }
}

impl Kernel {
    /// From what a tileset settled on: see [`super::gather`].
    pub fn from_tiles<'a>(frame: LocalFrame, tiles: impl Iterator<Item = (TileId, &'a TileContent)>) -> Self {
        let mut builder = KernelBuilder::new(frame);
        tiles.for_each(|(id, content)| builder.add_tile(id, content));
        builder.build()
    }

    pub fn frame(&self) -> &LocalFrame {
        &self.frame
    }

    pub fn triangle_count(&self) -> usize {
        self.triangles.len()
    }

    pub fn objects(&self) -> &[CityObject] {
        &self.objects
    }

    pub fn object(&self, number: u32) -> Option<&CityObject> {
        self.objects.get(number as usize)
    }

    /// Cuts a region away from now on; the default region cuts nothing.
    pub fn set_clip(&mut self, region: &ClipRegion) {
        self.clip = Clip::new(region, &self.frame);
    }

    pub fn is_clipped(&self) -> bool {
        self.clip.is_some()
    }

    /// Corners, object and surface of every triangle, clipped or not.
    pub fn triangles(&self) -> impl Iterator<Item = ([DVec3; 3], Option<u32>, u8)> + '_ {
        let far = |p: [f32; 3]| DVec3::from(p.map(f64::from));
        self.triangles.iter().zip(&self.facts).map(move |(t, f)| {
            let corners = [far(t.v0.to_array()), far(t.v1.to_array()), far(t.v2.to_array())];
            (corners, (f.object != NO_FEATURE).then_some(f.object), f.surface)
        })
    }

    /// The nearest triangle on a ray, from either side. `direction` of any length but 0; east-north-up metres.
    pub fn nearest(&self, origin: DVec3, direction: DVec3, reach_m: f64, among: Surfaces) -> Option<Hit> {
        let (hierarchy, direction) = (self.hierarchy.as_ref()?, direction.try_normalize()?);
        let ray = ray(origin, direction, reach_m)?;
        let mut found = RayHit::none();
        hierarchy.ray_traverse(ray, &mut found, |ray, i| self.test(ray, i, among)).then_some(())?;
        let i = found.primitive_id as usize;
        let (triangle, facts) = (self.triangles.get(i)?, self.facts.get(i)?);
        let distance_m = f64::from(found.t);
        Some(Hit {
            distance_m,
            position: origin + direction * distance_m,
            normal: DVec3::from(triangle.compute_normal().to_array().map(f64::from)),
            object: (facts.object != NO_FEATURE).then_some(facts.object),
            surface: facts.surface,
        })
    }

    /// Whether anything lies on the ray within reach: the first triangle found ends the walk.
    pub fn is_blocked(&self, origin: DVec3, direction: DVec3, reach_m: f64) -> bool {
        let (Some(hierarchy), Some(direction)) = (self.hierarchy.as_ref(), direction.try_normalize()) else { return false };
        let Some(ray) = ray(origin, direction, reach_m) else { return false };
        !hierarchy.ray_traverse_miss(ray, |ray, i| self.test(ray, i, Surfaces::ALL))
    }

    /// Distance to one triangle, infinite when it is missed, not asked for, or cut away where it is met.
    #[inline]
    fn test(&self, ray: &Ray, i: usize, among: Surfaces) -> f32 {
        if !among.holds(self.facts[i].surface) {
            return f32::INFINITY;
        }
        let t = self.triangles[i].intersect(ray);
        match &self.clip {
            // Places stand on the ground, also where a clip takes it out of the way of rays.
            Some(clip) if t.is_finite() && among != Surfaces::GROUND => {
                let met = ray.origin + ray.direction * t;
                if clip.cuts(DVec3::from(met.to_array().map(f64::from))) { f32::INFINITY } else { t }
            }
            _ => t,
        }
    }

    /// Up of the highest triangle at a place in the plane, and what it belongs to.
    pub fn down(&self, east: f64, north: f64, among: Surfaces) -> Option<Hit> {
        /// Above every city, below f32's troubles.
        const FROM_M: f64 = 9_000.0;
        self.nearest(DVec3::new(east, north, FROM_M), DVec3::NEG_Z, 2.0 * FROM_M, among)
    }

    /// Height of the ground at a longitude and latitude (degrees), metres above the ellipsoid; `None` where no ground was read.
    pub fn ground_m(&self, lon: f64, lat: f64) -> Option<f64> {
        self.surface_m(lon, lat, Surfaces::GROUND)
    }

    /// Height of the highest of some surfaces at a longitude and latitude (degrees), metres above the ellipsoid.
    pub fn surface_m(&self, lon: f64, lat: f64, among: Surfaces) -> Option<f64> {
        let enu = self.frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
        let hit = self.down(enu.x, enu.y, among)?;
        Some(self.frame.enu_to_geodetic(hit.position).height_m)
    }
}

/// `None` for what is no ray.
fn ray(origin: DVec3, direction: DVec3, reach_m: f64) -> Option<Ray> {
    let fine = origin.is_finite() && direction.is_finite() && reach_m > 0.0;
    fine.then(|| Ray::new(origin.as_vec3().to_array().into(), direction.as_vec3().to_array().into(), 0.0, reach_m as f32))
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
