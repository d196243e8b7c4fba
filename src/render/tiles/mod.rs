//! Draws what the tile engine says: one entity, one draw call, one range of feature states a tile.
//!
//! Add [`CityTilesPlugin`] and insert [`CityTiles`] with an opened tileset. Never here: which tiles are needed ([`crate::tiles`] decides).

mod columns;
mod features;
mod lens;
mod mesh;
mod names;
mod pace;
pub mod picking;
mod selection;
mod styling;
mod wardrobe;

pub use columns::AttributeColumn;
pub use features::{FLAG_HIDDEN, FLAG_SELECTED, FeatureStates};
pub use names::NamedBuilding;
pub use selection::{SelectedFeature, SelectedGroup};
pub use styling::CityStyling;

use super::camera::{CameraPlaced, CityCamera, GroundBelow, OrbitCamera, SceneFrame, eye_of};
use super::clip::ClipPicture;
use super::environment::Environment;
use super::heat::HeatTextures;
use super::material::{CityMaterial, TexturedMaterial};
use crate::geo::{Ecef, Geodetic};
use crate::model::view::CameraPose;
use crate::tiles::{FeatureTable, Hit, Prepared, Progress, Purpose, TileContent, TileId, TileTree, Tileset, UNLIT, ViewGroup};
use bevy::math::DVec3;
use bevy::mesh::MeshTag;
use bevy::pbr::MeshMaterial3d;
use bevy::prelude::*;
use bevy::render::storage::ShaderBuffer;
use lens::{HAZE_ALOFT, Lens};
use pace::{Pace, fit_memory};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use wardrobe::Wardrobe;

/// The opened tileset and what of it is on the graphics device.
#[derive(Resource)]
pub struct CityTiles {
    tileset: Tileset,
    /// What is drawn, and what will be.
    groups: Vec<ViewGroup>,
    resident: HashMap<TileId, Resident>,
    /// Of the last frame.
    pub progress: Progress,
    pub drawn_tiles: usize,
    pub drawn_triangles: usize,
    /// Tiles handed over since it was opened, those that came again counted again, and their decoded bytes.
    pub loaded_tiles: usize,
    pub loaded_bytes: usize,
    /// Source ids of the selected city objects.
    selected: HashSet<String>,
    ground: GroundCache,
    pace: Pace,
}

#[derive(Default)]
struct Resident {
    entities: Vec<Entity>,
    first_state: u32,
    states: u32,
    triangles: usize,
    drawn: bool,
    features: Arc<FeatureTable>,
    /// Which features are buildings.
    stands: Vec<bool>,
    /// Attributes that style or filter now.
    columns: HashMap<String, AttributeColumn>,
}

/// Heights of the ground that were looked up, forgotten when finer terrain arrives.
#[derive(Default)]
struct GroundCache {
    heights: HashMap<(i64, i64), f64>,
    /// Tiles drawn when the heights were taken.
    tiles: usize,
}

/// What a person pointed at.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    /// `id` attribute of the object, empty when it has none.
    pub id: String,
    pub attributes: Map<String, Value>,
    pub at: Geodetic,
}

/// What a wall needs beside its own output: lines of the whole wall and its field of view, so that both sides of a seam draw the same tiles.
#[derive(Resource, Clone, Copy, Debug)]
pub struct WholeWall {
    pub height_px: f64,
    pub fovy_rad: f64,
}

/// The materials that all tiles without pictures share.
#[derive(Resource)]
struct SharedMaterial {
    one_sided: Handle<CityMaterial>,
    two_sided: Handle<CityMaterial>,
    buffer: Handle<ShaderBuffer>,
}

/// Surfaces of buildings and of what is not known, which a walker on the ground would not stand on.
const BUILDING_SURFACES: [u8; 4] = [0, 1, 2, UNLIT];
/// Roofs and walls a ray down may pass before it gives up.
const ROOFS_MAX: usize = 24;
/// Looked-up heights kept.
const GROUND_CACHE_MAX: usize = 20_000;

impl CityTiles {
    pub fn new(tileset: Tileset) -> Self {
        tileset.prepare_with(mesh::prepare);
        Self {
            tileset,
            groups: vec![ViewGroup::default(), ViewGroup::new(Purpose::Preload, 1.0)],
            resident: HashMap::new(),
            progress: Progress::default(),
            drawn_tiles: 0,
            drawn_triangles: 0,
            loaded_tiles: 0,
            loaded_bytes: 0,
            selected: HashSet::new(),
            ground: GroundCache::default(),
            pace: Pace::default(),
        }
    }

    pub fn tileset(&self) -> &Tileset {
        &self.tileset
    }

    /// What is on screen: addresses of its contents below the root tileset's folder, sorted.
    pub fn drawn_addresses(&self) -> Vec<String> {
        let tree = self.tileset.tree();
        let folder = tree.tile(TileTree::ROOT).contents.first().map_or("", |c| c.url.rsplit_once('/').map_or("", |(folder, _)| folder));
        let drawn = self.resident.iter().filter(|(_, r)| r.drawn).flat_map(|(id, _)| &tree.tile(*id).contents);
        let mut all: Vec<String> = drawn.map(|c| c.url.strip_prefix(folder).unwrap_or(&c.url).trim_start_matches('/').to_owned()).collect();
        all.sort_unstable();
        all
    }

    /// The object under a ray, east-north-up metres of the scene's frame.
    pub fn pick(&self, frame: &SceneFrame, origin: DVec3, direction: DVec3) -> Option<Picked> {
        let hit = self.ray(frame, origin, direction)?;
        let attributes = self.tileset.attributes(hit.tile, hit.feature_id);
        let id = attributes.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Picked { id, attributes, at: crate::geo::ecef_to_geodetic(Ecef(hit.position)) })
    }

    /// Attributes of the object with a source id, if a tile that holds it is in memory.
    pub fn find(&self, id: &str) -> Option<Map<String, Value>> {
        let ids = HashSet::from([id.to_owned()]);
        self.resident.values().find_map(|r| selection::named(&r.features, &ids).first().map(|f| r.features.attributes(*f)))
    }

    /// Height of the ground (terrain, water, roads; not roofs) at a place, metres above the ellipsoid or the package's datum.
    pub fn ground_m(&mut self, frame: &SceneFrame, lon: f64, lat: f64) -> Option<f64> {
        // About a metre.
        let key = ((lon * 1e5).round() as i64, (lat * 1e5).round() as i64);
        if let Some(height) = self.ground.heights.get(&key) {
            return Some(*height);
        }
        let enu = frame.0.geodetic_to_enu(Geodetic::from_degrees(lon, lat, 0.0));
        let up = self.ground_under(frame, DVec3::new(enu.x, enu.y, 10_000.0))?;
        let height = frame.0.enu_to_geodetic(DVec3::new(enu.x, enu.y, up)).height_m;
        if self.ground.heights.len() < GROUND_CACHE_MAX {
            self.ground.heights.insert(key, height);
        }
        Some(height)
    }

    /// Up of the ground below an east-north-up point.
    fn ground_under(&self, frame: &SceneFrame, mut from: DVec3) -> Option<f64> {
        for _ in 0..ROOFS_MAX {
            let hit = self.ray(frame, from, DVec3::NEG_Z)?;
            let at = frame.0.to_enu(Ecef(hit.position));
            if !BUILDING_SURFACES.contains(&hit.surface) {
                return Some(at.z);
            }
            from.z = at.z - 0.05;
        }
        None
    }

    fn ray(&self, frame: &SceneFrame, origin: DVec3, direction: DVec3) -> Option<Hit> {
        self.tileset.pick(frame.0.to_ecef(origin).0, frame.0.ecef_from_enu().transform_vector3(direction))
    }
}

/// Uploads, shows, hides and forgets tiles as the engine says.
pub struct CityTilesPlugin;

impl Plugin for CityTilesPlugin {
    fn build(&self, app: &mut App) {
        wardrobe::build(app);
        app.init_resource::<CityStyling>()
            .init_resource::<PosesAhead>()
            .init_resource::<FeatureStates>()
            .init_resource::<SelectedFeature>()
            .init_resource::<SelectedGroup>();
        app.add_plugins(picking::PickingPlugin);
        app.add_systems(Startup, make_material)
            .add_systems(
                Update,
                (fit_memory, stream, look_down, selection::select, styling::restyle, styling::focus).chain().after(CameraPlaced),
            )
            .add_systems(PostUpdate, (upload_states, colour_city).chain());
    }
}

fn make_material(
    mut commands: Commands,
    mut materials: ResMut<Assets<CityMaterial>>,
    mut buffers: ResMut<Assets<ShaderBuffer>>,
    environment: Res<Environment>,
    heat: Res<HeatTextures>,
    cut: Res<ClipPicture>,
) {
    let buffer = buffers.add(FeatureStates::default().buffer());
    let mut material = |two_sided| {
        materials.add(CityMaterial {
            environment: *environment,
            features: buffer.clone(),
            heat_field: heat.field.clone(),
            heat_ramp: heat.ramp.clone(),
            clip: default(),
            clip_picture: cut.0.clone(),
            clipped: false,
            two_sided,
        })
    };
    let (one_sided, two_sided) = (material(false), material(true));
    commands.insert_resource(SharedMaterial { one_sided, two_sided, buffer });
}

/// One frame of the engine, applied.
#[expect(clippy::too_many_arguments, reason = "a Bevy system's arguments are what it may touch")]
fn stream(
    mut commands: Commands,
    city: Option<ResMut<CityTiles>>,
    frame: Res<SceneFrame>,
    (orbit, ahead, environment, time): (Res<OrbitCamera>, Res<PosesAhead>, Res<Environment>, Res<Time>),
    wall: Option<Res<WholeWall>>,
    shared: Res<SharedMaterial>,
    mut wardrobe: Wardrobe,
    cameras: Query<(&Camera, &Projection), With<CityCamera>>,
    mut meshes: ResMut<Assets<Mesh>>,
    (mut states, styling): (ResMut<FeatureStates>, Res<CityStyling>),
    mut visibilities: Query<&mut Visibility>,
) {
    let (Some(mut city), Ok((camera, projection))) = (city, cameras.single()) else { return };
    let lens = Lens { frame: &frame, camera, projection, wall: wall.as_deref(), haze_per_m: f64::from(environment.horizon.w) * HAZE_ALOFT };
    let Some(here) = lens.view(&orbit.pose) else { return };
    let mut groups = std::mem::take(&mut city.groups);
    groups[0].views = vec![here];
    // Where the camera is going, and what a tour shows next, comes in while nothing else waits.
    let going = orbit.is_moving().then(|| orbit.goal());
    groups[1].views = going.iter().chain(&ahead.0).filter_map(|pose| lens.view(pose)).collect();
    let now = city.tileset.update_groups(&mut groups);
    city.groups = groups;
    let (begun, before) = (Instant::now(), city.loaded_bytes);
    for (id, content) in now.loaded {
        city.loaded_tiles += 1;
        city.loaded_bytes += content.bytes;
        let mut resident = spawn(&mut commands, &content, &frame, (&shared, &mut wardrobe), &mut meshes, &mut states, &city.selected);
        if !styling.is_plain() {
            let (start, length) = (resident.first_state, resident.states);
            styling.apply(&mut resident, states.range_mut(start, length));
        }
        city.resident.insert(id, resident);
    }
    let bytes = city.loaded_bytes - before;
    if let Some(next) = city.pace.learn(bytes, begun.elapsed(), time.delta()) {
        city.tileset.limit_uploads(next);
    }
    for id in now.evicted {
        if let Some(gone) = city.resident.remove(&id) {
            states.release(gone.first_state, gone.states);
            gone.entities.iter().for_each(|e| commands.entity(*e).despawn());
        }
    }
    show(&mut city, &now.draw, &mut commands, &mut visibilities);
    if city.ground.tiles != now.progress.resident_tiles {
        city.ground = GroundCache { tiles: now.progress.resident_tiles, ..default() };
    }
    city.progress = now.progress;
}

/// Makes the drawn set visible and everything else not, touching only what changes.
fn show(city: &mut CityTiles, draw: &[TileId], commands: &mut Commands, visibilities: &mut Query<&mut Visibility>) {
    let drawn: HashSet<TileId> = draw.iter().copied().collect();
    city.drawn_tiles = draw.len();
    city.drawn_triangles = 0;
    for (id, resident) in &mut city.resident {
        let to = drawn.contains(id);
        city.drawn_triangles += if to { resident.triangles } else { 0 };
        if resident.drawn == to {
            continue;
        }
        resident.drawn = to;
        let visibility = if to { Visibility::Inherited } else { Visibility::Hidden };
        for entity in &resident.entities {
            match visibilities.get_mut(*entity) {
                Ok(mut v) => *v = visibility,
                // Spawned this frame: not there yet.
                Err(_) => {
                    commands.entity(*entity).insert(visibility);
                }
            }
        }
    }
}

/// Poses that will be looked from within some seconds, soonest first; written by whoever knows the path.
#[derive(Resource, Default, Clone, Debug, PartialEq)]
pub struct PosesAhead(pub Vec<CameraPose>);

fn spawn(
    commands: &mut Commands,
    content: &TileContent,
    frame: &SceneFrame,
    (shared, wardrobe): (&SharedMaterial, &mut Wardrobe),
    meshes: &mut Assets<Mesh>,
    states: &mut FeatureStates,
    selected: &HashSet<String>,
) -> Resident {
    let prepared = content.prepared.as_ref().and_then(Prepared::take);
    // A tile that was loaded before anybody said who draws it.
    let late = || mesh::prepare(&mut content.clone()).take();
    let Some(mesh::PreparedTile { meshes: built, states: mut own, stands }) = prepared.or_else(late) else { return Resident::default() };
    selection::named(&content.features, selected).into_iter().for_each(|f| own[f as usize][1] |= FLAG_SELECTED);
    let first_state = states.allocate(&own);
    let triangles = built.iter().map(|b| b.triangles).sum();
    let entities = built.into_iter().map(|one| {
        let transform = mesh::transform(one.to_world, frame.0.enu_from_ecef());
        let dress = one.pictures.as_ref().and_then(|p| wardrobe.dress(p, one.two_sided, &shared.buffer));
        let plain = if one.two_sided { &shared.two_sided } else { &shared.one_sided };
        let bundle = (Mesh3d(meshes.add(one.mesh)), MeshTag(first_state), transform, one.bounds, Visibility::Hidden);
        let mut entity = commands.spawn(bundle);
        match dress {
            Some(own) => entity.insert(MeshMaterial3d(own)),
            None => entity.insert(MeshMaterial3d(plain.clone())),
        };
        entity.id()
    });
    Resident {
        entities: entities.collect(),
        first_state,
        states: own.len() as u32,
        triangles,
        drawn: false,
        features: content.features.clone(),
        stands,
        columns: HashMap::new(),
    }
}

fn look_down(
    city: Option<Res<CityTiles>>,
    frame: Res<SceneFrame>,
    orbit: Res<OrbitCamera>,
    mut ground: ResMut<GroundBelow>,
    mut seen: Local<Option<(CameraPose, Vec<TileId>)>>,
) {
    let Some(city) = city else { return };
    let drawn = city.groups[0].drawn();
    if seen.as_ref().is_some_and(|(pose, tiles)| *pose == orbit.pose && tiles == drawn) {
        return;
    }
    *seen = Some((orbit.pose, drawn.to_vec()));
    let eye = eye_of(&orbit.pose, &frame.0);
    // From well above, so that an eye that already is under the ground finds it.
    let from = |p: DVec3| DVec3::new(p.x, p.y, p.z.max(0.0) + 5_000.0);
    ground.eye_m = city.ground_under(&frame, from(eye.position));
    ground.target_m = city.ground_under(&frame, from(eye.target));
}

fn upload_states(
    mut states: ResMut<FeatureStates>,
    shared: Res<SharedMaterial>,
    mut buffers: ResMut<Assets<ShaderBuffer>>,
    mut materials: ResMut<Assets<CityMaterial>>,
    mut textured: ResMut<Assets<TexturedMaterial>>,
    mut uploaded: Local<usize>,
) {
    if !states.dirty {
        return;
    }
    states.dirty = false;
    let buffer = states.buffer();
    let bytes = buffer.data.as_ref().map_or(0, Vec::len);
    if buffers.insert(&shared.buffer, buffer).is_err() {
        tracing::error!("the feature state buffer is gone");
    }
    // The binding holds the old buffer until its material is prepared again, and only a write counts as a change.
    for handle in [&shared.one_sided, &shared.two_sided] {
        if let Some(mut material) = materials.get_mut(handle) {
            material.features = shared.buffer.clone();
        }
    }
    // A buffer of the same length is written in place; only a new one has to be bound again, by each tile with pictures.
    if std::mem::replace(&mut *uploaded, bytes) != bytes {
        for (_, material) in textured.iter_mut() {
            material.features = shared.buffer.clone();
        }
    }
}

fn colour_city(environment: Res<Environment>, shared: Res<SharedMaterial>, mut materials: ResMut<Assets<CityMaterial>>) {
    if !environment.is_changed() {
        return;
    }
    for handle in [&shared.one_sided, &shared.two_sided] {
        if let Some(mut material) = materials.get_mut(handle) {
            material.environment = *environment;
        }
    }
}
