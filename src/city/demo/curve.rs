//! Lines and rings in the plane: smooth, measure, cross, offset.

use glam::DVec2;

/// A smooth line through `points` (centripetal enough for hand-set points): Catmull-Rom, resampled every `step` metres.
pub fn smooth(points: &[DVec2], closed: bool, step: f64) -> Vec<DVec2> {
    let n = points.len();
    let at = |i: isize| -> DVec2 {
        if closed { points[i.rem_euclid(n as isize) as usize] } else { points[i.clamp(0, n as isize - 1) as usize] }
    };
    let spans = if closed { n } else { n - 1 };
    let mut fine = Vec::new();
    for i in 0..spans as isize {
        let (a, b, c, d) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        for k in 0..32 {
            let t = f64::from(k) / 32.0;
            let (t2, t3) = (t * t, t * t * t);
            fine.push(0.5 * (2.0 * b + (c - a) * t + (2.0 * a - 5.0 * b + 4.0 * c - d) * t2 + (3.0 * b - a - 3.0 * c + d) * t3));
        }
    }
    fine.push(if closed { points[0] } else { points[n - 1] });
    let mut line = resample(&fine, step);
    if closed {
        line.pop();
    }
    line
}

/// Points at equal distances of about `step` metres along `line`, both ends kept.
pub fn resample(line: &[DVec2], step: f64) -> Vec<DVec2> {
    let total = length(line);
    let count = (total / step).round().max(1.0) as usize;
    let mut out = Vec::with_capacity(count + 1);
    let (mut seg, mut before) = (0, 0.0);
    for i in 0..=count {
        let want = total * i as f64 / count as f64;
        while seg + 2 < line.len() && before + line[seg].distance(line[seg + 1]) < want {
            before += line[seg].distance(line[seg + 1]);
            seg += 1;
        }
        let span = line[seg].distance(line[seg + 1]).max(1e-9);
        out.push(line[seg].lerp(line[seg + 1], ((want - before) / span).clamp(0.0, 1.0)));
    }
    out
}

/// The same line with no stretch longer than `step` metres; every point of it is kept, so its length is too.
pub fn densify(line: &[DVec2], step: f64) -> Vec<DVec2> {
    let mut out = vec![line[0]];
    for w in line.windows(2) {
        let n = (w[0].distance(w[1]) / step).ceil().max(1.0) as usize;
        out.extend((1..=n).map(|i| w[0].lerp(w[1], i as f64 / n as f64)));
    }
    out.dedup_by(|a, b| a.distance(*b) < 0.05);
    out
}

/// Metres.
pub fn length(line: &[DVec2]) -> f64 {
    line.windows(2).map(|w| w[0].distance(w[1])).sum()
}

/// Running distance at each point, metres.
pub fn stations(line: &[DVec2]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut out = vec![0.0];
    for w in line.windows(2) {
        sum += w[0].distance(w[1]);
        out.push(sum);
    }
    out
}

/// The point `along` metres from the start (clamped to the ends).
pub fn point_at(line: &[DVec2], along: f64) -> DVec2 {
    let mut left = along.max(0.0);
    for w in line.windows(2) {
        let span = w[0].distance(w[1]);
        if left <= span && span > 0.0 {
            return w[0].lerp(w[1], left / span);
        }
        left -= span;
    }
    line[line.len() - 1]
}

/// Unit normal to the left at each point of an open line.
pub fn normals(line: &[DVec2]) -> Vec<DVec2> {
    let n = line.len();
    (0..n).map(|i| (line[(i + 1).min(n - 1)] - line[i.saturating_sub(1)]).normalize_or_zero().perp()).collect()
}

/// The line shifted by `by(i)` metres to the left.
pub fn offset(line: &[DVec2], by: impl Fn(usize) -> f64) -> Vec<DVec2> {
    normals(line).iter().zip(line).enumerate().map(|(i, (n, p))| *p + *n * by(i)).collect()
}

/// Distance from `p` to the segment `ab`, and where along it (0 to 1).
pub fn segment_distance(p: DVec2, a: DVec2, b: DVec2) -> (f64, f64) {
    let ab = b - a;
    let t = ((p - a).dot(ab) / ab.length_squared().max(1e-12)).clamp(0.0, 1.0);
    (p.distance(a + ab * t), t)
}

/// Where `ab` and `cd` cross: fractions along each.
pub fn crossing(a: DVec2, b: DVec2, c: DVec2, d: DVec2) -> Option<(f64, f64)> {
    let (r, s) = (b - a, d - c);
    let det = r.perp_dot(s);
    if det.abs() < 1e-9 {
        return None;
    }
    let (t, u) = ((c - a).perp_dot(s) / det, (c - a).perp_dot(r) / det);
    ((0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u)).then_some((t, u))
}

/// Is `p` within the ring (even-odd)? The ring is not closed (first point not repeated).
pub fn within(ring: &[DVec2], p: DVec2) -> bool {
    let mut inside = false;
    let mut j = ring.len() - 1;
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[j]);
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
        j = i;
    }
    inside
}

/// Twice-halved shoelace: positive when counter-clockwise, square metres.
pub fn area(ring: &[DVec2]) -> f64 {
    (0..ring.len()).map(|i| ring[i].perp_dot(ring[(i + 1) % ring.len()])).sum::<f64>() / 2.0
}

/// Keeps the part of a convex or concave ring on the side of `p` where `(x - p) . n <= 0` (Sutherland-Hodgman).
pub fn clip(ring: &[DVec2], p: DVec2, n: DVec2) -> Vec<DVec2> {
    let mut out = Vec::with_capacity(ring.len() + 2);
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        let (da, db) = ((a - p).dot(n), (b - p).dot(n));
        if da <= 0.0 {
            out.push(a);
        }
        if (da < 0.0 && db > 0.0) || (da > 0.0 && db < 0.0) {
            out.push(a.lerp(b, da / (da - db)));
        }
    }
    out
}

/// Segments in square bins, to ask what is near.
pub struct SegmentIndex {
    bins: Vec<Vec<u32>>,
    pub segments: Vec<(DVec2, DVec2, u32)>,
}

/// Half the side of the indexed square, metres; what lies beyond is put into the border bins.
const INDEX_HALF_M: f64 = 13_000.0;
const BIN_M: f64 = 200.0;
const BINS: usize = (2.0 * INDEX_HALF_M / BIN_M) as usize;

impl Default for SegmentIndex {
    fn default() -> Self {
        Self { bins: vec![Vec::new(); BINS * BINS], segments: Vec::new() }
    }
}

impl SegmentIndex {
    fn bin(v: f64) -> usize {
        (((v + INDEX_HALF_M) / BIN_M).floor().max(0.0) as usize).min(BINS - 1)
    }

    /// `owner` is given back by [`SegmentIndex::near`].
    pub fn add(&mut self, a: DVec2, b: DVec2, owner: u32) {
        let id = self.segments.len() as u32;
        self.segments.push((a, b, owner));
        for by in Self::bin(a.y.min(b.y))..=Self::bin(a.y.max(b.y)) {
            for bx in Self::bin(a.x.min(b.x))..=Self::bin(a.x.max(b.x)) {
                self.bins[by * BINS + bx].push(id);
            }
        }
    }

    pub fn add_line(&mut self, line: &[DVec2], owner: u32) {
        for w in line.windows(2) {
            self.add(w[0], w[1], owner);
        }
    }

    /// Ids of the segments whose bins touch the square of half side `reach` around `p`; may repeat.
    pub fn near(&self, p: DVec2, reach: f64) -> impl Iterator<Item = u32> + '_ {
        let (x0, x1) = (Self::bin(p.x - reach), Self::bin(p.x + reach));
        (Self::bin(p.y - reach)..=Self::bin(p.y + reach))
            .flat_map(move |y| (x0..=x1).flat_map(move |x| self.bins[y * BINS + x].iter().copied()))
    }

    /// Distance to the nearest segment within `reach`, its id and the fraction along it.
    pub fn nearest(&self, p: DVec2, reach: f64) -> Option<(f64, u32, f64)> {
        let mut best: Option<(f64, u32, f64)> = None;
        for id in self.near(p, reach) {
            let (a, b, _) = self.segments[id as usize];
            let (d, t) = segment_distance(p, a, b);
            if d <= reach && best.is_none_or(|(least, ..)| d < least) {
                best = Some((d, id, t));
            }
        }
        best
    }
}

/// Like [`length`], zero for a line without points.
pub fn length_or_zero(line: &[DVec2]) -> f64 {
    if line.len() < 2 { 0.0 } else { length(line) }
}
