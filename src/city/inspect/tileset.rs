//! A tileset on disk, counted: its own JSON files are followed, contents are looked for but not opened.

use crate::city::error::CityError;
use crate::geo::{Ecef, ecef_to_geodetic};
use glam::{DMat4, DVec3};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Tileset files followed and files matched with implicit templates; a city has hundreds, a loop has no end.
const FILES_MAX: usize = 1_000_000;
/// Points nearer to the Earth's centre than this, metres, are of a tileset in a frame of its own.
const EARTH_MIN_M: f64 = 6.3e6;

#[derive(Debug, Default, Serialize)]
pub struct TilesetSummary {
    pub file: PathBuf,
    /// 3D Tiles version.
    pub version: String,
    /// Of a city package: `city.toml` as it is.
    pub package: Option<toml::Table>,
    /// Tiles written one by one, in this file and those it names.
    pub tiles: u64,
    /// Pyramids of tiles said by rule, whose contents are counted by the files found.
    pub implicit_tilings: u64,
    /// Contents by extension.
    pub contents: BTreeMap<String, u64>,
    /// Contents and tilesets named that are not on this disk, the first few.
    pub missing: Vec<String>,
    pub missing_count: u64,
    /// West, south, east, north (degrees), lowest, highest (metres) of the root volume; `None` for a tileset not placed on Earth.
    pub extent: Option<[f64; 6]>,
    /// Of the tileset, metres: how wrong it is to draw nothing.
    pub geometric_error_m: f64,
    /// Smallest and largest error of its tiles, metres.
    pub tile_error_m: Option<(f64, f64)>,
    pub depth: usize,
}

impl TilesetSummary {
    pub const MISSING_MAX: usize = 5;
}

/// Whether a file is JSON with a tileset's root.
pub(super) fn is_tileset(path: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe {
        root: Option<serde::de::IgnoredAny>,
        asset: Option<serde::de::IgnoredAny>,
    }
    let probe = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Probe>(&bytes).ok());
    probe.is_some_and(|p| p.root.is_some() && p.asset.is_some())
}

/// Follows the tileset at `path`; `folder` may hold a `city.toml`.
pub(super) fn summarise(path: &Path, folder: Option<&Path>) -> Result<TilesetSummary, CityError> {
    let json = read(path)?;
    let mut summary = TilesetSummary {
        file: path.to_owned(),
        version: json["asset"]["version"].as_str().unwrap_or_default().to_owned(),
        package: folder.map(|f| f.join("city.toml")).filter(|f| f.exists()).map(|f| manifest(&f)).transpose()?,
        extent: extent(&json["root"]),
        geometric_error_m: json["geometricError"].as_f64().unwrap_or(f64::NAN),
        ..TilesetSummary::default()
    };
    if !json["root"].is_object() {
        return Err(CityError::unusable(path, "the tileset has no root tile; build it again"));
    }
    let mut walk = Walk { summary: &mut summary, waiting: vec![(path.to_owned(), json, 0)], seen: BTreeSet::from([path.to_owned()]) };
    walk.run();
    Ok(summary)
}

fn read(path: &Path) -> Result<Value, CityError> {
    let bytes = std::fs::read(path).map_err(CityError::open(path))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let mend = "build or download the tileset again";
        CityError::Json { file: path.to_owned(), line: e.line(), column: e.column(), why: e.to_string(), mend }
    })
}

fn manifest(path: &Path) -> Result<toml::Table, CityError> {
    let text = std::fs::read_to_string(path).map_err(CityError::open(path))?;
    text.parse().map_err(|e: toml::de::Error| CityError::unusable(path, format!("{}; build the package again", e.to_string().trim_end())))
}

struct Walk<'a> {
    summary: &'a mut TilesetSummary,
    /// Tilesets read and not yet counted, with the depth of their root.
    waiting: Vec<(PathBuf, Value, usize)>,
    seen: BTreeSet<PathBuf>,
}

impl Walk<'_> {
    fn run(&mut self) {
        while let Some((file, json, depth)) = self.waiting.pop() {
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            self.tile(&folder, &json["root"], depth);
        }
    }

    /// Recursion is bounded by serde_json, which refuses more than 128 nested values.
    fn tile(&mut self, folder: &Path, tile: &Value, depth: usize) {
        self.summary.tiles += 1;
        self.summary.depth = self.summary.depth.max(depth + 1);
        if let Some(error) = tile["geometricError"].as_f64() {
            let range = self.summary.tile_error_m.get_or_insert((error, error));
            *range = (range.0.min(error), range.1.max(error));
        }
        let extensions = &tile["extensions"];
        let implicit = tile.get("implicitTiling").or_else(|| extensions.get("3DTILES_implicit_tiling"));
        self.summary.implicit_tilings += u64::from(implicit.is_some());
        let several = tile.get("contents").or_else(|| extensions.get("3DTILES_multiple_contents")?.get("contents"));
        let contents = tile.get("content").into_iter().chain(several.and_then(Value::as_array).into_iter().flatten());
        for uri in contents.filter_map(|c| c["uri"].as_str().or(c["url"].as_str())) {
            match implicit {
                Some(_) => self.by_rule(folder, uri),
                None => self.content(folder, uri, depth),
            }
        }
        for child in tile["children"].as_array().into_iter().flatten() {
            self.tile(folder, child, depth + 1);
        }
    }

    fn content(&mut self, folder: &Path, uri: &str, depth: usize) {
        let file = folder.join(uri.split(['?', '#']).next().unwrap_or(uri));
        if !file.is_file() {
            return self.missing(uri);
        }
        if file.extension().is_none_or(|e| !e.eq_ignore_ascii_case("json")) {
            return self.found(&file);
        }
        if self.seen.len() >= FILES_MAX || !self.seen.insert(file.clone()) {
            return;
        }
        match read(&file) {
            Ok(json) if json["root"].is_object() => self.waiting.push((file, json, depth + 1)),
            Ok(_) => self.missing(&format!("{uri} (has no root tile)")),
            Err(e) => self.missing(&e.to_string()),
        }
    }

    /// Counts the files a template like `{level}/{x}/{y}.glb` can mean.
    fn by_rule(&mut self, folder: &Path, template: &str) {
        let fixed = template.split('{').next().unwrap_or_default();
        let start = folder.join(fixed.rsplit_once('/').map_or("", |(dir, _)| dir));
        let (mut folders, mut visited) = (vec![start], 0);
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
                visited += 1;
                if visited > FILES_MAX {
                    return self.missing(&format!("{template}: more than {FILES_MAX} files, the rest is not counted"));
                }
                let path = entry.path();
                if entry.file_type().is_ok_and(|t| t.is_dir()) {
                    folders.push(path);
                } else if path.strip_prefix(folder).ok().and_then(Path::to_str).is_some_and(|p| matches(template, p)) {
                    self.found(&path);
                }
            }
        }
    }

    fn found(&mut self, file: &Path) {
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("-").to_ascii_lowercase();
        *self.summary.contents.entry(extension).or_default() += 1;
    }

    fn missing(&mut self, what: &str) {
        self.summary.missing_count += 1;
        if self.summary.missing.len() < TilesetSummary::MISSING_MAX {
            self.summary.missing.push(what.to_owned());
        }
    }
}

/// Whether a path is the template with digits for its `{names}`.
fn matches(template: &str, path: &str) -> bool {
    let Some((before, after)) = template.split_once('{') else { return template == path };
    let Some((_, rest)) = after.split_once('}') else { return false };
    let Some(tail) = path.strip_prefix(before) else { return false };
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && matches(rest, &tail[digits..])
}

/// Extent of a tile's volume on Earth.
fn extent(tile: &Value) -> Option<[f64; 6]> {
    let numbers = |v: &Value| v.as_array().map(|a| a.iter().filter_map(Value::as_f64).collect::<Vec<f64>>()).unwrap_or_default();
    let volume = &tile["boundingVolume"];
    if let [west, south, east, north, low, high] = numbers(&volume["region"])[..] {
        return Some([west.to_degrees(), south.to_degrees(), east.to_degrees(), north.to_degrees(), low, high]);
    }
    let transform = <[f64; 16]>::try_from(numbers(&tile["transform"])).map_or(DMat4::IDENTITY, |m| DMat4::from_cols_array(&m));
    let (centre, axes) = match (&numbers(&volume["box"])[..], &numbers(&volume["sphere"])[..]) {
        ([cx, cy, cz, axes @ ..], _) if axes.len() == 9 => {
            (DVec3::new(*cx, *cy, *cz), [DVec3::from_slice(axes), DVec3::from_slice(&axes[3..]), DVec3::from_slice(&axes[6..])])
        }
        (_, &[cx, cy, cz, r]) => (DVec3::new(cx, cy, cz), [DVec3::X * r, DVec3::Y * r, DVec3::Z * r]),
        _ => return None,
    };
    let corners = (0..8).map(|i| {
        let sign = |bit: usize| if i >> bit & 1 == 0 { -1.0 } else { 1.0 };
        transform.transform_point3(centre + axes[0] * sign(0) + axes[1] * sign(1) + axes[2] * sign(2))
    });
    if transform.transform_point3(centre).length() < EARTH_MIN_M {
        return None;
    }
    let places = corners.map(|c| ecef_to_geodetic(Ecef(c))).map(|g| [g.lon_deg(), g.lat_deg(), g.height_m]);
    let none = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY];
    Some(places.fold(none, |e, [x, y, z]| [e[0].min(x), e[1].min(y), e[2].max(x), e[3].max(y), e[4].min(z), e[5].max(z)]))
}

#[cfg(test)]
mod tests {
    use super::super::{Summary, inspect};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_means_digits() {
        assert!(matches("content/{level}/{x}_{y}.glb", "content/3/10_7.glb"));
        assert!(!matches("content/{level}/{x}_{y}.glb", "content/3/10.glb"));
        assert!(!matches("content/{level}", "content/"));
    }

    #[test]
    fn a_package_is_followed_through_its_tilesets() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["buildings", "terrain/c/0/0"] {
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
        let rule = json!({"implicitTiling": {"subdivisionScheme": "QUADTREE"}, "content": {"uri": "c/{level}/{x}/{y}.glb"}});
        write("terrain/tileset.json", tile(80.0, rule));
        for file in ["buildings/0.glb", "terrain/c/0/0/0.glb", "terrain/c/0/0/1.glb", "terrain/c/0/0/note.txt"] {
            std::fs::write(at(file), "").unwrap();
        }
        std::fs::write(at("city.toml"), "name = \"宿迁\"\n").unwrap();
        let Summary::Tileset(s) = inspect(dir.path()).unwrap() else { panic!("not read as a package") };
        assert_eq!((s.tiles, s.implicit_tilings, s.depth), (9, 1, 4));
        assert_eq!((s.contents["glb"], s.missing_count), (3, 2));
        assert_eq!((s.geometric_error_m, s.tile_error_m), (500.0, Some((0.0, 200.0))));
        assert_eq!(s.package.unwrap()["name"].as_str(), Some("宿迁"));
        assert!((s.extent.unwrap()[0] - 2f64.to_degrees()).abs() < 1e-12);
        let Summary::Tileset(same) = inspect(&at("tileset.json")).unwrap() else { panic!("not read as a tileset") };
        assert_eq!(same.tiles, 9);
    }

    #[test]
    fn a_box_is_placed_by_its_transform() {
        let corner = crate::geo::geodetic_to_ecef(crate::geo::Geodetic::from_degrees(118.3, 33.9, 20.0)).0;
        let moved = DMat4::from_translation(corner).to_cols_array();
        let tile = json!({"transform": moved, "boundingVolume": {"box": [0, 0, 0, 10, 0, 0, 0, 10, 0, 0, 0, 10]}});
        let [west, south, east, north, low, high] = extent(&tile).unwrap();
        assert!(west < 118.3 && east > 118.3 && south < 33.9 && north > 33.9 && low < 20.0 && high > 20.0 && high < 40.0);
        assert_eq!(extent(&json!({"boundingVolume": {"sphere": [0, 0, 0, 5]}})), None);
    }
}
