//! Everything that tiles are made from, on disk: a city need not fit in memory.
//!
//! A record is one piece: what it is (its row of attributes), how it looks from afar, and its full geometry, in this order, so that a tile
//! reads no more of it than it draws. What is needed to plan tiles stays in memory, an [`Entry`] a piece; so do the blocks of buildings, a
//! hundred bytes each: every coarse tile above a building looks at its block.

use super::PackageError;
use super::block::Block;
use super::piece::{BARE, Piece, take};
use crate::geo::{Geodetic, Region};
use crate::model::city::TilesetRole;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What is known of a piece without reading it.
#[derive(Clone, Debug)]
pub struct Entry {
    offset: u64,
    /// Bytes of what it is, how it looks from afar, and its full geometry.
    lengths: [u32; 3],
    /// Running number of its object; pieces of one object share it.
    pub object: u32,
    pub role: TilesetRole,
    /// Where its block is: which batch, and which bytes of it.
    pub(super) block: (u32, u32, u32),
    /// See [`super::quadtree::code`].
    pub code: u64,
    /// Estimated size in a tile of full geometry.
    pub bytes: u32,
    /// Vertices of its full geometry.
    pub vertices: u32,
    /// Vertices of its coarse form; 0 without one.
    pub coarse_vertices: u32,
    /// Metres by which the coarse form differs.
    pub deviation_m: f32,
    /// Ground under its coarse form, square metres.
    pub area_m2: f32,
    pub region: Region,
    /// Walls and roofs from afar; transparent where the source says nothing.
    pub colours: [[u8; 4]; 2],
    /// Tells what its paints are: their colours and what their pictures hold.
    pub paints: u64,
    /// It shows pictures, which coarse tiles leave out.
    pub dressed: bool,
    /// Number of the set of attributes that it has values of.
    pub keys: u32,
    /// Of all its bytes: the same piece has the same in the next build.
    pub hash: u64,
}

/// What an object is, as every record of it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Meta {
    pub id: String,
    pub class: String,
    pub parent: Option<String>,
    pub lod: String,
    /// As JSON text.
    pub attributes: String,
    /// Origin of its frame.
    pub origin: Geodetic,
    /// Lowest point, metres up in the frame, and from there to the highest.
    pub base_m: f64,
    pub height_m: f64,
}

impl Meta {
    /// The attributes; empty when the text is none.
    pub fn attributes(&self) -> Map<String, Value> {
        serde_json::from_str(&self.attributes).unwrap_or_default()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let numbers = [self.origin.lon_rad, self.origin.lat_rad, self.origin.height_m, self.base_m, self.height_m];
        out.extend_from_slice(bytemuck::cast_slice(&numbers));
        // No parent is told from an empty one by the first bit.
        out.push(u8::from(self.parent.is_some()));
        for text in [&self.id, &self.class, self.parent.as_ref().unwrap_or(&String::new()), &self.lod, &self.attributes] {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let numbers: Vec<f64> = take(&mut bytes, 5)?;
        let has_parent = take::<u8>(&mut bytes, 1)?[0] == 1;
        let mut text = || {
            let length: Vec<u32> = take(&mut bytes, 1)?;
            String::from_utf8(take(&mut bytes, length[0])?).ok()
        };
        let (id, class, parent, lod, attributes) = (text()?, text()?, text()?, text()?, text()?);
        let origin = Geodetic { lon_rad: numbers[0], lat_rad: numbers[1], height_m: numbers[2] };
        Some(Self { id, class, parent: has_parent.then_some(parent), lod, attributes, origin, base_m: numbers[3], height_m: numbers[4] })
    }
}

/// How a piece looks from afar.
#[derive(Debug, Clone, PartialEq)]
pub enum Coarse {
    /// No better than in full.
    Same,
    /// Of a building.
    Block(Block),
    /// Ground with fewer triangles.
    Ground(Piece),
}

/// Records as they are made, to be written in one go.
#[derive(Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    blocks: Vec<u8>,
    /// Offsets count from the start of `bytes`, objects from the batch's first.
    pub entries: Vec<Entry>,
}

impl Batch {
    /// Adds a record; the entry's offset, lengths and hash are filled in here.
    pub fn push(&mut self, meta: &Meta, coarse: &Coarse, full: &Piece, mut entry: Entry) {
        let start = self.bytes.len();
        meta.encode(&mut self.bytes);
        let after_meta = self.bytes.len();
        match coarse {
            Coarse::Same => {}
            Coarse::Block(block) => {
                let first = self.blocks.len();
                self.blocks.extend_from_slice(bytemuck::bytes_of(&[meta.origin.lon_rad, meta.origin.lat_rad]));
                block.encode(&mut self.blocks);
                entry.block = (0, first as u32, self.blocks.len() as u32);
            }
            Coarse::Ground(piece) => piece.encode(&mut self.bytes),
        }
        let after_coarse = self.bytes.len();
        full.encode(&mut self.bytes);
        let end = self.bytes.len();
        entry.offset = start as u64;
        entry.lengths = [after_meta - start, after_coarse - after_meta, end - after_coarse].map(|n| n as u32);
        // The block follows from the full geometry, which is in the bytes.
        let seed = u64::from_le_bytes(bytemuck::cast(entry.colours)) ^ entry.paints;
        entry.hash = match full.faces.iter().any(|f| f.paint != BARE) {
            false => xxhash_rust::xxh3::xxh3_64_with_seed(&self.bytes[start..], seed),
            // Numbers of paints say nothing by themselves.
            true => {
                let mut same = self.bytes[start..after_meta].to_vec();
                if let Coarse::Ground(piece) = coarse {
                    piece.renumbered().encode(&mut same);
                }
                full.renumbered().encode(&mut same);
                xxhash_rust::xxh3::xxh3_64_with_seed(&same, seed)
            }
        };
        self.entries.push(entry);
    }
}

impl Entry {
    /// To be given to [`Batch::push`].
    pub fn new(object: u32, role: TilesetRole, code: u64, region: Region) -> Self {
        Self {
            offset: 0,
            lengths: [0; 3],
            object,
            role,
            block: (0, 0, 0),
            code,
            bytes: 0,
            vertices: 0,
            coarse_vertices: 0,
            deviation_m: 0.0,
            area_m2: 0.0,
            region,
            colours: [[0; 4]; 2],
            paints: 0,
            dressed: false,
            keys: 0,
            hash: 0,
        }
    }

    pub fn has_block(&self) -> bool {
        self.block.2 > self.block.1
    }
}

/// The file of records with its entries; the file goes when this is dropped.
pub struct Spool {
    file: File,
    path: PathBuf,
    length: u64,
    blocks: Vec<Box<[u8]>>,
    pub entries: Vec<Entry>,
    objects: u32,
}

impl Spool {
    /// An empty spool at `path`.
    ///
    /// # Errors
    /// [`PackageError::Io`].
    pub fn new(path: &Path) -> Result<Self, PackageError> {
        let open = File::options().read(true).write(true).create(true).truncate(true).open(path);
        let file = open.map_err(PackageError::io(path))?;
        Ok(Self { file, path: path.to_owned(), length: 0, blocks: Vec::new(), entries: Vec::new(), objects: 0 })
    }

    /// Puts a batch of `objects` objects behind what is there.
    ///
    /// # Errors
    /// [`PackageError::Io`].
    pub fn append(&mut self, batch: Batch, objects: u32) -> Result<(), PackageError> {
        self.file.write_all(&batch.bytes).map_err(PackageError::io(&self.path))?;
        let (offset, first) = (self.length, self.objects);
        let number = self.blocks.len() as u32;
        let moved = |e: Entry| Entry { offset: e.offset + offset, object: e.object + first, block: (number, e.block.1, e.block.2), ..e };
        self.entries.extend(batch.entries.into_iter().map(moved));
        self.blocks.push(batch.blocks.into_boxed_slice());
        self.length += batch.bytes.len() as u64;
        self.objects += objects;
        Ok(())
    }

    fn read(&self, entry: &Entry, parts: std::ops::Range<usize>) -> Result<Vec<u8>, PackageError> {
        let before: u64 = entry.lengths[..parts.start].iter().map(|n| u64::from(*n)).sum();
        let length: usize = entry.lengths[parts].iter().map(|n| *n as usize).sum();
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, entry.offset + before).map_err(PackageError::io(&self.path))?;
        Ok(bytes)
    }

    fn broken(&self) -> PackageError {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "a record came back different; is the disk full or failing?");
        PackageError::Io { path: self.path.clone(), source }
    }

    /// What it is and its full geometry.
    ///
    /// # Errors
    /// [`PackageError::Io`], here and below.
    pub fn full(&self, entry: &Entry) -> Result<(Meta, Piece), PackageError> {
        let bytes = self.read(entry, 0..3)?;
        let (meta, rest) = bytes.split_at(entry.lengths[0] as usize);
        let piece = rest.get(entry.lengths[1] as usize..).and_then(Piece::decode);
        Meta::decode(meta).zip(piece).ok_or_else(|| self.broken())
    }

    /// What it is.
    pub fn meta(&self, entry: &Entry) -> Result<Meta, PackageError> {
        Meta::decode(&self.read(entry, 0..1)?).ok_or_else(|| self.broken())
    }

    /// A building's block with the origin of its frame; `None` where it has none.
    pub fn block(&self, entry: &Entry) -> Option<(Geodetic, Block)> {
        let (batch, from, to) = entry.block;
        let mut bytes = self.blocks.get(batch as usize)?.get(from as usize..to as usize)?;
        let origin: Vec<f64> = take(&mut bytes, 2)?;
        Some((Geodetic { lon_rad: origin[0], lat_rad: origin[1], height_m: 0.0 }, Block::decode(bytes)?))
    }

    /// What it is and how it looks from afar, where that is not a block.
    pub fn coarse(&self, entry: &Entry) -> Result<(Meta, Coarse), PackageError> {
        let bytes = self.read(entry, 0..2)?;
        let (meta, coarse) = bytes.split_at(entry.lengths[0] as usize);
        let coarse = if coarse.is_empty() { Some(Coarse::Same) } else { Piece::decode(coarse).map(Coarse::Ground) };
        Meta::decode(meta).zip(coarse).ok_or_else(|| self.broken())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::NOWHERE;
    use super::*;

    #[test]
    fn records_come_back_as_they_went() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        let mut spool = Spool::new(&path).unwrap();
        let meta = |n: u32| Meta {
            id: format!("id {n}"),
            class: "Building".into(),
            parent: n.is_multiple_of(2).then(String::new),
            lod: "2".into(),
            attributes: r#"{"height":3.5}"#.into(),
            origin: Geodetic::from_degrees(4.0, 52.0, 0.0),
            base_m: 1.0,
            height_m: 3.5,
        };
        let piece = Piece { points: vec![[1.0; 3]; 7], ..Piece::default() };
        let block = Block { base_m: 1.0, steps: Vec::new(), deviation_m: 0.5 };
        for first in [0, 2] {
            let mut batch = Batch::default();
            batch.push(&meta(first), &Coarse::Same, &piece, Entry::new(0, TilesetRole::Surfaces, 7, NOWHERE));
            batch.push(&meta(first + 1), &Coarse::Block(block.clone()), &piece, Entry::new(1, TilesetRole::Buildings, 7, NOWHERE));
            spool.append(batch, 2).unwrap();
        }
        for (n, entry) in spool.entries.iter().enumerate() {
            let n = n as u32;
            assert_eq!(entry.object, n);
            assert_eq!(spool.full(entry).unwrap(), (meta(n), piece.clone()));
            assert_eq!(spool.coarse(entry).unwrap(), (meta(n), Coarse::Same));
            assert_eq!(spool.block(entry), (n % 2 == 1).then(|| (meta(n).origin, block.clone())));
            assert_eq!(spool.meta(entry).unwrap(), meta(n));
        }
        drop(spool);
        assert!(!path.exists());
    }
}
