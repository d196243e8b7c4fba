//! Several objects selected at once on this desk: Shift and drag for a box, Ctrl and clicks for a polygon.
//!
//! What is seen in it lights up here alone; the shared selection of one object stays what it is.

mod card;
mod figures;

pub use card::{has_content, show};
pub use figures::{Figure, Member};

use super::ui::ScreenLook;
use crate::model::derived::DerivedAttributes;
use crate::render::camera::PointerTaken;
use crate::render::tiles::picking::{PickRegion, PickRequest, PickResult, PickedFeature};
use crate::render::tiles::{CityTiles, SelectedGroup, TileRef};
use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use bevy_egui::egui;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Of this module's picks.
const TOKEN: u64 = 2;
/// A second click within this time and distance ends a polygon, seconds and pixels.
const DOUBLE: (f32, f32) = (0.4, 6.0);
/// A smaller box is a click, pixels.
const BOX_MIN_PX: f32 = 4.0;

/// What is selected, and what is being drawn to select more.
#[derive(Resource, Default)]
pub struct Group {
    pub members: Vec<Member>,
    pub figures: Vec<Figure>,
    /// What became of the last export, in words.
    pub said: Option<String>,
    /// Objects in the region that was drawn last are still looked for.
    pub waits: bool,
    drawing: Option<Drawing>,
}

/// Pixels of the window.
#[derive(Clone, Debug, PartialEq)]
enum Drawing {
    Box { from: Vec2, to: Vec2 },
    Polygon { corners: Vec<Vec2>, cursor: Vec2, clicked_s: f32 },
}

/// What a person asks of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupMove {
    Export,
    Clear,
}

impl Group {
    /// Ends what is being drawn, else the group itself; false when there was neither.
    pub fn end(&mut self) -> bool {
        let was = self.drawing.take().is_some() || !self.members.is_empty() || self.waits;
        if was {
            *self = Self::default();
        }
        was
    }

    /// Files go into `folder`.
    /// Does what the panel asked for; what is `derived` of a building is exported with what its source says.
    pub fn carry_out(&mut self, wish: GroupMove, folder: &Path, derived: &DerivedAttributes) {
        match wish {
            GroupMove::Clear => drop(self.end()),
            GroupMove::Export => {
                let mut members = self.members.clone();
                members.iter_mut().for_each(|m| m.attributes.extend(derived.of(&m.id)));
                let written = figures::export(&members, folder, chrono::Utc::now());
                self.said = Some(match written {
                    Ok(path) => format!("已写入 written: {} (+ .csv)", path.display()),
                    Err(why) => format!("没有写入 not written: {why}"),
                });
            }
        }
    }
}

/// The pointer with the keys held.
#[derive(bevy::ecs::system::SystemParam)]
pub struct Hand<'w, 's> {
    buttons: Option<Res<'w, ButtonInput<MouseButton>>>,
    keys: Option<Res<'w, ButtonInput<KeyCode>>>,
    windows: Query<'w, 's, &'static Window, With<PrimaryWindow>>,
    time: Res<'w, Time<Real>>,
}

/// Turns drags and clicks with a key held into a region, and asks what is seen there.
pub fn mark(
    hand: Hand,
    look: Res<ScreenLook>,
    mut taken: ResMut<PointerTaken>,
    mut group: ResMut<Group>,
    mut ask: MessageWriter<PickRequest>,
) {
    let (Some(buttons), Some(keys), Ok(window)) = (&hand.buttons, &hand.keys, hand.windows.single()) else { return };
    let Some(cursor) = window.cursor_position().filter(|_| look.interactive) else { return };
    let pressed = buttons.just_pressed(MouseButton::Left) && !taken.pointer;
    let shift = keys.any_pressed([KeyCode::ShiftLeft, KeyCode::ShiftRight]);
    let ctrl = keys.any_pressed([KeyCode::ControlLeft, KeyCode::ControlRight]);
    let enter = keys.any_just_pressed([KeyCode::Enter, KeyCode::NumpadEnter]) && !taken.keys;
    // Written only where something changes: the card is drawn anew of it.
    let Some(next) = next(
        group.drawing.clone(),
        cursor,
        Pressed { pressed, held: buttons.pressed(MouseButton::Left), shift, ctrl, enter },
        hand.time.elapsed_secs(),
    ) else {
        return;
    };
    // Neither the camera nor a click on a building may have it too.
    taken.pointer = true;
    match next {
        Next::Goes(drawing) => group.drawing = Some(drawing),
        Next::Ends(region) => {
            group.drawing = None;
            if let Some(region) = region.map(|r| scaled(r, window.scale_factor())) {
                group.waits = true;
                ask.write(PickRequest { token: TOKEN, region });
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Pressed {
    pressed: bool,
    held: bool,
    shift: bool,
    ctrl: bool,
    enter: bool,
}

#[derive(Debug, PartialEq)]
enum Next {
    Goes(Drawing),
    Ends(Option<PickRegion>),
}

/// One frame of drawing at `now_s`; `None` where the hand does something else.
fn next(drawing: Option<Drawing>, cursor: Vec2, hand: Pressed, now_s: f32) -> Option<Next> {
    match drawing {
        Some(Drawing::Box { from, .. }) if hand.held => Some(Next::Goes(Drawing::Box { from, to: cursor })),
        Some(Drawing::Box { from, to }) => {
            let is_drag = (to - from).abs().min_element() >= BOX_MIN_PX;
            Some(Next::Ends(is_drag.then(|| PickRegion::Box(Rect::from_corners(from, to)))))
        }
        Some(Drawing::Polygon { mut corners, clicked_s, .. }) => {
            let again = hand.pressed && now_s - clicked_s < DOUBLE.0 && corners.last().is_some_and(|c| c.distance(cursor) < DOUBLE.1);
            if again || hand.enter {
                return Some(Next::Ends((corners.len() > 2).then_some(PickRegion::Polygon(corners))));
            }
            let clicked = hand.pressed && hand.ctrl;
            if clicked {
                corners.push(cursor);
            }
            // Without the key the camera moves as ever, and the corners stay in the picture.
            let goes = Next::Goes(Drawing::Polygon { corners, cursor, clicked_s: if clicked { now_s } else { clicked_s } });
            (clicked || hand.ctrl || !hand.held).then_some(goes)
        }
        None if hand.pressed && hand.shift => Some(Next::Goes(Drawing::Box { from: cursor, to: cursor })),
        None if hand.pressed && hand.ctrl => Some(Next::Goes(Drawing::Polygon { corners: vec![cursor], cursor, clicked_s: now_s })),
        None => None,
    }
}

/// From the window's points to the picture's pixels.
fn scaled(region: PickRegion, by: f32) -> PickRegion {
    match region {
        PickRegion::Point(at) => PickRegion::Point(at * by),
        PickRegion::Box(rect) => PickRegion::Box(Rect { min: rect.min * by, max: rect.max * by }),
        PickRegion::Polygon(corners) => PickRegion::Polygon(corners.into_iter().map(|c| c * by).collect()),
    }
}

/// Takes what was found, and lights it up.
pub fn answered(mut results: MessageReader<PickResult>, city: Res<CityTiles>, mut group: ResMut<Group>, mut lit: ResMut<SelectedGroup>) {
    for result in results.read().filter(|r| r.token == TOKEN) {
        let members = members(&city, &result.hits);
        *group = Group { figures: figures::figures(&members), members, drawing: group.drawing.take(), ..default() };
    }
    if group.is_changed() {
        lit.set_if_neq(SelectedGroup(group.members.iter().map(|m| m.id.clone()).collect()));
    }
}

/// Buildings among the hits, each once, by id.
fn members(city: &CityTiles, hits: &[PickedFeature]) -> Vec<Member> {
    let buildings: BTreeMap<&str, &PickedFeature> =
        hits.iter().filter(|h| h.building && !h.id.is_empty()).map(|h| (h.id.as_str(), h)).collect();
    let mut wanted: HashMap<TileRef, HashSet<u32>> = HashMap::new();
    for hit in buildings.values() {
        wanted.entry(hit.tile).or_default().insert(hit.feature);
    }
    let places: HashMap<TileRef, _> = wanted.iter().map(|(tile, features)| (*tile, city.places_of(*tile, features))).collect();
    let of = |h: &PickedFeature| Member {
        id: h.id.clone(),
        attributes: h.attributes.clone(),
        at: places.get(&h.tile).and_then(|of| of.get(&h.feature)).copied(),
    };
    buildings.into_values().map(of).collect()
}

/// What is being drawn.
pub fn draw(painter: &egui::Painter, group: &Group) {
    let stroke = egui::Stroke::new(2.0, super::style::ACCENT);
    let at = |p: &Vec2| egui::pos2(p.x, p.y);
    match &group.drawing {
        Some(Drawing::Box { from, to }) => {
            let rect = egui::Rect::from_two_pos(at(from), at(to));
            painter.rect(rect, 0.0, super::style::ACCENT.gamma_multiply(0.15), stroke, egui::StrokeKind::Middle);
        }
        Some(Drawing::Polygon { corners, cursor, .. }) => {
            let line: Vec<egui::Pos2> = corners.iter().chain([cursor]).map(at).collect();
            painter.add(egui::Shape::closed_line(line, stroke));
            for corner in corners {
                painter.circle_filled(at(corner), 4.0, super::style::ACCENT);
            }
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_lies_in_the_folder_asked_for_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("exports");
        let member = Member { id: "a".to_owned(), attributes: Default::default(), at: None };
        let mut group = Group { members: vec![member], ..Group::default() };
        let mut derived = DerivedAttributes::default();
        derived.number("sun_hours", "h", "a", 3.5, [0.0; 3]);
        group.carry_out(GroupMove::Export, &folder, &derived);
        let table = std::fs::read_dir(&folder).unwrap().flatten().map(|f| f.path()).find(|p| p.extension().is_some_and(|e| e == "csv"));
        let table = std::fs::read_to_string(table.unwrap()).unwrap();
        assert!(table.contains("sun_hours") && table.contains("3.5"), "what was computed is exported too: {table}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        assert!(group.said.unwrap().contains(&folder.display().to_string()));
    }

    const NOTHING: Pressed = Pressed { pressed: false, held: false, shift: false, ctrl: false, enter: false };

    #[test]
    fn shift_and_drag_is_a_box_and_a_twitch_is_none() {
        let press = Pressed { pressed: true, held: true, shift: true, ..NOTHING };
        let Some(Next::Goes(begun)) = next(None, Vec2::new(10.0, 50.0), press, 0.0) else { panic!() };
        let Some(Next::Goes(drawn)) = next(Some(begun.clone()), Vec2::new(60.0, 20.0), Pressed { held: true, ..NOTHING }, 0.1) else {
            panic!()
        };
        let ended = next(Some(drawn), Vec2::new(60.0, 20.0), NOTHING, 0.2);
        assert_eq!(ended, Some(Next::Ends(Some(PickRegion::Box(Rect::new(10.0, 20.0, 60.0, 50.0))))));
        assert_eq!(next(Some(begun), Vec2::new(11.0, 50.0), NOTHING, 0.2), Some(Next::Ends(None)));
        assert_eq!(next(None, Vec2::ZERO, Pressed { pressed: true, held: true, ..NOTHING }, 0.0), None);
    }

    #[test]
    fn clicks_with_ctrl_are_corners_until_a_double_click_or_enter() {
        let click = Pressed { pressed: true, held: true, ctrl: true, ..NOTHING };
        let corners = [Vec2::ZERO, Vec2::new(100.0, 0.0), Vec2::new(0.0, 100.0)];
        let mut drawing = None;
        for (i, corner) in corners.iter().enumerate() {
            let Some(Next::Goes(now)) = next(drawing, *corner, click, i as f32) else { panic!() };
            drawing = Some(now);
        }
        let region = Some(Next::Ends(Some(PickRegion::Polygon(corners.to_vec()))));
        assert_eq!(next(drawing.clone(), Vec2::new(1.0, 100.0), click, 2.2), region);
        assert_eq!(next(drawing, Vec2::new(500.0, 1.0), Pressed { enter: true, ..NOTHING }, 9.0), region);
    }
}
