//! The outline of a building or piece of ground in metres: rings that hold, and the mending that makes them so.

use super::feature::Path;
use geo::algorithm::bool_ops::{BooleanOps, FillRule, OpType};
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::{Coord, LineString, MultiPolygon, Polygon};
use glam::DVec2;
use std::ops::Range;

/// Points nearer than this are one, metres: tiles are exact to a centimetre.
const SAME_M: f64 = 0.01;
/// Outlines smaller than this are specks, square metres.
const AREA_MIN_M2: f64 = 0.25;
/// Corners of one outline; a shoreline of a country is not a thing to extrude.
pub(super) const CORNERS_MAX: usize = 200_000;

/// An outer ring (counter-clockwise) and holes (clockwise), all simple, none crossing another; corners numbered through all of them.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    corners: Vec<DVec2>,
    ring_ends: Vec<usize>,
}

impl Outline {
    fn new(rings: Vec<Path>) -> Self {
        let mut outline = Self { corners: Vec::new(), ring_ends: Vec::new() };
        for (i, mut ring) in rings.into_iter().enumerate() {
            if (area(&ring) > 0.0) != (i == 0) {
                ring.reverse();
            }
            outline.corners.append(&mut ring);
            outline.ring_ends.push(outline.corners.len());
        }
        outline
    }

    pub(super) fn corners(&self) -> &[DVec2] {
        &self.corners
    }

    /// Numbers of the corners of each ring.
    pub(super) fn rings(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.ring_ends.iter().enumerate().map(|(i, end)| i.checked_sub(1).map_or(0, |before| self.ring_ends[before])..*end)
    }

    pub(super) fn has_holes(&self) -> bool {
        self.ring_ends.len() > 1
    }

    /// Every edge as its two corners.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.rings().flat_map(|r| r.clone().map(move |c| (c, if c + 1 == r.end { r.start } else { c + 1 })))
    }

    pub(super) fn area_m2(&self) -> f64 {
        self.rings().map(|r| area(&self.corners[r])).sum()
    }

    /// Of the outer ring.
    pub(super) fn centroid(&self) -> DVec2 {
        let ring = &self.corners[self.rings().next().unwrap_or(0..0)];
        let Some(&first) = ring.first() else { return DVec2::ZERO };
        let (mut sum, mut weight) = (DVec2::ZERO, 0.0);
        for (i, &p) in ring.iter().enumerate() {
            let (a, b) = (p - first, ring[(i + 1) % ring.len()] - first);
            let w = a.perp_dot(b);
            sum += (a + b) * w;
            weight += 3.0 * w;
        }
        if weight.abs() > 1e-12 { first + sum / weight } else { first }
    }

    pub(super) fn contains(&self, p: DVec2) -> bool {
        let crosses = |(a, b): (usize, usize)| {
            let (a, b) = (self.corners[a], self.corners[b]);
            (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x)
        };
        self.edges().filter(|e| crosses(*e)).count() % 2 == 1
    }
}

/// Square metres; positive when the ring runs counter-clockwise.
fn area(ring: &[DVec2]) -> f64 {
    let Some(&first) = ring.first() else { return 0.0 };
    ring.windows(2).map(|w| (w[0] - first).perp_dot(w[1] - first)).sum::<f64>() / 2.0
}

/// Whether a ring is more than a line or a point; its area may still be 0, as a bow tie's is.
fn wide(ring: &[DVec2]) -> bool {
    let (min, max) = ring.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(min, max), p| (min.min(*p), max.max(*p)));
    ring.iter().all(|p| p.is_finite()) && (max - min).element_product() >= AREA_MIN_M2 / 4.0
}

/// What came of a polygon.
#[derive(Debug, Default)]
pub(super) struct Mended {
    pub(super) outlines: Vec<Outline>,
    /// What had to be done or left out, for the report.
    pub(super) notes: Vec<&'static str>,
}

/// Sound outlines from the rings of one polygon, in metres.
///
/// Points that repeat are dropped; rings that cross themselves or others are taken apart by the even-odd rule, as map renderers fill them.
///
/// # Errors
/// Why nothing is left.
pub(super) fn mend(rings: &[Path]) -> Result<Mended, &'static str> {
    let mut mended = Mended::default();
    let mut kept: Vec<Path> = Vec::with_capacity(rings.len());
    for (i, ring) in rings.iter().enumerate() {
        let ring = tidy(ring);
        match (ring.len() >= 3 && wide(&ring), i) {
            (true, _) => kept.push(ring),
            (false, 0) => return Err(if ring.iter().any(|p| !p.is_finite()) { "no usable coordinates" } else { "footprint without area" }),
            (false, _) => mended.notes.push("hole left out: without area"),
        }
    }
    if kept.iter().map(Vec::len).sum::<usize>() > CORNERS_MAX {
        return Err("more corners than a footprint can have");
    }
    if !crossing(&kept) && holes_inside(&kept) {
        if area(&kept[0]).abs() < AREA_MIN_M2 {
            return Err("footprint without area");
        }
        kept.retain(|r| area(r).abs() >= AREA_MIN_M2 / 4.0);
        mended.outlines.push(Outline::new(kept));
        return Ok(mended);
    }
    mended.notes.push("outline mended: it crossed itself");
    let polygon = |ring: &Path| Polygon::new(LineString(ring.iter().map(|p| Coord { x: p.x, y: p.y }).collect()), Vec::new());
    // Each ring as a subject of its own: even-odd then cuts holes, and pieces that overlap twice.
    let subject = MultiPolygon(kept.iter().map(polygon).collect());
    let whole = subject.boolean_op_with_fill_rule(&MultiPolygon::<f64>(Vec::new()), OpType::Union, FillRule::EvenOdd);
    mended.outlines = outlines(whole);
    if mended.outlines.is_empty() { Err("footprint crosses itself and can't be mended") } else { Ok(mended) }
}

/// Outlines of polygons that an overlay made; specks are dropped, and what crosses itself after rounding.
pub(super) fn outlines(polygons: MultiPolygon) -> Vec<Outline> {
    let ring = |line: &LineString| tidy(&line.0.iter().map(|c| DVec2::new(c.x, c.y)).collect::<Path>());
    let mut found = Vec::new();
    let mut waiting: Vec<(Polygon, bool)> = polygons.into_iter().map(|p| (p, true)).collect();
    waiting.reverse();
    while let Some((polygon, may_shrink)) = waiting.pop() {
        let outer = ring(polygon.exterior());
        if outer.len() < 3 || area(&outer).abs() < AREA_MIN_M2 {
            continue;
        }
        let holes = polygon.interiors().iter().map(ring).filter(|h| h.len() >= 3 && area(h).abs() >= AREA_MIN_M2 / 4.0);
        let rings: Vec<Path> = std::iter::once(outer).chain(holes).collect();
        if !crossing(&rings) {
            found.push(Outline::new(rings));
        } else if may_shrink {
            // Rings that only touch are sound to an overlay; a hair's breadth parts them.
            waiting.extend(polygon.buffer_with_style(BufferStyle::new(-SAME_M).line_join(LineJoin::Bevel)).into_iter().map(|p| (p, false)));
        }
    }
    found
}

/// Without points that repeat the one before (the closing one too), without spikes that go out and back, and open.
fn tidy(ring: &[DVec2]) -> Path {
    let mut out: Path = Vec::with_capacity(ring.len());
    for &p in ring {
        if out.last().is_none_or(|q| !(q.distance(p) < SAME_M)) {
            out.push(p);
        }
        while let [.., a, b, c] = out[..]
            && spike(a, b, c)
        {
            out.truncate(out.len() - 2);
            if a.distance(c) >= SAME_M {
                out.push(c);
            }
        }
    }
    loop {
        match out[..] {
            [first, .., last] if first.distance(last) < SAME_M => drop(out.pop()),
            [first, .., before, last] if spike(before, last, first) => drop(out.pop()),
            [first, second, .., last] if spike(last, first, second) => drop(out.remove(0)),
            _ => return out,
        }
    }
}

/// Whether the way from `a` to `b` is gone back towards `c`.
fn spike(a: DVec2, b: DVec2, c: DVec2) -> bool {
    let (there, back) = (b - a, c - b);
    let (longer, shorter) = if there.length_squared() > back.length_squared() { (there, back) } else { (back, there) };
    there.dot(back) < 0.0 && shorter.perp_dot(longer.normalize_or_zero()).abs() < SAME_M / 2.0
}

/// Whether any two edges meet anywhere but at the corner they share. Sweeps along x, so that only neighbours are compared.
fn crossing(rings: &[Path]) -> bool {
    let mut edges: Vec<Segment> = Vec::new();
    for (r, ring) in rings.iter().enumerate() {
        edges.extend((0..ring.len()).map(|i| Segment::new(r, i, ring)));
    }
    edges.sort_by(|a, b| a.min.x.total_cmp(&b.min.x));
    edges.iter().enumerate().any(|(i, a)| {
        edges[i + 1..].iter().take_while(|b| b.min.x <= a.max.x).any(|b| b.min.y <= a.max.y && a.min.y <= b.max.y && a.meets(b))
    })
}

struct Segment {
    ring: usize,
    index: usize,
    ring_len: usize,
    a: DVec2,
    b: DVec2,
    min: DVec2,
    max: DVec2,
}

impl Segment {
    fn new(ring: usize, index: usize, points: &[DVec2]) -> Self {
        let (a, b) = (points[index], points[(index + 1) % points.len()]);
        Self { ring, index, ring_len: points.len(), a, b, min: a.min(b), max: a.max(b) }
    }

    fn meets(&self, other: &Self) -> bool {
        let gap = self.index.abs_diff(other.index);
        if self.ring == other.ring && (gap == 1 || gap + 1 == self.ring_len) {
            // Neighbours share a corner; lying on one another they were spikes.
            return false;
        }
        let side = |p: DVec2, q: DVec2, r: DVec2| (q - p).perp_dot(r - p);
        let (d1, d2) = (side(self.a, self.b, other.a), side(self.a, self.b, other.b));
        let (d3, d4) = (side(other.a, other.b, self.a), side(other.a, other.b, self.b));
        if d1 == 0.0 && d2 == 0.0 {
            return true;
        }
        // Touching counts: a body whose walls touch is not closed.
        d1 * d2 <= 0.0 && d3 * d4 <= 0.0
    }
}

/// Whether every hole lies in the outer ring and in no other hole; rings don't cross.
fn holes_inside(rings: &[Path]) -> bool {
    let inside = |p: DVec2, ring: &Path| Outline { corners: ring.clone(), ring_ends: vec![ring.len()] }.contains(p);
    let Some((outer, holes)) = rings.split_first() else { return false };
    holes.iter().enumerate().all(|(i, hole)| {
        let p = hole[0];
        inside(p, outer) && !holes.iter().enumerate().any(|(j, other)| i != j && inside(p, other))
    })
}
