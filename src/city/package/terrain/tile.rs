//! One terrain tile: samples, triangles, normals, skirts.

use super::super::PackageError;
use super::super::glb::{self, Row};
use super::super::mesh::{self as meshes, Mesh, Style, colour};
use super::drape::Picture;
use super::relief::{Extent, Part};
use super::rtin::{self, SIDE};
use super::{Address, Look, Plan};
use crate::city::source::Surface;
use crate::geo::Geodetic;
use glam::{DVec2, DVec3};
use std::collections::BTreeMap;
use std::path::Path;

/// Skirts reach down this many error bounds: a neighbour one level coarser is off by two, this tile by one.
const SKIRT_BOUNDS: f64 = 3.0;
/// And never less than this, metres.
const SKIRT_MIN_M: f64 = 1.0;
/// Steps of positions may take no more than this part of what a mesh may: a twentieth of the bound is enough for them.
const STEP_PART: f64 = 0.5;
/// Tile origins lie on multiples of this (a power of two), so that they are exact in the f32 that readers keep node translations in.
const ORIGIN_M: f64 = 0.125;

/// Samples a side of a tile with one more all around, for the slopes at its border.
const PADDED: usize = SIDE + 2;

/// Looks at twice the tile's resolution: how far halving the cells would move the ground.
pub fn look(part: &Part, extent: &Extent) -> Look {
    let fine = 2 * SIDE - 1;
    let heights = part.heights(extent, fine, 0);
    let missing = heights.iter().filter(|h| h.is_nan()).count();
    let mut error_m: f64 = 0.0;
    for n in (0..fine * fine).filter(|n| (n % fine) % 2 == 1 || (n / fine) % 2 == 1) {
        let (i, j) = (n % fine, n / fine);
        let around = |d: usize, x: usize| if x % 2 == 1 { [x - d, x + d] } else { [x, x] };
        let ([w, e], [s, t]) = (around(1, i), around(1, j));
        let mean = [(w, s), (e, s), (w, t), (e, t)].iter().map(|(i, j)| heights[j * fine + i]).sum::<f64>() * 0.25;
        // NaN never wins.
        error_m = error_m.max((mean - heights[n]).abs());
    }
    Look { error_m, mixed: missing > 0 && missing < heights.len(), empty: missing == heights.len() }
}

/// A tile's mesh before it is bytes.
pub struct Ground {
    pub mesh: Mesh,
    /// Of the mesh in the tree's frame.
    pub origin: DVec3,
    /// Lowest and highest height above the ellipsoid (skirts included), metres.
    pub low_m: f64,
    pub high_m: f64,
    /// By how much it may be off, metres.
    pub bound_m: f64,
}

/// Meshes a tile; with texture coordinates when it is `draped`.
pub fn mesh(plan: &Plan, address: Address, divided: bool, draped: bool) -> Ground {
    let extent = address.extent(&plan.extent);
    let bound_m = if divided { plan.bound_m(address.level) } else { plan.tolerance_m };
    let share = |i: usize| (i as f64 - 1.0) / (SIDE - 1) as f64;
    let cell = ((extent.east - extent.west) / (SIDE - 1) as f64, (extent.north - extent.south) / (SIDE - 1) as f64);
    let heights = plan.relief.part(&extent.wider(cell)).heights(&extent, SIDE, 1);
    let place = |(i, height_m): (usize, &f64)| {
        let (lon, lat) = extent.at(share(i % PADDED), share(i / PADDED));
        height_m.is_finite().then(|| Geodetic::from_degrees(lon, lat, *height_m))
    };
    let around: Vec<DVec3> = heights.iter().enumerate().map(|h| place(h).map_or(DVec3::NAN, |p| plan.frame.geodetic_to_enu(p))).collect();
    let inner = |i: usize| (i / SIDE + 1) * PADDED + i % SIDE + 1;
    let enu: Vec<DVec3> = (0..SIDE * SIDE).map(|i| around[inner(i)]).collect();
    let points: Vec<f64> = (0..SIDE * SIDE).map(|i| heights[inner(i)]).collect();
    // Up in the tree's frame, not height: a long triangle must follow the Earth's curve too.
    let up: Vec<f64> = enu.iter().map(|p| p.z).collect();
    let triangles = rtin::triangulate(&up, bound_m);
    let heights = || points.iter().copied().filter(|h| h.is_finite());
    let (low, high) = (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
    let middle = enu.iter().filter(|p| p.is_finite()).sum::<DVec3>() / heights().count().max(1) as f64;
    let origin = (middle / ORIGIN_M).round() * ORIGIN_M;
    let skirt_m = (bound_m * SKIRT_BOUNDS).max(SKIRT_MIN_M);
    let mut builder =
        Builder { enu: &enu, around: &around, draped, origin, mesh: Mesh { two_sided: true, ..Mesh::default() }, vertex: BTreeMap::new() };
    for t in &triangles {
        builder.triangle(*t);
    }
    builder.skirts(skirt_m);
    Ground { mesh: builder.mesh, origin, low_m: low - skirt_m, high_m: high, bound_m }
}

/// Writes the tile's glb; answers lowest and highest height above the ellipsoid (skirts included), metres, and triangles.
pub fn write(plan: &Plan, address: Address, divided: bool, picture: Option<&Picture>, dir: &Path) -> Result<(f64, f64, u64), PackageError> {
    let Ground { mut mesh, origin, low_m, high_m, bound_m } = mesh(plan, address, divided, picture.is_some());
    if let Some(picture) = picture {
        let jpeg = picture.jpeg(colour(Surface::Terrain, "Terrain"));
        let bytes = jpeg.map_err(|e| PackageError::io(dir)(std::io::Error::other(e)))?;
        let texcoords = std::mem::replace(&mut mesh.uvs, vec![[0.0; 2]; mesh.positions.len()]);
        mesh.picture = Some(meshes::Picture { mime: "image/jpeg", bytes, texcoords, cut_out: false });
    }
    let row = Row { id: "terrain", class: "Terrain", parent: None, lod: "", attributes: None };
    let folder = dir.join(format!("{}/{}", address.level, address.x));
    std::fs::create_dir_all(&folder).map_err(PackageError::io(&folder))?;
    let path = folder.join(format!("{}.glb", address.y));
    std::fs::write(&path, glb::write(&mesh, (origin, bound_m * STEP_PART), &plan.schema, &[row])).map_err(PackageError::io(path))?;
    Ok((low_m, high_m, mesh.triangles() as u64))
}

struct Builder<'a> {
    enu: &'a [DVec3],
    /// With one more all around; NaN where there is no ground.
    around: &'a [DVec3],
    /// A picture lies over the tile.
    draped: bool,
    origin: DVec3,
    mesh: Mesh,
    /// Grid index to vertex.
    vertex: BTreeMap<u32, u32>,
}

impl Builder<'_> {
    /// Under a picture the vertices are white: the two are multiplied.
    fn style(&self) -> Style {
        let colour = if self.draped { [255; 4] } else { colour(Surface::Terrain, "Terrain") };
        Style { row: 0, surface: Surface::Terrain, colour }
    }

    /// Place of a grid point in the tile's picture, from its north-west corner; zero without one.
    fn uv(&self, i: u32) -> DVec2 {
        let share = |n: usize| n as f64 / (SIDE - 1) as f64;
        if self.draped { DVec2::new(share(i as usize % SIDE), 1.0 - share(i as usize / SIDE)) } else { DVec2::ZERO }
    }

    fn vertex(&mut self, i: u32) -> u32 {
        if let Some(v) = self.vertex.get(&i) {
            return *v;
        }
        let v = self.mesh.positions.len() as u32;
        let (normal, uv, style) = (self.normal(i), self.uv(i), self.style());
        self.mesh.push(self.enu[i as usize] - self.origin, normal, uv, &style);
        self.vertex.insert(i, v);
        v
    }

    fn triangle(&mut self, t: [u32; 3]) {
        let [a, b, c] = t.map(|i| self.enu[i as usize]);
        let t = if (b - a).cross(c - a).z < 0.0 { [t[0], t[2], t[1]] } else { t };
        let t = t.map(|i| self.vertex(i));
        self.mesh.indices.extend(t);
    }

    /// From the samples around, across the tile's border too: no seam shows in the shading.
    fn normal(&self, i: u32) -> DVec3 {
        let middle = (i as usize / SIDE + 1) * PADDED + i as usize % SIDE + 1;
        // Beyond the data: the point itself, which makes the difference one-sided.
        let at = |n: usize| if self.around[n].is_finite() { self.around[n] } else { self.around[middle] };
        let (east, north) = (at(middle + 1) - at(middle - 1), at(middle + PADDED) - at(middle - PADDED));
        east.cross(north).try_normalize().unwrap_or(DVec3::Z)
    }

    /// Walls hanging from the four borders, to hide cracks between tiles of different levels.
    fn skirts(&mut self, depth_m: f64) {
        let last = (SIDE - 1) as u32;
        let side = SIDE as u32;
        // Each border from left to right seen from outside, so that its skirt faces outwards.
        let south: Vec<u32> = (0..side).collect();
        let east: Vec<u32> = (0..side).map(|k| k * side + last).collect();
        let north: Vec<u32> = (0..side).rev().map(|k| last * side + k).collect();
        let west: Vec<u32> = (0..side).rev().map(|k| k * side).collect();
        for border in [south, east, north, west] {
            let mut from: Option<u32> = None;
            for i in border {
                if self.enu[i as usize].is_nan() {
                    from = None;
                } else if let Some(v) = self.vertex.get(&i).copied() {
                    if let Some(u) = from {
                        self.hang(u, v, depth_m);
                    }
                    from = Some(v);
                }
            }
        }
    }

    fn hang(&mut self, u: u32, v: u32, depth_m: f64) {
        let style = self.style();
        let below = |m: &mut Mesh, i: u32| {
            let uv = DVec2::from(m.uvs[i as usize].map(f64::from));
            let (p, n) = (m.positions[i as usize], m.normals[i as usize]);
            let lowered = DVec3::new(f64::from(p[0]), f64::from(p[1]), f64::from(p[2]) - depth_m);
            m.push(lowered, DVec3::new(f64::from(n[0]), f64::from(n[1]), f64::from(n[2])), uv, &style);
            m.positions.len() as u32 - 1
        };
        let (a, b) = (below(&mut self.mesh, u), below(&mut self.mesh, v));
        self.mesh.indices.extend([u, a, b, u, b, v]);
    }
}
