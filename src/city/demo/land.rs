//! The ground: a plain 15 to 30 m high, banks and basins along the waters, low hills to the north-east.

use super::plane::{CENTRE, Plane};
use super::water::{self, Water};
use crate::city::source::ElevationGrid;
use crate::geo::CrsError;
use glam::{DVec2, dvec2};
use noise::{NoiseFn, Perlin};
use std::path::PathBuf;

/// Half the side of the modelled land, metres.
pub const HALF_M: f64 = 12_000.0;
const STEP_DEG: f64 = 1.0 / 3600.0;

/// The elevation grid as written to `terrain.tif`, and the way to read it in the plane.
pub struct Land {
    pub grid: ElevationGrid,
    /// Grid column and row of a point in the plane are an affine function within 0.3 of a sample over 24 km: good to centimetres here.
    affine: [DVec2; 3],
}

impl Land {
    pub fn new(seed: u32, plane: &Plane, waters: &[Water]) -> Result<Self, CrsError> {
        let corner = |x: f64, y: f64| plane.lonlat(dvec2(x, y));
        let (sw, ne) = (corner(-HALF_M, -HALF_M)?, corner(HALF_M, HALF_M)?);
        let width = ((ne[0] - sw[0]) / STEP_DEG).ceil() as usize + 1;
        let height = ((ne[1] - sw[1]) / STEP_DEG).ceil() as usize + 1;
        let origin = ((sw[0] / STEP_DEG).floor() * STEP_DEG, (ne[1] / STEP_DEG).ceil() * STEP_DEG);
        let hills = Relief::new(seed);
        let mut values = Vec::with_capacity(width * height);
        for row in 0..height {
            for col in 0..width {
                let p = plane.local(origin.0 + col as f64 * STEP_DEG, origin.1 - row as f64 * STEP_DEG)?;
                values.push(((hills.ground(waters, p) * 100.0).round() / 100.0) as f32);
            }
        }
        let to_grid = |p: DVec2| -> Result<DVec2, CrsError> {
            let [lon, lat] = plane.lonlat(p)?;
            Ok(dvec2((lon - origin.0) / STEP_DEG, (origin.1 - lat) / STEP_DEG))
        };
        let far = 8_000.0;
        let (c, e, n) = (to_grid(DVec2::ZERO)?, to_grid(dvec2(far, 0.0))?, to_grid(dvec2(0.0, far))?);
        let grid = ElevationGrid {
            file: PathBuf::from("terrain.tif"),
            crs: Some("EPSG:4326".to_owned()),
            origin,
            step: (STEP_DEG, -STEP_DEG),
            width,
            height,
            values: values.into(),
        };
        debug_assert!(CENTRE.0 > sw[0]);
        Ok(Self { grid, affine: [c, (e - c) / far, (n - c) / far] })
    }

    /// Height of the grid at `p`, metres, bilinear; beyond the grid its border goes on.
    pub fn height(&self, p: DVec2) -> f64 {
        let g = self.affine[0] + self.affine[1] * p.x + self.affine[2] * p.y;
        let (x, y) = (g.x.clamp(0.0, (self.grid.width - 1) as f64 - 1e-6), g.y.clamp(0.0, (self.grid.height - 1) as f64 - 1e-6));
        let (i, j) = (x as usize, y as usize);
        let at =
            |c: usize, r: usize| f64::from(self.grid.values[r.min(self.grid.height - 1) * self.grid.width + c.min(self.grid.width - 1)]);
        let (u, v) = (x - i as f64, y - j as f64);
        (at(i, j) * (1.0 - u) + at(i + 1, j) * u) * (1.0 - v) + (at(i, j + 1) * (1.0 - u) + at(i + 1, j + 1) * u) * v
    }
}

struct Relief {
    noise: Perlin,
}

impl Relief {
    fn new(seed: u32) -> Self {
        Self { noise: Perlin::new(seed.wrapping_add(17)) }
    }

    /// The plain and its hills, before the waters cut in.
    fn natural(&self, p: DVec2) -> f64 {
        let wave = |m: f64, o: f64| self.noise.get([p.x / m + o, p.y / m - o]);
        let plain = 21.4 + 2.2 * wave(5200.0, 0.0) + 0.9 * wave(1700.0, 31.0) - (p.x + p.y) * 0.00012;
        // Santai hills (三台山): low and wooded.
        let hill = |x: f64, y: f64, r: f64, h: f64| h * (-(p - dvec2(x, y)).length_squared() / (2.0 * r * r)).exp();
        let hills = hill(3400.0, 9700.0, 1150.0, 44.0)
            + hill(5600.0, 8700.0, 850.0, 27.0)
            + hill(1500.0, 10900.0, 800.0, 30.0)
            + hill(7600.0, 10400.0, 1300.0, 36.0);
        plain + hills * (1.0 + 0.35 * wave(700.0, 5.0))
    }

    fn ground(&self, waters: &[Water], p: DVec2) -> f64 {
        let (which, d) = water::nearest(waters, p);
        let level = waters[which].level_m;
        // The bed starts under the shore, so that a 30 m grid never lifts land through the water's edge.
        let bed = level - 0.5 - ((-d - 12.0) * 0.09).clamp(0.0, 3.8);
        if d < 12.0 {
            return bed;
        }
        let bank = level + 1.5;
        if d < 55.0 {
            return bed + (bank - bed) * (d - 12.0) / 43.0;
        }
        let t = ((d - 55.0) / 345.0).clamp(0.0, 1.0);
        let t = t * t * (3.0 - 2.0 * t);
        bank + (self.natural(p).max(bank) - bank) * t
    }
}
