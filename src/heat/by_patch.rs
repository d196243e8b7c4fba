//! What a person is told who points at an area or a hexagon.

use super::patches::{Patch, RollUp};
use super::{Estimate, Share};
use glam::DVec2;

/// What each patch got; `values` is what is shown of it.
#[derive(Debug)]
pub(super) struct ByPatch {
    pub patches: Vec<Patch>,
    pub sums: Vec<RollUp>,
    pub values: Vec<Option<f32>>,
    /// Places of the readings; empty of events, which nobody asks for their series.
    pub readings_m: Vec<DVec2>,
}

impl ByPatch {
    /// The patch a place lies in: its value, the standard error of its mean, and its sensors, each of which counts as much as the others.
    pub fn at(&self, place_m: DVec2) -> Option<Estimate> {
        let i = self.patches.iter().position(|p| p.contains(place_m))?;
        let value = f64::from(self.values.get(i).copied().flatten()?);
        let holds = |at: DVec2| self.patches.iter().position(|p| p.contains(at)) == Some(i);
        let inside: Vec<(u32, DVec2)> = (0u32..).zip(&self.readings_m).map(|(n, at)| (n, *at)).filter(|(_, at)| holds(*at)).collect();
        let weight = 1.0 / inside.len().max(1) as f64;
        let mut shares: Vec<Share> =
            inside.iter().map(|(sample, at)| Share { sample: *sample, weight, distance_m: at.distance(place_m) }).collect();
        shares.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
        let nearest_m = shares.first().map_or(0.0, |s| s.distance_m);
        let error = self.sums.get(i).filter(|_| !shares.is_empty()).and_then(RollUp::error);
        Some(Estimate { value, error, nearest_m, shares })
    }
}
