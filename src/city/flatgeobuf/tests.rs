use crate::city::read::{ReadOptions, read_parts};
use crate::city::report::BuildReport;
use crate::city::source::CitySource;
use proptest::prelude::*;
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

/// The sample is the GeoJSON one, written by the `flatgeobuf` crate (6.0.1); see tests/data/README.md.
#[test]
fn it_reads_as_the_geojson_it_was_written_from() {
    let (flat, _) = read(&data("osm-footprints.fgb"), None).unwrap();
    let (text, _) = read(&data("osm-footprints.geojson"), None).unwrap();
    assert_eq!(flat.crs, text.crs);
    assert_eq!(flat.objects.len(), text.objects.len());
    // The index sorts features along a Hilbert curve; `@id` is what the GeoJSON has as its id.
    for object in &text.objects {
        let same = flat.objects.iter().find(|o| o.id == object.id).unwrap();
        assert_eq!((&same.class, &same.parent, same.faces.len()), (&object.class, &object.parent, object.faces.len()), "{}", object.id);
        let mut attributes = same.attributes.clone();
        attributes.remove("@id");
        assert_eq!(attributes, object.attributes, "{}", object.id);
        for (a, b) in same.faces.corners().iter().zip(object.faces.corners()) {
            assert!(flat.vertices[*a as usize].distance(text.vertices[*b as usize]) < 1e-9);
        }
    }
}

#[test]
fn an_extent_is_cut_by_the_index() {
    // The houses in the first row's west.
    let extent = [118.2749, 33.9629, 118.27545, 33.96312];
    let (flat, report) = read(&data("osm-footprints.fgb"), Some(extent)).unwrap();
    let (text, _) = read(&data("osm-footprints.geojson"), Some(extent)).unwrap();
    let ids = |source: &CitySource| {
        let mut ids: Vec<String> = source.objects.iter().map(|o| o.id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&flat), ids(&text));
    assert!(flat.objects.len() > 2 && flat.objects.len() < 12, "{}", flat.objects.len());
    assert!(report.objects_in < 15);
    assert!(read(&data("osm-footprints.fgb"), Some([0.0, 0.0, 1.0, 1.0])).unwrap().0.objects.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        extent in any::<bool>(),
    ) {
        let mut bytes = include_bytes!("../../../tests/data/osm-footprints.fgb").to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(1));
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("m.fgb");
        std::fs::write(&file, bytes).unwrap();
        let _ = read(&file, extent.then_some([118.27, 33.96, 118.276, 33.964]));
    }
}
