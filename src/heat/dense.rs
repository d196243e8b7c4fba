//! Small dense systems: Cholesky's factor of a covariance matrix, and what is solved with it.

/// Lower triangle L of a symmetric positive definite matrix A = L Lᵀ, row by row: row i has i + 1 numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Factor {
    rows: Vec<f64>,
    /// 1 / L[i][i]: a division less for each cell of a field.
    inverse_diagonal: Vec<f64>,
}

/// A pivot under this share of its diagonal means that one sample says what the others have said.
const PIVOT_MIN: f64 = 1e-10;

impl Factor {
    /// Factorises the matrix of which `entry(i, j)` with j <= i is given (Cholesky-Banachiewicz), reusing the memory of the one before.
    /// `false` when it is not positive definite.
    pub(super) fn of(&mut self, size: usize, entry: impl Fn(usize, usize) -> f64) -> bool {
        self.rows.clear();
        self.inverse_diagonal.clear();
        for i in 0..size {
            let begin = self.rows.len();
            let diagonal = entry(i, i);
            for j in 0..=i {
                let row_j = j * (j + 1) / 2;
                let (above, own) = (&self.rows[row_j..row_j + j], &self.rows[begin..begin + j]);
                let dot: f64 = if i == j { own.iter().map(|a| a * a).sum() } else { above.iter().zip(own).map(|(a, b)| a * b).sum() };
                let left = if i == j { diagonal - dot } else { entry(i, j) - dot };
                if i != j {
                    self.rows.push(left * self.inverse_diagonal[j]);
                } else if left > PIVOT_MIN * diagonal {
                    let pivot = left.sqrt();
                    self.rows.push(pivot);
                    self.inverse_diagonal.push(1.0 / pivot);
                } else {
                    return false;
                }
            }
        }
        true
    }

    pub(super) fn len(&self) -> usize {
        self.inverse_diagonal.len()
    }

    /// Row i left of the diagonal, and 1 / L[i][i].
    pub(super) fn row(&self, i: usize) -> (&[f64], f64) {
        let begin = i * (i + 1) / 2;
        (&self.rows[begin..begin + i], self.inverse_diagonal[i])
    }

    /// Turns b into x with A x = b.
    pub(super) fn solve(&self, b: &mut [f64]) {
        debug_assert_eq!(b.len(), self.len());
        for i in 0..b.len() {
            let (row, inverse) = self.row(i);
            let dot: f64 = row.iter().zip(&*b).map(|(l, y)| l * y).sum();
            b[i] = (b[i] - dot) * inverse;
        }
        for i in (0..b.len()).rev() {
            let (row, inverse) = self.row(i);
            b[i] *= inverse;
            let x = b[i];
            b[..i].iter_mut().zip(row).for_each(|(y, l)| *y -= l * x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_matrix_whose_rows_repeat_is_refused() {
        assert!(!Factor::default().of(2, |_, _| 1.0));
        assert!(!Factor::default().of(1, |_, _| f64::NAN));
        assert!(Factor::default().of(0, |_, _| 1.0));
    }

    proptest! {
        #[test]
        fn what_is_solved_gives_back_what_was_asked(places in prop::collection::vec(0.0..100.0f64, 1..12), wanted in prop::collection::vec(-9.0..9.0f64, 12)) {
            let n = places.len();
            let entry = |i: usize, j: usize| (-(places[i] - places[j]).abs() / 20.0).exp() + f64::from(u8::from(i == j)) * 0.1;
            let mut factor = Factor::default();
            prop_assert!(factor.of(n, entry));
            let mut b: Vec<f64> = (0..n).map(|i| (0..n).map(|j| entry(i.max(j), i.min(j)) * wanted[j]).sum()).collect();
            factor.solve(&mut b);
            prop_assert!(b.iter().zip(&wanted).all(|(x, w)| (x - w).abs() < 1e-8));
        }
    }
}
