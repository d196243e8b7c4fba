//! A tileset, counted: its own files are followed, contents are looked for, and some of them opened.

use super::Watch;
use super::metadata::MetadataSummary;
use super::objects::{AttributeSummary, Attributes};
use super::package::{ArchiveSummary, PackageSummary, archive, package};
use crate::city::error::CityError;
use crate::city::tileset::tiles::{self, Reference, Tile};
use crate::city::tileset::walk::{Part, Visit, walk};
use crate::city::tileset::{Content, TilesetPlace, region_of};
use crate::ogc::archive::is_archive;
use glam::DMat4;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Contents opened to see what is in them, evenly spread over the finest ones.
const CONTENTS_READ_MAX: usize = 256;
/// Contents that can't be opened, told one by one.
const WARNINGS_MAX: usize = 20;
/// Features of one content whose attributes are looked at.
pub(super) const FEATURES_MAX: u32 = 100_000;

#[derive(Debug, Default, Serialize)]
pub struct TilesetSummary {
    pub file: PathBuf,
    /// 3D Tiles version of the root file.
    pub version: String,
    /// Of a city package.
    pub package: Option<PackageSummary>,
    /// Of a `.3tz`.
    pub archive: Option<ArchiveSummary>,
    /// Files that list tiles, by 3D Tiles version.
    pub tilesets: BTreeMap<String, u64>,
    /// All tiles, those of implicit tilings included.
    pub tiles: u64,
    /// Pyramids of tiles said by rule.
    pub implicit_tilings: u64,
    /// Contents by extension.
    pub contents: BTreeMap<String, u64>,
    /// Contents with an address of their own on the network.
    pub remote: u64,
    /// Files named that can't be had, the first few, and how many.
    pub missing: Vec<String>,
    pub missing_count: u64,
    /// West, south, east, north (degrees), lowest, highest (metres) of the root volume; `None` for a tileset not placed on Earth.
    pub extent: Option<[f64; 6]>,
    /// Of the tileset, metres: how wrong it is to draw nothing.
    pub geometric_error_m: f64,
    /// Smallest and largest error of its tiles, metres.
    pub tile_error_m: Option<(f64, f64)>,
    pub depth: usize,
    pub extensions: Vec<String>,
    /// Of the tileset, its tiles, contents and groups; that of features is among `attributes`.
    pub metadata: MetadataSummary,
    /// Contents that are drawn when everything is at its finest, and how many of them were opened for what follows.
    pub finest: u64,
    pub opened: u64,
    pub triangles: u64,
    /// Features by class and level of detail, where their attributes say them (as packages of ours do); `-` where not.
    pub classes: BTreeMap<String, BTreeMap<String, u64>>,
    pub attributes: BTreeMap<String, AttributeSummary>,
    pub warnings: Vec<String>,
}

impl TilesetSummary {
    pub const MISSING_MAX: usize = 5;
}

/// Follows a tileset through all its files.
pub(super) fn summarise(at: &TilesetPlace, watch: &Watch) -> Result<TilesetSummary, CityError> {
    let wrong = |why: String| CityError::unusable(&at.shown, format!("{}: {why}", at.root));
    let bytes = at.files.read(&at.root).map_err(wrong)?;
    let json: Value = serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).map_err(|e| {
        let mend = "build or download the tileset again";
        CityError::Json { file: at.shown.clone(), line: e.line(), column: e.column(), why: e.to_string(), mend }
    })?;
    tiles::of_tileset(&at.root, &json, tiles::Above::ROOT).map_err(|f| wrong(f.to_string()))?;
    let names = json["extensionsUsed"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let summary = TilesetSummary {
        file: at.shown.clone(),
        version: json["asset"]["version"].as_str().unwrap_or_default().to_owned(),
        package: package(at)?,
        archive: is_archive(&at.shown).then(|| archive(&at.shown)).transpose()?,
        extent: region_of(&json["root"], &DMat4::IDENTITY).map(|r| {
            let [west, south, east, north] = [r.west_rad, r.south_rad, r.east_rad, r.north_rad].map(f64::to_degrees);
            [west, south, east, north, r.min_height_m, r.max_height_m]
        }),
        geometric_error_m: json["geometricError"].as_f64().unwrap_or(f64::NAN),
        extensions: names.map(str::to_owned).collect(),
        metadata: MetadataSummary::of_tileset(&json, |uri| schema_beside(at, uri)),
        ..TilesetSummary::default()
    };
    let mut count = Count { summary, finest: Vec::new() };
    walk(&*at.files, &at.root, &mut count);
    let Count { mut summary, finest } = count;
    look_inside(&mut summary, at, &finest, watch);
    check(&mut summary);
    Ok(summary)
}

/// A schema in a file of its own.
fn schema_beside(at: &TilesetPlace, uri: &str) -> Result<Value, String> {
    match tiles::resolve(&at.root, uri) {
        Reference::Inside(name) => serde_json::from_slice(&at.files.read(&name)?).map_err(|e| e.to_string()),
        Reference::Network(_) | Reference::Outside(_) => Err("it is not below the tileset's folder, and is not looked at".to_owned()),
    }
}

/// What a package says of itself against what is there.
fn check(summary: &mut TilesetSummary) {
    let Some(package) = &summary.package else { return };
    let number = |key: &str| package.manifest.get("counts").and_then(|c| c.get(key)?.as_integer());
    let found = summary.contents.values().sum::<u64>() as i64;
    let said = number("tiles").unwrap_or(0) + number("imported").unwrap_or(0);
    if said != found {
        summary.warnings.push(format!("city.toml says {said} tiles, and {found} are there; build the package again"));
    }
    for (file, _) in package.sources.iter().filter(|(_, state)| *state == super::SourceState::Changed) {
        summary.warnings.push(format!("{file} has changed since the package was built; build it again"));
    }
}

/// Opens some of the finest contents for their features.
fn look_inside(summary: &mut TilesetSummary, at: &TilesetPlace, finest: &[Content], watch: &Watch) {
    let step = finest.len().div_ceil(CONTENTS_READ_MAX).max(1);
    let chosen: Vec<&Content> = finest.iter().step_by(step).collect();
    watch.total.store(chosen.len() as u64, Ordering::Relaxed);
    let mut attributes = Attributes::default();
    for batch in chosen.chunks(16) {
        at.files.prefetch(&batch.iter().map(|c| c.name.clone()).collect::<Vec<_>>());
        let opened: Vec<_> = batch.par_iter().map(|content| content.shapes(&*at.files)).collect();
        for (content, (shapes, refused)) in batch.iter().zip(opened) {
            watch.done.fetch_add(1, Ordering::Relaxed);
            let room = WARNINGS_MAX.saturating_sub(summary.warnings.len());
            summary.warnings.extend(refused.iter().take(room).map(|why| format!("{}: {why}", content.name)));
            for shape in shapes {
                summary.triangles += shape.triangles.len() as u64;
                for feature in 0..shape.features.count().min(FEATURES_MAX) {
                    let mut row = shape.features.attributes(feature);
                    let (class, lod) = (said(&row, "class"), said(&row, "lod"));
                    *summary.classes.entry(class).or_default().entry(lod).or_default() += 1;
                    ["class", "lod"].iter().for_each(|key| drop(row.shift_remove(*key)));
                    attributes.add(&row);
                }
            }
        }
    }
    (summary.finest, summary.opened) = (finest.len() as u64, chosen.len() as u64);
    summary.attributes = attributes.finish();
}

fn said(row: &serde_json::Map<String, Value>, key: &str) -> String {
    row.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).unwrap_or("-").to_owned()
}

struct Count {
    summary: TilesetSummary,
    finest: Vec<Content>,
}

impl Visit for Count {
    fn tile(&mut self, tile: &Tile) {
        self.summary.implicit_tilings += u64::from(tile.begins_pyramid);
        // It stands for the root of the subtree, which comes by itself.
        if tile.subtree.is_some() {
            return;
        }
        self.summary.tiles += 1;
        self.summary.depth = self.summary.depth.max(tile.here.depth + 1);
        if let Some(error) = tile.error_m {
            let range = self.summary.tile_error_m.get_or_insert((error, error));
            *range = (range.0.min(error), range.1.max(error));
        }
    }

    fn wants(&self, _: &Tile) -> bool {
        false
    }

    fn content(&mut self, tile: &Tile, name: &str, _: Option<Vec<u8>>) {
        let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
        let extension = file.rsplit_once('.').map_or("-", |(_, e)| e).to_ascii_lowercase();
        *self.summary.contents.entry(extension).or_default() += 1;
        if tile.is_leaf || tile.here.adds {
            self.finest.push(Content::new(name, tile));
        }
    }

    fn part(&mut self, _: &str, bytes: &[u8], kind: Part) {
        match kind {
            Part::Tileset => {
                let json: Value = serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).unwrap_or_default();
                let version = json["asset"]["version"].as_str().unwrap_or("-").to_owned();
                *self.summary.tilesets.entry(version).or_default() += 1;
                self.summary.metadata.count_tiles(&json);
            }
            Part::Subtree => self.summary.metadata.count_subtree(bytes),
            Part::Beside => {}
        }
    }

    fn missing(&mut self, name: &str, why: &str) {
        self.summary.missing_count += 1;
        if self.summary.missing.len() < TilesetSummary::MISSING_MAX {
            self.summary.missing.push(format!("{name}: {why}"));
        }
    }

    fn remote(&mut self, _: &str) {
        self.summary.remote += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Summary, inspect};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_package_is_followed_through_its_tilesets() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["buildings", "terrain/c/0/0", "terrain/c/1/1"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        let volume = json!({"region": [2.0, 0.5, 2.1, 0.6, -3.0, 90.0]});
        let tile = |error: f64, rest: Value| {
            let mut tile = json!({"boundingVolume": volume, "geometricError": error});
            tile.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            tile
        };
        let write = |name: &str, root: Value| {
            let tileset = json!({"asset": {"version": "1.1"}, "geometricError": 500.0, "root": root});
            std::fs::write(at(name), tileset.to_string()).unwrap();
        };
        let parts = ["buildings/tileset.json", "terrain/tileset.json", "gone/tileset.json"]
            .map(|uri| tile(100.0, json!({"content": {"uri": uri}})));
        write("tileset.json", tile(200.0, json!({"children": parts})));
        let leaf = |uri: &str| tile(0.0, json!({"content": {"uri": uri}}));
        write("buildings/tileset.json", tile(50.0, json!({"children": [leaf("0.glb"), leaf("1.glb"), leaf("tileset.json")]})));
        let tiling = json!({"subdivisionScheme": "QUADTREE", "availableLevels": 2, "subtreeLevels": 2, "subtrees": {"uri": "s.json"}});
        write("terrain/tileset.json", tile(80.0, json!({"implicitTiling": tiling, "content": {"uri": "c/{level}/{x}/{y}.glb"}})));
        let bits = json!({"bitstream": 0});
        let subtree = json!({
            "buffers": [{"byteLength": 1, "uri": "bits.bin"}],
            "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": 1}],
            "tileAvailability": bits, "contentAvailability": [bits], "childSubtreeAvailability": {"constant": 0}});
        std::fs::write(at("terrain/s.json"), subtree.to_string()).unwrap();
        // The root and its second child.
        std::fs::write(at("terrain/bits.bin"), [0b101]).unwrap();
        for file in ["buildings/0.glb", "terrain/c/0/0/0.glb", "terrain/c/1/1/0.glb", "terrain/c/0/0/note.txt"] {
            std::fs::write(at(file), "").unwrap();
        }
        std::fs::write(at("city.toml"), "name = \"宿迁\"\n").unwrap();
        let Summary::Tileset(s) = inspect(dir.path(), &Watch::default()).unwrap() else { panic!("not read as a package") };
        assert_eq!((s.tiles, s.implicit_tilings, s.depth), (10, 1, 4), "{s:?}");
        assert_eq!((s.contents["glb"], s.missing_count), (3, 2));
        assert_eq!((s.geometric_error_m, s.tile_error_m), (500.0, Some((0.0, 200.0))));
        assert_eq!(s.package.unwrap().manifest["name"].as_str(), Some("宿迁"));
        assert!((s.extent.unwrap()[0] - 2f64.to_degrees()).abs() < 1e-12);
        let Summary::Tileset(same) = inspect(&at("tileset.json"), &Watch::default()).unwrap() else { panic!("not read as a tileset") };
        assert_eq!(same.tiles, 10);
    }
}
