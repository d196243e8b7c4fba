//! Signs and panels of a native screen, each frame: reads the shared state, draws it, does what people ask.

use super::app::Adapter;
use super::group::{self, Group};
use super::heat::{self, HeatProbe, ShownHeat};
use super::mini_map::{self, MiniMap};
use super::overlay::labels::{Frame, Labels, Rays};
use super::overlay::markers::{self, DrawnHead, Signs};
use super::overlay::{Projector, alerts, course, units};
use super::panels::{self, Asked, PanelData, PickedFeature};
use super::preview::{self, Preview};
use super::session::{SceneInfo, Session};
use super::style::{self, TextSizes};
use super::styling::{self, DerivedHere, OwnStyling};
use super::tools;
use crate::geo::Geodetic;
use crate::model::clip::ClipRegion;
use crate::model::incident::Incident;
use crate::model::layout::Placement;
use crate::model::protocol::Command;
use crate::model::view::{Clock, Known, Selection, TourMove, ViewPatch, ViewState};
use crate::render::camera::{MOVE_S, OrbitCamera, PointerTaken, SceneFrame, Tangents, eye_of};
use crate::render::environment::Environment;
use crate::render::inset::{Inset, InsetState};
use crate::render::tiles::{CityTiles, Picked, on_plain};
use bevy::prelude::*;
use bevy_egui::EguiContexts;
use bevy_egui::egui;
use std::path::PathBuf;

/// How this screen shows panels and signs.
#[derive(Resource, Clone, Debug)]
pub struct ScreenLook {
    pub text: TextSizes,
    pub placements: Vec<Placement>,
    pub interactive: bool,
    /// Longitude and latitude along the course of the scene's event.
    pub course: Vec<[f64; 2]>,
    /// Whole picture and this screen's part of it; `None` when they are the same.
    pub wall: Option<(Tangents, Tangents)>,
    pub phone: Option<(String, Vec<Vec<bool>>)>,
    /// Whether to write what is drawn over the city at all.
    pub signs: bool,
    /// Folder of what is exported.
    pub exports: PathBuf,
}

/// What was picked by hand on this screen: attributes of the selected city object.
#[derive(Resource, Default)]
pub struct PickedHere(pub Option<PickedFeature>);

/// Heads drawn last frame, for clicks.
#[derive(Resource, Default)]
pub struct Heads(pub Vec<DrawnHead>);

/// Everything the panels read and the signs stand on.
#[derive(bevy::ecs::system::SystemParam)]
pub struct Inputs<'w, 's> {
    session: ResMut<'w, Session>,
    scene: Res<'w, SceneInfo>,
    look: Res<'w, ScreenLook>,
    frame: Res<'w, SceneFrame>,
    camera: ResMut<'w, OrbitCamera>,
    city: ResMut<'w, CityTiles>,
    heat: Res<'w, ShownHeat>,
    probe: ResMut<'w, HeatProbe>,
    picked: ResMut<'w, PickedHere>,
    heads: ResMut<'w, Heads>,
    taken: ResMut<'w, PointerTaken>,
    own_styling: Res<'w, OwnStyling>,
    derived: Res<'w, DerivedHere>,
    labels: ResMut<'w, Labels>,
    environment: Res<'w, Environment>,
    adapter: Option<Res<'w, Adapter>>,
    group: ResMut<'w, Group>,
    mini_map: Option<Res<'w, MiniMap>>,
    preview: Option<ResMut<'w, Preview>>,
    insets: Query<'w, 's, (&'static Inset, &'static InsetState)>,
}

impl Inputs<'_, '_> {
    pub fn pointer_taken(&self) -> bool {
        self.taken.pointer
    }

    /// What is cut away on all screens.
    pub fn clip(&self) -> Option<ClipRegion> {
        self.session.world.view.as_ref().and_then(|v| v.clip.clone())
    }

    /// The worst incident of the head at a point.
    pub fn head_at(&self, at: egui::Pos2) -> Option<String> {
        self.heads.0.iter().rev().find(|h| h.rect.contains(at)).and_then(|h| h.incidents.first().cloned())
    }

    /// Whether what is live glows: by night, where a graphics device draws. By day light added to light is none.
    fn glows(&self) -> bool {
        self.adapter.as_ref().is_some_and(|a| a.full) && !self.environment.is_bright()
    }

    /// What a ray meets; the plain ground where nothing is drawn.
    pub fn city_pick(&self, origin: bevy::math::DVec3, direction: bevy::math::DVec3) -> Option<Picked> {
        let plain = || {
            let at = on_plain(&self.frame, &self.environment, origin, direction)?;
            Some(Picked { at, id: String::new(), attributes: serde_json::Map::new(), metadata: Default::default() })
        };
        self.city.pick(&self.frame, origin, direction).or_else(plain)
    }

    /// Asks the heat layer, where there is one, for a place.
    pub fn ask_heat(&mut self, at: Option<Geodetic>) {
        self.probe.at = at.filter(|_| self.heat.0.is_some());
    }

    /// Whether this screen has no hub.
    pub fn is_alone(&self) -> bool {
        self.session.is_alone()
    }

    /// Whether anything is selected on all screens.
    pub fn has_selection(&self) -> bool {
        self.session.world.view.as_ref().is_some_and(|v| v.selection.is_some())
    }

    pub fn set_picked(&mut self, picked: Option<PickedFeature>) {
        self.picked.0 = picked;
    }
}

pub fn draw(mut contexts: EguiContexts, mut inputs: Inputs, mut styled: Local<bool>) -> Result {
    let ctx = contexts.ctx_mut()?;
    if !*styled {
        style::apply(ctx, &inputs.look.text);
        *styled = true;
        // The new fonts are there from the next pass on.
        return Ok(());
    }
    style::warm(ctx, &inputs.look.text);
    let asked = if inputs.look.placements.is_empty() { (Vec::new(), Vec::new()) } else { show_panels(ctx, &inputs) };
    let (asked, mut rects) = asked;
    rects.extend(tools::taken(ctx));
    group::draw(&ctx.layer_painter(egui::LayerId::background()), &inputs.group);
    if inputs.look.signs {
        show_signs(ctx, &mut inputs, &rects);
    }
    if let Some(clock) = inputs.session.world.view.as_ref().map(|v| v.clock).filter(|c| !c.is_live()) {
        // Above everything: it must be seen whatever lies under it.
        let painter = ctx.layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::new("replay band")));
        let (now, trouble) = (inputs.session.scene_now(), inputs.session.past_trouble());
        panels::band(&painter, ctx.content_rect(), &inputs.look.text, clock, now, trouble);
    }
    inputs.taken.pointer = ctx.egui_wants_pointer_input() || ctx.is_pointer_over_egui();
    inputs.taken.keys = ctx.egui_wants_keyboard_input();
    for wish in asked {
        carry_out(&mut inputs, wish);
    }
    Ok(())
}

fn show_panels(ctx: &egui::Context, inputs: &Inputs) -> (Vec<Asked>, Vec<egui::Rect>) {
    let session = &inputs.session;
    let (hub_now, now) = (session.hub_now(), session.scene_now());
    let offline = session.offline();
    let heat = inputs.heat.0.as_ref().and_then(|shown| Some((inputs.scene.scene.heats.iter().find(|h| h.id == shown.id)?, &shown.facts)));
    let styling = styling::shown(&inputs.own_styling, session);
    let rule = styling.and_then(|s| s.rule.as_ref()).and_then(|id| styling::rule(id, &inputs.scene.scene, &inputs.derived.0));
    let right_rule = styling.and_then(|s| s.swipe.as_ref()?.rule.as_ref());
    let right_rule = right_rule.and_then(|id| styling::rule(id, &inputs.scene.scene, &inputs.derived.0));
    let map = inputs.mini_map.as_ref().and_then(|map| {
        let (frame, pose) = (inputs.frame.0, inputs.camera.pose);
        mini_map::shown(map, &inputs.insets, frame, (pose, &eye_of(&pose, &frame)), &whole_picture(&inputs.look, ctx.content_rect()))
    });
    let data = PanelData {
        world: &session.world,
        scene: &inputs.scene.scene,
        hub_now,
        now,
        text: &inputs.look.text,
        screen: &session.screen,
        leads: session.leads(),
        offline: offline.as_deref(),
        interactive: inputs.look.interactive,
        heat,
        probed: inputs.probe.known.as_ref(),
        styling,
        rule: rule.as_ref(),
        right_rule: right_rule.as_ref(),
        has_map: inputs.mini_map.is_some(),
        map: map.as_ref(),
        preview: inputs.preview.as_ref().and_then(|p| preview::shown(p, &inputs.insets)),
        derived: &inputs.derived.0,
        feature: inputs.picked.0.as_ref(),
        group: &inputs.group,
        notice: session.notice(),
        tour_position_s: session.world.view.as_ref().and_then(|v| v.tour.position_s(hub_now)),
        tiles: &inputs.city.progress,
        phone: inputs.look.phone.as_ref(),
        bright: inputs.environment.is_bright(),
    };
    panels::show(ctx, &data, &inputs.look.placements)
}

/// The frustum of the whole picture, of which a wall's screen shows a part.
fn whole_picture(look: &ScreenLook, screen: egui::Rect) -> Tangents {
    let own = || Tangents::symmetric(crate::render::camera::FOV_Y_RAD, f64::from(screen.width()) / f64::from(screen.height().max(1.0)));
    look.wall.map_or_else(own, |(whole, _)| whole)
}

fn show_signs(ctx: &egui::Context, inputs: &mut Inputs, panels: &[egui::Rect]) {
    let screen = ctx.content_rect();
    let whole = whole_picture(&inputs.look, screen);
    let part = inputs.look.wall.map_or(whole, |(_, part)| part);
    let projector = Projector { eye: eye_of(&inputs.camera.pose, &inputs.frame.0), frame: inputs.frame.0, whole, part, screen };
    let painter = ctx.layer_painter(egui::LayerId::background());
    let shown = |view: &Option<ViewState>, id: &str| view.as_ref().and_then(|v| v.layers.get(id)).copied().unwrap_or(true);
    let (frame, glow) = (*inputs.frame, inputs.glows());
    let zoom_m = projector.eye.position.distance(projector.eye.target);
    inputs.labels.follow(&inputs.city, &frame, zoom_m);
    let city = std::cell::RefCell::new(&mut *inputs.city);
    let ground = |lon: f64, lat: f64| city.borrow_mut().ground_m(&frame, lon, lat).unwrap_or(0.0);
    let world = &inputs.session.world;
    let text = &inputs.look.text;
    let hit = |origin, direction| city.borrow().hit(&frame, origin, direction);
    let rays = Rays { ground: &ground, hit: &hit };
    let names = Frame { painter: &painter, projector: &projector, text, rays: &rays, bright: inputs.environment.is_bright() };
    if shown(&world.view, "labels") {
        inputs.labels.draw_borders(&names);
    }
    let warned = alerts::Ground { projector: &projector, text, now: inputs.session.scene_now(), height: &ground };
    let shows_alerts = shown(&world.view, "alerts");
    if shows_alerts {
        alerts::draw_areas(&painter, &warned, world.alerts.values());
    }
    if let Some(at) = inputs.probe.at.filter(|_| inputs.heat.0.is_some()) {
        let on_ground = Geodetic { height_m: at.height_m.max(ground(at.lon_deg(), at.lat_deg())), ..at };
        heat::draw_mark(&painter, &projector, on_ground, text.body * 0.4);
    }
    course::draw(&painter, &projector, text, &inputs.look.course, &ground);
    let mut taken = panels.to_vec();
    if shown(&world.view, "incidents") {
        let incidents: Vec<&Incident> = world.incidents.values().filter(|i| !i.state.is_ended()).collect();
        let selected = match world.view.as_ref().and_then(|v| v.selection.as_ref()) {
            Some(Selection::Incident { id }) => Some(id.as_str()),
            _ => None,
        };
        let signs =
            Signs { projector: &projector, text, now: inputs.session.scene_now(), ground: &ground, panels, reduced_motion: false, glow };
        (inputs.heads.0, taken) = markers::draw(&painter, &signs, &incidents, selected);
    }
    if shows_alerts {
        alerts::draw_labels(&painter, &warned, world.alerts.values(), &mut taken);
    }
    if shown(&world.view, "units") {
        units::draw(&painter, &projector, text, world.units.values(), inputs.session.scene_now(), &ground, &mut taken);
    }
    if shown(&world.view, "labels") {
        let selected = match world.view.as_ref().and_then(|v| v.selection.as_ref()) {
            Some(Selection::Feature { id }) => Some(id.as_str()),
            _ => None,
        };
        inputs.labels.draw(&names, &taken, selected);
    }
}

/// Does what a panel, a key or a click asked for.
pub fn carry_out(inputs: &mut Inputs, wish: Asked) {
    let patch = |patch: ViewPatch| Command::View { patch };
    match wish {
        Asked::Command(command) => inputs.session.ask(command),
        Asked::Styling(styling) => inputs.session.ask(patch(ViewPatch { styling: Some(styling), ..default() })),
        Asked::Theme(theme) => inputs.session.ask(patch(ViewPatch { theme: Some(theme), ..default() })),
        Asked::Clip(clip) => inputs.session.ask(patch(ViewPatch { clip: Some(clip), ..default() })),
        Asked::Group(wish) => inputs.group.carry_out(wish, &inputs.look.exports, &inputs.derived.0),
        Asked::ForgetHeat => inputs.ask_heat(None),
        Asked::RetryTiles => inputs.city.retry_failed(),
        Asked::TakeLead => inputs.session.ask(Command::TakeLead),
        Asked::Layer(id, on) => inputs.session.ask(patch(layer_patch(&inputs.scene, &id, on))),
        Asked::Clock(to) => inputs.session.ask(patch(ViewPatch { clock: Some(to), ..default() })),
        Asked::Tour(to) => inputs.session.ask(patch(ViewPatch { tour: Some(to), ..default() })),
        Asked::GoTo(pose) => {
            inputs.camera.go_to(pose, MOVE_S);
            inputs.session.ask(patch(ViewPatch { camera: Some(pose), ..default() }));
        }
        // A place that was picked on this screen alone: nobody else need hear that it is let go.
        Asked::Select(None) if !inputs.has_selection() && inputs.picked.0.as_ref().is_some_and(|p| p.id.is_empty()) => {
            inputs.set_picked(None);
        }
        Asked::Preview(pose) => {
            if let Some(preview) = &mut inputs.preview {
                preview.want(pose);
            }
        }
        Asked::MoveTo(pose) => {
            inputs.camera.set(pose);
            inputs.camera.moved_by_hand = true;
        }
        Asked::Select(selection) => {
            let camera = match &selection {
                Some(Selection::Incident { id }) => look_at_incident(inputs, id),
                _ => None,
            };
            if selection.is_none() {
                inputs.set_picked(None);
            }
            inputs.session.ask(patch(ViewPatch { selection: Some(selection), camera, ..default() }));
        }
    }
}

/// One heat layer at a time: two draped colours can't be told apart.
fn layer_patch(scene: &SceneInfo, id: &str, on: bool) -> ViewPatch {
    let mut layers = std::collections::BTreeMap::from([(id.to_owned(), on)]);
    if on && scene.scene.heats.iter().any(|h| h.id == id) {
        layers.extend(scene.scene.heats.iter().filter(|h| h.id != id).map(|h| (h.id.clone(), false)));
    }
    ViewPatch { layers, ..default() }
}

/// Selecting an incident in a list flies to it, keeping the direction of view.
fn look_at_incident(inputs: &mut Inputs, id: &str) -> Option<crate::model::view::CameraPose> {
    let incident = inputs.session.world.incidents.get(id)?;
    let (lon, lat) = (incident.lon, incident.lat);
    let frame = *inputs.frame;
    let ground = inputs.city.ground_m(&frame, lon, lat);
    let now = inputs.camera.goal();
    let pose = crate::model::view::CameraPose {
        lon,
        lat,
        height_m: ground.unwrap_or(now.height_m),
        distance_m: now.distance_m.min(1_600.0),
        ..now
    };
    inputs.camera.go_to(pose, MOVE_S);
    Some(pose)
}

/// Keys that work on every screen with a keyboard.
pub fn keys(keys: Option<Res<ButtonInput<KeyCode>>>, mut inputs: Inputs, mut tools: ResMut<tools::Tools>) {
    let Some(keys) = keys.filter(|_| inputs.look.interactive && !inputs.taken.keys) else { return };
    let touring = inputs.session.world.view.as_ref().is_some_and(|v| v.tour != crate::model::view::TourState::Off);
    let playing = inputs.session.world.view.as_ref().is_some_and(|v| matches!(v.tour, crate::model::view::TourState::Playing { .. }));
    if keys.just_pressed(KeyCode::KeyT) && inputs.scene.scene.tour.is_some() {
        carry_out(&mut inputs, Asked::Tour(if playing { TourMove::Pause } else { TourMove::Play }));
    }
    if keys.just_pressed(KeyCode::Escape) && !tools.end() && !inputs.group.end() {
        carry_out(&mut inputs, if touring { Asked::Tour(TourMove::Leave) } else { Asked::Select(None) });
    }
    if keys.just_pressed(KeyCode::KeyR) {
        let to = match inputs.session.in_the_past() {
            true => Clock::Live,
            false => Clock::At { time: inputs.session.hub_now() - panels::FIRST_STEP, known: Known::default() },
        };
        carry_out(&mut inputs, Asked::Clock(to));
    }
    if keys.just_pressed(KeyCode::KeyL) {
        carry_out(&mut inputs, Asked::TakeLead);
    }
}
