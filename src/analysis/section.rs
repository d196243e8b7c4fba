//! A vertical cut along a line: the ground, and what stands on it.

use super::error::AnalysisError;
use super::kernel::{Kernel, Surfaces};
use super::measure::along;
use super::spot::{Place, Spot, place};
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// A section asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionInput {
    /// Two points or more; their heights play no part.
    pub points: Vec<Spot>,
    /// Between samples, metres.
    #[serde(default = "step_m")]
    pub step_m: f64,
}

fn step_m() -> f64 {
    1.0
}

/// One place of a section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionSample {
    /// Along the line from its start, in plan, metres.
    pub distance_m: f64,
    pub lon: f64,
    pub lat: f64,
    /// Metres above the ellipsoid; absent where no ground was read.
    pub ground_m: Option<f64>,
    /// Highest roof over the ground, metres above the ellipsoid; absent in the open.
    pub top_m: Option<f64>,
    /// Index into what is crossed.
    pub crossed: Option<usize>,
}

/// A building the section runs through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossed {
    pub id: String,
    /// Where it begins and ends along the line, metres.
    pub from_m: f64,
    pub to_m: f64,
    /// Highest point in the section, metres above the ellipsoid.
    pub top_m: f64,
    /// Highest point over the ground below it, metres.
    pub height_m: f64,
}

/// A section with its profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionResult {
    /// In plan, metres.
    pub length_m: f64,
    pub points: Vec<Place>,
    pub samples: Vec<SectionSample>,
    pub crossed: Vec<Crossed>,
    /// Lowest and highest ground, metres above the ellipsoid; absent without any.
    pub ground_range_m: Option<[f64; 2]>,
}

/// Cuts the city along a line.
///
/// # Errors
/// With fewer than two points, a step that is none, or where no ground lies below the line's points.
pub fn section(kernel: &Kernel, input: &SectionInput) -> Result<SectionResult, AnalysisError> {
    if input.points.len() < 2 || !(input.step_m > 0.0) {
        return Err(AnalysisError::Input("a section takes two points or more, and a step over 0".to_owned()));
    }
    let on_ground = |s: &Spot| Spot { height_m: None, above_m: None, ..*s }.resolve(kernel, 0.0);
    let corners: Vec<DVec3> = input.points.iter().map(on_ground).collect::<Result<_, _>>()?;
    let mut result = SectionResult {
        length_m: 0.0,
        points: corners.iter().map(|c| place(kernel.frame(), *c)).collect(),
        samples: Vec::new(),
        crossed: Vec::new(),
        ground_range_m: None,
    };
    let mut before: Option<DVec3> = None;
    for at in along(&corners, input.step_m) {
        result.length_m += before.map_or(0.0, |b| b.truncate().distance(at.truncate()));
        before = Some(at);
        add(kernel, at, &mut result);
    }
    Ok(result)
}

fn add(kernel: &Kernel, at: DVec3, result: &mut SectionResult) {
    let frame = kernel.frame();
    let ground = kernel.down(at.x, at.y, Surfaces::GROUND).map(|g| place(frame, g.position));
    let roof = kernel.down(at.x, at.y, Surfaces::BUILDINGS);
    let [lon, lat, _] = ground.unwrap_or_else(|| place(frame, at));
    let ground_m = ground.map(|g| g[2]);
    let top = roof.map(|r| (place(frame, r.position)[2], r.object)).filter(|(top, _)| ground_m.is_none_or(|g| *top > g + 0.2));
    let crossed = top.and_then(|(top_m, object)| {
        let id = kernel.object(object?)?.id.clone();
        Some(note(result, id, top_m, top_m - ground_m.unwrap_or(top_m)))
    });
    if let Some(g) = ground_m {
        let [low, high] = result.ground_range_m.unwrap_or([g, g]);
        result.ground_range_m = Some([low.min(g), high.max(g)]);
    }
    result.samples.push(SectionSample { distance_m: result.length_m, lon, lat, ground_m, top_m: top.map(|t| t.0), crossed });
}

/// The building at the section's end so far: the one before, or a new one.
fn note(result: &mut SectionResult, id: String, top_m: f64, height_m: f64) -> usize {
    let end_m = result.length_m;
    let goes_on = result.samples.last().and_then(|s| s.crossed).filter(|i| result.crossed[*i].id == id);
    let number = goes_on.unwrap_or_else(|| {
        result.crossed.push(Crossed { id, from_m: end_m, to_m: end_m, top_m, height_m });
        result.crossed.len() - 1
    });
    let one = &mut result.crossed[number];
    (one.to_m, one.top_m, one.height_m) = (end_m, one.top_m.max(top_m), one.height_m.max(height_m));
    number
}

#[cfg(test)]
mod tests {
    use super::super::test_city::{GROUND_M, lon_lat, plane_and_boxes};
    use super::*;

    fn spot(east: f64, north: f64) -> Spot {
        let [lon, lat] = lon_lat(east, north);
        Spot::new(lon, lat)
    }

    #[test]
    fn a_section_through_a_box_shows_where_it_stands_and_how_high() {
        let result = section(&plane_and_boxes(), &SectionInput { points: vec![spot(0.0, 0.3), spot(50.0, 0.3)], step_m: 0.5 }).unwrap();
        assert!((result.length_m - 50.0).abs() < 0.01 && result.crossed.len() == 1, "{:?}", result.crossed);
        let one = &result.crossed[0];
        assert!((one.from_m - 15.0).abs() < 0.51 && (one.to_m - 25.0).abs() < 0.51 && (one.height_m - 10.0).abs() < 0.01);
        assert_eq!(one.id, "box-east");
        assert!(result.samples.iter().all(|s| (s.ground_m.unwrap() - GROUND_M).abs() < 0.01));
        assert!(result.samples.windows(2).all(|w| w[0].distance_m < w[1].distance_m));
    }

    #[test]
    fn one_point_is_no_section() {
        assert!(section(&plane_and_boxes(), &SectionInput { points: vec![spot(0.0, 0.0)], step_m: 1.0 }).is_err());
    }
}
