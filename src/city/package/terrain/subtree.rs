//! Binary `.subtree` files of 3D Tiles implicit tiling (quadtree, Morton order).

use super::Address;
use crate::city::package::PackageError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Levels in one `.subtree` file: 1,365 bits a file.
const SUBTREE_LEVELS: u32 = 6;

/// Which tiles a subtree has.
struct Availability {
    bits: Vec<u8>,
    len: usize,
    count: usize,
}

impl Availability {
    fn new(len: usize) -> Self {
        Self { bits: vec![0; len.div_ceil(8)], len, count: 0 }
    }

    fn set(&mut self, index: usize) {
        let bit = 1 << (index % 8);
        self.count += usize::from(self.bits[index / 8] & bit == 0);
        self.bits[index / 8] |= bit;
    }

    /// As the standard wants it: a constant where all are alike, else a bitstream appended to `buffer`.
    fn json(&self, buffer: &mut Vec<u8>, views: &mut Vec<Value>) -> Value {
        if self.count == 0 || self.count == self.len {
            return json!({ "constant": usize::from(self.count > 0) });
        }
        buffer.resize(buffer.len().next_multiple_of(8), 0);
        views.push(json!({ "buffer": 0, "byteOffset": buffer.len(), "byteLength": self.bits.len() }));
        buffer.extend_from_slice(&self.bits);
        json!({ "bitstream": views.len() - 1, "availableCount": self.count })
    }
}

/// Bits before level `level` of a subtree.
fn level_offset(level: u32) -> usize {
    ((1usize << (2 * level)) - 1) / 3
}

/// Interleaves the bits of x (lower) and y.
fn morton(x: u32, y: u32) -> usize {
    (0..16).map(|b| (((x >> b) & 1) as usize) << (2 * b) | (((y >> b) & 1) as usize) << (2 * b + 1)).sum()
}

/// One file before it is written.
struct Subtree {
    tiles: Availability,
    contents: Availability,
    children: Availability,
}

/// Writes the subtrees of a tree, given its tiles and whether each has content; answers the levels of a subtree and of the tree.
pub fn write_all(tiles: &[(Address, bool)], dir: &Path) -> Result<(u32, u32), PackageError> {
    let deepest = tiles.iter().map(|(a, _)| a.level).max().unwrap_or(0);
    let levels = SUBTREE_LEVELS.min(deepest + 1);
    let mut subtrees: BTreeMap<Address, Subtree> = BTreeMap::new();
    for (a, has_content) in tiles {
        let down = a.level % levels;
        let above = |down: u32| Address { level: a.level - down, x: a.x >> down, y: a.y >> down };
        let mask = |down: u32| (1u32 << down) - 1;
        let empty = || Availability::new(level_offset(levels));
        let new = || Subtree { tiles: empty(), contents: empty(), children: Availability::new(1 << (2 * levels)) };
        let bit = level_offset(down) + morton(a.x & mask(down), a.y & mask(down));
        let own = subtrees.entry(above(down)).or_insert_with(new);
        own.tiles.set(bit);
        if *has_content {
            own.contents.set(bit);
        }
        // The first tile of a subtree is a child of the one above.
        if down == 0 && a.level > 0 {
            let parent = subtrees.entry(above(levels)).or_insert_with(new);
            parent.children.set(morton(a.x & mask(levels), a.y & mask(levels)));
        }
    }
    for (root, subtree) in &subtrees {
        let folder = dir.join(format!("subtrees/{}/{}", root.level, root.x));
        std::fs::create_dir_all(&folder).map_err(PackageError::io(&folder))?;
        let path = folder.join(format!("{}.subtree", root.y));
        std::fs::write(&path, write(subtree)).map_err(PackageError::io(path))?;
    }
    Ok((levels, deepest + 1))
}

fn write(Subtree { tiles, contents, children }: &Subtree) -> Vec<u8> {
    let (mut buffer, mut views) = (Vec::new(), Vec::new());
    let tile = tiles.json(&mut buffer, &mut views);
    let content = if contents.bits == tiles.bits { tile.clone() } else { contents.json(&mut buffer, &mut views) };
    let child = children.json(&mut buffer, &mut views);
    let mut document = json!({ "tileAvailability": tile, "contentAvailability": [content], "childSubtreeAvailability": child });
    buffer.resize(buffer.len().next_multiple_of(8), 0);
    if !buffer.is_empty() {
        document["buffers"] = json!([{ "byteLength": buffer.len() }]);
        document["bufferViews"] = Value::Array(views);
    }
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut out = Vec::from(*b"subt");
    out.extend_from_slice(&1u32.to_le_bytes());
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(&(buffer.len() as u64).to_le_bytes());
    out.extend_from_slice(&text);
    out.extend_from_slice(&buffer);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_runs_in_z_and_levels_follow_each_other() {
        assert_eq!([(0, 0), (1, 0), (0, 1), (1, 1), (2, 0)].map(|(x, y)| morton(x, y)), [0, 1, 2, 3, 4]);
        assert_eq!([0, 1, 2, 3].map(level_offset), [0, 1, 5, 21]);
    }

    #[test]
    fn the_file_is_whole_and_aligned() {
        let mut tiles = Availability::new(21);
        [0, 1, 5].into_iter().for_each(|i| tiles.set(i));
        let mut contents = Availability::new(21);
        contents.set(0);
        let file = write(&Subtree { tiles, contents, children: Availability::new(64) });
        let long = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
        assert_eq!(&file[..4], b"subt");
        assert_eq!(file.len(), 24 + long(8) + long(16));
        assert_eq!(&file[24 + long(8)..][..1], &[0b0010_0011]);
    }
}
