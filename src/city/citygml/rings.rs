//! Polygons into [`Faces`], ring by ring, each with a word on what is wrong with it.

use super::geometry::{Builder, TooMuch, Walk};
use super::numbers;
use super::tree::Element;
use crate::city::cityjson::vertices::{HEIGHT_ABS_MAX_M, PLANE_ABS_MAX_M};
use crate::city::meaning;
use crate::city::source::{Paint, Texture};
use glam::DVec3;

/// The rings of the polygon being read; kept from one to the next for their memory.
#[derive(Default)]
pub(super) struct Rings<'t> {
    points: Vec<DVec3>,
    /// Where each ring ends in `points`, and its id.
    ends: Vec<(usize, Option<&'t str>)>,
    numbers: Vec<f64>,
    kept: Vec<usize>,
}

impl Rings<'_> {
    fn ring(&self, ring: usize) -> &[DVec3] {
        let start = ring.checked_sub(1).map_or(0, |before| self.ends[before].0);
        &self.points[start..self.ends[ring].0]
    }
}

/// What is wrong with a ring: a word for the report, and the details.
type Fault = (&'static str, String);

impl<'t, 'a> Builder<'_, 't, 'a> {
    /// One planar polygon; a hole that does not hold is left out alone.
    pub(super) fn polygon<'p, 'b: 'p>(&mut self, polygon: Element<'p, 'b>, walk: Walk) -> Result<(), TooMuch> {
        let surface = self.surface_at(polygon).or(walk.surface);
        if !self.first_time(polygon) {
            return Ok(());
        }
        let mut rings = Rings::default();
        (rings.points, rings.numbers, rings.kept) = std::mem::take(&mut self.scratch);
        rings.points.clear();
        for boundary in polygon.children() {
            let outer = match boundary.name() {
                "exterior" | "outerBoundaryIs" => true,
                "interior" | "innerBoundaryIs" => false,
                _ => continue,
            };
            for ring in boundary.children() {
                let before = rings.points.len();
                let read = self.ring(ring, walk, &mut rings);
                self.spend(rings.points.len() - before + 1)?;
                let read = read.and_then(|()| different(&rings.points[before..], &mut rings.kept));
                if let Err((reason, why)) = read {
                    rings.points.truncate(before);
                    let what = if outer { "face" } else { "hole" };
                    self.warn(ring, &format!("{what} left out: {reason}"), &format!("the ring {why}; the {what} is left out"));
                    if outer {
                        self.put_back(rings);
                        return Ok(());
                    }
                    continue;
                }
                rings.ends.push((rings.points.len(), ring.id()));
            }
        }
        if rings.ends.is_empty() {
            self.warn(polygon, "face left out: no ring", "it has no outer ring; the face is left out");
        } else {
            self.face(polygon, &mut rings, surface, walk);
        }
        self.put_back(rings);
        Ok(())
    }

    fn put_back(&mut self, rings: Rings) {
        self.scratch = (rings.points, rings.numbers, rings.kept);
    }

    /// Puts the points of a ring behind those of the rings before.
    fn ring(&self, ring: Element, walk: Walk, rings: &mut Rings) -> Result<(), Fault> {
        let own = |e: Element| e.attribute("srsDimension").and_then(|d| d.parse().ok()).filter(|d| matches!(d, 2 | 3));
        let of_ring = own(ring).unwrap_or(walk.dimension);
        for list in ring.descendants() {
            let separator = match list.name() {
                "posList" | "pos" => b' ',
                "coordinates" => list.attribute("cs").and_then(|cs| cs.bytes().next()).unwrap_or(b','),
                _ => continue,
            };
            rings.numbers.clear();
            numbers::list(list.text(), separator, &mut rings.numbers)
                .map_err(|bad| ("no list of numbers", format!("has {:?}, which is no number", bad.chars().take(40).collect::<String>())))?;
            let dimension = own(list).unwrap_or(of_ring);
            if !rings.numbers.len().is_multiple_of(dimension) {
                let why = format!("has {} numbers, which is no multiple of {dimension}", rings.numbers.len());
                return Err(("no list of positions", why));
            }
            for position in rings.numbers.chunks_exact(dimension) {
                let written = DVec3::new(position[0], position[1], position.get(2).copied().unwrap_or(0.0));
                let place = self.place(written, walk);
                let usable = place.is_finite() && place.z.abs() <= HEIGHT_ABS_MAX_M && place.x.abs().max(place.y.abs()) <= PLANE_ABS_MAX_M;
                if !usable {
                    let why = format!("has the point ({}, {}, {}), which is no usable coordinate", written.x, written.y, written.z);
                    return Err(("vertex is no usable coordinate", why));
                }
                rings.points.push(place);
            }
        }
        Ok(())
    }

    fn face(&mut self, polygon: Element, rings: &mut Rings, surface: Option<usize>, walk: Walk) {
        let colour = self.colour(polygon, walk);
        let texture = self.texture(polygon, rings);
        let mut meant = None;
        for ring in 0..rings.ends.len() {
            let mut kept = std::mem::take(&mut rings.kept);
            // It was the case when the ring was read.
            let _ = different(rings.ring(ring), &mut kept);
            if walk.flip {
                kept.reverse();
            }
            let uvs = texture.as_ref().and_then(|_| self.reader.picture(rings.ends[ring].1?).map(|(_, uvs)| uvs));
            for place in &kept {
                let vertex = self.vertices.number(rings.ring(ring)[*place]);
                match uvs.and_then(|uvs| uvs.get(*place)) {
                    Some(uv) => self.faces.textured_corner(vertex, *uv),
                    None => self.faces.corner(vertex),
                }
            }
            if ring == 0 {
                let metres = self.reader.metres(self.vertices.list.first());
                let semantic = surface.and_then(|s| self.kinds.get(s).copied());
                let normal = || meaning::normal(self.faces.open_ring(), &self.vertices.list, metres);
                meant = Some(meaning::surface(self.rule, semantic, normal));
            }
            self.faces.end_ring();
            rings.kept = kept;
        }
        // A picture hides the colour beneath it.
        let paint = match texture {
            Some(texture) => Paint { colour: None, texture: Some(texture) },
            None => Paint { colour, texture: None },
        };
        let paint = self.paints.number(paint);
        if let Some(surface) = surface.and_then(|s| self.face_counts.get_mut(s)) {
            *surface += 1;
        }
        self.faces.end_face(meant.unwrap_or(crate::city::source::Surface::Other), paint);
    }

    /// The picture of a polygon, if it fits all of its rings.
    fn texture(&mut self, polygon: Element, rings: &Rings) -> Option<Texture> {
        let first = self.reader.picture(rings.ends.first()?.1?)?.0.clone();
        let fits = (0..rings.ends.len()).all(|ring| {
            let picture = rings.ends[ring].1.and_then(|id| self.reader.picture(id));
            picture.is_some_and(|(texture, uvs)| *texture == first && uvs.len() == rings.ring(ring).len())
        });
        if !fits {
            self.warn(polygon, "texture left out of a face", "its texture has other points than its rings, or none for a hole");
        }
        fits.then_some(first)
    }
}

/// The points of a ring without those that stand where the one before them does, and without the closing one.
fn different(ring: &[DVec3], kept: &mut Vec<usize>) -> Result<(), Fault> {
    kept.clear();
    for (i, point) in ring.iter().enumerate() {
        if kept.last().is_none_or(|last| ring[*last] != *point) {
            kept.push(i);
        }
    }
    while let [first, .., last] = kept[..]
        && ring[first] == ring[last]
    {
        kept.pop();
    }
    if kept.len() < 3 {
        Err(("ring of fewer than 3 points", format!("has {} different points in a row, a ring needs 3", kept.len())))
    } else {
        Ok(())
    }
}
