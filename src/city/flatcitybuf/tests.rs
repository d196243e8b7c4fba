use crate::city::read::{ReadOptions, read_parts};
use crate::city::report::BuildReport;
use crate::city::source::{CityObject, CitySource};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read(file: &Path, extent: Option<[f64; 4]>) -> Result<(CitySource, BuildReport), String> {
    let options = ReadOptions { extent, ..ReadOptions::default() };
    let mut report = BuildReport::default();
    let mut whole = CitySource::new(file, None);
    read_parts(file, &options, &mut report, &mut |part| {
        whole.crs.clone_from(&part.crs);
        whole.append(part)
    })
    .map_err(|e| e.to_string())?;
    Ok((whole, report))
}

/// Every face as its surface and its points in order.
fn shape(source: &CitySource, object: &CityObject) -> Vec<(String, Vec<[i64; 3]>)> {
    let place = |n: &u32| source.vertices[*n as usize].to_array().map(|v| (v * 1000.0).round() as i64);
    object.faces.iter().map(|f| (format!("{:?}", f.surface), f.corners().iter().map(place).collect())).collect()
}

/// A column has one type: 0 in a column of 49.766 is 0.0.
fn as_floats(attributes: &Map<String, Value>) -> Value {
    fn float(value: &Value) -> Value {
        match value {
            Value::Number(n) => n.as_f64().into(),
            Value::Array(list) => list.iter().map(float).collect(),
            Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), float(v))).collect(),
            other => other.clone(),
        }
    }
    attributes.iter().map(|(k, v)| (k.clone(), float(v))).collect()
}

/// The sample is the CityJSON one, written by the `fcb_core` crate (0.7.8); see tests/data/README.md.
#[test]
fn it_reads_as_the_cityjson_it_was_written_from() {
    let (flat, report) = read(&data("the-hague-sample.fcb"), None).unwrap();
    let (text, expected) = read(&data("the-hague-sample.city.json"), None).unwrap();
    assert_eq!((report.objects_in, flat.objects.len()), (expected.objects_in, text.objects.len()));
    assert_eq!(flat.crs.as_deref(), Some("https://www.opengis.net/def/crs/EPSG/0/7415"));
    for object in &text.objects {
        let same = flat.objects.iter().find(|o| o.id == object.id).unwrap();
        assert_eq!((&same.class, &same.parent, &same.lod), (&object.class, &object.parent, &object.lod), "{}", object.id);
        assert_eq!(shape(&flat, same), shape(&text, object), "{}", object.id);
        // `null` has no place in a column.
        let mut attributes = object.attributes.clone();
        attributes.retain(|_, v| !v.is_null());
        assert_eq!(as_floats(&same.attributes), as_floats(&attributes), "{}", object.id);
    }
    assert!(report.rejections.is_empty(), "{:?}", report.rejections);
}

#[test]
fn an_extent_is_cut_by_the_index() {
    let (whole, _) = read(&data("the-hague-sample.fcb"), None).unwrap();
    let extent = [4.2724, 52.1049, 4.2730, 52.1052];
    let (part, report) = read(&data("the-hague-sample.fcb"), Some(extent)).unwrap();
    assert!(!part.objects.is_empty() && part.objects.len() * 2 < whole.objects.len(), "{} of {}", part.objects.len(), whole.objects.len());
    assert!(report.rejections.is_empty());
    assert!(read(&data("the-hague-sample.fcb"), Some([5.0, 52.0, 5.1, 52.1])).unwrap().0.objects.is_empty());
}

#[test]
fn a_cut_file_tells_so() {
    let whole = std::fs::read(data("the-hague-sample.fcb")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cut.fcb");
    for length in [9, 500, whole.len() - 100] {
        std::fs::write(&file, &whole[..length]).unwrap();
        let told = read(&file, None).unwrap_err();
        assert!(told.contains("cut.fcb") && told.contains("cut off"), "{told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        extent in any::<bool>(),
    ) {
        let mut bytes = include_bytes!("../../../tests/data/the-hague-sample.fcb").to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(1));
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("m.fcb");
        std::fs::write(&file, bytes).unwrap();
        let _ = read(&file, extent.then_some([4.27, 52.1, 4.273, 52.105]));
    }
}
