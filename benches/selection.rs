//! Choosing tiles in a quadtree of a million tiles: a standing camera, a flying one, a jump to another part of the city.
//!
//! `cargo bench --no-default-features --bench selection`; with `--profile dev`, what demo and tests run.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use glam::{DMat3, DVec3};
use std::f64::consts::TAU;
use yiping::geo::{Geodetic, LocalFrame};
use yiping::tiles::{BoundingVolume, LoadState, Refine, SelectOptions, Selection, SelectionState, Tile, TileId, TileTree, View, select};

/// Three quadtrees of ten levels side by side below one root: 4^10 = 1,048,576 tiles.
const COLUMNS: u32 = 3;
const LEVELS: u32 = 10;
/// Side of a leaf, metres: a street block. Each quadtree is 51 km wide.
const LEAF_M: f64 = 100.0;
/// A tile's error is this part of its side.
const ERROR_SHARE: f64 = 0.1;
/// Height of the city's volumes above and below the ground, metres.
const TALL_M: f64 = 60.0;
/// Places jumped to in turn; enough that none is still in the processor's cache when it comes again.
const PLACES: u32 = 61;
/// Levels that are loaded where nobody has been yet.
const LEVELS_LOADED: u16 = 5;

struct City {
    tree: TileTree,
    frame: LocalFrame,
}

impl City {
    fn new() -> Self {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.2545, 33.9858, 20.0));
        let mut city = Self { tree: TileTree::new("file:///tileset.json"), frame };
        let side = LEAF_M * f64::from(1u32 << (LEVELS - 1));
        let country = city.add(TileTree::ROOT, DVec3::ZERO, side * f64::from(COLUMNS), false);
        let column = |i: u32| DVec3::X * side * (f64::from(i) - f64::from(COLUMNS - 1) * 0.5);
        let mut level: Vec<(DVec3, TileId)> = (0..COLUMNS).map(|i| (column(i), country)).collect();
        for depth in 0..LEVELS {
            let side = side / f64::from(1u32 << depth);
            let mut below = Vec::new();
            for (centre, parent) in level {
                let id = city.add(parent, centre, side, depth + 1 == LEVELS);
                let quarter = |(x, y): (f64, f64)| (centre + DVec3::new(x, y, 0.0) * side * 0.25, id);
                below.extend([(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)].map(quarter));
            }
            level = below;
        }
        city
    }

    fn add(&mut self, parent: TileId, centre: DVec3, side_m: f64, leaf: bool) -> TileId {
        let half = DMat3::from_diagonal(DVec3::new(side_m * 0.5, side_m * 0.5, TALL_M));
        let volume = BoundingVolume::from_half_axes(centre, half, &self.frame.ecef_from_enu());
        let error_m = if leaf { 0.0 } else { side_m * ERROR_SHARE };
        self.tree.add(parent, Tile::new(volume, error_m, Refine::Replace)).expect("a million tiles have room")
    }

    fn loads(&self, loaded: impl Fn(&Tile) -> bool) -> Vec<LoadState> {
        let state = |tile: &Tile| if loaded(tile) { LoadState::Ready } else { LoadState::Absent };
        self.tree.iter().map(|(id, tile)| if id == TileTree::ROOT { LoadState::Empty } else { state(tile) }).collect()
    }

    /// 300 m above a place, looking a little down, as a desk shows a city.
    fn view(&self, place: u32, turn: f64) -> View {
        // Steps of the golden ratio spread the places over the middle of the country.
        let part = |by: f64| (f64::from(place) * by).fract() - 0.5;
        let eye = DVec3::new(part(0.618_034) * 120e3, part(0.754_878) * 30e3, 300.0);
        let to_world = |v: DVec3| self.frame.ecef_from_enu().transform_vector3(v);
        let forward = DVec3::new((turn * TAU).sin(), (turn * TAU).cos(), -0.35);
        View::perspective(self.frame.to_ecef(eye).0, to_world(forward), to_world(DVec3::Z), 0.7, 16.0 / 9.0, 1080.0)
    }
}

fn selection(c: &mut Criterion) {
    let city = City::new();
    let all = city.loads(|_| true);
    let coarse = city.loads(|tile| tile.depth <= LEVELS_LOADED);
    let options = SelectOptions::default();
    let choose = |loads: &[LoadState], view: View, state: &mut SelectionState| select(&city.tree, loads, &[view], &options, state);
    let tell = |what: &str, s: &Selection| println!("{what}: {} drawn, {} visited, {} to load", s.draw.len(), s.visited, s.load.len());
    println!("{} tiles", city.tree.len());
    let mut group = c.benchmark_group("selection");

    let mut state = SelectionState::default();
    tell("standing", &choose(&all, city.view(7, 0.0), &mut state));
    group.bench_function("standing", |b| b.iter(|| choose(&all, city.view(7, 0.0), &mut state)));

    let mut step = 0u32;
    group.bench_function("turning, 1/2 degree a frame", |b| {
        b.iter(|| {
            step += 1;
            choose(&all, city.view(7, f64::from(step) / 720.0), &mut state)
        })
    });

    for (name, loads) in [("jump, all is here", &all), ("jump, only coarse tiles are here", &coarse)] {
        tell(name, &choose(loads, city.view(8, 0.0), &mut SelectionState::default()));
        let mut place = 0;
        let mut next = || {
            place = (place + 1) % PLACES;
            city.view(place, 0.1)
        };
        group.bench_function(name, |b| b.iter_batched(&mut next, |view| choose(loads, view, &mut state), BatchSize::PerIteration));
    }
    group.finish();
}

criterion_group!(benches, selection);
criterion_main!(benches);
