//! What must hold of the city of any seed.

use super::areas::Areas;
use super::marathon::Course;
use super::water::Shape;
use super::*;
use crate::geo::{Geodetic, geodetic_to_ecef};
use geo::{Contains, Coord, LineString, Polygon};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

fn polygon(ring: impl IntoIterator<Item = DVec2>) -> Polygon<f64> {
    Polygon::new(LineString::from_iter(ring.into_iter().map(|p| Coord { x: p.x, y: p.y })), vec![])
}

fn digest(dir: &Path) -> BTreeMap<String, String> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|e| {
            let e = e.unwrap();
            (e.file_name().to_string_lossy().into_owned(), format!("{:x}", Sha256::digest(std::fs::read(e.path()).unwrap())))
        })
        .collect()
}

fn read(dir: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_the_files_hang_together() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for d in &dirs {
        let city = City::generate(Options { seed: 11, buildings: 500 }).unwrap();
        write::write(&city, d.path()).unwrap();
    }
    let (a, b) = (digest(dirs[0].path()), digest(dirs[1].path()));
    assert_eq!(a, b);
    assert_eq!(a.len(), 11, "{a:?}");

    let buildings = read(dirs[0].path(), "buildings.city.json");
    assert_eq!(buildings["CityObjects"].as_object().unwrap().len(), 500);
    let areas = read(dirs[0].path(), "areas.geojson");
    let features = areas["features"].as_array().unwrap();
    let codes: Vec<&str> = features.iter().map(|f| f["properties"]["id"].as_str().unwrap()).collect();
    let names: Vec<&str> = features.iter().map(|f| f["properties"]["name"].as_str().unwrap()).collect();
    for name in ["宿迁市", "宿城区", "宿豫区", "沭阳县", "泗阳县", "泗洪县", "湖滨新区", "宿迁经济技术开发区", "苏宿工业园区", "洋河新区"]
    {
        assert!(names.contains(&name), "{name}");
    }
    for f in features {
        let parent = f["properties"]["parent"].as_str();
        assert!(parent.is_none_or(|p| codes.contains(&p)), "{f}");
    }
    for i in read(dirs[0].path(), "incidents.json").as_array().unwrap() {
        assert!(codes.contains(&i["area"].as_str().unwrap()), "{i}");
    }
}

#[test]
fn every_building_is_a_closed_solid_off_the_water_in_one_grid_cell() {
    let city = City::generate(Options { seed: 7, buildings: 20_000 }).unwrap();
    assert_eq!(city.plots.len(), 20_000);
    let areas = Areas::new(&city);
    let cells: Vec<Polygon<f64>> = areas.cells.iter().map(|c| polygon(c.ring.iter().copied())).collect();
    let Shape::Lake(shore) = &city.waters[0].shape else { panic!("the first water is the lake") };
    let lake = polygon(shore.iter().copied());
    for (n, plot) in city.plots.iter().enumerate() {
        let (shell, _) = solids::shell(&city, plot);
        let mut edges: BTreeMap<(u32, u32), i32> = BTreeMap::new();
        for ring in shell.faces.iter().flat_map(|(_, rings)| rings) {
            for i in 0..ring.len() {
                let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
                *edges.entry((a, b)).or_default() += 1;
            }
        }
        let closed = edges.iter().all(|(&(a, b), &count)| count == 1 && edges.get(&(b, a)) == Some(&1));
        assert!(closed, "building {n}: {:?}", plot.tier);
        let c = plot.rect.centre;
        let within = cells.iter().filter(|cell| cell.contains(&Coord { x: c.x, y: c.y })).count();
        assert_eq!(within, 1, "building {n} at {c}");
        for corner in plot.rect.corners() {
            assert!(!lake.contains(&Coord { x: corner.x, y: corner.y }), "building {n} stands in the lake");
            assert!(
                water::nearest(&city.waters, corner).1 > 5.0,
                "building {n} stands in {}",
                city.waters[water::nearest(&city.waters, corner).0].name
            );
        }
    }
}

#[test]
fn no_building_stands_on_a_road_or_on_another() {
    let city = City::generate(Options { seed: 3, buildings: 4_000 }).unwrap();
    let mut index = curve::SegmentIndex::default();
    for (i, r) in city.roads.iter().enumerate() {
        index.add_line(&r.line, i as u32);
    }
    for (n, a) in city.plots.iter().enumerate() {
        for u in [-0.5, -0.25, 0.0, 0.25, 0.5] {
            for v in [-0.5, 0.0, 0.5] {
                let p = a.rect.at(u, v);
                for id in index.near(p, 20.0) {
                    let (s, e, road) = index.segments[id as usize];
                    let road = &city.roads[road as usize];
                    assert!(curve::segment_distance(p, s, e).0 > road.width_m / 2.0, "building {n} on {}", road.name);
                }
                let others = city.plots.iter().enumerate().filter(|(m, b)| *m != n && b.rect.centre.distance(p) < 160.0);
                for (m, b) in others {
                    assert!(!curve::within(&b.rect.corners(), p), "buildings {n} and {m} overlap");
                }
            }
        }
    }
}

#[test]
fn the_marathon_is_a_round_of_the_full_distance() {
    for seed in [1, 7] {
        let city = City::generate(Options { seed, buildings: 200 }).unwrap();
        let course = Course::new(&city).unwrap();
        assert!(course.line[0].distance(course.line[course.line.len() - 1]) < 1.0);
        // Measured independently of the projection: chords between points on the ellipsoid.
        let at = |p: DVec2| {
            let [lon, lat] = city.plane.lonlat(p).unwrap();
            geodetic_to_ecef(Geodetic::from_degrees(lon, lat, 0.0)).0
        };
        let metres: f64 = course.line.windows(2).map(|w| at(w[0]).distance(at(w[1]))).sum();
        assert!((metres - marathon::DISTANCE_M).abs() < 100.0, "seed {seed}: {metres} m");
    }
}

#[test]
fn too_many_buildings_are_refused_with_the_number_that_fits() {
    let e = City::generate(Options { seed: 7, buildings: 900_000 }).err().unwrap().to_string();
    assert!(e.contains("--buildings"), "{e}");
}
