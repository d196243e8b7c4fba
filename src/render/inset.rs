//! Small pictures of the city beside the large one, each drawn by a camera of its own into an image: a mini-map from straight above, a preview of
//! where one may go.
//!
//! Add [`InsetPlugin`], spawn [`inset_camera`], show its [`Inset::image`] wherever you like. An inset is a view group of its own
//! ([`TileViews`]) over the tiles that all share, sees exactly the tiles which that group draws, and is drawn anew only when something in it has
//! changed, at most once in [`REDRAW_S`] seconds: a frame in which nothing changes pays for comparing two lists.
//! Never here: where an inset stands on a screen, what lies over it, what a click on it does.

use super::camera::{FOV_Y_RAD, FrustumProjection, SceneFrame, Tangents, bevy_from_enu, eye_of, haze_part};
use super::clip::CityClip;
use super::environment::Environment;
use super::heat::HeatLayer;
use super::sky::SKY_LAYER;
use super::tiles::picking::Compiling;
use super::tiles::{CityTiles, FeatureStates, HAZE_ALOFT, NamedViews, TileRef, TileViews, TilesetSystems};
use crate::geo::{Ecef, LocalFrame};
use crate::model::view::CameraPose;
use crate::tiles::{BoundingVolume, View};
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::RenderLayers;
use bevy::camera::{ClearColorConfig, Exposure, RenderTarget, ScalingMode};
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::ecs::lifecycle::Remove;
use bevy::math::{DVec2, DVec3};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat, TextureUsages};
use std::borrow::Cow;

/// Draws insets when something in them has changed.
pub struct InsetPlugin;

/// A small picture of the city. Settings; what changes from frame to frame is in [`InsetState`], which Bevy adds.
#[derive(Component, Clone, Debug)]
#[require(InsetState)]
pub struct Inset {
    /// Name of its view group.
    pub name: Cow<'static, str>,
    /// Of two insets the heavier one's tiles are loaded first; both wait for the picture.
    pub weight: f64,
    /// Its camera's rendering layer and no other camera's: 2 and up ([`super::tiles::PICK_LAYER`]).
    pub layer: usize,
    /// What it shows; without it nothing is loaded or drawn.
    pub looks: Option<Looks>,
    /// Where it is drawn.
    pub image: Handle<Image>,
    /// Pixels of the image.
    pub size: UVec2,
}

/// Where an inset looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Looks {
    /// Straight down without perspective, north up.
    Down(MapExtent),
    /// As the city's camera would from a pose, in its air.
    From(CameraPose),
}

/// What is on an inset's image, and what waits to be.
#[derive(Component, Clone, Debug, Default)]
pub struct InsetState {
    tiles: Vec<TileRef>,
    light: Environment,
    /// Drawings that are still to be made.
    due: u32,
    /// Drawings since its tiles changed last that lacked none of them.
    whole: u32,
    /// When it was drawn last, seconds of the app, and how long that frame took.
    drawn_s: Option<f32>,
    frame_s: f32,
}

impl InsetState {
    /// Whether there is a picture at all.
    pub fn is_drawn(&self) -> bool {
        self.drawn_s.is_some()
    }

    /// Whether the picture shows what is now. Where readings come every second it is always a little behind.
    pub fn is_current(&self) -> bool {
        self.due == 0
    }

    /// Whether all tiles that it should show are on the picture.
    pub fn is_whole(&self) -> bool {
        self.whole >= REDRAWS
    }
}

/// Least time from one drawing of an inset to the next, seconds: tiles, readings and the sun go on all the time, and nobody watches a small map for that.
pub const REDRAW_S: f32 = 1.0;
/// And so many times as long as the frame of a drawing takes, once all tiles are on it: on a software rasteriser that is a tenth of a second and more.
const FRAMES_APART: f32 = 10.0;
/// Drawings after a change: a pipeline or a field of heat that is made for the first may be there only for the second.
const REDRAWS: u32 = 2;
/// Steps of light that nobody sees on a small map; the sun moves by less within a minute.
const LIGHT_STEP: f32 = 0.01;
/// The camera of a map stands so high over the anchor, metres, over everything on Earth; it sees to below the lowest land, the Earth's curve
/// within [`HALF_MAX_M`] included.
const MAP_EYE_M: f32 = 12_000.0;
const MAP_FAR_M: f32 = 14_000.0;
/// The eye that tiles are chosen with stands this many halves of the map's height away, so that all of the map has about one scale.
const FAR_EYE: f64 = 20.0;
/// A map is so much larger than what it holds: nothing touches its edges.
const MARGIN: f64 = 1.05;
/// Half a map at most, metres: where a tileset covers the world, the map shows what lies around the anchor.
pub const HALF_MAX_M: f64 = 60_000.0;

/// A part of the ground seen from straight above, north up: metres east and north of the scene's anchor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapExtent {
    pub centre_m: DVec2,
    pub half_m: DVec2,
}

impl MapExtent {
    /// What holds all of a volume, on a picture of `aspect` (width over height); `None` for a volume that is not known yet. A volume beyond
    /// [`HALF_MAX_M`] gives what lies around the anchor.
    pub fn around(volume: &BoundingVolume, frame: &LocalFrame, aspect: f64) -> Option<Self> {
        let corners = volume.corners()?.map(|c| frame.to_enu(Ecef(c)).truncate());
        let (low, high) = corners.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(l, h), c| (l.min(*c), h.max(*c)));
        let (mut centre_m, mut half) = ((low + high) * 0.5, (high - low) * 0.5);
        if half.max_element() > HALF_MAX_M {
            (centre_m, half) = (DVec2::ZERO, DVec2::splat(HALF_MAX_M));
        }
        let half_height = half.y.max(half.x / aspect).max(1.0) * MARGIN;
        Some(Self { centre_m, half_m: DVec2::new(half_height * aspect, half_height) })
    }

    /// Where a place is on the map: 0..1 from its left and from its top.
    pub fn on_map(&self, place_m: DVec2) -> DVec2 {
        let part = (place_m - self.centre_m) / self.half_m * 0.5;
        DVec2::new(0.5 + part.x, 0.5 - part.y)
    }

    /// The place at 0..1 from the left and from the top.
    pub fn place(&self, on_map: DVec2) -> DVec2 {
        self.centre_m + DVec2::new(on_map.x - 0.5, 0.5 - on_map.y) * 2.0 * self.half_m
    }

    /// What tiles are chosen with: from so far above that all of the map has about one scale.
    fn view(&self, frame: &LocalFrame, height_px: u32) -> View {
        let away = self.half_m.y * FAR_EYE;
        let turn = |v: DVec3| frame.ecef_from_enu().transform_vector3(v);
        let eye = frame.to_ecef(self.centre_m.extend(away)).0;
        let fovy_rad = 2.0 * (1.0 / FAR_EYE).atan();
        View::perspective(eye, turn(-DVec3::Z), turn(DVec3::Y), fovy_rad, self.half_m.x / self.half_m.y, f64::from(height_px))
    }

    fn camera(&self) -> (Transform, Projection) {
        let eye = bevy_from_enu(self.centre_m.extend(f64::from(MAP_EYE_M))).as_vec3();
        let size = (self.half_m * 2.0).as_vec2();
        let scaling_mode = ScalingMode::Fixed { width: size.x, height: size.y };
        let projection = OrthographicProjection { near: 0.0, far: MAP_FAR_M, scaling_mode, ..OrthographicProjection::default_3d() };
        (Transform::from_translation(eye).looking_to(Vec3::NEG_Y, Vec3::NEG_Z), Projection::Orthographic(projection))
    }
}

/// The camera at a pose, on a picture of `aspect`.
fn camera_at(pose: &CameraPose, frame: &LocalFrame, aspect: f64) -> (Transform, Projection) {
    let eye = eye_of(pose, frame);
    let turn = |v: DVec3| bevy_from_enu(v).as_vec3();
    let projection = FrustumProjection::output(Tangents::symmetric(FOV_Y_RAD, aspect));
    (Transform::from_translation(turn(eye.position)).looking_to(turn(eye.forward), turn(eye.up)), Projection::custom(projection))
}

/// What tiles are chosen with for a pose.
fn view_at(pose: &CameraPose, frame: &LocalFrame, size: UVec2) -> View {
    let eye = eye_of(pose, frame);
    let turn = |v: DVec3| frame.ecef_from_enu().transform_vector3(v);
    let aspect = f64::from(size.x) / f64::from(size.y.max(1));
    let view = View::perspective(frame.to_ecef(eye.position).0, turn(eye.forward), turn(eye.up), FOV_Y_RAD, aspect, f64::from(size.y));
    view.with_haze(f64::from(Environment::haze_from(pose.distance_m as f32)) * HAZE_ALOFT)
}

/// The camera of an inset, which draws into an image of its own: `size` pixels. Twice what it is shown at smooths its edges.
pub fn inset_camera(images: &mut Assets<Image>, name: impl Into<Cow<'static, str>>, weight: f64, layer: usize, size: UVec2) -> impl Bundle {
    let extent = Extent3d { width: size.x.max(1), height: size.y.max(1), depth_or_array_layers: 1 };
    let mut image = Image::new_uninit(extent, TextureDimension::D2, TextureFormat::Rgba8UnormSrgb, RenderAssetUsages::RENDER_WORLD);
    image.texture_descriptor.usage |= TextureUsages::RENDER_ATTACHMENT | TextureUsages::COPY_SRC;
    let image = images.add(image);
    (
        Inset { name: name.into(), weight, layer, looks: None, image: image.clone(), size },
        Camera3d::default(),
        // Before the large picture, which may show it.
        Camera { is_active: false, order: -2, ..default() },
        RenderTarget::Image(image.into()),
        Tonemapping::None,
        haze_part(1.0),
        Msaa::Off,
        RenderLayers::layer(layer),
    )
}

impl Plugin for InsetPlugin {
    fn build(&self, app: &mut App) {
        app.add_observer(forget)
            .add_systems(Update, look.in_set(TilesetSystems::Look))
            .add_systems(Update, redraw.after(TilesetSystems::Style).before(TilesetSystems::Pick));
    }
}

fn forget(gone: On<Remove, Inset>, insets: Query<&Inset>, mut views: ResMut<TileViews>) {
    if let Ok(inset) = insets.get(gone.entity) {
        views.remove(&inset.name);
    }
}

/// Turns cameras to what insets show, and says so to those who choose tiles.
fn look(
    frame: Res<SceneFrame>,
    mut insets: Query<(&Inset, &mut Transform, &mut Projection, &mut RenderLayers), Changed<Inset>>,
    mut views: ResMut<TileViews>,
) {
    for (inset, mut transform, mut projection, mut layers) in &mut insets {
        let own = RenderLayers::layer(inset.layer);
        let looking = inset.looks.map(|looks| match looks {
            Looks::Down(map) => {
                ((*transform, *projection), *layers) = (map.camera(), own);
                map.view(&frame.0, inset.size.y)
            }
            Looks::From(pose) => {
                let aspect = f64::from(inset.size.x) / f64::from(inset.size.y.max(1));
                ((*transform, *projection), *layers) = (camera_at(&pose, &frame.0, aspect), own.with(SKY_LAYER));
                view_at(&pose, &frame.0, inset.size)
            }
        });
        let group = NamedViews::inset(inset.name.clone(), inset.weight, inset.layer);
        views.set(NamedViews { views: looking.into_iter().collect(), ..group });
    }
}

/// What shows on an inset that the app changes.
#[derive(bevy::ecs::system::SystemParam)]
struct Shown<'w> {
    city: Res<'w, CityTiles>,
    states: Res<'w, FeatureStates>,
    environment: Res<'w, Environment>,
    heat: Res<'w, HeatLayer>,
    clip: Res<'w, CityClip>,
}

impl Shown<'_> {
    fn is_other(&self, inset: &Ref<Inset>, state: &InsetState) -> bool {
        let settings = inset.is_changed() || self.states.dirty || self.heat.is_changed() || self.clip.is_changed();
        settings || !same_light(&state.light, &self.environment) || !self.city.drawn_by(&inset.name).eq(state.tiles.iter().copied())
    }
}

/// Has insets drawn in which something has changed.
fn redraw(
    time: Res<Time>,
    shown: Shown,
    compiling: Res<Compiling>,
    mut insets: Query<(Ref<Inset>, &mut InsetState, &mut Camera, &mut Exposure)>,
) {
    for (inset, mut state, mut camera, mut exposure) in &mut insets {
        let state = &mut *state;
        if inset.looks.is_none() {
            *state = InsetState::default();
        } else if shown.is_other(&inset, state) {
            // What was seen from elsewhere is not shown any longer.
            state.drawn_s = state.drawn_s.filter(|_| !inset.is_changed());
            state.due = REDRAWS;
            state.light = *shown.environment;
            let tiles: Vec<TileRef> = shown.city.drawn_by(&inset.name).collect();
            if inset.is_changed() || tiles != state.tiles {
                (state.whole, state.tiles) = (0, tiles);
            }
        }
        let now_s = time.elapsed_secs();
        if camera.is_active {
            state.frame_s = time.delta_secs();
        }
        let rest_s = if state.is_whole() { REDRAW_S.max(state.frame_s * FRAMES_APART) } else { REDRAW_S };
        let rested = state.drawn_s.is_none_or(|drawn| now_s - drawn >= rest_s);
        // A tile that fades in the picture is half left out here too.
        let draws = state.due > 0 && rested && !shown.city.is_fading(&inset.name);
        if draws {
            state.drawn_s = Some(now_s);
            // As long as pipelines are made, this drawing may lack some of its tiles.
            let lacking = compiling.count() > 0;
            state.due -= u32::from(!(lacking && state.due == 1));
            state.whole += u32::from(!lacking);
            camera.clear_color = ClearColorConfig::Custom(land(&shown.environment));
            if let Some(Looks::From(pose)) = inset.looks {
                *exposure = haze_part(Environment::haze_from(pose.distance_m as f32) / shown.environment.horizon.w);
            }
        }
        if camera.is_active != draws {
            camera.is_active = draws;
        }
    }
}

/// Whether two lights look the same from straight above. What comes of where the city's camera stands does not count.
fn same_light(a: &Environment, b: &Environment) -> bool {
    let of = |e: &Environment| {
        let ground = [e.land, e.green, e.water, e.road, e.roof, e.wall, e.window, e.sun, e.sun_colour, e.sky_light, e.ground_light];
        let over = [e.heat_extent * 1e6, e.heat, Vec4::splat(e.ground.w), e.focus, e.swipe * Vec4::new(0.0, 1.0, 1.0, 0.0)];
        ground.into_iter().chain(over)
    };
    of(a).zip(of(b)).all(|(a, b)| (a - b).abs().max_element() < LIGHT_STEP)
}

/// The colour of plain land in this light, as `shaders/city.wgsl` paints it: what lies beyond the data.
fn land(e: &Environment) -> Color {
    let light = e.sun_colour.truncate() * (e.sun.y.max(0.0) * e.sun.w) + e.sky_light.truncate();
    let lit = e.land.truncate() * light;
    // Twin of `shown` in `shaders/environment.wgsl`.
    let bent = |c: f32| c.min(0.7) + 0.3 * (1.0 - (-(c - 0.7).max(0.0) / 0.3).exp());
    Color::linear_rgb(bent(lit.x), bent(lit.y), bent(lit.z))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Geodetic;
    use crate::model::scene::Theme;
    use bevy::math::{DMat3, DMat4};

    fn frame() -> LocalFrame {
        LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0))
    }

    fn volume(half: DVec3) -> BoundingVolume {
        let to_world = frame().ecef_from_enu() * DMat4::from_translation(DVec3::new(1_000.0, -500.0, 0.0));
        BoundingVolume::from_half_axes(DVec3::ZERO, DMat3::from_diagonal(half), &to_world)
    }

    #[test]
    fn a_map_holds_its_city_and_a_place_is_found_where_it_is_drawn() {
        let map = MapExtent::around(&volume(DVec3::new(8_000.0, 2_000.0, 100.0)), &frame(), 1.6).unwrap();
        assert!((map.half_m - DVec2::new(8_000.0, 5_000.0) * MARGIN).length() < 1.0, "{map:?}");
        assert!((map.centre_m - DVec2::new(1_000.0, -500.0)).length() < 1.0, "{map:?}");
        let north_west = map.centre_m + DVec2::new(-4_000.0, 2_500.0) * MARGIN;
        let at = map.on_map(north_west);
        assert!((at - DVec2::new(0.25, 0.25)).length() < 1e-9, "north is up: {at}");
        assert!((map.place(at) - north_west).length() < 1e-6);
        assert_eq!(MapExtent::around(&BoundingVolume::Everywhere, &frame(), 1.6), None);
        let world = MapExtent::around(&volume(DVec3::splat(6e6)), &frame(), 1.6).unwrap();
        assert_eq!((world.centre_m, world.half_m.y), (DVec2::ZERO, HALF_MAX_M * MARGIN));
    }

    #[test]
    fn tiles_are_chosen_at_about_one_scale_all_over_the_map() {
        let map = MapExtent { centre_m: DVec2::ZERO, half_m: DVec2::new(8_000.0, 5_000.0) };
        let view = map.view(&frame(), 320);
        let at = |x: f64, y: f64| frame().to_ecef(DVec3::new(x, y, 0.0)).0.distance(view.position());
        // 10 km over 320 pixels: an error of 100 m is 3.2 of them.
        for (x, y) in [(0.0, 0.0), (8_000.0, 5_000.0), (-8_000.0, 0.0)] {
            let px = view.screen_space_error_px(100.0, at(x, y));
            assert!((px - 3.2).abs() < 0.05, "{px} at {x}, {y}");
        }
    }

    #[test]
    fn a_map_is_drawn_anew_for_another_light_and_not_for_another_camera() {
        let night = Environment::of(Theme::Night);
        let mut moved = night;
        moved.see_from(9_000.0);
        assert!(same_light(&night, &moved) && !same_light(&night, &Environment::of(Theme::Dusk)));
        assert!(!same_light(&night, &Environment { heat: Vec4::new(1.0, 0.62, 0.45, 6.0), ..night }));
    }
}
