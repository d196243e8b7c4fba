//! `@3dtilesIndex1@`: 24 bytes a file, its path's MD5 and the offset of its local header, in the order of the hashes.

use md5::{Digest, Md5};

/// Name of the index inside the archive; the last file in it.
pub const INDEX: &str = "@3dtilesIndex1@";
const ROW_BYTES: usize = 24;

/// Hashes are ordered as two numbers of 64 bits, lowest byte first (and not byte by byte). Source: 3D Tiles Archive Format 1.3, "Index file".
type Key = (u64, u64);

fn key(path: &str) -> Key {
    let hash: [u8; 16] = Md5::digest(path.as_bytes()).into();
    let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| hash[at + i]));
    (half(0), half(8))
}

/// Where files are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index(Vec<(Key, u64)>);

impl Index {
    /// Takes an index file; `None` when it is cut short or not in order.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let number = |row: &[u8], at: usize| row.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let row = |row: &[u8]| Some(((number(row, 0)?, number(row, 8)?), number(row, 16)?));
        let rows: Vec<(Key, u64)> = bytes.chunks(ROW_BYTES).map(row).collect::<Option<_>>()?;
        rows.is_sorted_by_key(|r| r.0).then_some(Self(rows))
    }

    /// From paths and offsets in any order.
    pub fn of<'a>(files: impl Iterator<Item = (&'a str, u64)>) -> Self {
        let mut rows: Vec<(Key, u64)> = files.map(|(path, offset)| (key(path), offset)).collect();
        rows.sort_unstable();
        Self(rows)
    }

    pub fn write(&self) -> Vec<u8> {
        let row = |((low, high), offset): &(Key, u64)| [low.to_le_bytes(), high.to_le_bytes(), offset.to_le_bytes()].concat();
        self.0.iter().flat_map(row).collect()
    }

    /// Offsets where the file may be: one, or, should two paths have the same hash, more.
    pub fn find(&self, path: &str) -> impl Iterator<Item = u64> {
        let key = key(path);
        let first = self.0.partition_point(|r| r.0 < key);
        self.0.iter().skip(first).take_while(move |r| r.0 == key).map(|r| r.1)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_two_little_endian_numbers() {
        let names: Vec<String> = (0..100).map(|i| format!("tiles/{i}.glb")).collect();
        let index = Index::of(names.iter().zip(0..).map(|(n, at)| (n.as_str(), at)));
        let bytes = index.write();
        let low = |row: &[u8]| u64::from_le_bytes(row[..8].try_into().unwrap());
        assert!(bytes.chunks(24).collect::<Vec<_>>().windows(2).all(|w| low(w[0]) <= low(w[1])));
        assert_eq!(Index::read(&bytes).unwrap(), index);
        assert!(names.iter().zip(0..).all(|(n, at)| index.find(n).eq([at])));
        assert_eq!(index.find("tiles/100.glb").count(), 0);
        assert!(Index::read(&bytes[..bytes.len() - 1]).is_none());
    }

    #[test]
    fn a_path_is_hashed_as_it_is_written() {
        // `printf tileset.json | md5sum`
        assert_eq!(key("tileset.json").0.to_le_bytes(), [0xc0, 0x9b, 0xde, 0xa7, 0xe7, 0x45, 0x89, 0x4f]);
    }
}
