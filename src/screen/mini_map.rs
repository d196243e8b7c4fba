//! The mini-map 鹰眼 of a screen whose layout has one: the whole city package from above, north up, as an inset of its own.

use super::session::Session;
use super::style::TextSizes;
use crate::geo::LocalFrame;
use crate::model::city::TilesetRole;
use crate::model::view::CameraPose;
use crate::render::camera::{Eye, SceneFrame, Tangents};
use crate::render::environment::Environment;
use crate::render::inset::{Inset, InsetState, Looks, MapExtent, inset_camera};
use crate::render::tiles::CityTiles;
use crate::tiles::{BoundingVolume, TileTree};
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
/// Width of the image at most, pixels: on a wall, whose text is large, more would be detail that nobody stands near enough to see.
const IMAGE_PX_MAX: f32 = 1024.0;

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
    let finer = FINER.min(IMAGE_PX_MAX / (MAP_EM[0] * text.body));
    let size = UVec2::from_array(MAP_EM.map(|em| (em * text.body * finer).round() as u32));
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
    let to = package.filter(|_| on).and_then(|t| MapExtent::around(&volume(t.tree()), &frame.0, aspect));
    let to = to.map(Looks::Down);
    if inset.looks != to {
        inset.looks = to;
    }
}

/// What the map holds: the buildings of a package as `yiping build` makes it, for its terrain reaches far beyond them; of any other tileset all.
fn volume(tree: &TileTree) -> BoundingVolume {
    let buildings = format!("/{}/tileset.json", TilesetRole::Buildings.name());
    let root = tree.tile(TileTree::ROOT);
    let below = |id| &tree.tile(id).children;
    let near = root.children.iter().chain(root.children.iter().flat_map(|id| below(*id)));
    let found = near.map(|id| tree.tile(*id)).find(|tile| tile.contents.iter().any(|c| c.url.ends_with(&buildings)));
    found.unwrap_or(root).volume
}

/// Whether there is none, or all its tiles are on it.
pub fn is_whole(map: Option<&MiniMap>, insets: &Query<(&Inset, &InsetState)>) -> bool {
    let found = map.and_then(|map| insets.get(map.inset).ok());
    found.is_none_or(|(inset, state)| inset.looks.is_none() || state.is_whole())
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
    let Some(Looks::Down(extent)) = inset.looks else { return None };
    Some(MapShown {
        texture: state.is_drawn().then_some(map.texture),
        extent,
        frame,
        camera,
        target_m: eye.target.truncate(),
        footprint_m: footprint(eye, whole, clear_m(&camera)).to_vec(),
    })
}

/// How far a camera sees well: to where haze leaves half of a thing's contrast, metres.
fn clear_m(pose: &CameraPose) -> f64 {
    std::f64::consts::LN_2 / f64::from(Environment::haze_from(pose.distance_m as f32))
}

/// Where the corners of a picture meet level ground at the height of what it looks at: metres east and north of the anchor, from the lower left
/// one anticlockwise. Corners over the horizon, and those farther away from the eye than `far_m`, end there.
fn footprint(eye: &Eye, picture: &Tangents, far_m: f64) -> [DVec2; 4] {
    let right = eye.forward.cross(eye.up);
    let height_m = (eye.position.z - eye.target.z).max(0.0);
    let corners =
        [(picture.left, picture.bottom), (picture.right, picture.bottom), (picture.right, picture.top), (picture.left, picture.top)];
    corners.map(|(x, y)| {
        let ray = eye.forward + right * x + eye.up * y;
        let flat = ray.truncate();
        let reach_m = if ray.z < 0.0 { flat.length() * height_m / -ray.z } else { f64::INFINITY };
        eye.position.truncate() + flat.normalize_or_zero() * reach_m.min(far_m)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Geodetic;
    use crate::render::camera::{FOV_Y_RAD, eye_of};

    #[test]
    fn a_map_of_a_package_holds_its_buildings_and_of_any_other_tileset_all() {
        use crate::tiles::{ContentRef, Refine, Tile};
        let sphere = |radius_m| BoundingVolume::from_sphere(bevy::math::DVec3::ZERO, radius_m, &bevy::math::DMat4::IDENTITY);
        let mut tree = TileTree::new("file:///city/tileset.json");
        let root = tree.add(TileTree::ROOT, Tile::new(sphere(900.0), 1.0, Refine::Replace)).unwrap();
        for (role, radius_m) in [("terrain", 800.0), ("buildings", 300.0)] {
            let mut tile = Tile::new(sphere(radius_m), 1.0, Refine::Replace);
            tile.contents.push(ContentRef { url: format!("file:///city/{role}/tileset.json") });
            tree.add(root, tile).unwrap();
            let expected = if role == "buildings" { sphere(300.0) } else { tree.tile(TileTree::ROOT).volume };
            assert_eq!(volume(&tree), expected, "with {role}");
        }
    }

    fn eye(pitch_deg: f64) -> Eye {
        let frame = LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, 0.0));
        let pose = CameraPose { lon: 118.275, lat: 33.963, height_m: 0.0, heading_deg: 90.0, pitch_deg, distance_m: 1_000.0 };
        eye_of(&pose, &frame)
    }

    #[test]
    fn what_a_camera_sees_of_the_ground_is_wider_far_away_and_lies_ahead() {
        let [near_left, near_right, far_right, far_left] = footprint(&eye(45.0), &Tangents::symmetric(FOV_Y_RAD, 2.0), 9_000.0);
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
        let [_, _, far_right, far_left] = footprint(&eye, &Tangents::symmetric(FOV_Y_RAD, 2.0), 9_000.0);
        for far in [far_left, far_right] {
            assert!((far.distance(eye.position.truncate()) - 9_000.0).abs() < 1e-3 && far.x > 0.0, "{far}");
        }
    }
}
