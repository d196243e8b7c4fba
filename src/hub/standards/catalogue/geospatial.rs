//! The city's model and the files of its data folder.

use super::files;
use super::resources::{Catalogue, FieldText, Group, Pace, Resource, schema};
use crate::hub::standards::Standards;
use crate::hub::standards::features::{Collection, Extent};
use crate::model::scene::Scene;
use chrono::DateTime;

impl Catalogue {
    /// The city package: models and terrain as 3D Tiles.
    pub(super) fn city(&mut self, standards: &Standards) {
        let scene = &standards.core.scene;
        let city = scene.city();
        let number = |key: &str| city["extent"][key].as_f64();
        let bounds = number("west_deg").zip(number("south_deg")).zip(number("east_deg").zip(number("north_deg")));
        let modified = scene
            .package_dir()
            .and_then(|dir| std::fs::metadata(dir.join("city.toml")).or_else(|_| std::fs::metadata(&dir)).ok()?.modified().ok());
        let tilesets = city["tilesets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut links = vec![
            self.link("city.toml", "application/toml", "/package/city.toml"),
            self.link("3D Tiles", "application/json", "/package/tileset.json"),
        ];
        for path in tilesets.iter().filter_map(|t| t["path"].as_str()) {
            links.push(self.link(path, "application/json", &format!("/package/{path}")));
        }
        let count = |key: &str| city["counts"][key].as_u64().unwrap_or(0);
        let note = format!(
            "{} 栋建筑 buildings, {} 块地表 surfaces, {} 个瓦片 tiles; 地形 terrain (OGC 3D Tiles 1.1)",
            count("buildings"),
            count("surfaces"),
            count("tiles")
        );
        self.resources.push(Resource {
            group: Group::Geospatial,
            id: "city".into(),
            title_zh: "城市三维模型".into(),
            title_en: "City model".into(),
            note,
            fields: attributes(&scene.scene),
            count: city["counts"]["buildings"].as_u64(),
            extent: Extent {
                bounds: bounds.map(|((w, s), (e, n))| [w, s, e, n]),
                newest: modified.map(DateTime::from),
                ..Extent::default()
            },
            pace: Pace::Kept,
            licence: None,
            links,
        });
    }

    pub(super) fn city_files(&mut self, standards: &Standards) {
        const FILES: [(&str, &str, &str, &str); 4] = [
            ("areas.geojson", "辖区边界", "Areas", "市、县区、街道、社区、网格 borders of the five levels"),
            ("places.geojson", "地名", "Places", "湖、河、公园、地标 lakes, rivers, parks, landmarks"),
            ("roads.geojson", "道路", "Roads", "道路中心线 centre lines by class"),
            ("marathon.gpx", "赛事线路", "Event course", "马拉松线路 the course of the marathon"),
        ];
        let scene = &standards.core.scene;
        let Some(folder) = scene.city_data_dir() else { return };
        for (file, zh, en, note) in FILES {
            let Some(summary) = files::summary(&folder.join(file)) else { continue };
            let kind = if file.ends_with("gpx") { "application/gpx+xml" } else { "application/geo+json" };
            let mut links = vec![self.link(file, kind, &format!("/api/city/{file}"))];
            let known = (file == "areas.geojson").then(|| Collection::named("areas")).flatten();
            if known.is_some() {
                links.insert(0, self.items("areas", ""));
            }
            let fields = known.map_or_else(
                || {
                    summary
                        .fields
                        .iter()
                        .map(|(n, k)| FieldText { name: n.clone(), kind: (*k).into(), zh: String::new(), en: String::new() })
                        .collect()
                },
                schema,
            );
            self.resources.push(Resource {
                group: Group::Geospatial,
                id: file.split('.').next().unwrap_or(file).into(),
                title_zh: zh.into(),
                title_en: en.into(),
                note: note.into(),
                fields,
                count: Some(summary.count as u64),
                extent: Extent { bounds: summary.bounds, newest: summary.modified, ..Extent::default() },
                pace: Pace::Kept,
                licence: summary.licence,
                links,
            });
        }
    }
}

/// Attributes of the buildings as far as the scene tells them; each tile's glb has its whole schema.
fn attributes(scene: &Scene) -> Vec<FieldText> {
    let field =
        |name: &str, kind: &str, zh: &str, en: &str| FieldText { name: name.into(), kind: kind.into(), zh: zh.into(), en: en.into() };
    let base =
        [("id", "编号", "id in the source"), ("class", "类别", "CityGML class"), ("parent", "所属", "id of the object it is part of")];
    let mut fields: Vec<FieldText> = base.map(|(name, zh, en)| field(name, "string", zh, en)).to_vec();
    for style in &scene.styles {
        if fields.iter().all(|f| f.name != style.attribute) {
            let unit = if style.unit.is_empty() { String::new() } else { format!(", {}", style.unit) };
            let kind = if style.range.is_some() { "number" } else { "string" };
            fields.push(field(&style.attribute, kind, &style.name, &(style.name_en.clone() + &unit)));
        }
    }
    fields
}
