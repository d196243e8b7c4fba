//! At which heights a field is computed, and where each of them lies in the one texture.

use super::{Grid, Point, Sample, Texel};
use glam::{DVec2, DVec3, UVec2};

/// Most levels of a field: three by three of them share its texture.
pub const LEVELS_MAX: usize = 9;
/// Sensors that differ by less in height stand on one level, metres.
const APART_M: f64 = 1.0;

/// Heights of a field. Between two of them the picture goes straight from one to the other, below the lowest and above the highest it stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    /// Above ground, rising, metres; at least one.
    heights_m: Vec<f64>,
    /// How many metres aside a metre of height counts as.
    vertical: f64,
    /// Texels of the whole texture along a side.
    size: u32,
}

impl Levels {
    /// The heights of the sensors; as many of them as there is room for, the lowest and the highest among them. One level where `vertical` is 0 or all
    /// stand at one height.
    pub fn of(points: &[Point], vertical: f64, size: u32) -> Self {
        let mut heights: Vec<f64> = points.iter().map(|p| p.height_m).filter(|h| h.is_finite()).collect();
        heights.sort_by(f64::total_cmp);
        let Some(lowest) = heights.first().copied().filter(|_| vertical > 0.0) else {
            return Self::flat(size);
        };
        let mut distinct = vec![lowest];
        for h in heights {
            if distinct.last().is_none_or(|last| h - last >= APART_M) {
                distinct.push(h);
            }
        }
        if distinct.len() > LEVELS_MAX {
            let last = distinct.len() - 1;
            distinct = (0..LEVELS_MAX).filter_map(|i| distinct.get(i * last / (LEVELS_MAX - 1)).copied()).collect();
        }
        Self { heights_m: distinct, vertical, size }
    }

    /// One level, whatever the height.
    pub fn flat(size: u32) -> Self {
        Self { heights_m: vec![0.0], vertical: 0.0, size }
    }

    /// Above ground, rising, metres.
    pub fn heights_m(&self) -> &[f64] {
        &self.heights_m
    }

    /// How many metres aside a metre of height counts as; 0 where heights don't matter.
    pub fn vertical(&self) -> f64 {
        self.vertical
    }

    /// Of each level, as distances count it.
    pub fn ups_m(&self) -> impl Iterator<Item = f64> + '_ {
        self.heights_m.iter().map(|h| self.lift(DVec2::ZERO, *h).z)
    }

    fn lowest_m(&self) -> f64 {
        self.heights_m.first().copied().unwrap_or(0.0)
    }

    /// Levels along a side of the texture.
    pub fn side(&self) -> u32 {
        (1..).find(|n| n * n >= self.heights_m.len()).map_or(1, |n| n as u32)
    }

    /// Cells of a level along a side.
    pub fn cells(&self) -> u32 {
        self.size / self.side()
    }

    /// The place of something `height_m` above the ground in the space distances are measured in.
    pub(super) fn lift(&self, at_m: DVec2, height_m: f64) -> DVec3 {
        at_m.extend((height_m - self.lowest_m()) * self.vertical)
    }

    /// As [`Levels::lift`], at the nearest height that sensors tell of.
    pub(super) fn within(&self, at_m: DVec2, height_m: f64) -> DVec3 {
        let highest = self.heights_m.last().copied().unwrap_or(0.0);
        self.lift(at_m, height_m.clamp(self.lowest_m(), highest))
    }

    /// The distance in metres, not in what it counts as.
    pub(super) fn distance_m(&self, a: DVec3, b: DVec3) -> f64 {
        let up = if self.vertical > 0.0 { (a.z - b.z) / self.vertical } else { 0.0 };
        (a.truncate().distance_squared(b.truncate()) + up * up).sqrt()
    }

    pub(super) fn sample(&self, point: &Point) -> Sample {
        Sample { at_m: point.at_m, up_m: self.lift(point.at_m, point.height_m).z, value: point.value }
    }

    /// Computes each level and lays them side by side: level i in column i mod side and row i / side, from the south-west.
    pub(super) fn fill(&self, grid: Grid, one: impl Fn(Grid) -> Vec<Texel>) -> Vec<Texel> {
        let level = |up_m: f64| one(Grid { up_m, ..grid });
        let (side, cells, size) = (self.side() as usize, self.cells() as usize, self.size as usize);
        if side == 1 {
            return self.ups_m().next().map(level).unwrap_or_default();
        }
        let mut whole = vec![Texel::default(); size * size];
        for (i, up_m) in self.ups_m().enumerate() {
            let (column, row) = (i % side * cells, i / side * cells);
            for (y, texels) in level(up_m).chunks(cells.max(1)).enumerate() {
                let begin = (row + y) * size + column;
                if let Some(to) = whole.get_mut(begin..begin + texels.len()) {
                    to.copy_from_slice(texels);
                }
            }
        }
        whole
    }

    /// A grid over everything and a margin around it, at the lowest level.
    pub(super) fn around(&self, places: impl Iterator<Item = DVec2>, margin_m: f64) -> Grid {
        around(places, margin_m, self.cells())
    }
}

/// A grid over everything and a margin around it.
pub(super) fn around(places: impl Iterator<Item = DVec2>, margin_m: f64, size: u32) -> Grid {
    let start = (DVec2::INFINITY, DVec2::NEG_INFINITY);
    let (low, high) = places.filter(|p| p.is_finite()).fold(start, |(l, h), p| (l.min(p), h.max(p)));
    let (low, high) = if low.is_finite() { (low - margin_m, high + margin_m) } else { (DVec2::ZERO, DVec2::ONE) };
    Grid { origin_m: low, size_m: high - low, cells: UVec2::splat(size), up_m: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_heights(heights_m: &[f64]) -> Vec<Point> {
        heights_m.iter().map(|&height_m| Point { at_m: DVec2::ZERO, height_m, lon: 0.0, lat: 0.0, value: 1.0 }).collect()
    }

    #[test]
    fn levels_are_the_sensors_heights_and_one_where_heights_do_not_matter() {
        let points = at_heights(&[4.0, 60.0, 4.4, 30.0, f64::NAN, 4.0]);
        let levels = Levels::of(&points, 20.0, 512);
        assert_eq!((levels.heights_m(), levels.side(), levels.cells()), ([4.0, 30.0, 60.0].as_slice(), 2, 256));
        assert_eq!(levels.within(DVec2::ONE, 0.0), DVec3::new(1.0, 1.0, 0.0), "the ground is what the lowest say");
        assert_eq!(levels.within(DVec2::ONE, 90.0).z, 56.0 * 20.0);
        assert_eq!(levels.distance_m(levels.lift(DVec2::ZERO, 4.0), levels.lift(DVec2::new(40.0, 0.0), 34.0)), 50.0);
        for flat in [Levels::of(&points, 0.0, 512), Levels::of(&at_heights(&[3.0, 3.0]), 20.0, 512), Levels::of(&[], 20.0, 512)] {
            assert_eq!((flat.heights_m().len(), flat.cells(), flat.within(DVec2::ONE, 50.0).z), (1, 512, 0.0));
        }
        let many: Vec<f64> = (0..40).map(|i| f64::from(i) * 3.0).collect();
        let most = Levels::of(&at_heights(&many), 20.0, 512);
        assert_eq!((most.heights_m().len(), most.heights_m()[0], most.heights_m()[8], most.cells()), (9, 0.0, 117.0, 170));
    }

    #[test]
    fn levels_lie_side_by_side_in_the_texture() {
        let levels = Levels::of(&at_heights(&[0.0, 10.0, 20.0, 30.0, 40.0]), 2.0, 8);
        let grid = levels.around([DVec2::ZERO, DVec2::ONE].into_iter(), 1.0);
        let texels = levels.fill(grid, |g| vec![Texel { on_ramp: g.up_m as f32, ..Texel::default() }; g.len()]);
        let at = |x: usize, y: usize| texels[y * 8 + x].on_ramp;
        assert_eq!((grid.cells, texels.len()), (UVec2::splat(2), 64));
        assert_eq!([at(1, 1), at(2, 0), at(5, 1), at(0, 2), at(3, 3), at(7, 7)], [0.0, 20.0, 40.0, 60.0, 80.0, 0.0]);
    }
}
