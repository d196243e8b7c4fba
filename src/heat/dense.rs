//! Small dense systems: the factor of a covariance matrix without square roots, and what is solved with it.

use fearless_simd::{Level, Simd, dispatch, f64x4};

/// A = L D Lᵀ of a symmetric positive definite matrix, with ones on L's diagonal (Golub and Van Loan 2013, section 4.1.2).
///
/// The square roots of Cholesky's own form would each wait for the one before. L lies here row by row and D Lᵀ beside it: what is added up then always
/// stands side by side, four numbers to a vector. See `kriging::lanes` for how such code is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Factor {
    size: usize,
    /// From one row to the next in both triangles: the size, rounded up to whole vectors.
    stride: usize,
    /// L left of its diagonal. 0 in the rest of the vector it ends in, anything beyond.
    lower: Vec<f64>,
    /// D Lᵀ from its diagonal on. 0 in the rest of the vectors it begins and ends in, anything before.
    upper: Vec<f64>,
    /// 1 / D.
    inverse: Vec<f64>,
}

/// Numbers of double precision in a vector.
const WIDE: usize = 4;

/// A pivot under this share of its diagonal means that one sample says what the others have said.
const PIVOT_MIN: f64 = 1e-10;

impl Factor {
    /// Factorises the matrix of which `fill(i, row)` writes row i from the diagonal on, reusing the memory of the one before.
    /// `false` when it is not positive definite.
    pub(super) fn of(&mut self, level: Level, size: usize, mut fill: impl FnMut(usize, &mut [f64])) -> bool {
        (self.size, self.stride) = (size, size.next_multiple_of(WIDE));
        let most = self.lower.len().max(size * self.stride);
        self.lower.resize(most, 0.0);
        self.upper.resize(most, 0.0);
        self.inverse.resize(self.inverse.len().max(size), 0.0);
        for (i, row) in self.upper.chunks_exact_mut(self.stride.max(1)).take(size).enumerate() {
            let (row, beyond) = row.split_at_mut(size);
            fill(i, row);
            beyond.fill(0.0);
        }
        dispatch!(level, simd => self.eliminate(simd))
    }

    #[inline(always)]
    fn eliminate<S: Simd>(&mut self, simd: S) -> bool {
        let stride = self.stride;
        for i in 0..self.size {
            let (above, row) = self.upper.split_at_mut(i * stride);
            let own = &mut self.lower[i * stride..(i + 1) * stride];
            for j in 0..i {
                own[j] = above[j * stride + i] * self.inverse[j];
            }
            let diagonal = row[i];
            // What shares a vector with the row's end or begin is read and must not count.
            let begin = i / WIDE * WIDE;
            own[i..begin + WIDE].fill(0.0);
            for at in (begin..stride).step_by(WIDE) {
                let mut sum = load(simd, row, at);
                for (l, other) in own[..i].iter().zip(above.chunks_exact(stride)) {
                    sum = simd.mul_add_f64x4(simd.splat_f64x4(-*l), load(simd, other, at), sum);
                }
                store(simd, row, at, sum);
            }
            row[begin..i].fill(0.0);
            if !(row[i] > PIVOT_MIN * diagonal) {
                return false;
            }
            self.inverse[i] = 1.0 / row[i];
        }
        true
    }

    /// Row i of L left of its diagonal, and 1 / D of it.
    pub(super) fn row(&self, i: usize) -> (&[f64], f64) {
        let begin = i * self.stride;
        (&self.lower[begin..begin + i], self.inverse[i])
    }

    /// Turns b into x with A x = b.
    pub(super) fn solve(&self, level: Level, b: &mut Vec<f64>) {
        debug_assert_eq!(b.len(), self.size);
        b.resize(self.stride, 0.0);
        dispatch!(level, simd => self.substitute(simd, b));
        b.truncate(self.size);
    }

    #[inline(always)]
    fn substitute<S: Simd>(&self, simd: S, b: &mut [f64]) {
        for i in 0..self.size {
            let known = b[i] * self.inverse[i];
            less(simd, b, known, &self.upper[i * self.stride..(i + 1) * self.stride], i / WIDE * WIDE, self.stride);
            // All that is left of it is its own part: D's.
            b[i] = known;
        }
        for i in (0..self.size).rev() {
            less(simd, b, b[i], &self.lower[i * self.stride..(i + 1) * self.stride], 0, i);
        }
    }
}

/// b - known * row, for the vectors that begin in `from..to`.
#[inline(always)]
fn less<S: Simd>(simd: S, b: &mut [f64], known: f64, row: &[f64], from: usize, to: usize) {
    let known = simd.splat_f64x4(-known);
    for at in (from..to).step_by(WIDE) {
        let left = simd.mul_add_f64x4(known, load(simd, row, at), load(simd, b, at));
        store(simd, b, at, left);
    }
}

#[inline(always)]
fn load<S: Simd>(simd: S, from: &[f64], at: usize) -> f64x4<S> {
    let mut four = simd.splat_f64x4(0.0);
    if let Some(from) = from[at..].first_chunk() {
        *simd.as_array_mut_f64x4(&mut four) = *from;
    }
    four
}

#[inline(always)]
fn store<S: Simd>(simd: S, to: &mut [f64], at: usize, four: f64x4<S>) {
    if let Some(to) = to[at..].first_chunk_mut() {
        *to = *simd.as_array_ref_f64x4(&four);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heat::kriging::tests::levels;
    use proptest::prelude::*;

    #[test]
    fn a_matrix_whose_rows_repeat_is_refused() {
        for level in levels() {
            assert!(!Factor::default().of(level, 2, |i, row| row[i..].fill(1.0)));
            assert!(!Factor::default().of(level, 1, |_, row| row.fill(f64::NAN)));
            assert!(Factor::default().of(level, 0, |_, _| ()));
        }
    }

    proptest! {
        #[test]
        fn what_is_solved_gives_back_what_was_asked(places in prop::collection::vec(0.0..100.0f64, 1..12), wanted in prop::collection::vec(-9.0..9.0f64, 12)) {
            let n = places.len();
            let entry = |i: usize, j: usize| (-(places[i] - places[j]).abs() / 20.0).exp() + f64::from(u8::from(i == j)) * 0.1;
            for level in levels() {
                let mut factor = Factor::default();
                // Of the matrix before nothing is left.
                prop_assert!(factor.of(level, 13, |i, row| row[i..].iter_mut().zip([7.0, 3.0]).for_each(|(to, v)| *to = v)));
                prop_assert!(factor.of(level, n, |i, row| (i..n).for_each(|j| row[j] = entry(i, j))));
                let mut b: Vec<f64> = (0..n).map(|i| (0..n).map(|j| entry(i, j) * wanted[j]).sum()).collect();
                factor.solve(level, &mut b);
                prop_assert!(b.len() == n && b.iter().zip(&wanted).all(|(x, w)| (x - w).abs() < 1e-8));
            }
        }
    }
}
