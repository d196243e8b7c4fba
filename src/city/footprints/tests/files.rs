//! Files in, objects out.

use super::*;
use crate::city::source::CityObject;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path as File;

fn data(name: &str) -> PathBuf {
    File::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read_file(file: &File, options: &ReadOptions) -> (CitySource, BuildReport) {
    let mut report = BuildReport::default();
    let mut whole = CitySource::new(file, None);
    read_parts(file, options, &mut report, &mut |part| {
        (whole.crs, whole.above_ground) = (part.crs.clone(), part.above_ground);
        whole.append(part)
    })
    .unwrap();
    let with_faces = whole.objects.iter().filter(|o| !o.faces.is_empty()).count() as u64;
    assert_eq!(report.objects_in, with_faces + report.objects_rejected, "{:?}", report.rejections);
    (whole, report)
}

/// Lowest and highest of an object's points.
fn span(source: &CitySource, object: &CityObject) -> (f64, f64) {
    let heights = object.faces.corners().iter().map(|n| source.vertices[*n as usize].z);
    heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), z| (low.min(z), high.max(z)))
}

fn square(properties: &serde_json::Value) -> String {
    let ring = [[10.0, 50.0], [10.0002, 50.0], [10.0002, 50.0001], [10.0, 50.0001], [10.0, 50.0]];
    json!({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}).to_string()
}

fn height_of(properties: serde_json::Value, mapping: Option<&str>) -> Result<(f64, f64), String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mapping.toml");
    std::fs::write(&file, mapping.unwrap_or_default()).unwrap();
    let options = ReadOptions { mapping: mapping.map(|_| file), ..ReadOptions::default() };
    let (source, report) = read_text("a.geojson", square(&properties).as_bytes(), &options);
    let source = source?;
    let object = source.objects.first().ok_or_else(|| format!("{:?}", report.rejections))?;
    let (low, high) = span(&source, object);
    Ok(((low * 1000.0).round() / 1000.0, (high * 1000.0).round() / 1000.0))
}

#[test]
fn the_sample_comes_as_buildings_streets_water_and_green() {
    let (source, report) = read_file(&data("osm-footprints.geojson"), &ReadOptions::default());
    let of = |class: &str| source.objects.iter().filter(|o| o.class == class).count();
    let counts = ["Building", "BuildingPart", "Road", "WaterBody", "PlantCover", "LandUse"].map(of);
    assert_eq!(counts, [31, 2, 3, 2, 1, 1]);
    assert_eq!((source.crs.as_deref(), source.above_ground), (Some("EPSG:4326"), true));
    assert_eq!(report.rejections.keys().collect::<Vec<_>>(), ["a point has no footprint", "left out: in a tunnel"]);
    let told: Vec<_> = report.warnings.iter().map(|(reason, r)| (reason.as_str(), r.count)).collect();
    assert_eq!(
        told,
        [
            ("height missing: 2.7 m assumed", 1),
            ("height missing: 9 m assumed", 1),
            ("outline not drawn: its parts stand for it", 1),
            ("roof drawn flat: its shape is not known here", 1),
        ]
    );
    let part = source.objects.iter().find(|o| o.class == "BuildingPart").unwrap();
    let parent = source.objects.iter().find(|o| Some(&o.id) == part.parent.as_ref()).unwrap();
    assert_eq!((parent.attributes["name"].as_str(), parent.faces.len()), (Some("塔楼"), 0));
    let school = source.objects.iter().find(|o| o.attributes.get("building") == Some(&json!("school"))).unwrap();
    assert!((span(&source, school).1 - 12.192).abs() < 1e-9, "40 ft");
    assert!(count(&source, Surface::Roof) > 100 && count(&source, Surface::Road) >= 3 && count(&source, Surface::Green) == 1);
}

#[test]
fn heights_come_from_what_is_there() {
    for (properties, expected) in [
        (json!({"building": "yes", "height": 12}), (0.0, 12.0)),
        (json!({"building": "yes", "height": "12,5 m", "min_height": "4"}), (4.0, 12.5)),
        (json!({"building": "yes", "building:levels": "4"}), (0.0, 12.0)),
        (json!({"building": "yes", "building:levels": "4", "building:min_level": "1"}), (3.0, 12.0)),
        (json!({"building": "yes", "building:levels": "2", "roof:shape": "gabled", "roof:levels": "1"}), (0.0, 9.0)),
        (json!({"building": "yes", "height": 10, "roof:shape": "gabled", "roof:height": 4}), (0.0, 10.0)),
        (json!({"building": "yes", "height": 10, "roof:shape": "pyramidal", "roof:height": 10}), (0.0, 10.0)),
        // Overture, Microsoft, EUBUCCO.
        (json!({"subtype": "residential", "num_floors": 3, "roof_shape": "flat"}), (0.0, 9.0)),
        (json!({"height": 7.3, "confidence": 0.9}), (0.0, 7.3)),
        (json!({"height": -1.0}), (0.0, 9.0)),
        (json!({"tags": {"building": "yes", "height": "5"}}), (0.0, 5.0)),
        (json!({"other_tags": "\"building\"=>\"yes\",\"height\"=>\"6\""}), (0.0, 6.0)),
    ] {
        assert_eq!(height_of(properties.clone(), None), Ok(expected), "{properties}");
    }
}

#[test]
fn a_mapping_names_other_attributes_units_and_layers() {
    let mapping = r#"
        height = ["h_dak"]
        base = "h_maaiveld"
        top_is_absolute = true
        roof_shape = "type"
        [units]
        h_dak = "cm"
        [roof_shapes]
        "2" = "gabled"
    "#;
    let properties = json!({"h_dak": 1500, "h_maaiveld": 2.5, "type": 2});
    assert_eq!(height_of(properties, Some(mapping)), Ok((2.5, 15.0)));
    assert_eq!(height_of(json!({"class": "shed"}), Some("[default_heights]\nshed = 2.25")), Ok((0.0, 2.25)));
    assert_eq!(height_of(json!({"height": 3}), Some("layer = \"water\"")), Ok((0.0, 0.0)));
    for (mapping, word) in [
        ("heigth = \"h\"", "heigth"),
        ("[units]\nh = \"furlong\"", "furlong"),
        ("[roof_shapes]\n1 = \"spiral\"", "spiral"),
        ("default_height_m = -3", "-3"),
        ("layer = \"sky\"", "sky"),
    ] {
        let told = height_of(json!({}), Some(mapping)).unwrap_err();
        assert!(told.contains("mapping.toml") && told.contains(word), "{told}");
    }
}

#[test]
fn broken_features_are_left_out_one_by_one() {
    let bowtie = r#"{"type":"Feature","properties":{"building":"yes","height":5},"geometry":{"type":"Polygon","coordinates":[[[10,50],[10.001,50.001],[10.001,50],[10,50.001],[10,50]]]}}"#;
    let cases = [
        (r#"{"type":"Feature","properties":{},"geometry":null}"#, "feature without geometry"),
        (
            r#"{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[1,2],[3,"x"]]]}}"#,
            "coordinates not understood",
        ),
        (
            r#"{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[1,2],[1,2],[1,2],[1,2]]]}}"#,
            "footprint without area",
        ),
        (r#"{"type":"Feature","properties":{},"geometry":{"type":"Blob"}}"#, "geometry not understood"),
        (
            r#"{"type":"Feature","properties":{"tunnel":"yes","highway":"primary"},"geometry":{"type":"LineString","coordinates":[[1,2],[1.001,2]]}}"#,
            "left out: in a tunnel",
        ),
        (r#"{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":[[1,2],[1.001,2]]}}"#, "line without a tag"),
        (
            r#"{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[1,2],[2,2],[2,3]]]}}"#,
            "too large for a building",
        ),
        (
            r#"{"type":"Feature","properties":[],"geometry":{"type":"Polygon","coordinates":[[[1,2],[1e999,2],[2,3]]]}}"#,
            "coordinates not understood",
        ),
        (bowtie, "outline mended: it crossed itself"),
    ];
    let lines: String = cases.iter().map(|(text, _)| format!("{text}\n")).collect();
    let (source, report) = read_text("odd.geojsonl", lines.as_bytes(), &ReadOptions::default());
    let source = source.unwrap();
    let told: Vec<&String> = report.rejections.keys().chain(report.warnings.keys()).collect();
    for (_, reason) in cases {
        assert!(told.iter().any(|t| t.contains(reason)), "{reason}: {told:?}");
    }
    assert_eq!((source.objects.len(), report.objects_in, report.objects_rejected), (1, 8, 7));
    // Both triangles of the bow tie.
    assert_eq!(count(&source, Surface::Roof), 2);
    let (cut, report) = read_text("cut.geojson", &lines.as_bytes()[..lines.len() - 30], &ReadOptions::default());
    assert!(cut.unwrap_err().contains("breaks off") && report.objects_in == 7);
}

#[test]
fn an_old_crs_member_is_believed_wherever_it_stands() {
    let ring = "[[78600,457900],[78620,457900],[78620,457910],[78600,457910],[78600,457900]]";
    let crs = r#""crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::28992"}}"#;
    let feature = format!(r#"{{"type":"Feature","properties":{{"height":4}},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}"#);
    for text in [
        format!(r#"{{"type":"FeatureCollection",{crs},"features":[{feature}]}}"#),
        format!(r#"{{"features":[{feature}],"type":"FeatureCollection",{crs}}}"#),
    ] {
        let (source, _) = read_text("rd.json", text.as_bytes(), &ReadOptions::default());
        assert_eq!(source.unwrap().crs.as_deref(), Some("urn:ogc:def:crs:EPSG::28992"), "{text}");
        // The Hague, and a place far from it.
        for (extent, found) in [([4.26, 52.10, 4.28, 52.11], 1), ([5.0, 52.0, 5.1, 52.1], 0)] {
            let options = ReadOptions { extent: Some(extent), ..ReadOptions::default() };
            assert_eq!(read_text("rd.json", text.as_bytes(), &options).0.unwrap().objects.len(), found);
        }
    }
    let silent = format!(r#"{{"type":"FeatureCollection","features":[{feature}]}}"#);
    assert_eq!(read_text("rd.json", silent.as_bytes(), &ReadOptions::default()).0.unwrap().crs, None);
}

#[test]
fn the_streets_of_vienna_become_surfaces() {
    let here = File::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/roads/vienna-streets.geojson");
    let file = if here.exists() { here } else { PathBuf::from("/work/shared/data/roads/vienna-streets.geojson") };
    if !file.exists() {
        eprintln!("{} is missing; the streets are not tried", file.display());
        return;
    }
    let (source, report) = read_file(&file, &ReadOptions::default());
    assert_eq!(report.objects_in, 3356);
    assert!(source.objects.len() > 3200, "{:?}", report.rejections);
    assert!(source.objects.iter().all(|o| ["Road", "Railway"].contains(&o.class.as_str())));
    let handelskai = source.objects.iter().find(|o| o.id == "483167828").unwrap();
    assert_eq!(handelskai.attributes["name"], "Handelskai");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in prop::option::of(any::<prop::sample::Index>())) {
        let mut bytes = include_bytes!("../../../../tests/data/osm-footprints.geojson").to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(1));
        }
        let (source, report) = read_text("m.geojson", &bytes, &ReadOptions::default());
        if let Ok(source) = source {
            let with_faces = source.objects.iter().filter(|o| !o.faces.is_empty()).count() as u64;
            prop_assert_eq!(report.objects_in, with_faces + report.objects_rejected);
        }
    }
}
