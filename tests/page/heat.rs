//! Fields: what each method makes of the same sensors, at places and cell by cell.

use glam::{DVec2, DVec3};
use serde_json::{Value, json};
use yiping::geo::{Geodetic, LocalFrame};
use yiping::heat::patches::Patch;
use yiping::heat::{Input, Layer, Point, Texel};
use yiping::model::heat::HeatConfig;

const ANCHOR: [f64; 3] = [118.2757, 33.9631, 20.0];
/// Cells a side: few, so that the file stays small.
const CELLS: u32 = 24;

const LAYERS: [(&str, &str); 11] = [
    // 32 are more than there are sensors: all are weighed, as the device does when no number is given.
    ("idw", "observed_property = 'p'\nscale = 'HJ 633-2012 PM2.5'\nreach_m = 1500\nneighbours = 32"),
    ("idw_some", "observed_property = 'p'\nrange = [0, 120]\nreach_m = 1200\npower = 3\nneighbours = 6\nramp = 'viridis'"),
    ("kriging", "observed_property = 'p'\nscale = 'HJ 633-2012 PM2.5'\nmethod = 'kriging'\nreach_m = 1800"),
    ("kriging_some", "observed_property = 'p'\nrange = [0, 120]\nmethod = 'kriging'\nreach_m = 1800\nneighbours = 8"),
    ("idw_high", "observed_property = 'p'\nscale = 'HJ 633-2012 PM2.5'\nreach_m = 1500\nneighbours = 32\nvertical = 20"),
    ("kriging_high", "observed_property = 'p'\nscale = 'HJ 633-2012 PM2.5'\nmethod = 'kriging'\nreach_m = 1800\nvertical = 12"),
    ("areas", "observed_property = 'p'\nrange = [0, 120]\nmethod = 'areas'"),
    ("areas_of_incidents", "incidents = {}\nrange = [0, 2]\nmethod = 'areas'"),
    ("hexagons", "observed_property = 'p'\nrange = [0, 120]\nmethod = 'hexagons'\nresolution = 7"),
    ("hexagons_of_incidents", "incidents = {}\nrange = [0, 2]\nmethod = 'hexagons'"),
    ("density", "incidents = {}\nmethod = 'density'\nrange = [0, 6]\nunit = '/km2'"),
];

/// Spread without order and without a random number: the golden ratio's fractions.
fn spread(n: usize) -> impl Iterator<Item = DVec2> {
    let part = |i: usize, by: f64| ((i as f64 + 0.5) * by).fract() * 7_000.0 - 3_500.0;
    (0..n).map(move |i| DVec2::new(part(i, 0.754_877_67), part(i, 0.569_840_29)))
}

fn point(frame: &LocalFrame, at_m: DVec2, height_m: f64, value: f64) -> Point {
    let g = frame.enu_to_geodetic(DVec3::new(at_m.x, at_m.y, 0.0));
    // As sensors are told: seven digits. Their place is then what the digits say.
    let [lon, lat] = [g.lon_deg(), g.lat_deg()].map(|d| (d * 1e7).round() / 1e7);
    let enu = frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
    Point { at_m: DVec2::new(enu.x, enu.y), height_m, lon, lat, value }
}

fn input() -> Input {
    let frame = LocalFrame::new(Geodetic::from_degrees(ANCHOR[0], ANCHOR[1], ANCHOR[2]));
    let value = |at: DVec2| ((60.0 + 40.0 * (at.x / 1_500.0).sin() + 15.0 * (at.y / 700.0).cos()) * 10.0).round() / 10.0;
    let mut points: Vec<Point> =
        spread(26).zip([4.0, 30.0, 60.0].into_iter().cycle()).map(|(at, height)| point(&frame, at, height, value(at))).collect();
    // Two instruments on one pole.
    points.push(Point { value: points[0].value + 8.0, ..points[0] });
    let left_out = [DVec3::new(400.0, -300.0, 4.0), DVec3::new(-2_500.0, 2_000.0, 40.0)];
    let left_out_m = left_out.map(|p| point(&frame, p.truncate(), p.z, 0.0).at_m.extend(p.z)).to_vec();
    Input { frame, points, left_out_m, areas: areas() }
}

/** Two that touch, one of them with a hole, one that nobody measures, and one where only a sensor is that is left out. */
fn areas() -> Vec<Patch> {
    let square = |x: f64, y: f64, side: f64| {
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(u, v)| DVec2::new(x + u * side, y + v * side)).to_vec()
    };
    vec![
        Patch { rings_m: vec![square(-1_500.0, -2_000.0, 2_500.0), square(-900.0, -1_100.0, 700.0)] },
        Patch { rings_m: vec![vec![DVec2::new(1_000.0, -2_000.0), DVec2::new(3_300.0, -1_000.0), DVec2::new(1_000.0, 2_400.0)]] },
        Patch { rings_m: vec![square(4_000.0, 4_000.0, 900.0)] },
        Patch { rings_m: vec![square(-2_600.0, 1_900.0, 200.0)] },
    ]
}

fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn place(layer: &Layer, at: DVec2) -> Value {
    let Some(e) = layer.at(at, 0.0) else { return Value::Null };
    let shares: Vec<Value> = e.shares.iter().take(3).map(|s| json!([s.sample, rounded(s.weight), rounded(s.distance_m)])).collect();
    json!({ "value": rounded(e.value), "error": e.error.map(rounded), "nearest_m": rounded(e.nearest_m), "shares": shares })
}

fn told(name: &str, input: &Input, text: &str) -> Value {
    let mut input = input.clone();
    // Of two that stand equally far a grid weighs both and a place one: not what is to be compared.
    let count = input.points.len() - usize::from(name == "idw_some");
    input.points.truncate(count);
    let config: HeatConfig = toml::from_str(&format!("id = 'h'\nname = 'h'\n{text}")).unwrap();
    config.check().unwrap();
    // Where height counts three levels share a texture, two by two; the page draws the lowest.
    let side = if config.vertical > 0.0 { 2 } else { 1 };
    let layer = Layer::compute(&config, &input, CELLS * side);
    let mut scene = serde_json::to_value(&config).unwrap();
    scene.as_object_mut().unwrap().extend(serde_json::to_value(config.explained()).unwrap().as_object().unwrap().clone());
    let texels = layer.texels.as_ref().unwrap();
    let row = |cells: &[Texel]| -> String {
        let texel = |t: &Texel| [t.on_ramp, t.informed, t.left_out].map(|v| format!("{v:.4}")).join(" ");
        cells.iter().map(texel).collect::<Vec<_>>().join(" ")
    };
    json!({
        "config": scene, "samples": count, "method": layer.method, "note": layer.note, "error": layer.error.map(rounded), "range_m": layer.range_m.map(rounded),
        "origin_m": layer.grid.origin_m.to_array().map(rounded), "size_m": layer.grid.size_m.to_array().map(rounded),
        "at": spread(9).map(|at| at * 1.5).map(|at| json!([[rounded(at.x), rounded(at.y)], place(&layer, DVec2::new(rounded(at.x), rounded(at.y)))])).collect::<Vec<_>>(),
        "texels": texels.chunks((CELLS * side) as usize).take(CELLS as usize).map(|r| row(&r[..CELLS as usize])).collect::<Vec<_>>(),
    })
}

#[test]
fn the_page_is_told_what_fields_are_like() {
    let input = input();
    let points: Vec<Value> = input
        .points
        .iter()
        .map(|p| json!({ "lon": p.lon, "lat": p.lat, "height_m": p.height_m, "value": p.value, "at_m": p.at_m.to_array().map(rounded) }))
        .collect();
    let layers: serde_json::Map<String, Value> = LAYERS.iter().map(|(name, text)| ((*name).to_owned(), told(name, &input, text))).collect();
    let ring = |ring: &Vec<DVec2>| ring.iter().map(|p| p.to_array()).collect::<Vec<_>>();
    let areas: Vec<Vec<Vec<[f64; 2]>>> = input.areas.iter().map(|a| a.rings_m.iter().map(ring).collect()).collect();
    let left_out_heights: Vec<f64> = input.left_out_m.iter().map(|p| p.z).collect();
    let left_out: Vec<[f64; 2]> = input.left_out_m.iter().map(|p| p.truncate().to_array().map(rounded)).collect();
    super::hold(
        "heat.json",
        &json!({ "anchor": ANCHOR, "cells": CELLS, "points": points, "left_out_m": left_out, "left_out_heights_m": left_out_heights, "areas_m": areas, "layers": layers }),
    );
}
