//! Feeds in, services out.

use super::licences::licence;
use super::resources::{Catalogue, Group, Link, Pace, Resource};
use crate::hub::standards::features::Extent;
use crate::hub::standards::{Standards, address, eido, features};
use crate::model::feed::FeedStatus;

impl Catalogue {
    /// What comes in.
    pub(super) fn feeds(&mut self, standards: &Standards) {
        let feeds: Vec<FeedStatus> = standards.core.world().feeds.values().cloned().collect();
        let takes_posts: Vec<String> = standards.core.inlets().keys().cloned().collect();
        let scene = &standards.core.scene.scene;
        for feed in feeds {
            let posts = if takes_posts.contains(&feed.feed) { format!("; POST /feeds/{}", feed.feed) } else { String::new() };
            let note = match &feed.last_error {
                _ if feed.held_back.is_some() => format!("{}; {}", feed.kind, feed.held_back.as_deref().unwrap_or_default()),
                Some(why) if !feed.connected => format!("{}; {why}", feed.kind),
                _ => format!("{}; {} 收 received, {} 存 stored", feed.kind, feed.received, feed.stored),
            };
            self.resources.push(Resource {
                group: Group::Online,
                id: format!("feeds/{}", feed.feed),
                title_zh: format!("数据源 {}", feed.feed),
                title_en: format!("Feed {}", feed.feed),
                note: note + &posts,
                fields: Vec::new(),
                count: Some(feed.stored),
                extent: Extent { newest: feed.newest, end: feed.newest, ..Extent::default() },
                pace: if feed.connected && feed.held_back.is_none() { Pace::Live } else { Pace::CutOff },
                licence: licence(scene, &[feed.feed.clone()].into()).or_else(|| scene.licence.clone()),
                links: vec![self.link("ledger", "application/json", "/api/feeds")],
            });
        }
    }

    /// What goes out.
    pub(super) fn services(&mut self, standards: &Standards) {
        let package = standards.core.scene.scene.package.clone();
        let services = [
            ("sensorthings", "传感器服务", "OGC SensorThings 1.1", "/sta/v1.1", "application/json"),
            ("ogc-api-features", "要素服务", "OGC API Features 1.0", features::ROOT, "application/json"),
            ("stream-incidents", "事件推送", "Incidents as GeoJSON, server-sent events", "/stream/incidents", "text/event-stream"),
            ("stream-units", "力量推送", "Units as GeoJSON, server-sent events", "/stream/units", "text/event-stream"),
            ("open311", "市民上报", "Open311 GeoReport v2", "/open311/discovery.json", "application/json"),
            ("eido", "跨中心事件", "Incidents as EIDO-JSON (NENA-STA-021.1a)", eido::ROOT, eido::EIDO),
            ("3d-tiles", "三维瓦片", "OGC 3D Tiles 1.1", "/package/tileset.json", "application/json"),
            ("incidents", "事件接口", "Incidents as they stand; each with its events below its id", "/api/incidents", "application/json"),
            ("scene", "场景接口", "The scene: layers, scales, styles, cameras", "/api/scene", "application/json"),
            ("health", "运行状态", "State of hub, store and history", "/api/health", "application/json"),
        ];
        for (id, zh, en, path, kind) in services {
            // A package on another server is served there.
            if id == "3d-tiles" && package.contains("://") {
                continue;
            }
            let links = vec![self.link(path, kind, path)];
            self.service(id, zh, en, String::new(), links);
        }
        let note = "快照与增量 snapshot and deltas as JSON: WebSocket /ws".to_owned();
        self.service("screens", "大屏、桌面、手机", "Screens", note, vec![self.link("screens", "application/json", "/api/screens")]);
    }

    /// What was, asked for by time. Links are examples of now, by what the hub holds.
    pub(super) fn past(&mut self, standards: &Standards) {
        let core = &standards.core;
        let (datastream, property) = {
            let world = core.world();
            let first = world.datastreams.values().next();
            (first.map(|d| d.id.clone()), first.map(|d| d.observed_property.clone()))
        };
        let example = |path: &str, asked: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> = asked.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            address::with_pairs(path, &pairs)
        };
        let now = super::resources::iso(self.at);
        let mut services =
            vec![("at", "历史瞬间", "What was at an instant: incidents, units, readings, warnings", example("/api/at", &[("time", &now)]))];
        if core.history.is_some() {
            services.push(("events", "事件过程", "What happened to incidents, in order", "/api/events".to_owned()));
            if let (Some(datastream), Some(property)) = (&datastream, &property) {
                services.extend([
                    ("series", "时间序列", "One sensor in buckets of time", example("/api/series", &[("datastream", datastream.as_str())])),
                    (
                        "hexagons",
                        "六边形统计",
                        "A property by H3 cell and bucket of time",
                        example("/api/hexagons", &[("property", property.as_str())]),
                    ),
                    (
                        "means",
                        "滑动平均",
                        "Moving means of a property over 1, 8 or 24 hours, by sensor (GB 3095-2012)",
                        example("/api/means", &[("property", property.as_str()), ("hours", "24")]),
                    ),
                ]);
            }
        }
        for (id, zh, en, path) in services {
            let title = path.split('?').next().unwrap_or(&path);
            let links = vec![self.link(title, "application/json", &path)];
            self.service(id, zh, en, String::new(), links);
        }
    }

    fn service(&mut self, id: &str, zh: &str, en: &str, note: String, links: Vec<Link>) {
        self.resources.push(Resource {
            group: Group::Online,
            id: format!("services/{id}"),
            title_zh: zh.into(),
            title_en: en.into(),
            note,
            fields: Vec::new(),
            count: None,
            extent: Extent::default(),
            pace: Pace::Service,
            licence: None,
            links,
        });
    }
}
