//! The explicit quadtree of one role (buildings or surfaces): which contents there are, and each made from the spool.

use super::PackageError;
use super::cluster::{self, Group, Member, Merged};
use super::compress;
use super::glb::{self, Row};
use super::mesh::{self, Mesh, Placement, Triangulator};
use super::piece::{BARE, PieceFace};
use super::place::{NOWHERE, grow, join};
use super::quadtree::{self, Item, Node};
use super::schema::{BASE, Schema};
use super::shape::middle;
use super::spool::{Meta, Spool};
use super::surfaces;
use super::texture::{self, Paints, Worn};
use super::tileset::Tile;
use crate::city::source::Surface;
use crate::geo::{Geodetic, LocalFrame, Region};
use crate::model::city::TilesetRole;
use glam::{DAffine3, DVec3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

pub use super::shape::middle as frame;

/// Who wrote a tile; another number behind the slash makes every tile anew where the same objects are written otherwise.
const WRITER: &str = concat!(env!("CARGO_PKG_VERSION"), "/5");

/// Vertices of coarse tiles: 4,000 blocks, or about 1 MB.
const COARSE_VERTICES: usize = 80_000;
/// Coarse tiles carry all attributes only up to this many bytes of them; else ids and classes, the rest comes with the full tile.
const COARSE_ATTRIBUTE_BYTES: usize = 1 << 20;
/// In a coarse tile the buildings that blocks are least like stay whole, up to this many vertices of theirs: else one cathedral would
/// set the error of a whole district, and all of it would be drawn in full from far off ...
const LANDMARK_VERTICES: usize = COARSE_VERTICES / 4;
/// ... unless their block is within this many metres of them.
const LANDMARK_MIN_M: f32 = 2.0;
/// A picture that is left out counts as this many metres: at the usual 16 pixels of error the full tile then comes where a metre has three
/// pixels, about as soon as there is something to see on a wall. A box with a picture would else be a box for ever.
const PICTURE_ERROR_M: f64 = 6.0;
/// Attributes that are left out count as this many metres: whoever is near enough to point at a building gets to know it.
const ATTRIBUTES_ERROR_M: f64 = 2.0;
/// A prism in place of many buildings counts as so many times as far off as it is: where a wall that is a few pixels off passes, a slab of that width
/// in place of a street does not.
const MERGED_COUNTS: f64 = 2.0;
/// A coarse tile's error is never 0, or it would count as full.
const ERROR_MIN_M: f64 = 0.05;

/// One tile's content before it is bytes.
pub struct Content {
    pub mesh: Mesh,
    /// Its faces that show pictures; `None` where it is to be seen from afar, in plain colours.
    pub worn: Option<Worn>,
    /// What each row of the property table is.
    pub rows: Vec<Meta>,
    /// Metres by which it differs from the full geometry at most.
    pub error_m: f64,
    pub region: Region,
}

impl Content {
    /// Where an object goes whose row is the next.
    pub fn place(&self, meta: &Meta, frame: &LocalFrame) -> Placement {
        Placement { to_tile: to_tile(frame, meta.origin), row: self.rows.len() as u16, base_m: meta.base_m, height_m: meta.height_m }
    }
}

/// From the frame of an object to that of a tile.
fn to_tile(frame: &LocalFrame, origin: Geodetic) -> DAffine3 {
    let turned = frame.enu_from_ecef() * LocalFrame::new(origin).ecef_from_enu();
    // The two frames are some kilometres apart, the centre of the Earth 6,000: take the difference of places, not of their products.
    DAffine3::from_mat3_translation(glam::DMat3::from_mat4(turned), frame.geodetic_to_enu(origin))
}

/// What every tile of a tree is made from.
pub struct Tree<'a> {
    pub spool: &'a Spool,
    pub schema: &'a Schema,
    pub paints: &'a Paints,
    pub items: Vec<Item>,
    pub nodes: Vec<Node>,
    pub role: TilesetRole,
    /// Columns of each set of attributes, see [`super::spool::Entry::keys`].
    sets: Vec<Vec<usize>>,
    /// Of all that makes two builds of the same things differ.
    seed: u64,
}

/// A written tile, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// Tells what it was made from: the same key has the same bytes.
    pub key: u64,
    /// West, south, east, north in radians, lowest, highest in metres.
    #[serde(with = "super::bits")]
    pub region: [f64; 6],
    #[serde(with = "super::bits")]
    pub error_m: [f64; 1],
    pub triangles: u64,
}

impl<'a> Tree<'a> {
    /// Plans the tiles of a role. `sets` are the sets of attributes that entries name by number.
    pub fn plan(spool: &'a Spool, (schema, sets): (&'a Schema, &[&[String]]), paints: &'a Paints, role: TilesetRole) -> Self {
        let own = spool.entries.iter().enumerate().filter(|(_, e)| e.role == role);
        let mut items: Vec<Item> = own.map(|(n, e)| Item { code: e.code, entry: n as u32, bytes: e.bytes }).collect();
        let nodes = quadtree::grow(&mut items);
        let columns: HashMap<&str, usize> = schema.columns.iter().enumerate().skip(BASE.len()).map(|(n, c)| (c.key.as_str(), n)).collect();
        let sets = sets.iter().map(|set| set.iter().filter_map(|k| columns.get(k.as_str()).copied()).collect()).collect();
        let seed = xxhash_rust::xxh3::xxh3_64(WRITER.as_bytes());
        Self { spool, schema, paints, items, nodes, role, sets, seed }
    }

    /// The key of a tile: of everything that goes into it.
    pub fn key(&self, node: &Node) -> u64 {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(&self.seed.to_le_bytes());
        hash.update(&[u8::from(node.full)]);
        let mut sets = BTreeSet::new();
        for item in &self.items[node.items.clone()] {
            let entry = &self.spool.entries[item.entry as usize];
            hash.update(&entry.hash.to_le_bytes());
            sets.insert(entry.keys);
        }
        // Not the whole schema: a new attribute somewhere in the city changes no tile that has none of it.
        let columns: BTreeSet<usize> =
            sets.iter().filter_map(|s| self.sets.get(*s as usize)).flatten().copied().chain(0..BASE.len()).collect();
        let columns: Vec<usize> = columns.into_iter().collect();
        hash.update(self.schema.json(&columns).to_string().as_bytes());
        hash.digest()
    }

    /// Frame of a tile's content, from what lies in it.
    pub fn frame(&self, node: &Node) -> LocalFrame {
        middle(&self.region(&self.items[node.items.clone()]))
    }

    /// Makes the content of a tile and writes it into `dir`.
    ///
    /// # Errors
    /// [`PackageError::Io`].
    pub fn make(&self, node: &Node, dir: &Path) -> Result<Made, PackageError> {
        let items = &self.items[node.items.clone()];
        let region = self.region(items);
        let frame = middle(&region);
        let worn = node.full.then(Worn::default);
        let mesh = Mesh { two_sided: self.role != TilesetRole::Buildings, ..Mesh::default() };
        let mut content = Content { mesh, worn, rows: Vec::new(), error_m: 0.0, region };
        match (node.full, self.role) {
            (true, TilesetRole::Buildings) => self.full_buildings(items, &frame, &mut content)?,
            (false, TilesetRole::Buildings) => self.coarse_buildings(node, &frame, &mut content)?,
            (true, _) => surfaces::full(self, items, &frame, &mut content)?,
            (false, _) => surfaces::coarse(self, items, (&frame, COARSE_VERTICES), &mut content)?,
        }
        match content.worn.take() {
            Some(worn) => texture::dress(&mut content.mesh, &worn, self.paints),
            None if items.iter().any(|i| self.spool.entries[i.entry as usize].dressed) => {
                content.error_m = content.error_m.max(PICTURE_ERROR_M);
            }
            None => {}
        }
        if content.mesh.triangles() > 0 {
            let attributes = self.attributes(&content.rows, node.full);
            if attributes.iter().any(Option::is_none) {
                content.error_m = content.error_m.max(ATTRIBUTES_ERROR_M);
            }
            let bytes = glb::write(&content.mesh, (DVec3::ZERO, content.error_m), self.schema, &rows(&content.rows, &attributes));
            let path = dir.join(format!("{}.glb", node.path));
            std::fs::write(&path, bytes).map_err(PackageError::io(path))?;
        }
        let error_m = if node.full { 0.0 } else { (content.error_m * compress::ROUNDED).max(ERROR_MIN_M) };
        let r = &content.region;
        let region = [r.west_rad, r.south_rad, r.east_rad, r.north_rad, r.min_height_m, r.max_height_m];
        Ok(Made { key: self.key(node), region, error_m: [error_m], triangles: content.mesh.triangles() as u64 })
    }

    fn region(&self, items: &[Item]) -> Region {
        let mut region = NOWHERE;
        items.iter().for_each(|i| join(&mut region, &self.spool.entries[i.entry as usize].region));
        region
    }

    fn full_buildings(&self, items: &[Item], frame: &LocalFrame, content: &mut Content) -> Result<(), PackageError> {
        let mut numbers: Vec<u32> = items.iter().map(|i| i.entry).collect();
        // In the order of the source, so that the spool is read from front to back.
        numbers.sort_unstable();
        numbers.into_iter().try_for_each(|n| self.whole(n, frame, content))
    }

    /// Adds a building as the source has it.
    fn whole(&self, entry: u32, frame: &LocalFrame, content: &mut Content) -> Result<(), PackageError> {
        let (meta, piece) = self.spool.full(&self.spool.entries[entry as usize])?;
        let place = content.place(&meta, frame);
        content.mesh.add_piece(&piece, &place, &|surface, face| self.face_colour(surface, &meta.class, face), content.worn.as_mut());
        content.rows.push(meta);
        Ok(())
    }

    /// Blocks, merged where they are too many.
    fn coarse_buildings(&self, node: &Node, frame: &LocalFrame, content: &mut Content) -> Result<(), PackageError> {
        let items = &self.items[node.items.clone()];
        let groups = cluster::plan(items, &self.spool.entries, node.level, COARSE_VERTICES - LANDMARK_VERTICES);
        let landmarks = self.landmarks(items, &groups);
        let mut triangulator = Triangulator::default();
        for group in &groups {
            match group {
                Group::One(i) if landmarks.contains(i) => self.whole(items[*i].entry, frame, content)?,
                Group::One(i) => self.block(items[*i].entry, frame, content, &mut triangulator)?,
                Group::Merged(members) => {
                    let entries: Vec<u32> = members.iter().map(|m| items[*m].entry).collect();
                    self.merged(&entries, frame, content, &mut triangulator)?;
                }
            }
        }
        Ok(())
    }

    fn block(&self, entry: u32, frame: &LocalFrame, content: &mut Content, triangulator: &mut Triangulator) -> Result<(), PackageError> {
        let record = &self.spool.entries[entry as usize];
        let Some((_, block)) = self.spool.block(record) else { return self.whole(entry, frame, content) };
        let meta = self.spool.meta(record)?;
        let place = content.place(&meta, frame);
        block.add(&mut content.mesh, &place, self.block_colours(entry, &meta.class), triangulator);
        content.error_m = content.error_m.max(block.deviation_m);
        content.rows.push(meta);
        Ok(())
    }

    /// One prism for many buildings; its row names the largest of them, has its attributes and counts the others.
    fn merged(&self, entries: &[u32], frame: &LocalFrame, content: &mut Content, tr: &mut Triangulator) -> Result<(), PackageError> {
        let mut members = Vec::with_capacity(entries.len());
        let mut largest: Option<(f32, u32)> = None;
        for &entry in entries {
            let record = &self.spool.entries[entry as usize];
            let Some((origin, block)) = self.spool.block(record) else {
                self.whole(entry, frame, content)?;
                continue;
            };
            members.push(Member::new(&block, &to_tile(frame, origin)));
            if largest.is_none_or(|l| record.area_m2 > l.0) {
                largest = Some((record.area_m2, entry));
            }
        }
        let (Some(merged), Some((_, entry))) = (Merged::of(&members), largest) else { return Ok(()) };
        let meta = self.spool.meta(&self.spool.entries[entry as usize])?;
        content.error_m = content.error_m.max(merged.deviation_m * MERGED_COUNTS);
        merged.ring.iter().for_each(|p| grow(&mut content.region, frame.enu_to_geodetic(p.extend(merged.base_m))));
        let row = content.rows.len() as u16;
        let height_m = merged.top_m - merged.base_m;
        let place = Placement { to_tile: DAffine3::IDENTITY, row, base_m: merged.base_m, height_m };
        content.mesh.add_prism(&merged.ring, (merged.base_m, merged.top_m), &place, self.block_colours(entry, &meta.class), tr);
        let others = members.len() - 1;
        let id = if others == 0 { meta.id.clone() } else { format!("{} +{others}", meta.id) };
        content.rows.push(Meta { id, parent: None, ..meta });
        Ok(())
    }

    /// Buildings that stay whole among blocks, the worst first; numbers as in the groups.
    fn landmarks(&self, items: &[Item], groups: &[Group]) -> BTreeSet<usize> {
        let deviation = |i: usize| self.spool.entries[items[i].entry as usize].deviation_m;
        let single = groups.iter().filter_map(|g| if let Group::One(i) = g { Some(*i) } else { None });
        let mut worst: Vec<(f32, usize)> = single.map(|i| (deviation(i), i)).filter(|(d, _)| *d > LANDMARK_MIN_M).collect();
        worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(items[a.1].entry.cmp(&items[b.1].entry)));
        let mut vertices = 0;
        let fits = |(_, i): &(f32, usize)| {
            vertices += self.spool.entries[items[*i].entry as usize].vertices as usize;
            vertices <= LANDMARK_VERTICES
        };
        worst.into_iter().take_while(fits).map(|(_, i)| i).collect()
    }

    /// Attributes of rows; none in a coarse tile that would be heavy with them.
    fn attributes(&self, rows: &[Meta], full: bool) -> Vec<Option<Map<String, Value>>> {
        let all = full || rows.iter().map(|r| r.attributes.len()).sum::<usize>() <= COARSE_ATTRIBUTE_BYTES;
        rows.iter().map(|r| all.then(|| r.attributes())).collect()
    }

    /// Colour of a face where its picture is not drawn.
    pub fn face_colour(&self, surface: Surface, class: &str, face: &PieceFace) -> [u8; 4] {
        if face.colour[3] > 0 { face.colour } else { self.colour(surface, class, face.paint) }
    }

    /// Colour of a surface that has a paint, or [`BARE`].
    pub fn colour(&self, surface: Surface, class: &str, paint: u32) -> [u8; 4] {
        let own = if paint == BARE { [0; 4] } else { self.paints.colour(paint) };
        if own[3] > 0 { own } else { mesh::colour(surface, class) }
    }

    /// Colours of a block's walls and roofs.
    fn block_colours(&self, entry: u32, class: &str) -> [[u8; 4]; 2] {
        let own = self.spool.entries[entry as usize].colours;
        let of = |colour: [u8; 4], surface| if colour[3] > 0 { colour } else { self.colour(surface, class, BARE) };
        [of(own[0], Surface::Wall), of(own[1], Surface::Roof)]
    }
}

fn rows<'a>(metas: &'a [Meta], attributes: &'a [Option<Map<String, Value>>]) -> Vec<Row<'a>> {
    let row = |(m, attributes): (&'a Meta, &'a Option<Map<String, Value>>)| Row {
        id: &m.id,
        class: &m.class,
        parent: m.parent.as_deref(),
        lod: &m.lod,
        attributes: attributes.as_ref(),
    };
    metas.iter().zip(attributes).map(row).collect()
}

/// Tiles as the tileset writes them: regions hold their children's, errors never grow downwards.
pub fn assemble(nodes: &[Plan], made: &[Made], index: usize) -> Tile {
    let (node, own) = (&nodes[index], &made[index]);
    let children: Vec<Tile> = node.children.iter().map(|c| assemble(nodes, made, *c)).collect();
    let [west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m] = own.region;
    let mut region = Region { west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m };
    children.iter().for_each(|c| join(&mut region, &c.region));
    let error_m = children.iter().map(|c| c.error_m).fold(own.error_m[0], f64::max);
    let content = (own.triangles > 0).then(|| format!("{}.glb", node.path));
    let origin = Geodetic { lon_rad: node.origin[0], lat_rad: node.origin[1], height_m: 0.0 };
    Tile { region, error_m, frame: Some(LocalFrame::new(origin)), placed: None, content, children, implicit: None }
}

/// A tile as far as the tileset needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub path: String,
    pub children: Vec<usize>,
    /// Longitude and latitude of its frame, radians.
    #[serde(with = "super::bits")]
    pub origin: [f64; 2],
}

impl Plan {
    pub fn of(tree: &Tree) -> Vec<Self> {
        let origin = |n: &Node| {
            let at = tree.frame(n).origin();
            [at.lon_rad, at.lat_rad]
        };
        tree.nodes.par_iter().map(|n| Self { path: n.path.clone(), children: n.children.clone(), origin: origin(n) }).collect()
    }
}
