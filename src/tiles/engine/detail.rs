//! How much detail a picture gives up while memory does not suffice, and how it comes back.

use crate::tiles::groups::{ViewGroup, views};
use crate::tiles::ledger::Standing;
use crate::tiles::sight::SSE_MOST_PX;
use crate::tiles::view::View;

/// The allowed error grows or shrinks by this factor in one update.
const STEP: f64 = 1.05;
/// Detail comes back while what pictures need is below this part of the budget: enough room for what a step more asks for.
const ROOMY: f64 = 0.85;
/// Updates without pressure before detail comes back.
const CALM: u32 = 15;
/// The same where it did not fit before, doubled with each time for the same views: a picture whose tiles are large against the memory must
/// not swing.
const CALM_REFUSED: u32 = 120;
/// Doublings at most: a quarter of an hour at 60 updates a second.
const DOUBLINGS_MAX: u32 = 9;

/// The allowed error, as a factor of what the options allow.
#[derive(Debug)]
pub(super) struct Detail {
    factor: f64,
    /// Updates since memory did not suffice.
    calm: u32,
    refused: Option<Refused>,
}

/// A factor with which a picture did not fit.
#[derive(Debug)]
struct Refused {
    factor: f64,
    views: Vec<View>,
    /// Of the budget.
    max: usize,
    /// Tilesets that share it.
    members: usize,
    /// What the others' pictures need, since nothing is on its way any more.
    others: usize,
    /// Times that it was tried again for the same views.
    tries: u32,
}

/// What decides.
pub(super) struct Scene<'a> {
    pub groups: &'a [ViewGroup],
    pub now: Standing,
    /// Bytes that this tileset's picture needs.
    pub needed: usize,
    /// Tiles that it waits for.
    pub pending: usize,
}

impl Scene<'_> {
    /// Bytes that all pictures will need when they are complete, about.
    fn expected(&self) -> usize {
        let waiting = self.now.in_flight + self.now.picture.bytes + self.now.stand_ins.bytes;
        self.now.needed.saturating_add(waiting.max(self.pending.saturating_mul(self.now.guess)))
    }

    fn others(&self) -> usize {
        self.now.needed.saturating_sub(self.needed)
    }
}

impl Refused {
    /// True if nothing is different now: not the views, nor the memory that is left to them.
    fn still_holds(&self, scene: &Scene<'_>) -> bool {
        let others_left = scene.others() + scene.now.max / 8 < self.others;
        self.same_views(scene) && !self.has_more_room(scene) && !others_left
    }

    fn same_views(&self, scene: &Scene<'_>) -> bool {
        views(scene.groups).eq(&self.views)
    }

    fn has_more_room(&self, scene: &Scene<'_>) -> bool {
        scene.now.max > self.max || scene.now.members < self.members
    }

    /// Updates without pressure before it is tried again.
    fn wait(&self, scene: &Scene<'_>) -> u32 {
        match self.has_more_room(scene) {
            true => CALM,
            false if self.same_views(scene) => CALM_REFUSED << self.tries.min(DOUBLINGS_MAX),
            false => CALM_REFUSED,
        }
    }
}

impl Detail {
    pub fn new() -> Self {
        Self { factor: 1.0, calm: 1, refused: None }
    }

    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Allows more error; false if that is of no use any more, any tile being good enough already.
    pub fn lower(&mut self, max_sse_px: f64, scene: &Scene<'_>) -> bool {
        // Only the first of several steps: with the next ones it may fit.
        if self.calm > 0 {
            self.refuse(scene);
        }
        self.calm = 0;
        let most = (SSE_MOST_PX / max_sse_px).max(1.0) * STEP;
        let enough = self.factor >= most;
        self.factor = (self.factor * STEP).min(most);
        !enough
    }

    fn refuse(&mut self, scene: &Scene<'_>) {
        let before = self.refused.take().filter(|r| r.same_views(scene));
        let again = self.calm > CALM_REFUSED;
        let tries = before.as_ref().map_or(0, |r| r.tries + u32::from(again));
        let factor = before.filter(|r| r.still_holds(scene)).map_or(self.factor, |r| r.factor.max(self.factor));
        let Standing { max, members, .. } = scene.now;
        let views = views(scene.groups).cloned().collect();
        self.refused = Some(Refused { factor, views, max, members, others: 0, tries });
    }

    /// Memory suffices: allows less error again after a while. True if more comes back soon.
    pub fn restore(&mut self, scene: &Scene<'_>) -> bool {
        self.calm = self.calm.saturating_add(1);
        let on_the_way = scene.now.in_flight + scene.now.picture.bytes + scene.now.stand_ins.bytes;
        if let Some(refused) = self.refused.as_mut().filter(|_| on_the_way == 0) {
            refused.others = refused.others.max(scene.others());
        }
        let finer = (self.factor / STEP).max(1.0);
        let refused = self.refused.as_ref().is_some_and(|r| r.still_holds(scene) && finer < r.factor * 1.001);
        if self.factor == 1.0 || refused || scene.expected() as f64 > scene.now.picture_max() as f64 * ROOMY {
            return false;
        }
        let wait = self.refused.as_ref().map_or(CALM, |r| r.wait(scene));
        // Where a step did not fit before, each is seen through before the next, so that it is known which one does not.
        let unseen = scene.pending > 0 && self.refused.as_ref().is_some_and(|r| r.same_views(scene));
        if self.calm >= wait && !unseen {
            self.factor = finer;
        }
        self.calm >= wait || wait <= CALM_REFUSED
    }
}
