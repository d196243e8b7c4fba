//! Khronos' glTF validator over every glb of a package: 0 errors.

use super::{real, yiping_build};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// 0 errors; without node or its package says so, and fails where `CI` is set.
pub fn validate(package: &Path) {
    let tools = root().join("tests/tools");
    let why = if tools.join("node_modules/gltf-validator").is_dir() {
        match Command::new("node").arg(tools.join("validate-glb.mjs")).arg(package).output() {
            Ok(run) => {
                let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
                assert!(
                    run.status.success() && said.contains(" glb: 0 errors") && !said.contains("\n0 glb"),
                    "{}: {said}",
                    package.display()
                );
                return;
            }
            Err(e) => format!("node does not run: {e}"),
        }
    } else {
        "gltf-validator is not installed (scripts/setup does it: `npm ci` in tests/tools)".to_owned()
    };
    assert!(std::env::var_os("CI").is_none(), "{why}");
    eprintln!("NOT CHECKED: {why}");
}

#[test]
fn every_tile_of_real_and_made_cities_is_valid_gltf() {
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    let made = Command::new(env!("CARGO_BIN_EXE_yiping")).args(["demo-city", "--buildings", "300", "--out"]).arg(&demo).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let at = |name: &str| demo.join(name).display().to_string();
    let mut cities: Vec<(Vec<String>, &str)> = vec![
        (vec![at("buildings.city.json"), at("surfaces.city.json"), at("terrain.tif")], "demo-city"),
        (vec![root().join("tests/data/the-hague-sample.city.json").display().to_string(), "--crs=EPSG:7415".into()], "sample"),
    ];
    let more: [(&str, &str); 2] = [("the-hague/DenHaag_01.city.json", "the-hague"), ("delft/delft.city.json", "delft")];
    for (path, name) in more {
        let found: Option<PathBuf> = real(path);
        cities.extend(found.map(|file| (vec![file.display().to_string(), "--crs=EPSG:7415".into()], name)));
    }
    for (arguments, name) in cities {
        let out = dir.path().join(format!("{name}.package"));
        yiping_build(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &out).unwrap();
        validate(&out);
    }
}
