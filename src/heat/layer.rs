//! A layer of a scene computed: the field as the screens draw it, and what a person who points at it is told.

use super::by_patch::ByPatch;
use super::density::{bandwidth_m, density};
use super::hexagons;
use super::levels::{Levels, around};
use super::patches::{self, Patch};
use super::texels::{self, Texel};
use super::{Estimate, Grid, Idw, Index, Kriging, Sample};
use crate::geo::{Geodetic, LocalFrame};
use crate::model::heat::{HeatConfig, HeatMethod};
use glam::{DVec2, DVec3};
use std::sync::Arc;

/// A reading or an event at its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Metres east and north of the anchor.
    pub at_m: DVec2,
    /// Above ground, metres.
    pub height_m: f64,
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
    /// Where sensors stand that are left out, and how high above the ground.
    pub left_out_m: Vec<DVec3>,
    /// Borders of the areas to roll up by.
    pub areas: Vec<Patch>,
}

/// A layer that was computed.
#[derive(Debug)]
pub struct Layer {
    /// Of one level; several share the texture (see [`Levels`]).
    pub grid: Grid,
    pub levels: Levels,
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
    Kriging(Box<Kriging>, f64, Vec<Sample>),
    /// Events a km², cell by cell.
    Density(super::Raster),
    Patches(ByPatch),
}

/// Neighbours of a kriging estimate where the scene says nothing: more change the third digit.
const KRIGING_NEIGHBOURS: u32 = 16;
/// And of inverse distance, where there are more sensors than [`OVER_ALL_MAX`] and the scene says nothing.
const IDW_NEIGHBOURS: usize = 12;
/// Most sensors, those left out included, that inverse distance weighs all for each cell: what the graphics device takes.
pub const OVER_ALL_MAX: usize = 4_096;
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
        let levels = Levels::of(&input.points, f64::from(config.vertical), size);
        let samples = samples(&levels, input);
        let all = samples.len() + input.left_out_m.len();
        let many = config.neighbours.is_none() && all > OVER_ALL_MAX;
        let neighbours = config.neighbours.map(|n| n as usize).or(many.then_some(IDW_NEIGHBOURS));
        let note = note.or_else(|| many.then(|| format!("{all} 个传感器,各取最近 {IDW_NEIGHBOURS} 个 of so many the nearest count")));
        let reach_m = f64::from(config.reach_m);
        let idw = Idw { power: f64::from(config.power), reach_m, neighbours };
        let grid = levels.around(samples.iter().map(|s| s.at_m), 2.0 * reach_m);
        // Over all samples the device computes it, in a few milliseconds on a real one; a choice of neighbours is made here.
        let texels = neighbours.is_some().then(|| {
            let (present, absent) = (Index::new(samples.iter().map(Sample::place_m)), absent(&levels, input));
            Arc::new(levels.fill(grid, |grid| {
                let field = Idw { reach_m: 2.0 * reach_m, ..idw }.onto(grid, &samples);
                texels::drape(&field, &config.scale(), |_, nearest_m| texels::informed_by_distance(f64::from(nearest_m), reach_m))
                    .hatched(&present, &absent, reach_m)
                    .texels()
            }))
        });
        let error = idw.leave_one_out_rmse(&samples);
        Self { grid, levels, texels, method: HeatMethod::Idw, note, error, range_m: None, model: Model::Idw(idw, samples) }
    }

    fn kriging(config: &HeatConfig, input: &Input, size: u32) -> Self {
        let levels = Levels::of(&input.points, f64::from(config.vertical), size);
        let samples = samples(&levels, input);
        let reach_m = f64::from(config.reach_m);
        let kriging = match Kriging::fit(&samples, config.neighbours.unwrap_or(KRIGING_NEIGHBOURS) as usize) {
            Ok(kriging) => kriging,
            Err(why) => return Self::idw(config, input, size, Some(why.to_string())),
        };
        let grid = levels.around(samples.iter().map(|s| s.at_m), 2.0 * reach_m);
        let sill = kriging.variogram().sill();
        let (present, absent) = (Index::new(samples.iter().map(Sample::place_m)), absent(&levels, input));
        let texels = levels.fill(grid, |grid| {
            let field = kriging.onto(grid, 2.0 * reach_m);
            texels::drape(&field, &config.scale(), |_, variance| (1.0 - 0.5 * f64::from(variance) / sill).clamp(0.3, 1.0) as f32)
                .within_reach(&present, reach_m)
                .hatched(&present, &absent, reach_m)
                .texels()
        });
        let error = kriging.leave_one_out_rmse();
        let range_m = Some(kriging.variogram().range_m);
        let model = Model::Kriging(Box::new(kriging), reach_m, samples);
        Self { grid, levels, texels: Some(Arc::new(texels)), method: HeatMethod::Kriging, note: None, error, range_m, model }
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
        Self {
            grid,
            levels: Levels::flat(size),
            texels: Some(Arc::new(texels)),
            method,
            note: None,
            error: None,
            range_m: Some(bandwidth),
            model,
        }
    }

    fn by_patches(config: &HeatConfig, input: &Input, size: u32, patches: Vec<Patch>) -> Self {
        let (sums, outside) = patches::roll_up(&patches, input.points.iter().map(|p| (p.at_m, p.value)));
        let (doubtful, _) = patches::roll_up(&patches, input.left_out_m.iter().map(|p| (p.truncate(), 0.0)));
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
        let error = if events { None } else { patches::leave_one_out_rmse(&sums) };
        let readings_m = if events { Vec::new() } else { input.points.iter().map(|p| p.at_m).collect() };
        let model = Model::Patches(ByPatch { patches, sums, values, readings_m });
        let levels = Levels::flat(size);
        Self { grid, levels, texels: Some(Arc::new(texels)), method: config.method, note, error, range_m: None, model }
    }

    /// What is known of a place `above_m` over the ground; `None` where nothing is. Distances are told in metres, however much height counts.
    pub fn at(&self, place_m: DVec2, above_m: f64) -> Option<Estimate> {
        let place = self.levels.within(place_m, above_m);
        let bare = |value: f32| Estimate { value: f64::from(value), error: None, nearest_m: 0.0, shares: Vec::new() };
        match &self.model {
            Model::Idw(idw, samples) => idw.at(place, samples).map(|e| self.in_metres(e, place, samples)),
            Model::Kriging(kriging, reach_m, samples) => kriging.at(place, *reach_m).map(|e| self.in_metres(e, place, samples)),
            Model::Density(field) => field.cell(field.grid.cell_at(place_m)?).map(|(value, _)| bare(value)),
            Model::Patches(by_patch) => by_patch.at(place_m),
        }
    }

    fn in_metres(&self, mut estimate: Estimate, place: DVec3, samples: &[Sample]) -> Estimate {
        if self.levels.heights_m().len() > 1 {
            for share in &mut estimate.shares {
                share.distance_m =
                    samples.get(share.sample as usize).map_or(share.distance_m, |s| self.levels.distance_m(s.place_m(), place));
            }
            estimate.nearest_m = estimate.shares.iter().map(|s| s.distance_m).fold(f64::INFINITY, f64::min);
        }
        estimate
    }

    /// Where sensors stand that are left out, as distances are measured.
    pub fn left_out(&self, input: &Input) -> Vec<DVec3> {
        input.left_out_m.iter().map(|p| self.levels.lift(p.truncate(), p.z)).collect()
    }

    /// The samples that the device interpolates, where it does.
    pub fn samples(&self) -> &[Sample] {
        match &self.model {
            Model::Idw(_, samples) if self.texels.is_none() => samples,
            _ => &[],
        }
    }
}

fn samples(levels: &Levels, input: &Input) -> Vec<Sample> {
    input.points.iter().map(|p| levels.sample(p)).collect()
}

fn absent(levels: &Levels, input: &Input) -> Index {
    Index::new(input.left_out_m.iter().map(|p| levels.lift(p.truncate(), p.z)))
}

fn hexagons_of(config: &HeatConfig, input: &Input) -> Vec<Patch> {
    let Some(resolution) = hexagons::resolution(config.resolution) else { return Vec::new() };
    // Hexagons where only sensors stand that are left out are hatched, so they are needed too.
    let left_out = input.left_out_m.iter().map(|p| {
        let g = input.frame.enu_to_geodetic(p.truncate().extend(0.0));
        (g.lon_deg(), g.lat_deg(), 0.0)
    });
    let (found, _) = hexagons::roll_up(resolution, input.points.iter().map(|p| (p.lon, p.lat, p.value)).chain(left_out));
    let to_metres = |lon: f64, lat: f64| {
        let enu = input.frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
        DVec2::new(enu.x, enu.y)
    };
    found.iter().map(|h| h.patch(to_metres)).collect()
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
            Point { at_m: DVec2::new(x, y), height_m: 0.0, lon: g.lon_deg(), lat: g.lat_deg(), value }
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
        assert!(enough.at(DVec2::splat(3_000.0), 0.0).unwrap().error.unwrap() > 0.0);
    }

    #[test]
    fn colour_fades_away_from_sensors_and_ends_where_none_informs() {
        let kriging = config("observed_property = 'p'\nrange = [0, 100]\nmethod = 'kriging'\nreach_m = 900");
        let layer = Layer::compute(&kriging, &input(&spread(60)), 128);
        let informed = |x: f64| texel(&layer, DVec2::new(x, 3_000.0)).informed;
        assert!(informed(3_000.0) > 0.5 && informed(6_900.0) < 0.5 && informed(7_700.0) < 0.05);
        assert!(layer.at(DVec2::new(7_700.0, 3_000.0), 0.0).is_none());
    }

    #[test]
    fn around_a_sensor_that_is_left_out_it_is_hatched() {
        let idw = config("observed_property = 'p'\nrange = [0, 100]\nneighbours = 8");
        let mut input = input(&[(0.0, 0.0, 10.0), (0.0, 900.0, 30.0), (2_000.0, 0.0, 20.0)]);
        input.left_out_m.push(DVec3::new(1_000.0, 0.0, 0.0));
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
        let at = |x: f64| by_area.at(DVec2::new(x, 1_000.0), 0.0).unwrap().value;
        assert_eq!((at(500.0), at(1_500.0), at(2_500.0)), (1.5, 0.5, 0.0));
        assert!(by_area.note.as_ref().unwrap().starts_with('1'), "one lies in no area");
        assert!((texel(&by_area, DVec2::new(500.0, 1_000.0)).on_ramp - 0.5).abs() < 1e-6);
        let hexagons = Layer::compute(&config("incidents = {}\nmethod = 'hexagons'\nresolution = 7\nrange = [0, 3]"), &events, 64);
        assert!(hexagons.at(DVec2::new(600.0, 800.0), 0.0).unwrap().value > 0.1);
        let density = Layer::compute(&config("incidents = {}\nmethod = 'density'\nbandwidth_m = 400\nrange = [0, 3]"), &events, 64);
        assert!(density.at(DVec2::new(600.0, 600.0), 0.0).unwrap().value > density.at(DVec2::new(5e3, 600.0), 0.0).unwrap().value);
    }

    #[test]
    fn of_readings_an_area_shows_the_mean_and_one_whose_sensors_are_all_left_out_is_hatched() {
        let square =
            |x: f64| Patch { rings_m: vec![[(0.0, 0.0), (1e3, 0.0), (1e3, 1e3), (0.0, 1e3)].map(|(u, v)| DVec2::new(x + u, v)).to_vec()] };
        let mut readings = input(&[(500.0, 500.0, 10.0), (600.0, 900.0, 30.0)]);
        (readings.areas, readings.left_out_m) = (vec![square(0.0), square(1e3), square(2e3)], vec![DVec3::new(1_500.0, 500.0, 0.0)]);
        let layer = Layer::compute(&config("observed_property = 'p'\nmethod = 'areas'\nrange = [0, 100]"), &readings, 64);
        let here = layer.at(DVec2::new(550.0, 900.0), 0.0).unwrap();
        assert_eq!((here.value, here.error, here.nearest_m), (20.0, Some(10.0), 50.0), "mean of two, its error, the nearest of them");
        assert_eq!(here.shares.iter().map(|s| (s.sample, s.weight)).collect::<Vec<_>>(), [(1, 0.5), (0, 0.5)]);
        assert_eq!(layer.error, Some(20.0), "each would have been told from the other");
        assert_eq!(layer.at(DVec2::new(1_500.0, 500.0), 0.0), None);
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

    #[test]
    fn a_hexagon_whose_sensors_are_all_left_out_is_hatched() {
        let mut readings = input(&[(0.0, 0.0, 10.0)]);
        readings.left_out_m.push(DVec3::new(5_000.0, 0.0, 4.0));
        let layer = Layer::compute(&config("observed_property = 'p'\nmethod = 'hexagons'\nrange = [0, 100]"), &readings, 128);
        let informed = |x: f64| texel(&layer, DVec2::new(x, 0.0)).informed;
        assert!(informed(0.0) == 1.0 && informed(5_000.0) == ONLY_LEFT_OUT && informed(2_500.0) == 0.0);
    }

    #[test]
    fn where_height_counts_a_wall_is_what_the_sensors_at_its_height_say() {
        for method in ["idw", "kriging"] {
            let of = |vertical: u32| {
                config(&format!("observed_property = 'p'\nrange = [0, 100]\nmethod = '{method}'\nneighbours = 16\nvertical = {vertical}"))
            };
            let mut input = input(&spread(40));
            // The same readings twice: dusty below, clean at 60 m.
            let high: Vec<Point> = input.points.iter().map(|p| Point { height_m: 60.0, value: p.value * 0.2, ..*p }).collect();
            input.points.iter_mut().for_each(|p| p.height_m = 4.0);
            input.points.extend(high);
            let layer = Layer::compute(&of(20), &input, 128);
            let place = DVec2::new(2_900.0, 3_100.0);
            let at = |above: f64| layer.at(place, above).unwrap();
            assert!(at(60.0).value < 0.4 * at(4.0).value, "{method}: {} and {}", at(60.0).value, at(4.0).value);
            assert!(at(32.0).value < at(4.0).value && at(32.0).value > at(60.0).value);
            assert_eq!((at(0.0).value, at(500.0).value), (at(4.0).value, at(60.0).value), "beyond the sensors' heights nothing is guessed");
            let nearest = input.points.iter().map(|p| p.at_m.distance(place).hypot(p.height_m - 60.0)).fold(f64::INFINITY, f64::min);
            assert!((at(60.0).nearest_m - nearest).abs() < 1e-6, "distances are told in metres");
            // Both levels lie in the texture, side by side.
            assert_eq!((layer.levels.heights_m(), layer.grid.cells.x), ([4.0, 60.0].as_slice(), 64));
            let texels = layer.texels.as_ref().unwrap();
            let cell = layer.grid.cell_at(place).unwrap();
            let told = |level: u32| texels[(cell.y * 128 + level * 64 + cell.x) as usize].on_ramp * 100.0;
            assert!((f64::from(told(0)) - at(4.0).value).abs() < 3.0 && (f64::from(told(1)) - at(60.0).value).abs() < 3.0);
            let flat = Layer::compute(&of(0), &input, 128);
            assert_eq!((flat.levels.heights_m().len(), flat.at(place, 4.0).unwrap().value), (1, flat.at(place, 60.0).unwrap().value));
        }
    }
}
