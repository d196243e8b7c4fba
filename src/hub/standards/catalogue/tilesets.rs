//! Tilesets that the scene shows beside the city's package.

use super::resources::{Catalogue, FieldText, Group, Link, Pace, Resource};
use crate::hub::standards::Standards;
use crate::hub::standards::features::Extent;
use crate::model::scene::{TilesetConfig, TilesetKind};
use crate::ogc::archive::{Archive, is_archive};
use chrono::DateTime;
use serde_json::Value;
use std::path::Path;

/// A `tileset.json` that is longer is listed without being looked into: it holds all tiles of a city in one file.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
const JSON: &str = "application/json";

impl Catalogue {
    /// One resource a tileset; one that can't be read is listed with what the scene says of it.
    pub(super) fn tilesets(&mut self, standards: &Standards) {
        for tileset in &standards.core.scene.scene.tilesets {
            let address = standards.core.scene.tileset_address(tileset);
            let file = (!tileset.is_remote()).then(|| Path::new(&address));
            let root = file.and_then(root).unwrap_or(Value::Null);
            let modified =
                file.and_then(|f| std::fs::metadata(f.join("tileset.json")).or_else(|_| std::fs::metadata(f)).ok()?.modified().ok());
            let extent = Extent { bounds: region(&root), newest: modified.map(DateTime::from), ..Extent::default() };
            let link = match file {
                Some(_) => self.link("3D Tiles", JSON, &format!("/tilesets/{}/tileset.json", tileset.id)),
                // Of another server, which is to see no token of ours.
                None => Link { title: "3D Tiles".into(), kind: JSON, href: tileset.source.clone() },
            };
            self.resources.push(Resource {
                group: Group::Geospatial,
                id: format!("tilesets/{}", tileset.id),
                title_zh: tileset.name.clone(),
                title_en: if tileset.name_en.is_empty() { tileset.name.clone() } else { tileset.name_en.clone() },
                note: note(tileset, file.is_some() && root.is_null()),
                fields: fields(&root),
                count: None,
                extent,
                pace: Pace::Kept,
                licence: licence(tileset, &root),
                links: vec![link],
            });
        }
    }
}

/// `tileset.json` of a folder or a `.3tz`.
fn root(place: &Path) -> Option<Value> {
    let text = if is_archive(place) {
        Archive::open(place).ok()?.read("tileset.json").ok()?
    } else {
        let file = place.join("tileset.json");
        std::fs::metadata(&file).ok().filter(|m| m.len() <= BYTES_MAX)?;
        std::fs::read(file).ok()?
    };
    serde_json::from_slice(&text).ok()
}

/// West, south, east, north in degrees of the root's bounding region (3D Tiles 1.1: radians); boxes and spheres say no such thing.
fn region(root: &Value) -> Option<[f64; 4]> {
    let region = root.pointer("/root/boundingVolume/region")?.as_array()?;
    let degrees = |i: usize| Some(region.get(i)?.as_f64()?.to_degrees());
    Some([degrees(0)?, degrees(1)?, degrees(2)?, degrees(3)?])
}

/// Properties of the metadata schema (3D Tiles 1.1), where there is one in the file.
fn fields(root: &Value) -> Vec<FieldText> {
    let classes = root.pointer("/schema/classes").and_then(Value::as_object).into_iter().flatten();
    let properties = classes.filter_map(|(_, class)| class["properties"].as_object()).flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let field = |(name, of): (&String, &Value)| FieldText {
        name: name.clone(),
        kind: text(&of["type"]).to_lowercase(),
        zh: String::new(),
        en: [text(&of["name"]), text(&of["description"])].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(": "),
    };
    properties.map(field).collect()
}

/// As the file says it; another server's is not that of the scene's own data.
fn licence(tileset: &TilesetConfig, root: &Value) -> Option<String> {
    let said = ["/asset/copyright", "/asset/extras/licence", "/asset/extras/license"].into_iter().find_map(|p| root.pointer(p)?.as_str());
    said.map(str::to_owned).or_else(|| tileset.is_remote().then(|| "见来源 as its source says".to_owned()))
}

fn note(tileset: &TilesetConfig, unreadable: bool) -> String {
    let kind = match tileset.kind {
        TilesetKind::Buildings => "建筑 buildings",
        TilesetKind::Ground => "地面与实景 ground, photogrammetry",
    };
    let place = if tileset.is_remote() { "；外部服务 of another server" } else { "" };
    let trouble = if unreadable { "；无法读取 can't be read" } else { "" };
    format!("{kind} (OGC 3D Tiles){place}{trouble}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tileset_tells_where_it_is_what_it_holds_and_its_licence() {
        let root = json!({
            "asset": {"version": "1.1", "copyright": "CC BY 4.0"},
            "schema": {"classes": {"house": {"properties": {"storeys": {"type": "SCALAR", "name": "Storeys"}, "use": {"type": "STRING"}}}}},
            "root": {"boundingVolume": {"region": [1.0f64.to_radians(), 2.0f64.to_radians(), 3.0f64.to_radians(), 4.0f64.to_radians(), 0.0, 9.0]}},
        });
        let bounds = region(&root).unwrap();
        assert!(bounds.iter().zip([1.0, 2.0, 3.0, 4.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{bounds:?}");
        let told: Vec<_> = fields(&root).into_iter().map(|f| (f.name, f.kind, f.en)).collect();
        let expected = [("storeys", "scalar", "Storeys"), ("use", "string", "")];
        assert_eq!(told, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
        let tileset =
            |source: &str| -> TilesetConfig { serde_json::from_value(json!({"id": "t", "name": "t", "source": source})).unwrap() };
        assert_eq!(licence(&tileset("a"), &root).as_deref(), Some("CC BY 4.0"));
        assert_eq!(licence(&tileset("a"), &Value::Null), None, "then it is the scene's");
        assert!(licence(&tileset("https://x/tileset.json"), &Value::Null).unwrap().contains("its source"));
        assert_eq!(region(&json!({"root": {"boundingVolume": {"sphere": [0, 0, 0, 1]}}})), None);
    }
}
