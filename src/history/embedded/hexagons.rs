//! A property by H3 cell and bucket: from the cells' roll-ups, hour by hour; from the readings where these do not fit.

use super::columns::{CellRow, Rollup};
use super::derive::{QUARTER_US, roll_up};
use super::folder::Kind;
use super::index::{Hour, Slice};
use super::scan::{self, Wanted};
use super::{HOUR_US, Shared, hour_of, settle};
use crate::history::answer::{from_us, to_us};
use crate::history::query::width_us;
use crate::history::{CELL_RESOLUTION, Catalogue, Hexagon, HexagonQuery, HistoryError, Sample, Series, Told, cell};
use h3o::Resolution;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Cells of datastreams at one resolution, by number, each with the place it was computed for.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Vec<Option<Place>>>);

/// Longitude and latitude, degrees, and the cell there.
type Place = (f64, f64, Option<u64>);

/// A question in numbers.
struct Question {
    times: Range<i64>,
    width: i64,
    resolution: Resolution,
}

impl Question {
    /// Whether an hour's cells answer it exactly.
    fn fits(&self, hour: Hour) -> bool {
        let aligned = |t: i64| t % QUARTER_US == 0;
        let inside = hour * HOUR_US >= self.times.start && (hour + 1) * HOUR_US <= self.times.end;
        let range = inside || (aligned(self.times.start) && aligned(self.times.end));
        range && self.width % QUARTER_US == 0 && u8::from(self.resolution) <= CELL_RESOLUTION
    }

    /// Rows of one hour's cells, ordered by start and cell, in the buckets and cells asked for.
    fn coarser(&self, groups: Vec<Vec<CellRow>>) -> Vec<CellRow> {
        let parent = Parent::new(self.resolution);
        let mut rows: Vec<CellRow> = Vec::new();
        for mut row in groups.into_iter().flatten().filter(|r| self.times.contains(&r.start_us)) {
            row.start_us = row.start_us.div_euclid(self.width) * self.width;
            row.cell = parent.of(row.cell);
            // Cells of one parent follow each other, for H3's numbers begin with the coarse digits.
            match rows.last_mut() {
                Some(last) if (last.start_us, last.cell) == (row.start_us, row.cell) => last.merge(&row),
                _ => rows.push(row),
            }
        }
        rows
    }
}

/// Coarser cells by their bits: resolution in bits 52-55, three bits a digit, 7 where there is none.
struct Parent {
    resolution: u64,
    unused: u64,
}

impl Parent {
    fn new(resolution: Resolution) -> Self {
        let resolution = u64::from(u8::from(resolution));
        Self { resolution, unused: (1_u64 << (3 * (15 - resolution))) - 1 }
    }

    fn of(&self, cell: u64) -> u64 {
        (cell & !(0xf << 52)) | (self.resolution << 52) | self.unused
    }
}

impl Shared {
    /// Runs `use_places` with a function that tells a datastream's cell of [`CELL_RESOLUTION`].
    pub(super) fn with_places<T>(&self, use_places: impl FnOnce(&dyn Fn(Series) -> Option<u64>) -> T) -> T {
        let catalogue = self.hot().catalogue.clone();
        let mut known = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.resize(catalogue.len(), None);
        if let Ok(resolution) = cell::resolution(CELL_RESOLUTION) {
            known.par_iter_mut().enumerate().for_each(|(i, known)| {
                let Some(d) = catalogue.get(Series(i as u32)) else { return };
                if known.is_none_or(|(lon, lat, _)| (lon, lat) != (d.lon, d.lat)) {
                    *known = Some((d.lon, d.lat, cell::of(d, resolution)));
                }
            });
        }
        use_places(&|series| known.get(series.0 as usize).copied().flatten().and_then(|(.., cell)| cell))
    }

    pub(super) fn hexagons(&self, query: &HexagonQuery) -> Result<Told<Hexagon>, HistoryError> {
        let width = width_us("the bucket of hexagons", query.bucket)?;
        let question = Question { times: to_us(query.from)..to_us(query.to), width, resolution: cell::resolution(query.resolution)? };
        let mut told = Told { rows: Vec::new(), missing: Vec::new() };
        if question.times.is_empty() {
            return Ok(told);
        }
        let hot = self.hot().clone();
        let property = hot.catalogue.properties().iter().position(|p| **p == *query.property);
        let of_property = |s: &Sample| property.is_some() && hot.catalogue.property_of(s.series) == property;
        let mut in_memory: BTreeMap<Hour, Vec<Sample>> = BTreeMap::new();
        for sample in hot.samples().filter(|s| question.times.contains(&s.time_us) && of_property(s)) {
            in_memory.entry(hour_of(sample.time_us)).or_default().push(*sample);
        }
        let range = hour_of(question.times.start)..=hour_of(question.times.end - 1);
        let slices: BTreeMap<Hour, Slice> = self.index().slices(&query.property, range).into_iter().collect();
        let hours: BTreeSet<Hour> = slices.keys().chain(in_memory.keys()).copied().collect();
        let none = Slice::default();
        let places = OnceLock::new();
        let of_hour = |hour: Hour| {
            let slice = slices.get(&hour).unwrap_or(&none);
            let hot_rows = in_memory.get(&hour).map_or(&[][..], Vec::as_slice);
            let mut missing = Vec::new();
            // Of an hour whose readings are gone late ones would tell nothing but themselves.
            let derived = slice.whole(Kind::Cells).filter(|_| question.fits(hour) && (hot_rows.is_empty() || slice.is_only_derived()));
            let rows = match derived {
                Some(part) => question.coarser(self.tolerant(part, scan::cells(&self.footers, part), &mut missing)),
                None => {
                    let places = places.get_or_init(|| self.places_of(&hot.catalogue, question.resolution));
                    self.cells_of_readings(&question, places, slice, hot_rows, &mut missing)
                }
            };
            (rows, missing)
        };
        let found: Vec<_> = hours.into_iter().collect::<Vec<_>>().into_par_iter().map(of_hour).collect();
        let mut parts = Vec::with_capacity(found.len());
        for (rows, missing) in found {
            told.missing.extend(missing);
            parts.push(rows);
        }
        told.rows = hexagons(parts);
        Ok(told)
    }

    /// The cell of each datastream by number: coarse ones by the bits of those that are known, finer ones anew.
    fn places_of(&self, catalogue: &Catalogue, resolution: Resolution) -> Vec<Option<u64>> {
        if u8::from(resolution) > CELL_RESOLUTION {
            let all: Vec<_> = catalogue.iter().map(|(_, d)| d).collect();
            return all.par_iter().map(|d| cell::of(d, resolution)).collect();
        }
        let parent = Parent::new(resolution);
        self.with_places(|place| (0..catalogue.len() as u32).map(|i| place(Series(i)).map(|cell| parent.of(cell))).collect())
    }

    fn cells_of_readings(
        &self,
        question: &Question,
        places: &[Option<u64>],
        slice: &Slice,
        hot: &[Sample],
        missing: &mut Vec<String>,
    ) -> Vec<CellRow> {
        let wanted = Wanted { times: question.times.start..=question.times.end - 1, ..Wanted::all() };
        let mut cells: HashMap<(i64, u64), CellRow> = HashMap::new();
        // A file that can't be read is named by the reading below, not by this look at its row groups.
        let stripes = self.stripes(&slice.raw).unwrap_or_else(|_| vec![0..=u32::MAX]);
        for stripe in stripes {
            let wanted = Wanted { series: stripe.clone(), ..wanted.clone() };
            let mut samples = Vec::new();
            for part in &slice.raw {
                samples.extend(self.samples(part, &wanted, missing));
            }
            samples.extend(hot.iter().filter(|s| stripe.contains(&s.series.0)));
            settle(&mut samples, None);
            for step in roll_up(&samples, question.width) {
                Question::add(&mut cells, places, &step);
            }
        }
        let mut rows: Vec<CellRow> = cells.into_values().collect();
        rows.sort_unstable_by_key(|r| (r.start_us, r.cell));
        rows
    }
}

impl Question {
    fn add(cells: &mut HashMap<(i64, u64), CellRow>, places: &[Option<u64>], step: &Rollup) {
        let place = places.get(step.series.0 as usize).copied().flatten();
        if let Some(cell) = place.filter(|_| step.count > 0) {
            let row = CellRow { start_us: step.start_us, cell, count: step.count, sum: step.sum, min: step.min, max: step.max };
            cells.entry((row.start_us, cell)).and_modify(|known| known.merge(&row)).or_insert(row);
        }
    }
}

/// Hours one after the other. Where they share a bucket, or an hour's quarters do, their rows are merged.
fn hexagons(parts: Vec<Vec<CellRow>>) -> Vec<Hexagon> {
    let key = |r: &CellRow| (r.start_us, r.cell);
    let within = |rows: &Vec<CellRow>| rows.is_sorted_by(|a, b| key(a) < key(b));
    let between = |pair: &[Vec<CellRow>]| pair[0].last().zip(pair[1].first()).is_none_or(|(a, b)| key(a) < key(b));
    let mut told = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    // An hour without rows would hide what its neighbours share; there is none, or they are sorted below.
    if parts.iter().all(|rows| !rows.is_empty() && within(rows)) && parts.windows(2).all(between) {
        // As they are, without a copy of all in between: they may be millions.
        told.extend(parts.iter().flatten().map(hexagon));
        return told;
    }
    let mut rows: Vec<CellRow> = parts.concat();
    rows.par_sort_by_key(key);
    rows.dedup_by(|next, kept| {
        let same = key(next) == key(kept);
        if same {
            kept.merge(next);
        }
        same
    });
    told.extend(rows.iter().map(hexagon));
    told
}

fn hexagon(row: &CellRow) -> Hexagon {
    let mean = row.sum / f64::from(row.count);
    Hexagon { cell: row.cell, start: from_us(row.start_us), count: u64::from(row.count), mean, min: row.min, max: row.max }
}

#[cfg(test)]
mod tests {
    use super::*;
    use h3o::LatLng;

    #[test]
    fn coarser_cells_are_those_of_h3_and_keep_their_order() {
        let fine = Resolution::try_from(CELL_RESOLUTION).unwrap();
        let mut cells: Vec<u64> = (0..500)
            .map(|i| LatLng::new(33.0 + f64::from(i % 25) * 0.07, 117.0 + f64::from(i) * 0.003).unwrap().to_cell(fine).into())
            .collect();
        cells.sort_unstable();
        for resolution in 0..=CELL_RESOLUTION {
            let resolution = Resolution::try_from(resolution).unwrap();
            let parents: Vec<u64> = cells.iter().map(|c| Parent::new(resolution).of(*c)).collect();
            assert_eq!(parents, cells.iter().map(|c| cell::parent(*c, resolution).unwrap()).collect::<Vec<_>>());
            assert!(parents.is_sorted());
        }
    }
}
