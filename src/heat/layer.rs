//! A layer of a scene computed: the field as the screens draw it, and what a person who points at it is told.

use super::density::{bandwidth_m, density};
use super::hexagons;
use super::patches::{self, Patch};
use super::texels::{self, Texel};
use super::{Estimate, Grid, Idw, Index, Kriging, Sample};
use crate::geo::{Geodetic, LocalFrame};
use crate::model::heat::{HeatConfig, HeatMethod};
use glam::{DVec2, UVec2};
use std::sync::Arc;

/// A reading or an event at its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Metres east and north of the anchor.
    pub at_m: DVec2,
    /// Degrees.
    pub lon: f64,
    pub lat: f64,
    /// In the layer's unit; 1 for an event.
    pub value: f64,
}

/// What a layer is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub frame: LocalFrame,
    /// Readings that stand, or events.
    pub points: Vec<Point>,
    /// Where sensors stand that are left out.
    pub left_out_m: Vec<DVec2>,
    /// Borders of the areas to roll up by.
    pub areas: Vec<Patch>,
}

/// A layer that was computed.
#[derive(Debug)]
pub struct Layer {
    pub grid: Grid,
    /// The field; `None` where the device computes it from the samples.
    pub texels: Option<Arc<Vec<Texel>>>,
    /// How it was made, which is not how the scene asked for it when that was impossible.
    pub method: HeatMethod,
    /// Why not, in words.
    pub note: Option<String>,
    /// Leave-one-out error, in the layer's unit.
    pub error: Option<f64>,
    /// Distance at which readings no longer have to do with each other, metres (kriging), or the kernel's width (density).
    pub range_m: Option<f64>,
    model: Model,
}

#[derive(Debug)]
enum Model {
    Idw(Idw, Vec<Sample>),
    Kriging(Box<Kriging>, f64),
    /// Events a km², cell by cell.
    Density(super::Raster),
    Patches(Vec<Patch>, Vec<Option<f32>>),
}

/// Neighbours of a kriging estimate where the scene says nothing: more change the third digit.
const KRIGING_NEIGHBOURS: u32 = 16;
/// Estimating each from the others is work that grows with the square (inverse distance over all); above so many samples it is not told.
const LEAVE_ONE_OUT_MAX: usize = 1_500;
/// A density under this share of the scale's end is left uncoloured.
const DENSITY_SHOWN: f32 = 0.02;
/// How well informed a patch is whose sensors are all left out: hatched.
const ONLY_LEFT_OUT: f32 = 0.3;

impl Layer {
    /// Computes a layer on `size` by `size` cells around its input. Takes some milliseconds to a few hundred: not for the thread that draws.
    pub fn compute(config: &HeatConfig, input: &Input, size: u32) -> Self {
        match config.method {
            HeatMethod::Idw => Self::idw(config, input, size, None),
            HeatMethod::Kriging => Self::kriging(config, input, size),
            HeatMethod::Density => Self::density(config, input, size),
            HeatMethod::Areas => Self::by_patches(config, input, size, input.areas.clone()),
            HeatMethod::Hexagons => {
                let patches = hexagons_of(config, input);
                Self::by_patches(config, input, size, patches)
            }
        }
    }

    fn idw(config: &HeatConfig, input: &Input, size: u32, note: Option<String>) -> Self {
        let samples = samples(input);
        let neighbours = config.neighbours.map(|n| n as usize);
        let reach_m = f64::from(config.reach_m);
        let idw = Idw { power: f64::from(config.power), reach_m, neighbours };
        let grid = around(samples.iter().map(|s| s.at_m), 2.0 * reach_m, size);
        // Over all samples the device computes it, in a few milliseconds on a real one; a choice of neighbours is made here.
        let texels = neighbours.is_some().then(|| {
            let field = Idw { reach_m: 2.0 * reach_m, ..idw }.onto(grid, &samples);
            texels::drape(&field, &config.scale(), |_, nearest_m| texels::informed_by_distance(f64::from(nearest_m), reach_m))
                .hatched(&Index::new(samples.iter().map(|s| s.at_m)), &Index::new(input.left_out_m.iter().copied()), reach_m)
                .texels()
        });
        let error = (samples.len() <= LEAVE_ONE_OUT_MAX).then(|| idw.leave_one_out_rmse(&samples)).flatten();
        Self { grid, texels, method: HeatMethod::Idw, note, error, range_m: None, model: Model::Idw(idw, samples) }
    }

    fn kriging(config: &HeatConfig, input: &Input, size: u32) -> Self {
        let samples = samples(input);
        let reach_m = f64::from(config.reach_m);
        let kriging = match Kriging::fit(&samples, config.neighbours.unwrap_or(KRIGING_NEIGHBOURS) as usize) {
            Ok(kriging) => kriging,
            Err(why) => return Self::idw(config, input, size, Some(why.to_string())),
        };
        let grid = around(samples.iter().map(|s| s.at_m), 2.0 * reach_m, size);
        let field = kriging.onto(grid, 2.0 * reach_m);
        let sill = kriging.variogram().sill();
        let index = Index::new(samples.iter().map(|s| s.at_m));
        let texels = texels::drape(&field, &config.scale(), |_, variance| (1.0 - 0.5 * f64::from(variance) / sill).clamp(0.3, 1.0) as f32)
            .within_reach(&index, reach_m)
            .hatched(&index, &Index::new(input.left_out_m.iter().copied()), reach_m)
            .texels();
        let error = (samples.len() <= LEAVE_ONE_OUT_MAX).then(|| kriging.leave_one_out_rmse()).flatten();
        let range_m = Some(kriging.variogram().range_m);
        let model = Model::Kriging(Box::new(kriging), reach_m);
        Self { grid, texels: Some(texels), method: HeatMethod::Kriging, note: None, error, range_m, model }
    }

    fn density(config: &HeatConfig, input: &Input, size: u32) -> Self {
        let events: Vec<DVec2> = input.points.iter().map(|p| p.at_m).collect();
        // One place tells no spread: a street block then.
        let bandwidth = config.bandwidth_m.map(f64::from).or_else(|| bandwidth_m(&events)).unwrap_or(f64::from(config.reach_m) * 0.5);
        let grid = around(events.iter().copied(), 4.0 * bandwidth, size);
        let field = density(grid, &events, bandwidth);
        let end = config.scale().bounds().last().copied().unwrap_or(1.0) * DENSITY_SHOWN;
        let texels = texels::drape(&field, &config.scale(), |value, _| (value / end).clamp(0.0, 1.0)).texels();
        let (method, model) = (HeatMethod::Density, Model::Density(field));
        Self { grid, texels: Some(texels), method, note: None, error: None, range_m: Some(bandwidth), model }
    }

    fn by_patches(config: &HeatConfig, input: &Input, size: u32, patches: Vec<Patch>) -> Self {
        let (sums, outside) = patches::roll_up(&patches, input.points.iter().map(|p| (p.at_m, p.value)));
        let (doubtful, _) = patches::roll_up(&patches, input.left_out_m.iter().map(|p| (*p, 0.0)));
        let events = config.incidents.is_some();
        let value = |i: usize| match events {
            true => Some((f64::from(sums[i].count) / (patches[i].area_m2() / 1e6).max(1e-6)) as f32),
            false => (sums[i].count > 0).then_some(sums[i].mean as f32),
        };
        let values: Vec<Option<f32>> = (0..patches.len()).map(value).collect();
        let corners = patches.iter().flat_map(|p| p.rings_m.iter().flatten().copied());
        let grid = around(corners, 50.0, size);
        let field = patches::paint(grid, &patches, |i| match values[i] {
            Some(value) => Some((value, 1.0)),
            None => (doubtful[i].count > 0).then_some((f32::NAN, ONLY_LEFT_OUT)),
        });
        let texels = texels::drape(&field, &config.scale(), |_, informed| informed).texels();
        let note = (outside > 0).then(|| format!("{outside} 个不在任何分区内 lie in no area"));
        let model = Model::Patches(patches, values);
        Self { grid, texels: Some(texels), method: config.method, note, error: None, range_m: None, model }
    }

    /// What is known of a place; `None` where nothing is.
    pub fn at(&self, place_m: DVec2) -> Option<Estimate> {
        let bare = |value: f32| Estimate { value: f64::from(value), error: None, nearest_m: 0.0, shares: Vec::new() };
        match &self.model {
            Model::Idw(idw, samples) => idw.at(place_m, samples),
            Model::Kriging(kriging, reach_m) => kriging.at(place_m, *reach_m),
            Model::Density(field) => field.cell(field.grid.cell_at(place_m)?).map(|(value, _)| bare(value)),
            Model::Patches(patches, values) => {
                let i = patches.iter().position(|p| p.contains(place_m))?;
                values.get(i).copied().flatten().map(bare)
            }
        }
    }

    /// The samples that the device interpolates, where it does.
    pub fn samples(&self) -> &[Sample] {
        match &self.model {
            Model::Idw(_, samples) if self.texels.is_none() => samples,
            _ => &[],
        }
    }
}

fn samples(input: &Input) -> Vec<Sample> {
    input.points.iter().map(|p| Sample { at_m: p.at_m, value: p.value }).collect()
}

fn hexagons_of(config: &HeatConfig, input: &Input) -> Vec<Patch> {
    let Some(resolution) = hexagons::resolution(config.resolution) else { return Vec::new() };
    let (found, _) = hexagons::roll_up(resolution, input.points.iter().map(|p| (p.lon, p.lat, p.value)));
    let to_metres = |lon: f64, lat: f64| {
        let enu = input.frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
        DVec2::new(enu.x, enu.y)
    };
    found.iter().map(|h| h.patch(to_metres)).collect()
}

/// A grid over everything and a margin around it.
fn around(places: impl Iterator<Item = DVec2>, margin_m: f64, size: u32) -> Grid {
    let start = (DVec2::INFINITY, DVec2::NEG_INFINITY);
    let (low, high) = places.filter(|p| p.is_finite()).fold(start, |(l, h), p| (l.min(p), h.max(p)));
    let (low, high) = if low.is_finite() { (low - margin_m, high + margin_m) } else { (DVec2::ZERO, DVec2::ONE) };
    Grid { origin_m: low, size_m: high - low, cells: UVec2::splat(size) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> HeatConfig {
        let config: HeatConfig = toml::from_str(&format!("id = 'h'\nname = 'h'\n{text}")).unwrap();
        config.check().unwrap();
        config
    }

    fn input(points: &[(f64, f64, f64)]) -> Input {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.25, 33.98, 0.0));
        let point = |&(x, y, value): &(f64, f64, f64)| {
            let g = frame.enu_to_geodetic(glam::DVec3::new(x, y, 0.0));
            Point { at_m: DVec2::new(x, y), lon: g.lon_deg(), lat: g.lat_deg(), value }
        };
        Input { frame, points: points.iter().map(point).collect(), left_out_m: Vec::new(), areas: Vec::new() }
    }

    fn spread(n: usize) -> Vec<(f64, f64, f64)> {
        let part = |i: usize, by: f64| ((i as f64 + 0.5) * by).fract() * 6_000.0;
        (0..n).map(|i| (part(i, 0.7549), part(i, 0.5698))).map(|(x, y)| (x, y, 60.0 + 40.0 * (x / 1_500.0).sin())).collect()
    }

    fn texel(layer: &Layer, place: DVec2) -> Texel {
        let cell = layer.grid.cell_at(place).unwrap();
        layer.texels.as_ref().unwrap()[(cell.y * layer.grid.cells.x + cell.x) as usize]
    }

    #[test]
    fn kriging_of_too_few_sensors_is_inverse_distance_and_says_so() {
        let kriging = config("observed_property = 'p'\nrange = [0, 100]\nmethod = 'kriging'");
        let few = Layer::compute(&kriging, &input(&spread(9)), 32);
        assert!(few.method == HeatMethod::Idw && few.note.as_ref().unwrap().contains("10") && few.samples().len() == 9, "{few:?}");
        let enough = Layer::compute(&kriging, &input(&spread(60)), 32);
        assert!(enough.method == HeatMethod::Kriging && enough.note.is_none() && enough.error.unwrap() < 20.0);
        assert!(enough.at(DVec2::splat(3_000.0)).unwrap().error.unwrap() > 0.0);
    }

    #[test]
    fn colour_fades_away_from_sensors_and_ends_where_none_informs() {
        let kriging = config("observed_property = 'p'\nrange = [0, 100]\nmethod = 'kriging'\nreach_m = 900");
        let layer = Layer::compute(&kriging, &input(&spread(60)), 128);
        let informed = |x: f64| texel(&layer, DVec2::new(x, 3_000.0)).informed;
        assert!(informed(3_000.0) > 0.5 && informed(6_900.0) < 0.5 && informed(7_700.0) < 0.05);
        assert!(layer.at(DVec2::new(7_700.0, 3_000.0)).is_none());
    }

    #[test]
    fn around_a_sensor_that_is_left_out_it_is_hatched() {
        let idw = config("observed_property = 'p'\nrange = [0, 100]\nneighbours = 8");
        let mut input = input(&[(0.0, 0.0, 10.0), (0.0, 900.0, 30.0), (2_000.0, 0.0, 20.0)]);
        input.left_out_m.push(DVec2::new(1_000.0, 0.0));
        let layer = Layer::compute(&idw, &input, 128);
        assert!(texel(&layer, DVec2::new(1_000.0, 30.0)).left_out > 0.9 && texel(&layer, DVec2::new(60.0, 60.0)).left_out < 0.1);
    }

    #[test]
    fn incidents_become_a_density_and_areas_and_hexagons_per_square_kilometre() {
        let square =
            |x: f64| Patch { rings_m: vec![[(0.0, 0.0), (1e3, 0.0), (1e3, 2e3), (0.0, 2e3)].map(|(u, v)| DVec2::new(x + u, v)).to_vec()] };
        let mut events = input(&[(500.0, 500.0, 1.0), (600.0, 900.0, 1.0), (700.0, 100.0, 1.0), (1_500.0, 1_500.0, 1.0), (9e3, 0.0, 1.0)]);
        events.areas = vec![square(0.0), square(1e3), square(2e3)];
        let by_area = Layer::compute(&config("incidents = {}\nmethod = 'areas'\nrange = [0, 3]"), &events, 64);
        let at = |x: f64| by_area.at(DVec2::new(x, 1_000.0)).unwrap().value;
        assert_eq!((at(500.0), at(1_500.0), at(2_500.0)), (1.5, 0.5, 0.0));
        assert!(by_area.note.as_ref().unwrap().starts_with('1'), "one lies in no area");
        assert!((texel(&by_area, DVec2::new(500.0, 1_000.0)).on_ramp - 0.5).abs() < 1e-6);
        let hexagons = Layer::compute(&config("incidents = {}\nmethod = 'hexagons'\nresolution = 7\nrange = [0, 3]"), &events, 64);
        assert!(hexagons.at(DVec2::new(600.0, 800.0)).unwrap().value > 0.1);
        let density = Layer::compute(&config("incidents = {}\nmethod = 'density'\nbandwidth_m = 400\nrange = [0, 3]"), &events, 64);
        assert!(density.at(DVec2::new(600.0, 600.0)).unwrap().value > density.at(DVec2::new(5e3, 600.0)).unwrap().value);
    }

    #[test]
    fn of_readings_an_area_shows_the_mean_and_one_whose_sensors_are_all_left_out_is_hatched() {
        let square =
            |x: f64| Patch { rings_m: vec![[(0.0, 0.0), (1e3, 0.0), (1e3, 1e3), (0.0, 1e3)].map(|(u, v)| DVec2::new(x + u, v)).to_vec()] };
        let mut readings = input(&[(500.0, 500.0, 10.0), (600.0, 900.0, 30.0)]);
        (readings.areas, readings.left_out_m) = (vec![square(0.0), square(1e3), square(2e3)], vec![DVec2::new(1_500.0, 500.0)]);
        let layer = Layer::compute(&config("observed_property = 'p'\nmethod = 'areas'\nrange = [0, 100]"), &readings, 64);
        assert_eq!(layer.at(DVec2::new(100.0, 100.0)).unwrap().value, 20.0);
        assert_eq!(layer.at(DVec2::new(1_500.0, 500.0)), None);
        let informed = |x: f64| texel(&layer, DVec2::new(x, 500.0)).informed;
        assert!(informed(500.0) == 1.0 && informed(1_500.0) == ONLY_LEFT_OUT && informed(2_500.0) == 0.0);
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        for method in ["idw", "kriging", "density", "areas", "hexagons"] {
            let of = if method == "idw" || method == "kriging" { "observed_property = 'p'" } else { "incidents = {}" };
            let layer = Layer::compute(&config(&format!("{of}\nmethod = '{method}'\nrange = [0, 100]\nneighbours = 4")), &input(&[]), 8);
            assert!(layer.texels.iter().flat_map(|t| t.iter()).all(|t| t.informed == 0.0), "{method}");
        }
    }
}
