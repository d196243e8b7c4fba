//! Hours of sun on walls and roofs in one day.

use super::error::AnalysisError;
use super::facade::{FacadePoint, buildings_within, points};
use super::kernel::{Kernel, Surfaces};
use super::spot::{Place, Spot, place};
use super::tool::{Report, Stage};
use crate::geo::sun_position;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use glam::DVec3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sun hours asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SunInput {
    /// The building under this place, or the middle of the buildings asked for.
    pub at: Spot,
    /// All buildings within, metres; 0 asks for the one at the place.
    #[serde(default)]
    pub radius_m: f64,
    /// This building and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    pub date: NaiveDate,
    /// Hours the day's clock is ahead of UTC; by the longitude when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset_h: Option<f64>,
    /// Between instants, minutes.
    #[serde(default = "step_min")]
    pub step_min: f64,
    /// Between points on walls and roofs, metres.
    #[serde(default = "grid_m")]
    pub grid_m: f64,
    /// What casts shadows reaches this far around what is asked for, metres; farther things are not read.
    #[serde(default = "shade_m")]
    pub shade_m: f64,
}

fn step_min() -> f64 {
    10.0
}

fn grid_m() -> f64 {
    2.0
}

fn shade_m() -> f64 {
    500.0
}

/// Sun hours of one building.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectSun {
    pub id: String,
    /// Middle of its points.
    pub at: Place,
    /// Over all points of walls and roofs, hours.
    pub mean_h: f64,
    pub min_h: f64,
    pub max_h: f64,
    /// Of the walls alone; absent without any.
    pub facade_mean_h: Option<f64>,
    pub points: usize,
}

/// Sun hours of one point on a wall or a roof.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SunSample {
    pub at: Place,
    /// Outwards: east, north, up.
    pub normal: [f32; 3],
    /// Index into the objects of the result.
    pub object: usize,
    pub is_roof: bool,
    pub hours: f64,
}

/// Sun hours of a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SunResult {
    pub date: NaiveDate,
    pub utc_offset_h: f64,
    /// Hours the sun is above the horizon, in whole steps.
    pub day_h: f64,
    pub step_min: f64,
    pub objects: Vec<ObjectSun>,
    pub samples: Vec<SunSample>,
}

/// Points at most; a city centre at 2 m has half a million.
const POINTS_MAX: usize = 4_000_000;

impl SunInput {
    pub fn new(at: Spot, date: NaiveDate) -> Self {
        let (step_min, grid_m, shade_m) = (step_min(), grid_m(), shade_m());
        Self { at, radius_m: 0.0, object: None, date, utc_offset_h: None, step_min, grid_m, shade_m }
    }

    fn check(&self) -> Result<(), AnalysisError> {
        let offset = self.utc_offset_h.unwrap_or(0.0);
        let fine = (1.0..=240.0).contains(&self.step_min) && (0.1..=1_000.0).contains(&self.grid_m) && offset.abs() <= 14.0;
        let words = "sun hours take steps of 1 to 240 minutes, a grid of 0.1 to 1000 m and a clock within 14 hours of UTC";
        if fine && self.radius_m >= 0.0 { Ok(()) } else { Err(AnalysisError::Input(words.to_owned())) }
    }
}

/// Directions to the sun in the middle of each step of a day in which it is above the horizon; east, north, up at the place.
pub fn sun_directions(date: NaiveDate, utc_offset_h: f64, step_min: f64, lon: f64, lat: f64) -> Vec<DVec3> {
    let seconds = |s: f64| TimeDelta::milliseconds((s * 1e3) as i64);
    let midnight = DateTime::<Utc>::from_naive_utc_and_offset(date.and_time(chrono::NaiveTime::MIN), Utc) - seconds(utc_offset_h * 3600.0);
    let steps = (24.0 * 60.0 / step_min).floor() as usize;
    let suns = (0..steps).map(|i| sun_position(midnight + seconds((i as f64 + 0.5) * step_min * 60.0), lon, lat));
    suns.filter(|sun| sun.altitude_deg > 0.0).map(|sun| sun.direction_enu()).collect()
}

/// Hours of direct sun on walls and roofs: each point of a grid asks for each step of the day whether anything stands before the sun.
///
/// The sun's disc is taken as its middle, the sky as clear; one direction holds for all points of a step.
///
/// # Errors
/// When no building is found, or the grid is too fine.
pub fn sun_hours(kernel: &Kernel, input: &SunInput, report: &Report<'_>) -> Result<SunResult, AnalysisError> {
    input.check()?;
    let objects = targets(kernel, input)?;
    let points = points(kernel, &objects, input.grid_m);
    if points.len() > POINTS_MAX {
        let why = format!("{} points are more than {POINTS_MAX}: take a wider --grid or a smaller --radius", points.len());
        return Err(AnalysisError::Input(why));
    }
    let utc_offset_h = input.utc_offset_h.unwrap_or((input.at.lon / 15.0).round());
    let suns = sun_directions(input.date, utc_offset_h, input.step_min, input.at.lon, input.at.lat);
    let done = AtomicUsize::new(0);
    let step_h = input.step_min / 60.0;
    let hours: Vec<f64> = points
        .par_iter()
        .map(|point| {
            let lit = suns.iter().filter(|sun| point.normal.dot(**sun) > 0.0 && !kernel.is_blocked(point.at, **sun, 1e5)).count();
            let now = done.fetch_add(1, Ordering::Relaxed) + 1;
            if now.is_multiple_of(256) {
                report(Stage::Compute, now as f64 / points.len() as f64);
            }
            lit as f64 * step_h
        })
        .collect();
    Ok(SunResult {
        day_h: suns.len() as f64 * step_h,
        step_min: input.step_min,
        date: input.date,
        utc_offset_h,
        ..told(kernel, &points, &hours)
    })
}

/// Numbers of the buildings asked for.
fn targets(kernel: &Kernel, input: &SunInput) -> Result<BTreeSet<u32>, AnalysisError> {
    let none = || AnalysisError::NoBuilding { lon: input.at.lon, lat: input.at.lat };
    if let Some(id) = &input.object {
        let known = kernel.objects().iter().position(|o| o.id == *id).ok_or_else(|| AnalysisError::NoObject { id: id.clone() })?;
        return Ok(BTreeSet::from([known as u32]));
    }
    let at = Spot { height_m: Some(0.0), above_m: None, ..input.at }.resolve(kernel, 0.0)?;
    if input.radius_m > 0.0 {
        let found = buildings_within(kernel, at.truncate(), input.radius_m);
        return if found.is_empty() { Err(none()) } else { Ok(found) };
    }
    let top = kernel.down(at.x, at.y, Surfaces::BUILDINGS).and_then(|t| t.object).ok_or_else(none)?;
    Ok(BTreeSet::from([top]))
}

fn told(kernel: &Kernel, points: &[FacadePoint], hours: &[f64]) -> SunResult {
    let mut of_object: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    points.iter().enumerate().for_each(|(i, p)| of_object.entry(p.object).or_default().push(i));
    let mut result =
        SunResult { date: NaiveDate::MIN, utc_offset_h: 0.0, day_h: 0.0, step_min: 0.0, objects: Vec::new(), samples: Vec::new() };
    for (object, own) in of_object {
        let mean = |of: &[usize]| of.iter().map(|i| hours[*i]).sum::<f64>() / of.len() as f64;
        let walls: Vec<usize> = own.iter().copied().filter(|i| !points[*i].is_roof).collect();
        let middle = own.iter().map(|i| points[*i].at).sum::<DVec3>() / own.len() as f64;
        let number = result.objects.len();
        result.objects.push(ObjectSun {
            id: kernel.object(object).map(|o| o.id.clone()).unwrap_or_default(),
            at: place(kernel.frame(), middle),
            mean_h: mean(&own),
            min_h: own.iter().map(|i| hours[*i]).fold(f64::INFINITY, f64::min),
            max_h: own.iter().map(|i| hours[*i]).fold(0.0, f64::max),
            facade_mean_h: (!walls.is_empty()).then(|| mean(&walls)),
            points: own.len(),
        });
        result.samples.extend(own.iter().map(|i| SunSample {
            at: place(kernel.frame(), points[*i].at),
            normal: points[*i].normal.as_vec3().to_array(),
            object: number,
            is_roof: points[*i].is_roof,
            hours: hours[*i],
        }));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::test_city::{add_box, add_plane, frame, lon_lat, plane_and_boxes};
    use super::*;
    use crate::analysis::KernelBuilder;
    use crate::model::clip::ClipRegion;
    use proptest::prelude::*;

    fn input(east: f64, north: f64, date: (i32, u32, u32)) -> SunInput {
        let [lon, lat] = lon_lat(east, north);
        SunInput::new(Spot::new(lon, lat), NaiveDate::from_ymd_opt(date.0, date.1, date.2).unwrap())
    }

    fn of_side(result: &SunResult, side: [f32; 3]) -> Vec<f64> {
        let faces = |s: &&SunSample| s.normal.iter().zip(side).map(|(a, b)| a * b).sum::<f32>() > 0.9;
        result.samples.iter().filter(faces).map(|s| s.hours).collect()
    }

    #[test]
    fn in_winter_a_south_wall_has_the_whole_day_and_a_north_wall_nothing() {
        let result = sun_hours(&plane_and_boxes(), &input(20.0, 0.0, (2026, 12, 22)), &|_, _| {}).unwrap();
        // 9 h 54 min in Suqian at the winter solstice, in steps of 10 minutes.
        assert!((result.day_h - 9.9).abs() < 0.2, "{}", result.day_h);
        assert!(of_side(&result, [0.0, -1.0, 0.0]).iter().all(|h| (h - result.day_h).abs() < 1e-9));
        assert!(of_side(&result, [0.0, 1.0, 0.0]).iter().all(|h| *h == 0.0));
        assert!(of_side(&result, [0.0, 0.0, 1.0]).iter().all(|h| *h > 0.9 * result.day_h));
        let (east, west) = (of_side(&result, [1.0, 0.0, 0.0]), of_side(&result, [-1.0, 0.0, 0.0]));
        assert!(east.iter().chain(&west).all(|h| (2.0..=5.5).contains(h)));
    }

    #[test]
    fn a_tower_in_the_south_takes_sun_away_and_cut_away_it_gives_it_back() {
        let mut builder = KernelBuilder::new(frame());
        add_plane(&mut builder, 200.0);
        add_box(&mut builder, "home", (0.0, 0.0), (5.0, 5.0), 10.0);
        add_box(&mut builder, "tower", (0.0, -25.0), (12.0, 8.0), 60.0);
        let mut city = builder.build();
        let asked = input(0.0, 0.0, (2026, 12, 22));
        let south = |city: &Kernel| of_side(&sun_hours(city, &asked, &|_, _| {}).unwrap(), [0.0, -1.0, 0.0]).iter().sum::<f64>();
        let shaded = south(&city);
        let around = [lon_lat(-15.0, -40.0), lon_lat(15.0, -40.0), lon_lat(15.0, -10.0), lon_lat(-15.0, -10.0)];
        city.set_clip(&ClipRegion { polygon: around.to_vec(), ..Default::default() });
        let free = south(&city);
        assert!(shaded < 0.6 * free, "{shaded} of {free}");
    }

    #[test]
    fn where_no_building_stands_it_is_said_with_the_mend() {
        let words = sun_hours(&plane_and_boxes(), &input(-50.0, 0.0, (2026, 6, 21)), &|_, _| {}).unwrap_err().to_string();
        assert!(words.contains("--radius"), "{words}");
        let all = SunInput { radius_m: 100.0, grid_m: 5.0, ..input(0.0, 0.0, (2026, 6, 21)) };
        assert_eq!(sun_hours(&plane_and_boxes(), &all, &|_, _| {}).unwrap().objects.len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn no_point_has_more_sun_than_the_day(day in 1u32..366, step in 10.0..60.0f64) {
            let date = NaiveDate::from_yo_opt(2026, day.min(365)).unwrap();
            let asked = SunInput { radius_m: 100.0, grid_m: 6.0, step_min: step, date, ..input(0.0, 0.0, (2026, 1, 1)) };
            let result = sun_hours(&plane_and_boxes(), &asked, &|_, _| {}).unwrap();
            prop_assert!(result.day_h > 8.5 && result.day_h < 15.5);
            for s in &result.samples {
                prop_assert!(s.hours >= 0.0 && s.hours <= result.day_h + 1e-9);
            }
            for o in &result.objects {
                prop_assert!(o.min_h <= o.mean_h && o.mean_h <= o.max_h + 1e-9);
            }
        }
    }
}
