//! A country around the demo city's place: any number of buildings for proofs of scale, as CityJSONSeq and nothing else.
//!
//! [`Country::new`] lays out settlements from a seed; [`Country::write`] builds and writes a few of them at a time, so that
//! memory does not grow with the country. Houses are closed LoD2 solids made by the same [`super::forms`] as the demo city's.

mod feature;
mod settlement;
#[cfg(test)]
mod tests;

use super::plane::{self, Plane};
use super::{DemoError, Options, stream};
use glam::DVec2;
use noise::{NoiseFn, Perlin};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;
use settlement::Settlement;
use std::io::{self, Write};

/// Most buildings: at [`settlement::PER_KM2`] a disc of 230 km radius, about as far from its meridian as the projection holds its scale to 0.1 %.
pub const BUILDINGS_MAX: usize = 10_000_000;
/// Buildings whose text is in memory at a time: some 16 MiB, and work for several cores.
const BATCH_BUILDINGS: usize = 20_000;
/// First of the random streams of settlements; the demo city's own are below it.
const FIRST_STREAM: u64 = 1 << 32;

/// A country laid out, not yet built.
pub struct Country {
    options: Options,
    /// Projected coordinates of the plane's centre, metres.
    origin: DVec2,
    relief: Relief,
    settlements: Vec<Settlement>,
}

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub seed: u64,
    pub buildings: usize,
    pub settlements: usize,
    /// Buildings of the largest settlement.
    pub largest: usize,
    /// Highest building, metres above its ground.
    pub highest_m: f64,
    /// West to east and south to north, kilometres.
    pub size_km: [f64; 2],
}

impl Country {
    /// # Errors
    /// [`DemoError::Full`] beyond [`BUILDINGS_MAX`]; [`DemoError::Crs`] without PROJ's tables.
    pub fn new(options: Options) -> Result<Self, DemoError> {
        if options.buildings > BUILDINGS_MAX {
            return Err(DemoError::Full { asked: options.buildings, most: BUILDINGS_MAX });
        }
        let settlements = settlement::layout(options.buildings, &mut stream(options.seed, FIRST_STREAM - 1));
        Ok(Self { options, origin: Plane::new()?.origin, relief: Relief::new(options.seed), settlements })
    }

    /// Writes the header and then a feature a line; `advance` is told how many buildings were written.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn write(&self, out: &mut impl Write, advance: &dyn Fn(u64)) -> io::Result<Summary> {
        let header = json!({
            "type": "CityJSON", "version": "2.0",
            "metadata": { "title": "Yiping demo country", "referenceSystem": plane::CRS_URL },
            "transform": { "scale": [0.001, 0.001, 0.001], "translate": [self.origin.x, self.origin.y, 0.0] },
            "CityObjects": {}, "vertices": [],
        });
        writeln!(out, "{header}")?;
        let (mut next, mut highest_m) = (0, 0.0_f64);
        while next < self.settlements.len() {
            let end = self.batch_end(next);
            let texts: Vec<(Vec<u8>, f64)> = (next..end).into_par_iter().map(|n| self.build(n)).collect();
            for (settlement, (text, high)) in self.settlements[next..end].iter().zip(texts) {
                out.write_all(&text)?;
                highest_m = highest_m.max(high);
                advance(settlement.buildings as u64);
            }
            next = end;
        }
        out.flush()?;
        Ok(self.summary(highest_m))
    }

    /// The settlement after the last one whose buildings still fit a batch with those from `first` on; at least one.
    fn batch_end(&self, first: usize) -> usize {
        let mut sum = 0;
        let more = self.settlements[first..].iter().take_while(|s| {
            sum += s.buildings;
            sum <= BATCH_BUILDINGS
        });
        first + more.count().max(1)
    }

    /// Lines of a settlement's features, and its highest building in metres.
    fn build(&self, number: usize) -> (Vec<u8>, f64) {
        let settlement = &self.settlements[number];
        let mut rng = stream(self.options.seed, FIRST_STREAM + number as u64);
        let (mut text, mut highest_m) = (Vec::with_capacity(settlement.buildings * 900), 0.0_f64);
        let mut serial = settlement.first;
        for lot in settlement.lots(&mut rng) {
            let house = settlement.house(&lot, &mut rng);
            highest_m = highest_m.max(house.tier.highest());
            serial += 1;
            feature::write(&mut text, serial, settlement, &house, &self.relief);
        }
        (text, highest_m)
    }

    fn summary(&self, highest_m: f64) -> Summary {
        let centres = || self.settlements.iter().map(|s| s.centre);
        let low = centres().fold(DVec2::INFINITY, DVec2::min);
        let high = centres().fold(DVec2::NEG_INFINITY, DVec2::max);
        let size = (high - low + settlement::CELL_M).max(DVec2::ZERO) / 1000.0;
        Summary {
            seed: self.options.seed,
            buildings: self.settlements.iter().map(|s| s.buildings).sum(),
            settlements: self.settlements.len(),
            largest: self.settlements.iter().map(|s| s.buildings).max().unwrap_or(0),
            highest_m,
            size_km: if size.is_finite() { [size.x, size.y] } else { [0.0; 2] },
        }
    }
}

/// The land: a plain with long swells, a few metres to a good hundred above the sea.
struct Relief {
    noise: Perlin,
}

impl Relief {
    fn new(seed: u64) -> Self {
        Self { noise: Perlin::new((seed ^ (seed >> 32)) as u32) }
    }

    /// Height of the ground, metres, at a point of the plane.
    fn height(&self, p: DVec2) -> f64 {
        let wave = |m: f64, o: f64| self.noise.get([p.x / m + o, p.y / m - o]);
        (48.0 + 55.0 * wave(47_000.0, 0.3) + 14.0 * wave(7_900.0, 31.0) + 2.0 * wave(1_300.0, 7.7)).max(2.0)
    }
}
