//! What there is, gathered once a request.

use super::files;
use crate::hub::standards::features::{Collection, Extent};
use crate::hub::standards::open311;
use crate::hub::standards::pieces::each;
use crate::hub::standards::{Standards, address, features};
use crate::model::feed::FeedStatus;
use crate::model::incident::Domain;
use crate::model::scene::Scene;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The four kinds of resources, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Geospatial,
    Thematic,
    Sensing,
    Online,
}

pub const GROUPS: [Group; 4] = [Group::Geospatial, Group::Thematic, Group::Sensing, Group::Online];

impl Group {
    pub fn id(self) -> &'static str {
        match self {
            Group::Geospatial => "geospatial",
            Group::Thematic => "thematic",
            Group::Sensing => "sensing",
            Group::Online => "online",
        }
    }

    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Group::Geospatial => ("时空基础", "Geospatial"),
            Group::Thematic => ("公共专题", "Thematic"),
            Group::Sensing => ("物联感知", "Sensing"),
            Group::Online => ("在线服务", "Online"),
        }
    }
}

/// A property of a resource's records.
#[derive(Clone, Debug)]
pub struct FieldText {
    pub name: String,
    pub kind: String,
    pub zh: String,
    pub en: String,
}

#[derive(Clone, Debug)]
pub struct Link {
    pub title: String,
    pub kind: &'static str,
    pub href: String,
}

/// How what is in a resource comes to be new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Files, which change when someone changes them.
    Kept,
    /// Fed all the time: stale when nothing new comes.
    Live,
    /// A service that is there as long as the hub is.
    Service,
    /// A feed that is cut off.
    CutOff,
}

#[derive(Clone, Debug)]
pub struct Resource {
    pub group: Group,
    pub id: String,
    pub title_zh: String,
    pub title_en: String,
    /// One line of what it is.
    pub note: String,
    pub fields: Vec<FieldText>,
    pub count: Option<u64>,
    pub extent: Extent,
    pub pace: Pace,
    pub licence: Option<String>,
    pub links: Vec<Link>,
}

/// Chinese names of what is measured often, for those that the scene names no layer for.
const PROPERTIES: [(&str, &str); 12] = [
    ("pm2_5", "细颗粒物"),
    ("pm10", "可吸入颗粒物"),
    ("no2", "二氧化氮"),
    ("o3", "臭氧"),
    ("noise", "噪声"),
    ("temperature", "气温"),
    ("humidity", "湿度"),
    ("wind_speed", "风速"),
    ("rainfall", "雨量"),
    ("water_level", "水位"),
    ("traffic_flow", "车流量"),
    ("crowd", "人流量"),
];

/// All of it, at one time.
pub struct Catalogue {
    pub title_zh: String,
    pub title_en: String,
    pub root: String,
    pub at: DateTime<Utc>,
    pub resources: Vec<Resource>,
    token: Option<(String, String)>,
}

impl Catalogue {
    /// Of the hub as its client sees it at `root`; a `token` that came in the query goes into the links.
    pub fn of(standards: &Standards, root: &str, token: Option<(String, String)>, at: DateTime<Utc>) -> Self {
        let scene = &standards.core.scene.scene;
        let (title_zh, title_en) = (scene.name.clone(), scene.name_en.clone());
        let mut catalogue = Self { title_zh, title_en, root: root.to_owned(), at, resources: Vec::new(), token };
        catalogue.city(standards);
        catalogue.city_files(standards);
        catalogue.incidents(standards);
        catalogue.alerts(standards);
        catalogue.units(standards);
        catalogue.sensors(standards);
        catalogue.feeds(standards);
        catalogue.services();
        for resource in catalogue.resources.iter_mut().filter(|r| r.group != Group::Online && r.licence.is_none()) {
            resource.licence.clone_from(&scene.licence);
        }
        catalogue
    }

    pub fn group(&self, group: Group) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |r| r.group == group)
    }

    fn link(&self, title: &str, kind: &'static str, path: &str) -> Link {
        let sign = if path.contains('?') { '&' } else { '?' };
        let token = self
            .token
            .as_ref()
            .map_or(String::new(), |pair| address::with_pairs("", std::slice::from_ref(pair)).replacen('?', &sign.to_string(), 1));
        Link { title: title.into(), kind, href: format!("{}{path}{token}", self.root) }
    }

    fn items(&self, collection: &str, filter: &str) -> Link {
        self.link("OGC API Features", "application/geo+json", &format!("{}/collections/{collection}/items{filter}", features::ROOT))
    }

    /// The city package: models and terrain as 3D Tiles.
    fn city(&mut self, standards: &Standards) {
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

    fn city_files(&mut self, standards: &Standards) {
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

    /// One resource a domain.
    fn incidents(&mut self, standards: &Standards) {
        const DOMAINS: [(Domain, &str, &str, &str); 4] = [
            (Domain::PublicOrder, "public_order", "综治事件", "Public order incidents"),
            (Domain::UrbanManagement, "urban_management", "城管事件", "Urban management incidents"),
            (Domain::Emergency, "emergency", "应急事件", "Emergency incidents"),
            (Domain::Traffic, "traffic", "交通事件", "Traffic incidents"),
        ];
        let mut extents: BTreeMap<Domain, (Extent, u64)> = BTreeMap::new();
        each(
            &standards.core,
            |w| &w.incidents,
            |_, i| {
                let (extent, open) = extents.entry(i.domain).or_default();
                extent.add_point(i.lon, i.lat);
                extent.add_time(i.reported_at);
                extent.add_time(i.updated_at);
                *open += u64::from(!i.state.is_ended());
                true
            },
        );
        for (domain, word, zh, en) in DOMAINS {
            let (extent, open) = extents.remove(&domain).unwrap_or_default();
            self.resources.push(Resource {
                group: Group::Thematic,
                id: format!("incidents/{word}"),
                title_zh: zh.into(),
                title_en: en.into(),
                note: format!("{open} 件未结 open of {}", extent.count),
                fields: Collection::named("incidents").map(schema).unwrap_or_default(),
                count: Some(extent.count as u64),
                extent,
                pace: Pace::Kept,
                licence: None,
                links: vec![
                    self.items("incidents", &format!("?domain={word}")),
                    self.link("SSE", "text/event-stream", &format!("/stream/incidents?domain={word}")),
                    self.link("Open311", "application/json", &format!("{}/requests.json", open311::ROOT)),
                ],
            });
        }
    }

    fn alerts(&mut self, standards: &Standards) {
        let Some(alerts) = Collection::named("alerts") else { return };
        let extent = features::extent(alerts, standards);
        self.resources.push(Resource {
            group: Group::Thematic,
            id: "alerts".into(),
            title_zh: "预警信息".into(),
            title_en: "Public alerts".into(),
            note: "生效、待生效和一天内失效的预警 in force, announced, or over for less than a day (CAP 1.2)".into(),
            fields: schema(alerts),
            count: Some(extent.count as u64),
            extent,
            pace: Pace::Kept,
            licence: None,
            links: vec![self.items("alerts", "")],
        });
    }

    fn units(&mut self, standards: &Standards) {
        let Some(units) = Collection::named("units") else { return };
        let extent = features::extent(units, standards);
        self.resources.push(Resource {
            group: Group::Thematic,
            id: "units".into(),
            title_zh: "处置力量".into(),
            title_en: "Units".into(),
            note: "人员与车辆的位置和状态 crews, vehicles and officers with place and state".into(),
            fields: schema(units),
            count: Some(extent.count as u64),
            extent,
            pace: Pace::Live,
            licence: None,
            links: vec![self.items("units", ""), self.link("SSE", "text/event-stream", "/stream/units")],
        });
    }

    /// One resource an observed property.
    fn sensors(&mut self, standards: &Standards) {
        let Some(sensors) = Collection::named("sensors") else { return };
        let mut by_property: BTreeMap<String, (Extent, BTreeMap<String, usize>)> = BTreeMap::new();
        let mut property_of = std::collections::HashMap::new();
        each(
            &standards.core,
            |w| &w.datastreams,
            |key, d| {
                let (extent, units) = by_property.entry(d.observed_property.clone()).or_default();
                extent.add_point(d.lon, d.lat);
                *units.entry(d.unit).or_default() += 1;
                property_of.insert(key.to_owned(), d.observed_property);
                true
            },
        );
        each(
            &standards.core,
            |w| &w.observations,
            |key, o| {
                if let Some((extent, _)) = property_of.get(key).and_then(|p| by_property.get_mut(p)) {
                    extent.add_time(o.phenomenon_time);
                }
                true
            },
        );
        for (property, (extent, units)) in by_property {
            let heat = standards.core.scene.scene.heats.iter().find(|h| h.observed_property == property);
            let known = PROPERTIES.iter().find(|(word, _)| *word == property).map_or(property.as_str(), |(_, zh)| zh);
            let units: Vec<String> = units.into_keys().filter(|u| !u.is_empty()).collect();
            let filter =
                address::with_pairs("", &[("$filter".into(), format!("ObservedProperty/name eq '{}'", property.replace('\'', "''")))]);
            self.resources.push(Resource {
                group: Group::Sensing,
                id: format!("sensors/{property}"),
                title_zh: heat.map_or_else(|| known.to_owned(), |h| h.name.clone()),
                title_en: heat.map(|h| h.name_en.clone()).filter(|n| !n.is_empty()).unwrap_or_else(|| property.replace('_', " ")),
                note: format!("{property}, {}", if units.is_empty() { "无单位 no unit".into() } else { units.join(", ") }),
                fields: schema(sensors),
                count: Some(extent.count as u64),
                extent,
                pace: Pace::Live,
                licence: None,
                links: vec![
                    self.link("SensorThings", "application/json", &format!("/sta/v1.1/Datastreams{filter}")),
                    self.items("sensors", &address::with_pairs("", &[("observed_property".into(), property)])),
                ],
            });
        }
    }

    /// What comes in.
    fn feeds(&mut self, standards: &Standards) {
        let feeds: Vec<FeedStatus> = standards.core.world().feeds.values().cloned().collect();
        for feed in feeds {
            let note = match &feed.last_error {
                Some(why) if !feed.connected => format!("{}; {why}", feed.kind),
                _ => format!("{}; {} 收 received, {} 存 stored", feed.kind, feed.received, feed.stored),
            };
            self.resources.push(Resource {
                group: Group::Online,
                id: format!("feeds/{}", feed.feed),
                title_zh: format!("数据源 {}", feed.feed),
                title_en: format!("Feed {}", feed.feed),
                note,
                fields: Vec::new(),
                count: Some(feed.stored),
                extent: Extent { newest: feed.newest, end: feed.newest, ..Extent::default() },
                pace: if feed.connected { Pace::Live } else { Pace::CutOff },
                licence: None,
                links: vec![self.link("ledger", "application/json", "/api/feeds")],
            });
        }
    }

    /// What goes out.
    fn services(&mut self) {
        let services = [
            ("sensorthings", "传感器服务", "OGC SensorThings 1.1", "/sta/v1.1", "application/json"),
            ("ogc-api-features", "要素服务", "OGC API Features 1.0", features::ROOT, "application/json"),
            ("stream-incidents", "事件推送", "Incidents as GeoJSON, server-sent events", "/stream/incidents", "text/event-stream"),
            ("stream-units", "力量推送", "Units as GeoJSON, server-sent events", "/stream/units", "text/event-stream"),
            ("open311", "市民上报", "Open311 GeoReport v2", "/open311/discovery.json", "application/json"),
            ("3d-tiles", "三维瓦片", "OGC 3D Tiles 1.1", "/package/tileset.json", "application/json"),
        ];
        for (id, zh, en, path, kind) in services {
            let links = vec![self.link(path, kind, path)];
            self.resources.push(Resource {
                group: Group::Online,
                id: format!("services/{id}"),
                title_zh: zh.into(),
                title_en: en.into(),
                note: String::new(),
                fields: Vec::new(),
                count: None,
                extent: Extent::default(),
                pace: Pace::Service,
                licence: None,
                links,
            });
        }
    }

    pub fn json(&self) -> Value {
        let group = |group: Group| {
            let (zh, en) = group.names();
            json!({"id": group.id(), "title": en, "title_zh": zh, "resources": self.group(group).map(|r| r.json(self.at)).collect::<Vec<_>>()})
        };
        json!({
            "title": self.title_en, "title_zh": self.title_zh, "time": iso(self.at),
            "links": [{"rel": "self", "type": "application/json", "href": format!("{}/catalogue.json", self.root)},
                {"rel": "alternate", "type": "text/html", "href": format!("{}/catalogue.html", self.root)}],
            "groups": GROUPS.map(group),
        })
    }
}

impl Resource {
    /// Seconds since the newest of it.
    pub fn age_s(&self, at: DateTime<Utc>) -> Option<i64> {
        self.extent.newest.map(|n| (at - n).num_seconds().max(0))
    }

    fn json(&self, at: DateTime<Utc>) -> Value {
        let pace = match self.pace {
            Pace::Kept => "kept",
            Pace::Live => "live",
            Pace::Service => "service",
            Pace::CutOff => "cut_off",
        };
        let e = &self.extent;
        let time = (e.begin.is_some() || e.end.is_some()).then(|| json!([e.begin.map(iso), e.end.map(iso)]));
        let fields: Vec<Value> =
            self.fields.iter().map(|f| json!({"name": f.name, "type": f.kind, "title_zh": f.zh, "description": f.en})).collect();
        let links: Vec<Value> = self.links.iter().map(|l| json!({"title": l.title, "type": l.kind, "href": l.href})).collect();
        json!({
            "id": self.id, "title": self.title_en, "title_zh": self.title_zh, "description": self.note, "count": self.count,
            "schema": fields, "extent": {"bbox": e.bounds, "time": time},
            "freshness": {"pace": pace, "newest": e.newest.map(iso), "age_s": self.age_s(at)},
            "licence": self.licence, "links": links,
        })
    }
}

pub fn iso(t: DateTime<Utc>) -> String {
    t.to_rfc3339_opts(SecondsFormat::Secs, true)
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

fn schema(collection: &Collection) -> Vec<FieldText> {
    let field = |f: &features::Field| FieldText { name: f.name.into(), kind: f.kind.into(), zh: f.zh.into(), en: f.en.into() };
    collection.fields.iter().map(field).collect()
}
