//! The state of every resident feature in one storage buffer: restyling a million buildings writes a buffer, never a mesh.

use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::storage::ShaderBuffer;
use std::collections::BTreeMap;

pub const FLAG_HIDDEN: u32 = 0x1_0000;
pub const FLAG_SELECTED: u32 = 0x2_0000;

/// One feature's state as `shaders/city.wgsl` reads it: tint, then height in decimetres with flags above.
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
