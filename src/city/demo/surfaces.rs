//! Roads, waters, greens and bridges as surfaces that lie on the ground.

use super::City;
use super::curve;
use super::mask::{ROAD, WATER};
use super::plots::Green;
use super::roads::{Class, Road};
use super::solids::CityJsonWriter;
use super::water::{self, Shape, Water};
use glam::{DVec2, dvec2};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Lift above the ground by class, metres: crossing surfaces never share a plane.
fn lift(class: Class) -> f64 {
    match class {
        Class::Motorway => 0.35,
        Class::Arterial => 0.25,
        Class::Street => 0.15,
    }
}
const GREEN_LIFT_M: f64 = 0.06;
/// Bridge decks over the water's surface, and the steepest ramp to them.
const DECK_M: f64 = 6.0;
const RAMP: f64 = 0.035;
/// Longest side of a piece of ground cover, metres: as the terrain's own step, so that it lies on it.
const PATCH_M: f64 = 40.0;

/// Collects quads of one object.
#[derive(Default)]
struct Quads {
    points: Vec<[i64; 3]>,
    faces: Vec<Vec<usize>>,
}

impl Quads {
    fn add(&mut self, corners: &[(DVec2, f64)]) {
        let base = self.points.len();
        self.points.extend(corners.iter().map(|(p, z)| CityJsonWriter::<Vec<u8>>::grid(*p, *z)));
        self.faces.push((base..self.points.len()).collect());
    }

    fn write<W: Write>(self, writer: &mut CityJsonWriter<W>, id: &str, class: &str, attributes: Value) -> io::Result<usize> {
        if self.faces.is_empty() {
            return Ok(0);
        }
        let first = writer.points(&self.points);
        let triangles = self.faces.iter().map(|f| f.len() - 2).sum();
        let boundaries: Vec<Value> = self.faces.iter().map(|f| json!([f.iter().map(|i| i + first).collect::<Vec<_>>()])).collect();
        let empty = Map::new();
        let attributes = attributes.as_object().unwrap_or(&empty);
        writer.object(id, class, attributes, &json!({ "type": "MultiSurface", "lod": "2", "boundaries": boundaries }))?;
        Ok(triangles)
    }
}

/// Writes all of them; the number of triangles they come to.
pub fn write_surfaces(city: &City, out: impl Write) -> io::Result<usize> {
    let mut writer = CityJsonWriter::new(out, city, "Yiping demo city: roads, waters, greens")?;
    let mut triangles = 0;
    for (i, road) in city.roads.iter().enumerate() {
        triangles += write_road(city, &mut writer, i, road)?;
    }
    for (i, w) in city.waters.iter().enumerate() {
        let attributes = json!({ "name": w.name, "name_en": w.name_en, "class": w.class, "level_m": w.level_m });
        triangles += water_quads(w).write(&mut writer, &format!("SQ-W{i}"), "WaterBody", attributes)?;
    }
    for (i, g) in city.greens.iter().enumerate() {
        triangles += write_green(city, &mut writer, i, g)?;
    }
    triangles += write_banks(city, &mut writer)?;
    writer.finish()?;
    Ok(triangles)
}

/// Heights along a road: on the ground, over waters on a deck with ramps.
pub fn profile(city: &City, line: &[DVec2], lift_m: f64) -> Vec<f64> {
    let stations = curve::stations(line);
    let mut z: Vec<f64> = line.iter().map(|p| city.land.height(*p) + lift_m).collect();
    let decks: Vec<(f64, f64)> = line
        .iter()
        .zip(&stations)
        .filter_map(|(p, s)| {
            let (which, d) = water::nearest(&city.waters, *p);
            (d < 14.0).then(|| (*s, city.waters[which].level_m + DECK_M))
        })
        .collect();
    for (h, s) in z.iter_mut().zip(&stations) {
        for (at, deck) in &decks {
            *h = h.max(deck - RAMP * ((s - at).abs() - 10.0).max(0.0));
        }
    }
    z
}

fn write_road<W: Write>(city: &City, writer: &mut CityJsonWriter<W>, i: usize, road: &Road) -> io::Result<usize> {
    let line = curve::resample(&road.line, 38.0);
    let z = profile(city, &line, lift(road.class));
    let half = road.width_m / 2.0;
    let (left, right) = (curve::offset(&line, |_| half), curve::offset(&line, |_| -half));
    let (mut deck, mut sides) = (Quads::default(), Quads::default());
    for k in 0..line.len() - 1 {
        deck.add(&[(right[k], z[k]), (right[k + 1], z[k + 1]), (left[k + 1], z[k + 1]), (left[k], z[k])]);
        let over = |n: usize| z[n] - city.land.height(line[n]) > 0.8;
        if over(k) || over(k + 1) {
            bridge_sides(city, &mut sides, [line[k], line[k + 1]], [&left, &right], k, &z);
        }
    }
    let attributes = json!({ "name": road.name, "name_en": road.name_en, "class": road.class.name(), "width_m": road.width_m });
    let mut triangles = deck.write(writer, &format!("SQ-R{i:05}"), "Road", attributes)?;
    let bridge = json!({ "name": format!("{}桥", road.name.trim_end_matches('路')), "name_en": format!("{} bridge", road.name_en) });
    triangles += sides.write(writer, &format!("SQ-BR{i:05}"), "Bridge", bridge)?;
    Ok(triangles)
}

/// Flanks of a ramp down to the ground, or of a deck 1.6 m deep with its underside.
fn bridge_sides(city: &City, out: &mut Quads, mid: [DVec2; 2], edges: [&[DVec2]; 2], k: usize, z: &[f64]) {
    let wet = mid.iter().any(|p| water::nearest(&city.waters, *p).1 < 10.0);
    let foot = |p: DVec2, top: f64| if wet { top - 1.6 } else { city.land.height(p) - 0.3 };
    let [left, right] = edges;
    for (a, b, za, zb) in [(right[k], right[k + 1], z[k], z[k + 1]), (left[k + 1], left[k], z[k + 1], z[k])] {
        out.add(&[(a, foot(a, za)), (b, foot(b, zb)), (b, zb), (a, za)]);
    }
    if wet {
        let (z0, z1) = (z[k] - 1.6, z[k + 1] - 1.6);
        out.add(&[(left[k], z0), (left[k + 1], z1), (right[k + 1], z1), (right[k], z0)]);
    }
}

/// A lake in squares of 500 m (a larger flat triangle would cut below the curved ground), a course in pieces along it.
fn water_quads(w: &Water) -> Quads {
    const SQUARE_M: f64 = 500.0;
    /// Water reaches this far under the bank, so that no gap shows between the two.
    const UNDER_M: f64 = 7.0;
    let mut quads = Quads::default();
    match &w.shape {
        Shape::Course(line, half) => {
            let (left, right) = (curve::offset(line, |i| half[i] + UNDER_M), curve::offset(line, |i| -half[i] - UNDER_M));
            for k in 0..line.len() - 1 {
                if line[k].abs().max_element() < super::land::HALF_M {
                    quads.add(&[(right[k], w.level_m), (right[k + 1], w.level_m), (left[k + 1], w.level_m), (left[k], w.level_m)]);
                }
            }
        }
        Shape::Lake(ring) => {
            let mut shore = ring.clone();
            shore.push(ring[0]);
            let mut grown = curve::offset(&shore, |_| -UNDER_M);
            grown.pop();
            for j in 0..48 {
                let y = -12_000.0 + f64::from(j) * SQUARE_M;
                let band = curve::clip(&curve::clip(&grown, dvec2(0.0, y), dvec2(0.0, -1.0)), dvec2(0.0, y + SQUARE_M), dvec2(0.0, 1.0));
                for i in 0..48 {
                    let x = -12_000.0 + f64::from(i) * SQUARE_M;
                    if band.len() < 3 {
                        continue;
                    }
                    let cell = curve::clip(&curve::clip(&band, dvec2(x, 0.0), dvec2(-1.0, 0.0)), dvec2(x + SQUARE_M, 0.0), dvec2(1.0, 0.0));
                    if cell.len() >= 3 && curve::area(&cell) > 1.0 {
                        quads.add(&cell.iter().map(|p| (*p, w.level_m)).collect::<Vec<_>>());
                    }
                }
            }
        }
    }
    quads
}

fn write_green<W: Write>(city: &City, writer: &mut CityJsonWriter<W>, i: usize, g: &Green) -> io::Result<usize> {
    let field = g.label.is_none();
    let patch = if field { 125.0 } else { PATCH_M };
    let n = (g.rect.size / patch).ceil().max(DVec2::ONE);
    let mut quads = Quads::default();
    for a in 0..n.x as i32 {
        for b in 0..n.y as i32 {
            let at = |da: i32, db: i32| g.rect.at(f64::from(a + da) / n.x - 0.5, f64::from(b + db) / n.y - 0.5);
            let corners = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
            let own = |c: &DVec2| city.mask.at(*c) & (ROAD | WATER) == 0 && g.label == Some(city.districts.label_at(*c));
            if field || corners.iter().all(own) {
                quads.add(&corners.map(|c| (c, city.land.height(c) + GREEN_LIFT_M)));
            }
        }
    }
    let class = if matches!(g.class, "square" | "industrial") { "LandUse" } else { "PlantCover" };
    let attributes = json!({ "class": g.class, "name": g.name });
    quads.write(writer, &format!("SQ-G{i:05}"), class, attributes)
}

/// Riverside and lakeside parks: a strip between the water and the embankment road.
fn write_banks<W: Write>(city: &City, writer: &mut CityJsonWriter<W>) -> io::Result<usize> {
    let mut triangles = 0;
    for (i, w) in city.waters.iter().enumerate() {
        let (line, sides): (Vec<DVec2>, Vec<(f64, f64)>) = match &w.shape {
            Shape::Lake(ring) => (ring.clone(), vec![(-14.0, -60.0)]),
            Shape::Course(line, _) => (line.clone(), vec![(14.0, 44.0), (-14.0, -44.0)]),
        };
        let half = |k: usize| if let Shape::Course(_, half) = &w.shape { half[k] } else { 0.0 };
        for (s, (near, far)) in sides.into_iter().enumerate() {
            let inner = curve::offset(&line, |k| near + half(k) * near.signum());
            let outer = curve::offset(&line, |k| far + half(k) * far.signum());
            let mut quads = Quads::default();
            for k in 0..line.len() - 1 {
                let corners = [inner[k], outer[k], outer[k + 1], inner[k + 1]];
                let near_city = corners[0].length() < 6_200.0;
                let dry = corners.iter().all(|c| water::nearest(&city.waters, *c).1 > 6.0);
                if near_city && dry && corners.iter().all(|c| city.mask.at(*c) & ROAD == 0) {
                    let mut ring = corners.map(|c| (c, city.land.height(c) + GREEN_LIFT_M));
                    if curve::area(&corners) < 0.0 {
                        ring.reverse();
                    }
                    quads.add(&ring);
                }
            }
            let name = ["骆马湖湖滨公园", "古黄河风光带", "运河风光带"][i.min(2)];
            triangles += quads.write(writer, &format!("SQ-P{i}{s}"), "PlantCover", json!({ "class": "park", "name": name }))?;
        }
    }
    Ok(triangles)
}
