//! The five levels 市 > 县区 > 街道 > 社区 > 网格: real counties, towns around the city, a partition into grid cells.
//!
//! Grid cells are the Voronoi cells of points spread over superblocks and villages, so each place lies in exactly one;
//! villages and towns are unions of cells. Codes follow GB/T 2260 for counties (the functional districts have the statistics
//! bureau's 32137x) and are generated below them.

use super::plane::Plane;
use super::{City, curve, names};
use crate::geo::CrsError;
use glam::{DVec2, dvec2};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const COUNTIES: &str = include_str!("../../../assets/areas/suqian-counties.geojson");
pub const CITY_CODE: &str = "321300";
/// County-level functional districts: code, name, English name.
const FUNCTIONAL: [(&str, &str, &str); 4] = [
    ("321371", "宿迁经济技术开发区", "Suqian Economic Development Zone"),
    ("321372", "苏宿工业园区", "Suzhou-Suqian Industrial Park"),
    ("321373", "湖滨新区", "Hubin New Area"),
    ("321374", "洋河新区", "Yanghe New Area"),
];
/// Towns of the modelled land: name, English name, county code, place in the plane.
const TOWNS: [(&str, &str, &str, f64, f64); 20] = [
    ("幸福街道", "Xingfu Subdistrict", "321302", 1100.0, 1300.0),
    ("项里街道", "Xiangli Subdistrict", "321302", -700.0, -1500.0),
    ("古城街道", "Gucheng Subdistrict", "321302", 2000.0, 100.0),
    ("河滨街道", "Hebin Subdistrict", "321302", -3300.0, -300.0),
    ("双庄街道", "Shuangzhuang Subdistrict", "321302", -5600.0, 300.0),
    ("支口街道", "Zhikou Subdistrict", "321302", 2700.0, -1900.0),
    ("蔡集镇", "Caiji Town", "321302", -9000.0, -1500.0),
    ("埠子镇", "Buzi Town", "321302", -5500.0, -8300.0),
    ("龙河镇", "Longhe Town", "321302", 900.0, -9300.0),
    ("顺河街道", "Shunhe Subdistrict", "321311", 3900.0, 2800.0),
    ("豫新街道", "Yuxin Subdistrict", "321311", 1700.0, 4500.0),
    ("下相街道", "Xiaxiang Subdistrict", "321311", 5900.0, 600.0),
    ("陆集街道", "Luji Subdistrict", "321311", 8700.0, -3600.0),
    ("来龙镇", "Lailong Town", "321311", 9200.0, 4300.0),
    ("三棵树街道", "Sankeshu Subdistrict", "321371", -900.0, -4300.0),
    ("古楚街道", "Guchu Subdistrict", "321371", 3900.0, -4300.0),
    ("通湖街道", "Tonghu Subdistrict", "321372", -4700.0, -2900.0),
    ("祥和街道", "Xianghe Subdistrict", "321373", -2000.0, 2600.0),
    ("晓店街道", "Xiaodian Subdistrict", "321373", 1500.0, 8700.0),
    ("皂河镇", "Zaohe Town", "321373", -9400.0, 4700.0),
];
/// Land in a grid cell of the city, square metres.
const CELL_M2: f64 = 270_000.0;
/// The partition covers this octagon, metres from the centre to its sides.
const REACH_M: f64 = 11_600.0;
/// How many communities.
const VILLAGES: usize = 96;

/// A grid cell: its point, border (plane, counter-clockwise) and place in the tree.
pub struct Cell {
    pub site: DVec2,
    pub ring: Vec<DVec2>,
    pub code: String,
    village: usize,
}

/// The generated part of the tree.
pub struct Areas {
    pub cells: Vec<Cell>,
    /// Community: town, code, names.
    villages: Vec<(usize, String, String, String)>,
    /// Code of each of [`TOWNS`].
    towns: Vec<String>,
}

impl Areas {
    pub fn new(city: &City) -> Self {
        let sites = sites(city);
        let hubs = spread(&sites, VILLAGES);
        let nearest = |p: DVec2, list: &mut dyn Iterator<Item = DVec2>| {
            list.enumerate().min_by(|a, b| a.1.distance(p).total_cmp(&b.1.distance(p))).map_or(0, |(i, _)| i)
        };
        let mut in_county: BTreeMap<&str, usize> = BTreeMap::new();
        let towns: Vec<String> = TOWNS
            .iter()
            .map(|t| {
                let n = in_county.entry(t.2).or_default();
                *n += 1;
                format!("{}{n:03}", t.2)
            })
            .collect();
        let mut in_town = vec![0; TOWNS.len()];
        let villages: Vec<(usize, String, String, String)> = hubs
            .iter()
            .enumerate()
            .map(|(i, hub)| {
                let town = nearest(*hub, &mut TOWNS.iter().map(|t| dvec2(t.3, t.4)));
                in_town[town] += 1;
                let (name, en) = if hub.length() < 6000.0 { names::neighbourhood(i) } else { names::village(i) };
                (town, format!("{}{:03}", towns[town], in_town[town]), name, en)
            })
            .collect();
        let mut in_village = vec![0; villages.len()];
        let rings = voronoi(&sites);
        let cells = sites
            .iter()
            .zip(rings)
            .map(|(site, ring)| {
                let village = nearest(*site, &mut hubs.iter().copied());
                in_village[village] += 1;
                Cell { site: *site, ring, code: format!("{}{:03}", villages[village].1, in_village[village]), village }
            })
            .collect();
        Self { cells, villages, towns }
    }

    /// The cell `p` lies in.
    pub fn cell_of(&self, p: DVec2) -> &Cell {
        let near = |a: &&Cell, b: &&Cell| a.site.distance_squared(p).total_cmp(&b.site.distance_squared(p));
        self.cells.iter().min_by(near).unwrap_or(&self.cells[0])
    }

    /// Names of the county-level district and the town of a cell, for addresses.
    pub fn district_and_town(&self, cell: &Cell) -> (&'static str, &'static str) {
        let town = &TOWNS[self.villages[cell.village].0];
        let county = match town.2 {
            "321302" => "宿城区",
            "321311" => "宿豫区",
            code => FUNCTIONAL.iter().find(|f| f.0 == code).map_or("", |f| f.1),
        };
        (county, town.0)
    }

    /// Names of all towns with their place, for labels.
    pub fn town_labels() -> impl Iterator<Item = (&'static str, &'static str, DVec2)> {
        TOWNS.iter().map(|t| (t.0, t.1, dvec2(t.3, t.4)))
    }

    /// `areas.geojson`.
    pub fn geojson(&self, plane: &Plane) -> Result<Value, super::DemoError> {
        let mut features = Vec::new();
        let counties: Value = serde_json::from_str(COUNTIES)
            .map_err(|e| super::DemoError::Write { file: "suqian-counties.geojson".into(), why: e.to_string() })?;
        let real: &[Value] = counties["features"].as_array().map_or(&[], Vec::as_slice);
        let whole: Vec<&Value> = real.iter().map(|f| &f["geometry"]["coordinates"]).collect();
        features.push(feature(CITY_CODE, "宿迁市", "Suqian City", "city", None, json!({ "type": "MultiPolygon", "coordinates": whole })));
        for f in real {
            let text = |k: &str| f["properties"][k].as_str().unwrap_or_default();
            features.push(feature(text("id"), text("name"), text("name_en"), "county", Some(CITY_CODE), f["geometry"].clone()));
        }
        for (code, name, en) in FUNCTIONAL {
            let members: Vec<&Cell> = self.cells.iter().filter(|c| TOWNS[self.villages[c.village].0].2 == code).collect();
            let outline = if members.is_empty() { polygons(plane, &[far_district()])? } else { polygons(plane, &union(&members))? };
            features.push(feature(code, name, en, "county", Some(CITY_CODE), outline));
        }
        for (i, t) in TOWNS.iter().enumerate() {
            let members: Vec<&Cell> = self.cells.iter().filter(|c| self.villages[c.village].0 == i).collect();
            if !members.is_empty() {
                features.push(feature(&self.towns[i], t.0, t.1, "town", Some(t.2), polygons(plane, &union(&members))?));
            }
        }
        for (i, (town, code, name, en)) in self.villages.iter().enumerate() {
            let members: Vec<&Cell> = self.cells.iter().filter(|c| c.village == i).collect();
            features.push(feature(code, name, en, "village", Some(&self.towns[*town]), polygons(plane, &union(&members))?));
        }
        for c in &self.cells {
            let (_, village, name, en) = &self.villages[c.village];
            let n = c.code[c.code.len() - 3..].trim_start_matches('0');
            let outline = polygons(plane, std::slice::from_ref(&c.ring))?;
            features.push(feature(&c.code, &format!("{name}第{n}网格"), &format!("{en} Grid {n}"), "grid_cell", Some(village), outline));
        }
        Ok(json!({ "type": "FeatureCollection", "features": features }))
    }
}

fn feature(id: &str, name: &str, name_en: &str, level: &str, parent: Option<&str>, geometry: Value) -> Value {
    json!({ "type": "Feature", "properties": { "id": id, "name": name, "name_en": name_en, "level": level, "parent": parent }, "geometry": geometry })
}

/// Yanghe lies beyond the modelled land, 24 km to the south-east: an outline only.
fn far_district() -> Vec<DVec2> {
    let ray = |i: u32| {
        let angle = std::f64::consts::TAU * f64::from(i) / 24.0;
        DVec2::from_angle(angle) * (4600.0 + 700.0 * (2.0 * angle + 0.6).sin() + 350.0 * (5.0 * angle).cos())
    };
    (0..24).map(|i| dvec2(10_800.0, -20_500.0) + ray(i)).collect()
}

/// Rings as a GeoJSON Polygon, or a MultiPolygon where a union falls apart.
fn polygons(plane: &Plane, rings: &[Vec<DVec2>]) -> Result<Value, CrsError> {
    let close = |ring: &Vec<DVec2>| -> Result<Value, CrsError> {
        let mut out: Vec<[f64; 2]> = ring.iter().map(|p| plane.lonlat(*p)).collect::<Result<_, _>>()?;
        out.push(out[0]);
        Ok(json!([out]))
    };
    let parts: Vec<Value> = rings.iter().map(close).collect::<Result<_, _>>()?;
    Ok(match parts.as_slice() {
        [one] => json!({ "type": "Polygon", "coordinates": one }),
        many => json!({ "type": "MultiPolygon", "coordinates": many }),
    })
}

/// Points of the partition: several a superblock by its size, one a village, and a loose net over the rest.
fn sites(city: &City) -> Vec<DVec2> {
    let mut out: Vec<DVec2> = Vec::new();
    for sb in &city.districts.superblocks {
        let want = (sb.area_m2 / CELL_M2).round() as usize;
        let centres: Vec<DVec2> = sb.blocks.iter().map(|b| b.centre).filter(|p| city.districts.holds(sb, *p)).collect();
        out.extend(spread(&centres, want));
    }
    out.extend(city.villages.iter().map(|v| v.centre));
    for j in -5..=5 {
        for i in -5..=5 {
            let skew = if j % 2 == 0 { 0.0 } else { 900.0 };
            let p = dvec2(f64::from(i) * 2050.0 + skew, f64::from(j) * 2050.0)
                + dvec2(f64::from((i * 7 + j * 3) % 5), f64::from((i * 5 + j * 11) % 7)) * 90.0;
            if out.iter().all(|q| q.distance(p) > 1150.0) {
                out.push(p);
            }
        }
    }
    out
}

/// Up to `want` of the points, each as far as can be from those taken before.
fn spread(points: &[DVec2], want: usize) -> Vec<DVec2> {
    let mut out: Vec<DVec2> = Vec::new();
    let mut gap = vec![f64::INFINITY; points.len()];
    let mut next = 0;
    while out.len() < want.min(points.len()) {
        let p = points[next];
        out.push(p);
        gap.iter_mut().zip(points).for_each(|(g, q)| *g = g.min(q.distance(p)));
        next = (0..points.len()).max_by(|a, b| gap[*a].total_cmp(&gap[*b])).unwrap_or(0);
        if gap[next] < 1.0 {
            break;
        }
    }
    out
}

/// Voronoi cells by clipping the octagon with the bisectors of the other sites, nearest first.
fn voronoi(sites: &[DVec2]) -> Vec<Vec<DVec2>> {
    let (r, cut) = (REACH_M, REACH_M - 2400.0);
    let bound = [(r, -cut), (r, cut), (cut, r), (-cut, r), (-r, cut), (-r, -cut), (-cut, -r), (cut, -r)].map(|(x, y)| dvec2(x, y));
    sites
        .iter()
        .map(|p| {
            let mut others: Vec<DVec2> = sites.iter().copied().filter(|q| q != p).collect();
            others.sort_by(|a, b| a.distance_squared(*p).total_cmp(&b.distance_squared(*p)));
            let mut ring = bound.to_vec();
            for q in others {
                let reach = ring.iter().map(|v| v.distance(*p)).fold(0.0, f64::max);
                if q.distance(*p) > 2.0 * reach {
                    break;
                }
                ring = curve::clip(&ring, (*p + q) / 2.0, q - *p);
            }
            ring
        })
        .collect()
}

/// Outlines of several cells together: borders that two of them share fall away.
fn union(cells: &[&Cell]) -> Vec<Vec<DVec2>> {
    let key = |p: DVec2| ((p.x * 20.0).round() as i64, (p.y * 20.0).round() as i64);
    type Key = (i64, i64);
    let mut edges: BTreeMap<(Key, Key), (DVec2, DVec2)> = BTreeMap::new();
    for c in cells {
        for i in 0..c.ring.len() {
            let (a, b) = (c.ring[i], c.ring[(i + 1) % c.ring.len()]);
            if key(a) != key(b) && edges.remove(&(key(b), key(a))).is_none() {
                edges.insert((key(a), key(b)), (a, b));
            }
        }
    }
    let mut out = Vec::new();
    while let Some((&first, _)) = edges.iter().next() {
        let start = first.0;
        let (mut ring, mut edge) = (Vec::new(), first);
        while let Some((a, _)) = edges.remove(&edge) {
            ring.push(a);
            if edge.1 == start {
                break;
            }
            let Some((&next, _)) = edges.range((edge.1, (i64::MIN, i64::MIN))..=(edge.1, (i64::MAX, i64::MAX))).next() else { break };
            edge = next;
        }
        // A clockwise ring is a hole around other cells: those are drawn over it by their own union.
        if ring.len() >= 3 && curve::area(&ring) > 0.0 {
            out.push(ring);
        }
    }
    out
}
