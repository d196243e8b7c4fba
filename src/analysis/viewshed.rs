//! What is seen from a place: ground as a grid, buildings by the share of their walls and roofs.

use super::error::AnalysisError;
use super::facade::{buildings_within, points};
use super::kernel::{Kernel, Surfaces};
use super::sight::{EYE_M, sees};
use super::spot::{Place, Spot, place};
use super::tool::{Report, Stage};
use glam::{DVec2, DVec3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A viewshed asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewshedInput {
    pub from: Spot,
    /// Horizontal reach, metres.
    pub radius_m: f64,
    /// Between cells of the ground, metres.
    #[serde(default = "step_m")]
    pub step_m: f64,
    /// Direction of view, degrees clockwise from north; all around when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    /// Width of view around the heading, degrees.
    #[serde(default = "field_deg")]
    pub field_deg: f64,
    /// Height of what should be seen over the ground, metres.
    #[serde(default = "target_m")]
    pub target_m: f64,
}

fn step_m() -> f64 {
    5.0
}

fn field_deg() -> f64 {
    120.0
}

fn target_m() -> f64 {
    0.2
}

/// One square of the ground.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewCell {
    /// Its middle, on the ground.
    pub at: Place,
    pub visible: bool,
}

/// How much of a building is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenObject {
    pub id: String,
    /// Middle of the points asked about.
    pub at: Place,
    /// Points of walls and roofs that are seen, of all: about a half at most, for no wall is seen from behind.
    pub share: f64,
    pub points: usize,
}

/// What is seen from a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewshedResult {
    pub from: Place,
    pub radius_m: f64,
    pub step_m: f64,
    /// Open ground in reach; what lies under a roof is left out.
    pub cells: Vec<ViewCell>,
    /// Seen cells of all, 0 to 1.
    pub visible_share: f64,
    /// Seen ground, square metres.
    pub visible_m2: f64,
    /// Buildings in reach.
    pub objects: Vec<SeenObject>,
}

/// Cells at most: 1 km around at 1 m.
const CELLS_MAX: f64 = 4e6;
/// Between points on walls, metres, where cells are not wider apart.
const FACADE_M: f64 = 3.0;

impl ViewshedInput {
    pub fn new(from: Spot, radius_m: f64) -> Self {
        Self { from, radius_m, step_m: step_m(), heading_deg: None, field_deg: field_deg(), target_m: target_m() }
    }

    fn check(&self) -> Result<(), AnalysisError> {
        let cells = (2.0 * self.radius_m / self.step_m).powi(2);
        if !(self.radius_m > 0.0 && self.step_m > 0.0 && cells <= CELLS_MAX) {
            let most = (2.0 * self.radius_m / CELLS_MAX.sqrt()).max(0.1);
            let why = format!("a radius of {} m takes a step of at least {most:.1} m", self.radius_m);
            return Err(AnalysisError::Input(why));
        }
        Ok(())
    }

    /// Whether a direction in plan is within the field of view.
    fn faces(&self, towards: DVec2) -> bool {
        let Some(heading) = self.heading_deg else { return true };
        let off = (towards.x.atan2(towards.y).to_degrees() - heading + 180.0).rem_euclid(360.0) - 180.0;
        off.abs() <= 0.5 * self.field_deg
    }
}

/// Ground and buildings seen from a place; without a height it is [`EYE_M`] over the ground. Straight light, on a round earth.
///
/// # Errors
/// When the place has no ground, or the grid would be too fine.
pub fn viewshed(kernel: &Kernel, input: &ViewshedInput, report: &Report<'_>) -> Result<ViewshedResult, AnalysisError> {
    input.check()?;
    let eye = input.from.resolve(kernel, EYE_M)?;
    let cells = ground(kernel, input, eye, report);
    let seen = cells.iter().filter(|c| c.visible).count();
    let objects = buildings(kernel, input, eye);
    Ok(ViewshedResult {
        from: place(kernel.frame(), eye),
        radius_m: input.radius_m,
        step_m: input.step_m,
        visible_share: seen as f64 / cells.len().max(1) as f64,
        visible_m2: seen as f64 * input.step_m * input.step_m,
        cells,
        objects,
    })
}

fn ground(kernel: &Kernel, input: &ViewshedInput, eye: DVec3, report: &Report<'_>) -> Vec<ViewCell> {
    let half = (input.radius_m / input.step_m).floor() as i64;
    let done = AtomicUsize::new(0);
    let rows: Vec<Vec<ViewCell>> = (-half..=half)
        .into_par_iter()
        .map(|row| {
            let cells = (-half..=half).filter_map(|column| {
                let offset = DVec2::new(column as f64, row as f64) * input.step_m;
                if offset.length() > input.radius_m || !input.faces(offset) {
                    return None;
                }
                cell(kernel, eye, eye.truncate() + offset, input.target_m)
            });
            let cells = cells.collect();
            report(Stage::Compute, (done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / (2 * half + 1) as f64);
            cells
        })
        .collect();
    rows.into_iter().flatten().collect()
}

/// `None` without ground or under a roof.
fn cell(kernel: &Kernel, eye: DVec3, at: DVec2, target_m: f64) -> Option<ViewCell> {
    let top = kernel
        .down(at.x, at.y, Surfaces::ALL)
        .or_else(|| kernel.down(at.x, at.y, Surfaces::GROUND))
        .filter(|t| Surfaces::GROUND.holds(t.surface))?;
    let visible = sees(kernel, eye, top.position + DVec3::Z * target_m);
    Some(ViewCell { at: place(kernel.frame(), top.position), visible })
}

fn buildings(kernel: &Kernel, input: &ViewshedInput, eye: DVec3) -> Vec<SeenObject> {
    let objects = buildings_within(kernel, eye.truncate(), input.radius_m);
    let points = points(kernel, &objects, input.step_m.max(FACADE_M));
    let is_seen = |at: DVec3, normal: DVec3| {
        let to = eye - at;
        normal.dot(to) > 0.0 && input.faces(-to.truncate()) && sees(kernel, eye, at)
    };
    let seen: Vec<bool> = points.par_iter().map(|p| is_seen(p.at, p.normal)).collect();
    let mut sums: BTreeMap<u32, (usize, usize, DVec3)> = BTreeMap::new();
    for (point, seen) in points.iter().zip(seen) {
        let sum = sums.entry(point.object).or_default();
        *sum = (sum.0 + 1, sum.1 + usize::from(seen), sum.2 + point.at);
    }
    let made = sums.into_iter().filter_map(|(object, (points, seen, sum))| {
        let at = place(kernel.frame(), sum / points as f64);
        Some(SeenObject { id: kernel.object(object)?.id.clone(), at, share: seen as f64 / points as f64, points })
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::super::test_city::{lon_lat, plane, plane_and_boxes};
    use super::*;

    fn at_middle(radius_m: f64) -> ViewshedInput {
        let [lon, lat] = lon_lat(0.0, 0.0);
        ViewshedInput::new(Spot::new(lon, lat), radius_m)
    }

    #[test]
    fn an_open_plane_is_seen_to_its_last_cell() {
        let result = viewshed(&plane(), &at_middle(100.0), &|_, _| {}).unwrap();
        assert!(result.cells.len() > 1_200 && result.cells.iter().all(|c| c.visible) && result.visible_share == 1.0);
    }

    #[test]
    fn behind_a_box_nothing_is_seen_and_its_back_is_not_either() {
        let result = viewshed(&plane_and_boxes(), &at_middle(60.0), &|_, _| {}).unwrap();
        let [lon, _] = lon_lat(40.0, 0.0);
        let behind: Vec<_> = result.cells.iter().filter(|c| (c.at[0] - lon).abs() < 1e-5 && (c.at[1] - 33.963).abs() < 1e-5).collect();
        assert!(!behind.is_empty() && behind.iter().all(|c| !c.visible));
        assert_eq!(result.objects.len(), 2);
        assert!(result.objects.iter().all(|o| o.share > 0.1 && o.share < 0.5), "{:?}", result.objects);
    }

    #[test]
    fn a_field_of_view_to_the_west_sees_no_box_in_the_east() {
        let west = ViewshedInput { heading_deg: Some(270.0), field_deg: 90.0, ..at_middle(60.0) };
        let result = viewshed(&plane_and_boxes(), &west, &|_, _| {}).unwrap();
        assert!(result.cells.iter().all(|c| c.at[0] <= 118.275 + 1e-9) && result.objects.iter().all(|o| o.share == 0.0));
    }

    #[test]
    fn a_grid_too_fine_is_refused_with_a_step_that_is_not() {
        let fine = ViewshedInput { step_m: 0.1, ..at_middle(5_000.0) };
        let words = viewshed(&plane(), &fine, &|_, _| {}).unwrap_err().to_string();
        assert!(words.contains("at least 5.0 m"), "{words}");
    }
}
