//! Panels beside the map: plain egui over the same state on desk and wall. One file a panel.

mod alerts;
mod caption;
mod card;
mod clock;
mod feeds;
mod heat_card;
mod incidents;
mod kpi;
mod layers;
mod legend;
mod metadata_card;
mod mini_map;
mod style_legend;
mod tiles;
mod timeline;

pub use card::clock_time;
pub use timeline::{FIRST_STEP, band};

use super::group::{Group, GroupMove};
use super::heat::{HeatFacts, Probed};
use super::mini_map::{MAP_EM, MapShown};
use super::preview::PreviewShown;
use super::style::{self, TextSizes};
use crate::link::WorldState;
use crate::model::clip::ClipRegion;
use crate::model::derived::DerivedAttributes;
use crate::model::layout::{Panel, Place, Placement};
use crate::model::protocol::Command;
use crate::model::scene::{HeatConfig, Scene, Theme};
use crate::model::styling::{StyleRule, Styling};
use crate::model::view::{CameraPose, Clock, Selection, TourMove};
use crate::tiles::{MetadataGroup, Progress};
use bevy_egui::egui::{self, Align2, Id, Rect, vec2};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A picked city object, or a place that belongs to none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PickedFeature {
    /// Empty where it has none: the place is known on this screen only.
    pub id: String,
    pub attributes: Map<String, Value>,
    /// What else files say of the place that was picked.
    pub metadata: Vec<MetadataGroup>,
}

/// Everything panels read.
pub struct PanelData<'a> {
    pub world: &'a WorldState,
    pub scene: &'a Scene,
    /// The hub's clock.
    pub hub_now: DateTime<Utc>,
    /// The instant that is shown: the hub's clock, or one in the past.
    pub now: DateTime<Utc>,
    pub text: &'a TextSizes,
    pub screen: &'a str,
    pub leads: bool,
    /// In words when the link is down.
    pub offline: Option<&'a str>,
    /// Whether people can click here; a wall has no pointer.
    pub interactive: bool,
    pub heat: Option<(&'a HeatConfig, &'a HeatFacts)>,
    /// What the heat layer says of the place that is pointed at.
    pub probed: Option<&'a Probed>,
    /// How the buildings are shown, and the rule that colours them.
    pub styling: Option<&'a Styling>,
    pub rule: Option<&'a StyleRule>,
    /// The rule that colours them right of a line of comparison.
    pub right_rule: Option<&'a StyleRule>,
    /// Whether this screen has a mini-map, and what is on it while it is shown.
    pub has_map: bool,
    pub map: Option<&'a MapShown>,
    /// What is shown of the view that the pointer is on.
    pub preview: Option<PreviewShown>,
    /// Names of computed columns.
    pub derived: &'a DerivedAttributes,
    pub feature: Option<&'a PickedFeature>,
    /// Objects selected together on this screen.
    pub group: &'a Group,
    /// The last refusal, in words, while it is fresh.
    pub notice: Option<&'a str>,
    pub tour_position_s: Option<f64>,
    /// What is on its way, what failed, what was drawn without something.
    pub tiles: &'a Progress,
    /// Address for phones, and its QR code as dark modules row by row.
    pub phone: Option<&'a (String, Vec<Vec<bool>>)>,
    /// Whether the city behind is bright.
    pub bright: bool,
}

impl PanelData<'_> {
    /// Whether what is shown is not what is now.
    pub fn in_the_past(&self) -> bool {
        self.world.view.as_ref().is_some_and(|v| !v.clock.is_live())
    }
}

/// What a person asked a panel for.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one or two a frame, when somebody clicks")]
pub enum Asked {
    Command(Command),
    Select(Option<Selection>),
    Layer(String, bool),
    GoTo(CameraPose),
    /// Show a small picture of it, as long as this is asked in every frame.
    Preview(CameraPose),
    /// Stand there at once, as a hand on the city moves the camera.
    MoveTo(CameraPose),
    Tour(TourMove),
    Clock(Clock),
    TakeLead,
    /// No place is pointed at any longer.
    ForgetHeat,
    /// Tiles that failed are asked for once more.
    RetryTiles,
    Styling(Styling),
    Theme(Theme),
    Clip(Option<ClipRegion>),
    Group(GroupMove),
}

/// Height of the bar of tools at the foot of a desk, with the gap above it.
const TOOL_BAR_EM: f32 = 4.6;

/// Height under which a panel is left out: a title and a line.
const ROOM_EM_MIN: f32 = 4.0;

/// Draws the panels that stand on this screen; returns what was asked and where panels are, so that signs keep clear.
pub fn show(ctx: &egui::Context, data: &PanelData, placements: &[Placement]) -> (Vec<Asked>, Vec<Rect>) {
    let mut asked = Vec::new();
    let mut rects: Vec<(Place, Rect)> = Vec::new();
    let screen = ctx.content_rect();
    let last = Id::new("heights of panels");
    let before: Vec<(Place, f32)> = ctx.data(|d| d.get_temp(last)).unwrap_or_default();
    let between = between_sides(placements, data, screen);
    // The band of a replay stands at the foot of the picture.
    let tools = if data.interactive { data.text.body * TOOL_BAR_EM } else { 0.0 };
    let foot = if data.in_the_past() { timeline::band_height(data.text) + tools } else { 0.0 };
    for placement in placements {
        if !has_content(data, placement.panel) {
            continue;
        }
        let gap = data.text.gap();
        // Panels at the same place stack away from the edge.
        let under: f32 = rects.iter().filter(|(at, _)| stacks(*at, placement.at)).map(|(_, r)| r.height() + gap).sum();
        let used = under + if column(placement.at) == 0 && at_bottom(placement.at) { foot } else { 0.0 };
        let (align, offset) = anchor(placement.at, gap, used);
        let wish = panel_width(placement.panel, data, screen);
        let width = if column(placement.at) == 0 { wish.min(between) } else { wish };
        let area = egui::Area::new(Id::new(("panel", placement.panel as u8 as u64)))
            .anchor(align, offset)
            .order(egui::Order::Middle)
            .fade_in(false);
        // What stands at the other end of the column keeps its room: as it was drawn last.
        let opposite: f32 = before
            .iter()
            .filter(|(at, _)| column(*at) == column(placement.at) && at_bottom(*at) != at_bottom(placement.at))
            .map(|(_, h)| h + gap)
            .sum();
        let height = screen.height() - 2.0 * gap - used - if at_bottom(placement.at) { 0.0 } else { opposite };
        // In a window too small for all of them, the first ones stand.
        if height < ROOM_EM_MIN * data.text.body {
            continue;
        }
        let response = area.show(ctx, |ui| {
            style::frame(data.text, data.bright).show(ui, |ui| {
                ui.set_width(width);
                let inner = (height - 2.0 * gap).max(data.text.body);
                egui::ScrollArea::vertical().max_height(inner).min_scrolled_height(inner).auto_shrink([false, true]).show(ui, |ui| {
                    one(ui, data, placement.panel, &mut asked);
                });
            });
        });
        rects.push((placement.at, response.response.rect));
    }
    ctx.data_mut(|d| d.insert_temp(last, rects.iter().map(|(at, r)| (*at, r.height())).collect::<Vec<(Place, f32)>>()));
    (asked, rects.into_iter().map(|(_, r)| r).collect())
}

fn one(ui: &mut egui::Ui, data: &PanelData, panel: Panel, asked: &mut Vec<Asked>) {
    match panel {
        Panel::IncidentList => incidents::show(ui, data, asked),
        Panel::Card => card::show(ui, data, asked),
        Panel::Kpi => kpi::show(ui, data),
        Panel::Legend => {
            let compared = data.styling.is_some_and(|s| s.swipe.is_some());
            for (rule, side) in [(data.rule, ("左侧", "left")), (data.right_rule, ("右侧", "right"))] {
                let Some(rule) = rule else { continue };
                if compared {
                    ui.label(
                        egui::RichText::new(format!("{} {}", side.0, side.1)).font(style::regular(data.text.small)).color(style::QUIET),
                    );
                }
                style_legend::show(ui, data, rule);
            }
            if (data.rule.is_some() || data.right_rule.is_some()) && data.heat.is_some() {
                ui.separator();
            }
            legend::show(ui, data);
        }
        Panel::Clock => clock::show(ui, data, asked),
        Panel::Layers => layers::show(ui, data, asked),
        Panel::Feeds => feeds::show(ui, data),
        Panel::TourCaption => caption::show(ui, data, asked),
        Panel::Timeline => timeline::show(ui, data, asked),
        Panel::MiniMap => mini_map::show(ui, data, asked),
    }
}

/// An empty panel is not shown at all.
fn has_content(data: &PanelData, panel: Panel) -> bool {
    match panel {
        Panel::Card => card::has_content(data),
        Panel::Legend => data.heat.is_some() || data.rule.is_some() || data.right_rule.is_some(),
        Panel::TourCaption => data.tour_position_s.is_some(),
        Panel::Timeline => data.in_the_past(),
        Panel::MiniMap => data.map.is_some(),
        _ => true,
    }
}

fn panel_width(panel: Panel, data: &PanelData, screen: Rect) -> f32 {
    let em = data.text.body;
    let wish = match panel {
        Panel::IncidentList | Panel::Card => em * 19.0,
        Panel::Kpi if data.interactive => em * 15.5,
        Panel::Kpi => em * 11.0,
        Panel::Clock if data.interactive => em * 36.0,
        Panel::Clock => em * 22.0,
        Panel::Legend => em * 19.0,
        Panel::Layers | Panel::Feeds => em * 15.5,
        Panel::TourCaption => em * 34.0,
        Panel::Timeline => em * 40.0,
        Panel::MiniMap => em * MAP_EM[0],
    };
    // Beside the map, never over most of it.
    let most = match panel {
        Panel::Clock | Panel::TourCaption | Panel::Timeline => 0.56,
        // One output of a wall is a part of the picture: its neighbours are all map.
        _ if !data.interactive => 0.32,
        _ => 0.24,
    };
    wish.min(screen.width() * most)
}

/// Room for what stands in the middle of a desk's small window: the columns beside it are not covered.
fn between_sides(placements: &[Placement], data: &PanelData, screen: Rect) -> f32 {
    // What a frame and the gap beside it take.
    let around = 3.0 * data.text.gap() + 2.0;
    let sides = placements.iter().filter(|p| column(p.at) != 0 && has_content(data, p.panel));
    let side = sides.map(|p| panel_width(p.panel, data, screen) + around).fold(0.0, f32::max);
    match data.interactive {
        true => (screen.width() - 2.0 * side - around).max(data.text.body * 14.0),
        // On a wall the outputs beside it have room too.
        false => f32::INFINITY,
    }
}

fn column(place: Place) -> i8 {
    match place {
        Place::TopLeft | Place::Left | Place::BottomLeft => -1,
        Place::Top | Place::Bottom => 0,
        Place::TopRight | Place::Right | Place::BottomRight => 1,
    }
}

fn at_bottom(place: Place) -> bool {
    matches!(place, Place::BottomLeft | Place::Bottom | Place::BottomRight)
}

/// Whether a panel at `b` has to make room for one at `a`.
fn stacks(a: Place, b: Place) -> bool {
    column(a) == column(b) && at_bottom(a) == at_bottom(b)
}

fn anchor(place: Place, gap: f32, used: f32) -> (Align2, egui::Vec2) {
    let down = if at_bottom(place) { -gap - used } else { gap + used };
    let align = match (column(place), at_bottom(place)) {
        (-1, false) => Align2::LEFT_TOP,
        (-1, true) => Align2::LEFT_BOTTOM,
        (0, false) => Align2::CENTER_TOP,
        (0, true) => Align2::CENTER_BOTTOM,
        (_, false) => Align2::RIGHT_TOP,
        (_, true) => Align2::RIGHT_BOTTOM,
    };
    (align, vec2(-f32::from(column(place)) * gap, down))
}

/// Chinese with its English smaller and quieter beside it.
fn two(ui: &mut egui::Ui, text: &TextSizes, zh: &str, en: &str) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = text.body * 0.4;
        ui.label(egui::RichText::new(zh).font(style::strong(text.body)));
        ui.label(egui::RichText::new(en).font(style::regular(text.small)).color(style::QUIET));
    });
}
