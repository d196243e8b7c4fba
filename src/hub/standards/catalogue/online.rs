//! Feeds in, services out.

use super::resources::{Catalogue, Group, Pace, Resource};
use crate::hub::standards::features::Extent;
use crate::hub::standards::{Standards, eido, features};
use crate::model::feed::FeedStatus;

impl Catalogue {
    /// What comes in.
    pub(super) fn feeds(&mut self, standards: &Standards) {
        let feeds: Vec<FeedStatus> = standards.core.world().feeds.values().cloned().collect();
        for feed in feeds {
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
                note,
                fields: Vec::new(),
                count: Some(feed.stored),
                extent: Extent { newest: feed.newest, end: feed.newest, ..Extent::default() },
                pace: if feed.connected && feed.held_back.is_none() { Pace::Live } else { Pace::CutOff },
                licence: None,
                links: vec![self.link("ledger", "application/json", "/api/feeds")],
            });
        }
    }

    /// What goes out.
    pub(super) fn services(&mut self) {
        let services = [
            ("sensorthings", "传感器服务", "OGC SensorThings 1.1", "/sta/v1.1", "application/json"),
            ("ogc-api-features", "要素服务", "OGC API Features 1.0", features::ROOT, "application/json"),
            ("stream-incidents", "事件推送", "Incidents as GeoJSON, server-sent events", "/stream/incidents", "text/event-stream"),
            ("stream-units", "力量推送", "Units as GeoJSON, server-sent events", "/stream/units", "text/event-stream"),
            ("open311", "市民上报", "Open311 GeoReport v2", "/open311/discovery.json", "application/json"),
            ("eido", "跨中心事件", "Incidents as EIDO-JSON (NENA-STA-021.1a)", eido::ROOT, eido::EIDO),
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
}
