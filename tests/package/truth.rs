//! Geometric errors are what they say: the distance between a coarse tile and the full geometry under it, measured from outside.

use super::{build, glb, real, town, yiping_build};
use glam::{DMat4, DVec3};
use serde_json::Value;
use std::path::Path;

/// Samples along a triangle's side.
const SAMPLES: u32 = 6;
/// Distances below this (metres) are rounding of coordinates.
const ROUNDING_M: f64 = 0.02;

/// A triangle in ECEF.
type Triangle = [DVec3; 3];

fn transform(tile: &Value) -> DMat4 {
    let numbers = tile["transform"].as_array().map(|m| m.iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>());
    numbers.map_or(DMat4::IDENTITY, |m| DMat4::from_cols_slice(&m))
}

fn content(dir: &Path, tile: &Value, to_world: DMat4) -> Vec<Triangle> {
    let Some(uri) = tile["content"]["uri"].as_str() else { return Vec::new() };
    let bytes = std::fs::read(dir.join(uri)).unwrap();
    let place = |p: &[f32; 3]| to_world.transform_point3(DVec3::new(f64::from(p[0]), -f64::from(p[2]), f64::from(p[1])));
    let points: Vec<DVec3> = glb::positions(&bytes).iter().map(place).collect();
    glb::triangles(&bytes).into_iter().map(|t| t.map(|i| points[i as usize])).collect()
}

/// All full geometry at and below a tile.
fn leaves(dir: &Path, tile: &Value, above: DMat4, found: &mut Vec<Triangle>) {
    let to_world = above * transform(tile);
    match tile["children"].as_array() {
        Some(children) => children.iter().for_each(|c| leaves(dir, c, to_world, found)),
        None => found.extend(content(dir, tile, to_world)),
    }
}

/// Distance of a point from a triangle (Ericson, Real-Time Collision Detection, 5.1.5).
fn distance(p: DVec3, [a, b, c]: &Triangle) -> f64 {
    let (ab, ac, ap) = (*b - *a, *c - *a, p - *a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return p.distance(*a);
    }
    let bp = p - *b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return p.distance(*b);
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return p.distance(*a + ab * (d1 / (d1 - d3)));
    }
    let cp = p - *c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return p.distance(*c);
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return p.distance(*a + ac * (d2 / (d2 - d6)));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        return p.distance(*b + (*c - *b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6))));
    }
    let sum = va + vb + vc;
    p.distance(*a + ab * (vb / sum) + ac * (vc / sum))
}

/// The farthest that a sample of `from` is away from `to`.
fn farthest(from: &[Triangle], to: &[Triangle]) -> f64 {
    let boxes: Vec<(DVec3, DVec3)> = to.iter().map(|[a, b, c]| (a.min(*b).min(*c), a.max(*b).max(*c))).collect();
    let samples = from.iter().flat_map(|[a, b, c]| {
        let each = (0..=SAMPLES).flat_map(|i| (0..=SAMPLES - i).map(move |j| (f64::from(i), f64::from(j))));
        each.map(move |(i, j)| *a + (*b - *a) * (i / f64::from(SAMPLES)) + (*c - *a) * (j / f64::from(SAMPLES)))
    });
    let nearest = |p: DVec3| {
        to.iter().zip(&boxes).fold(f64::INFINITY, |best, (t, (low, high))| {
            let outside = (*low - p).max(p - *high).max(DVec3::ZERO).length();
            if outside >= best { best } else { best.min(distance(p, t)) }
        })
    };
    samples.map(nearest).fold(0.0, f64::max)
}

/// Every coarse tile with the full geometry under it: its error is no less than their distance, from either side.
fn holds(dir: &Path, tile: &Value, above: DMat4) -> usize {
    let Some(children) = tile["children"].as_array() else { return 0 };
    let to_world = above * transform(tile);
    let coarse = content(dir, tile, to_world);
    let mut full = Vec::new();
    leaves(dir, tile, above, &mut full);
    let error_m = tile["geometricError"].as_f64().unwrap();
    let (missing, added) = (farthest(&full, &coarse), farthest(&coarse, &full));
    assert!(missing <= error_m + ROUNDING_M, "{}: {missing} m of the city is missing, the error says {error_m}", tile["content"]["uri"]);
    assert!(added <= error_m + ROUNDING_M, "{}: {added} m too much is drawn, the error says {error_m}", tile["content"]["uri"]);
    1 + children.iter().map(|c| holds(dir, c, to_world)).sum::<usize>()
}

fn check(package: &Path) -> usize {
    let dir = package.join("buildings");
    let document: Value = serde_json::from_slice(&std::fs::read(dir.join("tileset.json")).unwrap()).unwrap();
    holds(&dir, &document["root"], DMat4::IDENTITY)
}

#[test]
fn errors_of_a_town_are_its_distance_from_its_blocks() {
    let dir = tempfile::tempdir().unwrap();
    build(vec![town(12)], Vec::new(), &dir.path().join("town"));
    assert!(check(&dir.path().join("town")) >= 1);
}

#[test]
fn errors_of_a_real_quarter_are_its_distance_from_its_blocks() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/the-hague-sample.city.json");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("quarter");
    yiping_build(&[sample.to_str().unwrap(), "--crs", "EPSG:7415"], &out).unwrap();
    assert!(check(&out) >= 1);
}

/// All of tile 01; minutes without optimisation.
#[test]
#[ignore = "takes minutes; run with --ignored after a change of blocks or clusters"]
fn errors_of_the_hague_are_its_distance_from_its_blocks() {
    let Some(file) = real("the-hague/DenHaag_01.city.json") else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("the-hague");
    yiping_build(&[file.to_str().unwrap(), "--crs", "EPSG:7415"], &out).unwrap();
    assert!(check(&out) >= 1);
}
