use super::*;
use proptest::prelude::*;
use std::path::PathBuf;

fn files() -> Vec<(String, Vec<u8>)> {
    let json = br#"{"asset":{"version":"1.1"}}"#.repeat(40);
    let noise: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut files = vec![("empty.bin".to_owned(), Vec::new()), ("tileset.json".to_owned(), json)];
    files.extend((0..50).map(|i| (format!("buildings/{i}/宿迁.glb"), noise[i..].to_vec())));
    files
}

fn written(dir: &std::path::Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let mut writer = ArchiveWriter::create(&path).unwrap();
    files().iter().for_each(|(name, bytes)| writer.add(name, bytes.clone()).unwrap());
    writer.finish().unwrap();
    path
}

#[test]
fn what_goes_in_comes_out_and_is_found_by_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(&written(dir.path(), "a.3tz")).unwrap();
    assert!(archive.indexed);
    let names: Vec<String> = archive.entries().unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names, files().into_iter().map(|f| f.0).collect::<Vec<_>>());
    for (name, bytes) in files() {
        assert_eq!(archive.read(&name).unwrap(), bytes, "{name}");
    }
    assert!(matches!(archive.read("none.glb"), Err(ArchiveError::Missing { .. })));
    assert_eq!(std::fs::read(written(dir.path(), "b.3tz")).unwrap(), std::fs::read(archive.path()).unwrap());
}

#[test]
fn an_archive_whose_index_is_wrong_is_read_by_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), "a.3tz");
    let mut bytes = std::fs::read(&path).unwrap();
    let index = bytes.windows(15).position(|w| w == b"@3dtilesIndex1@").unwrap() + 15;
    bytes[index + 7] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    let archive = Archive::open(&path).unwrap();
    assert!(!archive.indexed);
    assert!(files().iter().all(|(name, bytes)| archive.read(name).unwrap() == *bytes));
}

#[test]
fn a_bomb_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb.3tz");
    let mut writer = ArchiveWriter::create(&path).unwrap();
    let zeros = vec![0; 1 << 20];
    writer.add("zeros", zeros).unwrap();
    writer.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // It says that it is small, and is not: reading stops one byte later.
    let small = 1000u32.to_le_bytes();
    let at: Vec<usize> = bytes.windows(4).enumerate().filter(|(_, w)| *w == (1u32 << 20).to_le_bytes()).map(|(i, _)| i).collect();
    at.iter().for_each(|i| bytes[*i..i + 4].copy_from_slice(&small));
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Archive::open(&path).unwrap().read("zeros"), Err(ArchiveError::Damaged { .. })));
    let big = (FILE_BYTES_MAX as u32 + 1).to_le_bytes();
    at.iter().for_each(|i| bytes[*i..i + 4].copy_from_slice(&big));
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Archive::open(&path).unwrap().read("zeros"), Err(ArchiveError::Refused { .. })));
}

#[test]
fn names_stay_inside() {
    assert_eq!(inside("a/./b//c.glb").as_deref(), Some("a/b/c.glb"));
    assert_eq!(inside("a/../b.glb").as_deref(), Some("b.glb"));
    for outside in ["../b.glb", "a/../../b.glb", "/etc/passwd", "c:/x", "a\\..\\b", "", "."] {
        assert_eq!(inside(outside), None, "{outside}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_mutated_archive_never_panics(changes in prop::collection::vec((0usize..1_000_000, any::<u8>()), 1..20), cut in 0usize..4000, near_end: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.3tz");
        let mut writer = ArchiveWriter::create(&path).unwrap();
        files().iter().take(6).for_each(|(name, bytes)| writer.add(name, bytes.clone()).unwrap());
        writer.finish().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let (len, keep) = (bytes.len(), bytes.len() - if cut % 3 == 0 { cut.min(bytes.len()) } else { 0 });
        for (at, value) in changes {
            let at = if near_end { len - 1 - at % 700 } else { at % len };
            bytes[at] = value;
        }
        std::fs::write(&path, &bytes[..keep]).unwrap();
        if let Ok(archive) = Archive::open(&path) {
            for entry in archive.entries().unwrap_or_default() {
                let _ = archive.read(&entry.name);
            }
        }
    }
}
