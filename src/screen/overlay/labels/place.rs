//! Where a label goes: its anchor in the city, the room it takes on the screen, the screen of a wall it belongs to.

use super::along::Line;
use super::collide::{Block, Placer, Wish};
use super::levels::{self, Kind};
use super::paint::{self, Words};
use super::read::{Place, Road};
use super::sight::{Rays, Sight};
use crate::geo::Geodetic;
use crate::model::scene::LabelLanguage;
use crate::render::tiles::NamedBuilding;
use crate::screen::overlay::Projector;
use crate::screen::style::TextSizes;
use bevy::math::DVec3;
use bevy_egui::egui::{Painter, Pos2, Rect, Vec2, vec2};
use std::collections::HashMap;

/// What a label names.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    Place(&'a Place),
    /// A road and where on it, metres along.
    Road(&'a Road, &'a Line, f64),
    Building(&'a NamedBuilding),
}

impl Subject<'_> {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Place(p) => p.kind,
            Self::Road(..) => Kind::Road,
            Self::Building(_) => Kind::Building,
        }
    }

    pub fn rank(&self) -> u8 {
        match self {
            Self::Place(p) => p.rank,
            Self::Road(r, ..) => r.rank,
            Self::Building(_) => 7,
        }
    }

    /// The lines of text, in the languages that are on; Chinese where there is no English.
    pub fn words(&self, language: LabelLanguage, text: &TextSizes) -> Words {
        let (zh, en) = match self {
            Self::Place(p) => (&p.name, &p.name_en),
            Self::Road(r, ..) => (&r.name, &r.name_en),
            Self::Building(b) => (&b.name, &b.name_en),
        };
        let (first, second) = match language {
            LabelLanguage::Both => (zh.clone(), if en == zh { String::new() } else { en.clone() }),
            LabelLanguage::Zh => (zh.clone(), String::new()),
            LabelLanguage::En => (if en.is_empty() { zh } else { en }.clone(), String::new()),
        };
        let size = levels::size(self.kind(), self.rank(), text);
        Words { first, second, sizes: (size, levels::second_size(size, text)), kind: self.kind() }
    }
}

/// How far above the ground (a landmark: above its roof) a name's anchor is, metres.
fn lift_m(kind: Kind) -> f64 {
    match kind {
        Kind::Area(_) => 60.0,
        Kind::Water => 1.0,
        Kind::Landmark | Kind::Building => 3.0,
        Kind::Road => 2.0,
        Kind::Green => 15.0,
        Kind::Place => 40.0,
    }
}

/// Room taken by words, points, by label and height of the text.
pub type Sizes = HashMap<(u64, u32), Vec2>;

/// Works out where labels go, only for those that have a chance.
pub struct Spotter<'a> {
    pub projector: &'a Projector,
    pub painter: &'a Painter,
    pub text: &'a TextSizes,
    pub language: LabelLanguage,
    pub subjects: &'a [Subject<'a>],
    /// All screens of the wall in points of this one; labels lie wholly on the one that holds their centre.
    pub screens: &'a [Rect],
    pub rays: &'a Rays<'a>,
    pub sight: &'a mut Sight,
    pub sizes: &'a mut Sizes,
    /// Anchors found on the way, east-north-up, by key.
    pub anchors: HashMap<u64, DVec3>,
}

impl Spotter<'_> {
    fn size(&mut self, wish: &Wish, subject: &Subject) -> Vec2 {
        let size = levels::size(subject.kind(), subject.rank(), self.text);
        let (painter, text, language) = (self.painter, self.text, self.language);
        *self.sizes.entry((wish.key, size.to_bits())).or_insert_with(|| paint::measure(painter, &subject.words(language, text)))
    }

    /// Height of what a place's name stands on, metres: its roof for a landmark, else the ground.
    fn height(&mut self, key: u64, place: &Place) -> Option<f64> {
        let (rays, frame) = (self.rays, &self.projector.frame);
        self.sight.height(key, || {
            let ground = (rays.ground)(place.lon, place.lat);
            if place.kind != Kind::Landmark {
                return ground;
            }
            let above = frame.geodetic_to_enu(Geodetic::from_degrees(place.lon, place.lat, ground + 2_000.0));
            (rays.hit)(above, DVec3::NEG_Z).map_or(ground, |hit| frame.enu_to_geodetic(hit).height_m)
        })
    }

    fn at_point(&mut self, wish: &Wish, size: Vec2, anchor: DVec3, kind: Kind) -> Option<Block> {
        let spot = self.projector.spot_enu(anchor)?;
        self.anchors.insert(wish.key, anchor);
        let at = self.projector.place(&spot);
        let over = matches!(kind, Kind::Landmark | Kind::Building);
        let centre = if over { at - vec2(0.0, size.y * 0.5 + self.text.body * 0.3) } else { at };
        slid(self.screens, centre, size).map(|centre| Block { centre, size, angle: 0.0 })
    }

    fn on_road(&mut self, wish: &Wish, size: Vec2, line: &Line, along: f64) -> Option<Block> {
        let middle = line.at(along)?;
        let place = self.projector.frame.enu_to_geodetic(middle);
        let rays = self.rays;
        let height = self.sight.height(wish.key, || (rays.ground)(place.lon_deg(), place.lat_deg()))?;
        let up = DVec3::Z * (height + lift_m(Kind::Road));
        self.anchors.insert(wish.key, middle + up);
        let projector = self.projector;
        let (block, half_m) = line.block(along, size, &|p| projector.spot_enu(p + up).map(|s| projector.place(&s)))?;
        for (end, side) in [(1, -0.7), (2, 0.7)] {
            line.at(along + side * half_m).map(|p| self.anchors.insert(wish.key ^ end, p + up));
        }
        let owner = self.screens.iter().find(|s| s.contains(block.centre))?;
        owner.contains_rect(block.around()).then_some(block)
    }
}

/// The centre of a block pushed wholly onto the screen that holds it; `None` on a bezel or beyond the wall.
fn slid(screens: &[Rect], centre: Pos2, size: Vec2) -> Option<Pos2> {
    let owner = screens.iter().find(|s| s.contains(centre))?;
    let inner = owner.shrink2((size * 0.5 + vec2(3.0, 3.0)).min(owner.size() * 0.5));
    Some(inner.clamp(centre))
}

impl Placer for Spotter<'_> {
    fn block(&mut self, wish: &Wish) -> Option<Block> {
        let subject = *self.subjects.get(wish.index)?;
        let size = self.size(wish, &subject);
        match subject {
            Subject::Place(place) => {
                let height = self.height(wish.key, place)? + lift_m(place.kind);
                let anchor = self.projector.frame.geodetic_to_enu(Geodetic::from_degrees(place.lon, place.lat, height));
                self.at_point(wish, size, anchor, place.kind)
            }
            Subject::Road(_, line, along) => self.on_road(wish, size, line, along),
            Subject::Building(b) => self.at_point(wish, size, b.top + DVec3::Z * lift_m(Kind::Building), Kind::Building),
        }
    }

    fn is_seen(&mut self, wish: &Wish, _: &Block) -> bool {
        // A road's name has to be seen at both ends too: buildings stand along it.
        let eye = self.projector.eye.position;
        let anchors = [wish.key, wish.key ^ 1, wish.key ^ 2].map(|key| (key, self.anchors.get(&key).copied()));
        let [(_, Some(_)), ..] = anchors else { return false };
        anchors.iter().all(|(key, at)| at.is_none_or(|at| self.sight.is_seen(*key, eye, at, self.rays)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_egui::egui::pos2;

    #[test]
    fn a_label_lies_wholly_on_one_screen_of_a_wall_and_none_on_the_bezel() {
        let screens = [Rect::from_min_max(pos2(0.0, 0.0), pos2(100.0, 50.0)), Rect::from_min_max(pos2(104.0, 0.0), pos2(204.0, 50.0))];
        let size = vec2(40.0, 10.0);
        let left = slid(&screens, pos2(98.0, 25.0), size).unwrap();
        assert!(screens[0].contains_rect(Rect::from_center_size(left, size)));
        let right = slid(&screens, pos2(105.0, 25.0), size).unwrap();
        assert!(screens[1].contains_rect(Rect::from_center_size(right, size)));
        assert_eq!(slid(&screens, pos2(102.0, 25.0), size), None);
    }

    #[test]
    fn languages_are_as_the_scene_says() {
        let place = Place {
            id: String::new(),
            name: "骆马湖".into(),
            name_en: "Luoma Lake".into(),
            kind: Kind::Water,
            rank: 1,
            lon: 0.0,
            lat: 0.0,
        };
        let words = |language| {
            let w = Subject::Place(&place).words(language, &TextSizes::desk(1080.0));
            (w.first, w.second)
        };
        assert_eq!(words(LabelLanguage::Both), ("骆马湖".into(), "Luoma Lake".into()));
        assert_eq!(words(LabelLanguage::Zh), ("骆马湖".into(), String::new()));
        assert_eq!(words(LabelLanguage::En), ("Luoma Lake".into(), String::new()));
    }
}
