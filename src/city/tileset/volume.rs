//! The bounding volume of a tileset's root as a region on Earth.

use super::tiles::numbers;
use crate::geo::{Ecef, Geodetic, LocalFrame, Region, ecef_to_geodetic};
use glam::{DMat3, DMat4, DVec3};
use serde_json::Value;
use std::f64::consts::{FRAC_PI_2, PI};

/// Points nearer to the Earth's centre than this, metres, are of a tileset in a frame of its own.
const EARTH_MIN_M: f64 = 6.3e6;
/// A volume wider than this, metres, is told to be the whole Earth: its faces bulge far beyond its corners.
const WIDE_M: f64 = 2.0e6;
/// Samples along each edge of a box.
const STEPS: i32 = 4;
/// WGS 84 mean radius, metres.
const RADIUS_M: f64 = 6_371_008.8;

/// Region around the volume of the tile `json`, whose own transform counts after `above`; `None` for a tileset in a frame of its own, which
/// stands on no place on Earth.
///
/// The region holds the whole volume: a box is sampled on its faces and padded by how far the Earth's surface bends between two samples.
pub(crate) fn region_of(json: &Value, above: &DMat4) -> Option<Region> {
    let volume = &json["boundingVolume"];
    if let Some([west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m]) = numbers::<6>(&volume["region"]) {
        return Some(Region { west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m });
    }
    let own = numbers::<16>(&json["transform"]).map_or(DMat4::IDENTITY, |m| DMat4::from_cols_array(&m));
    let to_earth = *above * own;
    let (centre, axes) = if let Some(n) = numbers::<12>(&volume["box"]) {
        (DVec3::new(n[0], n[1], n[2]), DMat3::from_mat4(to_earth) * DMat3::from_cols_slice(&n[3..]))
    } else {
        let [x, y, z, radius] = numbers::<4>(&volume["sphere"])?;
        let centre = DVec3::new(x, y, z);
        let scale = [to_earth.x_axis, to_earth.y_axis, to_earth.z_axis].map(|c| c.truncate().length()).into_iter().fold(0.0, f64::max);
        let frame = LocalFrame::new(ecef_to_geodetic(Ecef(to_earth.transform_point3(centre))));
        (centre, DMat3::from_mat4(frame.ecef_from_enu()) * (radius * scale))
    };
    around(to_earth.transform_point3(centre), axes)
}

/// Region around a box with half axes.
fn around(centre: DVec3, axes: DMat3) -> Option<Region> {
    let reach = axes.x_axis.length() + axes.y_axis.length() + axes.z_axis.length();
    if !centre.is_finite() || !reach.is_finite() {
        return None;
    }
    if reach > WIDE_M && centre.length() < EARTH_MIN_M + reach {
        let (min_height_m, max_height_m) = (-reach.min(1e5), reach.min(1e5));
        return Some(Region { west_rad: -PI, south_rad: -FRAC_PI_2, east_rad: PI, north_rad: FRAC_PI_2, min_height_m, max_height_m });
    }
    if centre.length() < EARTH_MIN_M {
        return None;
    }
    let middle = ecef_to_geodetic(Ecef(centre));
    let mut r = Region {
        west_rad: f64::INFINITY,
        south_rad: f64::INFINITY,
        east_rad: f64::NEG_INFINITY,
        north_rad: f64::NEG_INFINITY,
        min_height_m: f64::INFINITY,
        max_height_m: f64::NEG_INFINITY,
    };
    let along = |i: i32| f64::from(i) / f64::from(STEPS);
    for x in -STEPS..=STEPS {
        for y in -STEPS..=STEPS {
            for z in -STEPS..=STEPS {
                let p: Geodetic = ecef_to_geodetic(Ecef(centre + axes * DVec3::new(along(x), along(y), along(z))));
                // Counted from the middle, so that a volume across the date line stays in one piece.
                let lon = middle.lon_rad + (p.lon_rad - middle.lon_rad + PI).rem_euclid(2.0 * PI) - PI;
                r.west_rad = r.west_rad.min(lon);
                r.east_rad = r.east_rad.max(lon);
                r.south_rad = r.south_rad.min(p.lat_rad);
                r.north_rad = r.north_rad.max(p.lat_rad);
                r.min_height_m = r.min_height_m.min(p.height_m);
                r.max_height_m = r.max_height_m.max(p.height_m);
            }
        }
    }
    // Sagitta of one step on the sphere; the same length in angles, with the parallels' shortening.
    let step = reach / f64::from(STEPS);
    let bend = step * step / (8.0 * RADIUS_M) + 1e-3;
    let pad = bend / RADIUS_M / middle.lat_rad.cos().max(1e-3);
    (r.west_rad, r.east_rad) = (r.west_rad - pad, r.east_rad + pad);
    if r.west_rad < -PI || r.east_rad > PI {
        // Across the date line: all the way round, so that west stays before east.
        (r.west_rad, r.east_rad) = (-PI, PI);
    }
    r.south_rad = (r.south_rad - pad).max(-FRAC_PI_2);
    r.north_rad = (r.north_rad + pad).min(FRAC_PI_2);
    (r.min_height_m, r.max_height_m) = (r.min_height_m - bend, r.max_height_m + bend);
    Some(r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::geodetic_to_ecef;
    use serde_json::json;

    #[test]
    fn a_box_and_a_sphere_are_held_by_their_region() {
        let corner = geodetic_to_ecef(Geodetic::from_degrees(118.3, 33.9, 20.0)).0;
        let moved = DMat4::from_translation(corner).to_cols_array();
        for volume in [json!({"box": [0, 0, 0, 10, 0, 0, 0, 10, 0, 0, 0, 10]}), json!({"sphere": [0, 0, 0, 17.4]})] {
            let r = region_of(&json!({"transform": moved, "boundingVolume": volume}), &DMat4::IDENTITY).unwrap();
            for i in 0..8 {
                let sign = |bit: i32| if i >> bit & 1 == 0 { -10.0 } else { 10.0 };
                let p = ecef_to_geodetic(Ecef(corner + DVec3::new(sign(0), sign(1), sign(2))));
                assert!(p.lon_rad >= r.west_rad && p.lon_rad <= r.east_rad && p.lat_rad >= r.south_rad && p.lat_rad <= r.north_rad);
                assert!(p.height_m >= r.min_height_m && p.height_m <= r.max_height_m);
            }
            assert!((r.east_rad - r.west_rad).to_degrees() < 0.001 && r.max_height_m < 40.0);
        }
        assert_eq!(region_of(&json!({"boundingVolume": {"sphere": [0, 0, 0, 5]}}), &DMat4::IDENTITY), None);
        let globe = json!({"boundingVolume": {"box": [0, 0, 0, 6.4e6, 0, 0, 0, 6.4e6, 0, 0, 0, 6.4e6]}});
        assert_eq!(region_of(&globe, &DMat4::IDENTITY).unwrap().west_rad, -PI);
    }
}
