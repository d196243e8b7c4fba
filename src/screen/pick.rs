//! Clicks on the city: a marker selects its incident, a building itself; the shared selection lights it up on every screen.

use super::panels::{Asked, PickedFeature};
use super::session::Session;
use super::tools::Tools;
use super::ui::{Inputs, PickedHere, carry_out};
use crate::model::clip::ClipRegion;
use crate::model::view::Selection;
use crate::render::camera::{CityCamera, ray_through};
use crate::render::tiles::picking::{PickRegion, PickRequest, PickResult};
use crate::render::tiles::{CityTiles, Picked, SelectedFeature};
use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use bevy_egui::egui;

/// Of clicks' picks.
const TOKEN: u64 = 1;
/// A press that moves farther than this is a drag, pixels.
const CLICK_PX: f32 = 5.0;

#[derive(Default)]
pub struct Press(Option<Vec2>);

/// Turns a short press into a selection.
pub fn click(
    buttons: Option<Res<ButtonInput<MouseButton>>>,
    windows: Query<&Window, With<PrimaryWindow>>,
    mut press: Local<Press>,
    mut inputs: Inputs,
    tools: Res<Tools>,
    mut ask: MessageWriter<PickRequest>,
) {
    let (Some(buttons), Ok(window)) = (buttons, windows.single()) else { return };
    let Some(cursor) = window.cursor_position() else { return };
    if buttons.just_pressed(MouseButton::Left) {
        press.0 = (!inputs.pointer_taken()).then_some(cursor);
    }
    if !buttons.just_released(MouseButton::Left) {
        return;
    }
    let Some(_) = press.0.take().filter(|at| at.distance(cursor) < CLICK_PX) else { return };
    let at = egui::pos2(cursor.x, cursor.y);
    if let Some(id) = inputs.head_at(at).filter(|_| !tools.is_active()) {
        carry_out(&mut inputs, Asked::Select(Some(Selection::Incident { id })));
        return;
    }
    ask.write(PickRequest { token: TOKEN, region: PickRegion::Point(cursor * window.scale_factor()) });
}

/// Asks what is seen at a point of the picture, pixels from its upper left corner, as a click there does.
pub fn ask_at(world: &mut World, at: Vec2) {
    world.write_message(PickRequest { token: TOKEN, region: PickRegion::Point(at) });
}

/// Takes what was found where somebody clicked: for the tool in hand, else it is selected.
pub fn answered(
    mut results: MessageReader<PickResult>,
    cameras: Query<(&Camera, &Projection, &GlobalTransform), With<CityCamera>>,
    mut inputs: Inputs,
    mut tools: ResMut<Tools>,
) {
    for result in results.read().filter(|r| r.token == TOKEN) {
        let PickRegion::Point(at) = result.region else { continue };
        let seen = result.hits.first().and_then(|h| {
            let (id, attributes, metadata) = (h.id.clone(), h.attributes.clone(), h.metadata.clone());
            Some(Picked { id, attributes, metadata, at: h.position? })
        });
        // A device that gives no picture back, or a face that only its picture shows: the ray finds what stands there.
        let found = seen.or_else(|| {
            let (camera, projection, transform) = cameras.single().ok()?;
            let whole = camera.physical_target_size()?.as_vec2();
            let ndc = Vec2::new(at.x / whole.x * 2.0 - 1.0, 1.0 - at.y / whole.y * 2.0);
            let (origin, direction) = ray_through(ndc, projection, transform);
            inputs.city_pick(origin, direction)
        });
        if let Some(found) = found {
            take(&mut inputs, &mut tools, found);
        }
    }
}

fn take(inputs: &mut Inputs, tools: &mut Tools, found: Picked) {
    let clip = inputs.clip();
    if tools.take(&found, clip.as_ref()) {
        if let Some(cut) = tools.cut() {
            let kept = clip.unwrap_or_default();
            let region =
                ClipRegion { keep_inside: kept.keep_inside, with_ground: kept.with_ground, see_below_ground: kept.see_below_ground, ..cut };
            carry_out(inputs, Asked::Clip(Some(region)));
        }
        return;
    }
    inputs.ask_heat(Some(found.at));
    let Picked { mut id, attributes, metadata, .. } = found;
    if inputs.is_alone() {
        // Without a hub nothing is selected: the place is told on this screen alone.
        id.clear();
    }
    let is_ground = attributes.get("class").and_then(|c| c.as_str()) == Some("Terrain");
    // What has no id is no selection that others could share, and is told here all the same.
    let says_nothing = is_ground || id.is_empty() && attributes.is_empty() && metadata.is_empty();
    let selection = (!id.is_empty() && !is_ground).then(|| Selection::Feature { id: id.clone() });
    // Where nothing was selected and nothing will be, nobody need hear of it.
    if selection.is_some() || inputs.has_selection() {
        carry_out(inputs, Asked::Select(selection));
    }
    inputs.set_picked((!says_nothing).then_some(PickedFeature { id, attributes, metadata }));
}

/// Lights up what is selected anywhere and finds its attributes for the card.
pub fn show_selection(session: Res<Session>, city: Res<CityTiles>, mut lit: ResMut<SelectedFeature>, mut here: ResMut<PickedHere>) {
    let wanted = match session.world.view.as_ref().and_then(|v| v.selection.as_ref()) {
        Some(Selection::Feature { id }) => Some(id.clone()),
        _ => None,
    };
    lit.set_if_neq(SelectedFeature(wanted.clone()));
    match wanted {
        None => {
            // A pick made here stays until the hub has heard of it.
            if session.world.view.as_ref().is_some_and(|v| v.selection.is_none()) && here.0.is_some() && here.is_changed() {
                return;
            }
            if !session.is_alone() && here.0.is_some() && session.world.view.as_ref().is_some_and(|v| v.selection.is_some()) {
                here.0 = None;
            }
        }
        Some(id) if here.0.as_ref().is_none_or(|p| p.id != id) => {
            if let Some(attributes) = city.find(&id) {
                here.0 = Some(PickedFeature { id, attributes, metadata: Vec::new() });
            }
        }
        Some(_) => {}
    }
}
