//! Screens with pixels, drawn off-screen by the real programs. On a machine without any Vulkan driver they are left out, and say so.

use crate::programs::{Hub, Platform, data, left_out, yiping};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Different colours of a picture with a city in it; a blank or broken one has a handful.
const COLOURS_MIN: usize = 300;

fn colours(file: &Path) -> (usize, [u32; 2]) {
    let picture = image::open(file).unwrap().to_rgb8();
    (picture.pixels().map(|p| p.0).collect::<HashSet<_>>().len(), [picture.width(), picture.height()])
}

/// What the program says on stdout; `None`, and said, where there are no graphics.
fn draws(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && error.contains("no graphics") {
        left_out("pictures", &error);
        return None;
    }
    assert!(output.status.success(), "{command:?}: {}\n{error}", output.status);
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_desk_draws_what_the_hub_serves() {
    let platform = Platform::start();
    let hub = Hub::start(&platform.feeds());
    let dir = tempfile::tempdir().unwrap();
    let desk = dir.path().join("desk.png");
    let drawn = draws(yiping().args(["desk", "--hub", &hub.url, "--size", "320x180", "--settle", "1", "--picture"]).arg(&desk));
    if drawn.is_some() {
        let (colours, size) = colours(&desk);
        assert_eq!(size, [320, 180]);
        assert!(colours > COLOURS_MIN, "a desk of {colours} colours shows no city");
    }
}

/// Copies a package, and says where.
fn copied(to: &Path) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                copy(&from, &to);
            } else {
                std::fs::copy(from, to).unwrap();
            }
        }
    }
    copy(&data().join("package"), &to.join("package"));
    to.join("package")
}

#[test]
fn a_tile_that_is_not_there_is_counted_and_the_rest_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let package = copied(dir.path());
    // The root tile of the buildings: every view asks for it.
    let tileset: serde_json::Value = serde_json::from_slice(&std::fs::read(package.join("buildings/tileset.json")).unwrap()).unwrap();
    let root = tileset["root"]["content"]["uri"].as_str().unwrap();
    std::fs::remove_file(package.join("buildings").join(root)).unwrap();
    let hub = Hub::with_package("", &package);
    let out = dir.path().join("hole.png");
    let drawn =
        draws(yiping().args(["snapshot", "--hub", &hub.url, "--size", "320x180", "--settle", "0", "--bare", "--json", "--out"]).arg(&out));
    let Some(said) = drawn else { return };
    let figures: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(figures["failed_tiles"], 1, "{figures}");
    assert!(figures["tiles"].as_u64().is_some_and(|n| n > 1), "{figures}");
    assert!(colours(&out).0 > COLOURS_MIN, "{figures}");
}
