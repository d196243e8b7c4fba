//! Plots to CityJSON buildings: heights above sea level, addresses, attributes.

use super::areas::Areas;
use super::curve::SegmentIndex;
use super::plots::Plot;
use super::roads::Class;
use super::shape::Shell;
use super::{City, plane};
use crate::city::source::Surface;
use glam::{DVec2, dvec3};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Writes `{"type":"CityJSON",...}` object by object; vertices are kept aside until the end.
pub struct CityJsonWriter<W: Write> {
    out: W,
    vertices: Vec<[i64; 3]>,
    first: bool,
    translate: [f64; 3],
}

impl<W: Write> CityJsonWriter<W> {
    pub fn new(mut out: W, city: &City, title: &str) -> io::Result<Self> {
        let translate = [city.plane.origin.x, city.plane.origin.y, 0.0];
        let head = json!({ "title": title, "referenceSystem": plane::CRS_URL });
        write!(
            out,
            r#"{{"type":"CityJSON","version":"2.0","metadata":{head},"transform":{{"scale":[0.001,0.001,0.001],"translate":{}}},"CityObjects":{{"#,
            json!(translate)
        )?;
        Ok(Self { out, vertices: Vec::new(), first: true, translate })
    }

    /// Index of the first of `points` (millimetres from the translation).
    pub fn points(&mut self, points: &[[i64; 3]]) -> usize {
        let base = self.vertices.len();
        self.vertices.extend_from_slice(points);
        base
    }

    /// Millimetres from metres in the plane.
    pub fn grid(p: DVec2, z: f64) -> [i64; 3] {
        [(p.x * 1000.0).round() as i64, (p.y * 1000.0).round() as i64, (z * 1000.0).round() as i64]
    }

    pub fn object(&mut self, id: &str, class: &str, attributes: &Map<String, Value>, geometry: &Value) -> io::Result<()> {
        if !std::mem::take(&mut self.first) {
            self.out.write_all(b",")?;
        }
        write!(self.out, "\n{}:{{\"type\":\"{class}\",\"attributes\":", json!(id))?;
        serde_json::to_writer(&mut self.out, attributes)?;
        self.out.write_all(b",\"geometry\":[")?;
        serde_json::to_writer(&mut self.out, geometry)?;
        self.out.write_all(b"]}")
    }

    pub fn finish(mut self) -> io::Result<()> {
        debug_assert!(self.translate[2] == 0.0);
        self.out.write_all(b"},\n\"vertices\":")?;
        serde_json::to_writer(&mut self.out, &self.vertices)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}

/// The solid of a plot in millimetres in the plane; its foot goes 0.6 m into the lowest ground it touches.
pub fn shell(city: &City, plot: &Plot) -> (Shell, f64) {
    let ground: Vec<f64> = plot.rect.corners().iter().chain([&plot.rect.centre]).map(|p| city.land.height(*p)).collect();
    let lowest = ground.iter().copied().fold(f64::INFINITY, f64::min);
    let base = ground.iter().sum::<f64>() / ground.len() as f64;
    let turn = DVec2::from_angle(plot.rect.angle);
    let place = |q: DVec2, z: f64| {
        let p = plot.rect.centre + turn.rotate(q);
        dvec3(p.x, p.y, base + z)
    };
    let mut shell = Shell::default();
    shell.build(&plot.tier, lowest - base - 0.6, &place);
    (shell, base)
}

/// CityJSON `Solid` geometry with semantics; `base` is the index of the shell's first vertex.
fn solid_json(shell: &Shell, base: usize) -> Value {
    let boundaries: Vec<Value> = shell
        .faces
        .iter()
        .map(|(_, rings)| json!(rings.iter().map(|r| r.iter().map(|i| *i as usize + base).collect::<Vec<_>>()).collect::<Vec<_>>()))
        .collect();
    let values: Vec<u8> = shell
        .faces
        .iter()
        .map(|(s, _)| match s {
            Surface::Ground => 0,
            Surface::Roof => 2,
            _ => 1,
        })
        .collect();
    json!({
        "type": "Solid", "lod": "2", "boundaries": [boundaries],
        "semantics": { "surfaces": [{ "type": "GroundSurface" }, { "type": "WallSurface" }, { "type": "RoofSurface" }], "values": [values] },
    })
}

/// Square metres of floor a person lives on in Jiangsu's towns, rounded (for the population attribute).
const FLOOR_M2_PER_PERSON: f64 = 44.0;

/// Writes every building.
pub fn write_buildings(city: &City, areas: &Areas, out: impl Write) -> io::Result<()> {
    let mut writer = CityJsonWriter::new(out, city, "Yiping demo city: buildings")?;
    let mut streets = SegmentIndex::default();
    for (i, r) in city.roads.iter().enumerate().filter(|(_, r)| r.class != Class::Motorway) {
        streets.add_line(&r.line, i as u32);
    }
    for (i, plot) in city.plots.iter().enumerate() {
        let (shell, base) = shell(city, plot);
        let mut a = Map::new();
        let cell = areas.cell_of(plot.rect.centre);
        let (district, town) = areas.district_and_town(cell);
        let street = [120.0, 500.0, 2500.0].iter().find_map(|reach| streets.nearest(plot.rect.centre, *reach));
        if let Some((_, id, _)) = street {
            let road = &city.roads[streets.segments[id as usize].2 as usize];
            let number = 1 + (plot.rect.centre.distance(road.line[0]) / 12.0) as u32;
            a.insert("address".into(), json!(format!("宿迁市{district}{town}{}{number}号", road.name)));
        }
        if let Some(name) = &plot.name {
            a.insert("name".into(), json!(name));
        }
        let floor_m2 = plot.rect.size.x * plot.rect.size.y * f64::from(plot.storeys);
        let people = if plot.usage == "residential" { (floor_m2 * 0.8 / FLOOR_M2_PER_PERSON).round() as u32 } else { 0 };
        a.insert("use".into(), json!(plot.usage));
        a.insert("storeys".into(), json!(plot.storeys));
        a.insert("height_m".into(), json!((plot.tier.highest() * 10.0).round() / 10.0));
        a.insert("ground_m".into(), json!((base * 100.0).round() / 100.0));
        a.insert("roof".into(), json!(plot.roof));
        a.insert("year".into(), json!(plot.year));
        a.insert("population".into(), json!(people));
        a.insert("grid_cell".into(), json!(cell.code));
        let first = writer.points(&shell.points);
        writer.object(&format!("SQ-B{:06}", i + 1), "Building", &a, &solid_json(&shell, first))?;
    }
    writer.finish()
}
