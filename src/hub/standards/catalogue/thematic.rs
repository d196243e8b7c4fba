//! Incidents, alerts and units.

use super::licences::licence;
use super::resources::{Catalogue, Group, Pace, Resource, schema};
use crate::hub::standards::features::{Collection, Extent};
use crate::hub::standards::pieces::each;
use crate::hub::standards::{Standards, eido, features, open311};
use crate::model::incident::Domain;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

impl Catalogue {
    /// One resource a domain.
    pub(super) fn incidents(&mut self, standards: &Standards) {
        const DOMAINS: [(Domain, &str, &str, &str); 4] = [
            (Domain::PublicOrder, "public_order", "综治事件", "Public order incidents"),
            (Domain::UrbanManagement, "urban_management", "城管事件", "Urban management incidents"),
            (Domain::Emergency, "emergency", "应急事件", "Emergency incidents"),
            (Domain::Traffic, "traffic", "交通事件", "Traffic incidents"),
        ];
        let mut extents: BTreeMap<Domain, (Extent, u64, BTreeSet<String>)> = BTreeMap::new();
        each(
            &standards.core,
            |w| &w.incidents,
            |_, i| {
                let (extent, open, sources) = extents.entry(i.domain).or_default();
                extent.add_point(i.lon, i.lat);
                extent.add_time(i.reported_at);
                extent.add_time(i.updated_at);
                *open += u64::from(!i.state.is_ended());
                sources.insert(i.source);
                true
            },
        );
        for (domain, word, zh, en) in DOMAINS {
            let (extent, open, sources) = extents.remove(&domain).unwrap_or_default();
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
                licence: licence(&standards.core.scene.scene, &sources),
                links: vec![
                    self.items("incidents", &format!("?domain={word}")),
                    self.link("SSE", "text/event-stream", &format!("/stream/incidents?domain={word}")),
                    self.link("Open311", "application/json", &format!("{}/requests.json", open311::ROOT)),
                    self.link("EIDO", eido::EIDO, &format!("{}?domain={word}", eido::ROOT)),
                ],
            });
        }
    }

    pub(super) fn alerts(&mut self, standards: &Standards) {
        let Some(alerts) = Collection::named("alerts") else { return };
        let extent = features::extent(alerts, standards);
        let mut feeds = BTreeSet::new();
        each(
            &standards.core,
            |w| &w.alerts,
            |_, alert| {
                feeds.insert(alert.feed);
                true
            },
        );
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
            licence: licence(&standards.core.scene.scene, &feeds),
            links: vec![self.items("alerts", "")],
        });
    }

    pub(super) fn units(&mut self, standards: &Standards) {
        let Some(units) = Collection::named("units") else { return };
        let extent = features::extent(units, standards);
        let scene = &standards.core.scene.scene;
        // Most adapters name units `feed/id`; a unit by another name doesn't tell who brings it, and is under the scene's licence.
        let feeds = {
            let world = standards.core.world();
            let named = |f: &&str| {
                world
                    .units
                    .range::<str, _>((Bound::Excluded(format!("{f}/").as_str()), Bound::Unbounded))
                    .next()
                    .is_some_and(|(id, _)| id.strip_prefix(*f).is_some_and(|rest| rest.starts_with('/')))
            };
            scene.feeds.iter().map(|f| f.id()).filter(named).map(str::to_owned).collect()
        };
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
            licence: licence(scene, &feeds),
            links: vec![self.items("units", ""), self.link("SSE", "text/event-stream", "/stream/units")],
        });
    }
}
