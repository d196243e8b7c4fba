//! Borders of the areas that alert rules name by their code, out of the city's `areas.geojson`.

use super::{HubError, LoadedScene};
use crate::model::rule::{AlertRule, Border, RuleArea};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A whole province's grid cells are under this.
const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Codes that are named when one is not there.
const NAMED_MAX: usize = 8;

/// The scene's rules with the border of each area in place of its code.
///
/// # Errors
/// [`HubError::SceneSense`] with the rule, its code and the mend: there is no such area, or no file to look it up in.
pub fn looked_up(scene: &LoadedScene) -> Result<Vec<AlertRule>, HubError> {
    let mut rules = scene.scene.rules.clone();
    let is_named = |rule: &AlertRule| matches!(rule.area, Some(RuleArea::Code(_)));
    let Some(first) = rules.iter().find(|r| is_named(r)) else { return Ok(rules) };
    let wrong = |rule: &str, why: String| HubError::SceneSense { file: scene.file.clone(), why: format!("rule {rule:?}: {why}") };
    let id = first.id.clone();
    let folder = scene.city_data_dir().ok_or_else(|| {
        let mend =
            "its area is looked for in areas.geojson of the city's data; name that folder with city_data, or write the area as GeoJSON";
        wrong(&id, mend.into())
    })?;
    let file = folder.join("areas.geojson");
    let areas = read(&file).map_err(|why| {
        let mend = "scripts/demo makes one for the demo; or write the area as GeoJSON";
        wrong(&id, format!("its area is looked for in {}, which {why}; {mend}", file.display()))
    })?;
    for rule in rules.iter_mut() {
        let Some(RuleArea::Code(code)) = &rule.area else { continue };
        let border = border(&areas, code, &file).map_err(|why| wrong(&rule.id, why))?;
        rule.area = Some(RuleArea::Border(border.into()));
    }
    Ok(rules)
}

fn border(areas: &HashMap<String, Value>, code: &str, file: &Path) -> Result<Border, String> {
    let Some(area) = areas.get(code) else {
        return Err(format!("there is no area {code:?} in {}; there are {} such as {}", file.display(), areas.len(), near(areas, code)));
    };
    Border::of(area).map_err(|why| format!("area {code:?} in {}: {why}", file.display()))
}

/// Codes that begin most alike.
fn near(areas: &HashMap<String, Value>, code: &str) -> String {
    let alike = |other: &str| code.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let mut codes: Vec<&String> = areas.keys().collect();
    codes.sort_by_key(|c| (std::cmp::Reverse(alike(c)), c.len(), c.as_str()));
    codes.into_iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ")
}

/// Geometries by id.
fn read(file: &PathBuf) -> Result<HashMap<String, Value>, String> {
    let bytes = std::fs::metadata(file).map_err(|e| format!("can't be read ({e})"))?.len();
    if bytes > BYTES_MAX {
        return Err(format!("has {bytes} bytes; at most {BYTES_MAX} are read"));
    }
    let text = std::fs::read(file).map_err(|e| format!("can't be read ({e})"))?;
    let collection: Value = serde_json::from_slice(&text).map_err(|e| format!("is no GeoJSON ({e})"))?;
    let features = collection["features"].as_array().ok_or("has no features")?;
    let area = |feature: &Value| match feature["properties"].get("id").or_else(|| feature.get("id"))? {
        Value::String(id) => Some((id.clone(), feature["geometry"].clone())),
        Value::Number(id) => Some((id.to_string(), feature["geometry"].clone())),
        _ => None,
    };
    Ok(features.iter().filter_map(area).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREAS: &str = r#"{"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"id": "321302", "level": "county"},
         "geometry": {"type": "Polygon", "coordinates": [[[118, 33], [119, 33], [119, 34], [118, 34], [118, 33]]]}},
        {"type": "Feature", "properties": {"id": 321311},
         "geometry": {"type": "Polygon", "coordinates": [[[119, 33], [120, 33], [120, 34], [119, 34], [119, 33]]]}},
        {"type": "Feature", "properties": {"id": "321322"}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]}"#;

    /// Rules of one scene, each with an area as it is written there.
    fn rules(dir: &Path, city_data: &str, areas: &[&str]) -> Result<Vec<AlertRule>, String> {
        let rule = |(i, area): (usize, &&str)| {
            format!(
                "[[rule]]\nid = \"r{i}\"\nname = \"r\"\nobserved_property = \"pm2_5\"\nwhen = {{ silent = {{ for_s = 60.0 }} }}\narea = {area}\n\
                 domain = \"emergency\"\ncategory = \"emergency/fire\"\nseverity = \"major\"\n"
            )
        };
        let written: String = areas.iter().enumerate().map(rule).collect();
        let file = dir.join("s.toml");
        std::fs::write(&file, format!("name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n{city_data}\n{written}")).unwrap();
        let scene = LoadedScene::load(&file, dir).map_err(|e| e.to_string())?;
        looked_up(&scene).map_err(|e| e.to_string())
    }

    #[test]
    fn a_rules_area_is_one_of_the_citys_by_code_or_a_border_in_the_scene() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("city")).unwrap();
        std::fs::write(dir.path().join("city/areas.geojson"), AREAS).unwrap();
        let border = r#"{ type = "Polygon", coordinates = [[[118.5, 33.5], [119.5, 33.5], [119.0, 34]]] }"#;
        let rules = rules(dir.path(), "city_data = \"city\"", &["\"321302\"", "\"321311\"", border]).unwrap();
        let covers = |lon| rules.iter().map(|r| r.covers(lon, 33.6)).collect::<Vec<_>>();
        assert_eq!(
            (covers(118.2), covers(118.7), covers(119.8)),
            (vec![true, false, false], vec![true, false, true], vec![false, true, false])
        );
    }

    #[test]
    fn what_can_not_be_looked_up_names_scene_rule_area_and_the_mend() {
        let dir = tempfile::tempdir().unwrap();
        let (with, without) = ("city_data = \"city\"", "");
        let why = |city_data: &str, area: &str| rules(dir.path(), city_data, &[area]).unwrap_err();
        assert!(why(without, "\"321302\"").contains("city_data"));
        let missing = why(with, "\"321302\"");
        assert!(missing.contains("s.toml") && missing.contains("r0") && missing.contains("can't be read"), "{missing}");
        std::fs::create_dir(dir.path().join("city")).unwrap();
        std::fs::write(dir.path().join("city/areas.geojson"), AREAS).unwrap();
        let unknown = why(with, "\"3213\"");
        assert!(unknown.contains("\"3213\"") && unknown.contains("321302") && unknown.contains("there are 3"), "{unknown}");
        assert!(why(with, "\"321322\"").contains("not Point"));
        let line = why(with, "{ type = \"Point\", coordinates = [1.0, 2.0] }");
        assert!(line.contains("Polygon or MultiPolygon, not Point") && line.contains("area ="), "the line is shown: {line}");
        assert!(why(with, "[118.0, 33.0, 119.0, 34.0]").contains("bounds = [west"));
    }
}
