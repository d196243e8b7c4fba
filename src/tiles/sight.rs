//! What the views see of a volume: frustum, horizon, haze, and the screen-space error that counts.

use super::horizon::{Horizon, is_on_earth};
use super::select::SelectOptions;
use super::tree::{Tile, TileTree};
use super::view::View;
use super::volume::{BoundingVolume, Inside};

/// A tile of which the haze leaves less light than this is not drawn: one step of an 8-bit sRGB screen in the dark is 1 / 3295.
const LIGHT_MIN: f64 = 1.0 / 4096.0;

/// Pixels of error that count at most: an eye within a volume sees an infinite error, and where memory lacks even that must be allowed.
pub(super) const SSE_MOST_PX: f64 = 1e6;

/// All views of a selection together.
pub(super) struct Sight<'a> {
    eyes: Vec<Eye<'a>>,
    haze_sse_px: f64,
}

struct Eye<'a> {
    view: &'a View,
    horizon: Option<Horizon>,
}

/// What becomes of a tile that is looked at.
pub(super) enum Look {
    Seen(Seen),
    /// Out of the picture; turning the camera may show it.
    Aside,
    /// Turning does not help: below the horizon, lost in the haze, or not to be looked at from here.
    Hidden,
}

/// A tile in at least one view.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// The largest over the views that see it.
    pub sse_px: f64,
    /// How soon to load it, the best over the views.
    pub score: f64,
    /// One view has all of it in the picture.
    pub whole: bool,
}

impl<'a> Sight<'a> {
    pub fn new(tree: &TileTree, views: &'a [View], options: &SelectOptions) -> Self {
        let earth = options.horizon && is_on_earth(&tree.tile(TileTree::ROOT).volume);
        let eye = |view: &'a View| Eye { view, horizon: Horizon::of(view.position()).filter(|_| earth) };
        Self { eyes: views.iter().map(eye).collect(), haze_sse_px: options.haze_sse_px }
    }

    /// Asks all views.
    pub fn look(&self, tile: &Tile) -> Look {
        self.eyes.iter().fold(Look::Hidden, |so_far, eye| match (so_far, eye.look(tile, self.haze_sse_px)) {
            (Look::Seen(a), Look::Seen(b)) => Look::Seen(a.or(b)),
            (seen @ Look::Seen(_), _) | (_, seen @ Look::Seen(_)) => seen,
            (Look::Hidden, Look::Hidden) => Look::Hidden,
            _ => Look::Aside,
        })
    }

    /// True if some view sees a part of the volume.
    pub fn sees(&self, volume: &BoundingVolume) -> bool {
        self.eyes.iter().any(|eye| {
            let distance_m = volume.distance_m(eye.view.position());
            volume.meets_frustum(eye.view.planes()) && !eye.is_hidden(volume, eye.view.haze(distance_m))
        })
    }
}

impl Seen {
    fn or(self, other: Self) -> Self {
        Self { sse_px: self.sse_px.max(other.sse_px), score: self.score.max(other.score), whole: self.whole || other.whole }
    }
}

impl Eye<'_> {
    fn look(&self, tile: &Tile, haze_sse_px: f64) -> Look {
        let (view, at) = (self.view, self.view.position());
        if tile.viewer_request_volume.as_ref().is_some_and(|v| !v.contains(at)) {
            return Look::Hidden;
        }
        let inside = tile.volume.inside(view.planes());
        if inside == Inside::Not {
            return Look::Aside;
        }
        let distance_m = tile.volume.distance_m(at);
        let haze = view.haze(distance_m);
        if self.is_hidden(&tile.volume, haze) {
            return Look::Hidden;
        }
        // Less detail where haze blurs it anyway. Source: CesiumJS `QuadtreePrimitive`, `error - fog(distance, density) * fog.sse`.
        let sse_px = (view.screen_space_error_px(tile.geometric_error_m, distance_m) - haze * haze_sse_px).clamp(0.0, SSE_MOST_PX);
        let aside = (tile.volume.centre() - at).normalize_or_zero().dot(view.forward()).max(0.0);
        // Leaves have no error to rank by; the square of nearness to the centre then decides alone.
        let score = sse_px.max(1.0) * (0.1 + 0.9 * aside * aside);
        Look::Seen(Seen { sse_px, score, whole: inside == Inside::Wholly })
    }

    fn is_hidden(&self, volume: &BoundingVolume, haze: f64) -> bool {
        haze > 1.0 - LIGHT_MIN || self.horizon.is_some_and(|h| h.hides(volume))
    }
}

#[cfg(test)]
#[path = "sight_tests.rs"]
mod tests;
