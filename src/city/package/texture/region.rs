//! Which parts of which pictures a tile shows.

use super::paints::Paints;
use super::worn::{PIXELS_PER_M_MAX, Worn};
use std::collections::BTreeMap;

/// Faces whose parts of a picture come this near to each other, pixels, share one region: they are neighbours on a roof or a facade.
const CELL_PX: i64 = 16;
/// Cells along a side at most.
const CELLS_MAX: i64 = 128;
/// Repeats along a side that are drawn out; with more of them a repeat would have less than four pixels of an atlas.
const REPEATS_MAX: f64 = 512.0;
/// Where a picture repeats along one side only, its other side is taken in these parts, so that faces find each other's regions.
const PARTS: i64 = 8;
/// A clamped picture's edge is drawn on for so many times its size; beyond, it is one colour anyway.
const BEYOND: f64 = 1.0;
/// For pictures up to this size, pixels; larger ones end at their edge.
const BEYOND_MAX_PX: f64 = 1024.0;

/// A part of a picture, or several repeats of it, that an atlas holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    pub picture: u32,
    pub repeats: bool,
    pub x: Span,
    pub y: Span,
    /// Pixels of the atlas for one of the picture; at most 1.
    pub scale: f64,
}

/// One side of a region, pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: i64,
    /// Of one repeat.
    pub length: i64,
    pub repeats: i64,
}

/// Where a face lies: in which region, and what takes its texture coordinates to the picture's pixels there.
#[derive(Clone, Debug)]
pub struct Place {
    pub region: usize,
    shift: [f64; 2],
    size: [f64; 2],
}

/// All of a tile.
#[derive(Default)]
pub struct Regions {
    pub all: Vec<Region>,
    /// One a face; `None`: it can't wear its picture.
    pub places: Vec<Option<Place>>,
}

impl Region {
    /// From pixels of the picture to the part of the region's width and height.
    pub fn across(&self, pixel: [f64; 2]) -> [f64; 2] {
        let part = |span: Span, at: f64| ((at - span.start as f64) / (span.length * span.repeats) as f64).clamp(0.0, 1.0);
        [part(self.x, pixel[0]), part(self.y, pixel[1])]
    }
}

impl Place {
    /// Pixels of the picture from its upper left corner.
    pub fn pixel(&self, uv: [f32; 2]) -> [f64; 2] {
        std::array::from_fn(|i| (f64::from(uv[i]) + self.shift[i]) * self.size[i])
    }
}

/// What one face shows.
struct Want {
    face: usize,
    picture: u32,
    repeats: bool,
    spans: [Span; 2],
    place: Place,
    area_m2: f64,
    area_px: f64,
}

/// Sums from which a region's scale follows.
#[derive(Default, Clone, Copy)]
struct Areas {
    m2: f64,
    px: f64,
}

/// Regions for all faces: one for faces that show the same or touching parts of a picture.
pub fn regions(worn: &Worn, paints: &Paints) -> Regions {
    let mut regions = Regions { all: Vec::new(), places: worn.faces.iter().map(|_| None).collect() };
    let mut areas: Vec<Areas> = Vec::new();
    // Pictures in order of their numbers, so that each is decoded once a tile.
    let mut parts: BTreeMap<u32, Vec<Want>> = BTreeMap::new();
    for n in 0..worn.faces.len() {
        if let Some(want) = want(worn, paints, n) {
            parts.entry(want.picture).or_default().push(want);
        }
    }
    for (picture, wants) in parts {
        let Some([w, h]) = paints.size(picture) else { continue };
        let inside = |want: &Want| {
            let fits = |s: Span, size: u32| s.repeats == 1 && s.start >= 0 && s.start + s.length <= i64::from(size);
            fits(want.spans[0], w) && fits(want.spans[1], h)
        };
        let (plain, odd): (Vec<Want>, Vec<Want>) = wants.into_iter().partition(inside);
        let heaps = heaps(&plain, [w, h]);
        let mut known: BTreeMap<(bool, [Span; 2]), usize> = BTreeMap::new();
        let odd = odd.into_iter().map(|want| (want.spans, want));
        for (spans, want) in heaps.into_iter().zip(plain).chain(odd) {
            let at = *known.entry((want.repeats, spans)).or_insert_with(|| {
                regions.all.push(Region { picture, repeats: want.repeats, x: spans[0], y: spans[1], scale: 1.0 });
                areas.push(Areas::default());
                areas.len() - 1
            });
            areas[at] = Areas { m2: areas[at].m2 + want.area_m2, px: areas[at].px + want.area_px };
            regions.places[want.face] = Some(Place { region: at, ..want.place });
        }
    }
    for (region, areas) in regions.all.iter_mut().zip(areas) {
        let pixels_per_m = (areas.px / areas.m2).sqrt();
        region.scale = if pixels_per_m > PIXELS_PER_M_MAX { PIXELS_PER_M_MAX / pixels_per_m } else { 1.0 };
    }
    regions
}

fn want(worn: &Worn, paints: &Paints, n: usize) -> Option<Want> {
    let face = worn.faces.get(n)?;
    let (picture, repeats) = paints.texture(face.paint)?;
    let size = paints.size(picture)?;
    let uvs = worn.uvs_of(face);
    // Without area on the picture it shows one colour, which it has.
    if uvs.is_empty() || face.area_uv.is_nan() || face.area_uv <= 0.0 {
        return None;
    }
    let axis = |i: usize| {
        let values = || uvs.iter().map(|uv| f64::from(uv[i]));
        span((values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)), size[i], repeats)
    };
    let ((mut x, shift_x), (mut y, shift_y)) = (axis(0)?, axis(1)?);
    if x.repeats * y.repeats > 1 {
        (x, y) = (x.widened(size[0]), y.widened(size[1]));
    }
    let [w, h] = size.map(f64::from);
    let place = Place { region: 0, shift: [shift_x, shift_y], size: [w, h] };
    Some(Want { face: n, picture, repeats, spans: [x, y], place, area_m2: face.area_m2, area_px: face.area_uv * w * h })
}

/// The pixels from the lowest to the highest coordinate, and what to add to coordinates so that they fall there.
fn span((low, high): (f64, f64), size: u32, repeats: bool) -> Option<(Span, f64)> {
    if !(low.is_finite() && high.is_finite()) || low.abs().max(high.abs()) > 1e6 || size == 0 {
        return None;
    }
    let pixels = f64::from(size);
    // Rounding in files puts corners a little beyond the picture; that is no repeat.
    let slack = (1.0 / pixels).min(0.01);
    let shift = if repeats && !(low >= -slack && high <= 1.0 + slack) { -(low + slack).floor() } else { 0.0 };
    let (mut low, mut high) = (low + shift, high + shift);
    if high > 1.0 + slack && repeats {
        let count = (high - slack).ceil();
        return (count <= REPEATS_MAX).then_some((Span { start: 0, length: i64::from(size), repeats: count as i64 }, shift));
    }
    if low >= -slack && high <= 1.0 + slack {
        (low, high) = (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0));
    } else {
        let beyond = if pixels > BEYOND_MAX_PX { 0.0 } else { BEYOND };
        (low, high) = (low.clamp(-beyond, 1.0 + beyond), high.clamp(-beyond, 1.0 + beyond));
    }
    let start = (low * pixels + 1e-3).floor();
    let end = (high * pixels - 1e-3).ceil().max(start + 1.0);
    // A face on the very edge shows the last pixel.
    let start = if start >= pixels && end <= pixels + 1.0 { pixels - 1.0 } else { start };
    let end = if end > pixels && high <= 1.0 { pixels } else { end };
    Some((Span { start: start as i64, length: (end - start).max(1.0) as i64, repeats: 1 }, shift))
}

impl Span {
    /// Rounded outwards to parts of the picture, where it lies inside.
    fn widened(self, size: u32) -> Self {
        let size = i64::from(size);
        if self.repeats > 1 || self.start < 0 || self.start + self.length > size {
            return self;
        }
        let part = (size / PARTS).max(1);
        let start = self.start / part * part;
        let end = ((self.start + self.length + part - 1) / part * part).min(size);
        Self { start, length: end - start, repeats: 1 }
    }

    fn end(self) -> i64 {
        self.start + self.length
    }
}

/// For each face inside a picture the box around all faces that touch it, those that touch these, and so on.
fn heaps(wants: &[Want], [w, h]: [u32; 2]) -> Vec<[Span; 2]> {
    let cell = (i64::from(w.max(h)) / CELLS_MAX).max(CELL_PX);
    let columns = i64::from(w) / cell + 1;
    let mut cells: Vec<Option<usize>> = vec![None; (columns * (i64::from(h) / cell + 1)) as usize];
    let mut heaps = Heaps::default();
    let mut own = vec![0; wants.len()];
    // The largest first: the small ones within them are then done at a glance.
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|n| (-wants[*n].spans[0].length * wants[*n].spans[1].length, *n));
    for n in order {
        let [x, y] = wants[n].spans;
        let at = |column: i64, row: i64| (row * columns + column) as usize;
        let first = cells.get(at(x.start / cell, y.start / cell)).copied().flatten().map(|heap| heaps.root(heap));
        if let Some(root) = first.filter(|root| heaps.holds(*root, [x, y])) {
            own[n] = root;
            continue;
        }
        let heap = heaps.add([x, y]);
        own[n] = heap;
        for row in y.start / cell..=(y.end() - 1) / cell {
            for column in x.start / cell..=(x.end() - 1) / cell {
                let Some(slot) = cells.get_mut(at(column, row)) else { continue };
                match *slot {
                    Some(other) => heaps.join(other, heap),
                    None => *slot = Some(heap),
                }
            }
        }
    }
    own.into_iter().map(|heap| heaps.around(heap)).collect()
}

/// Sets of faces that grow together.
#[derive(Default)]
struct Heaps {
    parents: Vec<usize>,
    boxes: Vec<[Span; 2]>,
}

impl Heaps {
    fn add(&mut self, around: [Span; 2]) -> usize {
        self.parents.push(self.parents.len());
        self.boxes.push(around);
        self.parents.len() - 1
    }

    fn root(&mut self, mut heap: usize) -> usize {
        while self.parents[heap] != heap {
            self.parents[heap] = self.parents[self.parents[heap]];
            heap = self.parents[heap];
        }
        heap
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            let (into, gone) = (a.min(b), a.max(b));
            self.parents[gone] = into;
            self.boxes[into] = std::array::from_fn(|i| {
                let (p, q) = (self.boxes[a][i], self.boxes[b][i]);
                let start = p.start.min(q.start);
                Span { start, length: p.end().max(q.end()) - start, repeats: 1 }
            });
        }
    }

    fn holds(&self, root: usize, spans: [Span; 2]) -> bool {
        (0..2).all(|i| self.boxes[root][i].start <= spans[i].start && spans[i].end() <= self.boxes[root][i].end())
    }

    fn around(&mut self, heap: usize) -> [Span; 2] {
        let root = self.root(heap);
        self.boxes[root]
    }
}
