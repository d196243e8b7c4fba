//! Building again, and building in shares: the same package, and no more work than needed.

use super::{build, files, hills, job, town};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use yiping::city::package::{self, Builder, Job};
use yiping::city::report::BuildReport;

/// Inodes of a package's tiles: a tile that was made anew has another.
fn inodes(package: &Path) -> BTreeMap<PathBuf, u64> {
    let tiles = files(package).into_iter().map(|f| f.0).filter(|f| f.extension().is_some_and(|e| e == "glb"));
    tiles.map(|f| (f.clone(), std::fs::metadata(package.join(&f)).unwrap().ino())).collect()
}

#[test]
fn after_a_change_only_the_tiles_it_touches_are_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (out, fresh) = (dir.path().join("town"), dir.path().join("fresh"));
    build(vec![town(90)], Vec::new(), &out);
    let before = inodes(&out);
    let (_, report) = build(vec![town(90)], Vec::new(), &out);
    assert_eq!((inodes(&out), report.tiles_kept), (before.clone(), before.len() as u64), "nothing changed, nothing is made");

    let mut changed = town(90);
    changed.objects[4000].attributes.insert("roof".into(), "green".into());
    changed.vertices[4000 * 8 + 4].z += 1.0;
    build(vec![changed.clone()], Vec::new(), &out);
    let after = inodes(&out);
    let made: Vec<&PathBuf> = after.iter().filter(|(f, inode)| before.get(*f) != Some(inode)).map(|(f, _)| f).collect();
    assert!(before.len() > 8 && (2..=before.len() / 2).contains(&made.len()), "{} of {}: {made:?}", made.len(), before.len());
    build(vec![changed], Vec::new(), &fresh);
    assert!(files(&out) == files(&fresh), "what was kept is what would have been made");
}

#[test]
fn terrain_is_made_anew_only_when_the_ground_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (out, fresh) = (dir.path().join("town"), dir.path().join("fresh"));
    let ground = || hills("EPSG:28992", (79_000.0, 457_000.0), 12.0);
    let of_terrain =
        |tiles: &BTreeMap<PathBuf, u64>| -> Vec<u64> { tiles.iter().filter(|(f, _)| f.starts_with("terrain")).map(|t| *t.1).collect() };
    build(vec![town(12)], vec![ground()], &out);
    let before = inodes(&out);
    assert!(of_terrain(&before).len() > 1);
    let mut changed = town(12);
    changed.vertices[4].z += 1.0;
    let (_, report) = build(vec![changed.clone()], vec![ground()], &out);
    assert_eq!(of_terrain(&inodes(&out)), of_terrain(&before), "a building changed, no ground");
    assert!(report.tiles_kept >= of_terrain(&before).len() as u64);
    build(vec![changed.clone()], vec![ground()], &fresh);
    assert!(files(&out) == files(&fresh), "what was kept is what would have been made");
    let mut dug = ground();
    let mut values = dug.values.to_vec();
    values[150] -= 5.0;
    dug.values = values.into();
    build(vec![changed], vec![dug], &out);
    assert_ne!(of_terrain(&inodes(&out)), of_terrain(&before));
}

#[test]
fn shares_join_to_the_package_that_one_machine_makes_byte_for_byte() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/the-hague-sample.city.json");
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let yiping = |arguments: &[&str], inputs: &[PathBuf], out: &Path| {
        let program = env!("CARGO_BIN_EXE_yiping");
        let run = Command::new(program).arg("build").args(inputs).args(arguments).arg("--out").arg(out).output().unwrap();
        (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let real = super::real("the-hague/DenHaag_01.city.json").unwrap_or(sample);
    let settings = ["--crs", "EPSG:7415", "--name", "The Hague"];
    assert!(yiping(&settings, std::slice::from_ref(&real), &at("whole")).0);
    let shares: Vec<PathBuf> = (1..=3).map(|n| at(&format!("share-{n}"))).collect();
    for (n, share) in shares.iter().enumerate() {
        let shard = format!("{}/3", n + 1);
        let (done, said) = yiping(&[&settings[..], &["--shard", &shard]].concat(), std::slice::from_ref(&real), share);
        assert!(done, "{said}");
    }
    let (done, said) = yiping(&["--merge"], &shares[..2], &at("merged"));
    assert!(!done && said.contains("missing: 3/3") && !at("merged").exists(), "{said}");
    let (done, said) = yiping(&["--merge"], &[shares[2].clone(), shares[0].clone(), shares[1].clone()], &at("merged"));
    assert!(done, "{said}");
    let (whole, merged) = (files(&at("whole")), files(&at("merged")));
    assert_eq!(whole.iter().map(|f| &f.0).collect::<Vec<_>>(), merged.iter().map(|f| &f.0).collect::<Vec<_>>());
    for (a, b) in whole.iter().zip(&merged) {
        assert!(a.1 == b.1, "{} differs", a.0.display());
    }
}

#[test]
fn shares_of_different_builds_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let share = |n: u32, houses: usize| {
        let out = dir.path().join(format!("{n}-{houses}"));
        let job = Job { share: Some((n, 2)), ..job(&out) };
        let mut builder = Builder::new(&job, Vec::new()).unwrap();
        builder.add(town(houses)).unwrap();
        builder.finish(&(), BuildReport::default()).unwrap();
        out
    };
    let (a, b, other) = (share(0, 5), share(1, 5), share(1, 6));
    let out = dir.path().join("out");
    let refused = package::merge(&[a.clone(), other], &out).unwrap_err().to_string();
    assert!(refused.contains("not made from the same sources"), "{refused}");
    assert!(package::merge(&[a.clone(), a.clone()], &out).unwrap_err().to_string().contains("is also in"));
    assert!(package::merge(&[a, b], &out).is_ok());
}
