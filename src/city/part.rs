//! A part of a city as it is handed on: objects read side by side, put behind each other with their vertices and paints.

use super::report::BuildReport;
use super::source::{CityObject, CitySource, Paint};
use glam::DVec3;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};
use std::path::Path;

/// What became of an object.
pub(super) struct Outcome {
    /// `None` when it is left out (and counted in `report`).
    pub object: Option<CityObject>,
    /// Vertices of expanded templates; faces name them from `Context::vertices.len()` on.
    pub extra: Vec<DVec3>,
    /// What faces wear, by number.
    pub paints: Vec<Paint>,
    /// The ids of its parts.
    pub children: Vec<String>,
    pub report: BuildReport,
}

/// Paints of one object, each once.
#[derive(Default)]
pub(super) struct Paints {
    pub list: Vec<Paint>,
    known: HashMap<Paint, u32>,
}

impl Paints {
    pub(super) fn number(&mut self, paint: Paint) -> Option<u32> {
        if paint == Paint::default() {
            return None;
        }
        let next = self.list.len() as u32;
        let number = *self.known.entry(paint.clone()).or_insert(next);
        if number == next {
            self.list.push(paint);
        }
        Some(number)
    }
}

/// Objects with the vertices and paints they name, and what was said about them.
pub(super) struct Part {
    pub source: CitySource,
    pub report: BuildReport,
    known_paints: HashMap<Paint, u32>,
}

impl Part {
    pub(super) fn new(file: &Path, crs: Option<String>) -> Self {
        Self { source: CitySource::new(file, crs), report: BuildReport::default(), known_paints: HashMap::new() }
    }

    /// Puts objects over the same vertices behind what is there, with all those vertices.
    pub(super) fn add(&mut self, outcomes: Vec<Outcome>, vertices: &[DVec3]) {
        let base = self.source.vertices.len();
        self.source.vertices.extend_from_slice(vertices);
        self.take(outcomes, vertices.len(), |_, number| base as u32 + number);
    }

    /// The same with those vertices alone that are used.
    pub(super) fn add_used(&mut self, outcomes: Vec<Outcome>, vertices: &[DVec3], numbers: &mut Renumbering) {
        // Parts are about as big as each other: growing by doubling would touch twice the memory.
        self.source.vertices.reserve(numbers.used.capacity());
        self.take(outcomes, vertices.len(), |source, number| numbers.of(number, vertices, &mut source.vertices));
        numbers.forget();
    }

    /// `number` gives the vertices of the file, of which there are `count`, their new ones.
    fn take(&mut self, mut outcomes: Vec<Outcome>, count: usize, mut number: impl FnMut(&mut CitySource, u32) -> u32) {
        adopt(&mut outcomes);
        for outcome in outcomes {
            self.report.merge(outcome.report);
            let Some(mut object) = outcome.object else { continue };
            // Vertices of templates are numbered from `count` on in every object.
            let extra = self.source.vertices.len() as u32;
            self.source.vertices.extend(outcome.extra);
            for corner in object.faces.corners_mut() {
                let of_template = (*corner as usize).checked_sub(count);
                *corner = of_template.map_or_else(|| number(&mut self.source, *corner), |n| extra + n as u32);
            }
            if !outcome.paints.is_empty() {
                let paints: Vec<u32> = outcome.paints.into_iter().map(|p| self.paint(p)).collect();
                object.faces.repaint(|p| paints[p as usize]);
            }
            self.source.objects.push(object);
        }
    }

    fn paint(&mut self, paint: Paint) -> u32 {
        let next = self.source.paints.len() as u32;
        *self.known_paints.entry(paint).or_insert_with_key(|paint| {
            self.source.paints.push(paint.clone());
            next
        })
    }
}

/// New numbers for vertices, in the order of their first use.
pub(super) struct Renumbering {
    /// [`UNUSED`], or the new number.
    new: Vec<u32>,
    used: Vec<u32>,
}

const UNUSED: u32 = u32::MAX;

impl Renumbering {
    pub(super) fn new(count: usize) -> Self {
        Self { new: vec![UNUSED; count], used: Vec::new() }
    }

    fn of(&mut self, old: u32, from: &[DVec3], to: &mut Vec<DVec3>) -> u32 {
        let new = &mut self.new[old as usize];
        if *new == UNUSED {
            *new = to.len() as u32;
            to.push(from[old as usize]);
            self.used.push(old);
        }
        *new
    }

    fn forget(&mut self) {
        self.used.drain(..).for_each(|old| self.new[old as usize] = UNUSED);
    }
}

/// Gives parts that don't name their parent the one that names them.
fn adopt(outcomes: &mut [Outcome]) {
    let orphan = |o: &CityObject| {
        o.parent.is_none()
            && ["Part", "Installation", "Element", "Furniture", "Room", "Storey", "Unit"].iter().any(|w| o.class.ends_with(w))
    };
    let mut orphans: HashMap<String, usize> = HashMap::new();
    for (i, object) in outcomes.iter().enumerate().filter_map(|(i, o)| Some((i, o.object.as_ref()?))) {
        if orphan(object) {
            orphans.insert(object.id.clone(), i);
        }
    }
    if orphans.is_empty() {
        return;
    }
    for i in 0..outcomes.len() {
        let children = std::mem::take(&mut outcomes[i].children);
        let Some(parent) = outcomes[i].object.as_ref().map(|o| o.id.clone()) else { continue };
        for child in children.iter().filter_map(|c| orphans.get(c)) {
            if let Some(object) = &mut outcomes[*child].object {
                object.parent = Some(parent.clone());
            }
        }
    }
}

/// A name in 64 bits: two of a hundred million names are the same with a chance of 1 in 3,700.
pub(super) fn name_hash(id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id)
}

/// What is a hash already needs no other.
#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = (self.0 << 8) | u64::from(*b));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// All ids of a file so far, 8 bytes each.
#[derive(Default)]
pub(super) struct Twins(HashSet<u64, BuildHasherDefault<AsIs>>);

impl Twins {
    /// Tells of ids that two objects share; both are kept.
    pub(super) fn tell(&mut self, source: &CitySource, report: &mut BuildReport) {
        for object in source.objects.iter().filter(|o| !self.0.insert(name_hash(&o.id))) {
            report.warn("id used twice", &format!("{}: object {:?} comes twice; both are kept", source.file.display(), object.id));
        }
    }
}
