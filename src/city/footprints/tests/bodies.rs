//! Bodies are closed, whatever the footprint and the roof.

use super::*;
use crate::city::footprints::roof;
use glam::DVec3;
use proptest::prelude::*;

/// Six times the volume over six, by the divergence theorem over fans of every face.
fn volume(solid: &Solid) -> f64 {
    let origin = solid.points[0];
    let p = |n: u32| solid.points[n as usize] - origin;
    let mut sum = 0.0;
    for ring in solid.faces.iter().flat_map(|f| &f.rings) {
        for i in 1..ring.len() - 1 {
            sum += p(ring[0]).dot(p(ring[i]).cross(p(ring[i + 1])));
        }
    }
    sum / 6.0
}

/// How far points of a face lie off its plane at most, metres.
fn bent(solid: &Solid) -> f64 {
    let mut worst: f64 = 0.0;
    for face in &solid.faces {
        let ring = &face.rings[0];
        let p = |i: usize| solid.points[ring[i % ring.len()] as usize] - solid.points[ring[0] as usize];
        let normal: DVec3 = (0..ring.len()).map(|i| p(i).cross(p(i + 1))).sum::<DVec3>().normalize();
        worst = (0..ring.len()).map(|i| normal.dot(p(i)).abs()).fold(worst, f64::max);
    }
    worst
}

fn check(outline: &Outline, wish: &RoofWish) -> Result<Option<&'static str>, String> {
    let (solid, note) = body(outline, wish);
    let open = solid.open_edges();
    if !open.is_empty() {
        return Err(format!("{wish:?}: open edges {open:?}"));
    }
    let (volume, box_m3) = (volume(&solid), outline.area_m2() * 6.0);
    if !(volume >= box_m3 - 1e-6 && volume <= box_m3 * 1.9) {
        return Err(format!("{wish:?}: volume {volume} over {box_m3}"));
    }
    let bent = bent(&solid);
    if bent > 0.05 {
        return Err(format!("{wish:?}: a face is bent by {bent} m"));
    }
    Ok(note)
}

const RECTANGLE: &[(f64, f64)] = &[(0.0, 0.0), (12.0, 0.0), (12.0, 8.0), (0.0, 8.0)];
const L: &[(f64, f64)] = &[(0.0, 0.0), (20.0, 0.0), (20.0, 8.0), (8.0, 8.0), (8.0, 18.0), (0.0, 18.0)];
const T: &[(f64, f64)] = &[(0.0, 0.0), (24.0, 0.0), (24.0, 8.0), (16.0, 8.0), (16.0, 20.0), (8.0, 20.0), (8.0, 8.0), (0.0, 8.0)];
const PLUS: &[(f64, f64)] = &[
    (8.0, 0.0),
    (16.0, 0.0),
    (16.0, 8.0),
    (24.0, 8.0),
    (24.0, 16.0),
    (16.0, 16.0),
    (16.0, 24.0),
    (8.0, 24.0),
    (8.0, 16.0),
    (0.0, 16.0),
    (0.0, 8.0),
    (8.0, 8.0),
];
const U: &[(f64, f64)] = &[(0.0, 0.0), (30.0, 0.0), (30.0, 20.0), (22.0, 20.0), (22.0, 8.0), (8.0, 8.0), (8.0, 20.0), (0.0, 20.0)];
/// With corners in line, as footprints of terraces have.
const IN_LINE: &[(f64, f64)] = &[(0.0, 0.0), (4.0, 0.0), (8.0, 0.0), (12.0, 0.0), (12.0, 4.0), (12.0, 8.0), (6.0, 8.0), (0.0, 8.0)];

#[test]
fn every_roof_over_the_usual_footprints_is_closed_and_as_wished() {
    for (name, ring) in [("rectangle", RECTANGLE), ("L", L), ("T", T), ("plus", PLUS), ("U", U), ("in line", IN_LINE)] {
        let outline = outline(&[ring]);
        for shape in SHAPES {
            let note = check(&outline, &wish(shape)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let pointed = matches!(shape, RoofShape::Pyramidal | RoofShape::Dome | RoofShape::Onion);
            let folded = matches!(shape, RoofShape::Saltbox | RoofShape::Gambrel | RoofShape::Round | RoofShape::Butterfly);
            let simple = ["rectangle", "in line"].contains(&name);
            assert!(note.is_none() || (!simple && (pointed || folded)), "{name}, {shape:?}: {note:?}");
        }
    }
}

#[test]
fn a_courtyard_keeps_its_hole_under_every_roof() {
    let hole: &[(f64, f64)] = &[(6.0, 6.0), (14.0, 6.0), (14.0, 14.0), (6.0, 14.0)];
    let outline = outline(&[&[(0.0, 0.0), (20.0, 0.0), (20.0, 20.0), (0.0, 20.0)], hole]);
    for shape in SHAPES {
        check(&outline, &wish(shape)).unwrap();
    }
    let (solid, note) = body(&outline, &wish(RoofShape::Hipped));
    assert_eq!(note, None);
    // Eight slopes, ridges 3 m in from both sides.
    assert_eq!(solid.faces.iter().filter(|f| f.surface == Surface::Roof).count(), 8);
    let ridge = solid.points.iter().filter(|p| (p.z - 9.0).abs() < 1e-3).count();
    assert!(ridge >= 4, "{ridge}");
}

#[test]
fn roofs_are_where_geometry_puts_them() {
    let outline = outline(&[RECTANGLE]);
    let high = |wish: &RoofWish| -> Vec<(f64, f64)> {
        let (solid, _) = body(&outline, wish);
        let mut found: Vec<_> = solid.points.iter().filter(|p| p.z > 8.99).map(|p| (p.x.round(), p.y.round())).collect();
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        found
    };
    assert_eq!(high(&wish(RoofShape::Gabled)), [(0.0, 4.0), (12.0, 4.0)]);
    assert_eq!(high(&RoofWish { across: true, ..wish(RoofShape::Gabled) }), [(6.0, 0.0), (6.0, 8.0)]);
    assert_eq!(high(&wish(RoofShape::Hipped)), [(4.0, 4.0), (8.0, 4.0)]);
    assert_eq!(high(&wish(RoofShape::HalfHipped)), [(2.0, 4.0), (10.0, 4.0)]);
    assert_eq!(high(&wish(RoofShape::Pyramidal)), [(6.0, 4.0)]);
    // The slope looks east by north: its low side is the east wall.
    let to_east = RoofWish { direction_deg: Some(80.0), ..wish(RoofShape::Skillion) };
    assert_eq!(high(&to_east), [(0.0, 0.0), (0.0, 8.0)]);
    // A gable wall has five corners.
    let (solid, _) = body(&outline, &wish(RoofShape::Gabled));
    assert_eq!(solid.faces.iter().filter(|f| f.surface == Surface::Wall && f.rings[0].len() == 5).count(), 2);
}

#[test]
fn wings_get_gables_of_their_own() {
    for (ring, gables) in [(L, 2), (T, 3), (U, 2)] {
        let (solid, note) = body(&outline(&[ring]), &wish(RoofShape::Gabled));
        let upright = solid.faces.iter().filter(|f| f.surface == Surface::Wall && f.rings[0].len() == 3).count();
        assert_eq!((upright, note), (gables, None));
    }
}

/// A star-shaped ring: never crosses itself, as wild as its radii.
fn star() -> impl Strategy<Value = Path> {
    prop::collection::vec(3.0..25.0f64, 3..24).prop_map(|radii| {
        let step = std::f64::consts::TAU / radii.len() as f64;
        radii.iter().enumerate().map(|(i, r)| DVec2::from_angle(i as f64 * step) * *r).collect()
    })
}

/// A ring along a grid, as houses are: a random staircase up one side and down the other.
fn stairs() -> impl Strategy<Value = Path> {
    (prop::collection::vec((1..6i32, 1..9i32), 2..9), 0.0..6.3f64).prop_map(|(steps, turn)| {
        let mut ring = vec![DVec2::ZERO];
        let mut x = 0.0;
        let width: f64 = steps.iter().map(|s| f64::from(s.0)).sum::<f64>() * 2.0;
        ring.push(DVec2::new(width, 0.0));
        for (dx, y) in steps.iter().rev() {
            let right = width - x;
            x += f64::from(*dx) * 2.0;
            ring.extend([DVec2::new(right, f64::from(*y) * 2.0), DVec2::new(width - x, f64::from(*y) * 2.0)]);
        }
        ring.into_iter().map(|p| DVec2::from_angle(turn).rotate(p)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_footprints_get_closed_bodies(ring in prop_oneof![star(), stairs()], shape in 0..SHAPES.len(), direction in prop::option::of(0.0..360.0f64)) {
        let wish = RoofWish { shape: SHAPES[shape], direction_deg: direction, across: false };
        if let Ok(mended) = mend(&[ring]) {
            for outline in &mended.outlines {
                check(outline, &wish).map_err(TestCaseError::fail)?;
            }
        }
    }
}

/// The way back to a flat roof is for outlines nobody can roof, not for every tenth house.
#[test]
fn few_footprints_are_given_up() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut tried, mut flat) = (0, 0);
    for i in 0..300 {
        let ring =
            if i % 2 == 0 { star().new_tree(&mut runner).unwrap().current() } else { stairs().new_tree(&mut runner).unwrap().current() };
        for outline in mend(&[ring]).map(|m| m.outlines).unwrap_or_default() {
            tried += 1;
            flat += usize::from(roof::top(&outline, &wish(RoofShape::Hipped)).1.is_some());
        }
    }
    assert!(tried > 250 && flat * 100 <= tried, "{flat} of {tried} roofs are flat instead of hipped");
}
