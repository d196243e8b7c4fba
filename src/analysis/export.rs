//! Answers as GeoJSON and CSV.

use super::tool::ToolResult;
use super::{DistanceResult, HeightResult, Place, SectionResult, SightResult, SunResult, ViewshedResult};
use crate::model::derived::quoted;
use serde_json::{Value, json};
use std::fmt::Write;

/// A GeoJSON FeatureCollection (RFC 7946; WGS 84, heights above the ellipsoid) of an answer: lines and points with its figures as properties.
pub fn to_geojson(result: &ToolResult) -> Value {
    let features = match result {
        ToolResult::Distance(d) => distance(d),
        ToolResult::Height(h) => height(h),
        ToolResult::Area(a) => {
            let mut ring = a.points.clone();
            ring.extend(a.points.first());
            vec![feature("Polygon", json!([ring]), json!({"plan_m2": a.plan_m2, "surface_m2": a.surface_m2, "perimeter_m": a.perimeter_m}))]
        }
        ToolResult::LineOfSight(s) => sight(s),
        ToolResult::Viewshed(v) => viewshed(v, result),
        ToolResult::SunHours(s) => sun(s, result),
        ToolResult::Section(s) => section(s),
    };
    json!({"type": "FeatureCollection", "features": features})
}

fn feature(kind: &str, coordinates: Value, properties: Value) -> Value {
    json!({"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties})
}

fn height(h: &HeightResult) -> Vec<Value> {
    let figures = json!({"ground_m": h.ground_m, "top_m": h.top_m, "height_m": h.height_m, "object": h.object});
    let around = h.around.iter().map(|o| {
        let figures = json!({"ground_m": o.ground_m, "top_m": o.at[2], "height_m": o.height_m, "object": o.id});
        feature("Point", json!(o.at), figures)
    });
    std::iter::once(feature("Point", json!(h.at), figures)).chain(around).collect()
}

fn distance(d: &DistanceResult) -> Vec<Value> {
    let figures = json!({"slant_m": d.slant_m, "horizontal_m": d.horizontal_m, "along_ground_m": d.along_ground_m, "rise_m": d.rise_m});
    vec![feature("LineString", json!(d.points), figures)]
}

fn sight(s: &SightResult) -> Vec<Value> {
    let mut all = vec![feature("LineString", json!([s.from, s.to]), json!({"visible": s.visible, "distance_m": s.distance_m}))];
    all.extend(
        s.obstacle
            .iter()
            .map(|o| feature("Point", json!(o.at), json!({"obstacle": o.object, "class": o.class, "distance_m": o.distance_m}))),
    );
    all
}

fn viewshed(v: &ViewshedResult, result: &ToolResult) -> Vec<Value> {
    let mut all =
        vec![feature("Point", json!(v.from), json!({"observer": true, "radius_m": v.radius_m, "visible_share": v.visible_share}))];
    all.extend(v.cells.iter().map(|c| feature("Point", json!(c.at), json!({"visible": c.visible}))));
    all.extend(result.attributes().features());
    all
}

fn sun(s: &SunResult, result: &ToolResult) -> Vec<Value> {
    let mut all = result.attributes().features();
    all.extend(s.samples.iter().map(|p| {
        let object = s.objects.get(p.object).map(|o| o.id.as_str());
        feature("Point", json!(p.at), json!({"hours": p.hours, "roof": p.is_roof, "object": object, "normal": p.normal}))
    }));
    all
}

fn section(s: &SectionResult) -> Vec<Value> {
    let ground: Vec<Value> = s.samples.iter().filter_map(|p| Some(json!([p.lon, p.lat, p.ground_m?]))).collect();
    let mut all = Vec::new();
    if ground.len() > 1 {
        all.push(feature("LineString", json!(ground), json!({"length_m": s.length_m, "line": "ground"})));
    }
    for (number, c) in s.crossed.iter().enumerate() {
        let roof = s.samples.iter().filter(|p| p.crossed == Some(number));
        let mut roof: Vec<Value> = roof.filter_map(|p| Some(json!([p.lon, p.lat, p.top_m?]))).collect();
        if roof.len() == 1 {
            roof.push(roof[0].clone());
        }
        let figures = json!({"id": c.id, "from_m": c.from_m, "to_m": c.to_m, "top_m": c.top_m, "height_m": c.height_m, "line": "roof"});
        all.push(feature("LineString", json!(roof), figures));
    }
    all
}

/// A table of an answer: what is said of objects for sun hours and viewsheds, the profile for a section, one line of figures for the rest.
pub fn to_csv(result: &ToolResult) -> String {
    let missing = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v:.3}"));
    match result {
        ToolResult::Viewshed(_) | ToolResult::SunHours(_) => result.attributes().csv(),
        ToolResult::Section(s) => {
            let mut out = "distance_m,lon,lat,ground_m,top_m,object\n".to_owned();
            for p in &s.samples {
                let id = p.crossed.and_then(|i| s.crossed.get(i)).map_or(String::new(), |c| quoted(&c.id));
                let (ground, top) = (missing(p.ground_m), missing(p.top_m));
                let _ = writeln!(out, "{:.3},{:.7},{:.7},{ground},{top},{id}", p.distance_m, p.lon, p.lat);
            }
            out
        }
        ToolResult::Distance(d) => {
            let along = missing(d.along_ground_m);
            format!("slant_m,horizontal_m,along_ground_m,rise_m\n{:.3},{:.3},{along},{:.3}\n", d.slant_m, d.horizontal_m, d.rise_m)
        }
        ToolResult::Height(h) => {
            let row = |at: Place, ground_m: f64, top_m: f64, height_m: f64, id: &str| {
                format!("{:.7},{:.7},{ground_m:.3},{top_m:.3},{height_m:.3},{}\n", at[0], at[1], quoted(id))
            };
            let clicked = row(h.at, h.ground_m, h.top_m, h.height_m, h.object.as_deref().unwrap_or_default());
            let around = h.around.iter().map(|o| row(o.at, o.ground_m, o.at[2], o.height_m, &o.id));
            "lon,lat,ground_m,top_m,height_m,object\n".to_owned() + &clicked + &around.collect::<String>()
        }
        ToolResult::Area(a) => {
            format!("plan_m2,surface_m2,perimeter_m\n{:.3},{},{:.3}\n", a.plan_m2, missing(a.surface_m2), a.perimeter_m)
        }
        ToolResult::LineOfSight(s) => {
            let (at, id) = s
                .obstacle
                .as_ref()
                .map_or((None, String::new()), |o| (Some(o.distance_m), quoted(o.object.as_deref().unwrap_or_default())));
            format!("visible,distance_m,obstacle_m,obstacle\n{},{:.3},{},{id}\n", s.visible, s.distance_m, missing(at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_city::{lon_lat, plane_and_boxes};
    use super::super::{ToolInput, run};
    use super::*;

    fn ask(input: &str) -> ToolResult {
        let [lon, lat] = lon_lat(20.0, 0.0);
        let [west, south] = lon_lat(-20.0, 1.0);
        let text = input
            .replace("EAST", &format!("{{\"lon\":{lon},\"lat\":{lat}}}"))
            .replace("WEST", &format!("{{\"lon\":{west},\"lat\":{south}}}"));
        run(&plane_and_boxes(), &serde_json::from_str::<ToolInput>(&text).unwrap(), &|_, _| {}).unwrap()
    }

    #[test]
    fn every_answer_is_geojson_that_a_reader_takes_and_a_table_with_a_head() {
        let all = [
            r#"{"tool":"distance","points":[WEST,EAST]}"#,
            r#"{"tool":"height","at":EAST}"#,
            r#"{"tool":"area","points":[WEST,EAST,{"lon":118.275,"lat":33.9633}]}"#,
            r#"{"tool":"line-of-sight","from":WEST,"to":EAST}"#,
            r#"{"tool":"viewshed","from":WEST,"radius_m":60,"step_m":10}"#,
            r#"{"tool":"sun-hours","at":EAST,"date":"2026-06-21","step_min":60,"grid_m":4}"#,
            r#"{"tool":"section","points":[WEST,EAST]}"#,
        ];
        for text in all {
            let result = ask(text);
            let json = to_geojson(&result);
            let read: geojson::FeatureCollection = json.to_string().parse().unwrap();
            assert!(!read.features.is_empty(), "{text}");
            assert!(to_csv(&result).lines().count() > 1, "{text}");
            let again: ToolResult = serde_json::from_value(serde_json::to_value(&result).unwrap()).unwrap();
            assert_eq!(again.attributes().objects(), result.attributes().objects());
        }
    }

    #[test]
    fn answers_about_buildings_are_attributes_of_them() {
        let sun = ask(r#"{"tool":"sun-hours","at":EAST,"date":"2026-06-21","step_min":60,"grid_m":4}"#).attributes();
        assert!(sun.of("box-east")["sun_hours"].as_f64().unwrap() > 1.0);
        let height = ask(r#"{"tool":"height","at":EAST}"#).attributes();
        assert!((height.of("box-east")["height_over_ground"].as_f64().unwrap() - 10.0).abs() < 0.01);
        let seen = ask(r#"{"tool":"viewshed","from":WEST,"radius_m":80,"step_m":10}"#).attributes();
        assert!(seen.objects_where("visible_share", |v| v.as_number() > 0.1).contains(&"box-east"));
    }
}
