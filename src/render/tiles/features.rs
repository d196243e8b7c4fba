//! The state of every resident feature in one storage buffer: restyling a million buildings writes a buffer, never a mesh.

use crate::tiles::FeatureTable;
use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::storage::ShaderBuffer;
use serde_json::Value;
use std::collections::BTreeMap;

pub const FLAG_HIDDEN: u32 = 0x1_0000;
pub const FLAG_SELECTED: u32 = 0x2_0000;

/// Above the flags stand 14 bits that windows and tints are drawn from.
const SEED_SHIFT: u32 = 18;

/// The seeds of a tile's features, each in its place in a state's second number; the last is for what belongs to no feature.
///
/// Of a feature's `id` where it has one: a building keeps its windows and its hue when a finer or a coarser tile takes over (a block that stands for several,
/// `id +3`, has those of the one it is named for). Else of the tile that stands at `origin` (ECEF, metres) and the place in it. Every node of a wall lights
/// the same windows, in whatever order its tiles came.
pub fn seeds(origin: [f64; 3], features: &FeatureTable) -> impl Iterator<Item = u32> + '_ {
    let tile = origin.iter().fold(0, |h, c| mix(h ^ c.to_bits()));
    let of_id = |id: &str| {
        let id = id.rsplit_once(" +").map_or(id, |(id, _)| id);
        id.bytes().fold(0x5eed, |h, b| mix(h ^ u64::from(b)))
    };
    let ids = features.values("id").chain([None]);
    ids.enumerate().map(move |(i, id)| {
        let own = match id {
            Some(Value::String(id)) if !id.is_empty() => of_id(&id),
            Some(Value::Number(id)) => of_id(&id.to_string()),
            _ => mix(tile ^ i as u64),
        };
        (own as u32) << SEED_SHIFT
    })
}

/// The finaliser of MurmurHash3: each bit of the input turns half of the output's.
fn mix(v: u64) -> u64 {
    let v = (v ^ (v >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let v = (v ^ (v >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    v ^ (v >> 33)
}

/// One feature's state as `shaders/city.wgsl` reads it: tint, then height in decimetres with flags and seed above.
pub type State = [u32; 2];

/// States of all resident tiles, each tile a range.
#[derive(Resource, Debug, Default)]
pub struct FeatureStates {
    states: Vec<State>,
    /// Tints right of the line of comparison, one a state; empty while nothing is compared.
    right: Vec<u32>,
    comparing: bool,
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
        if self.comparing {
            self.right.resize(self.states.len(), 0);
        }
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

    /// Whether a second tint of every feature is kept, for the right side of a comparison. Nothing is while there is none.
    pub fn compare(&mut self, on: bool) {
        if std::mem::replace(&mut self.comparing, on) != on {
            self.right = if on { vec![0; self.states.len()] } else { Vec::new() };
            self.dirty = true;
        }
    }

    pub fn is_comparing(&self) -> bool {
        self.comparing
    }

    /// A tile's tints right of the line of comparison, to be written; none while nothing is compared.
    pub fn right_mut(&mut self, start: u32, length: u32) -> &mut [u32] {
        self.dirty |= self.comparing;
        self.right.get_mut(start as usize..(start + length) as usize).unwrap_or_default()
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

    /// A buffer of the tints right of the line of comparison; a few zeros while nothing is compared.
    pub fn right_buffer(&self) -> ShaderBuffer {
        let mut tints = self.right.clone();
        tints.resize(tints.len().next_power_of_two().max(64), 0);
        ShaderBuffer::new(bytemuck::cast_slice(&tints), RenderAssetUsages::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_of_the_features_ids_else_of_their_tile_and_leave_flags_and_height_free() {
        let tile = |ids: &[&str], count: u32, at: [f64; 3]| -> Vec<u32> {
            let table = serde_json::json!({ "id": ids }).to_string();
            seeds(at, &FeatureTable::of_batch_table(count, table.as_bytes(), &[]).unwrap()).collect()
        };
        let (here, there) = ([3_940_000.5, 294_000.25, 4_990_000.125], [1.0; 3]);
        let (fine, coarse) = (tile(&["a", "b", "c"], 3, here), tile(&["c +3", "a"], 2, there));
        assert_eq!((fine.len(), coarse[0], coarse[1]), (4, fine[2], fine[0]), "one building looks the same in every tile");
        assert!(fine[3] != coarse[2], "what belongs to no feature is of its tile");
        let nameless = tile(&[], 100, here);
        assert_eq!(nameless, tile(&[], 100, here));
        assert!(nameless.iter().all(|s| s & (FLAG_HIDDEN | FLAG_SELECTED | 0xffff) == 0));
        let different: std::collections::BTreeSet<u32> = nameless.into_iter().chain(tile(&[], 1, there)).collect();
        assert!(different.len() > 95, "{}", different.len());
    }

    #[test]
    fn a_second_tint_of_every_feature_is_kept_only_while_two_are_compared() {
        let mut s = FeatureStates::default();
        let a = s.allocate(&[[1, 1]; 4]);
        assert!(s.right_mut(a, 4).is_empty());
        s.compare(true);
        s.right_mut(a, 4).fill(7);
        let b = s.allocate(&[[2, 2]; 2]);
        assert_eq!((s.right_mut(a, 4).to_vec(), s.right_mut(b, 2).to_vec()), (vec![7; 4], vec![0; 2]));
        s.compare(false);
        assert!(s.right.is_empty() && s.right_mut(a, 4).is_empty());
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
