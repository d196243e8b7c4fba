//! Every sample of CesiumGS, by the engine and file by file: what is drawn, and what each tile says is left out.

use crate::tiles::{
    DecodeContext, Decoded, FeatureIdSource, MetadataGroup, MetadataSource, SelectOptions, TileError, TileTree, Tileset, TilesetOptions,
    UpAxis, View, decode,
};
use glam::{DMat4, DVec3};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What contents say, by their path; all others say nothing.
const SAID: [(&str, &[&str]); 11] = [
    ("1.0/TilesetWithTreeBillboards/tree.i3dm", &[SEE_THROUGH]),
    ("1.0/TilesetWithTreeBillboards/tree_billboard.i3dm", &[SEE_THROUGH]),
    ("1.0/TilesetWithRequestVolume/points.pnts", &["points are drawn as small tetrahedra"]),
    ("1.1/MultipleContents/planePoints.glb", &["points are drawn as small tetrahedra"]),
    (
        "glTF/EXT_structural_metadata/PropertyAttributesPointCloud/PropertyAttributesPointCloudHouse.gltf",
        &["points are drawn as small tetrahedra"],
    ),
    (
        "glTF/EXT_structural_metadata/PropertyAttributesPointCloud/PropertyAttributesPointCloudTree.gltf",
        &["points are drawn as small tetrahedra"],
    ),
    ("glTF/CESIUM_primitive_outline/BoxPrimitiveOutline/BoxPrimitiveOutline.gltf", &[OUTLINED]),
    ("glTF/EXT_mesh_features/FeatureIdTexture/FeatureIdTexture.gltf", &[PICTURED]),
    ("glTF/EXT_structural_metadata/FeatureIdTextureAndPropertyTable/FeatureIdTextureAndPropertyTable.gltf", &[PICTURED]),
    ("glTF/EXT_structural_metadata/MultipleClasses/MultipleClasses.gltf", &[SEVERAL]),
    ("glTF/EXT_structural_metadata/MultipleFeatureIdsAndProperties/MultipleFeatureIdsAndProperties.gltf", &[SEVERAL]),
];
const SEE_THROUGH: &str = "half-transparent faces are drawn solid, or cut out where their picture is";
const OUTLINED: &str = "outlines are drawn as thin prisms";
const PICTURED: &str = "feature ids in a picture: triangles are drawn by their middles, a click is exact";
const SEVERAL: &str = "of several sets of feature ids, one is drawn by; a click shows all";
/// Files that samples name and the folder lacks.
const MISSING: &str = "dragon_high.b3dm";

/// Files of the samples with one of these endings, or a word that the samples are missing.
fn samples(endings: &[&str]) -> Option<(PathBuf, Vec<PathBuf>)> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/3d-tiles-samples");
    let root = [near, PathBuf::from("/work/shared/data/3d-tiles-samples")].into_iter().find(|p| p.is_dir());
    let Some(root) = root else {
        eprintln!("NOT CHECKED: 3d-tiles-samples are not at hand (../shared/data)");
        return None;
    };
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if endings.iter().any(|e| path.to_string_lossy().ends_with(e)) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    Some((root, found))
}

/// Of a content.
fn expected(path: &str) -> Vec<String> {
    let said = SAID.iter().filter(|(of, _)| path == *of).flat_map(|(_, notes)| *notes);
    said.map(|n| (*n).to_owned()).collect()
}

/// Of a tileset: what its folder's contents say, without their numbers.
fn expected_below(tileset: &str) -> Vec<String> {
    let folder = tileset.trim_end_matches("tileset.json");
    let below = SAID.iter().filter(|(path, _)| path.starts_with(folder));
    let notes = below.flat_map(|(_, notes)| *notes).map(|n| n.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').to_owned());
    notes.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Cameras that make the engine want every tile: from above, and inside every volume that tiles ask for.
fn views(tileset: &Tileset) -> Vec<View> {
    let at = |eye: DVec3, target: DVec3| {
        View::perspective(eye, (target - eye).normalize_or(DVec3::X), DVec3::new(0.1, 0.2, 1.0), 2.0, 1.0, 1000.0)
    };
    let mut views = vec![View::perspective(DVec3::ZERO, DVec3::X, DVec3::Z, 1.0, 1.0, 1000.0)];
    for (_, tile) in tileset.tree().iter() {
        let Some(sphere) = tile.volume.bounding_sphere() else { continue };
        let asked = tile.viewer_request_volume.as_ref().and_then(|v| v.bounding_sphere());
        let eye = asked.map_or(sphere.centre + DVec3::new(0.3, -0.5, 0.8) * sphere.radius_m * 2.5, |s| s.centre);
        if asked.is_some() || tile.depth < 2 {
            views.push(at(eye, sphere.centre));
        }
    }
    views
}

#[test]
fn every_sample_tileset_is_drawn_to_its_last_tile() {
    let Some((root, paths)) = samples(&["tileset.json"]) else { return };
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let select = SelectOptions { max_sse_px: 0.0, ..SelectOptions::default() };
        let mut tileset = Tileset::open(path.to_str().unwrap(), TilesetOptions { select, ..TilesetOptions::default() }).unwrap();
        let started = Instant::now();
        let progress = loop {
            let views = views(&tileset);
            let frame = tileset.update(&views);
            if tileset.is_settled() && tileset.tree().len() > 1 && views.len() > 1 {
                break frame.progress;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{name}: not settled: {:?} {:?}", frame.progress, tileset.failures());
            std::thread::sleep(Duration::from_millis(2));
        };
        for failure in tileset.failures() {
            assert!(failure.error.url().ends_with(MISSING), "{name}: {}", failure.error);
        }
        let contents = tileset.tree().iter().skip(1).filter_map(|(id, _)| tileset.content(id));
        let triangles: usize = contents.map(|c| c.triangles()).sum();
        let has_content = tileset.tree().iter().skip(1).any(|(_, t)| !t.contents.is_empty());
        assert!(triangles > 0 || !has_content, "{name}: nothing is drawn");
        let said: Vec<String> = progress.notes.keys().cloned().collect();
        if said != expected_below(&name) {
            wrong.push(format!("{name}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_sample_content_is_read_by_itself() {
    let Some((root, paths)) = samples(&[".glb", ".gltf", ".b3dm", ".i3dm", ".pnts", ".cmpt"]) else { return };
    let mut wrong = Vec::new();
    let beside = |url: &str| {
        let lost = |why: String| TileError::Fetch { url: url.to_owned(), why, retry: false };
        let path = url::Url::parse(url).map_err(|e| lost(e.to_string()))?.to_file_path().map_err(|()| lost("no path".into()))?;
        std::fs::read(path).map_err(|e| lost(e.to_string()))
    };
    for path in paths {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let url = url::Url::from_file_path(&path).unwrap();
        let context = DecodeContext { url: url.as_str(), transform: DMat4::IDENTITY, up_axis: UpAxis::Y, error_m: 0.0, external: &beside };
        let content = match decode(&std::fs::read(&path).unwrap(), &context) {
            Ok(Decoded::Meshes(content)) => content,
            other => panic!("{name}: {other:?}"),
        };
        let triangles: usize = content.meshes.iter().map(|m| m.indices.len() / 3).sum();
        let mut said = content.notes.clone();
        said.sort();
        assert!(triangles > 0, "{name}: nothing is drawn");
        if said != expected(&name) {
            wrong.push(format!("{name}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn settled(path: &Path) -> Tileset {
    let mut tileset = Tileset::open(path.to_str().unwrap(), TilesetOptions::default()).unwrap();
    let started = Instant::now();
    while !tileset.is_settled() || tileset.tree().len() < 2 {
        let views = views(&tileset);
        tileset.update(&views);
        assert!(started.elapsed() < Duration::from_secs(60), "not settled");
        std::thread::sleep(Duration::from_millis(2));
    }
    tileset
}

#[test]
fn metadata_of_the_samples_is_answered() {
    let Some((root, _)) = samples(&[]) else { return };
    let tileset = settled(&root.join("1.1/MetadataGranularities/tileset.json"));
    let all: BTreeMap<_, _> = tileset.tree().iter().map(|(id, _)| (id, tileset.metadata(id))).filter(|(_, m)| !m.is_empty()).collect();
    assert!(all.values().all(|m| m.contains_key("tileset")), "all are below the tileset that says something");
    for source in ["tile", "content", "group"] {
        assert!(all.values().any(|m| m.get(source).is_some_and(|p| p.as_object().is_some_and(|p| !p.is_empty()))), "{source}");
    }
    assert!(tileset.metadata(TileTree::ROOT).is_empty());
    let points = settled(&root.join("glTF/EXT_structural_metadata/PropertyAttributesPointCloud/tileset.json"));
    let (id, content) = points.tree().iter().find_map(|(id, _)| Some((id, points.content(id)?))).unwrap();
    let row = points.attributes(id, content.features.count() / 2);
    assert!(row.values().any(|v| v.is_string()) && row.values().any(|v| v.is_number()), "{row:?}");
    // What a schema says of points is told where one is hit, across the plane in which they and their box lie.
    let mesh = &content.meshes[0];
    let (_, corners) = mesh.triangle(0).unwrap();
    let at = corners.iter().map(|c| mesh.to_world.transform_point3(*c)).sum::<DVec3>() / 3.0;
    let hit = points.pick(at - DVec3::Y * 100.0, DVec3::Y).unwrap();
    let groups = points.place_metadata(&hit);
    assert!(groups[0].is_drawn_feature() && groups[0].said.values() == points.attributes(hit.tile, hit.feature_id), "{groups:?}");
}

/// What is said in a sample of a unit square at (x, y) of it, from 0 below left to 1; the attributes of the feature there come first.
fn said_at(sample: &str, x: f64, y: f64) -> Option<(Value, Vec<MetadataGroup>)> {
    let (root, _) = samples(&[])?;
    let tileset = settled(&root.join(format!("glTF/{sample}/tileset.json")));
    let hit = tileset.pick(DVec3::new(x, -10.0, y), DVec3::Y).unwrap();
    Some((Value::Object(tileset.attributes(hit.tile, hit.feature_id)), tileset.place_metadata(&hit)))
}

/// The middle of a pixel of the 16 x 16 that the samples' walls have.
fn pixel(x: u32, y: u32) -> (f64, f64) {
    ((f64::from(x) + 0.5) / 16.0, 1.0 - (f64::from(y) + 0.5) / 16.0)
}

#[test]
fn walls_tell_the_values_and_the_feature_of_the_pixel_that_is_hit() {
    for (at, inside, component) in [((2, 5), 15, "Window"), ((9, 10), 23, "Door"), ((0, 0), 13, "Roof"), ((15, 8), 21, "Wall")] {
        let (x, y) = pixel(at.0, at.1);
        let Some((_, groups)) = said_at("EXT_structural_metadata/SimplePropertyTexture", x, y) else { return };
        assert_eq!(groups[0].source, MetadataSource::PropertyTexture { number: 0 });
        assert_eq!(groups[0].said.values()["Inside Temperature"], json!(inside), "{at:?}");
        let (row, groups) = said_at("EXT_structural_metadata/FeatureIdTextureAndPropertyTable", x, y).unwrap();
        assert_eq!((&row["Component"], groups[0].is_drawn_feature()), (&json!(component), true), "{at:?}: {row}");
        let (_, plain) = said_at("EXT_mesh_features/FeatureIdTexture", x, y).unwrap();
        let MetadataSource::FeatureIds(set) = &plain[0].source else { panic!("{plain:?}") };
        let MetadataSource::FeatureIds(same) = &groups[0].source else { panic!("{groups:?}") };
        assert_eq!(set.feature, same.feature, "{at:?}");
    }
}

#[test]
fn squares_tell_both_sets_of_their_ids_and_values_of_complex_types() {
    let folder = "EXT_structural_metadata";
    // The lower right square.
    let Some((row, groups)) = said_at(&format!("{folder}/MultipleFeatureIdsAndProperties"), 0.75, 0.25) else { return };
    let set = |number: usize, feature: u32| {
        MetadataSource::FeatureIds(FeatureIdSource { number, label: String::new(), feature: Some(feature), is_drawn: number == 0 })
    };
    let sources: Vec<&MetadataSource> = groups.iter().map(|g| &g.source).collect();
    assert_eq!(sources, [&set(0, 1), &set(1, 2)]);
    let text = |group: usize| groups[group].said.values()["Example STRING property"].clone();
    assert_eq!((text(0), &row["Example STRING property"]), (row["Example STRING property"].clone(), &text(0)));
    assert!(text(0) != text(1) && text(1).is_string());
    let (_, groups) = said_at(&format!("{folder}/MultipleClasses"), 0.75, 0.25).unwrap();
    let classes: Vec<&str> = groups.iter().map(|g| g.said.class.name.as_str()).collect();
    assert_eq!(classes, ["Example metadata class A", "Example metadata class B"]);
    let (row, groups) = said_at(&format!("{folder}/ComplexTypes"), 0.25, 0.25).unwrap();
    assert_eq!(row["Example variable-length ARRAY STRING property"], json!(["One"]));
    assert!(groups[0].said.properties.iter().all(|p| p.description.starts_with("An example property")));
}

#[test]
fn a_content_opened_by_itself_is_a_tileset_of_one_tile_and_stands_where_it_is_put() {
    let Some((root, paths)) = samples(&[".glb", ".gltf", ".b3dm"]) else { return };
    let east = DVec3::new(6_378_137.0, 0.0, 0.0);
    for path in paths {
        let options = TilesetOptions { place: Some(DMat4::from_translation(east)), ..TilesetOptions::default() };
        let mut tileset = Tileset::open(path.to_str().unwrap(), options).unwrap();
        let view = View::perspective(DVec3::new(1e8, 0.0, 0.0), DVec3::NEG_X, DVec3::Z, 1.0, 1.0, 1000.0);
        let started = Instant::now();
        let mut loaded = 0;
        let drawn = loop {
            let frame = tileset.update(std::slice::from_ref(&view));
            loaded += frame.loaded.len();
            if tileset.is_settled() {
                break frame.draw;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{}: {:?}", path.display(), tileset.failures());
            std::thread::sleep(Duration::from_millis(2));
        };
        let name = path.strip_prefix(&root).unwrap();
        let sphere = tileset.bounding_sphere().unwrap();
        assert_eq!((loaded, drawn, tileset.failures().len()), (1, vec![TileTree::ROOT], 0), "{}", name.display());
        // Old models may stand on Earth by their own RTC_CENTER.
        let own = sphere.centre - east;
        assert!(own.length() < 1e4 || own.length() > 6e6, "{}: {own}", name.display());
    }
}
