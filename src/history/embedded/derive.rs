//! What makes questions fast: roll-ups and keyframes, made from the readings of an hour and made anew when late ones came.

use super::columns::{CellRow, Rollup, cell_batch, cell_schema, properties, rollup_batch, rollup_schema, sample_schema};
use super::folder::{Draft, Kind};
use super::index::{Hour, Slice};
use super::keeper::Graves;
use super::scan::Wanted;
use super::seal::{Place, write_samples};
use super::{HOUR_US, Shared, scan, settle};
use crate::history::{HistoryError, Sample, Series};
use chrono::Utc;
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(super) const MINUTE_US: i64 = 60_000_000;
pub(super) const QUARTER_US: i64 = 15 * MINUTE_US;

/// The three roll-ups by datastream with their widths, finest first.
pub(super) const ROLLUPS: [(Kind, i64); 3] = [(Kind::Minute, MINUTE_US), (Kind::Quarter, QUARTER_US), (Kind::Hour, HOUR_US)];

/// What late readings have made old is made anew no more often than this; the readings themselves answer meanwhile.
const AGAIN_AFTER: Duration = Duration::from_secs(600);

impl Shared {
    /// Derives what is missing or old, of every hour that has ended.
    pub(super) fn derive_all(&self, graves: &mut Graves, at_once: bool) -> Result<(), HistoryError> {
        let sealed = self.hot().sealed();
        let names: Vec<Arc<str>> = self.index().properties.keys().cloned().collect();
        let mut outcome = Ok(());
        for property in names {
            let slices = self.index().slices(&property, i64::MIN..=i64::MAX);
            let newest = slices.last().map_or(i64::MIN, |(hour, _)| *hour);
            for (hour, slice) in &slices {
                let ended = *hour < newest || (hour + 1) * HOUR_US <= Utc::now().timestamp_micros();
                let kinds = [Kind::Minute, Kind::Quarter, Kind::Hour, Kind::Cells];
                let old = !slice.raw.is_empty() && kinds.iter().any(|k| slice.whole(*k).is_none() && (at_once || is_due(slice, *k)));
                if ended && old {
                    outcome = outcome.and(self.derive_hour(&property, *hour, slice, sealed, graves));
                }
            }
            outcome = outcome.and(self.derive_keyframes(&property, &slices, sealed, graves, at_once));
        }
        outcome
    }

    fn put_derived(&self, place: &Place, draft: Draft, graves: &mut Graves) -> Result<(), HistoryError> {
        let part = place.publish(draft)?;
        let replaced = self.index().put(place.kind, place.day(), place.property.as_ref(), part);
        graves.bury(replaced);
        Ok(())
    }

    fn derive_hour(&self, property: &Arc<str>, hour: Hour, slice: &Slice, sealed: u64, graves: &mut Graves) -> Result<(), HistoryError> {
        let place = |kind| Place { kind, hour, property: Some(property.clone()), from: 0, to: sealed };
        let schema = rollup_schema();
        let mut drafts = Vec::new();
        for (kind, width) in ROLLUPS {
            drafts.push((kind, width, Draft::new(&place(kind).folder(&self.folder), schema.clone(), properties(&schema))?));
        }
        let mut cells = HashMap::new();
        for stripe in self.stripes(&slice.raw)? {
            let mut rows = self.stripe(&slice.raw, &stripe)?;
            settle(&mut rows, None);
            for (_, width, draft) in &mut drafts {
                draft.write(&rollup_batch(&roll_up(&rows, *width)))?;
            }
            self.with_places(|place| add_cells(&mut cells, &rows, place));
        }
        for (kind, _, draft) in drafts {
            self.put_derived(&place(kind), draft, graves)?;
        }
        let schema = cell_schema();
        let mut draft = Draft::new(&place(Kind::Cells).folder(&self.folder), schema.clone(), properties(&schema))?;
        let mut cells: Vec<CellRow> = cells.into_values().collect();
        cells.sort_unstable_by_key(|c| (c.start_us, c.cell));
        draft.write(&cell_batch(&cells))?;
        self.put_derived(&place(Kind::Cells), draft, graves)
    }

    /// Keyframes of all hours of a property, each from the one before and the readings between.
    fn derive_keyframes(
        &self,
        property: &Arc<str>,
        slices: &[(Hour, Slice)],
        sealed: u64,
        graves: &mut Graves,
        at_once: bool,
    ) -> Result<(), HistoryError> {
        let mut newest_before = 0;
        // The readings that a keyframe at the slice before this one holds, when they are in memory.
        let mut held: Option<Vec<Sample>> = Some(Vec::new());
        for pair in slices.windows(2) {
            let [(_, before), (hour, slice)] = pair else { continue };
            newest_before = newest_before.max(before.newest().unwrap_or(0));
            if slice.raw.is_empty() {
                held = None;
                continue;
            }
            if slice.derived.get(&Kind::Keyframes).is_some_and(|k| k.name.to >= newest_before) {
                held = None;
                continue;
            }
            if !at_once && !is_due(slice, Kind::Keyframes) {
                return Ok(());
            }
            let mut samples = match held.take() {
                Some(samples) => samples,
                None => self.keyframe(before)?,
            };
            // What it held stays true, also where the readings it came from are no longer kept.
            samples.extend(self.keyframe(slice)?);
            for part in &before.raw {
                let newest = self.sound(part, scan::newest(&self.footers, part, &Wanted::all(), i64::MAX))?;
                samples.extend(newest.into_iter().flatten());
            }
            keep_newest(&mut samples);
            let place = Place { kind: Kind::Keyframes, hour: *hour, property: Some(property.clone()), from: 0, to: sealed };
            let schema = sample_schema();
            let mut draft = Draft::new(&place.folder(&self.folder), schema.clone(), properties(&schema))?;
            write_samples(&mut draft, &samples)?;
            self.put_derived(&place, draft, graves)?;
            held = Some(samples);
        }
        Ok(())
    }

    /// The readings a slice's keyframe holds; none where it has none, for then it is the first of its property.
    fn keyframe(&self, slice: &Slice) -> Result<Vec<Sample>, HistoryError> {
        let Some(part) = slice.derived.get(&Kind::Keyframes) else { return Ok(Vec::new()) };
        Ok(self.sound(part, scan::samples(&self.footers, part, &Wanted::all()))?.concat())
    }
}

/// Whether a file is missing, or old for long enough to be made again.
fn is_due(slice: &Slice, kind: Kind) -> bool {
    let Some(part) = slice.derived.get(&kind) else { return true };
    let made = part.path.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    made.elapsed().is_ok_and(|age| age >= AGAIN_AFTER)
}

/// Leaves the newest of each series, sorted by series.
pub(super) fn keep_newest(samples: &mut Vec<Sample>) {
    samples.sort_by_key(|s| (s.series, s.time_us, s.received_us));
    samples.reverse();
    samples.dedup_by_key(|s| s.series);
    samples.reverse();
}

/// Steps of `width`, of samples that are settled.
pub(super) fn roll_up(samples: &[Sample], width: i64) -> Vec<Rollup> {
    let mut steps: Vec<Rollup> = Vec::new();
    for sample in samples {
        let start = sample.time_us.div_euclid(width) * width;
        match steps.last_mut() {
            Some(step) if step.series == sample.series && step.start_us == start => step.add(sample),
            _ => {
                let mut step = Rollup::empty(sample.series, start);
                step.add(sample);
                steps.push(step);
            }
        }
    }
    steps
}

/// Adds good readings to the cells their datastreams stand in, by quarters of an hour.
pub(super) fn add_cells(cells: &mut HashMap<(i64, u64), CellRow>, samples: &[Sample], place: impl Fn(Series) -> Option<u64>) {
    for step in roll_up(samples, QUARTER_US).iter().filter(|s| s.count > 0) {
        let Some(cell) = place(step.series) else { continue };
        let row = CellRow { start_us: step.start_us, cell, count: step.count, sum: step.sum, min: step.min, max: step.max };
        cells.entry((step.start_us, cell)).and_modify(|known| known.merge(&row)).or_insert(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::Quality;

    fn sample(series: u32, minute: i64, value: f64, quality: Quality) -> Sample {
        Sample { series: Series(series), time_us: minute * MINUTE_US, start: None, received_us: minute * MINUTE_US + 1, value, quality }
    }

    #[test]
    fn steps_count_good_readings_and_tell_the_last_of_all() {
        let samples = [
            sample(1, 14, 2.0, Quality::Good),
            sample(1, 15, 4.0, Quality::Good),
            sample(1, 20, 8.0, Quality::Good),
            sample(1, 29, 90.0, Quality::Suspect),
            sample(2, 29, 1.0, Quality::Suspect),
        ];
        let steps = roll_up(&samples, QUARTER_US);
        let told: Vec<_> = steps.iter().map(|s| (s.series.0, s.start_us / MINUTE_US, s.count, s.suspect, s.sum, s.last)).collect();
        assert_eq!(told, [(1, 0, 1, 0, 2.0, 2.0), (1, 15, 2, 1, 12.0, 90.0), (2, 15, 0, 1, 0.0, 1.0)]);
        let mut cells = HashMap::new();
        add_cells(&mut cells, &samples, |series| (series.0 < 2).then_some(7));
        let mut cells: Vec<_> = cells.into_values().collect();
        cells.sort_unstable_by_key(|c| (c.start_us, c.cell));
        let told: Vec<_> = cells.iter().map(|c| (c.start_us / MINUTE_US, c.cell, c.count, c.min, c.max)).collect();
        assert_eq!(told, [(0, 7, 1, 2.0, 2.0), (15, 7, 2, 4.0, 8.0)]);
    }
}
