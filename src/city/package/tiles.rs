//! The explicit quadtree of one role (buildings or surfaces): contents made in parallel, `tileset.json` written at the end.

use super::PackageError;
use super::block::Block;
use super::glb::{self, Row};
use super::mesh::{Mesh, Mesher, Style};
use super::place::{City, Feature, NOWHERE, grow, join};
use super::quadtree::{self, Item, LEAF_FEATURES, Node};
use super::schema::Schema;
use super::surfaces;
use super::tileset::{self, Tile};
use super::{Progress, Stage};
use crate::city::source::{Face, Surface};
use crate::geo::{Geodetic, LocalFrame, Region};
use crate::model::city::TilesetRole;
use glam::{DVec2, DVec3};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Bytes of one vertex and the triangles around it in a glb: attributes 40, indices about 6.
const VERTEX_BYTES: usize = 46;
/// Bytes of a feature's own: its row of ids and attributes, roughly.
const FEATURE_BYTES: usize = 160;
/// Vertices of coarse tiles. 80,000 is 4,000 blocks or 3.5 MB: a city of 20,000 seen whole must not look empty.
const COARSE_VERTICES: usize = 80_000;
/// Coarse tiles carry all attributes only up to this many bytes of them; else ids and classes, the rest comes with the full tile.
const COARSE_ATTRIBUTE_BYTES: usize = 1 << 20;
/// In a coarse tile the buildings that blocks are least like stay whole, up to this many vertices of theirs: else one cathedral would
/// set the error of a whole district, and all of it would be drawn in full from far off ...
const LANDMARK_VERTICES: usize = COARSE_VERTICES / 4;
/// ... unless their block is within this many metres of them.
const LANDMARK_MIN_M: f64 = 2.0;
/// A building left out is seen more easily than one that is drawn too plainly: it counts as this many times its size, so that
/// at 16 pixels of allowed error what is missing is under 4 pixels.
const MISSING: f64 = 4.0;
/// A coarse tile's error is never 0, or it would count as full.
const ERROR_MIN_M: f64 = 0.05;

/// What came of one role.
pub struct Written {
    pub root: Tile,
    pub triangles: u64,
    pub tiles: u64,
    /// Features with at least one triangle in a full tile.
    pub drawn: BTreeSet<u32>,
    /// Faces without area: feature, face.
    pub degenerate: Vec<(u32, u32)>,
}

/// One tile's content before it is bytes.
pub struct Content {
    pub mesh: Mesh,
    /// Feature of each row.
    pub rows: Vec<u32>,
    /// Metres of the largest thing left out or changed.
    pub error_m: f64,
    pub region: Region,
    pub degenerate: Vec<(u32, u32)>,
}

impl Content {
    pub fn new(region: Region) -> Self {
        Self { mesh: Mesh::default(), rows: Vec::new(), error_m: 0.0, region, degenerate: Vec::new() }
    }
}

/// What every tile of a tree is made from.
pub struct Tree<'a> {
    pub city: &'a City,
    pub schema: &'a Schema,
    pub items: Vec<Item>,
    /// Blocks by feature; only for buildings.
    blocks: Vec<Option<Block>>,
    role: TilesetRole,
}

/// Writes all tiles of a role and its `tileset.json` into `dir`; `None` when the city has nothing of that role.
pub fn write(
    city: &City,
    schema: &Schema,
    role: TilesetRole,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<Option<Written>, PackageError> {
    let mut items = items(city, role);
    let nodes = quadtree::grow(&mut items);
    if nodes.is_empty() {
        return Ok(None);
    }
    let block = |f: &Feature| if role == TilesetRole::Buildings && f.role == role { Block::of(city, f) } else { None };
    let blocks = if role == TilesetRole::Buildings { city.features.par_iter().map(block).collect() } else { Vec::new() };
    let tree = Tree { city, schema, items, blocks, role };
    std::fs::create_dir_all(dir).map_err(PackageError::io(dir))?;
    progress.start(Stage::Tiles(role), nodes.len() as u64);
    let made: Vec<Made> = nodes
        .par_iter()
        .map(|node| {
            let made = tree.make(node, dir);
            progress.advance(1);
            made
        })
        .collect::<Result<_, _>>()?;
    let root = assemble(&nodes, &made, 0);
    tileset::write(&dir.join("tileset.json"), &root)?;
    let triangles = made.iter().map(|m| m.triangles).sum();
    let tiles = made.iter().filter(|m| m.triangles > 0).count() as u64;
    let full = || nodes.iter().zip(&made).filter(|(n, _)| n.full).map(|(_, m)| m);
    let drawn = full().flat_map(|m| &m.drawn).copied().collect();
    let degenerate = full().flat_map(|m| &m.degenerate).copied().collect();
    Ok(Some(Written { root, triangles, tiles, drawn, degenerate }))
}

/// A written tile, without its bytes.
struct Made {
    region: Region,
    frame: LocalFrame,
    error_m: f64,
    triangles: u64,
    drawn: Vec<u32>,
    degenerate: Vec<(u32, u32)>,
}

/// Buildings stay whole; surfaces may be as wide as the city and are cut face by face.
fn items(city: &City, role: TilesetRole) -> Vec<Item> {
    let mut items = Vec::new();
    // Longitudes shrunk by the latitude make a plane that is true to shape.
    let shrink = city.features.first().map_or(1.0, |f| f.region.south_rad.cos());
    for (n, feature) in city.features.iter().enumerate().filter(|(_, f)| f.role == role) {
        let points = &city.points[feature.source];
        let bytes = |face: Face| face.corners().len() * VERTEX_BYTES;
        if role == TilesetRole::Buildings {
            let r = &feature.region;
            let at = DVec2::new((r.west_rad + r.east_rad) * 0.5 * shrink, (r.south_rad + r.north_rad) * 0.5);
            let bytes = feature.drawn_faces().map(bytes).sum::<usize>() + FEATURE_BYTES;
            items.push(Item { feature: n as u32, face: None, at, bytes: bytes.try_into().unwrap_or(u32::MAX) });
            continue;
        }
        for (n_face, face) in feature.object.faces.iter().enumerate().filter(|(_, f)| f.surface != Surface::Ground) {
            let ring = face.outer();
            let sum: DVec2 = ring.iter().map(|i| &points[*i as usize]).map(|p| DVec2::new(p.lon_rad * shrink, p.lat_rad)).sum();
            // Triangles of a net share their vertices once they are welded: each has about half a vertex of its own.
            let bytes = if ring.len() == 3 { VERTEX_BYTES } else { bytes(face) + FEATURE_BYTES / 8 }.try_into().unwrap_or(u32::MAX);
            items.push(Item { feature: n as u32, face: Some(n_face as u32), at: sum / (ring.len().max(1) as f64), bytes });
        }
    }
    items
}

impl Tree<'_> {
    fn make(&self, node: &Node, dir: &Path) -> Result<Made, PackageError> {
        let items = &self.items[node.items.clone()];
        let region = self.region(items);
        let frame = frame(&region);
        let content = match (node.full, self.role) {
            (true, TilesetRole::Buildings) => self.full_buildings(items, region, &frame),
            (false, TilesetRole::Buildings) => self.blocks(items, region, &frame),
            (true, _) => surfaces::full(self, items, region, &frame),
            (false, _) => surfaces::coarse(self, items, (region, COARSE_VERTICES), &frame),
        };
        if content.mesh.triangles() > 0 {
            let bytes = glb::write(&content.mesh, DVec3::ZERO, self.schema, &self.rows(&content.rows, node.full));
            let path = dir.join(format!("{}.glb", node.path));
            std::fs::write(&path, bytes).map_err(PackageError::io(path))?;
        }
        let error_m = if node.full { 0.0 } else { content.error_m.max(ERROR_MIN_M) };
        let (triangles, drawn) = (content.mesh.triangles() as u64, drawn(&content));
        Ok(Made { region: content.region, frame, error_m, triangles, drawn, degenerate: content.degenerate })
    }

    /// Around whole buildings, or around the faces of surfaces.
    fn region(&self, items: &[Item]) -> Region {
        let mut region = NOWHERE;
        for item in items {
            let feature = &self.city.features[item.feature as usize];
            match item.face {
                None => join(&mut region, &feature.region),
                Some(face) => {
                    let corners = feature.object.faces.get(face as usize).map_or(&[][..], |f| f.corners());
                    corners.iter().for_each(|v| grow(&mut region, self.city.points[feature.source][*v as usize]));
                }
            }
        }
        region
    }

    fn full_buildings(&self, items: &[Item], region: Region, frame: &LocalFrame) -> Content {
        let (mut content, mut mesher) = (Content::new(region), Mesher::default());
        for item in items {
            let row = content.rows.len() as u16;
            content.rows.push(item.feature);
            self.whole(&mut content, &mut mesher, item.feature, (frame, row));
        }
        content
    }

    /// The largest buildings below as blocks, as many as a coarse tile may hold.
    fn blocks(&self, items: &[Item], region: Region, frame: &LocalFrame) -> Content {
        let (mut content, mut mesher) = (Content::new(region), Mesher::default());
        let size = |i: &Item| self.city.features[i.feature as usize].size_m();
        let mut by_size: Vec<(f64, &Item)> = items.iter().map(|i| (size(i), i)).collect();
        by_size.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.feature.cmp(&b.1.feature)));
        let landmarks = self.landmarks(items);
        let mut vertices = 0;
        for (size_m, item) in by_size {
            let feature = &self.city.features[item.feature as usize];
            let block = self.blocks[item.feature as usize].as_ref();
            let cost = item.bytes as usize / VERTEX_BYTES;
            let whole = landmarks.contains(&item.feature);
            let added = if whole { cost } else { block.map_or(usize::MAX, Block::vertices) };
            if content.rows.len() >= LEAF_FEATURES || added > COARSE_VERTICES - vertices {
                content.error_m = content.error_m.max(size_m * MISSING);
                continue;
            }
            vertices += added;
            let row = content.rows.len() as u16;
            content.rows.push(item.feature);
            match block.filter(|_| !whole) {
                None => self.whole(&mut content, &mut mesher, item.feature, (frame, row)),
                Some(block) => {
                    block.add(&mut content.mesh, &mut mesher, feature, frame, row);
                    content.error_m = content.error_m.max(block.deviation_m);
                    join(&mut content.region, &block.region);
                }
            }
        }
        // Faces without area are told by the full tiles.
        content.degenerate.clear();
        content
    }

    /// Adds a building as the source has it.
    fn whole(&self, content: &mut Content, mesher: &mut Mesher, index: u32, place: (&LocalFrame, u16)) {
        let feature = &self.city.features[index as usize];
        for (f, face) in feature.object.faces.iter().enumerate().filter(|(_, f)| f.surface != Surface::Ground) {
            if !mesher.add(&mut content.mesh, self.city, feature, &face, place) {
                content.degenerate.push((index, f as u32));
            }
        }
    }

    /// Buildings that stay whole among blocks, the worst first; those that have no block count as worst.
    fn landmarks(&self, items: &[Item]) -> BTreeSet<u32> {
        let deviation = |i: &Item| self.blocks[i.feature as usize].as_ref().map_or(f64::INFINITY, |b| b.deviation_m);
        let mut worst: Vec<(f64, &Item)> = items.iter().map(|i| (deviation(i), i)).filter(|(d, _)| *d > LANDMARK_MIN_M).collect();
        worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.feature.cmp(&b.1.feature)));
        let mut vertices = 0;
        let fits = |(_, i): &&(f64, &Item)| {
            vertices += i.bytes as usize / VERTEX_BYTES;
            vertices <= LANDMARK_VERTICES
        };
        worst.iter().take_while(fits).map(|(_, i)| i.feature).collect()
    }

    fn rows(&self, features: &[u32], full: bool) -> Vec<Row<'_>> {
        let object = |f: &u32| &self.city.features[*f as usize].object;
        let length = |f: &u32| object(f).attributes.iter().map(|(_, v)| v.as_str().map_or(8, str::len) + 4).sum::<usize>();
        let all = full || features.iter().map(length).sum::<usize>() <= COARSE_ATTRIBUTE_BYTES;
        let row = |f: &u32| {
            let o = object(f);
            Row { id: &o.id, class: &o.class, parent: o.parent.as_deref(), lod: &o.lod, attributes: all.then_some(&o.attributes) }
        };
        features.iter().map(row).collect()
    }

    /// Vertices' common style of a surface.
    pub fn style(&self, feature: u32, row: u16, surface: crate::city::source::Surface) -> Style {
        Style::of(&self.city.features[feature as usize], row, surface)
    }
}

/// Features of rows that have a triangle.
fn drawn(content: &Content) -> Vec<u32> {
    let rows: BTreeSet<u16> = content.mesh.features.iter().copied().collect();
    rows.into_iter().map(|r| content.rows[usize::from(r)]).collect()
}

/// East-north-up at the middle of a region, on the ellipsoid.
pub fn frame(r: &Region) -> LocalFrame {
    LocalFrame::new(Geodetic { lon_rad: (r.west_rad + r.east_rad) * 0.5, lat_rad: (r.south_rad + r.north_rad) * 0.5, height_m: 0.0 })
}

/// Tiles as the tileset writes them: regions hold their children's, errors never grow downwards.
fn assemble(nodes: &[Node], made: &[Made], index: usize) -> Tile {
    let (node, own) = (&nodes[index], &made[index]);
    let children: Vec<Tile> = node.children.iter().map(|c| assemble(nodes, made, *c)).collect();
    let mut region = own.region;
    children.iter().for_each(|c| join(&mut region, &c.region));
    let error_m = children.iter().map(|c| c.error_m).fold(own.error_m, f64::max);
    let content = (own.triangles > 0).then(|| format!("{}.glb", node.path));
    Tile { region, error_m, frame: Some(own.frame), content, children, implicit: None }
}
