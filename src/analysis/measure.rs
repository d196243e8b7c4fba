//! How far, how high, how large.

use super::error::AnalysisError;
use super::facade::buildings_within;
use super::kernel::{Kernel, Surfaces};
use super::spot::{Place, Spot, place};
use geo::{Distance, Geodesic, GeodesicArea};
use glam::{DVec2, DVec3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far it is along a line of points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistanceResult {
    /// Straight through the air from point to point, metres.
    pub slant_m: f64,
    /// Along the ellipsoid, metres (Karney 2013, by crate `geo`).
    pub horizontal_m: f64,
    /// Along the ground below the line, roofs not counted, metres; absent where part of it has no ground.
    pub along_ground_m: Option<f64>,
    /// Height of the last point over the first, metres.
    pub rise_m: f64,
    pub points: Vec<Place>,
    /// The ground below the line; empty where part of it has none.
    pub ground: Vec<Place>,
}

/// How high what stands at a place is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeightResult {
    pub at: Place,
    /// Metres above the ellipsoid.
    pub ground_m: f64,
    /// Metres above the ellipsoid of the highest thing there.
    pub top_m: f64,
    /// Metres from ground to top: 0 on open ground.
    pub height_m: f64,
    /// Source id of what stands there.
    pub object: Option<String>,
    /// Buildings around, where some were asked for, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<ObjectHeight>,
}

/// How high a building is over the ground.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectHeight {
    pub id: String,
    /// Its highest place.
    pub at: Place,
    /// Metres above the ellipsoid of the ground straight below that.
    pub ground_m: f64,
    /// Metres from there to its highest place.
    pub height_m: f64,
}

/// How large a polygon is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaResult {
    /// On the ellipsoid, square metres (Karney 2013, by crate `geo`).
    pub plan_m2: f64,
    /// Of the ground within, slopes counted, roofs not; absent where part of it has no ground.
    pub surface_m2: Option<f64>,
    /// Along the ellipsoid, metres.
    pub perimeter_m: f64,
    pub points: Vec<Place>,
}

/// Points along the ground at most, so that a line across a province answers too.
const SAMPLES_MAX: f64 = 20_000.0;
/// Metres between points along the ground, where that is not more.
const STEP_M: f64 = 1.0;

/// Distance along points, each at the height given or on the ground.
///
/// # Errors
/// With fewer than two points, or a point without a height where there is no ground.
pub fn distance(kernel: &Kernel, points: &[Spot]) -> Result<DistanceResult, AnalysisError> {
    if points.len() < 2 {
        return Err(AnalysisError::Input("a distance takes two points or more".to_owned()));
    }
    let enu: Vec<DVec3> = points.iter().map(|p| p.resolve(kernel, 0.0)).collect::<Result<_, _>>()?;
    let frame = kernel.frame();
    let slant_m = enu.windows(2).map(|w| w[0].distance(w[1])).sum();
    let horizontal_m = points.windows(2).map(|w| Geodesic.distance(point(&w[0]), point(&w[1]))).sum();
    let places: Vec<Place> = enu.iter().map(|p| place(frame, *p)).collect();
    let ground = along(&enu, STEP_M).iter().map(|p| Some(kernel.down(p.x, p.y, Surfaces::GROUND)?.position)).collect::<Option<Vec<_>>>();
    let along_ground_m = ground.as_ref().map(|g| g.windows(2).map(|w| w[0].distance(w[1])).sum());
    let rise_m = places.last().map_or(0.0, |p| p[2]) - places.first().map_or(0.0, |p| p[2]);
    let ground = ground.unwrap_or_default().into_iter().map(|p| place(frame, p)).collect();
    Ok(DistanceResult { slant_m, horizontal_m, along_ground_m, rise_m, points: places, ground })
}

/// Height of what stands at a place over the ground there, and of all buildings within `radius_m` (0: of none).
///
/// # Errors
/// Where there is no ground, or with a radius below 0.
pub fn height(kernel: &Kernel, at: &Spot, radius_m: f64) -> Result<HeightResult, AnalysisError> {
    if radius_m.is_nan() || radius_m < 0.0 {
        return Err(AnalysisError::Input(format!("{radius_m} m is no radius: give 0 for what stands at the place alone, or more")));
    }
    // On the ground, whatever height was clicked.
    let base = Spot { height_m: None, above_m: None, ..*at }.resolve(kernel, 0.0)?;
    let top = kernel.down(base.x, base.y, Surfaces::ALL);
    let frame = kernel.frame();
    let ground = place(frame, base);
    let top_m = top.map_or(ground[2], |t| place(frame, t.position)[2]).max(ground[2]);
    let stands = top.filter(|t| Surfaces::BUILDINGS.holds(t.surface));
    let object = stands.and_then(|t| Some(kernel.object(t.object?)?.id.clone()));
    let around = if radius_m > 0.0 { heights_within(kernel, base.truncate(), radius_m) } else { Vec::new() };
    Ok(HeightResult { at: ground, ground_m: ground[2], top_m, height_m: top_m - ground[2], object, around })
}

/// Heights of the buildings with a triangle in reach; those without ground below their highest place are left out.
fn heights_within(kernel: &Kernel, centre: DVec2, radius_m: f64) -> Vec<ObjectHeight> {
    let wanted = buildings_within(kernel, centre, radius_m);
    let mut tops: BTreeMap<u32, DVec3> = BTreeMap::new();
    for (corners, object, _) in kernel.triangles() {
        let Some(object) = object.filter(|o| wanted.contains(o)) else { continue };
        for corner in corners {
            let top = tops.entry(object).or_insert(corner);
            if corner.z > top.z {
                *top = corner;
            }
        }
    }
    let frame = kernel.frame();
    let told = tops.into_iter().filter_map(|(object, top)| {
        let ground = place(frame, kernel.down(top.x, top.y, Surfaces::GROUND)?.position);
        let at = place(frame, top);
        Some(ObjectHeight { id: kernel.object(object)?.id.clone(), at, ground_m: ground[2], height_m: (at[2] - ground[2]).max(0.0) })
    });
    let mut told: Vec<ObjectHeight> = told.collect();
    told.sort_by(|a, b| a.id.cmp(&b.id));
    told
}

/// Area of a polygon; the last corner joins the first.
///
/// # Errors
/// With fewer than three corners, or a corner without a height where there is no ground.
pub fn area(kernel: &Kernel, corners: &[Spot]) -> Result<AreaResult, AnalysisError> {
    if corners.len() < 3 {
        return Err(AnalysisError::Input("an area takes three corners or more".to_owned()));
    }
    let enu: Vec<DVec3> = corners.iter().map(|p| p.resolve(kernel, 0.0)).collect::<Result<_, _>>()?;
    let ring: Vec<geo::Coord> = corners.iter().map(|c| geo::coord! { x: c.lon, y: c.lat }).collect();
    let polygon = geo::Polygon::new(geo::LineString::new(ring), Vec::new());
    let plan_m2 = polygon.geodesic_area_signed().abs();
    let slope = slope_factor(kernel, &enu.iter().map(|p| p.truncate()).collect::<Vec<_>>());
    Ok(AreaResult {
        plan_m2,
        surface_m2: slope.map(|factor| plan_m2 * factor),
        perimeter_m: polygon.geodesic_perimeter(),
        points: enu.iter().map(|p| place(kernel.frame(), *p)).collect(),
    })
}

/// Area of the ground within a polygon over its area in plan: two triangles for each cell of a grid, of the cells whose middle is inside.
fn slope_factor(kernel: &Kernel, polygon: &[DVec2]) -> Option<f64> {
    /// Cells along the longer side.
    const CELLS: f64 = 128.0;
    let (min, max) = polygon.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(a, b), p| (a.min(*p), b.max(*p)));
    let step = (max - min).max_element() / CELLS;
    let ground = |p: DVec2| Some(kernel.down(p.x, p.y, Surfaces::GROUND)?.position);
    let (mut surface, mut plan) = (0.0, 0.0);
    let cells = ((max - min) / step).ceil();
    for row in 0..cells.y as usize {
        for column in 0..cells.x as usize {
            let low = min + step * DVec2::new(column as f64, row as f64);
            if !super::clip::inside(polygon, low + 0.5 * step) {
                continue;
            }
            let [a, b, c, d] = [low, low + DVec2::X * step, low + DVec2::splat(step), low + DVec2::Y * step].map(ground);
            let (a, b, c, d) = (a?, b?, c?, d?);
            surface += 0.5 * ((b - a).cross(c - a).length() + (c - a).cross(d - a).length());
            plan += step * step;
        }
    }
    (plan > 0.0).then(|| surface / plan)
}

fn point(spot: &Spot) -> geo::Point {
    geo::Point::new(spot.lon, spot.lat)
}

/// Points along a line in plan, `step_m` apart or more, its corners among them.
pub(super) fn along(corners: &[DVec3], step_m: f64) -> Vec<DVec3> {
    let total: f64 = corners.windows(2).map(|w| w[0].truncate().distance(w[1].truncate())).sum();
    let step = step_m.max(total / SAMPLES_MAX);
    let mut points = Vec::new();
    for leg in corners.windows(2) {
        let parts = (leg[0].truncate().distance(leg[1].truncate()) / step).ceil().max(1.0);
        points.extend((0..parts as usize).map(|i| leg[0].lerp(leg[1], i as f64 / parts)));
    }
    points.extend(corners.last());
    points
}

#[cfg(test)]
mod tests {
    use super::super::test_city::{GROUND_M, lon_lat, plane, plane_and_boxes};
    use super::*;

    fn spot(east: f64, north: f64) -> Spot {
        let [lon, lat] = lon_lat(east, north);
        Spot::new(lon, lat)
    }

    #[test]
    fn on_level_ground_all_distances_are_the_same() {
        let d = distance(&plane(), &[spot(0.0, 0.0), spot(30.0, 40.0)]).unwrap();
        for m in [d.slant_m, d.horizontal_m, d.along_ground_m.unwrap()] {
            assert!((m - 50.0).abs() < 0.01, "{d:?}");
        }
        assert!(d.rise_m.abs() < 0.01);
        let up = Spot { above_m: Some(40.0), ..spot(30.0, 0.0) };
        let slant = distance(&plane(), &[spot(0.0, 0.0), up]).unwrap();
        assert!((slant.slant_m - 50.0).abs() < 0.01 && (slant.rise_m - 40.0).abs() < 0.01 && (slant.horizontal_m - 30.0).abs() < 0.01);
    }

    #[test]
    fn a_roof_is_as_high_as_its_box_and_open_ground_is_not_high() {
        let roof = height(&plane_and_boxes(), &spot(20.0, 0.0), 0.0).unwrap();
        assert!((roof.height_m - 10.0).abs() < 0.01 && (roof.ground_m - GROUND_M).abs() < 0.01);
        assert_eq!(roof.object.as_deref(), Some("box-east"));
        let open = height(&plane_and_boxes(), &spot(-20.0, 0.0), 0.0).unwrap();
        assert!(open.height_m.abs() < 1e-3 && open.object.is_none());
    }

    #[test]
    fn all_buildings_within_reach_tell_their_heights_and_become_a_column() {
        let all = height(&plane_and_boxes(), &spot(-20.0, 0.0), 60.0).unwrap();
        let told: Vec<(&str, f64)> = all.around.iter().map(|o| (o.id.as_str(), (o.height_m * 100.0).round() / 100.0)).collect();
        assert_eq!(told, [("box-east", 10.0), ("box-north", 20.0)]);
        assert!(all.object.is_none() && all.height_m.abs() < 1e-3, "the place itself is open ground");
        let near = height(&plane_and_boxes(), &spot(20.0, 0.0), 20.0).unwrap();
        assert_eq!(near.around.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["box-east"]);
        let column = crate::analysis::ToolResult::Height(all).attributes();
        assert!(column.column("height_over_ground").is_some_and(|c| c.unit == "m"));
        assert!(matches!(height(&plane(), &spot(0.0, 0.0), -1.0), Err(AnalysisError::Input(_))));
    }

    #[test]
    fn a_square_of_a_hundred_metres_is_a_hectare() {
        let a = area(&plane(), &[spot(-50.0, -50.0), spot(50.0, -50.0), spot(50.0, 50.0), spot(-50.0, 50.0)]).unwrap();
        assert!((a.plan_m2 - 10_000.0).abs() < 2.0 && (a.surface_m2.unwrap() - a.plan_m2).abs() < 1.0, "{a:?}");
        assert!((a.perimeter_m - 400.0).abs() < 0.05);
    }

    #[test]
    fn where_there_is_no_ground_it_is_said() {
        assert!(matches!(height(&plane(), &spot(5_000.0, 0.0), 0.0), Err(AnalysisError::NoGround { .. })));
        assert!(matches!(distance(&plane(), &[spot(0.0, 0.0)]), Err(AnalysisError::Input(_))));
        let nowhere = Spot { lon: 400.0, ..spot(0.0, 0.0) };
        assert!(matches!(height(&plane(), &nowhere, 0.0), Err(AnalysisError::Input(_))));
    }
}
