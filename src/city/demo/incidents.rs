//! A day of incidents, written down beforehand: what `yiping replay` plays.

use super::areas::Areas;
use super::plots::Plot;
use super::{City, DemoError, points, stream, water};
use glam::DVec2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Where an incident of a kind happens.
#[derive(Clone, Copy)]
enum Where {
    Road,
    Home,
    Shop,
    Works,
    Shore,
}

/// Path in the category trees (`assets/categories/`), titles, severity, place, how often, whom it comes from.
type Template = (&'static str, &'static str, &'static str, &'static str, Where, u32, &'static str);

const TEMPLATES: [Template; 36] = [
    ("urban_management/street_order/stall", "占道经营", "Street stall in the way", "minor", Where::Road, 9, "网格员上报"),
    ("urban_management/street_order/shop_outside", "店外经营", "Shop goods on the pavement", "minor", Where::Shop, 7, "城管巡查"),
    (
        "urban_management/street_order/bicycles",
        "共享单车乱停放",
        "Shared bicycles blocking the pavement",
        "minor",
        Where::Road,
        6,
        "市民热线12345",
    ),
    ("urban_management/appearance/rubbish", "暴露垃圾", "Exposed rubbish", "minor", Where::Home, 8, "网格员上报"),
    ("urban_management/appearance/construction_waste", "积存渣土", "Heaped spoil", "minor", Where::Works, 3, "视频识别"),
    ("urban_management/appearance/smoke", "露天烧烤", "Open-air barbecue", "minor", Where::Shop, 3, "市民热线12345"),
    ("urban_management/appearance/water_dirty", "河面漂浮物", "Floating rubbish on the river", "minor", Where::Shore, 3, "视频识别"),
    ("urban_management/construction/noise", "夜间施工噪声", "Building noise at night", "minor", Where::Works, 4, "市民热线12345"),
    ("urban_management/construction/dust", "工地扬尘", "Dust from a building site", "minor", Where::Works, 3, "传感器告警"),
    ("urban_management/sudden/pipe_burst", "供水管道爆裂", "Water main burst", "major", Where::Road, 2, "市民热线12345"),
    ("urban_management/sudden/cave_in", "路面塌陷", "Road caved in", "major", Where::Road, 1, "视频识别"),
    ("urban_management/sudden/fallen_tree", "树木倒伏", "Fallen tree", "major", Where::Road, 2, "网格员上报"),
    ("urban_management/public_utility/manhole", "窨井盖缺失", "Manhole cover missing", "major", Where::Road, 3, "网格员上报"),
    ("urban_management/public_utility/street_lamp", "路灯不亮", "Street lamp out", "info", Where::Road, 4, "市民热线12345"),
    ("urban_management/road_facility/guard_rail", "护栏损坏", "Damaged guard rail", "minor", Where::Road, 2, "城管巡查"),
    ("urban_management/greenery/tree", "行道树枯死", "Dead street tree", "info", Where::Road, 2, "网格员上报"),
    ("traffic/accident/collision", "两车追尾", "Rear-end collision", "minor", Where::Road, 9, "110转警"),
    ("traffic/accident/injury", "电动车与轿车相撞致人受伤", "E-bike and car collide, one injured", "major", Where::Road, 3, "110转警"),
    ("traffic/accident/breakdown", "车辆抛锚占用车道", "Broken-down car in lane", "minor", Where::Road, 4, "视频识别"),
    ("traffic/congestion/jam", "道路拥堵", "Traffic jam", "info", Where::Road, 7, "流量检测"),
    ("traffic/congestion/junction", "路口溢出", "Blocked junction", "minor", Where::Road, 3, "视频识别"),
    ("traffic/facility/signal", "信号灯故障", "Traffic signal failure", "major", Where::Road, 2, "设备告警"),
    ("traffic/parking", "违法停车堵塞消防通道", "Illegal parking blocks a fire lane", "minor", Where::Home, 4, "网格员上报"),
    ("public_order/dispute/neighbours", "邻里噪声纠纷", "Neighbours dispute over noise", "minor", Where::Home, 5, "网格员上报"),
    ("public_order/dispute/labour", "工资纠纷聚集", "Workers gather over wages", "major", Where::Works, 1, "110转警"),
    ("public_order/dispute/property", "物业纠纷", "Dispute with a property manager", "minor", Where::Home, 3, "网格员上报"),
    ("public_order/security/theft", "电动车被盗", "E-bike stolen", "minor", Where::Home, 4, "110转警"),
    ("public_order/security/fight", "酒后斗殴", "Fight after drinking", "major", Where::Shop, 2, "110转警"),
    ("public_order/security/fraud", "电信诈骗报警", "Telephone fraud reported", "minor", Where::Home, 3, "110转警"),
    ("public_order/people/lost", "老人走失", "Elderly person missing", "major", Where::Home, 2, "110转警"),
    (
        "public_order/hidden_danger/ev_charging",
        "电动车飞线充电",
        "E-bike charged by a cable from a window",
        "minor",
        Where::Home,
        4,
        "网格员上报",
    ),
    ("emergency/accident/fire", "厂房起火", "Fire in a factory shed", "critical", Where::Works, 1, "119接警"),
    ("emergency/accident/fire", "居民楼厨房起火", "Kitchen fire in a block of flats", "critical", Where::Home, 1, "119接警"),
    ("emergency/accident/gas", "燃气泄漏", "Gas leak", "critical", Where::Home, 1, "市民热线12345"),
    ("emergency/public_health/medical", "突发疾病需急救", "Medical emergency", "major", Where::Home, 4, "120接警"),
    ("emergency/natural_disaster/flood", "水位超警戒", "Water level above warning mark", "major", Where::Shore, 1, "传感器告警"),
];

/// How many incidents a day.
const COUNT: usize = 120;
const DAY_S: u32 = 86_400;

/// `incidents.json`: sorted by the second of the day they are reported at.
pub fn script(city: &City, areas: &Areas) -> Result<Value, DemoError> {
    let mut rng = stream(city.options.seed, 22);
    let total: u32 = TEMPLATES.iter().map(|t| t.5).sum();
    let mut list: Vec<(u32, &Template, DVec2, String)> = Vec::new();
    for i in 0..COUNT {
        // Each template once, then by weight: a day shows every kind.
        let template = if let Some(template) = TEMPLATES.get(i) {
            template
        } else {
            let mut dice = rng.random_range(0..total);
            TEMPLATES
                .iter()
                .find(|t| {
                    let hit = dice < t.5;
                    dice = dice.saturating_sub(t.5);
                    hit
                })
                .unwrap_or(&TEMPLATES[0])
        };
        let (place, at) = place(city, template.4, &mut rng);
        list.push((second_of_day(&mut rng), template, place, at));
    }
    list.sort_by_key(|(s, t, ..)| (*s, t.0));
    let mut out = Vec::new();
    for (i, (offset_s, (category, zh, en, severity, _, _, source), p, at)) in list.into_iter().enumerate() {
        let [lon, lat] = city.plane.lonlat(p)?;
        let domain = category.split('/').next().unwrap_or_default();
        out.push(json!({
            "id": format!("SQ-{:04}", i + 1), "domain": domain, "category": category, "title": format!("{at}{zh}"), "title_en": en, "severity": severity,
            "lon": lon, "lat": lat, "offset_s": offset_s, "area": areas.cell_of(p).code, "source": source,
        }));
    }
    Ok(Value::Array(out))
}

/// A city's day: quiet before six, peaks in the morning and the evening.
fn second_of_day(rng: &mut ChaCha8Rng) -> u32 {
    const WEIGHT: [u32; 24] = [1, 1, 1, 1, 1, 2, 4, 7, 9, 8, 7, 6, 6, 5, 6, 6, 7, 9, 9, 7, 6, 5, 3, 2];
    let mut dice = rng.random_range(0..WEIGHT.iter().sum::<u32>());
    for (hour, w) in (0u32..).zip(WEIGHT) {
        if dice < w {
            return hour * 3600 + rng.random_range(0..3600);
        }
        dice -= w;
    }
    DAY_S - 1
}

/// A place of the kind and how it is called.
fn place(city: &City, kind: Where, rng: &mut ChaCha8Rng) -> (DVec2, String) {
    let building = |rng: &mut ChaCha8Rng, fits: &dyn Fn(&Plot) -> bool| {
        let start = rng.random_range(0..city.plots.len().max(1));
        city.plots.iter().cycle().skip(start).take(city.plots.len()).find(|p| fits(p) && p.rect.centre.length() < 5_600.0).map(|p| {
            // In front of the door, not on the roof.
            (p.rect.at(0.0, -0.5 - 4.0 / p.rect.size.y), p.name.clone().unwrap_or_default())
        })
    };
    let found = match kind {
        Where::Home => building(rng, &|p| p.usage == "residential"),
        Where::Shop => building(rng, &|p| p.usage == "commercial"),
        Where::Works => building(rng, &|p| p.usage == "industrial"),
        Where::Shore => {
            let w = &city.waters[rng.random_range(0..3)];
            let (water::Shape::Lake(line) | water::Shape::Course(line, _)) = &w.shape;
            let near: Vec<DVec2> = line.iter().copied().filter(|p| p.length() < 5_500.0).collect();
            near.get(rng.random_range(0..near.len().max(1))).map(|p| (*p, w.name.to_owned()))
        }
        Where::Road => None,
    };
    found.unwrap_or_else(|| {
        let (p, road) = points::on_a_road(city, 5_200.0, rng);
        (p, city.roads[road].name.clone())
    })
}
