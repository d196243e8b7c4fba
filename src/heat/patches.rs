//! Points rolled up by area: one value for all that lies in it, and its cells of a grid.

use super::grid::{Grid, Raster};
use glam::DVec2;

/// A polygon and what lies in it. Areas that are told apart by their ids beside this list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Rings in metres from the anchor, outer and holes alike: a place is inside where it is within an odd number of them. Not closed by a repeated point.
    pub rings_m: Vec<Vec<DVec2>>,
}

/// What a patch got.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RollUp {
    pub count: u32,
    /// Mean of the values in it; 0 without any.
    pub mean: f64,
    /// Sum of the squares of their distances from the mean (Welford 1962).
    pub squares: f64,
}

impl RollUp {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / f64::from(self.count);
        self.squares += before * (value - self.mean);
    }

    /// Standard error of the mean, in the values' unit; `None` of fewer than two.
    pub fn error(&self) -> Option<f64> {
        let n = f64::from(self.count);
        (self.count > 1).then(|| (self.squares / (n - 1.0) / n).sqrt())
    }
}

/// Root mean square of the error made when each value is told from the others of its patch, in the values' unit; `None` where no two share a patch.
pub fn leave_one_out_rmse(found: &[RollUp]) -> Option<f64> {
    // Without it the mean of the others is as far off as the value is from the mean, n / (n - 1) times.
    let one = |r: &RollUp| (f64::from(r.count) / (f64::from(r.count) - 1.0)).powi(2) * r.squares;
    let shared = || found.iter().filter(|r| r.count > 1);
    let values: f64 = shared().map(|r| f64::from(r.count)).sum();
    (values > 0.0).then(|| (shared().map(one).sum::<f64>() / values).sqrt())
}

impl Patch {
    /// Even-odd rule; the lower edge belongs to it, the upper to its neighbour, so that areas that touch share no point.
    pub fn contains(&self, place_m: DVec2) -> bool {
        crossings(&self.rings_m, place_m.y).filter(|x| *x <= place_m.x).count() % 2 == 1
    }

    /// Square metres (shoelace formula): the outer rings less the holes, where rings don't cross.
    pub fn area_m2(&self) -> f64 {
        let twice = |ring: &Vec<DVec2>| edges(ring).map(|(a, b)| a.perp_dot(b)).sum::<f64>();
        // A ring that lies within an odd number of the others is a hole, whichever way it runs.
        let inside = |i: usize, ring: &[DVec2]| {
            let others = self.rings_m.iter().enumerate().filter(|(j, _)| *j != i);
            let around = |other: &Vec<DVec2>, p: DVec2| crossings(std::slice::from_ref(other), p.y).filter(|x| *x <= p.x).count() % 2 == 1;
            ring.first().is_some_and(|p| others.filter(|(_, o)| around(o, *p)).count() % 2 == 1)
        };
        let signed = |(i, ring): (usize, &Vec<DVec2>)| 0.5 * twice(ring).abs() * if inside(i, ring) { -1.0 } else { 1.0 };
        self.rings_m.iter().enumerate().map(signed).sum::<f64>().max(0.0)
    }

    fn south_north(&self) -> Option<(f64, f64)> {
        let ys = self.rings_m.iter().flatten().map(|p| p.y);
        ys.fold(None, |range, y| Some(range.map_or((y, y), |(low, high): (f64, f64)| (low.min(y), high.max(y)))))
    }
}

fn edges(ring: &[DVec2]) -> impl Iterator<Item = (DVec2, DVec2)> + '_ {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

/// Where rings cross a parallel, metres east, in no order.
fn crossings(rings: &[Vec<DVec2>], y: f64) -> impl Iterator<Item = f64> + '_ {
    rings
        .iter()
        .flat_map(|r| edges(r))
        .filter(move |(a, b)| (a.y <= y) != (b.y <= y))
        .map(move |(a, b)| a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x))
}

/// Puts every point into the first patch that holds it; how many lie in none comes second.
pub fn roll_up(patches: &[Patch], points: impl IntoIterator<Item = (DVec2, f64)>) -> (Vec<RollUp>, usize) {
    let mut found = vec![RollUp::default(); patches.len()];
    let bounds: Vec<Option<(f64, f64)>> = patches.iter().map(Patch::south_north).collect();
    let mut outside = 0;
    for (place, value) in points {
        let holds = |i: &usize| bounds[*i].is_some_and(|(low, high)| place.y >= low && place.y <= high) && patches[*i].contains(place);
        match (0..patches.len()).find(holds) {
            Some(i) => found[i].add(value),
            None => outside += 1,
        }
    }
    (found, outside)
}

/// Fills the cells whose middle lies in a patch with its value and doubt; `None` leaves them unknown.
pub fn paint(grid: Grid, patches: &[Patch], value: impl Fn(usize) -> Option<(f32, f32)>) -> Raster {
    let mut raster = Raster::unknown(grid);
    let (columns, cell_m) = (grid.cells.x as usize, grid.cell_m());
    let mut xs: Vec<f64> = Vec::new();
    for (i, patch) in patches.iter().enumerate() {
        let (Some((low, high)), Some((value, doubt))) = (patch.south_north(), value(i)) else { continue };
        // `as` holds what lies outside at the ends.
        let row_of = |y: f64| ((y - grid.origin_m.y) / cell_m.y).floor();
        let (first, last) = (row_of(low).max(0.0) as u32, row_of(high).min(f64::from(grid.cells.y) - 1.0));
        for row in first..(last + 1.0).max(0.0) as u32 {
            xs.clear();
            xs.extend(crossings(&patch.rings_m, grid.centre(0, row).y).map(|x| (x - grid.origin_m.x) / cell_m.x - 0.5));
            xs.sort_by(f64::total_cmp);
            for pair in xs.chunks_exact(2) {
                let column = |x: f64| (x.ceil().max(0.0) as usize).min(columns);
                let (from, to) = (row as usize * columns + column(pair[0]), row as usize * columns + column(pair[1]));
                raster.values[from..to.max(from)].fill(value);
                raster.doubts[from..to.max(from)].fill(doubt);
            }
        }
    }
    raster
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::UVec2;

    fn square(x: f64, y: f64, side: f64) -> Vec<DVec2> {
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(u, v)| DVec2::new(x + u * side, y + v * side)).to_vec()
    }

    #[test]
    fn areas_that_touch_share_no_point_and_holes_are_outside() {
        let patches =
            [Patch { rings_m: vec![square(0.0, 0.0, 10.0), square(4.0, 4.0, 2.0)] }, Patch { rings_m: vec![square(10.0, 0.0, 10.0)] }];
        let points = [(0.0, 0.0), (10.0, 5.0), (5.0, 5.0), (9.9, 9.9), (20.0, 5.0), (15.0, 10.0)].map(|(x, y)| (DVec2::new(x, y), x));
        let (sums, outside) = roll_up(&patches, points);
        assert_eq!((sums[0].count, sums[1].count, outside), (2, 1, 3));
        assert!((sums[0].mean - 4.95).abs() < 1e-9);
        assert_eq!((patches[0].area_m2(), patches[1].area_m2()), (96.0, 100.0));
        assert_eq!(Patch { rings_m: vec![square(0.0, 0.0, 10.0).into_iter().rev().collect(), square(4.0, 4.0, 2.0)] }.area_m2(), 96.0);
        assert_eq!(roll_up(&[], points).1, 6);
    }

    #[test]
    fn a_cell_belongs_to_the_area_its_middle_lies_in() {
        let grid = Grid { origin_m: DVec2::ZERO, size_m: DVec2::splat(40.0), cells: UVec2::splat(40), up_m: 0.0 };
        let triangle = Patch { rings_m: vec![vec![DVec2::new(-5.0, 3.2), DVec2::new(33.0, 8.0), DVec2::new(12.0, 55.0)]] };
        let patches =
            [triangle, Patch { rings_m: vec![square(20.0, 20.0, 90.0)] }, Patch::default(), Patch { rings_m: vec![square(0.0, 0.0, 4.0)] }];
        let raster = paint(grid, &patches, |i| (i < 3).then_some((i as f32, 1.0)));
        for (x, y) in (0..40).flat_map(|y| (0..40).map(move |x| (x, y))) {
            let place = grid.centre(x, y);
            // The later one lies on top.
            let expected = (0..3).rev().find(|i| patches[*i].contains(place)).map_or(f32::NAN, |i| i as f32);
            let (value, doubt) = raster.cell(UVec2::new(x, y)).unwrap();
            assert!(value == expected || value.is_nan() && expected.is_nan(), "{x} {y}: {value} is not {expected}");
            assert_eq!(doubt.is_finite(), expected.is_finite());
        }
    }

    #[test]
    fn the_error_of_a_mean_and_of_each_value_told_from_its_neighbours() {
        let patches = [Patch { rings_m: vec![square(0.0, 0.0, 10.0)] }, Patch { rings_m: vec![square(10.0, 0.0, 10.0)] }];
        let values = [(1.0, 3.0), (2.0, 5.0), (3.0, 10.0), (12.0, 7.0)].map(|(x, v)| (DVec2::new(x, 5.0), v));
        let (found, _) = roll_up(&patches, values);
        // Deviations -3, -1, 4 of the mean 6: variance 13.
        assert!((found[0].error().unwrap() - (13.0f64 / 3.0).sqrt()).abs() < 1e-12 && found[1].error().is_none());
        let wrong = [3.0 - 7.5, 5.0 - 6.5, 10.0 - 4.0f64];
        let expected = (wrong.iter().map(|e| e * e).sum::<f64>() / 3.0).sqrt();
        assert!((leave_one_out_rmse(&found).unwrap() - expected).abs() < 1e-12);
        assert_eq!(leave_one_out_rmse(&found[1..]), None);
    }
}
