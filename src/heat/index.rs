//! Nearest samples by buckets of a plain grid.
//!
//! Buckets lie side by side on the ground, distances are those in space: the height of a point only makes it farther.
//!
//! Shorter than a tree and, for points spread over a city, as fast: a query looks at the bucket it stands in and at rings around it. Where nearly all
//! points stand in one bucket (two towns a country apart) it becomes a list that is walked through, slower but as right.

use glam::{DVec2, DVec3};

/// A sample found near a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Position in the list the index was made of.
    pub sample: u32,
    pub distance_m: f64,
}

impl Near {
    /// Sooner in a list of the nearest: by distance, equal ones by position.
    #[inline(always)]
    fn is_before(&self, other: &Self) -> bool {
        self.distance_m < other.distance_m || (self.distance_m == other.distance_m && self.sample < other.sample)
    }
}

/// Points in buckets.
#[derive(Clone, Debug, Default)]
pub struct Index {
    low: DVec2,
    high: DVec2,
    side: f64,
    columns: usize,
    rows: usize,
    /// Where each bucket's points begin in `points`; one more than there are buckets.
    starts: Vec<u32>,
    points: Vec<(DVec3, u32)>,
}

/// Points a bucket holds on average: with two, a search for twelve looks at some fifty points.
const POINTS_PER_BUCKET: f64 = 2.0;
/// Most buckets along one side, whatever the shape of the cloud.
const SIDE_MAX: f64 = 4096.0;

impl Index {
    /// Points must be finite; others are never found.
    pub fn new(points: impl IntoIterator<Item = DVec3>) -> Self {
        let all: Vec<(DVec3, u32)> = points.into_iter().zip(0u32..).filter(|(p, _)| p.is_finite()).collect();
        if all.is_empty() {
            return Self::default();
        }
        let (low, high) =
            all.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(l, h), (p, _)| (l.min(p.truncate()), h.max(p.truncate())));
        let size = (high - low).max(DVec2::splat(1e-6));
        let side = (size.x * size.y * POINTS_PER_BUCKET / all.len() as f64).sqrt().max(size.max_element() / SIDE_MAX);
        let (columns, rows) = ((size.x / side) as usize + 1, (size.y / side) as usize + 1);
        let mut index = Self { low, high, side, columns, rows, starts: vec![0; columns * rows + 1], points: Vec::new() };
        // Counting sort: how many, where each bucket begins, then each to its place.
        for (p, _) in &all {
            let bucket = index.bucket(p.truncate());
            index.starts[bucket + 1] += 1;
        }
        (1..index.starts.len()).for_each(|i| index.starts[i] += index.starts[i - 1]);
        let mut next = index.starts.clone();
        index.points = vec![(DVec3::ZERO, 0); all.len()];
        for point in all {
            let bucket = index.bucket(point.0.truncate());
            index.points[next[bucket] as usize] = point;
            next[bucket] += 1;
        }
        index
    }

    pub fn len(&self) -> usize {
        self.points.len()
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    fn column_row(&self, p: DVec2) -> (usize, usize) {
        let at = (p.clamp(self.low, self.high) - self.low) / self.side;
        ((at.x as usize).min(self.columns - 1), (at.y as usize).min(self.rows - 1))
    }

    fn bucket(&self, p: DVec2) -> usize {
        let (x, y) = self.column_row(p);
        y * self.columns + x
    }

    /// Points of the buckets `from..=to` of one row: they lie side by side.
    fn row(&self, y: usize, from: usize, to: usize) -> &[(DVec3, u32)] {
        let (a, b) = (self.starts[y * self.columns + from], self.starts[y * self.columns + to + 1]);
        &self.points[a as usize..b as usize]
    }

    /// The `k` nearest to a place, the nearest first (equal distances by position in the list), into `found`, which is cleared.
    pub fn nearest(&self, place: DVec3, k: usize, found: &mut Vec<Near>) {
        found.clear();
        if self.is_empty() || k == 0 {
            return;
        }
        // Distances to what lies in the rectangle only shrink when a place outside is moved to its edge, so this bounds them from below.
        let flat = place.truncate();
        let inside = flat.clamp(self.low, self.high);
        let (x, y) = self.column_row(flat);
        let in_bucket = inside - self.low - DVec2::new(x as f64, y as f64) * self.side;
        let to_edge = in_bucket.min(DVec2::splat(self.side) - in_bucket).min_element().max(0.0);
        for ring in 0..self.columns.max(self.rows) {
            let unseen = to_edge + (ring as f64 - 1.0) * self.side;
            if found.len() == k && ring > 0 && found[k - 1].distance_m <= unseen {
                break;
            }
            let (left, right) = (x.saturating_sub(ring), (x + ring).min(self.columns - 1));
            for row in y.saturating_sub(ring)..=(y + ring).min(self.rows - 1) {
                if row.abs_diff(y) == ring {
                    self.row(row, left, right).iter().for_each(|p| keep(found, k, place, p));
                    continue;
                }
                for column in [x.checked_sub(ring), Some(x + ring).filter(|c| *c < self.columns)].into_iter().flatten() {
                    self.row(row, column, column).iter().for_each(|p| keep(found, k, place, p));
                }
            }
        }
    }

    /// Every sample within `radius_m` of a place, in no order.
    pub fn within(&self, place: DVec3, radius_m: f64, mut each: impl FnMut(Near, DVec3)) {
        if self.is_empty() || !(radius_m >= 0.0) {
            return;
        }
        let radius = DVec2::splat(radius_m.min(1e12));
        let flat = place.truncate();
        let ((left, low), (right, high)) = (self.column_row(flat - radius), self.column_row(flat + radius));
        for row in low..=high {
            for (p, sample) in self.row(row, left, right) {
                let distance_m = p.distance(place);
                if distance_m <= radius_m {
                    each(Near { sample: *sample, distance_m }, *p);
                }
            }
        }
    }
}

/// Puts a point among the `k` nearest, sorted; `k` is small, so shifting is faster than a heap.
fn keep(found: &mut Vec<Near>, k: usize, place: DVec3, (point, sample): &(DVec3, u32)) {
    let near = Near { sample: *sample, distance_m: point.distance(place) };
    if found.len() < k {
        found.push(near);
    } else if !found.last().is_some_and(|farthest| near.is_before(farthest)) {
        return;
    }
    // What is in the last place has another or goes.
    let mut at = found.len() - 1;
    while at > 0 && near.is_before(&found[at - 1]) {
        found[at] = found[at - 1];
        at -= 1;
    }
    found[at] = near;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_sorting(points: &[DVec3], place: DVec3, k: usize) -> Vec<Near> {
        let mut all: Vec<Near> = points.iter().zip(0u32..).map(|(p, sample)| Near { sample, distance_m: p.distance(place) }).collect();
        all.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.sample.cmp(&b.sample)));
        all.truncate(k);
        all
    }

    #[test]
    fn of_no_points_none_is_near_and_those_that_are_no_numbers_are_never_found() {
        let mut found = vec![Near { sample: 9, distance_m: 1.0 }];
        Index::new([]).nearest(DVec3::ZERO, 3, &mut found);
        assert!(found.is_empty());
        let index = Index::new([DVec3::NAN, DVec3::ONE, DVec3::ONE]);
        index.nearest(DVec3::ZERO, 3, &mut found);
        assert_eq!(found.iter().map(|n| n.sample).collect::<Vec<_>>(), [1, 2]);
    }

    proptest! {
        #[test]
        fn the_nearest_are_those_that_sorting_all_by_distance_gives(
            points in prop::collection::vec((-5e3..5e3f64, -9e2..9e2f64, 0.0..2e3f64), 1..120), x in -2e4..2e4f64, y in -2e4..2e4f64, z in 0.0..3e3f64,
            k in 1usize..20
        ) {
            let points: Vec<DVec3> = points.into_iter().map(|(x, y, z)| DVec3::new(x.round(), y, z)).collect();
            let (index, place) = (Index::new(points.iter().copied()), DVec3::new(x, y, z));
            let mut found = Vec::new();
            index.nearest(place, k, &mut found);
            prop_assert_eq!(&found, &by_sorting(&points, place, k));
            let radius = found[found.len() / 2].distance_m;
            let mut inside = Vec::new();
            index.within(place, radius, |near, p| inside.push((near.sample, p)));
            inside.sort_by_key(|(s, _)| *s);
            let expected: Vec<_> = points.iter().zip(0u32..).filter(|(p, _)| p.distance(place) <= radius).map(|(p, s)| (s, *p)).collect();
            prop_assert_eq!(inside, expected);
        }
    }
}
