//! The demo city: a believable Suqian (宿迁) from a seed, written as the same files real data comes in.
//!
//! [`City::generate`] is pure (seed in, city out) and uses one ChaCha stream a part, so that a change in one part leaves the
//! others alone; [`write`] puts it on disk. Plane coordinates are metres east and north of the centre ([`plane::Plane`]).
//! Never here: the clock, hash-map order, anything read from the machine.

pub mod areas;
pub mod country;
pub mod curve;
pub mod district;
pub mod forms;
pub mod incidents;
pub mod land;
pub mod marathon;
pub mod mask;
pub mod names;
pub mod network;
pub mod plane;
pub mod plots;
pub mod points;
pub mod roads;
pub mod shape;
pub mod solids;
pub mod surfaces;
pub mod villages;
pub mod water;
pub mod write;

#[cfg(test)]
mod tests;

use crate::geo::CrsError;
use district::{Districts, Kind, Superblock};
use glam::{DVec2, dvec2};
use land::Land;
use mask::{Mask, Rect, WATER};
use plane::Plane;
use plots::{Builder, Green, Plot};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use roads::Road;
use std::path::PathBuf;
use villages::Village;
use water::{Shape, Water};

/// Why no demo city came out.
#[derive(thiserror::Error, Debug)]
pub enum DemoError {
    #[error(transparent)]
    Crs(#[from] CrsError),
    #[error("{asked} buildings asked for, but the demo city has room for {most}; ask for fewer with --buildings")]
    Full { asked: usize, most: usize },
    #[error("seed {seed}: the roads allow no marathon course; try another --seed")]
    Course { seed: u64 },
    #[error("{file}: {source}; is the folder writable?")]
    Io { file: PathBuf, source: std::io::Error },
    #[error("{file}: {why}")]
    Write { file: PathBuf, why: String },
}

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub seed: u64,
    /// Exactly this many.
    pub buildings: usize,
}

/// Everything there is, in the plane.
pub struct City {
    pub options: Options,
    pub plane: Plane,
    pub waters: Vec<Water>,
    pub ring: Vec<DVec2>,
    pub roads: Vec<Road>,
    pub districts: Districts,
    pub villages: Vec<Village>,
    pub plots: Vec<Plot>,
    pub greens: Vec<Green>,
    pub land: Land,
    pub mask: Mask,
}

/// Half side and cell of the raster that keeps things apart, metres.
const MASK_HALF_M: f64 = 11_000.0;
const MASK_CELL_M: f64 = 4.0;
/// Nothing is built nearer than this to the water, metres.
const SHORE_M: f64 = 26.0;

/// One stream a part.
fn stream(seed: u64, part: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(part);
    rng
}

impl City {
    /// # Errors
    /// [`DemoError::Full`] when more buildings are asked for than fit; [`DemoError::Crs`] without PROJ's tables.
    pub fn generate(options: Options) -> Result<Self, DemoError> {
        let seed = options.seed;
        let noise_seed = (seed ^ (seed >> 32)) as u32;
        let plane = Plane::new()?;
        let waters = water::waters(noise_seed);
        let land = Land::new(noise_seed, &plane, &waters)?;
        let ring = roads::ring(&waters);
        let mut mask = Mask::new(MASK_HALF_M, MASK_CELL_M);
        stamp_water(&mut mask, &waters);
        let mut roads = roads::arterials(&waters, &mut stream(seed, 1));
        villages::stamp_roads(&mut mask, &roads);
        let villages = villages::places(&waters, &ring, &mask, &mut stream(seed, 2));
        let before = roads.len();
        let districts = district::superblocks(&waters, &ring, &mask, &mut roads, &mut stream(seed, 3));
        villages::stamp_roads(&mut mask, &roads[before..]);
        let mut rng = stream(seed, 4);
        let mut builder = Builder::new(&mut mask, &mut rng);
        landmarks(&mut builder, &districts.superblocks);
        districts.superblocks.iter().for_each(|sb| builder.superblock(&districts, sb));
        let (mut plots, mut greens) = (std::mem::take(&mut builder.plots), std::mem::take(&mut builder.greens));
        let in_city = plots.len();
        let lanes = villages::lanes(&villages, &roads, &waters, &mut stream(seed, 5));
        villages::stamp_roads(&mut mask, &lanes);
        let mut rng = stream(seed, 6);
        let mut builder = Builder::new(&mut mask, &mut rng);
        let wanted = villages::share(options.buildings).max(options.buildings.saturating_sub(in_city));
        let mut built = 0;
        while let Some(v) = villages.get(built).filter(|_| builder.plots.len() < wanted) {
            villages::build(&mut builder, v, wanted);
            built += 1;
        }
        let mut farmhouses = std::mem::take(&mut builder.plots);
        tracing::info!(in_city, farmhouses = farmhouses.len(), "places for buildings");
        if in_city + farmhouses.len() < options.buildings {
            return Err(DemoError::Full { asked: options.buildings, most: in_city + farmhouses.len() });
        }
        thin_out(&mut plots, options.buildings - farmhouses.len(), seed);
        plots.append(&mut farmhouses);
        let kept = villages::kept(&villages, built);
        let villages: Vec<Village> = villages.into_iter().take(kept).collect();
        roads.extend(lanes.into_iter().filter(|l| {
            villages.iter().any(|v| l.name.trim_end_matches('路') == v.name.trim_end_matches('村') && l.line[0].distance(v.centre) < 260.0)
        }));
        greens.extend(villages::fields(&waters, &ring, &mut mask, &mut stream(seed, 7)));
        Ok(Self { options, plane, waters, ring, roads, districts, villages, plots, greens, land, mask })
    }
}

fn stamp_water(mask: &mut Mask, waters: &[Water]) {
    for w in waters {
        match &w.shape {
            Shape::Lake(ring) => {
                mask.ring(ring, WATER);
                mask.line(ring, SHORE_M, WATER);
                mask.line(&[ring[ring.len() - 1], ring[0]], SHORE_M, WATER);
            }
            Shape::Course(line, half) => {
                for (i, w) in line.windows(2).enumerate() {
                    mask.line(w, half[i].max(half[i + 1]) + SHORE_M, WATER);
                }
            }
        }
    }
}

/// The three tallest, in the blocks nearest to the heart of the centre.
fn landmarks(builder: &mut Builder, superblocks: &[Superblock]) {
    let mut blocks: Vec<Rect> = superblocks
        .iter()
        .filter(|s| s.kind == Kind::Cbd)
        .flat_map(|s| s.blocks.iter().copied())
        .filter(|b| b.size.min_element() > 78.0)
        .collect();
    blocks.sort_by(|a, b| a.centre.distance(district::CBD).total_cmp(&b.centre.distance(district::CBD)));
    let names = ["骆马湖中心", "楚风大厦", "宿迁国际金融中心"];
    let (mut next, mut used): (usize, Vec<DVec2>) = (0, Vec::new());
    for b in blocks {
        if next == names.len() {
            break;
        }
        let size = DVec2::splat(b.size.min_element().min(96.0) - 8.0);
        if used.iter().any(|u| u.distance(b.centre) < 230.0) {
            continue;
        }
        let tier = forms::landmark(next, size);
        let storeys = (tier.highest() / forms::OFFICE_STOREY_M) as u32;
        if builder.put(
            Rect { centre: b.centre, size, angle: b.angle },
            "office",
            storeys,
            2021 + next as u32,
            tier,
            Some(names[next].to_owned()),
        ) {
            used.push(b.centre);
            next += 1;
        }
    }
}

/// Leaves exactly `want` plots: what is nearest to the lakeside centre, with a soft edge; order of building is kept.
fn thin_out(plots: &mut Vec<Plot>, want: usize, seed: u64) {
    use rand::RngExt;
    let mut rng = stream(seed, 8);
    let heart = district::CBD + dvec2(800.0, -600.0);
    // The landmarks stay in the smallest city.
    let key = |(i, p): (usize, &Plot), play: f64| (if p.tier.highest() > 210.0 { 0.0 } else { p.rect.centre.distance(heart) * play }, i);
    let mut keys: Vec<(f64, usize)> = plots.iter().enumerate().map(|plot| key(plot, rng.random_range(0.6..1.4))).collect();
    keys.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut keep = vec![false; plots.len()];
    keys[..want].iter().for_each(|&(_, i)| keep[i] = true);
    let mut i = 0;
    plots.retain(|_| {
        i += 1;
        keep[i - 1]
    });
}
