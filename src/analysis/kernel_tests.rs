use super::*;
use crate::analysis::test_city::{frame, plane_and_boxes};
use crate::model::clip::ClipRegion;
use proptest::prelude::*;

/// Moeller and Trumbore in f64 over every triangle.
fn brute_force(kernel: &Kernel, origin: DVec3, direction: DVec3) -> Option<f64> {
    let meets = |[a, b, c]: [DVec3; 3]| {
        let (e1, e2) = (b - a, c - a);
        let p = direction.cross(e2);
        let det = e1.dot(p);
        let t = origin - a;
        let (u, q) = (t.dot(p) / det, t.cross(e1));
        let v = direction.dot(q) / det;
        let distance = e2.dot(q) / det;
        (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && distance > 0.0).then_some(distance)
    };
    kernel.triangles().filter_map(|(corners, ..)| meets(corners)).min_by(f64::total_cmp)
}

fn scattered(corners: Vec<[f64; 9]>) -> Kernel {
    let mut builder = KernelBuilder::new(frame());
    for c in corners {
        let at = |i: usize| DVec3::new(c[i], c[i + 1], c[i + 2]);
        builder.add_triangle([at(0), at(3), at(6)], None, 1);
    }
    builder.build()
}

proptest! {
    #[test]
    fn the_hierarchy_finds_what_trying_every_triangle_finds(
        corners in prop::collection::vec(prop::array::uniform9(-50.0..50.0f64), 1..60),
        from in prop::array::uniform3(-80.0..80.0f64),
        to in prop::array::uniform3(-30.0..30.0f64),
    ) {
        let (from, to) = (DVec3::from(from), DVec3::from(to));
        prop_assume!(from.distance(to) > 1.0);
        let kernel = scattered(corners);
        let direction = (to - from).normalize();
        let (found, expected) = (kernel.nearest(from, direction, 1e4, Surfaces::ALL).map(|h| h.distance_m), brute_force(&kernel, from, direction));
        match (found, expected) {
            (Some(a), Some(b)) if (a - b).abs() < 0.01 => {}
            (None, None) => {}
            // A ray along an edge may fall on either side of it in f32 and f64: move it by a millimetre, and one of them agrees.
            _ => {
                let aside = direction.any_orthonormal_vector();
                let beside = [aside, -aside].map(|a| brute_force(&kernel, from + a * 1e-3, direction));
                let near = |e: &Option<f64>| match (found, e) { (Some(a), Some(b)) => (a - b).abs() < 0.05, (None, None) => true, _ => false };
                prop_assert!(beside.iter().any(near), "{found:?} for {expected:?}");
            }
        }
    }

    #[test]
    fn a_ray_is_blocked_exactly_where_a_nearest_triangle_is(from in prop::array::uniform3(-60.0..60.0f64), to in prop::array::uniform3(-60.0..60.0f64)) {
        let kernel = plane_and_boxes();
        let (from, to) = (DVec3::from(from), DVec3::from(to));
        prop_assume!(from.distance(to) > 0.1);
        let reach = from.distance(to);
        prop_assert_eq!(kernel.is_blocked(from, to - from, reach), kernel.nearest(from, to - from, reach, Surfaces::ALL).is_some());
    }
}

#[test]
fn an_empty_city_blocks_nothing_and_has_no_ground() {
    let kernel = KernelBuilder::new(frame()).build();
    assert!(!kernel.is_blocked(DVec3::ZERO, DVec3::Z, 1e3) && kernel.nearest(DVec3::ZERO, DVec3::Z, 1e3, Surfaces::ALL).is_none());
    assert_eq!(kernel.ground_m(118.275, 33.963), None);
}

#[test]
fn broken_triangles_and_rays_are_left_out() {
    let mut builder = KernelBuilder::new(frame());
    builder.add_triangle([DVec3::ZERO; 3], None, 1);
    builder.add_triangle([DVec3::ZERO, DVec3::X, DVec3::new(f64::NAN, 0.0, 0.0)], None, 1);
    let kernel = builder.build();
    assert_eq!(kernel.triangle_count(), 0);
    assert!(
        !plane_and_boxes().is_blocked(DVec3::splat(f64::NAN), DVec3::X, 10.0) && !plane_and_boxes().is_blocked(DVec3::Z, DVec3::ZERO, 10.0)
    );
}

#[test]
fn roofs_are_passed_when_the_ground_is_asked_for_and_objects_keep_their_names() {
    let kernel = plane_and_boxes();
    let roof = kernel.down(20.0, 0.0, Surfaces::ALL).unwrap();
    assert!((roof.position.z - 10.0).abs() < 1e-3 && roof.surface == 2 && roof.normal.z > 0.99);
    assert_eq!(kernel.object(roof.object.unwrap()).unwrap().id, "box-east");
    let ground = kernel.down(20.0, 0.0, Surfaces::GROUND).unwrap();
    assert!(ground.position.z.abs() < 1e-3 && !kernel.object(ground.object.unwrap()).unwrap().is_building);
}

#[test]
fn what_is_cut_away_blocks_nothing() {
    let mut kernel = plane_and_boxes();
    let (from, to) = (DVec3::new(0.0, 0.0, 5.0), DVec3::new(60.0, 0.0, 5.0));
    let blocked = |k: &Kernel| k.is_blocked(from, to - from, 60.0);
    assert!(blocked(&kernel));
    let corner = |e: f64, n: f64| {
        let g = frame().enu_to_geodetic(DVec3::new(e, n, 0.0));
        [g.lon_deg(), g.lat_deg()]
    };
    let around = vec![corner(10.0, -10.0), corner(30.0, -10.0), corner(30.0, 10.0), corner(10.0, 10.0)];
    kernel.set_clip(&ClipRegion { polygon: around.clone(), ..Default::default() });
    assert!(!blocked(&kernel), "a polygon around the box cuts it");
    assert!(
        kernel.down(20.0, 0.0, Surfaces::ALL).is_none() && kernel.down(20.0, 0.0, Surfaces::GROUND).is_some(),
        "places still have ground"
    );
    kernel.set_clip(&ClipRegion { polygon: around, above_m: Some(frame().origin().height_m + 8.0), ..Default::default() });
    assert!(blocked(&kernel), "only what is higher than 8 m was cut");
    kernel.set_clip(&ClipRegion { above_m: Some(frame().origin().height_m + 3.0), ..Default::default() });
    assert!(!blocked(&kernel));
    kernel.set_clip(&ClipRegion::default());
    assert!(blocked(&kernel));
}
