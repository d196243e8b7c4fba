//! Reads a scene and finds what it names in the data folder.

use super::HubError;
use crate::model::scene::{Scene, TilesetConfig};
use crate::model::view::{CameraPose, Clock, TourState, ViewState};
use crate::ogc::archive::{Archive, is_archive};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Bytes; a scene is written by hand, and a tour of an hour is under this.
const SCENE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A scene with the file it came from and the folder its paths are relative to.
#[derive(Clone, Debug)]
pub struct LoadedScene {
    /// File stem: `suqian` for `scenes/suqian.toml`.
    pub id: String,
    pub file: PathBuf,
    pub scene: Scene,
    pub data: PathBuf,
}

/// Where data lies when nobody says otherwise: `YIPING_DATA`, else `~/.local/share/yiping`.
pub fn default_data() -> PathBuf {
    if let Some(dir) = std::env::var_os("YIPING_DATA").filter(|d| !d.is_empty()) {
        return dir.into();
    }
    let share = std::env::var_os("XDG_DATA_HOME").filter(|d| !d.is_empty()).map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| ".".into())).join(".local/share");
    share.unwrap_or_else(home).join("yiping")
}

impl LoadedScene {
    pub fn load(file: &Path, data: &Path) -> Result<Self, HubError> {
        let unreadable = |why| HubError::SceneFile { file: file.to_owned(), why };
        let senseless = |why: String| HubError::SceneSense { file: file.to_owned(), why };
        let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
        if bytes > SCENE_BYTES_MAX {
            return Err(senseless(format!("has {bytes} bytes; a scene has at most {SCENE_BYTES_MAX}")));
        }
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let scene: Scene = toml::from_str(&text).map_err(|why| HubError::SceneToml { file: file.to_owned(), why: Box::new(why) })?;
        check(&scene).map_err(senseless)?;
        let id = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { id, file: file.to_owned(), scene, data: data.to_owned() })
    }

    /// Folder of the city package, or its `.3tz`; `None` when the scene names a tileset by URL.
    pub fn package_dir(&self) -> Option<PathBuf> {
        (!is_url(&self.scene.package)).then(|| self.data.join(&self.scene.package))
    }

    /// Folder, `.3tz` or URL of a tileset that is shown beside the package.
    pub fn tileset_address(&self, tileset: &TilesetConfig) -> String {
        if tileset.is_remote() { tileset.source.clone() } else { self.data.join(&tileset.source).display().to_string() }
    }

    pub fn city_data_dir(&self) -> Option<PathBuf> {
        self.scene.city_data.as_ref().map(|dir| self.data.join(dir))
    }

    /// What `city.toml` of the package says, as JSON; `null` when there is none.
    pub fn city(&self) -> Value {
        let read = |dir: PathBuf| match is_archive(&dir) {
            true => String::from_utf8(Archive::open(&dir).ok()?.read("city.toml").ok()?).ok(),
            false => std::fs::read_to_string(dir.join("city.toml")).ok(),
        };
        let text = self.package_dir().and_then(read);
        text.and_then(|t| toml::from_str::<Value>(&t).ok()).unwrap_or(Value::Null)
    }

    pub fn tour_length_s(&self) -> f64 {
        self.scene.tour.as_ref().map_or(0.0, |t| t.length_s())
    }

    /// The scene as screens get it: as written, plus `id`, `package_url`, `city` (what `city.toml` says), `anchor`, and of each heat what
    /// its names of scale and ramp mean.
    pub fn describe(&self) -> Value {
        let city = self.city();
        let mut scene = serde_json::to_value(&self.scene).unwrap_or(Value::Null);
        if let Some(map) = scene.as_object_mut() {
            let package_url = if is_url(&self.scene.package) { self.scene.package.clone() } else { "/package/".to_owned() };
            map.insert("id".into(), json!(self.id));
            map.insert("package_url".into(), json!(package_url));
            map.insert("anchor".into(), city.get("anchor").cloned().unwrap_or(Value::Null));
            map.insert("city".into(), city);
            map.insert("tour_length_s".into(), json!(self.tour_length_s()));
            // Not every screen knows standards and ramps by name.
            let heats = map.get_mut("heat").and_then(Value::as_array_mut).into_iter().flatten();
            for (shown, heat) in heats.filter_map(Value::as_object_mut).zip(&self.scene.heats) {
                if let Ok(Value::Object(told)) = serde_json::to_value(heat.explained()) {
                    shown.extend(told);
                }
            }
        }
        scene
    }

    /// What screens share before anyone has changed anything: the first camera (else the city from above) and the layers as written.
    pub fn first_view(&self) -> ViewState {
        let camera = self.scene.cameras.first().map_or_else(|| self.above_the_city(), |c| c.pose);
        let heats = self.scene.heats.iter().map(|h| (h.id.clone(), h.shown));
        // The course belongs to the scene of its event.
        let tilesets = self.scene.tilesets.iter().map(|t| (t.id.clone(), t.shown));
        let layers = heats.chain(tilesets).chain([("marathon".to_owned(), self.scene.tour.is_some())]).collect();
        let (clock, tour) = (Clock::default(), TourState::default());
        ViewState {
            scene: self.id.clone(),
            camera,
            layers,
            selection: None,
            clock,
            tour,
            theme: None,
            styling: Default::default(),
            clip: None,
            leader: None,
        }
    }

    fn above_the_city(&self) -> CameraPose {
        let anchor = self.city().get("anchor").cloned().unwrap_or(Value::Null);
        let number = |key: &str| anchor.get(key).and_then(Value::as_f64).unwrap_or(0.0);
        let (lon, lat, height_m) = (number("lon_deg"), number("lat_deg"), number("height_m"));
        CameraPose { lon, lat, height_m, heading_deg: 0.0, pitch_deg: 45.0, distance_m: 4000.0 }
    }

    /// The scenes beside this one, as `[{id, name, name_en, current}]`; files that are no scenes are left out.
    pub fn siblings(&self) -> Vec<Value> {
        let dir = self.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|f| f.path());
        let mut files: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "toml")).collect();
        files.sort();
        let scenes = files.iter().filter_map(|f| Self::load(f, &self.data).ok());
        scenes.map(|s| json!({ "id": s.id, "name": s.scene.name, "name_en": s.scene.name_en, "current": s.id == self.id })).collect()
    }
}

fn is_url(package: &str) -> bool {
    package.starts_with("http://") || package.starts_with("https://")
}

fn check(scene: &Scene) -> Result<(), String> {
    unique("feed", scene.feeds.iter().map(|f| f.id()))?;
    unique("heat", scene.heats.iter().map(|h| h.id.as_str()))?;
    unique("camera", scene.cameras.iter().map(|c| c.id.as_str()))?;
    if let Some(feed) = scene.feeds.iter().find(|f| ["screen", "rules"].contains(&f.id())) {
        return Err(format!(
            "a feed may not be called {:?}: that is where people's reports, or those of alert rules, come from",
            feed.id()
        ));
    }
    scene.heats.iter().try_for_each(|h| h.check())?;
    // Both are layers, switched by id.
    unique("layer", scene.heats.iter().map(|h| h.id.as_str()).chain(scene.tilesets.iter().map(|t| t.id.as_str())))?;
    let plain = |id: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if let Some(tileset) = scene.tilesets.iter().find(|t| !plain(&t.id)) {
        return Err(format!("tileset {:?}: its id is part of an address; write it with a-z, 0-9, - and _", tileset.id));
    }
    let domain_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    if let Some(agency) = scene.agency.as_deref().filter(|agency| !domain_name(agency)) {
        return Err(format!("agency: {agency:?} is no domain name; write it like suqian.example"));
    }
    unique("rule", scene.rules.iter().map(|r| r.id.as_str()))?;
    scene.rules.iter().try_for_each(|r| r.check())?;
    scene.history.check()?;
    unique("style", scene.styles.iter().map(|s| s.id.as_str()))?;
    unique("filter", scene.filters.iter().map(|f| f.id.as_str()))?;
    scene.styles.iter().try_for_each(|s| s.check())?;
    let Some(tour) = &scene.tour else { return Ok(()) };
    if tour.keyframes.first().is_some_and(|k| k.at_s != 0.0) {
        return Err("tour: the first keyframe must be at_s = 0".into());
    }
    match tour.keyframes.windows(2).position(|pair| !pair[1].at_s.is_finite() || pair[0].at_s >= pair[1].at_s) {
        Some(i) => Err(format!("tour: keyframe {} (at_s = {}) must come later than the one before", i + 2, tour.keyframes[i + 1].at_s)),
        None => Ok(()),
    }
}

fn unique<'a>(what: &str, ids: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for id in ids {
        if id.is_empty() || !seen.insert(id) {
            return Err(format!("{what} id {id:?} is empty or stands twice; every {what} needs its own"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(tilesets: &str) -> Result<Scene, String> {
        let scene: Scene =
            toml::from_str(&format!("name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n{tilesets}")).map_err(|e| e.to_string())?;
        check(&scene).map(|()| scene)
    }

    #[test]
    fn tilesets_beside_the_package_are_found_by_screens_of_a_hub_and_of_a_file() {
        let scene = with(
            "[[tileset]]\nid='mesh'\nname='m'\nsource='meshes/harbour'\nkind='ground'\n\
             [[tileset]]\nid='far'\nname='f'\nsource='https://tiles.example/a/tileset.json'\nshown=false\n",
        )
        .unwrap();
        let loaded = LoadedScene { id: "x".into(), file: "x.toml".into(), scene, data: "/data".into() };
        let [mesh, far] = loaded.scene.tilesets.as_slice() else { panic!("two of them") };
        assert_eq!(mesh.address_at("http://hub:8080/"), "http://hub:8080/tilesets/mesh/tileset.json");
        assert_eq!(loaded.tileset_address(mesh), "/data/meshes/harbour");
        assert_eq!([far.address_at("http://hub:8080"), loaded.tileset_address(far)], [far.source.as_str(), far.source.as_str()]);
        let layers = loaded.first_view().layers;
        assert_eq!((layers.get("mesh"), layers.get("far")), (Some(&true), Some(&false)));
    }

    #[test]
    fn a_scene_says_how_long_the_history_keeps_what() {
        let days = |scene: Scene| (scene.history.raw_days, scene.history.rollup_days);
        assert_eq!(days(with("").unwrap()), (31, 731));
        assert_eq!(days(with("[history]\nraw_days = 400").unwrap()), (400, 731));
        assert_eq!(days(with("[history]\nraw_days = 2\nrollup_days = 2").unwrap()), (2, 2));
        for (wrong, said) in [
            ("raw_days = 0", "--history off"),
            ("raw_days = 90\nrollup_days = 30", "less than raw_days"),
            ("rollup_days = 4000000", "a century"),
            ("raw_day = 3", "raw_day"),
        ] {
            let error = with(&format!("[history]\n{wrong}")).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
        assert!(serde_json::to_value(with("").unwrap()).unwrap().get("history").is_none(), "screens of before know no such key");
    }

    #[test]
    fn a_tileset_whose_id_is_no_part_of_an_address_or_stands_twice_is_refused() {
        let one = |id: &str| format!("[[tileset]]\nid='{id}'\nname='m'\nsource='m'\n");
        assert!(with(&one("a/../b")).unwrap_err().contains("part of an address"));
        assert!(with(&(one("a") + &one("a"))).unwrap_err().contains("stands twice"));
    }
}
