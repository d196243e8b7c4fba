//! Coasts, level ground and photos, as tiles show them.

use super::*;
use crate::city::ortho::Orthophoto;
use crate::city::report::BuildReport;
use crate::city::source::ElevationGrid;
use serde_json::Value;
use std::path::PathBuf;

/// Positions of a glb's mesh in the tile's frame as east, north, up, with the height above the ellipsoid of each.
struct Glb {
    document: Value,
    bin: Vec<u8>,
}

impl Glb {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let length = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let text = length(12);
        Self { document: serde_json::from_slice(&bytes[20..20 + text]).unwrap(), bin: bytes[28 + text..].to_vec() }
    }

    fn floats(&self, attribute: &str, width: usize) -> Vec<Vec<f32>> {
        let accessor =
            &self.document["accessors"][self.document["meshes"][0]["primitives"][0]["attributes"][attribute].as_u64().unwrap() as usize];
        let view = &self.document["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize];
        let start = view["byteOffset"].as_u64().unwrap() as usize;
        let count = accessor["count"].as_u64().unwrap() as usize;
        let at = |n: usize| f32::from_le_bytes(self.bin[start + 4 * n..start + 4 * n + 4].try_into().unwrap());
        (0..count).map(|v| (0..width).map(|c| at(v * width + c)).collect()).collect()
    }

    /// Places of all vertices.
    fn places(&self, frame: &LocalFrame) -> Vec<Geodetic> {
        let t = &self.document["nodes"][0]["translation"];
        let t: Vec<f64> = (0..3).map(|i| t[i].as_f64().unwrap_or(0.0)).collect();
        let place = |p: Vec<f32>| {
            let p: Vec<f64> = p.into_iter().zip(&t).map(|(p, t)| f64::from(p) + t).collect();
            frame.enu_to_geodetic(glam::DVec3::new(p[0], -p[2], p[1]))
        };
        self.floats("POSITION", 3).into_iter().map(place).collect()
    }
}

fn glbs(dir: &Path) -> Vec<(u32, PathBuf)> {
    let mut found = Vec::new();
    let inside = |d: &Path| std::fs::read_dir(d).into_iter().flatten().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    for level in inside(dir) {
        let Some(number) = level.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse().ok()) else { continue };
        inside(&level).iter().flat_map(|x| inside(x)).for_each(|file| found.push((number, file)));
    }
    found.sort();
    found
}

fn grid(side: usize, step: f64, height: impl Fn(usize, usize) -> f32) -> ElevationGrid {
    let values = (0..side * side).map(|n| height(n % side, n / side)).collect();
    ElevationGrid {
        file: "dem.tif".into(),
        crs: Some("EPSG:4326".into()),
        origin: (118.0, 34.0),
        step: (step, -step),
        width: side,
        height: side,
        values,
    }
}

fn relief(grid: ElevationGrid) -> Relief {
    Relief::new(vec![grid], None, &mut BuildReport::default()).unwrap()
}

fn frame_of(relief: &Relief) -> LocalFrame {
    frame(&region(&relief.extent()))
}

/// A coast of a plateau at 40 to 60 m with single islands, the sea without data: on every level all ground is as high as land is, and none of it
/// lies further out than the next sample.
#[test]
fn a_coast_has_no_spikes_on_any_level() {
    let land = |x: usize, y: usize| (x as f64 + 20.0 * (y as f64 / 9.0).sin()) < 150.0 || (x % 37, y % 41) == (0, 0);
    let dem = grid(300, 0.0003, |x, y| if land(x, y) { 40.0 + ((x * 7 + y * 13) % 21) as f32 } else { f32::NAN });
    let (relief, dir) = (relief(dem), tempfile::tempdir().unwrap());
    write(&relief, &Drape::default(), None, dir.path(), &()).unwrap().unwrap();
    let frame = frame_of(&relief);
    let mut levels = std::collections::BTreeSet::new();
    for (level, file) in glbs(dir.path()) {
        levels.insert(level);
        let glb = Glb::read(&file);
        for p in glb.places(&frame) {
            // Skirts hang from the rim: at most three bounds of the coarsest level down.
            assert!(p.height_m < 60.1 && p.height_m > 40.0 - 3.0 * 2.0 * 8.0 - 1.0, "{} m at level {level}", p.height_m);
            let (x, y) = ((p.lon_deg() - 118.0) / 0.0003, (34.0 - p.lat_deg()) / 0.0003);
            let near = |dx: usize, dy: usize| land((x + 0.001) as usize + dx, (y + 0.001) as usize + dy);
            assert!([(0, 0), (1, 0), (0, 1), (1, 1)].iter().any(|(dx, dy)| near(*dx, *dy)), "ground in the sea at {x}, {y}, level {level}");
        }
    }
    assert!(levels.len() >= 3, "{levels:?}");
}

#[test]
fn ground_under_a_level_is_level_though_the_model_is_coarse() {
    // Samples 30 m apart on a slope, a house of 20 m.
    let mut relief = relief(grid(80, 0.0003, |x, _| x as f32));
    let house = Extent { west: 118.0101, south: 33.9900, east: 118.0103, north: 33.9902 };
    relief.levels.add(vec![flatten::tests_level(true, 25.0, &house)]);
    relief.levels.index();
    let dir = tempfile::tempdir().unwrap();
    write(&relief, &Drape::default(), None, dir.path(), &()).unwrap().unwrap();
    let deepest = glbs(dir.path()).last().unwrap().0;
    let inside: Vec<f64> = glbs(dir.path())
        .iter()
        .filter(|(level, _)| *level == deepest)
        .flat_map(|(_, f)| Glb::read(f).places(&frame_of(&relief)))
        .filter(|p| house.holds(p.lon_deg(), p.lat_deg()))
        .map(|p| p.height_m)
        .collect();
    assert!(inside.len() > 4 && inside.iter().all(|h| (h - 25.0).abs() < 0.05), "{inside:?}");
}

#[test]
fn a_photo_finer_than_the_model_is_shown_in_finer_tiles_of_their_own() {
    let relief = relief(grid(65, 0.001, |_, _| 7.0));
    // A photo over the north-west quarter, 64 times as fine as the model: red in its west, blue in its east.
    let side = 2048;
    let pixels = (0..side * side).map(|n| if n % side < side / 2 { [200, 0, 0, 255] } else { [0, 0, 200, 255] }).collect();
    let step = 0.032 / side as f64;
    let photo = Orthophoto {
        file: "photo.tif".into(),
        crs: Some("EPSG:4326".into()),
        origin: (118.0 + step / 2.0, 34.0 - step / 2.0),
        step: (step, -step),
        width: side,
        height: side,
        pixels,
    };
    let drape = Drape::new(vec![photo], None, &mut BuildReport::default()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let written = write(&relief, &drape, None, dir.path(), &()).unwrap().unwrap();
    let tiles = glbs(dir.path());
    assert_eq!((tiles.len() as u64, tiles.last().unwrap().0), (written.tiles, 3), "{tiles:?}");
    // Without the photo it would be one tile; the error makes a viewer go down to the finest pictures.
    assert!(written.root.error_m > 50.0);
    let picture = |file: &str| {
        let glb = Glb::read(&dir.path().join(file));
        let view = &glb.document["bufferViews"][glb.document["images"].get(0)?["bufferView"].as_u64().unwrap() as usize];
        let (at, length) = (view["byteOffset"].as_u64().unwrap() as usize, view["byteLength"].as_u64().unwrap() as usize);
        Some((image::load_from_memory(&glb.bin[at..at + length]).unwrap().into_rgb8(), glb))
    };
    let (root, glb) = picture("0/0/0.glb").unwrap();
    let near = |p: [u8; 3], q: [u8; 3]| p.iter().zip(q).all(|(a, b)| a.abs_diff(b) < 12);
    assert!(near(root.get_pixel(30, 30).0, [200, 0, 0]) && near(root.get_pixel(220, 30).0, [0, 0, 200]), "the photo is in the north-west");
    let ground = super::super::mesh::colour(crate::city::source::Surface::Terrain, "Terrain");
    assert!(near(root.get_pixel(400, 400).0, [ground[0], ground[1], ground[2]]), "bare ground elsewhere");
    for (uv, place) in glb.floats("TEXCOORD_0", 2).iter().zip(glb.places(&frame_of(&relief))) {
        let (u, v) = ((place.lon_deg() - 118.0) / 0.064, (34.0 - place.lat_deg()) / 0.064);
        assert!((f64::from(uv[0]) - u).abs() < 1e-4 && (f64::from(uv[1]) - v).abs() < 1e-4);
    }
    assert!(picture("1/1/0.glb").is_none(), "no photo in the south-east");
}
