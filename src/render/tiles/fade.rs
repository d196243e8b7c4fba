//! Cross-fade: where finer tiles take over from a coarser one, or the other way round, both are drawn for a moment, each in its share of the
//! pixels, so that nothing pops.
//!
//! The share is in the upper bits of a tile's `MeshTag`, above where its states begin; `shaders/place.wgsl` reads both.

use crate::tiles::{TileId, TileTree};
use bevy::prelude::*;
use std::collections::HashSet;

/// How long tiles that take over from others fade in, and those fade out. Off by itself.
///
/// It costs drawing both for that long, and pixels that are asked whether they are left out; the screens switch it on in the tier `full` only.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub struct TileFade {
    /// 0: at once.
    pub seconds: f32,
}

/// Where a tag's share begins; below it 67 million states have room.
const SHARE_SHIFT: u32 = 26;
/// The largest share: all pixels but a few.
const SHARE_MAX: u32 = 31;
/// Set while a tile fades out: it is drawn where the one that takes over is not yet.
const OUT: u32 = 1 << 31;

/// A tile that fades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fade {
    /// Of the app's time, seconds.
    pub(super) since_s: f32,
    pub(super) out: bool,
}

impl Fade {
    /// What to add to the tile's tag; `None` when it is over.
    pub(super) fn share(&self, now_s: f32, seconds: f32) -> Option<u32> {
        let part = (now_s - self.since_s) / seconds;
        if part.is_nan() || part >= 1.0 {
            return None;
        }
        // 0 stands for a tile that does not fade.
        let share = ((part.max(0.0) * SHARE_MAX as f32) as u32).clamp(1, SHARE_MAX);
        Some(share << SHARE_SHIFT | if self.out { OUT } else { 0 })
    }
}

/// Of tiles that come into the picture and tiles that leave it in one frame, those that stand above or below one another: one takes over from
/// the other. What comes in at the picture's edge does so at once.
pub(super) fn takeovers(tree: &TileTree, come: &[TileId], gone: &[TileId]) -> HashSet<TileId> {
    let mut fading = HashSet::new();
    for (lower, upper) in [(come, gone), (gone, come)] {
        if upper.is_empty() {
            continue;
        }
        let upper: HashSet<TileId> = upper.iter().copied().collect();
        for id in lower {
            let above = std::iter::successors(tree.tile(*id).parent, |id| tree.tile(*id).parent).find(|id| upper.contains(id));
            fading.extend(above.into_iter().flat_map(|above| [*id, above]));
        }
    }
    fading
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::{BoundingVolume, Refine, Tile};

    #[test]
    fn only_tiles_that_take_over_from_one_another_fade() {
        let mut tree = TileTree::new("file:///tileset.json");
        let mut add = |below| tree.add(below, Tile::new(BoundingVolume::Everywhere, 1.0, Refine::Replace)).unwrap();
        let coarse = add(TileTree::ROOT);
        let (fine, finer) = (add(coarse), add(coarse));
        let finest = add(finer);
        let beside = add(TileTree::ROOT);
        let of = |come: &[TileId], gone: &[TileId]| takeovers(&tree, come, gone);
        assert_eq!(of(&[fine, finest, beside], &[coarse]), HashSet::from([coarse, fine, finest]), "refined, and one comes in at the edge");
        assert_eq!(of(&[coarse], &[fine, finest]), HashSet::from([coarse, fine, finest]), "and back");
        assert!(of(&[fine], &[beside]).is_empty() && of(&[fine], &[]).is_empty());
    }

    #[test]
    fn shares_grow_from_more_than_none_to_less_than_all_and_leave_the_states_place_alone() {
        let fade = Fade { since_s: 10.0, out: false };
        let shares: Vec<u32> = (0..10).filter_map(|i| fade.share(10.0 + i as f32 * 0.03, 0.3)).collect();
        assert!(shares.len() == 10 && shares.is_sorted() && shares[0] == 1 << SHARE_SHIFT, "{shares:?}");
        assert!(shares.iter().all(|s| s.trailing_zeros() >= SHARE_SHIFT && *s < OUT));
        assert_eq!(
            Fade { out: true, ..fade }.share(10.15, 0.3),
            fade.share(10.15, 0.3).map(|s| s | OUT),
            "the same pixels, the other way round"
        );
        assert_eq!((fade.share(10.3, 0.3), fade.share(11.0, 0.0)), (None, None));
    }
}
