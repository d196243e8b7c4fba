//! What heights count from: the ellipsoid, as satellites and 3D Tiles have it, or the sea, as surveyors and city models have it.
//!
//! The two lie up to 106 m apart (43 m in the Netherlands, -5 m on the coast of Jiangsu): a city and a terrain of different kinds don't meet.
//! Every source says what its heights are; they become ellipsoidal on the way in and stay so.

use super::Geodetic;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

/// Distance of the nodes between which EGM96 is interpolated, degrees: its shortest wave is 1 degree, and between such nodes it bends by
/// millimetres.
const NODE_DEG: f64 = 0.05;
/// Nodes kept at once: a country of 10 x 10 degrees has 40,000.
const NODES_MAX: usize = 1_000_000;
/// Codes whose heights are ellipsoidal by definition: WGS 84, CGCS2000, ETRS89, JGD2011, GDA94, GDA2020, NAD83(2011), RGF93 in geographic 3D.
const ELLIPSOIDAL: [&str; 8] = ["EPSG:4979", "EPSG:4480", "EPSG:4937", "EPSG:6667", "EPSG:4939", "EPSG:7843", "EPSG:6319", "EPSG:4965"];

/// What the heights of a source count from.
#[derive(Clone, Debug, PartialEq)]
pub enum Heights {
    /// The ellipsoid of WGS 84 (those of CGCS2000, ETRS89 and GRS 80 are the same within a millimetre).
    Ellipsoidal,
    /// The sea, continued under the land.
    Orthometric(Geoid),
}

/// The sea's height above the ellipsoid.
#[derive(Clone, Debug, PartialEq)]
pub enum Geoid {
    /// The Earth Gravitational Model of 1996, to degree 360; national height systems lie within about a metre of it.
    Egm96,
    /// One height for all of a city, metres: what a surveyor writes in the margin.
    Constant(f64),
    /// A national or newer model.
    Grid(Arc<UndulationGrid>),
}

/// A regular grid of the sea's height above the ellipsoid, in degrees.
#[derive(Debug, PartialEq)]
pub struct UndulationGrid {
    /// Shown in manifests: the file's name.
    pub name: String,
    /// Longitude and latitude of the first (north-western) node.
    pub origin_deg: (f64, f64),
    /// Between nodes; the second is negative: rows run southwards.
    pub step_deg: (f64, f64),
    pub width: usize,
    /// Metres, row by row; `NaN` where there is none.
    pub values: Vec<f32>,
}

impl UndulationGrid {
    /// Metres at a place, between four nodes; `NaN` outside.
    pub fn at(&self, lon_deg: f64, lat_deg: f64) -> f64 {
        let height = self.values.len() / self.width.max(1);
        let (x, y) = ((lon_deg - self.origin_deg.0) / self.step_deg.0, (lat_deg - self.origin_deg.1) / self.step_deg.1);
        let (last_x, last_y) = (self.width as f64 - 1.0, height as f64 - 1.0);
        if !(x >= 0.0 && y >= 0.0 && x <= last_x && y <= last_y) {
            return f64::NAN;
        }
        let (i, j) = ((x.min(last_x - 1.0)).max(0.0) as usize, (y.min(last_y - 1.0)).max(0.0) as usize);
        let node = |di: usize, dj: usize| {
            let (i, j) = ((i + di).min(self.width - 1), (j + dj).min(height - 1));
            f64::from(self.values.get(j * self.width + i).copied().unwrap_or(f32::NAN))
        };
        blend([node(0, 0), node(1, 0), node(0, 1), node(1, 1)], x - i as f64, y - j as f64)
    }
}

impl Heights {
    /// What a coordinate system's heights are when nobody says more: geographic 3D systems are ellipsoidal, everything else counts from the
    /// sea, which EGM96 stands for.
    pub fn of_crs(name: &str) -> Self {
        if ELLIPSOIDAL.contains(&name) { Self::Ellipsoidal } else { Self::Orthometric(Geoid::Egm96) }
    }

    /// Metres from the ellipsoid up to where these heights count from; `NaN` where a grid does not reach.
    pub fn undulation_m(&self, lon_deg: f64, lat_deg: f64) -> f64 {
        match self {
            Self::Ellipsoidal => 0.0,
            Self::Orthometric(Geoid::Constant(m)) => *m,
            Self::Orthometric(Geoid::Grid(grid)) => grid.at(lon_deg, lat_deg),
            Self::Orthometric(Geoid::Egm96) => egm96(lon_deg, lat_deg),
        }
    }

    /// Makes heights ellipsoidal. A point without a place, or beyond a grid, ends up with a longitude of `NaN`.
    pub fn lift(&self, points: &mut [Geodetic]) {
        for p in points.iter_mut().filter(|p| !p.lon_rad.is_nan()) {
            let up_m = self.undulation_m(p.lon_deg(), p.lat_deg());
            if up_m.is_nan() {
                p.lon_rad = f64::NAN;
            } else {
                p.height_m += up_m;
            }
        }
    }
}

impl fmt::Display for Heights {
    /// As it is written in manifests: `ellipsoidal`, `egm96`, `43.2 m`, or a grid's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ellipsoidal => f.write_str("ellipsoidal"),
            Self::Orthometric(Geoid::Egm96) => f.write_str("egm96"),
            Self::Orthometric(Geoid::Constant(m)) => write!(f, "{m} m"),
            Self::Orthometric(Geoid::Grid(grid)) => f.write_str(&grid.name),
        }
    }
}

fn egm96(lon_deg: f64, lat_deg: f64) -> f64 {
    thread_local! {
        // Neighbours in the file are neighbours in the city: most points lie in the cell of the one before.
        static LAST: std::cell::Cell<Option<Cell>> = const { std::cell::Cell::new(None) };
    }
    let cell = LAST.get().filter(|c| c.has(lon_deg, lat_deg)).unwrap_or_else(|| Cell::holding(lon_deg, lat_deg));
    LAST.set(Some(cell));
    cell.at(lon_deg, lat_deg)
}

/// Four nodes of EGM96.
#[derive(Clone, Copy)]
struct Cell {
    west: i32,
    south: i32,
    /// South-west, south-east, north-west, north-east, metres.
    nodes: [f64; 4],
}

impl Cell {
    fn index(lon_deg: f64, lat_deg: f64) -> (i32, i32) {
        ((lon_deg / NODE_DEG).floor() as i32, (lat_deg / NODE_DEG).floor() as i32)
    }

    fn holding(lon_deg: f64, lat_deg: f64) -> Self {
        let (west, south) = Self::index(lon_deg, lat_deg);
        let nodes = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| f64::from(egm96_node(west + x, south + y)));
        Self { west, south, nodes }
    }

    fn has(&self, lon_deg: f64, lat_deg: f64) -> bool {
        (self.west, self.south) == Self::index(lon_deg, lat_deg)
    }

    fn at(&self, lon_deg: f64, lat_deg: f64) -> f64 {
        blend(self.nodes, lon_deg / NODE_DEG - f64::from(self.west), lat_deg / NODE_DEG - f64::from(self.south))
    }
}

/// Between four corners: `u` from the first to the second, `v` from the first to the third.
fn blend([a, b, c, d]: [f64; 4], u: f64, v: f64) -> f64 {
    (a * (1.0 - u) + b * u) * (1.0 - v) + (c * (1.0 - u) + d * u) * v
}

/// EGM96 at a node: summing its 65,000 terms takes about a millisecond, so that each is done once.
fn egm96_node(x: i32, y: i32) -> f32 {
    static NODES: RwLock<Option<HashMap<(i32, i32), f32>>> = RwLock::new(None);
    // A panic elsewhere can't leave a table of numbers half written.
    let read = || NODES.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = read().as_ref().and_then(|nodes| nodes.get(&(x, y)).copied()) {
        return known;
    }
    let value = egm96::egm96_compute_altitude_offset(f64::from(y) * NODE_DEG, f64::from(x) * NODE_DEG) as f32;
    let mut nodes = NODES.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let nodes = nodes.get_or_insert_default();
    if nodes.len() >= NODES_MAX {
        nodes.clear();
    }
    nodes.insert((x, y), value);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn egm96_is_what_its_makers_publish() {
        let egm96 = Heights::Orthometric(Geoid::Egm96);
        // NGA's test values for EGM96 (OUTF477.DAT): latitude, longitude, undulation; 5 cm for the interpolation between their own nodes.
        for (lat, lon, metres) in
            [(38.6281550, 269.7791550, -31.628), (-14.6212170, 305.0211140, -2.969), (46.8743190, 102.4487290, -43.575)]
        {
            let got = egm96.undulation_m(lon, lat);
            assert!((got - metres).abs() < 0.05, "{lat} {lon}: {got}, not {metres}");
        }
    }

    #[test]
    fn a_city_is_lifted_by_the_geoid_under_it_and_satellite_heights_stay() {
        let there = [Geodetic::from_degrees(4.27, 52.1, 5.0), Geodetic { lon_rad: f64::NAN, lat_rad: 0.0, height_m: 1.0 }];
        let lifted = |heights: &Heights| {
            let mut points = there;
            heights.lift(&mut points);
            points
        };
        assert!((lifted(&Heights::of_crs("EPSG:7415"))[0].height_m - 48.3).abs() < 1.0);
        assert_eq!(lifted(&Heights::of_crs("EPSG:4979"))[0].height_m, 5.0);
        assert_eq!(lifted(&Heights::Orthometric(Geoid::Constant(-2.5)))[0].height_m, 2.5);
        assert!(lifted(&Heights::of_crs("EPSG:7415"))[1].lon_rad.is_nan());
    }

    #[test]
    fn a_grid_is_blended_between_its_nodes_and_ends_at_its_border() {
        let grid = UndulationGrid {
            name: "national.tif".into(),
            origin_deg: (4.0, 53.0),
            step_deg: (0.5, -0.5),
            width: 2,
            values: vec![40.0, 42.0, 44.0, 46.0],
        };
        let heights = Heights::Orthometric(Geoid::Grid(Arc::new(grid)));
        assert_eq!(heights.undulation_m(4.25, 52.75), 43.0);
        assert_eq!(heights.undulation_m(4.5, 52.5), 46.0);
        assert!(heights.undulation_m(4.6, 52.6).is_nan());
        assert_eq!(heights.to_string(), "national.tif");
    }
}
