//! The places that the faces of one object name, each once.

use glam::DVec3;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Places, each once.
#[derive(Default)]
pub(super) struct Vertices {
    pub list: Vec<DVec3>,
    numbers: HashMap<[u64; 3], u32, BuildHasherDefault<Mix>>,
}

impl Vertices {
    pub(super) fn number(&mut self, place: DVec3) -> u32 {
        let next = self.list.len() as u32;
        let number = *self.numbers.entry(place.to_array().map(f64::to_bits)).or_insert(next);
        if number == next {
            self.list.push(place);
        }
        number
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.numbers.clear();
    }
}

/// A quick hash of coordinates: the multiplication of FxHash, and its high bits brought down.
#[derive(Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}
