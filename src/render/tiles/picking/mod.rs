//! What is seen at a point, in a box or in a polygon of the picture, by drawing features' numbers and reading them back.
//!
//! Write [`PickRequest`]; numbers are drawn in one frame, and [`PickResult`] is there in the next (one later where frames are drawn while the next is
//! made ready, and some later for the first pick of a kind, whose shaders are compiled). Hidden, cut and covered features are not picked, and what is drawn before
//! others is. Nothing is drawn while nobody asks: the tiles get a second entity, with the same mesh, for the frame of the pick alone.

mod hits;
mod material;
mod readback;
mod region;

pub use region::PickRegion;

use super::TilesetSystems;
use super::city::{CityTiles, TileRef};
use super::look::SharedMaterial;
use super::messages::FeaturePicked;
use super::views::PICK_LAYER;
use crate::geo::Geodetic;
use crate::render::camera::{CityCamera, FrustumProjection, SceneFrame, Tangents, ray_through};
use crate::render::clip::{CityClip, ClipPicture, ClipUniform};
use crate::render::environment::Environment;
use crate::render::material::{CityMaterial, TexturedMaterial};
use crate::tiles::MetadataGroup;
use bevy::asset::RenderAssetUsages;
use bevy::camera::primitives::Aabb;
use bevy::camera::visibility::RenderLayers;
use bevy::camera::{ClearColorConfig, RenderTarget};
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::ecs::system::SystemParam;
use bevy::math::{DVec3, UVec4};
use bevy::mesh::MeshTag;
use bevy::pbr::{MaterialPlugin, MeshMaterial3d};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, PipelineCache, TextureDimension, TextureFormat, TextureUsages};
use bevy::render::{Render, RenderApp, RenderSystems};
use material::{IdLook, IdMaterial};
use readback::{Answer, ReadbackPlugin, Wanted};
use region::Cutout;
use serde_json::{Map, Value};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Asks what is seen in a part of the picture.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct PickRequest {
    /// Comes back with the result.
    pub token: u64,
    pub region: PickRegion,
}

/// Answers one [`PickRequest`].
#[derive(Message, Clone, Debug, PartialEq)]
pub struct PickResult {
    pub token: u64,
    pub region: PickRegion,
    /// What is seen most first; empty where nothing is.
    pub hits: Vec<PickedFeature>,
}

/// A feature that is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct PickedFeature {
    /// The tileset it is of, and the tile.
    pub tile: TileRef,
    /// Number in the tile's table; [`crate::tiles::NO_FEATURE`] for faces that belong to none. At a point, where ids lie in a picture, that of the very pixel.
    pub feature: u32,
    /// Its `id` attribute, empty when it has none.
    pub id: String,
    pub attributes: Map<String, Value>,
    /// Of a point: what else files say there, see [`crate::tiles::Tileset::place_metadata`].
    pub metadata: Vec<MetadataGroup>,
    /// Whether it stands: no ground, water or road.
    pub building: bool,
    /// Of a point: where its ray meets the feature.
    pub position: Option<Geodetic>,
    /// How many pixels of the region show it, of the picture that was drawn for the pick (at most 1024 along a side).
    pub pixels: u32,
}

/// Added to numbers in the picture: tests see with it that large ones come back whole.
#[derive(Resource, Default, Clone, Copy, Debug)]
pub struct IdOffset(pub u32);

/// Frames before a pipeline that is used for the first time is surely known to the device's queue of pipelines.
const FIRST_FRAMES: u32 = 3;
/// A pick that is not answered by then is given up.
const FRAMES_MAX: u32 = 240;

/// Pipelines that are still being compiled, counted by the renderer.
#[derive(Resource, Clone, Default)]
pub(in crate::render) struct Compiling(Arc<AtomicUsize>);

impl Compiling {
    /// How many there were when the last frame was drawn.
    pub(in crate::render) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The materials' flags and whether the mesh wears pictures: each combination is a pipeline.
type Pipeline = (bool, bool, bool);

/// Picks that are not answered yet.
#[derive(Resource)]
pub struct Picking {
    image: Handle<Image>,
    /// One-sided and two-sided; made for the first pick.
    materials: Option<[Handle<IdMaterial>; 2]>,
    queue: VecDeque<PickRequest>,
    now: Option<UnderWay>,
    /// Pipelines that were used before.
    ready: HashSet<Pipeline>,
}

impl Picking {
    /// Whether all that was asked is answered; what was asked in this frame may not be counted yet.
    pub fn is_quiet(&self) -> bool {
        self.now.is_none() && self.queue.is_empty()
    }
}

struct UnderWay {
    request: PickRequest,
    cutout: Cutout,
    /// East-north-up, through a point.
    ray: Option<(DVec3, DVec3)>,
    /// First state and number of states of the tiles that are drawn, by first state.
    ranges: Vec<(u32, u32, TileRef)>,
    entities: Vec<Entity>,
    pipelines: HashSet<Pipeline>,
    /// The picture is asked back: every pipeline it needs is there.
    asked: bool,
    offset: u32,
    frames: u32,
}

/// Marks the camera that draws numbers.
#[derive(Component)]
struct IdCamera;

/// Draws numbers when somebody asks.
pub(super) struct PickingPlugin;

impl Plugin for PickingPlugin {
    fn build(&self, app: &mut App) {
        let compiling = Compiling::default();
        app.add_plugins((MaterialPlugin::<IdMaterial>::default(), ReadbackPlugin))
            .add_message::<PickRequest>()
            .add_message::<PickResult>()
            .init_resource::<IdOffset>()
            .insert_resource(compiling.clone())
            .add_systems(Startup, make_camera)
            .add_systems(Update, (finish, begin).chain().in_set(TilesetSystems::Pick));
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            render.insert_resource(compiling).add_systems(Render, count_compiling.in_set(RenderSystems::Cleanup));
        }
    }
}

fn count_compiling(cache: Res<PipelineCache>, compiling: Res<Compiling>) {
    compiling.0.store(cache.waiting_pipelines().count(), Ordering::Relaxed);
}

/// No sRGB: bytes come back as they were written.
fn picture(size: UVec2) -> Image {
    let size = Extent3d { width: size.x, height: size.y, depth_or_array_layers: 1 };
    let mut image = Image::new_uninit(size, TextureDimension::D2, TextureFormat::Rgba8Unorm, RenderAssetUsages::RENDER_WORLD);
    image.texture_descriptor.usage |= TextureUsages::RENDER_ATTACHMENT | TextureUsages::COPY_SRC;
    image
}

fn make_camera(mut commands: Commands, mut images: ResMut<Assets<Image>>) {
    let image = images.add(picture(UVec2::ONE));
    let camera = Camera { is_active: false, order: -1, clear_color: ClearColorConfig::Custom(Color::NONE), ..default() };
    commands.spawn((
        IdCamera,
        Camera3d::default(),
        camera,
        RenderTarget::Image(image.clone().into()),
        Projection::custom(FrustumProjection::window()),
        Tonemapping::None,
        Msaa::Off,
        RenderLayers::layer(PICK_LAYER),
    ));
    commands.insert_resource(Picking { image, materials: None, queue: VecDeque::new(), now: None, ready: HashSet::new() });
}

/// What tile entities have that their stand-ins need too.
type Drawn<'a> =
    (&'a Mesh3d, &'a MeshTag, &'a Transform, &'a Aabb, AnyOf<(&'a MeshMaterial3d<CityMaterial>, &'a MeshMaterial3d<TexturedMaterial>)>);

/// What of the city's camera an id picture copies.
type Seeing = (&'static Camera, &'static Projection, &'static Transform);

/// What a pick is drawn with.
#[derive(SystemParam)]
struct Studio<'w, 's> {
    commands: Commands<'w, 's>,
    images: ResMut<'w, Assets<Image>>,
    materials: ResMut<'w, Assets<IdMaterial>>,
    textured: Res<'w, Assets<TexturedMaterial>>,
    shared: Res<'w, SharedMaterial>,
    environment: Res<'w, Environment>,
    clip: Res<'w, CityClip>,
    clip_picture: Res<'w, ClipPicture>,
    offset: Res<'w, IdOffset>,
    wanted: ResMut<'w, Wanted>,
    tiles: Query<'w, 's, Drawn<'static>, Without<IdCamera>>,
    city_camera: Query<'w, 's, Seeing, (With<CityCamera>, Without<IdCamera>)>,
    id_camera: Query<'w, 's, (&'static mut Camera, &'static mut Projection, &'static mut Transform), With<IdCamera>>,
}

impl Studio<'_, '_> {
    /// Sets a pick up; `None` where there is nothing to draw.
    fn set_up(&mut self, picking: &mut Picking, city: &CityTiles, request: PickRequest) -> Option<UnderWay> {
        let (camera, projection, transform) = self.city_camera.single().ok()?;
        let whole = camera.physical_target_size().filter(|s| s.x > 0 && s.y > 0)?.as_vec2();
        let cutout = request.region.cutout(whole)?;
        let ray = match request.region {
            PickRegion::Point(at) => {
                let ndc = Vec2::new(at.x / whole.x * 2.0 - 1.0, 1.0 - at.y / whole.y * 2.0);
                Some(ray_through(ndc, projection, &GlobalTransform::from(*transform)))
            }
            _ => None,
        };
        let tangents = cutout.tangents(&Tangents::of(projection), whole);
        let (mut own, mut own_projection, mut own_transform) = self.id_camera.single_mut().ok()?;
        (own.is_active, *own_transform) = (true, *transform);
        *own_projection = Projection::custom(FrustumProjection::output(tangents));
        if self.images.insert(&picking.image, picture(cutout.size)).is_err() {
            tracing::error!("the picture that features are picked from is gone");
            return None;
        }
        let (ray, offset) = (ray, self.offset.0);
        let materials = self.dress(picking);
        let mut under_way = UnderWay {
            request,
            cutout,
            ray,
            ranges: Vec::new(),
            entities: Vec::new(),
            pipelines: HashSet::new(),
            asked: false,
            offset,
            frames: 0,
        };
        // Of two that take over from one another, the one that stays.
        for (tile, resident) in city.residents().filter(|(_, r)| r.drawn) {
            under_way.ranges.push((resident.first_state, resident.states, tile));
            resident.parts.iter().for_each(|part| self.stand_in(part.entity, &materials, &mut under_way));
        }
        under_way.ranges.sort_unstable_by_key(|r| r.0);
        Some(under_way)
    }

    /// Materials as the city looks now.
    fn dress(&mut self, picking: &mut Picking) -> [Handle<IdMaterial>; 2] {
        let of = |two_sided| IdMaterial {
            look: IdLook { focus: self.environment.focus, base: UVec4::new(self.offset.0, 0, 0, 0) },
            features: self.shared.buffer.clone(),
            clip: ClipUniform::from(&*self.clip),
            clip_picture: self.clip_picture.0.clone(),
            clipped: self.clip.is_active(),
            two_sided,
        };
        let now = [of(false), of(true)];
        match &picking.materials {
            Some(handles) => {
                for (handle, material) in handles.iter().zip(now) {
                    if let Some(mut known) = self.materials.get_mut(handle) {
                        *known = material;
                    }
                }
                handles.clone()
            }
            None => picking.materials.insert(now.map(|m| self.materials.add(m))).clone(),
        }
    }

    fn stand_in(&mut self, entity: Entity, materials: &[Handle<IdMaterial>; 2], under_way: &mut UnderWay) {
        let Ok((mesh, tag, transform, bounds, (plain, pictured))) = self.tiles.get(entity) else { return };
        let two_sided = match pictured {
            Some(own) => self.textured.get(&own.0).is_some_and(|m| m.two_sided),
            None => plain.is_some_and(|m| self.shared.is_two_sided(&m.0)),
        };
        under_way.pipelines.insert((self.clip.is_active(), two_sided, pictured.is_some()));
        let material = MeshMaterial3d(materials[usize::from(two_sided)].clone());
        let stand_in = self.commands.spawn((mesh.clone(), tag.clone(), *transform, *bounds, material, RenderLayers::layer(PICK_LAYER)));
        under_way.entities.push(stand_in.id());
    }

    fn clear_up(&mut self, under_way: &mut UnderWay) {
        under_way.entities.drain(..).for_each(|e| self.commands.entity(e).despawn());
        if let Ok((mut camera, ..)) = self.id_camera.single_mut() {
            camera.is_active = false;
        }
        self.wanted.0 = None;
    }
}

/// Begins the next pick that was asked for.
fn begin(
    mut asked: MessageReader<PickRequest>,
    mut answers: MessageWriter<PickResult>,
    mut picking: ResMut<Picking>,
    answer: Res<Answer>,
    city: Res<CityTiles>,
    mut studio: Studio,
) {
    picking.queue.extend(asked.read().cloned());
    if picking.now.is_some() {
        return;
    }
    let Some(request) = picking.queue.pop_front() else { return };
    answer.take();
    let (token, region) = (request.token, request.region.clone());
    let Some(mut now) = studio.set_up(&mut picking, &city, request) else {
        answers.write(PickResult { token, region, hits: Vec::new() });
        return;
    };
    if now.pipelines.is_subset(&picking.ready) {
        now.asked = true;
        studio.wanted.0 = Some(picking.image.id());
    }
    picking.now = Some(now);
}

/// Takes the pick that is under way one frame on.
fn finish(
    (mut answers, mut picked): (MessageWriter<PickResult>, MessageWriter<FeaturePicked>),
    mut picking: ResMut<Picking>,
    answer: Res<Answer>,
    compiling: Res<Compiling>,
    city: Res<CityTiles>,
    frame: Res<SceneFrame>,
    mut studio: Studio,
) {
    let picking = &mut *picking;
    let Some(now) = &mut picking.now else { return };
    now.frames += 1;
    let bytes = answer.take();
    if bytes.is_none() && now.frames < FRAMES_MAX {
        // A pipeline that is not compiled yet leaves its tiles out of the picture.
        if !now.asked && now.frames >= FIRST_FRAMES && compiling.0.load(Ordering::Relaxed) == 0 {
            now.asked = true;
            studio.wanted.0 = Some(picking.image.id());
            picking.ready.extend(now.pipelines.drain());
        } else if now.asked {
            studio.clear_up(now);
        }
        return;
    }
    studio.clear_up(now);
    if bytes.is_none() {
        tracing::warn!("the graphics device gave no picture of features back");
    }
    let hits = bytes.map_or_else(Vec::new, |bytes| now.hits(&city, &frame, &bytes));
    if let (PickRegion::Point(_), Some(feature)) = (&now.request.region, hits.first()) {
        picked.write(FeaturePicked { token: now.request.token, feature: feature.clone() });
    }
    answers.write(PickResult { token: now.request.token, region: now.request.region.clone(), hits });
    picking.now = None;
}
