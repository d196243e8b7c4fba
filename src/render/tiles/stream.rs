//! Each frame of the engines, applied: tiles become entities, are shown and hidden, and go.

use super::city::{CityTiles, Part, Resident};
use super::culling::Clustered;
use super::detail::FarTiles;
use super::fade::{Fade, TileFade, takeovers};
use super::features::{FLAG_SELECTED, FeatureStates};
use super::look::{SharedMaterial, Worn};
use super::messages::{TileEvicted, TileFailed, TileLoaded, TilesetFailed, TilesetLoaded};
use super::pace::Shown;
use super::styled::StyledTile;
use super::styling::CityStyling;
use super::tileset::{StandsFor, Tileset, TilesetProgress};
use super::views::{LAYERS_MAX, PICTURE_LAYER, TileViews};
use super::wardrobe::Wardrobe;
use super::{mesh, plain, selection};
use crate::render::camera::SceneFrame;
use crate::tiles::{self as engine, KeptTile, Prepared, TileContent, TileId, TileTree, View, ViewGroup};
use bevy::camera::visibility::RenderLayers;
use bevy::ecs::system::SystemParam;
use bevy::mesh::MeshTag;
use bevy::pbr::MeshMaterial3d;
use bevy::prelude::*;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Which of the app's groups one of a tileset's is.
#[derive(Clone, PartialEq)]
struct GroupName {
    name: Cow<'static, str>,
    layer: Option<usize>,
}

/// One tileset: its engine and what of it is on the graphics device.
pub(super) struct Stream {
    pub(super) engine: engine::Tileset,
    pub(super) stands_for: StandsFor,
    /// As in [`TileViews`], the picture's first.
    groups: Vec<ViewGroup>,
    named: Vec<GroupName>,
    pub(super) resident: HashMap<TileId, Resident>,
    pub(super) progress: TilesetProgress,
    pub(super) hidden: bool,
    /// Its root was told of.
    told: bool,
}

impl Stream {
    pub(super) fn new(engine: engine::Tileset, stands_for: StandsFor) -> Self {
        engine.prepare_with(mesh::prepare);
        let (groups, named) = (Vec::new(), Vec::new());
        Self { engine, stands_for, groups, named, resident: HashMap::new(), progress: default(), hidden: false, told: false }
    }

    /// Tiles of the picture, in tree order.
    pub(super) fn drawn(&self) -> &[TileId] {
        self.groups.first().map_or(&[], ViewGroup::drawn)
    }

    /// Tiles of one group, in tree order.
    pub(super) fn drawn_by(&self, group: &str) -> &[TileId] {
        let at = self.named.iter().position(|n| n.name == group);
        at.and_then(|i| self.groups.get(i)).map_or(&[], ViewGroup::drawn)
    }

    /// Layers beside the picture's on which tiles are seen, a bit each.
    fn beside(&self) -> HashMap<TileId, u32> {
        let mut layers: HashMap<TileId, u32> = HashMap::new();
        for (named, group) in self.named.iter().zip(&self.groups) {
            let Some(layer) = named.layer.filter(|l| *l < LAYERS_MAX && *l != PICTURE_LAYER) else { continue };
            group.drawn().iter().for_each(|id| *layers.entry(*id).or_default() |= 1 << layer);
        }
        layers
    }

    /// Tiles that any camera sees, with the views that see them.
    fn seen(&self) -> HashMap<TileId, Vec<&View>> {
        let mut seen: HashMap<TileId, Vec<&View>> = HashMap::new();
        for (_, group) in self.named.iter().zip(&self.groups).filter(|(named, _)| named.layer.is_some()) {
            group.drawn().iter().for_each(|id| seen.entry(*id).or_default().extend(&group.views));
        }
        seen
    }

    pub(super) fn is_settled(&self) -> bool {
        self.hidden || self.engine.is_settled()
    }

    fn update(&mut self, views: &TileViews) -> engine::Frame {
        self.regroup(views);
        for (group, views) in self.groups.iter_mut().zip(views.groups()) {
            (group.purpose, group.weight) = (views.purpose, views.weight);
            group.views.clear();
            group.views.extend(views.views.iter().filter(|_| !self.hidden).cloned());
        }
        self.engine.update_groups(&mut self.groups)
    }

    /// Makes the groups those of the app. One that was there before remembers what it drew.
    fn regroup(&mut self, views: &TileViews) {
        let named = || views.groups().iter().map(|g| GroupName { name: g.name.clone(), layer: g.layer });
        if self.named.iter().cloned().eq(named()) {
            return;
        }
        let names = std::mem::replace(&mut self.named, named().collect());
        let mut before: HashMap<_, _> = names.into_iter().map(|n| n.name).zip(std::mem::take(&mut self.groups)).collect();
        let known = self.named.iter().map(|n| before.remove(&n.name).unwrap_or_default());
        self.groups = known.collect();
    }
}

/// What is told of tiles.
#[derive(SystemParam)]
pub(super) struct Telling<'w> {
    opened: MessageWriter<'w, TilesetLoaded>,
    unread: MessageWriter<'w, TilesetFailed>,
    loaded: MessageWriter<'w, TileLoaded>,
    evicted: MessageWriter<'w, TileEvicted>,
    failed: MessageWriter<'w, TileFailed>,
}

impl Telling<'_> {
    fn tell(&mut self, tileset: Entity, stream: &mut Stream, now: &engine::Frame) {
        if let (false, Some(sphere)) = (stream.told, stream.engine.bounding_sphere()) {
            stream.told = true;
            self.opened.write(TilesetLoaded { tileset, sphere });
        }
        self.loaded.write_batch(now.loaded.iter().map(|(tile, content)| TileLoaded { tileset, tile: *tile, bytes: content.bytes }));
        self.evicted.write_batch(now.evicted.iter().map(|tile| TileEvicted { tileset, tile: *tile }));
        for failure in &now.failed {
            let (tile, error) = (failure.tile, failure.error.clone());
            if tile == TileTree::ROOT {
                self.unread.write(TilesetFailed { tileset, error: error.clone() });
            }
            self.failed.write(TileFailed { tileset, tile, error });
        }
    }
}

/// What tiles are put up with.
#[derive(SystemParam)]
pub(super) struct Stage<'w, 's> {
    commands: Commands<'w, 's>,
    frame: Res<'w, SceneFrame>,
    shared: Res<'w, SharedMaterial>,
    wardrobe: Wardrobe<'w>,
    meshes: ResMut<'w, Assets<Mesh>>,
    states: ResMut<'w, FeatureStates>,
    styling: Res<'w, CityStyling>,
    fade: Res<'w, TileFade>,
    far: Res<'w, FarTiles>,
    time: Res<'w, Time>,
    visibilities: Query<'w, 's, &'static mut Visibility, Without<Tileset>>,
}

/// One frame of every tileset.
pub(super) fn stream(
    mut city: ResMut<CityTiles>,
    // Not the app's time, which counts no frame for more than a quarter of a second.
    (views, time): (Res<TileViews>, Res<Time<Real>>),
    mut tilesets: Query<(&Visibility, &InheritedVisibility, Has<ChildOf>, &mut TilesetProgress), With<Tileset>>,
    mut stage: Stage,
    mut telling: Telling,
) {
    if !views.has_picture() {
        return;
    }
    let city = &mut *city;
    let mut handed = 0;
    for entity in city.in_turn() {
        let Some(stream) = city.streams.get_mut(&entity) else { continue };
        let Ok((visibility, inherited, has_parent, mut shown)) = tilesets.get_mut(entity) else { continue };
        // What is inherited is known only after the first frame.
        stream.hidden = *visibility == Visibility::Hidden || has_parent && *visibility == Visibility::Inherited && !inherited.get();
        stream.engine.limit_uploads(city.pace.left(handed));
        let now = stream.update(&views);
        for (id, content) in &now.loaded {
            city.loaded_tiles += 1;
            handed += content.bytes;
            let kept = stream.engine.content(*id).cloned().unwrap_or_default();
            let resident = stage.put_up(entity, stream.stands_for, (content, kept), &city.selected);
            stream.resident.insert(*id, resident);
        }
        now.evicted.iter().filter_map(|id| stream.resident.remove(id)).for_each(|gone| stage.take_down(gone));
        stage.show(stream);
        telling.tell(entity, stream, &now);
        stream.progress.figures = now.progress;
        stream.progress.is_settled = stream.is_settled();
        shown.set_if_neq(stream.progress.clone());
    }
    city.loaded_bytes += handed;
    city.sum_up();
    let shown = match city.drawn_tiles {
        0 => Shown::Nothing,
        _ if city.is_settled() => Shown::Whole,
        _ => Shown::Some,
    };
    city.pace.learn(handed, time.delta(), shown);
    let seen = city.streams.values().filter(|s| !s.hidden).count();
    city.ground.keep_for((city.progress.resident_tiles, seen));
}

impl Stage<'_, '_> {
    /// A tile as entities below its tileset's, not shown yet.
    fn put_up(
        &mut self,
        tileset: Entity,
        stands_for: StandsFor,
        (content, kept): (&TileContent, Arc<KeptTile>),
        selected: &HashSet<String>,
    ) -> Resident {
        let prepared = content.prepared.as_ref().and_then(Prepared::take);
        // A tile that was loaded before anybody said who draws it.
        let late = || mesh::prepare(&mut content.clone()).take();
        let Some(mesh::PreparedTile { meshes: built, states: mut own, mut stands }) = prepared.or_else(late) else {
            return Resident::default();
        };
        if stands_for == StandsFor::Ground {
            stands.fill(false);
        }
        selection::named(&content.features, selected).into_iter().for_each(|f| own[f as usize][1] |= FLAG_SELECTED);
        let first_state = self.states.allocate(&own);
        let triangles = built.iter().map(|b| b.triangles).sum();
        let base_m = built.iter().map(|b| plain::base_m(b, self.frame.0.enu_from_ecef())).fold(f32::INFINITY, f32::min);
        let parts = built.into_iter().enumerate().map(|(mesh, one)| self.spawn(tileset, one, first_state, (&kept, mesh))).collect();
        let mut resident = Resident {
            parts,
            first_state,
            states: own.len() as u32,
            triangles,
            base_m,
            drawn: false,
            beside: 0,
            layers: 1 << PICTURE_LAYER,
            fade: None,
            far: false,
            styled: StyledTile::new(content.features.clone(), stands),
        };
        if !self.styling.is_plain() {
            resident.styled.restyle(&self.styling, self.states.range_mut(first_state, own.len() as u32));
            resident.styled.restyle_right(&self.styling, self.states.right_mut(first_state, own.len() as u32));
        }
        resident
    }

    fn spawn(&mut self, tileset: Entity, one: mesh::Built, first_state: u32, (tile, number): (&Arc<KeptTile>, usize)) -> Part {
        let placed = |to_world| mesh::transform(to_world, self.frame.0.enu_from_ecef());
        let transform = placed(one.to_world);
        let local = tile.meshes.get(number).map_or(transform, |m| placed(m.to_world));
        let clustered = Clustered::new(tile.clone(), number, transform, local);
        let worn = Worn { two_sided: one.two_sided, wet: one.wet, ..default() };
        let dress = one.pictures.as_ref().and_then(|p| self.wardrobe.dress(p, worn, &self.shared));
        let mesh = Mesh3d(self.meshes.add(one.mesh));
        let mut entity =
            self.commands.spawn((mesh, MeshTag(first_state), transform, one.bounds, Visibility::Hidden, ChildOf(tileset), clustered));
        match &dress {
            Some(own) => entity.insert(MeshMaterial3d(own.clone())),
            None => entity.insert(MeshMaterial3d(self.shared.of(worn))),
        };
        Part { entity: entity.id(), worn, dress }
    }

    fn take_down(&mut self, gone: Resident) {
        self.states.release(gone.first_state, gone.states);
        gone.parts.iter().for_each(|part| self.commands.entity(part.entity).despawn());
    }

    /// Makes the drawn sets visible, each to the cameras of its group, and everything else not, touching only what changes.
    fn show(&mut self, stream: &mut Stream) {
        let drawn: HashSet<TileId> = stream.drawn().iter().copied().collect();
        let changed = stream.resident.iter().filter(|(id, r)| r.drawn != drawn.contains(id)).map(|(id, _)| *id);
        let (come, gone): (Vec<TileId>, Vec<TileId>) = changed.partition(|id| drawn.contains(id));
        let fades = if self.fade.seconds > 0.0 { takeovers(stream.engine.tree(), &come, &gone) } else { HashSet::new() };
        let since_s = self.time.elapsed_secs();
        for id in come.iter().chain(&gone) {
            let Some(resident) = stream.resident.get_mut(id) else { continue };
            resident.drawn = drawn.contains(id);
            let (out, faded) = (!resident.drawn, resident.fade.is_some());
            resident.fade = fades.contains(id).then_some(Fade { since_s, out });
            if faded != resident.fade.is_some() {
                self.dress(resident);
            }
            self.set_seen(resident);
        }
        let beside = stream.beside();
        for (id, resident) in &mut stream.resident {
            let to = beside.get(id).copied().unwrap_or(0);
            if std::mem::replace(&mut resident.beside, to) != to {
                self.set_seen(resident);
            }
        }
        self.set_detail(stream);
        stream.progress.drawn_tiles = drawn.len();
        stream.progress.drawn_triangles = stream.resident.values().filter(|r| r.drawn).map(|r| r.triangles).sum();
        stream.resident.values_mut().filter(|r| r.fade.is_some()).for_each(|r| self.fade(r));
    }

    /// Has tiles that are far drawn as such. One that nobody sees any more, as when it fades out, stays as it was.
    fn set_detail(&mut self, stream: &mut Stream) {
        let tree = stream.engine.tree();
        let far = stream.seen().into_iter().filter_map(|(id, views)| {
            let was = stream.resident.get(&id)?.far;
            (self.far.holds(&tree.tile(id).volume, views, was) != was).then_some(id)
        });
        for id in far.collect::<Vec<_>>() {
            let Some(resident) = stream.resident.get_mut(&id) else { continue };
            resident.far = !resident.far;
            self.dress(resident);
        }
    }

    /// Takes a tile's fade one frame on.
    fn fade(&mut self, resident: &mut Resident) {
        let Some(fade) = resident.fade else { return };
        let share = fade.share(self.time.elapsed_secs(), self.fade.seconds);
        for part in &resident.parts {
            self.commands.entity(part.entity).insert(MeshTag(resident.first_state | share.unwrap_or(0)));
        }
        if share.is_none() {
            resident.fade = None;
            self.dress(resident);
            self.set_seen(resident);
        }
    }

    /// Materials of a tile as it fades or not, and as it is far or near.
    fn dress(&mut self, resident: &Resident) {
        let (fading, far) = (resident.fade.is_some(), resident.far);
        for part in &resident.parts {
            match &part.dress {
                Some(own) => self.wardrobe.set_fading(own, fading),
                None => {
                    let material = MeshMaterial3d(self.shared.of(Worn { fading, far, ..part.worn }));
                    self.commands.entity(part.entity).insert((material, MeshTag(resident.first_state)));
                }
            }
        }
    }

    /// Shows a tile to the cameras of the groups that draw it, and to no other.
    fn set_seen(&mut self, resident: &mut Resident) {
        let in_picture = resident.drawn || resident.fade.is_some();
        let layers = resident.beside | u32::from(in_picture) << PICTURE_LAYER;
        // What nobody sees is hidden; its layers may stay as they were.
        if layers != 0 && std::mem::replace(&mut resident.layers, layers) != layers {
            let on = RenderLayers::from_layers(&(0..LAYERS_MAX).filter(|l| layers >> l & 1 == 1).collect::<Vec<_>>());
            for part in &resident.parts {
                // Bevy 0.19 takes layers of a mesh over only together with something else of it that has changed.
                self.commands.entity(part.entity).insert((on.clone(), MeshTag(resident.first_state)));
            }
        }
        let visibility = if layers == 0 { Visibility::Hidden } else { Visibility::Inherited };
        for part in &resident.parts {
            match self.visibilities.get_mut(part.entity) {
                Ok(mut v) => *v = visibility,
                // Spawned this frame: not there yet.
                Err(_) => {
                    self.commands.entity(part.entity).insert(visibility);
                }
            }
        }
    }
}
