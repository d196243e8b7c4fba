//! Tools on the desk 工具: choose one, click places on the city, read the answer over it. Questions are answered on a thread of their own.

mod chart;
mod over;
mod panel;
mod patches;
mod worker;

pub use panel::taken;

use super::overlay::Projector;
use super::style::TextSizes;
use super::ui::ScreenLook;
use crate::analysis::{Asked, Place, SectionInput, Spot, SunInput, ToolInput, ToolResult, ViewshedInput};
use crate::model::clip::ClipRegion;
use crate::model::view::TourState;
use crate::render::camera::{FOV_Y_RAD, OrbitCamera, SceneFrame, Tangents, eye_of};
use crate::render::environment::Environment;
use crate::render::tiles::Picked;
use crate::screen::session::Session;
use crate::screen::styling::DerivedHere;
use crate::tiles::{Headers, MemoryBudget};
use bevy::prelude::*;
use bevy_egui::{EguiContexts, egui};
use chrono::NaiveDate;
use worker::Worker;

/// The tools there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Distance,
    Height,
    Area,
    Sight,
    Viewshed,
    Sun,
    Section,
    /// Cuts the city by a polygon, on all screens.
    Cut,
}

impl Kind {
    pub const ALL: [Self; 8] = [Self::Distance, Self::Height, Self::Area, Self::Sight, Self::Viewshed, Self::Sun, Self::Section, Self::Cut];

    /// In Chinese and English.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Distance => ("距离", "distance"),
            Self::Height => ("高度", "height"),
            Self::Area => ("面积", "area"),
            Self::Sight => ("通视", "line of sight"),
            Self::Viewshed => ("视域", "viewshed"),
            Self::Sun => ("日照", "sun hours"),
            Self::Section => ("剖面", "section"),
            Self::Cut => ("剖切", "cut"),
        }
    }

    /// Places it takes: at least, and at most before it begins anew.
    fn takes(self) -> (usize, usize) {
        match self {
            Self::Distance | Self::Section => (2, usize::MAX),
            Self::Area => (3, usize::MAX),
            Self::Cut => (3, crate::render::clip::CORNERS_MAX),
            Self::Sight => (2, 2),
            Self::Height | Self::Viewshed | Self::Sun => (1, 1),
        }
    }

    fn of(input: &ToolInput) -> Self {
        match input {
            ToolInput::Distance { .. } => Self::Distance,
            ToolInput::Height { .. } => Self::Height,
            ToolInput::Area { .. } => Self::Area,
            ToolInput::LineOfSight { .. } => Self::Sight,
            ToolInput::Viewshed(_) => Self::Viewshed,
            ToolInput::SunHours(_) => Self::Sun,
            ToolInput::Section(_) => Self::Section,
        }
    }
}

/// How far around a click a viewshed and sun hours may be asked for, metres; 0 is the building alone.
const VIEWSHED_REACHES_M: [f64; 4] = [150.0, 300.0, 600.0, 1_200.0];
const SUN_REACHES_M: [f64; 4] = [0.0, 50.0, 150.0, 300.0];
const HEIGHT_REACHES_M: [f64; 4] = [0.0, 150.0, 600.0, 2_400.0];
/// Points of sun hours stand this far apart where many buildings are asked for, metres.
const SUN_GRID_WIDE_M: f64 = 5.0;
/// Eyes over what was clicked, metres.
const EYE_M: f64 = 1.6;

/// The tool in hand, what was clicked, and the answer.
#[derive(Resource)]
pub struct Tools {
    kind: Option<Kind>,
    /// Clicked on the surface of the city.
    places: Vec<Place>,
    /// The object clicked last.
    object: String,
    /// Day of the sun tool.
    date: NaiveDate,
    /// How far heights, viewsheds and sun hours reach, metres.
    height_m: f64,
    viewshed_m: f64,
    sun_m: f64,
    /// What is cut away on all screens.
    clip: Option<ClipRegion>,
    asked: Option<Asked>,
    worker: Worker,
    patches: patches::Patches,
}

impl Tools {
    /// `address`: of the tileset that questions are asked of; `headers` go to its server. Tiles are read within `memory`.
    pub fn new(address: String, headers: Headers, memory: MemoryBudget) -> Self {
        let date = chrono::Utc::now().date_naive();
        let worker = Worker::new(address, headers, memory);
        let (height_m, viewshed_m, sun_m) = (HEIGHT_REACHES_M[0], VIEWSHED_REACHES_M[1], SUN_REACHES_M[0]);
        let patches = patches::Patches::default();
        Self {
            kind: None,
            places: Vec::new(),
            object: String::new(),
            date,
            height_m,
            viewshed_m,
            sun_m,
            clip: None,
            asked: None,
            worker,
            patches,
        }
    }

    /// Whether clicks belong to a tool.
    pub fn is_active(&self) -> bool {
        self.kind.is_some()
    }

    /// Whether nothing is being computed.
    pub fn is_quiet(&self) -> bool {
        !self.worker.is_busy()
    }

    /// Puts the tool away; false when none was in hand.
    pub fn end(&mut self) -> bool {
        let was = self.is_active();
        self.choose(None);
        was
    }

    /// Asks a question that was not clicked together.
    pub fn ask(&mut self, asked: Asked) {
        self.kind = Some(Kind::of(&asked.input));
        self.places.clear();
        self.worker.ask(asked.clone());
        self.asked = Some(asked);
    }

    /// Takes a click on the city, if a tool is in hand.
    /// `clip` is what is cut away now: it neither hides nor shades.
    pub fn take(&mut self, picked: &Picked, clip: Option<&ClipRegion>) -> bool {
        let Some(kind) = self.kind else { return false };
        self.clip = clip.cloned();
        let (least, most) = kind.takes();
        if self.places.len() >= most {
            self.places.clear();
        }
        self.places.push([picked.at.lon_deg(), picked.at.lat_deg(), picked.at.height_m]);
        self.object.clone_from(&picked.id);
        if self.places.len() >= least {
            self.ask_clicked(kind);
        }
        true
    }

    fn choose(&mut self, kind: Option<Kind>) {
        self.kind = kind;
        self.places.clear();
        self.asked = None;
        self.worker.forget();
    }

    fn ask_clicked(&mut self, kind: Kind) {
        let spots: Vec<Spot> = self.places.iter().map(|p| Spot { height_m: Some(p[2]), ..Spot::new(p[0], p[1]) }).collect();
        let eye = |s: Spot| Spot { above_m: Some(EYE_M), ..s };
        let input = match (kind, spots.as_slice()) {
            (Kind::Distance, _) => ToolInput::Distance { points: spots },
            (Kind::Area, _) => ToolInput::Area { points: spots },
            (Kind::Section, _) => ToolInput::Section(SectionInput { points: spots, step_m: 1.0 }),
            (Kind::Sight, [from, to, ..]) => ToolInput::LineOfSight { from: eye(*from), to: *to },
            (Kind::Height, [at, ..]) => ToolInput::Height { at: *at, radius_m: self.height_m },
            (Kind::Viewshed, [from, ..]) => ToolInput::Viewshed(ViewshedInput::new(eye(*from), self.viewshed_m)),
            (Kind::Sun, [at, ..]) => {
                let alone = SunInput::new(*at, self.date);
                let object = (!self.object.is_empty()).then(|| self.object.clone());
                ToolInput::SunHours(match self.sun_m {
                    radius_m if radius_m > 0.0 => SunInput { radius_m, grid_m: SUN_GRID_WIDE_M, ..alone },
                    _ => SunInput { object, ..alone },
                })
            }
            _ => return,
        };
        let asked = Asked { input, clip: self.clip.clone() };
        self.worker.ask(asked.clone());
        self.asked = Some(asked);
    }

    /// Asks again what was clicked, another way.
    fn ask_again(&mut self) {
        if let Some(kind) = self.kind.filter(|k| self.places.len() >= k.takes().0) {
            self.ask_clicked(kind);
        }
    }

    /// How far a tool reaches and may reach, metres; nothing for those that don't.
    fn reach(&self, kind: Kind) -> Option<(f64, [f64; 4])> {
        match kind {
            Kind::Viewshed => Some((self.viewshed_m, VIEWSHED_REACHES_M)),
            Kind::Sun => Some((self.sun_m, SUN_REACHES_M)),
            Kind::Height => Some((self.height_m, HEIGHT_REACHES_M)),
            _ => None,
        }
    }

    /// The polygon clicked so far, when it is to cut the city.
    pub fn cut(&self) -> Option<ClipRegion> {
        let polygon: Vec<[f64; 2]> = self.places.iter().map(|p| [p[0], p[1]]).collect();
        (self.kind == Some(Kind::Cut) && polygon.len() > 2).then(|| ClipRegion { polygon, ..ClipRegion::default() })
    }

    fn answer(&self) -> Option<&Result<ToolResult, String>> {
        self.worker.answer()
    }
}

/// What was asked for in the panel.
enum Wish {
    Choose(Option<Kind>),
    Date(NaiveDate),
    /// How far the tool in hand reaches, metres.
    Reach(f64),
}

/// Draws the bar, the figures and what lies over the city.
#[expect(clippy::too_many_arguments, reason = "a Bevy system's arguments are what it may touch")]
pub fn draw(
    mut contexts: EguiContexts,
    mut tools: ResMut<Tools>,
    look: Res<ScreenLook>,
    frame: Res<SceneFrame>,
    camera: Res<OrbitCamera>,
    session: Res<Session>,
    mut derived: ResMut<DerivedHere>,
    environment: Res<Environment>,
    mut passes: Local<u32>,
) -> Result {
    let ctx = contexts.ctx_mut()?;
    // Fonts are there from the third pass on.
    *passes = passes.saturating_add(1);
    if *passes < 3 {
        return Ok(());
    }
    if tools.worker.poll()
        && let Some(Ok(result)) = tools.worker.answer()
    {
        derived.take(result.attributes(), &tools.asked.as_ref().map(Asked::setting).unwrap_or_default());
    }
    let touring = session.world.view.as_ref().is_some_and(|v| v.tour != TourState::Off);
    if let Some(projector) = tools.is_active().then(|| projector(ctx, &look, &frame, &camera)) {
        let painter = ctx.layer_painter(egui::LayerId::background());
        let tools = tools.bypass_change_detection();
        if let (Some(Ok(result)), Some(kernel)) = (tools.worker.answer(), tools.worker.kernel()) {
            tools.patches.draw(&painter, &projector, &camera.pose, result, tools.asked.as_ref(), kernel);
        }
        over::draw(&painter, &projector, &look.text, tools);
    }
    for wish in panel::show(ctx, (&look.text, environment.is_bright()), &tools, look.interactive && !touring) {
        match wish {
            Wish::Choose(kind) => tools.choose(kind),
            Wish::Date(date) => {
                tools.date = date;
                tools.ask_again();
            }
            Wish::Reach(reach_m) => {
                match tools.kind {
                    Some(Kind::Sun) => tools.sun_m = reach_m,
                    Some(Kind::Height) => tools.height_m = reach_m,
                    _ => tools.viewshed_m = reach_m,
                }
                tools.ask_again();
            }
        }
    }
    Ok(())
}

fn projector(ctx: &egui::Context, look: &ScreenLook, frame: &SceneFrame, camera: &OrbitCamera) -> Projector {
    let screen = ctx.content_rect();
    let symmetric = Tangents::symmetric(FOV_Y_RAD, f64::from(screen.width()) / f64::from(screen.height().max(1.0)));
    let (whole, part) = look.wall.unwrap_or((symmetric, symmetric));
    Projector { eye: eye_of(&camera.pose, &frame.0), frame: frame.0, whole, part, screen }
}

/// A length as people read it: metres up to a kilometre.
fn metres(m: f64) -> String {
    if m.abs() < 1_000.0 { format!("{m:.1} m") } else { format!("{:.3} km", m / 1e3) }
}

/// An area as people read it.
fn square(m2: f64) -> String {
    if m2 < 1e5 { format!("{m2:.0} m²") } else { format!("{:.3} km²", m2 / 1e6) }
}

/// Sizes of this screen's text, where a function needs only them.
type Text = TextSizes;
