//! What there is, gathered once a request.

use crate::hub::standards::features::{Collection, Extent};
use crate::hub::standards::{Standards, address, features};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

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
        catalogue.tilesets(standards);
        catalogue.city_files(standards);
        catalogue.incidents(standards);
        catalogue.alerts(standards);
        catalogue.units(standards);
        catalogue.sensors(standards);
        catalogue.feeds(standards);
        catalogue.services(standards);
        catalogue.past(standards);
        for resource in catalogue.resources.iter_mut().filter(|r| r.group != Group::Online && r.licence.is_none()) {
            resource.licence.clone_from(&scene.licence);
        }
        catalogue
    }

    pub fn group(&self, group: Group) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |r| r.group == group)
    }

    pub(super) fn link(&self, title: &str, kind: &'static str, path: &str) -> Link {
        let sign = if path.contains('?') { '&' } else { '?' };
        let token = self
            .token
            .as_ref()
            .map_or(String::new(), |pair| address::with_pairs("", std::slice::from_ref(pair)).replacen('?', &sign.to_string(), 1));
        Link { title: title.into(), kind, href: format!("{}{path}{token}", self.root) }
    }

    pub(super) fn items(&self, collection: &str, filter: &str) -> Link {
        self.link("OGC API Features", "application/geo+json", &format!("{}/collections/{collection}/items{filter}", features::ROOT))
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

pub(super) fn schema(collection: &Collection) -> Vec<FieldText> {
    let field = |f: &features::Field| FieldText { name: f.name.into(), kind: f.kind.into(), zh: f.zh.into(), en: f.en.into() };
    collection.fields.iter().map(field).collect()
}
