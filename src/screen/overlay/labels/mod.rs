//! Names on the city: areas, waters, landmarks, roads, buildings. Chinese first, English under it; never on a marker, a panel or each other.
//!
//! Each frame [`Labels::draw`] picks who belongs to the present distance, gives out room by rank ([`collide`]), leaves out what stands behind
//! something ([`sight`]) and fades between this frame's labels and the last one's ([`memory`]).

mod along;
mod borders;
mod collide;
mod levels;
mod memory;
mod paint;
mod place;
mod read;
mod sight;
mod sources;

pub use paint::haloed;
pub use read::AreaBorder;
pub use sight::Rays;
pub use sources::Sources;

use super::Projector;
use crate::geo::{Geodetic, LocalFrame};
use crate::model::scene::LabelLanguage;
use crate::render::camera::{SceneFrame, Tangents};
use crate::render::tiles::{CityTiles, NamedBuilding, TileRef};
use crate::screen::style::TextSizes;
use along::Line;
use bevy::math::DVec3;
use bevy::prelude::Resource;
use bevy_egui::egui::{Painter, Rect, Vec2};
use borders::Borders;
use collide::{Limits, Wish, arrange};
use memory::{Memory, Shown};
use place::{Sizes, Spotter, Subject};
use sight::Sight;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

/// Names of this screen and what was shown last.
#[derive(Resource, Default)]
pub struct Labels {
    sources: Sources,
    language: LabelLanguage,
    /// All screens of the wall this one is part of; empty when there is no wall.
    outputs: Vec<Tangents>,
    /// Pictures show everything settled; windows fade.
    picture: bool,
    stands: Option<Stands>,
    buildings: HashMap<TileRef, Vec<(u64, NamedBuilding)>>,
    memory: Memory,
    sight: Sight,
    /// Of borders alone: their many points would leave no rays for names.
    border_sight: Sight,
    sizes: Sizes,
    generation: usize,
    last: Option<Instant>,
}

/// The names in the scene's frame, metres, at height 0.
struct Stands {
    places: Vec<(u64, DVec3)>,
    lines: Vec<Line>,
    /// Road, where along it, key, place.
    spots: Vec<(usize, f64, u64, DVec3)>,
    borders: Borders,
}

/// What a frame draws with.
pub struct Frame<'a> {
    pub painter: &'a Painter,
    pub projector: &'a Projector,
    pub text: &'a TextSizes,
    pub rays: &'a Rays<'a>,
    /// Whether the map is light.
    pub bright: bool,
}

/// One label for each square of this many body texts: 25 on 1280x720.
const BODIES_PER_LABEL: f64 = 14.8;
const LABELS: [f64; 2] = [10.0, 40.0];
/// Labels looked at more closely in one frame.
const TRIES: usize = 220;
/// Sizes of text remembered; when there are more, all are forgotten.
const SIZES_MAX: usize = 20_000;
/// A building lower than this has no name on the map beside others, metres.
const NAMED_FROM_M: f64 = 24.0;

impl Labels {
    pub fn new(sources: Sources, language: LabelLanguage, outputs: Vec<Tangents>, picture: bool) -> Self {
        Self { sources, language, outputs, picture, ..Self::default() }
    }

    /// Takes note of the tiles that are drawn: names of buildings come and go with them. One tile a frame is read, all of them for a picture.
    pub fn follow(&mut self, city: &CityTiles, frame: &SceneFrame, zoom_m: f64) {
        let settled = self.picture && city.is_settled();
        let changed = self.generation != city.loaded_tiles;
        self.generation = city.loaded_tiles;
        self.sight.begin(settled, settled && changed);
        self.border_sight.begin(settled, settled && changed);
        if zoom_m > levels::band(levels::Kind::Building, 0).zoom_m * 1.2 {
            self.buildings.clear();
            return;
        }
        let drawn: Vec<TileRef> = city.drawn().collect();
        self.buildings.retain(|tile, _| drawn.contains(tile));
        let mut unread: Vec<TileRef> = drawn.into_iter().filter(|tile| !self.buildings.contains_key(tile)).collect();
        unread.truncate(if settled { usize::MAX } else { 1 });
        for tile in unread {
            let places: std::collections::HashSet<&str> = self.sources.places.iter().map(|p| p.name.as_str()).collect();
            let named = city.named_buildings(frame, tile).into_iter();
            let named = named.filter(|b| b.height_m >= NAMED_FROM_M && !places.contains(b.name.as_str()));
            let keyed = named.map(|b| (key(&("building", &b.id, &b.name)), b)).collect();
            self.buildings.insert(tile, keyed);
        }
    }

    /// Borders of areas: drawn before the signs.
    pub fn draw_borders(&mut self, frame: &Frame) {
        let stands = self.stands.get_or_insert_with(|| Stands::new(&self.sources, &frame.projector.frame));
        stands.borders.draw(frame.painter, frame.projector, frame.text, &mut self.border_sight, frame.rays, frame.bright);
    }

    /// Names: drawn after the signs, whose room is `taken`. `selected` is the id of the selected object.
    pub fn draw(&mut self, frame: &Frame, taken: &[Rect], selected: Option<&str>) {
        let stands = self.stands.get_or_insert_with(|| Stands::new(&self.sources, &frame.projector.frame));
        let mut gathered = Gathered::new(frame.projector, &self.memory, selected);
        for (place, (key, at)) in self.sources.places.iter().zip(&stands.places) {
            gathered.add(*key, *at, &place.id, &place.name, Subject::Place(place));
        }
        for (road, along, key, at) in &stands.spots {
            if let (Some(road), Some(line)) = (self.sources.roads.get(*road), stands.lines.get(*road)) {
                gathered.add(*key, *at, "", &road.name, Subject::Road(road, line, *along));
            }
        }
        for (key, building) in self.buildings.values().flatten() {
            gathered.add(*key, building.top, &building.id, &building.name, Subject::Building(building));
        }
        if self.sizes.len() > SIZES_MAX {
            self.sizes.clear();
        }
        let screens = frame.projector.screens(&self.outputs);
        let Gathered { mut wishes, subjects, .. } = gathered;
        let mut spotter = Spotter {
            projector: frame.projector,
            painter: frame.painter,
            text: frame.text,
            language: self.language,
            subjects: &subjects,
            screens: &screens,
            rays: frame.rays,
            sight: &mut self.sight,
            sizes: &mut self.sizes,
            anchors: HashMap::new(),
        };
        let placed = arrange(&mut wishes, taken, &limits(frame), &mut spotter);
        let anchors = spotter.anchors;
        let shown = placed.iter().map(|(i, block)| {
            let wish = &wishes[*i];
            let anchor = anchors.get(&wish.key).copied().unwrap_or_default();
            let at = frame.projector.spot_enu(anchor).map(|s| frame.projector.place(&s));
            let words = subjects[wish.index].words(self.language, frame.text);
            let offset = at.map_or(Vec2::ZERO, |at| block.centre - at);
            (wish.key, Shown { words, block: *block, anchor, offset, opacity: 0.0, wanted: true })
        });
        let shown = shown.collect();
        let passed_s = self.last.replace(Instant::now()).map_or(0.0, |last| last.elapsed().as_secs_f32());
        self.memory.update(shown, (!self.picture).then_some(passed_s));
        self.write(frame);
    }

    /// Writes what is to be seen on this screen.
    fn write(&self, frame: &Frame) {
        for label in self.memory.drawn() {
            let mut block = label.block;
            if !label.wanted
                && let Some(spot) = frame.projector.spot_enu(label.anchor)
            {
                block.centre = frame.projector.place(&spot) + label.offset;
            }
            if frame.projector.screen.contains(block.centre) {
                paint::write(frame.painter, &label.words, &block, label.opacity, frame.bright);
            }
        }
    }
}

impl Stands {
    fn new(sources: &Sources, frame: &LocalFrame) -> Self {
        let enu = |lon, lat| frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
        let place = |p: &read::Place| (key(&("place", &p.id, &p.name, p.lon.to_bits(), p.lat.to_bits())), enu(p.lon, p.lat));
        let lines: Vec<Line> = sources.roads.iter().map(|r| Line::new(r, frame)).collect();
        let spots = lines.iter().enumerate().flat_map(|(i, line)| {
            let keyed = |along: &f64| Some((i, *along, key(&("road", i, along.to_bits())), line.at(*along)?));
            line.spots().iter().filter_map(keyed).collect::<Vec<_>>()
        });
        let spots = spots.collect();
        Self { places: sources.places.iter().map(place).collect(), spots, lines, borders: Borders::new(&sources.areas, frame) }
    }
}

/// Who belongs to the present distance and lies on the picture.
struct Gathered<'a> {
    projector: &'a Projector,
    memory: &'a Memory,
    selected: Option<&'a str>,
    zoom_m: f64,
    wishes: Vec<Wish>,
    subjects: Vec<Subject<'a>>,
}

impl<'a> Gathered<'a> {
    fn new(projector: &'a Projector, memory: &'a Memory, selected: Option<&'a str>) -> Self {
        let zoom_m = projector.eye.position.distance(projector.eye.target);
        Self { projector, memory, selected, zoom_m, wishes: Vec::new(), subjects: Vec::new() }
    }

    /// Adds a name at a place at height 0, if it may be shown.
    fn add(&mut self, key: u64, at: DVec3, id: &str, name: &str, subject: Subject<'a>) {
        let (kind, rank) = (subject.kind(), subject.rank());
        // The ground is about as high as what the camera looks at.
        let near = at + DVec3::Z * (self.projector.eye.target.z - at.z).max(0.0);
        let distance_m = near.distance(self.projector.eye.position);
        let selected = !id.is_empty() && self.selected == Some(id);
        let band = levels::band(kind, rank);
        // Nearly all end here.
        if !selected && !band.holds(distance_m, self.zoom_m, true) {
            return;
        }
        let shown = self.memory.is_shown(key);
        if !(selected || band.holds(distance_m, self.zoom_m, shown)) || !self.projector.is_about_in_view(near) {
            return;
        }
        let rank = if selected { 0 } else { levels::priority(kind, rank) };
        let index = self.subjects.len();
        self.wishes.push(Wish { key, rank, shown, distance_m, group: levels::group(kind), words: words_key(name), index });
        self.subjects.push(subject);
    }
}

fn words_key(name: &str) -> u64 {
    key(&name)
}

fn key(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn limits(frame: &Frame) -> Limits {
    let body = f64::from(frame.text.body);
    let height = frame.projector.points_per_height();
    let area = height * height * frame.projector.whole.width() / frame.projector.whole.height();
    let total = (area / (BODIES_PER_LABEL * body).powi(2)).clamp(LABELS[0], LABELS[1]) as usize;
    Limits { total, tries: TRIES, of_group: levels::share, margin: frame.text.body * 0.8, again: frame.text.body * 28.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::view::CameraPose;
    use crate::render::camera::{FOV_Y_RAD, eye_of};
    use bevy_egui::egui::{Pos2, vec2};

    fn projector() -> Projector {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0));
        let pose = CameraPose { lon: 118.275, lat: 33.963, height_m: 0.0, heading_deg: 20.0, pitch_deg: 40.0, distance_m: 4_000.0 };
        let whole = Tangents::symmetric(FOV_Y_RAD, 16.0 / 9.0);
        Projector { eye: eye_of(&pose, &frame), frame, whole, part: whole, screen: Rect::from_min_size(Pos2::ZERO, vec2(1280.0, 720.0)) }
    }

    #[test]
    fn ten_thousand_places_are_sifted_quickly() {
        let kinds = [levels::Kind::Place, levels::Kind::Water, levels::Kind::Landmark];
        let place = |i: usize| read::Place {
            id: i.to_string(),
            name: format!("地{i}"),
            name_en: String::new(),
            kind: kinds[i % 3],
            rank: (i % 6 + 1) as u8,
            lon: 118.0 + (i % 100) as f64 * 0.006,
            lat: 33.7 + (i / 100) as f64 * 0.006,
        };
        let sources = Sources { places: (0..10_000).map(place).collect(), ..Sources::default() };
        let projector = projector();
        let stands = Stands::new(&sources, &projector.frame);
        let memory = Memory::default();
        let mut best = std::time::Duration::MAX;
        for _ in 0..5 {
            let begun = Instant::now();
            let mut gathered = Gathered::new(&projector, &memory, None);
            for (place, (key, at)) in sources.places.iter().zip(&stands.places) {
                gathered.add(*key, *at, &place.id, &place.name, Subject::Place(place));
            }
            best = best.min(begun.elapsed());
            assert!(gathered.wishes.len() < 4_000 && !gathered.wishes.is_empty(), "{}", gathered.wishes.len());
        }
        println!("10,000 places sifted in {best:?}");
        // Without optimisation, on a busy machine; optimised it is a tenth.
        assert!(best.as_millis() < 60, "{best:?}");
    }
}
