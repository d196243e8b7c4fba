//! Right-triangulated irregular networks (Evans, Kirkpatrick and Townsend 2001, after Mapbox's `martini`): a square grid to few triangles within an error.

use std::sync::OnceLock;

/// Samples a side; a power of two plus one.
pub const SIDE: usize = 65;
const LAST: usize = SIDE - 1;
/// Nodes of the binary tree of triangles, without its two virtual ones.
const TRIANGLES: usize = LAST * LAST * 2 - 2;
const PARENTS: usize = TRIANGLES - LAST * LAST;

/// Ends of the hypotenuse of every triangle of the tree: ax, ay, bx, by.
fn hypotenuses() -> &'static [[u8; 4]] {
    static CACHE: OnceLock<Vec<[u8; 4]>> = OnceLock::new();
    CACHE.get_or_init(|| {
        (0..TRIANGLES)
            .map(|i| {
                let mut id = i + 2;
                let ((mut ax, mut ay), (mut bx, mut by), (mut cx, mut cy)) =
                    if id & 1 == 1 { ((0, 0), (LAST, LAST), (LAST, 0)) } else { ((LAST, LAST), (0, 0), (0, LAST)) };
                id >>= 1;
                while id > 1 {
                    let (mx, my) = ((ax + bx) / 2, (ay + by) / 2);
                    if id & 1 == 1 {
                        ((bx, by), (ax, ay)) = ((ax, ay), (cx, cy));
                    } else {
                        ((ax, ay), (bx, by)) = ((bx, by), (cx, cy));
                    }
                    (cx, cy) = (mx, my);
                    id >>= 1;
                }
                [ax as u8, ay as u8, bx as u8, by as u8]
            })
            .collect()
    })
}

/// Triangles (grid indices, row by row) over heights in which every step left out is at most `error`; those that touch a NaN are left out.
pub fn triangulate(heights: &[f64], error: f64) -> Vec<[u32; 3]> {
    debug_assert_eq!(heights.len(), SIDE * SIDE);
    let errors = errors(heights);
    let mut out = Vec::new();
    let mut stack = vec![[(LAST, LAST), (0, 0), (0, LAST)], [(0, 0), (LAST, LAST), (LAST, 0)]];
    while let Some([a, b, c]) = stack.pop() {
        let m = ((a.0 + b.0) / 2, (a.1 + b.1) / 2);
        if a.0.abs_diff(c.0) + a.1.abs_diff(c.1) > 1 && errors[index(m)] > error {
            stack.push([b, c, m]);
            stack.push([c, a, m]);
        } else if [a, b, c].iter().all(|p| heights[index(*p)].is_finite()) {
            out.push([a, b, c].map(|p| index(p) as u32));
        }
    }
    out
}

fn index((x, y): (usize, usize)) -> usize {
    y * SIDE + x
}

/// For every grid point: the error of leaving it, and all below it, out. Infinite beside holes, so that their rims stay sharp.
fn errors(heights: &[f64]) -> Vec<f64> {
    let mut errors = vec![0.0f64; SIDE * SIDE];
    for (i, h) in hypotenuses().iter().enumerate().rev() {
        let [ax, ay, bx, by] = h.map(usize::from);
        let (mx, my) = ((ax + bx) / 2, (ay + by) / 2);
        // The right angle: the hypotenuse's half turned by 90 degrees. Never negative, the tree stays in its square.
        let (cx, cy) = (mx + my - ay, my + ax - mx);
        let middle = index((mx, my));
        let [a, b, m] = [index((ax, ay)), index((bx, by)), middle].map(|i| heights[i]);
        let own = match [a, b, m].iter().filter(|v| v.is_nan()).count() {
            0 => ((a + b) * 0.5 - m).abs(),
            3 => 0.0,
            _ => f64::INFINITY,
        };
        let mut worst = errors[middle].max(own);
        if i < PARENTS {
            worst = worst.max(errors[index(((ax + cx) / 2, (ay + cy) / 2))]).max(errors[index(((bx + cx) / 2, (by + cy) / 2))]);
        }
        errors[middle] = worst;
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        (0..SIDE * SIDE).map(|i| f((i % SIDE) as f64, (i / SIDE) as f64)).collect()
    }

    /// Twice the area covered, in cells.
    fn area(triangles: &[[u32; 3]]) -> i64 {
        let at = |i: u32| (i64::from(i) % SIDE as i64, i64::from(i) / SIDE as i64);
        let one = |t: &[u32; 3]| {
            let [a, b, c] = t.map(at);
            ((b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)).abs()
        };
        triangles.iter().map(one).sum()
    }

    #[test]
    fn a_plane_is_two_triangles_and_a_hill_is_met_within_the_error() {
        assert_eq!(triangulate(&field(|x, y| 3.0 * x - y), 1e-9).len(), 2);
        let hill = field(|x, y| 40.0 * (-((x - 20.0).powi(2) + (y - 41.0).powi(2)) / 200.0).exp());
        let (fine, rough) = (triangulate(&hill, 0.2), triangulate(&hill, 4.0));
        assert!(rough.len() > 2 && rough.len() < fine.len() && fine.len() < 2 * LAST * LAST);
        for mesh in [&fine, &rough] {
            assert_eq!(area(mesh), 2 * (LAST * LAST) as i64, "covers the square once");
        }
    }

    #[test]
    fn a_hole_is_left_open_and_only_the_hole() {
        let mut flat = field(|_, _| 1.0);
        flat[30 * SIDE + 30] = f64::NAN;
        let missing = 2 * (LAST * LAST) as i64 - area(&triangulate(&flat, 0.1));
        assert!((4..=8).contains(&missing), "{missing} half cells");
    }
}
