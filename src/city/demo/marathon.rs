//! The marathon: 42.195 km along the main roads, past lake, river, canal and old town, back to the stadium.

use super::network::Network;
use super::{City, DemoError, curve, district, surfaces};
use glam::{DVec2, dvec2};
use gpx::{Gpx, GpxVersion, Metadata, Track, TrackSegment, Waypoint};
use std::io::Write;

/// The distance of the course, metres on the ground.
pub const DISTANCE_M: f64 = 42_195.0;
/// Grid distance over ground distance 118 km east of the zone's central meridian: 1 + E^2 / (2 R^2).
const GRID_SCALE: f64 = 1.000_171;
/// Most between points of the track, metres.
const STEP_M: f64 = 25.0;

/// The course in the plane, start and finish at the stadium.
pub struct Course {
    pub line: Vec<DVec2>,
}

/// Places the course passes, in order; each wish list is tried until one leaves room for the turning stretch.
fn loops() -> Vec<Vec<DVec2>> {
    let lake = dvec2(-3300.0, 2500.0);
    let (north, canal) = (dvec2(300.0, 4300.0), dvec2(2000.0, 3000.0));
    let (river, park) = (dvec2(300.0, -700.0), dvec2(300.0, -1900.0));
    vec![
        vec![
            lake,
            district::CBD,
            north,
            canal,
            district::SUYU,
            dvec2(4600.0, 600.0),
            district::OLD_TOWN,
            river,
            dvec2(2500.0, -2200.0),
            dvec2(1500.0, -3800.0),
            park,
        ],
        vec![
            lake,
            district::CBD,
            north,
            canal,
            district::SUYU,
            dvec2(4600.0, 600.0),
            district::OLD_TOWN,
            river,
            dvec2(2500.0, -2200.0),
            park,
        ],
        vec![lake, district::CBD, north, canal, district::SUYU, district::OLD_TOWN, river, dvec2(2500.0, -2200.0), park],
        vec![lake, district::CBD, canal, district::SUYU, district::OLD_TOWN, river, park],
        vec![lake, district::CBD, canal, district::OLD_TOWN, river],
        vec![lake, district::OLD_TOWN],
    ]
}

impl Course {
    /// # Errors
    /// [`DemoError::Course`] when the roads of this seed allow none.
    pub fn new(city: &City) -> Result<Self, DemoError> {
        let stadium =
            city.districts.superblocks.iter().find(|s| s.kind == district::Kind::Stadium).map_or(district::STADIUM, |s| s.centroid);
        let net = Network::new(&city.roads, |r| r.line.iter().all(|p| p.length() < 7_600.0));
        let start = net.nearest(stadium);
        let goal = DISTANCE_M * GRID_SCALE;
        for vias in loops() {
            if let Some(line) = closed_course(&net, start, &vias, goal) {
                return Ok(Self { line: curve::densify(&line, STEP_M) });
            }
        }
        Err(DemoError::Course { seed: city.options.seed })
    }

    /// Metres on the ground.
    pub fn length_m(&self) -> f64 {
        curve::length(&self.line) / GRID_SCALE
    }

    /// `marathon.gpx`: the track with heights, and waypoints for kilometres, aid stations, start and finish.
    pub fn write(&self, city: &City, out: impl Write) -> Result<(), DemoError> {
        let fail = |e: &dyn std::fmt::Display| DemoError::Write { file: "marathon.gpx".into(), why: e.to_string() };
        let heights = surfaces::profile(city, &self.line, 0.3);
        let mut segment = TrackSegment::new();
        for (p, z) in self.line.iter().zip(&heights) {
            segment.points.push(waypoint(city, *p, *z, None)?);
        }
        let track = Track {
            name: Some("宿迁马拉松".to_owned()),
            description: Some("全程马拉松 42.195 公里 · full marathon".to_owned()),
            segments: vec![segment],
            ..Track::new()
        };
        let mut gpx =
            Gpx { version: GpxVersion::Gpx11, creator: Some("yiping demo-city".to_owned()), tracks: vec![track], ..Gpx::default() };
        gpx.metadata = Some(Metadata { name: Some("宿迁马拉松（演示）".to_owned()), ..Metadata::default() });
        for (km, kind, name) in signs() {
            let p = curve::point_at(&self.line, km * 1000.0 * GRID_SCALE);
            gpx.waypoints.push(waypoint(city, p, city.land.height(p), Some((kind, name)))?);
        }
        gpx::write(&gpx, out).map_err(|e| fail(&e))
    }
}

/// Kilometre, kind and name of each waypoint, in running order.
fn signs() -> Vec<(f64, &'static str, String)> {
    let mut out = vec![
        (0.0, "start", "起点 · 宿迁奥体中心".to_owned()),
        (21.0975, "half", "半程 21.0975 km".to_owned()),
        (42.195, "finish", "终点 · 宿迁奥体中心".to_owned()),
    ];
    for i in 1..=8 {
        out.push((f64::from(i) * 5.0, "distance", format!("{} 公里", i * 5)));
    }
    for i in 0..8 {
        out.push((f64::from(i) * 5.0 + 2.5, "aid", format!("补给站 {}", i + 1)));
    }
    for i in 0..5 {
        out.push((f64::from(i) * 8.0 + 7.2, "medical", format!("医疗点 {}", i + 1)));
    }
    out.sort_by(|a, b| a.0.total_cmp(&b.0));
    out
}

fn waypoint(city: &City, p: DVec2, z: f64, sign: Option<(&str, String)>) -> Result<Waypoint, DemoError> {
    let [lon, lat] = city.plane.lonlat(p)?;
    let mut w = Waypoint::new(geo::Point::new(lon, lat));
    w.elevation = Some((z * 100.0).round() / 100.0);
    if let Some((kind, name)) = sign {
        w.type_ = Some(kind.to_owned());
        w.name = Some(name);
    }
    Ok(w)
}

/// Through all `vias` and back, brought to `goal` metres by a stretch out and back from the point where most room is.
fn closed_course(net: &Network, start: usize, vias: &[DVec2], goal: f64) -> Option<Vec<DVec2>> {
    let mut uses = vec![0; net.edges.len()];
    let (mut node, mut line, mut stops) = (start, vec![net.nodes[start]], Vec::new());
    for via in vias.iter().map(|p| net.nearest(*p)).chain([start]) {
        // A road run before costs more, so that the course is a round.
        let way = net.way(node, via, |e| 1.0 + 2.5 * f64::from(uses[e]));
        if way.is_empty() && node != via {
            return None;
        }
        way.iter().for_each(|e| uses[*e] += 1);
        let (part, end) = net.trace(node, &way);
        line.extend(&part[1..]);
        node = end;
        stops.push((node, line.len() - 1));
    }
    let spare = (goal - curve::length(&line)) / 2.0;
    if !(0.0..=6_000.0).contains(&spare) {
        return None;
    }
    for (node, at) in stops {
        for target in 0..net.nodes.len() {
            let way = net.way(node, target, |e| 1.0 + 2.5 * f64::from(uses[e]));
            if way.iter().any(|e| uses[*e] > 0) {
                continue;
            }
            let (spur, _) = net.trace(node, &way);
            if curve::length(&spur) < spare {
                continue;
            }
            let turn = curve::point_at(&spur, spare);
            let mut out: Vec<DVec2> = Vec::new();
            let stations = curve::stations(&spur);
            out.extend(spur.iter().zip(&stations).filter(|(_, s)| **s < spare - 0.01).map(|(p, _)| *p));
            let back: Vec<DVec2> = out.iter().rev().copied().collect();
            let mut full = line[..at].to_vec();
            full.extend(out);
            full.push(turn);
            full.extend(back);
            full.extend(&line[at + 1..]);
            return Some(full);
        }
    }
    None
}
