//! Which tiles are so far that their pixels need no detail of their own: from where each covers metres, windows and lines are smaller than a pixel, and
//! `shaders/far.wgsl` draws the same picture as `shaders/city.wgsl` in a fraction of the time.

use crate::tiles::{BoundingVolume, View};
use bevy::prelude::Resource;

/// From where on tiles are drawn as far ones; not while anything is cut.
#[derive(Resource, Clone, Copy, Debug, PartialEq)]
pub struct FarTiles {
    /// Metres that each pixel of such a tile covers at least.
    pub pixel_m: f64,
}

impl Default for FarTiles {
    /// Where nothing smaller is left: `windows` in `shaders/city.wgsl`, the last to go, has faded them all out by then.
    fn default() -> Self {
        Self { pixel_m: 3.6 }
    }
}

/// A tile becomes far only a little beyond that, so that a camera at the border does not change it back and forth.
const BEYOND: f64 = 1.1;

impl FarTiles {
    /// For the tier `full`, where each pixel has its own shade.
    pub const NONE: Self = Self { pixel_m: f64::INFINITY };

    /// Whether a tile is far to all that look at it; `was`: whether it was so before.
    pub(super) fn holds<'a>(&self, volume: &BoundingVolume, views: impl IntoIterator<Item = &'a View>, was: bool) -> bool {
        let least_m = if was { self.pixel_m } else { self.pixel_m * BEYOND };
        views.into_iter().all(|view| view.pixel_m(volume.distance_m(view.position())) >= least_m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy::math::{DMat4, DVec3};

    #[test]
    fn a_tile_is_far_when_the_finest_pixel_of_all_views_covers_metres_and_stays_so_a_little_nearer() {
        let volume = BoundingVolume::from_sphere(DVec3::ZERO, 100.0, &DMat4::IDENTITY);
        // 2 m a pixel and km: 1000 pixels for a slope of 2.
        let view = |away_m: f64| View::perspective(DVec3::Z * (away_m + 100.0), -DVec3::Z, DVec3::Y, 90f64.to_radians(), 1.0, 1000.0);
        assert!((view(0.0).pixel_m(1000.0) - 2.0).abs() < 1e-9);
        let far = |away_m: &[f64], was| FarTiles::default().holds(&volume, &away_m.iter().map(|m| view(*m)).collect::<Vec<_>>(), was);
        assert!(far(&[2_000.0], false) && far(&[2_000.0, 5_000.0], false));
        assert!(!far(&[1_900.0], false) && far(&[1_900.0], true), "between the two it stays what it was");
        assert!(!far(&[1_790.0], true) && !far(&[5_000.0, 100.0], true), "the nearest decides");
        assert!(!far(&[-50.0], true), "from within");
    }
}
