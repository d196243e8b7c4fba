//! A projection over a small extent as a polynomial: PROJ takes a microsecond a point, a city has millions.

use glam::DVec2;
use std::f64::consts::PI;

/// Degrees by which the polynomial may miss PROJ at the check points: a tenth of a millimetre on the ground.
const MISS_MAX_DEG: f64 = 1e-9;
/// Terms along each axis: over 4 km the next one is under a micrometre.
const TERMS: usize = 4;
/// Check points along each axis, between the nodes.
const CHECKS: usize = 3;
/// Side of a cell in metres, and in degrees for systems that count in them.
const CELL: [f64; 2] = [4096.0, 1.0 / 32.0];

/// A cell of a fixed grid over a coordinate system: what a point becomes must depend on nothing but the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    x: i32,
    y: i32,
    degrees: bool,
}

impl Cell {
    /// The cell of a point; `degrees` when its system counts in them.
    pub fn of(p: DVec2, degrees: bool) -> Self {
        let at = (p / CELL[usize::from(degrees)]).floor();
        Self { x: at.x as i32, y: at.y as i32, degrees }
    }

    fn side(self) -> f64 {
        CELL[usize::from(self.degrees)]
    }
}

/// Longitude and latitude, degrees, as a Chebyshev series in x and y over a cell.
pub struct Patch {
    lo: DVec2,
    side: f64,
    /// x within y.
    coefficients: [DVec2; TERMS * TERMS],
}

impl Patch {
    /// Fits `exact` over a cell; `None` when it is too rough for a polynomial, or fails anywhere.
    pub fn fit(cell: Cell, exact: impl Fn(DVec2) -> Option<DVec2>) -> Option<Self> {
        let (lo, side) = (DVec2::new(f64::from(cell.x), f64::from(cell.y)) * cell.side(), cell.side());
        let node = |k: usize| (PI * (k as f64 + 0.5) / TERMS as f64).cos();
        let at = |u: f64, v: f64| lo + (DVec2::new(u, v) + 1.0) * 0.5 * side;
        let pairs = |n: usize| (0..n).flat_map(move |j| (0..n).map(move |i| (j, i)));
        let mut values = [DVec2::ZERO; TERMS * TERMS];
        for (j, i) in pairs(TERMS) {
            values[j * TERMS + i] = exact(at(node(i), node(j)))?;
        }
        let basis = |k: usize, n: usize| (PI * n as f64 * (k as f64 + 0.5) / TERMS as f64).cos();
        let weight = |n: usize| if n == 0 { 1.0 } else { 2.0 } / TERMS as f64;
        let mut coefficients = [DVec2::ZERO; TERMS * TERMS];
        for (m, n) in pairs(TERMS) {
            let sum: DVec2 = pairs(TERMS).map(|(j, i)| values[j * TERMS + i] * basis(i, n) * basis(j, m)).sum();
            coefficients[m * TERMS + n] = sum * weight(m) * weight(n);
        }
        let patch = Self { lo, side, coefficients };
        let check = |k: usize| -1.0 + 2.0 * k as f64 / (CHECKS as f64 - 1.0);
        let holds = |(j, i): (usize, usize)| {
            let p = at(check(i), check(j));
            exact(p).is_some_and(|e| (e - patch.at(p)).abs().max_element() <= MISS_MAX_DEG)
        };
        pairs(CHECKS).all(holds).then_some(patch)
    }

    /// Longitude and latitude, degrees, of a point of the cell.
    pub fn at(&self, p: DVec2) -> DVec2 {
        let u = (p - self.lo) * (2.0 / self.side) - 1.0;
        let (tx, ty) = (chebyshev(u.x), chebyshev(u.y));
        let mut sum = DVec2::ZERO;
        for (row, y) in self.coefficients.chunks_exact(TERMS).zip(ty) {
            let along: DVec2 = row.iter().zip(tx).map(|(c, x)| *c * x).sum();
            sum += along * y;
        }
        sum
    }
}

/// The first polynomials of Chebyshev at `u`.
fn chebyshev(u: f64) -> [f64; TERMS] {
    [1.0, u, 2.0 * u * u - 1.0, (4.0 * u * u - 3.0) * u]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_function_is_met_and_a_rough_one_refused() {
        let smooth = |p: DVec2| Some(DVec2::new((p.x / 6.4e6).sin() * 57.0, (p.y / 6.4e6).tan() * 57.0 + p.x * p.y * 1e-12));
        let p = DVec2::new(80_123.0, -456_789.0);
        let cell = Cell::of(p, false);
        let patch = Patch::fit(cell, smooth).unwrap();
        assert!((patch.at(p) - smooth(p).unwrap()).abs().max_element() < 1e-9);
        assert!(cell == Cell::of(p + 50.0, false) && cell != Cell::of(p + 5000.0, false));
        assert!(Patch::fit(cell, |p: DVec2| Some(p + (p.x * 0.01).sin())).is_none());
    }
}
