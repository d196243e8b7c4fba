//! Binary `.subtree` files of 3D Tiles implicit tiling (quadtree, Morton order).

use serde_json::{Value, json};

/// Which tiles a subtree has.
pub struct Availability {
    bits: Vec<u8>,
    len: usize,
    count: usize,
}

impl Availability {
    pub fn new(len: usize) -> Self {
        Self { bits: vec![0; len.div_ceil(8)], len, count: 0 }
    }

    pub fn set(&mut self, index: usize) {
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
pub fn level_offset(level: u32) -> usize {
    ((1usize << (2 * level)) - 1) / 3
}

/// Interleaves the bits of x (lower) and y.
pub fn morton(x: u32, y: u32) -> usize {
    (0..16).map(|b| (((x >> b) & 1) as usize) << (2 * b) | (((y >> b) & 1) as usize) << (2 * b + 1)).sum()
}

/// The file. Every available tile has content.
pub fn write(tiles: &Availability, children: &Availability) -> Vec<u8> {
    let (mut buffer, mut views) = (Vec::new(), Vec::new());
    let tile = tiles.json(&mut buffer, &mut views);
    let child = children.json(&mut buffer, &mut views);
    let mut document = json!({ "tileAvailability": tile, "contentAvailability": [tile], "childSubtreeAvailability": child });
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
        let file = write(&tiles, &Availability::new(64));
        let long = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
        assert_eq!(&file[..4], b"subt");
        assert_eq!(file.len(), 24 + long(8) + long(16));
        assert_eq!(&file[24 + long(8)..][..1], &[0b0010_0011]);
    }
}
