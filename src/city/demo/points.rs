//! Sensors, units and named places as GeoJSON points.

use super::areas::Areas;
use super::roads::Class;
use super::water::Shape;
use super::{City, DemoError, curve, district, stream};
use glam::{DVec2, dvec2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

fn collection(features: Vec<Value>) -> Value {
    json!({ "type": "FeatureCollection", "features": features })
}

fn point(city: &City, p: DVec2, properties: Value) -> Result<Value, DemoError> {
    Ok(json!({ "type": "Feature", "properties": properties, "geometry": { "type": "Point", "coordinates": city.plane.lonlat(p)? } }))
}

/// A point on a road of at least arterial class within `reach` of the centre.
pub fn on_a_road(city: &City, reach: f64, rng: &mut ChaCha8Rng) -> (DVec2, usize) {
    let mut last = (DVec2::ZERO, 0);
    // Bounded: nearly every second draw is good.
    for _ in 0..200 {
        let i = rng.random_range(0..city.roads.len());
        let road = &city.roads[i];
        last = (curve::point_at(&road.line, curve::length(&road.line) * rng.random_range(0.08..0.92)), i);
        if road.class == Class::Arterial && last.0.length() < reach {
            break;
        }
    }
    last
}

/// Points at least `gap` apart over the built-up land, off the water.
fn scattered(city: &City, n: usize, gap: f64, rng: &mut ChaCha8Rng) -> Vec<DVec2> {
    let mut out: Vec<DVec2> = Vec::new();
    for _ in 0..6_000 {
        let p = dvec2(rng.random_range(-5600.0..5600.0), rng.random_range(-5400.0..5400.0));
        let good = curve::within(&city.ring, p) && super::water::nearest(&city.waters, p).1 > 30.0;
        if good && out.len() < n && out.iter().all(|q| q.distance(p) > gap) {
            out.push(p);
        }
    }
    out
}

/// Buildings higher than this carry stations at these heights, metres.
const TOWER_M: f64 = 150.0;
const STOREYS: [(&str, f64); 3] = [("PT40", 40.0), ("PT90", 90.0), ("PT140", 140.0)];

struct Kind {
    property: &'static str,
    unit: &'static str,
    zh: &'static str,
    en: &'static str,
    code: &'static str,
    height_m: f64,
}

/// `sensors.geojson`: micro-stations for fine dust, noise and temperature, gauges on the waters, counters on the roads.
pub fn sensors(city: &City, areas: &Areas) -> Result<Value, DemoError> {
    let mut rng = stream(city.options.seed, 20);
    let kind = |property, unit, zh, en, code, height_m| Kind { property, unit, zh, en, code, height_m };
    let mut groups: Vec<(Kind, Vec<DVec2>)> = vec![
        (kind("pm2_5", "µg/m³", "空气微站", "Air micro-station", "PM", 4.0), scattered(city, 64, 900.0, &mut rng)),
        (kind("noise", "dB", "噪声监测点", "Noise monitor", "NS", 4.0), scattered(city, 30, 1200.0, &mut rng)),
        (kind("temperature", "°C", "气象站", "Weather station", "TP", 2.0), scattered(city, 20, 1700.0, &mut rng)),
    ];
    let counters = (0..32).map(|_| on_a_road(city, 5200.0, &mut rng).0).collect();
    groups.push((kind("traffic_flow", "veh/h", "交通流量检测器", "Traffic counter", "TF", 6.0), counters));
    groups.push((kind("water_level", "m", "水位站", "Water gauge", "WL", 0.0), gauges(city)));
    // On the fronts of the highest towers, so that the air over the city is known too.
    let towers: Vec<DVec2> = city.plots.iter().filter(|p| p.tier.highest() > TOWER_M).map(|p| p.rect.centre).collect();
    let on_towers =
        STOREYS.map(|(code, height_m)| (kind("pm2_5", "µg/m³", "楼宇微站", "Tower micro-station", code, height_m), towers.clone()));
    groups.extend(on_towers);
    let mut features = Vec::new();
    for (k, places) in groups {
        for (i, p) in places.into_iter().enumerate() {
            let (_, town) = areas.district_and_town(areas.cell_of(p));
            let n = i + 1;
            features.push(point(
                city,
                p,
                json!({
                    "id": format!("{}-{n:03}", k.code), "name": format!("{town}{}{n}", k.zh), "name_en": format!("{} {n}", k.en),
                    "observed_property": k.property, "unit": k.unit, "height_m": k.height_m,
                }),
            )?);
        }
    }
    Ok(collection(features))
}

/// Along the courses at even distances within the city, and on the lake's shore.
fn gauges(city: &City) -> Vec<DVec2> {
    let mut out = Vec::new();
    for w in &city.waters {
        match &w.shape {
            Shape::Course(line, _) => {
                let inner: Vec<DVec2> = line.iter().copied().filter(|p| p.length() < 6_800.0).collect();
                out.extend((0..6).map(|i| curve::point_at(&inner, curve::length(&inner) * (f64::from(i) + 0.5) / 6.0)));
            }
            Shape::Lake(ring) => out.extend(ring.iter().filter(|p| p.length() < 6_500.0).step_by(28).copied()),
        }
    }
    out
}

/// `units.geojson`: who can be sent.
pub fn units(city: &City) -> Result<Value, DemoError> {
    let mut rng = stream(city.options.seed, 21);
    // Call sign, domain, kind, how many, stations they belong to.
    let groups: [(&str, &str, &str, usize, &str); 7] = [
        ("警巡", "public_order", "patrol_car", 16, "派出所"),
        ("特警", "public_order", "officer", 4, "特警支队"),
        ("城管", "urban_management", "patrol_car", 14, "城管中队"),
        ("环卫", "urban_management", "sweeper", 4, "环卫所"),
        ("消防", "emergency", "fire_engine", 9, "消防救援站"),
        ("急救", "emergency", "ambulance", 8, "急救站"),
        ("交警", "traffic", "motorcycle", 9, "交警大队"),
    ];
    let mut features = Vec::new();
    let mut serial = 0;
    for (call, domain, kind, count, station) in groups {
        for i in 1..=count {
            let (p, road) = on_a_road(city, 5000.0, &mut rng);
            serial += 1;
            let state = ["available", "available", "available", "available", "en_route", "on_scene", "off_duty"][rng.random_range(0..7)];
            features.push(point(
                city,
                p,
                json!({
                    "id": format!("U-{serial:03}"), "call_sign": format!("{call}{i:02}"), "domain": domain, "kind": kind, "state": state,
                    "home": format!("{}{station}", city.roads[road].name.trim_end_matches('路')), "heading_deg": rng.random_range(0..360),
                }),
            )?);
        }
    }
    Ok(collection(features))
}

/// `places.geojson`: what the map names. Rank 1 is seen from farthest.
pub fn places(city: &City) -> Result<Value, DemoError> {
    let mut list: Vec<(DVec2, String, String, &str, u32)> = vec![
        (DVec2::ZERO, "宿迁市".into(), "Suqian".into(), "city", 1),
        (dvec2(-1200.0, -300.0), "宿城区".into(), "Sucheng District".into(), "district", 2),
        (dvec2(4300.0, 2500.0), "宿豫区".into(), "Suyu District".into(), "district", 2),
        (dvec2(-900.0, 3900.0), "湖滨新区".into(), "Hubin New Area".into(), "district", 2),
        (dvec2(500.0, -4400.0), "宿迁经济技术开发区".into(), "Suqian Economic Development Zone".into(), "district", 2),
        (dvec2(-4600.0, -2700.0), "苏宿工业园区".into(), "Suzhou-Suqian Industrial Park".into(), "district", 2),
        (dvec2(-5600.0, 6600.0), "骆马湖".into(), "Luoma Lake".into(), "lake", 1),
        (dvec2(4200.0, 9700.0), "三台山森林公园".into(), "Santai Hill Forest Park".into(), "park", 3),
        (district::CBD, "湖滨中央商务区".into(), "Lakeside CBD".into(), "quarter", 3),
        (district::OLD_TOWN, "老城区".into(), "Old Town".into(), "quarter", 3),
    ];
    list.extend(Areas::town_labels().map(|(zh, en, p)| (p, zh.to_owned(), en.to_owned(), "town", 4)));
    for w in &city.waters {
        if let Shape::Course(line, _) = &w.shape {
            let inner: Vec<DVec2> = line.iter().copied().filter(|p| p.length() < 6_000.0).collect();
            for share in [0.25, 0.75] {
                list.push((curve::point_at(&inner, curve::length(&inner) * share), w.name.into(), w.name_en.into(), w.class, 2));
            }
        }
    }
    for sb in &city.districts.superblocks {
        match sb.kind {
            district::Kind::Stadium => {
                list.push((sb.centroid, "宿迁奥体中心".into(), "Suqian Olympic Sports Centre".into(), "landmark", 2))
            }
            district::Kind::Park => list.push((sb.centroid, "项王公园".into(), "Xiangwang Park".into(), "park", 3)),
            district::Kind::Campus => list.push((sb.centroid, "宿迁学院".into(), "Suqian University".into(), "campus", 4)),
            _ => {}
        }
    }
    for plot in city.plots.iter().filter(|p| p.tier.highest() > TOWER_M) {
        let name = plot.name.clone().unwrap_or_default();
        let en = match name.as_str() {
            "骆马湖中心" => "Luomahu Centre",
            "楚风大厦" => "Chufeng Tower",
            "宿迁国际金融中心" => "Suqian International Finance Centre",
            _ => continue,
        };
        list.push((plot.rect.centre, name.clone(), en.to_owned(), "landmark", 2));
    }
    list.extend(city.villages.iter().map(|v| (v.centre, v.name.clone(), v.name_en.clone(), "village", 6)));
    let mut features = Vec::new();
    for (p, name, name_en, kind, rank) in list {
        let mut properties = Map::new();
        properties.insert("name".into(), json!(name));
        properties.insert("name_en".into(), json!(name_en));
        properties.insert("kind".into(), json!(kind));
        properties.insert("rank".into(), json!(rank));
        features.push(point(city, p, Value::Object(properties))?);
    }
    Ok(collection(features))
}

/// Lines of less length are no roads that anyone asks for by name, metres.
const NAMED_ROAD_M: f64 = 250.0;

/// `roads.geojson`: named lines, as the map writes along them. Widths in metres.
pub fn roads(city: &City) -> Result<Value, DemoError> {
    let named = city.roads.iter().filter(|r| !r.name.is_empty() && curve::length(&r.line) > NAMED_ROAD_M);
    let feature = |road: &super::roads::Road| -> Result<Value, DemoError> {
        let line: Vec<[f64; 2]> = road.line.iter().map(|p| city.plane.lonlat(*p)).collect::<Result<_, _>>()?;
        let properties = json!({ "name": road.name, "name_en": road.name_en, "class": road.class.name(), "width_m": road.width_m });
        Ok(json!({ "type": "Feature", "properties": properties, "geometry": { "type": "LineString", "coordinates": line } }))
    };
    Ok(collection(named.map(feature).collect::<Result<_, _>>()?))
}
