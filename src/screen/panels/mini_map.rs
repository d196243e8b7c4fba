//! The mini-map: the city from above as its inset draws it, incidents, and the outline of what the camera sees. A click flies there, a drag takes the
//! camera along.

use super::{Asked, PanelData};
use crate::geo::Geodetic;
use crate::model::incident::Incident;
use crate::model::view::CameraPose;
use crate::screen::mini_map::{MAP_EM, MapShown};
use crate::screen::overlay::shapes;
use crate::screen::style;
use bevy::math::DVec2;
use bevy_egui::egui::{self, Color32, Painter, Pos2, Rect, Sense, Shape, Stroke, pos2, vec2};

const WHOLE: Rect = Rect { min: pos2(0.0, 0.0), max: pos2(1.0, 1.0) };

pub fn show(ui: &mut egui::Ui, data: &PanelData, asked: &mut Vec<Asked>) {
    let Some(map) = data.map else { return };
    let width = ui.available_width();
    let sense = if data.interactive { Sense::click_and_drag() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, width * MAP_EM[1] / MAP_EM[0]), sense);
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, style::LINE);
    if let Some(texture) = map.texture {
        painter.image(texture, rect, WHOLE, Color32::WHITE);
    }
    incidents(&painter, data, map, rect);
    outline(&painter, data, map, rect);
    north(&painter, data, rect);
    let Some(at) = response.interact_pointer_pos().filter(|at| rect.contains(*at)) else { return };
    if response.dragged() {
        asked.extend(over(data, map, rect, at).map(Asked::MoveTo));
    } else if response.clicked() {
        asked.extend(over(data, map, rect, at).map(Asked::GoTo));
    }
}

/// Points of egui of a place on the map, metres east and north of the anchor.
fn point(map: &MapShown, rect: Rect, place_m: DVec2) -> Pos2 {
    let at = map.extent.on_map(place_m).as_vec2();
    rect.min + vec2(at.x * rect.width(), at.y * rect.height())
}

/// The camera as it is, but looking at what is under a point of the map.
fn over(data: &PanelData, map: &MapShown, rect: Rect, at: Pos2) -> Option<CameraPose> {
    let part = (at - rect.min) / rect.size();
    let place_m = map.extent.place(DVec2::new(f64::from(part.x), f64::from(part.y)));
    let ground = map.frame.enu_to_geodetic(place_m.extend(0.0));
    let now = data.map.map(|m| m.camera)?;
    Some(CameraPose { lon: ground.lon_deg(), lat: ground.lat_deg(), ..now })
}

/// Open incidents as their shapes, the worst on top.
fn incidents(painter: &Painter, data: &PanelData, map: &MapShown, rect: Rect) {
    if !data.world.view.as_ref().and_then(|v| v.layers.get("incidents")).copied().unwrap_or(true) {
        return;
    }
    let mut open: Vec<&Incident> = data.world.incidents.values().filter(|i| !i.state.is_ended()).collect();
    open.sort_by_key(|i| std::cmp::Reverse(i.severity));
    let radius = data.text.body * 0.22;
    for incident in open {
        let place = map.frame.geodetic_to_enu(Geodetic::from_degrees(incident.lon, incident.lat, 0.0)).truncate();
        let at = point(map, rect, place);
        if rect.contains(at) {
            shapes::head(painter, at, radius, incident.severity, incident.acknowledged.is_some());
        }
    }
}

/// What the camera sees of the ground, and from where.
fn outline(painter: &Painter, data: &PanelData, map: &MapShown, rect: Rect) {
    let corners: Vec<Pos2> = map.footprint_m.iter().map(|p| point(map, rect, *p)).collect();
    let width = (data.text.body / 11.0).max(1.2);
    painter.add(Shape::convex_polygon(corners.clone(), Color32::from_rgba_unmultiplied(0xE6, 0xED, 0xF5, 22), Stroke::NONE));
    for (line, colour) in [(width * 2.2, Color32::from_rgba_unmultiplied(8, 12, 20, 150)), (width, style::TEXT)] {
        painter.add(Shape::closed_line(corners.clone(), Stroke::new(line, colour)));
    }
    let target = point(map, rect, map.target_m);
    painter.circle_filled(target, width * 1.6, style::TEXT);
}

/// An arrow with its letter: maps that can't be turned still say so.
fn north(painter: &Painter, data: &PanelData, rect: Rect) {
    let size = data.text.small * 0.8;
    let top = rect.right_top() + vec2(-size, size * 0.5);
    let arrow = vec![top, top + vec2(size * 0.38, size * 0.8), top + vec2(-size * 0.38, size * 0.8)];
    painter.add(Shape::convex_polygon(arrow, style::TEXT, Stroke::new(1.0, Color32::from_rgb(0x0B, 0x11, 0x1B))));
    let words = painter.layout_no_wrap("N".to_owned(), style::strong(size), style::TEXT);
    painter.galley(top + vec2(-words.size().x * 0.5, size * 0.75), words, style::TEXT);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::LocalFrame;
    use crate::link::WorldState;
    use crate::model::derived::DerivedAttributes;
    use crate::render::inset::MapExtent;
    use crate::screen::group::Group;
    use crate::screen::style::TextSizes;
    use crate::tiles::Progress;
    use chrono::Utc;
    use egui::{Event, PointerButton, RawInput};

    /// What a panel of 220 x 160 points asks for in one pass after another.
    fn asked(passes: Vec<Vec<Event>>) -> Vec<Asked> {
        let text = TextSizes::desk(1080.0);
        let (world, group, derived, tiles) = (WorldState::default(), Group::default(), DerivedAttributes::default(), Progress::default());
        let scene = toml::from_str("name = 's'\nname_en = 's'\npackage = 'p'").unwrap();
        let map = MapShown {
            texture: None,
            extent: MapExtent { centre_m: DVec2::ZERO, half_m: DVec2::new(11_000.0, 8_000.0) },
            frame: frame(),
            camera: CAMERA,
            target_m: DVec2::ZERO,
            footprint_m: [(-1.0, -1.0), (1.0, -1.0), (2.0, 2.0), (-2.0, 2.0)].map(|(x, y)| DVec2::new(x, y) * 500.0).to_vec(),
        };
        let data = PanelData {
            world: &world,
            scene: &scene,
            hub_now: Utc::now(),
            now: Utc::now(),
            text: &text,
            screen: "desk",
            leads: false,
            offline: None,
            interactive: true,
            heat: None,
            probed: None,
            styling: None,
            rule: None,
            right_rule: None,
            has_map: true,
            map: Some(&map),
            preview: None,
            derived: &derived,
            feature: None,
            group: &group,
            notice: None,
            tour_position_s: None,
            tiles: &tiles,
            phone: None,
            bright: false,
        };
        let ctx = egui::Context::default();
        style::apply(&ctx, &text);
        let mut asked = Vec::new();
        let screen = Some(Rect::from_min_size(Pos2::ZERO, vec2(800.0, 600.0)));
        // Fonts come with the second pass, and what a pointer is on is known from the pass before.
        for (pass, events) in [vec![], vec![], vec![]].into_iter().chain(passes).enumerate() {
            let _ = ctx.run_ui(RawInput { screen_rect: screen, events, ..RawInput::default() }, |ui| {
                egui::Area::new("map".into()).fixed_pos(Pos2::ZERO).show(ui.ctx(), |ui| {
                    ui.set_width(220.0);
                    if pass > 0 {
                        show(ui, &data, &mut asked);
                    }
                });
            });
        }
        asked
    }

    const CAMERA: CameraPose =
        CameraPose { lon: 118.275, lat: 33.963, height_m: 20.0, heading_deg: 30.0, pitch_deg: 40.0, distance_m: 900.0 };

    fn frame() -> LocalFrame {
        LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0))
    }

    fn button(pos: Pos2, pressed: bool) -> Event {
        Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: egui::Modifiers::default() }
    }

    /// Metres east and north of where a pose looks.
    fn place(pose: &CameraPose) -> DVec2 {
        assert_eq!(CameraPose { lon: CAMERA.lon, lat: CAMERA.lat, ..*pose }, CAMERA, "it looks as before, elsewhere");
        frame().geodetic_to_enu(Geodetic::from_degrees(pose.lon, pose.lat, 0.0)).truncate()
    }

    #[test]
    fn a_click_flies_to_the_place_under_it_and_a_drag_takes_the_camera_along() {
        let (middle, north_east) = (pos2(110.0, 80.0), pos2(165.0, 40.0));
        let click = asked(vec![vec![Event::PointerMoved(north_east)], vec![button(north_east, true)], vec![button(north_east, false)]]);
        let [Asked::GoTo(pose)] = click.as_slice() else { panic!("{click:?}") };
        assert!((place(pose) - DVec2::new(5_500.0, 4_000.0)).length() < 20.0, "{}", place(pose));

        let drag = asked(vec![
            vec![Event::PointerMoved(middle)],
            vec![button(middle, true)],
            vec![Event::PointerMoved(north_east)],
            vec![button(north_east, false)],
        ]);
        let Some(Asked::MoveTo(pose)) = drag.iter().rev().find(|a| matches!(a, Asked::MoveTo(_))) else { panic!("{drag:?}") };
        assert!((place(pose) - DVec2::new(5_500.0, 4_000.0)).length() < 20.0, "{}", place(pose));
        assert!(!drag.iter().any(|a| matches!(a, Asked::GoTo(_))), "a drag is no click: {drag:?}");
    }

    #[test]
    fn a_pointer_that_only_passes_over_moves_nothing() {
        assert_eq!(asked(vec![vec![Event::PointerMoved(pos2(110.0, 80.0))], vec![Event::PointerMoved(pos2(30.0, 30.0))]]), []);
    }
}
