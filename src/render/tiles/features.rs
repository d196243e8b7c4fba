//! The state of every resident feature in one storage buffer: restyling a million buildings writes a buffer, never a mesh.

use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::storage::ShaderBuffer;
use std::collections::BTreeMap;

pub const FLAG_HIDDEN: u32 = 0x1_0000;
pub const FLAG_SELECTED: u32 = 0x2_0000;

/// Above the flags stand 14 bits that windows and tints are drawn from.
const SEED_SHIFT: u32 = 18;

/// The seed of a feature of the tile that stands at `origin` (ECEF, metres), in its place in a state's second number.
///
/// Of the tile and the feature alone: every node of a wall lights the same windows, in whatever order its tiles came.
pub fn seed(origin: [f64; 3], feature: u32) -> u32 {
    // The finaliser of MurmurHash3: each bit of the input turns half of the output's.
    let mix = |v: u64| {
        let v = (v ^ (v >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let v = (v ^ (v >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        v ^ (v >> 33)
    };
    let tile = origin.iter().fold(0, |h, c| mix(h ^ c.to_bits()));
    (mix(tile ^ u64::from(feature)) as u32) << SEED_SHIFT
}

/// One feature's state as `shaders/city.wgsl` reads it: tint, then height in decimetres with flags and seed above.
pub type State = [u32; 2];

/// States of all resident tiles, each tile a range.
#[derive(Resource, Debug, Default)]
pub struct FeatureStates {
    states: Vec<State>,
    /// Free ranges by start; neighbours are merged.
    free: BTreeMap<u32, u32>,
    pub dirty: bool,
}

impl FeatureStates {
    /// Room for a tile's features, filled with `states`; returns where it starts.
    pub fn allocate(&mut self, states: &[State]) -> u32 {
        let length = states.len() as u32;
        self.dirty = true;
        // First fit: tiles of one package have similar sizes, so holes are soon filled.
        if let Some((&start, &room)) = self.free.iter().find(|(_, room)| **room >= length) {
            self.free.remove(&start);
            if room > length {
                self.free.insert(start + length, room - length);
            }
            self.states[start as usize..(start + length) as usize].copy_from_slice(states);
            return start;
        }
        let start = self.states.len() as u32;
        self.states.extend_from_slice(states);
        start
    }

    /// Gives a tile's range back.
    pub fn release(&mut self, start: u32, length: u32) {
        let (mut start, mut length) = (start, length);
        if let Some(after) = self.free.remove(&(start + length)) {
            length += after;
        }
        if let Some((&before, &room)) = self.free.range(..start).next_back().filter(|(s, r)| **s + **r == start) {
            self.free.remove(&before);
            start = before;
            length += room;
        }
        self.free.insert(start, length);
    }

    /// The states of a tile, to be written.
    pub fn range_mut(&mut self, start: u32, length: u32) -> &mut [State] {
        self.dirty = true;
        self.states.get_mut(start as usize..(start + length) as usize).unwrap_or_default()
    }

    /// Changes one state, if it differs.
    pub fn set_flag(&mut self, index: u32, flag: u32, on: bool) {
        if let Some(state) = self.states.get_mut(index as usize) {
            let to = if on { state[1] | flag } else { state[1] & !flag };
            if state[1] != to {
                state[1] = to;
                self.dirty = true;
            }
        }
    }

    /// A buffer of all states. Its length is a power of two and never 0, so that it seldom changes: a buffer of another length has to be bound
    /// anew by everything that reads it.
    pub fn buffer(&self) -> ShaderBuffer {
        let mut states = self.states.clone();
        states.resize(states.len().next_power_of_two().max(64), [0; 2]);
        ShaderBuffer::new(bytemuck::cast_slice(&states), RenderAssetUsages::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_of_tile_and_feature_alone_and_leave_flags_and_height_free() {
        let at = [3_940_000.5, 294_000.25, 4_990_000.125];
        assert_eq!(seed(at, 7), seed(at, 7));
        assert_eq!(seed(at, 7) & (FLAG_HIDDEN | FLAG_SELECTED | 0xffff), 0);
        let different: std::collections::BTreeSet<u32> = (0..100).map(|f| seed(at, f)).chain([seed([1.0; 3], 7)]).collect();
        assert!(different.len() > 95, "{}", different.len());
    }

    #[test]
    fn ranges_are_reused_and_neighbours_merge() {
        let mut s = FeatureStates::default();
        let a = s.allocate(&[[1, 1]; 4]);
        let b = s.allocate(&[[2, 2]; 4]);
        let c = s.allocate(&[[3, 3]; 4]);
        assert_eq!((a, b, c), (0, 4, 8));
        s.release(a, 4);
        s.release(b, 4);
        assert_eq!(s.allocate(&[[9, 9]; 7]), 0);
        assert_eq!(s.allocate(&[[8, 8]; 1]), 7);
        s.set_flag(8, FLAG_SELECTED, true);
        assert_eq!(s.states[8], [3, 3 | FLAG_SELECTED]);
    }
}
