//! Coasts, level ground and photos, as tiles show them.

use super::*;
use crate::city::ortho::Orthophoto;
use crate::city::report::BuildReport;
use crate::city::source::ElevationGrid;
use serde_json::Value;

/// Every tile of a tree that has ground, with its mesh.
fn grounds(plan: &Plan) -> Vec<(u32, tile::Ground)> {
    let (root, mut nodes) = (plan.grow(Address { level: 0, x: 0, y: 0 }).unwrap(), Vec::new());
    root.list(&mut nodes);
    let with_ground = nodes.into_iter().filter(|n| !n.look.empty);
    with_ground.map(|n| (n.address.level, tile::mesh(plan, n.address, n.children.is_some(), true))).collect()
}

/// Places of a mesh's vertices.
fn places(ground: &tile::Ground, frame: &LocalFrame) -> Vec<Geodetic> {
    let place = |p: &[f32; 3]| frame.enu_to_geodetic(ground.origin + glam::DVec3::from(glam::Vec3::from(*p)));
    ground.mesh.positions.iter().map(place).collect()
}

/// The picture in a glb; `None` when it has none.
fn picture(file: &Path) -> Option<image::RgbImage> {
    let bytes = std::fs::read(file).unwrap();
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let (document, bin): (Value, &[u8]) = (serde_json::from_slice(&bytes[20..20 + length]).unwrap(), &bytes[28 + length..]);
    let view = &document["bufferViews"][document["images"].get(0)?["bufferView"].as_u64().unwrap() as usize];
    let (at, length) = (view["byteOffset"].as_u64().unwrap() as usize, view["byteLength"].as_u64().unwrap() as usize);
    Some(image::load_from_memory(&bin[at..at + length]).unwrap().into_rgb8())
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

/// A coast of a plateau at 40 to 60 m with single islands, the sea without data: on every level all ground is as high as land is, and none of it
/// lies further out than the next sample.
#[test]
fn a_coast_has_no_spikes_on_any_level() {
    let land = |x: usize, y: usize| (x as f64 + 20.0 * (y as f64 / 9.0).sin()) < 150.0 || (x % 37, y % 41) == (0, 0);
    let dem = grid(300, 0.0003, |x, y| if land(x, y) { 40.0 + ((x * 7 + y * 13) % 21) as f32 } else { f32::NAN });
    let relief = relief(dem);
    let drape = Drape::default();
    let plan = Plan::new(&relief, &drape, None).unwrap();
    let mut levels = std::collections::BTreeSet::new();
    for (level, ground) in grounds(&plan) {
        levels.insert(level);
        for p in places(&ground, &plan.frame) {
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
    relief.level(vec![flatten::tests_level(true, 25.0, &house)]);
    relief.levels.index();
    let drape = Drape::default();
    let plan = Plan::new(&relief, &drape, None).unwrap();
    let grounds = grounds(&plan);
    let deepest = grounds.iter().map(|g| g.0).max();
    let inside: Vec<f64> = grounds
        .iter()
        .filter(|(level, _)| Some(*level) == deepest)
        .flat_map(|(_, ground)| places(ground, &plan.frame))
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
    // 2,048 pixels over half of the ground: 4,096 over all of it are 8 pictures of 512 a side.
    let plan = Plan::new(&relief, &drape, None).unwrap();
    let grounds = grounds(&plan);
    assert_eq!((grounds.len() as u64, grounds.iter().map(|g| g.0).max()), (written.tiles, Some(3)));
    // Without the photo it would be one tile; the error makes a viewer go down to the finest pictures.
    assert!(written.root.error_m > 50.0);
    let root = picture(&dir.path().join("0/0/0.glb")).unwrap();
    let near = |p: [u8; 3], q: [u8; 3]| p.iter().zip(q).all(|(a, b)| a.abs_diff(b) < 12);
    assert!(near(root.get_pixel(30, 30).0, [200, 0, 0]) && near(root.get_pixel(220, 30).0, [0, 0, 200]), "the photo is in the north-west");
    let ground = super::super::mesh::colour(crate::city::source::Surface::Terrain, "Terrain");
    assert!(near(root.get_pixel(400, 400).0, [ground[0], ground[1], ground[2]]), "bare ground elsewhere");
    for (uv, place) in grounds[0].1.mesh.uvs.iter().zip(places(&grounds[0].1, &plan.frame)) {
        let (u, v) = ((place.lon_deg() - 118.0) / 0.064, (34.0 - place.lat_deg()) / 0.064);
        assert!((f64::from(uv[0]) - u).abs() < 1e-4 && (f64::from(uv[1]) - v).abs() < 1e-4);
    }
    assert!(picture(&dir.path().join("1/1/0.glb")).is_none(), "no photo in the south-east");
}
