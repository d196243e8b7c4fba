//! Real files, bad files, mutated files.

use crate::city::read_source;
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource, Surface};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

fn count(objects: &[CityObject], f: impl Fn(&CityObject) -> bool) -> usize {
    objects.iter().filter(|o| f(o)).count()
}

fn surfaces(source: &CitySource) -> HashMap<Surface, usize> {
    let mut counts = HashMap::new();
    source.objects.iter().flat_map(|o| o.faces.iter()).for_each(|f| *counts.entry(f.surface).or_default() += 1);
    counts
}

/// The folder of read-only data beside the repository, wherever the checkout stands.
fn shared(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(file);
    let found = [beside.clone(), Path::new("/work/shared/data").join(file)].into_iter().find(|p| p.exists());
    if found.is_none() {
        eprintln!("left out: {} is not on this machine", beside.display());
    }
    found
}

fn read(file: &Path) -> (CitySource, BuildReport) {
    let mut report = BuildReport::default();
    let source = read_source(file, &mut report).unwrap();
    (source, report)
}

/// Numbers of JSON as f64: one file writes 90, the other 90.0.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().into(),
        Value::Array(all) => all.iter().map(plain).collect(),
        Value::Object(all) => all.iter().map(|(k, v)| (k.clone(), plain(v))).collect::<Map<_, _>>().into(),
        other => other.clone(),
    }
}

/// Whether each corner of each face has one of the same face in the other file within a centimetre, and back.
fn same_places((a, of_a): (&CitySource, &CityObject), (b, of_b): (&CitySource, &CityObject)) -> bool {
    let near = |from: &[u32], (s, to): (&CitySource, &[u32]), own: &CitySource| {
        from.iter().all(|v| to.iter().any(|w| own.vertices[*v as usize].distance(s.vertices[*w as usize]) < 0.01))
    };
    let mut pairs = of_a.faces.iter().zip(of_b.faces.iter());
    pairs.all(|(f, g)| near(f.corners(), (b, g.corners()), a) && near(g.corners(), (a, f.corners()), b))
}

#[test]
fn the_hague_is_the_same_city_in_citygml_and_in_cityjson() {
    let (Some(gml), Some(json)) = (shared("the-hague/DenHaag_01.gml"), shared("the-hague/DenHaag_01.city.json")) else { return };
    let ((gml, report), (json, _)) = (read(&gml), read(&json));
    assert_eq!((report.objects_in, report.objects_rejected, report.warnings.len()), (1991, 0, 0));
    for (class, all) in [("Building", 844), ("BuildingPart", 1653), ("TINRelief", 1)] {
        let of = |s: &CitySource| (count(&s.objects, |o| o.class == class), count(&s.objects, |o| o.class == class && !o.faces.is_empty()));
        assert_eq!((of(&gml), of(&gml).0), (of(&json), all), "{class}");
    }
    // CityJSON leaves the system to the user (EPSG:7415, which adds the height system NAP); the GML names the plane alone.
    assert_eq!((gml.crs.as_deref(), json.crs.as_deref()), (Some("EPSG:28992"), None));
    assert_eq!(surfaces(&gml), surfaces(&json));
    let by_id: BTreeMap<&str, &CityObject> = json.objects.iter().map(|o| (o.id.as_str(), o)).collect();
    // The relief that holds the terrain is no object of its own in CityJSON.
    for object in gml.objects.iter().filter(|o| o.class != "ReliefFeature") {
        let other = by_id[object.id.as_str()];
        assert_eq!((&object.lod, object.faces.len()), (&other.lod, other.faces.len()), "{}", object.id);
        assert_eq!(object.parent.as_deref().filter(|p| *p != "tin_01"), other.parent.as_deref(), "{}", object.id);
        let mut attributes = object.attributes.clone();
        // Whoever wrote the CityJSON left gml:name out; it repeats the id in braces.
        let name = attributes.shift_remove("name");
        assert!(object.class == "TINRelief" || name.is_some(), "{}", object.id);
        assert_eq!(plain(&attributes.into()), plain(&other.attributes.clone().into()), "{}", object.id);
        // CityJSON counts whole millimetres.
        assert!(same_places((&gml, object), (&json, other)), "{}", object.id);
        let colours = |s: &CitySource, o: &CityObject| -> Vec<_> {
            o.faces.iter().map(|f| f.paint.and_then(|p| s.paints[p as usize].colour)).collect()
        };
        assert_eq!(colours(&gml, object), colours(&json, other), "{}", object.id);
    }
}

#[test]
fn yokosuka_has_its_buildings_textures_and_terrain() {
    let bldg = shared("plateau-yokosuka/udx/bldg/52397519_bldg_6697_op.gml");
    let (Some(bldg), Some(dem)) = (bldg, shared("plateau-yokosuka/udx/dem/523965_dem_6697_05_op.gml")) else { return };
    let (source, report) = read(&bldg);
    assert_eq!((report.objects_in, report.objects_rejected), (14, 0));
    assert_eq!(report.warnings.keys().collect::<Vec<_>>(), ["code list missing"]);
    assert_eq!((count(&source.objects, |o| o.class == "Building"), count(&source.objects, |o| o.class == "BuildingPart")), (13, 2));
    let textured = source.objects.iter().flat_map(|o| o.faces.iter()).filter(|f| f.uvs().is_some()).count();
    assert_eq!((textured, source.paints.len()), (335, 3));
    assert!(source.vertices.iter().all(|v| (139.737..139.741).contains(&v.x) && (35.258..35.262).contains(&v.y)));
    let (source, report) = read(&dem);
    // The file has 1,066 triangles (2,132 counts their end tags as well).
    assert_eq!((surfaces(&source), report.warnings.len()), (HashMap::from([(Surface::Terrain, 1066)]), 0));
    assert!(
        source.vertices.iter().all(|v| (139.687..139.701).contains(&v.x) && (35.194..35.209).contains(&v.y) && (-1.0..25.0).contains(&v.z))
    );
}
