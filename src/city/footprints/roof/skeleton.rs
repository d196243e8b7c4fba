//! The straight skeleton: what the corners of an outline trace when all its edges move inwards at one speed.
//!
//! The wavefront is a set of loops of moving corners. Two things happen to it, taken from a queue in the order of time: an edge shrinks to
//! nothing (its two corners become one), or a reflex corner runs into an edge (the loop falls apart in two). Everything else (several
//! at one time, edges that meet head on, edges that come to lie in line) is kept from happening: the corners are first moved by a twentieth of a
//! millimetre each, and arcs shorter than a centimetre are drawn together afterwards. What comes out is checked, not believed; see
//! [`super::hipped`]. Source of the events: Aichholzer and Aurenhammer, "Straight skeletons for general polygonal figures in the plane" (1996).

use glam::DVec2;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// How far corners are moved to have no two events at one time, metres.
const SHAKE_M: f64 = 5e-5;
/// Arcs shorter than this are drawn together, metres.
const SHORT_M: f64 = 0.01;
/// Slack for comparing places on an edge, metres.
const EPSILON_M: f64 = 1e-9;

/// An edge of the outline: its line moves along `normal` (inwards) at speed 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) direction: DVec2,
    pub(super) normal: DVec2,
    /// `normal . p` for points of the line at time 0.
    pub(super) offset: f64,
}

impl Edge {
    fn between(a: DVec2, b: DVec2) -> Self {
        let direction = (b - a).normalize_or_zero();
        let normal = direction.perp();
        Self { direction, normal, offset: normal.dot(a) }
    }

    /// Distance of a point from the line at time 0, inwards.
    pub(super) fn distance(&self, p: DVec2) -> f64 {
        self.normal.dot(p) - self.offset
    }
}

/// A place on the skeleton, and when the wavefront gets there: its distance from the edges it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) at: DVec2,
    pub(super) time: f64,
}

/// What a corner traced between the faces of two edges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Edges whose faces it parts, the one before and the one after the corner.
    pub(super) before: usize,
    pub(super) after: usize,
}

#[derive(Debug)]
pub(super) struct Skeleton {
    /// Of the outline as given, in the order of its corners: edge `i` starts at corner `i`.
    pub(super) edges: Vec<Edge>,
    /// The corners first, then what is inside.
    pub(super) nodes: Vec<Node>,
    pub(super) arcs: Vec<Arc>,
}

/// The skeleton of rings (outer counter-clockwise, holes clockwise) whose edges are `(corner, next corner)`, edge `i` starting at corner `i`.
///
/// `None` when the events do not come out even, which another `seed` of the shaking may mend.
pub(super) fn skeleton(corners: &[DVec2], edges: &[(usize, usize)], seed: u64) -> Option<Skeleton> {
    let shaken: Vec<DVec2> =
        corners.iter().enumerate().map(|(i, c)| *c + shake(seed.wrapping_mul(0x9E37).wrapping_add(i as u64))).collect();
    let lines: Vec<Edge> = edges.iter().map(|(a, b)| Edge::between(shaken[*a], shaken[*b])).collect();
    let mut front = Front::new(&shaken, edges, lines);
    front.run()?;
    let (mut nodes, mut arcs) = (front.nodes, front.arcs);
    for (node, corner) in nodes.iter_mut().zip(corners) {
        node.at = *corner;
    }
    draw_together(corners.len(), &mut nodes, &mut arcs)?;
    Some(Skeleton { edges: edges.iter().map(|(a, b)| Edge::between(corners[*a], corners[*b])).collect(), nodes, arcs })
}

/// A small move, the same for the same number (splitmix64).
fn shake(number: u64) -> DVec2 {
    let mix = |n: u64| {
        let n = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((n ^ (n >> 31)) >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    };
    DVec2::new(mix(number * 2 + 1), mix(number * 2 + 2)) * SHAKE_M
}

/// A corner of the wavefront.
#[derive(Debug, Clone, Copy)]
struct Corner {
    /// Where it was born.
    node: usize,
    at: DVec2,
    born: f64,
    velocity: DVec2,
    before: usize,
    after: usize,
    previous: usize,
    next: usize,
    alive: bool,
}

impl Corner {
    fn at_time(&self, time: f64) -> DVec2 {
        self.at + self.velocity * (time - self.born)
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// The edge between two corners is gone.
    Shrunk { from: usize, to: usize },
    /// A reflex corner meets the line of an edge.
    Met { corner: usize, edge: usize },
}

#[derive(Debug, Clone, Copy)]
struct Event {
    time: f64,
    kind: Kind,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Event {}
impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Event {
    /// Earliest is greatest, for the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        other.time.total_cmp(&self.time)
    }
}

struct Front {
    edges: Vec<Edge>,
    corners: Vec<Corner>,
    /// Corners that each edge's pieces start at; dead ones are passed over.
    pieces: Vec<Vec<usize>>,
    queue: BinaryHeap<Event>,
    nodes: Vec<Node>,
    arcs: Vec<Arc>,
    left: usize,
}

impl Front {
    fn new(points: &[DVec2], edges: &[(usize, usize)], lines: Vec<Edge>) -> Self {
        let mut before = vec![0; points.len()];
        edges.iter().for_each(|(a, b)| before[*b] = *a);
        let corners = edges.iter().map(|&(a, b)| Corner {
            node: a,
            at: points[a],
            born: 0.0,
            velocity: DVec2::ZERO,
            before: before[a],
            after: a,
            previous: before[a],
            next: b,
            alive: true,
        });
        Self {
            corners: corners.collect(),
            pieces: (0..points.len()).map(|c| vec![c]).collect(),
            queue: BinaryHeap::new(),
            nodes: points.iter().map(|p| Node { at: *p, time: 0.0 }).collect(),
            arcs: Vec::with_capacity(points.len() * 2),
            left: points.len(),
            edges: lines,
        }
    }

    fn run(&mut self) -> Option<()> {
        for c in 0..self.corners.len() {
            self.corners[c].velocity = self.velocity(self.corners[c].before, self.corners[c].after)?;
        }
        for c in 0..self.corners.len() {
            self.expect_shrunk(c, 0.0);
            self.expect_met(c);
        }
        // Three arcs meet in each node inside and each hole is one circle of them: n corners have n - 2 nodes inside and two more a hole, which takes
        // three corners at least. More come only where rounding lets a corner meet the same edge at the same moment again and again.
        let most = 3 * self.edges.len();
        while self.left > 0 {
            let event = self.queue.pop()?;
            if self.nodes.len() > most {
                return None;
            }
            match event.kind {
                Kind::Shrunk { from, to } => self.shrunk(from, to, event.time)?,
                Kind::Met { corner, edge } => self.met(corner, edge, event.time)?,
            }
        }
        Some(())
    }

    /// Of a corner between two edges. `None` when they meet head on.
    fn velocity(&self, before: usize, after: usize) -> Option<DVec2> {
        let sum = self.edges[before].normal + self.edges[after].normal;
        let square = sum.length_squared();
        (square > 1e-20).then(|| sum * (2.0 / square))
    }

    /// Foresees when the edge behind a corner is gone.
    fn expect_shrunk(&mut self, from: usize, now: f64) {
        let (a, to) = (self.corners[from], self.corners[from].next);
        let b = self.corners[to];
        let direction = self.edges[a.after].direction;
        let length = (b.at_time(now) - a.at_time(now)).dot(direction);
        let rate = (b.velocity - a.velocity).dot(direction);
        if rate < 0.0 {
            self.queue.push(Event { time: now + length.max(0.0) / -rate, kind: Kind::Shrunk { from, to } });
        }
    }

    /// Foresees when a reflex corner meets the lines of the other edges.
    fn expect_met(&mut self, corner: usize) {
        let c = self.corners[corner];
        if self.edges[c.before].direction.perp_dot(self.edges[c.after].direction) >= 0.0 {
            return;
        }
        for (edge, line) in self.edges.iter().enumerate().filter(|(e, _)| *e != c.before && *e != c.after) {
            let ahead = line.distance(c.at) - c.born;
            let rate = line.normal.dot(c.velocity) - 1.0;
            if ahead > -EPSILON_M && rate < 0.0 {
                self.queue.push(Event { time: c.born + ahead.max(0.0) / -rate, kind: Kind::Met { corner, edge } });
            }
        }
    }

    fn shrunk(&mut self, from: usize, to: usize, time: f64) -> Option<()> {
        let (a, b) = (self.corners[from], self.corners[to]);
        if !(a.alive && b.alive && a.next == to) {
            return Some(());
        }
        let node = self.node((a.at_time(time) + b.at_time(time)) / 2.0, time);
        self.bury(from, node);
        self.bury(to, node);
        self.join(a.previous, b.next, (a.before, b.after), node, time)
    }

    fn met(&mut self, corner: usize, edge: usize, time: f64) -> Option<()> {
        let c = self.corners[corner];
        if !c.alive {
            return Some(());
        }
        let at = c.at_time(time);
        let direction = self.edges[edge].direction;
        self.pieces[edge].retain(|p| self.corners[*p].alive);
        let over = |from: usize| {
            let (a, b) = (self.corners[from], self.corners[self.corners[from].next]);
            (a.at_time(time) - at).dot(direction) <= EPSILON_M && (b.at_time(time) - at).dot(direction) >= -EPSILON_M
        };
        // Its own neighbours' pieces shrink instead.
        let Some(from) = self.pieces[edge].iter().copied().find(|p| *p != corner && self.corners[*p].next != corner && over(*p)) else {
            return Some(());
        };
        let to = self.corners[from].next;
        let node = self.node(at, time);
        self.bury(corner, node);
        self.join(c.previous, to, (c.before, edge), node, time)?;
        self.join(from, c.next, (edge, c.after), node, time)
    }

    fn node(&mut self, at: DVec2, time: f64) -> usize {
        self.nodes.push(Node { at, time });
        self.nodes.len() - 1
    }

    /// Ends a corner's way.
    fn bury(&mut self, corner: usize, node: usize) {
        let c = &mut self.corners[corner];
        c.alive = false;
        self.left -= 1;
        self.arcs.push(Arc { from: c.node, to: node, before: c.before, after: c.after });
    }

    /// A new corner at a node between two living ones, or the end of the loop when only one is left.
    fn join(&mut self, previous: usize, next: usize, (before, after): (usize, usize), node: usize, time: f64) -> Option<()> {
        if previous == next {
            // Two corners: what lies between them is the ridge.
            self.bury(previous, node);
            return Some(());
        }
        let velocity = self.velocity(before, after)?;
        let at = self.nodes[node].at;
        let corner = self.corners.len();
        self.corners.push(Corner { node, at, born: time, velocity, before, after, previous, next, alive: true });
        self.left += 1;
        self.corners[previous].next = corner;
        self.corners[next].previous = corner;
        self.pieces[after].push(corner);
        self.expect_shrunk(previous, time);
        self.expect_shrunk(corner, time);
        self.expect_met(corner);
        Some(())
    }
}

/// Makes one node of the ends of every short arc. `None` when that would make one of two corners of the outline.
fn draw_together(corners: usize, nodes: &mut [Node], arcs: &mut Vec<Arc>) -> Option<()> {
    let mut root: Vec<usize> = (0..nodes.len()).collect();
    fn find(root: &mut [usize], mut n: usize) -> usize {
        while root[n] != n {
            root[n] = root[root[n]];
            n = root[n];
        }
        n
    }
    for arc in arcs.iter().filter(|a| nodes[a.from].at.distance(nodes[a.to].at) < SHORT_M) {
        let (a, b) = (find(&mut root, arc.from), find(&mut root, arc.to));
        // The lower number stays: corners of the outline never move.
        let (keep, give) = (a.min(b), a.max(b));
        if keep != give && give < corners {
            return None;
        }
        root[give] = keep;
    }
    for arc in arcs.iter_mut() {
        (arc.from, arc.to) = (find(&mut root, arc.from), find(&mut root, arc.to));
    }
    arcs.retain(|a| a.from != a.to);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With this shaking the two corners of an arm meet each other's edges again and again at one moment; it grew to all memory there was.
    #[test]
    fn a_front_that_goes_round_in_circles_is_given_up_and_shaken_otherwise() {
        let house = [
            (0.0, 0.0),
            (1.174742060839411, -27.975345951220955),
            (3.1729810573551935, -27.89143580401814),
            (2.837340468543933, -19.89847981795501),
            (14.826774447638629, -19.39501893473812),
            (14.658954153232997, -15.398540941706555),
            (10.662476160201432, -15.566361236112185),
            (10.410745718592988, -9.571644246564837),
            (16.405462708140334, -9.319913804956393),
            (16.32155256093752, -7.321674808440609),
            (10.326835571390173, -7.5734052500490545),
            (9.991194982578913, 0.4195507360140754),
        ]
        .map(|(x, y)| DVec2::new(x, y));
        let edges: Vec<_> = (0..house.len()).map(|i| (i, (i + 1) % house.len())).collect();
        assert!(skeleton(&house, &edges, 0).is_none());
        let made = skeleton(&house, &edges, 1).unwrap();
        // No ring has more nodes inside than corners less two.
        assert!(made.nodes.len() <= 2 * house.len() - 2 && made.arcs.len() >= house.len());
    }
}
