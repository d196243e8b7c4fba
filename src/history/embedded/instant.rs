//! The newest reading of each series at an instant: the hour that holds it, back to a keyframe.
//!
//! Hours are looked at from the instant backwards. An hour's keyframe holds the newest reading of each series before that hour, so
//! mostly one hour and one keyframe are read. Only series whose reading in the keyframe had not arrived at the time asked for
//! ("as we knew it then") are looked for in the hours before.

use super::chosen::{Chosen, range};
use super::folder::Kind;
use super::index::{Hour, Part, Slice};
use super::scan::{self, Wanted};
use super::{HOUR_US, Shared, hour_of};
use crate::history::answer::to_us;
use crate::history::{At, Sample, Select, Series, State};
use rayon::prelude::*;
use std::sync::Arc;

/// Late files a keyframe may lack and still serve: they are read beside it.
const LATE_PARTS_MAX: usize = 16;

/// The newest reading found so far of each chosen series of one property.
struct Search<'a> {
    shared: &'a Shared,
    chosen: &'a Chosen,
    property: usize,
    series: &'a [Series],
    until: i64,
    known_by: i64,
    best: Vec<Option<Sample>>,
    /// Series for which an older reading may still be the one.
    pending: Vec<bool>,
    missing: Vec<String>,
}

impl Search<'_> {
    fn take(&mut self, sample: &Sample) {
        if sample.time_us > self.until || sample.received_us > self.known_by {
            return;
        }
        if let Some(slot) = self.chosen.slot(sample.series, self.property).and_then(|at| self.best.get_mut(at))
            && slot.is_none_or(|best| sample.supersedes(&best))
        {
            *slot = Some(*sample);
        }
    }

    /// Series whose newest reading may lie before the end of `hour`.
    fn open(&self, hour: Hour) -> Vec<Series> {
        let after = (hour + 1).saturating_mul(HOUR_US);
        let open = |at: &usize| self.pending[*at] && self.best[*at].is_none_or(|best| best.time_us < after);
        (0..self.series.len()).filter(open).map(|at| self.series[at]).collect()
    }

    fn read(&mut self, part: &Part, series: &[Series]) {
        let wanted = Wanted { series: range(series), times: i64::MIN..=self.until };
        let found = scan::newest(&self.shared.footers, part, &wanted, self.known_by);
        let found = self.shared.tolerant(part, found, &mut self.missing);
        found.iter().flatten().for_each(|s| self.take(s));
    }

    /// Takes what a keyframe holds. Series that it does not hold, or whose reading in it had arrived, have no older one that counts.
    fn read_keyframe(&mut self, part: &Part, series: &[Series]) {
        let before = self.missing.len();
        let wanted = Wanted { series: range(series), ..Wanted::all() };
        let held = self.shared.tolerant(part, scan::samples(&self.shared.footers, part, &wanted), &mut self.missing);
        if self.missing.len() > before {
            // It could not be read: the hours before it answer, nothing is missing but time.
            self.missing.truncate(before);
            return;
        }
        let mut pending = vec![false; self.pending.len()];
        for sample in held.iter().flatten() {
            self.take(sample);
            let unheard = sample.received_us > self.known_by;
            if let Some(at) = self.chosen.slot(sample.series, self.property).filter(|_| unheard) {
                pending[at] = self.pending[at];
            }
        }
        self.pending = pending;
    }

    /// From the newest hour back.
    fn run(&mut self, slices: &[(Hour, Slice)]) {
        for (i, (hour, slice)) in slices.iter().enumerate().rev() {
            let open = self.open(*hour);
            if open.is_empty() {
                return;
            }
            slice.raw.iter().for_each(|part| self.read(part, &open));
            let open = self.open(*hour - 1);
            if let Some((keyframe, late)) = keyframe(slice, &slices[..i]).filter(|_| !open.is_empty()) {
                late.iter().for_each(|part| self.read(part, &open));
                self.read_keyframe(&keyframe, &open);
            }
        }
    }
}

/// A slice's keyframe, with the files before it that came too late for it; none when these are many.
fn keyframe(slice: &Slice, before: &[(Hour, Slice)]) -> Option<(Arc<Part>, Vec<Arc<Part>>)> {
    let keyframe = slice.derived.get(&Kind::Keyframes)?;
    let late = before.iter().flat_map(|(_, s)| &s.raw).filter(|p| p.name.to > keyframe.name.to);
    let late: Vec<_> = late.take(LATE_PARTS_MAX + 1).cloned().collect();
    (late.len() <= LATE_PARTS_MAX).then(|| (keyframe.clone(), late))
}

impl Shared {
    pub(super) fn latest_at(&self, at: At, select: &Select) -> State {
        // Memory first: what is sealed meanwhile is then seen twice, never not at all.
        let hot = self.hot().clone();
        let chosen = Chosen::new(&hot.catalogue, select);
        let (until, known_by) = (to_us(at.time), at.known_by.map_or(i64::MAX, to_us));
        let in_memory = chosen.split(hot.samples());
        let search = |(property, (name, series)): (usize, &(Arc<str>, Vec<Series>))| {
            let (best, pending) = (vec![None; series.len()], vec![true; series.len()]);
            let missing = Vec::new();
            let mut search = Search { shared: self, chosen: &chosen, property, series, until, known_by, best, pending, missing };
            in_memory[property].iter().for_each(|s| search.take(s));
            let slices = self.index().slices(name, i64::MIN..=hour_of(until));
            search.run(&slices);
            (search.best, search.missing)
        };
        let found: Vec<_> = chosen.properties.par_iter().enumerate().map(search).collect();
        let mut state = State { catalogue: hot.catalogue, samples: Vec::new(), missing: Vec::new() };
        state.samples.reserve(found.iter().map(|(best, _)| best.len()).sum());
        for (best, missing) in found {
            state.samples.extend(best.into_iter().flatten());
            state.missing.extend(missing);
        }
        if chosen.properties.len() > 1 {
            // Each property's are in order already, which the stable sort makes use of.
            state.samples.sort_by_key(|s| s.series);
        }
        state
    }

    /// The newest reading of each series, from memory.
    pub(super) fn newest(&self, select: &Select) -> State {
        let catalogue = self.hot().catalogue.clone();
        let everything = select.properties.is_empty() && select.datastreams.is_empty();
        let chosen = (!everything).then(|| Chosen::new(&catalogue, select));
        let holds = |s: &Sample| chosen.as_ref().map_or_else(|| catalogue.is_current(s.series), |chosen| chosen.holds(s.series));
        let latest = self.latest.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Room for all at once: a list that grows to a million is copied and paged in twice.
        let mut samples = Vec::with_capacity(if everything { latest.0.len() } else { 0 });
        samples.extend(latest.0.iter().flatten().filter(|s| holds(s)));
        drop(latest);
        State { catalogue, samples, missing: Vec::new() }
    }
}
