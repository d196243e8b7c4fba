//! One terrain tile: samples, triangles, normals, skirts.

use super::super::PackageError;
use super::super::glb::{self, Row};
use super::super::mesh::{Mesh, Style, colour};
use super::relief::{Extent, Relief};
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

/// Looks at twice the tile's resolution: how far halving the cells would move the ground.
pub fn look(relief: &Relief, extent: &Extent) -> Look {
    let fine = 2 * SIDE - 1;
    let at = |i: usize, j: usize| {
        let (lon, lat) = extent.at(i as f64 / (fine - 1) as f64, j as f64 / (fine - 1) as f64);
        relief.height_m(lon, lat).unwrap_or(f64::NAN)
    };
    let heights: Vec<f64> = (0..fine * fine).map(|n| at(n % fine, n / fine)).collect();
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

/// Writes the tile's glb; answers lowest and highest height above the ellipsoid (skirts included), metres, and triangles.
pub fn write(plan: &Plan, address: Address, divided: bool, dir: &Path) -> Result<(f64, f64, u64), PackageError> {
    let extent = address.extent(&plan.extent);
    let bound_m = if divided { plan.bound_m[address.level as usize] } else { plan.tolerance_m };
    let place = |i: usize| extent.at((i % SIDE) as f64 / (SIDE - 1) as f64, (i / SIDE) as f64 / (SIDE - 1) as f64);
    let points: Vec<Option<Geodetic>> = (0..SIDE * SIDE)
        .map(|i| {
            let (lon, lat) = place(i);
            Some(Geodetic::from_degrees(lon, lat, plan.relief.height_m(lon, lat)?))
        })
        .collect();
    let enu: Vec<DVec3> = points.iter().map(|p| p.map_or(DVec3::NAN, |p| plan.frame.geodetic_to_enu(p))).collect();
    // Up in the tree's frame, not height: a long triangle must follow the Earth's curve too.
    let up: Vec<f64> = enu.iter().map(|p| p.z).collect();
    let triangles = rtin::triangulate(&up, bound_m);
    let heights = || points.iter().flatten().map(|p| p.height_m);
    let (low, high) = (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
    let middle = enu.iter().filter(|p| p.is_finite()).sum::<DVec3>() / heights().count().max(1) as f64;
    let origin = (middle / ORIGIN_M).round() * ORIGIN_M;
    let skirt_m = (bound_m * SKIRT_BOUNDS).max(SKIRT_MIN_M);
    let mut builder = Builder { plan, enu: &enu, points: &points, extent, origin, mesh: Mesh::default(), vertex: BTreeMap::new() };
    for t in &triangles {
        builder.triangle(*t);
    }
    builder.skirts(skirt_m);
    let mesh = builder.mesh;
    let row = Row { id: "terrain", class: "Terrain", parent: None, lod: "", attributes: None };
    let folder = dir.join(format!("{}/{}", address.level, address.x));
    std::fs::create_dir_all(&folder).map_err(PackageError::io(&folder))?;
    let path = folder.join(format!("{}.glb", address.y));
    std::fs::write(&path, glb::write(&mesh, (origin, bound_m * STEP_PART), &plan.schema, &[row])).map_err(PackageError::io(path))?;
    Ok((low - skirt_m, high, mesh.triangles() as u64))
}

struct Builder<'a> {
    plan: &'a Plan<'a>,
    enu: &'a [DVec3],
    points: &'a [Option<Geodetic>],
    extent: Extent,
    origin: DVec3,
    mesh: Mesh,
    /// Grid index to vertex.
    vertex: BTreeMap<u32, u32>,
}

impl Builder<'_> {
    fn style() -> Style {
        Style { row: 0, surface: Surface::Terrain, colour: colour(Surface::Terrain, "Terrain") }
    }

    fn vertex(&mut self, i: u32) -> u32 {
        if let Some(v) = self.vertex.get(&i) {
            return *v;
        }
        let v = self.mesh.positions.len() as u32;
        let normal = self.normal(i);
        self.mesh.push(self.enu[i as usize] - self.origin, normal, DVec2::ZERO, &Self::style());
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
        let Some(p) = self.points[i as usize] else { return DVec3::Z };
        let (dx, dy) =
            ((self.extent.east - self.extent.west) / (SIDE - 1) as f64, (self.extent.north - self.extent.south) / (SIDE - 1) as f64);
        let frame = &self.plan.frame;
        let at = |x: f64, y: f64| {
            let (lon, lat) = (p.lon_deg() + x * dx, p.lat_deg() + y * dy);
            // Beyond the data: the point itself, which makes the difference one-sided.
            let g = self.plan.relief.height_m(lon, lat).map_or(p, |h| Geodetic::from_degrees(lon, lat, h));
            frame.geodetic_to_enu(g)
        };
        let (east, north) = (at(1.0, 0.0) - at(-1.0, 0.0), at(0.0, 1.0) - at(0.0, -1.0));
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
                if self.points[i as usize].is_none() {
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
        let below = |m: &mut Mesh, i: u32| {
            let (p, n) = (m.positions[i as usize], m.normals[i as usize]);
            let lowered = DVec3::new(f64::from(p[0]), f64::from(p[1]), f64::from(p[2]) - depth_m);
            m.push(lowered, DVec3::new(f64::from(n[0]), f64::from(n[1]), f64::from(n[2])), DVec2::ZERO, &Self::style());
            m.positions.len() as u32 - 1
        };
        let (a, b) = (below(&mut self.mesh, u), below(&mut self.mesh, v));
        self.mesh.indices.extend([u, a, b, u, b, v]);
    }
}
