//! Real files, bad files, mutated files.

mod broken;
mod properties;
mod shapes;

use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource, Surface};
use crate::city::{CityError, ReadOptions, read_parts, read_source};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const HAGUE: &str = include_str!("../../../tests/data/the-hague-sample.gml");
const YOKOSUKA: &str = include_str!("../../../tests/data/plateau/yokosuka-sample.gml");

fn read_text(text: impl AsRef<[u8]>) -> (Result<CitySource, CityError>, BuildReport) {
    let dir = TempDir::new().unwrap();
    read_beside(&dir, text)
}

fn read_beside(dir: &TempDir, text: impl AsRef<[u8]>) -> (Result<CitySource, CityError>, BuildReport) {
    let file = dir.path().join("city.gml");
    std::fs::write(&file, text).unwrap();
    let mut report = BuildReport::default();
    let source = read_source(&file, &mut report);
    (source, report)
}

/// A model in RD coordinates of these members, with prefixes that nobody uses.
fn model(members: &str) -> String {
    format!(
        r##"<?xml version="1.0" encoding="UTF-8"?>
<CityModel xmlns="http://www.opengis.net/citygml/2.0" xmlns:b="http://www.opengis.net/citygml/building/2.0"
 xmlns:t="http://www.opengis.net/citygml/transportation/2.0" xmlns:a="http://www.opengis.net/citygml/appearance/2.0"
 xmlns:v="http://www.opengis.net/citygml/vegetation/2.0" xmlns:d="http://www.opengis.net/citygml/relief/2.0"
 xmlns:q="http://www.opengis.net/citygml/generics/2.0" xmlns:grp="http://www.opengis.net/citygml/cityobjectgroup/2.0"
 xmlns:g="http://www.opengis.net/gml" xmlns:x="http://www.w3.org/1999/xlink" xmlns:adr="urn:oasis:names:tc:ciq:xsdschema:xAL:2.0"
 xmlns:uro="https://www.geospatial.jp/iur/uro/2.0">
<g:boundedBy><g:Envelope srsName="urn:ogc:def:crs:EPSG::28992" srsDimension="3"><g:lowerCorner>0 0 0</g:lowerCorner></g:Envelope></g:boundedBy>
{members}
</CityModel>
"##
    )
}

fn member(object: &str) -> String {
    format!("<cityObjectMember>{object}</cityObjectMember>\n")
}

/// A square of one metre, `x` metres east, with an id.
fn square(id: &str, x: f64) -> String {
    let (w, e) = (x, x + 1.0);
    format!(
        "<g:Polygon g:id=\"{id}\"><g:exterior><g:LinearRing g:id=\"{id}-ring\"><g:posList>{w} 0 5 {e} 0 5 {e} 1 5 {w} 1 5 {w} 0 5</g:posList></g:LinearRing></g:exterior></g:Polygon>"
    )
}

fn surface(polygons: &str) -> String {
    format!("<g:MultiSurface><g:surfaceMember>{polygons}</g:surfaceMember></g:MultiSurface>")
}

fn read_model(members: &str) -> (CitySource, BuildReport) {
    let (source, report) = read_text(model(members));
    (source.unwrap(), report)
}

fn warned(report: &BuildReport, reason: &str) -> u64 {
    report.warnings.get(reason).map_or(0, |r| r.count)
}

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
fn the_sample_of_the_hague_comes_whole() {
    let (source, report) = read_text(HAGUE);
    let source = source.unwrap();
    assert_eq!((source.crs.as_deref(), report.objects_in, report.objects_rejected, report.warnings.len()), (Some("EPSG:28992"), 5, 0, 0));
    let classes: Vec<(&str, &str, bool)> = source.objects.iter().map(|o| (o.class.as_str(), o.lod.as_str(), o.parent.is_some())).collect();
    let expected = [
        ("ReliefFeature", "", false),
        ("TINRelief", "2", true),
        ("Building", "2", false),
        ("Building", "2", false),
        ("Building", "", false),
        ("BuildingPart", "2", true),
        ("BuildingPart", "2", true),
    ];
    assert_eq!(classes, expected);
    let part = &source.objects[6];
    assert_eq!(part.parent.as_ref(), Some(&source.objects[4].id));
    assert!(part.attributes["AbsoluteRidgeHeight"].is_f64() && part.attributes["roofType"].is_string());
    let seen = surfaces(&source);
    assert_eq!((seen[&Surface::Terrain], seen[&Surface::Ground]), (24, 4));
    // Walls, roofs and ground have colours of their own, given in the building by the ids of polygons.
    let bare = source.objects.iter().filter(|o| o.class != "TINRelief").flat_map(|o| o.faces.iter()).filter(|f| f.paint.is_none()).count();
    assert_eq!((bare, source.paints.len()), (0, 3));
}

#[test]
fn the_sample_of_yokosuka_lies_in_japan_and_wears_its_pictures() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/plateau/yokosuka-sample.gml");
    let (source, report) = read(&file);
    assert_eq!((source.crs.as_deref(), report.objects_in, report.objects_rejected), (Some("EPSG:6697"), 2, 0));
    assert!(source.vertices.iter().all(|v| (139.737..139.741).contains(&v.x) && (35.258..35.262).contains(&v.y) && v.z > 0.0));
    let (museum, other) = (&source.objects[0].attributes, &source.objects[1].attributes);
    assert_eq!((&museum["name"], &museum["usage"], &museum["measuredHeight"]), (&"横須賀美術館".into(), &"422".into(), &6.0.into()));
    assert_eq!((&museum["図形ID"], &museum["１階床面積"], &museum["１階床面積_uom"]), (&16943.into(), &42.0.into(), &"m2".into()));
    assert_eq!(museum["buildingDetailAttribute.totalFloorArea"], 42.4879);
    assert_eq!(museum["keyValuePairAttribute.key"], serde_json::json!(["104", "105", "106", "107"]));
    // Two risks of two kinds: what only one of them says has an empty place for the other.
    let risk = |name: &str| &other[&format!("buildingDisasterRiskAttribute.{name}")];
    assert_eq!(risk("dataType"), &serde_json::json!(["BuildingLandSlideRiskAttribute", "BuildingTsunamiRiskAttribute"]));
    assert!(risk("areaType")[1].is_null() && risk("rankOrg")[0].is_null() && risk("rankOrg")[1].is_string(), "{other:?}");
    assert!(warned(&report, "code list missing") > 5);
    let pictured: Vec<_> = source.objects[0].faces.iter().filter(|f| f.uvs().is_some()).collect();
    let Some(crate::city::source::TextureImage::File(image)) = source.paints[0].texture.as_ref().map(|t| &t.image) else {
        panic!("no picture")
    };
    assert!(pictured.len() == 3 && image.is_file(), "{}", image.display());
    // 0.642865 0.007874 of the first ring, whose first point is the first corner: v counts from the upper edge.
    let first = pictured.iter().flat_map(|f| f.uvs().unwrap()).any(|uv| *uv == [0.642865, 1.0 - 0.007874]);
    assert!(first);
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
