//! The mini-map 鹰眼 of a screen whose layout has one: the whole city package from above, north up, as an inset of its own.

use super::session::Session;
use super::style::TextSizes;
use crate::geo::LocalFrame;
use crate::model::view::CameraPose;
use crate::render::camera::{Eye, SceneFrame, Tangents};
use crate::render::inset::{Inset, InsetState, MapExtent, inset_camera};
use crate::render::tiles::CityTiles;
use crate::tiles::TileTree;
use bevy::math::{DVec2, UVec2};
use bevy::prelude::*;
use bevy_egui::egui::TextureId;
use bevy_egui::{EguiTextureHandle, EguiUserTextures};

/// The layer of the shared view that shows it; on until somebody switches it off.
pub const LAYER: &str = "mini_map";
/// Width and height, in heights of body text: 220 x 160 where that is 16.
pub const MAP_EM: [f32; 2] = [13.75, 10.0];
/// Its view group: waits behind every other inset.
const GROUP: &str = "mini-map";
const WEIGHT: f64 = 0.1;
/// Its camera's rendering layer; 0 is the picture's, 1 that of picks.
const RENDER_LAYER: usize = 2;
/// Drawn with so many pixels for one that is shown, along each side: the texture's filter smooths the edges.
const FINER: f32 = 2.0;
/// Sides of the picture that look over the horizon end here, metres from the eye: haze has taken the city by then.
const FAR_M: f64 = 60_000.0;

/// The mini-map of this screen.
#[derive(Resource)]
pub struct MiniMap {
    texture: TextureId,
    inset: Entity,
    /// The tileset that it shows all of.
    package: Entity,
}

/// What the panel draws.
pub struct MapShown {
    /// The city; `None` until it is drawn for the first time.
    pub texture: Option<TextureId>,
    pub extent: MapExtent,
    pub frame: LocalFrame,
    pub camera: CameraPose,
    /// What the camera looks at, and the corners of what it sees of the ground: metres east and north of the anchor.
    pub target_m: DVec2,
    pub footprint_m: Vec<DVec2>,
}

/// Gives the screen its mini-map, of the tileset `package`.
pub fn spawn(world: &mut World, text: &TextSizes, package: Entity) {
    let size = UVec2::from_array(MAP_EM.map(|em| (em * text.body * FINER).round() as u32));
    let camera = inset_camera(&mut world.resource_mut::<Assets<Image>>(), GROUP, WEIGHT, RENDER_LAYER, size);
    let inset = world.spawn((Name::new(GROUP), camera)).id();
    let Some(image) = world.get::<Inset>(inset).map(|i| i.image.clone()) else { return };
    let texture = world.resource_mut::<EguiUserTextures>().add_image(EguiTextureHandle::Strong(image));
    world.insert_resource(MiniMap { texture, inset, package });
}

/// Shows all of the package while the layer is on.
pub fn follow(
    map: Option<Res<MiniMap>>,
    session: Res<Session>,
    city: Res<CityTiles>,
    frame: Res<SceneFrame>,
    mut insets: Query<&mut Inset>,
) {
    let Some(map) = map else { return };
    let Ok(mut inset) = insets.get_mut(map.inset) else { return };
    let on = session.world.view.as_ref().and_then(|v| v.layers.get(LAYER)).copied().unwrap_or(true);
    let package = city.tilesets().find(|(entity, _)| *entity == map.package).map(|(_, tileset)| tileset);
    let aspect = f64::from(MAP_EM[0] / MAP_EM[1]);
    let to = package.filter(|_| on).and_then(|t| MapExtent::around(&t.tree().tile(TileTree::ROOT).volume, &frame.0, aspect));
    if inset.map != to {
        inset.map = to;
    }
}

/// Whether there is none, or it shows what is now.
pub fn is_current(map: Option<&MiniMap>, insets: &Query<(&Inset, &InsetState)>) -> bool {
    let found = map.and_then(|map| insets.get(map.inset).ok());
    found.is_none_or(|(inset, state)| inset.map.is_none() || state.is_drawn() && state.is_current())
}

/// What the panel shows now; `None` while it is switched off, or nothing is known of the city.
pub fn shown(
    map: &MiniMap,
    insets: &Query<(&Inset, &InsetState)>,
    frame: LocalFrame,
    (camera, eye): (CameraPose, &Eye),
    whole: &Tangents,
) -> Option<MapShown> {
    let (inset, state) = insets.get(map.inset).ok()?;
    Some(MapShown {
        texture: state.is_drawn().then_some(map.texture),
        extent: inset.map?,
        frame,
        camera,
        target_m: eye.target.truncate(),
        footprint_m: footprint(eye, whole).to_vec(),
    })
}

/// Where the corners of a picture meet level ground at the height of what it looks at: metres east and north of the anchor, from the lower left
/// one anticlockwise. Corners over the horizon, and those very far away, end at [`FAR_M`].
fn footprint(eye: &Eye, picture: &Tangents) -> [DVec2; 4] {
    let right = eye.forward.cross(eye.up);
    let height_m = (eye.position.z - eye.target.z).max(0.0);
    let corners =
        [(picture.left, picture.bottom), (picture.right, picture.bottom), (picture.right, picture.top), (picture.left, picture.top)];
    corners.map(|(x, y)| {
        let ray = eye.forward + right * x + eye.up * y;
        let flat = ray.truncate();
        let reach_m = if ray.z < 0.0 { flat.length() * height_m / -ray.z } else { f64::INFINITY };
        eye.position.truncate() + flat.normalize_or_zero() * reach_m.min(FAR_M)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Geodetic;
    use crate::render::camera::{FOV_Y_RAD, eye_of};

    fn eye(pitch_deg: f64) -> Eye {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0));
        let pose = CameraPose { lon: 118.275, lat: 33.963, height_m: 0.0, heading_deg: 90.0, pitch_deg, distance_m: 1_000.0 };
        eye_of(&pose, &frame)
    }

    #[test]
    fn what_a_camera_sees_of_the_ground_is_wider_far_away_and_lies_ahead() {
        let [near_left, near_right, far_right, far_left] = footprint(&eye(45.0), &Tangents::symmetric(FOV_Y_RAD, 2.0));
        // It looks east: left is north.
        assert!(near_left.y > 0.0 && (near_left.y + near_right.y).abs() < 1e-6 && (near_left.x - near_right.x).abs() < 1e-6);
        assert!(far_left.x > 0.0 && near_left.x < 0.0 && far_left.y - far_right.y > near_left.y - near_right.y);
        // 1000 m along 45 degrees is 707 m up; the lower edge looks 62.5 degrees down.
        let expected = -707.107 + 707.107 / 62.5f64.to_radians().tan();
        assert!((near_left.x - expected).abs() < 1.0, "{} instead of {expected}", near_left.x);
    }

    #[test]
    fn corners_over_the_horizon_end_far_away_in_their_direction() {
        let eye = eye(5.0);
        let [_, _, far_right, far_left] = footprint(&eye, &Tangents::symmetric(FOV_Y_RAD, 2.0));
        for far in [far_left, far_right] {
            assert!((far.distance(eye.position.truncate()) - FAR_M).abs() < 1e-3 && far.x > 0.0, "{far}");
        }
    }
}
