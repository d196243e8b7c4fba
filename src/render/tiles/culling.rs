//! Leaves out, before anything is drawn, the faces of tiles that no camera can see: behind the backs of buildings and beside the picture.
//!
//! Faces lie in clusters ([`crate::tiles::Cluster`]); those that may be seen are written to the front of their tile's list of corners, and the tile's one draw
//! call takes so many of them. A software rasteriser, which pays for each corner, is spared half of its work on them. In the tier `full`, and where any light
//! casts shadows, tiles are drawn whole: shadows fall from what cameras don't see.
//!
//! It needs draws whose length the processor says ([`crate::render::direct`]); where a graphics device says it, all faces are drawn, some twice, and the picture
//! is the same.

use super::views::PICK_LAYER;
use crate::render::clip::CityClip;
use crate::render::light::FullTier;
use crate::tiles::{ClusterEye, KeptMesh, KeptTile, Sightline};
use bevy::asset::AssetId;
use bevy::camera::primitives::Frustum;
use bevy::camera::visibility::{RenderLayers, VisibilitySystems};
use bevy::ecs::system::SystemParam;
use bevy::math::{Affine3A, Vec4};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use bevy::render::mesh::allocator::{MeshAllocator, allocate_and_free_meshes};
use bevy::render::mesh::{RenderMesh, RenderMeshBufferInfo};
use bevy::render::render_asset::{RenderAssets, prepare_assets};
use bevy::render::render_resource::IndexFormat;
use bevy::render::renderer::RenderQueue;
use bevy::render::{ExtractSchedule, MainWorld, Render, RenderApp, RenderSystems};
use std::ops::Range;
use std::sync::{Arc, Weak};

/// Sides of a frustum that are asked: all but the far one, which the city's cameras have at the end of the world.
const SIDES: usize = 5;

/// Whether faces that no camera sees are left out, and how many are drawn of those of all tiles that are seen.
#[derive(Resource, Clone, Copy, Debug)]
pub struct FaceCulling {
    pub on: bool,
    pub drawn: usize,
    pub whole: usize,
}

impl Default for FaceCulling {
    fn default() -> Self {
        Self { on: true, drawn: 0, whole: 0 }
    }
}

/// The faces of a tile's mesh, and which of them the next frame draws.
#[derive(Component)]
pub(super) struct Clustered {
    tile: Arc<KeptTile>,
    mesh: usize,
    /// From the numbers of the mesh as it is drawn to its local metres.
    to_local: Affine3A,
    /// What looked when `drawn` was chosen, whether backs were seen, and whether all was drawn anyway.
    eyes: (Vec<ClusterEye>, bool, bool),
    drawn: Vec<Range<u32>>,
}

impl Clustered {
    /// Both stand in their tileset: `drawn` places the numbers that the mesh is drawn with, `local` its local metres.
    pub(super) fn new(tile: Arc<KeptTile>, mesh: usize, drawn: Transform, local: Transform) -> Self {
        let to_local = local.compute_affine().inverse() * drawn.compute_affine();
        let drawn = tile.meshes.get(mesh).map_or_else(Vec::new, KeptMesh::whole);
        Self { tile, mesh, to_local, eyes: default(), drawn }
    }

    fn faces(&self) -> usize {
        self.tile.meshes.get(self.mesh).map_or(0, KeptMesh::triangles)
    }

    /// What to draw for these eyes, or `whole`, where that is not what is drawn.
    fn chosen(&mut self, eyes: Vec<ClusterEye>, backs: bool, whole: bool) -> Option<Vec<Range<u32>>> {
        let eyes = (eyes, backs, whole);
        if eyes == self.eyes {
            return None;
        }
        let mesh = self.tile.meshes.get(self.mesh)?;
        let runs = if whole { mesh.whole() } else { mesh.seen(&eyes.0, backs) };
        self.eyes = eyes;
        (runs != self.drawn).then(|| {
            self.drawn.clone_from(&runs);
            runs
        })
    }
}

/// A choice of faces on its way to the graphics device.
struct Choice {
    mesh: AssetId<Mesh>,
    tile: Weak<KeptTile>,
    number: usize,
    runs: Vec<Range<u32>>,
}

/// Choices that changed in this frame.
#[derive(Resource, Default)]
struct Changed(Vec<Choice>);

/// Choices that wait for their meshes to be on the graphics device.
#[derive(Resource, Default)]
struct Waiting(HashMap<AssetId<Mesh>, Choice>);

pub(super) fn build(app: &mut App) {
    app.init_resource::<FaceCulling>().init_resource::<Changed>().add_systems(PostUpdate, choose.after(VisibilitySystems::CheckVisibility));
    if let Some(render) = app.get_sub_app_mut(RenderApp) {
        let write = write.in_set(RenderSystems::PrepareAssets).after(allocate_and_free_meshes).after(prepare_assets::<RenderMesh>);
        render.init_resource::<Waiting>().add_systems(ExtractSchedule, take).add_systems(Render, write);
    }
}

/// A camera in Bevy's world, with the layers that it sees.
struct Looking {
    layers: RenderLayers,
    planes: Vec<Vec4>,
    from: Sightline,
}

impl Looking {
    fn of(camera: &Camera, place: &GlobalTransform, frustum: &Frustum, layers: Option<&RenderLayers>) -> Self {
        let without_perspective = camera.clip_from_view().w_axis.w == 1.0;
        let from = if without_perspective { Sightline::Along(*place.forward()) } else { Sightline::Eye(place.translation()) };
        let planes = frustum.half_spaces[..SIDES].iter().map(|h| h.normal_d()).collect();
        Self { layers: layers.cloned().unwrap_or_default(), planes, from }
    }

    /// In the frame of a mesh; tilesets are turned and moved, not stretched.
    fn within(&self, to_local: &Affine3A) -> ClusterEye {
        let plane = |p: &Vec4| {
            let normal = to_local.transform_vector3(p.truncate());
            // Local from world is R p + t, so n . p + d becomes R n . q + d - R n . t.
            normal.extend(p.w - normal.dot(to_local.translation.into()))
        };
        let from = match self.from {
            Sightline::Eye(at) => Sightline::Eye(to_local.transform_point3(at)),
            Sightline::Along(direction) => Sightline::Along(to_local.transform_vector3(direction)),
        };
        ClusterEye { planes: self.planes.iter().map(plane).collect(), from }
    }
}

type Cameras<'w, 's> =
    Query<'w, 's, (&'static Camera, &'static GlobalTransform, &'static Frustum, Option<&'static RenderLayers>), With<Camera3d>>;

/// Lights of all kinds that may cast shadows.
#[derive(SystemParam)]
struct Lights<'w, 's> {
    suns: Query<'w, 's, &'static DirectionalLight>,
    lamps: Query<'w, 's, &'static PointLight>,
    spots: Query<'w, 's, &'static SpotLight>,
}

impl Lights<'_, '_> {
    fn cast_shadows(&self) -> bool {
        let suns = self.suns.iter().map(|l| l.shadow_maps_enabled);
        let lamps = self.lamps.iter().map(|l| l.shadow_maps_enabled);
        suns.chain(lamps).chain(self.spots.iter().map(|l| l.shadow_maps_enabled)).any(|casts| casts)
    }
}

/// Chooses the faces of each tile that is drawn at all.
fn choose(
    cameras: Cameras,
    (full, lights): (Query<(), With<FullTier>>, Lights),
    clip: Res<CityClip>,
    mut tiles: Query<(&Mesh3d, &GlobalTransform, &ViewVisibility, Option<&RenderLayers>, &mut Clustered)>,
    (mut culling, mut changed): (ResMut<FaceCulling>, ResMut<Changed>),
) {
    let whole = !culling.on || !full.is_empty() || lights.cast_shadows();
    let looking: Vec<Looking> =
        cameras.iter().filter(|(camera, ..)| camera.is_active).map(|(c, p, f, l)| Looking::of(c, p, f, l)).collect();
    // Stand-ins with the same meshes are what id pictures are taken of.
    let picks = RenderLayers::layer(PICK_LAYER);
    // One looks at the walls of cut buildings from within.
    let backs = clip.is_active();
    let (mut drawn, mut all) = (0, 0);
    for (mesh, place, visibility, layers, mut tile) in &mut tiles {
        if !visibility.get() {
            continue;
        }
        let layers = layers.cloned().unwrap_or_default();
        let sees = |l: &&Looking| !whole && (l.layers.intersects(&layers) || l.layers.intersects(&picks));
        let to_local = tile.to_local * place.affine().inverse();
        let eyes: Vec<ClusterEye> = looking.iter().filter(sees).map(|l| l.within(&to_local)).collect();
        let tile = tile.bypass_change_detection();
        if let Some(runs) = tile.chosen(eyes, backs, whole) {
            changed.0.push(Choice { mesh: mesh.id(), tile: Arc::downgrade(&tile.tile), number: tile.mesh, runs });
        }
        drawn += tile.drawn.iter().map(|run| run.len()).sum::<usize>();
        all += tile.faces();
    }
    (culling.drawn, culling.whole) = (drawn, all);
}

fn take(mut waiting: ResMut<Waiting>, mut main: ResMut<MainWorld>) {
    let Some(mut changed) = main.get_resource_mut::<Changed>() else { return };
    waiting.0.extend(changed.0.drain(..).map(|choice| (choice.mesh, choice)));
}

/// Writes what is chosen before the frame that was chosen for.
fn write(
    mut waiting: ResMut<Waiting>,
    mut meshes: ResMut<RenderAssets<RenderMesh>>,
    allocator: Res<MeshAllocator>,
    queue: Res<RenderQueue>,
) {
    waiting.0.retain(|id, choice| {
        // A tile that went before it was drawn.
        let Some(tile) = choice.tile.upgrade() else { return false };
        let (Some(mesh), Some(slice)) = (meshes.get_mut(*id), allocator.mesh_index_slice(id)) else { return true };
        let RenderMeshBufferInfo::Indexed { count, index_format } = &mut mesh.buffer_info else { return false };
        let short = *index_format == IndexFormat::Uint16;
        let mut bytes = tile.meshes.get(choice.number).map_or_else(Vec::new, |m| m.index_bytes(&choice.runs, short));
        let size = if short { 2 } else { 4 };
        *count = (bytes.len() / size) as u32;
        // Buffers are written in words; the list is long enough, see `mesh::indices`.
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        if !bytes.is_empty() {
            queue.write_buffer(slice.buffer, u64::from(slice.range.start) * size as u64, &bytes);
        }
        false
    });
}
