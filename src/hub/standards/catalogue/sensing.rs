//! What is measured.

use super::licences::licence;
use super::resources::{Catalogue, Group, Pace, Resource, schema};
use crate::hub::standards::features::{Collection, Extent};
use crate::hub::standards::pieces::each;
use crate::hub::standards::{Standards, address};
use std::collections::{BTreeMap, BTreeSet};

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

impl Catalogue {
    /// One resource an observed property.
    pub(super) fn sensors(&mut self, standards: &Standards) {
        let Some(sensors) = Collection::named("sensors") else { return };
        let mut by_property: BTreeMap<String, (Extent, BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        let mut property_of = std::collections::HashMap::new();
        each(
            &standards.core,
            |w| &w.datastreams,
            |key, d| {
                let (extent, units, feeds) = by_property.entry(d.observed_property.clone()).or_default();
                extent.add_point(d.lon, d.lat);
                units.insert(d.unit);
                feeds.insert(d.feed);
                property_of.insert(key.to_owned(), d.observed_property);
                true
            },
        );
        each(
            &standards.core,
            |w| &w.observations,
            |key, o| {
                if let Some((extent, ..)) = property_of.get(key).and_then(|p| by_property.get_mut(p)) {
                    extent.add_time(o.phenomenon_time);
                }
                true
            },
        );
        for (property, (extent, units, feeds)) in by_property {
            let heat = standards.core.scene.scene.heats.iter().find(|h| h.observed_property == property);
            let known = PROPERTIES.iter().find(|(word, _)| *word == property).map_or(property.as_str(), |(_, zh)| zh);
            let units: Vec<String> = units.into_iter().filter(|u| !u.is_empty()).collect();
            let filter =
                address::with_pairs("", &[("$filter".into(), format!("ObservedProperty/name eq '{}'", property.replace('\'', "''")))]);
            let mut links = vec![
                self.link("SensorThings", "application/json", &format!("/sta/v1.1/Datastreams{filter}")),
                self.items("sensors", &address::with_pairs("", &[("observed_property".into(), property.clone())])),
            ];
            if standards.core.history.is_some() {
                let asked = [("property".to_owned(), property.clone()), ("f".to_owned(), "geojson".to_owned())];
                let path = address::with_pairs("/api/hexagons", &asked);
                links.push(self.link("六边形 hexagons", "application/geo+json", &path));
            }
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
                licence: licence(&standards.core.scene.scene, &feeds),
                links,
            });
        }
    }
}
