//! All tilesets of the app taken together: what is on screen, what a ray meets, what is known of a feature.

use super::fade::Fade;
use super::ground::GroundCache;
use super::look::Worn;
use super::pace::Pace;
use super::selection;
use super::stream::Stream;
use super::styled::StyledTile;
use crate::geo::{Ecef, Geodetic, ecef_to_geodetic};
use crate::render::camera::SceneFrame;
use crate::render::material::TexturedMaterial;
use crate::tiles::{self as engine, Hit, KeptTile, MetadataGroup, Progress, TileId, TileTree};
use bevy::math::DVec3;
use bevy::prelude::*;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};

/// What is drawn of every [`super::Tileset`], and what is known of it.
#[derive(Resource, Default)]
pub struct CityTiles {
    pub(super) streams: BTreeMap<Entity, Stream>,
    /// Of the last frame, of all tilesets together.
    pub progress: Progress,
    pub drawn_tiles: usize,
    pub drawn_triangles: usize,
    /// Tiles handed over since the app began, those that came again counted again, and their decoded bytes.
    pub loaded_tiles: usize,
    pub loaded_bytes: usize,
    /// Source ids of the selected city objects.
    pub(super) selected: HashSet<String>,
    pub(super) ground: GroundCache,
    pub(super) pace: Pace,
    /// Which tileset is served first in the next frame.
    pub(super) turn: usize,
}

/// A tile of one of the tilesets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileRef {
    /// The entity with the [`super::Tileset`].
    pub tileset: Entity,
    pub tile: TileId,
}

/// A mesh of a tile.
pub(super) struct Part {
    pub(super) entity: Entity,
    /// As it stands near by, not fading.
    pub(super) worn: Worn,
    /// Its own, where it wears pictures.
    pub(super) dress: Option<Handle<TexturedMaterial>>,
}

/// A tile on the graphics device.
#[derive(Default)]
pub(super) struct Resident {
    pub(super) parts: Vec<Part>,
    pub(super) first_state: u32,
    pub(super) states: u32,
    pub(super) triangles: usize,
    /// Its lowest place, metres above the scene's anchor.
    pub(super) base_m: f32,
    /// Whether the picture shows it.
    pub(super) drawn: bool,
    /// Layers of other groups that draw it, a bit each.
    pub(super) beside: u32,
    /// Layers it was last shown on.
    pub(super) layers: u32,
    pub(super) fade: Option<Fade>,
    /// See [`super::detail`].
    pub(super) far: bool,
    pub(super) styled: StyledTile,
}

/// What a person pointed at.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    /// `id` attribute of the object, empty when it has none.
    pub id: String,
    pub attributes: Map<String, Value>,
    /// What else files say of the place, see [`engine::Tileset::place_metadata`].
    pub metadata: Vec<MetadataGroup>,
    pub at: Geodetic,
}

impl CityTiles {
    /// The engines of the tilesets that could be opened, by their entities.
    pub fn tilesets(&self) -> impl Iterator<Item = (Entity, &engine::Tileset)> {
        self.streams.iter().map(|(entity, stream)| (*entity, &stream.engine))
    }

    /// Lets all tilesets ask once more for what failed.
    pub fn retry_failed(&mut self) {
        self.streams.values_mut().for_each(|stream| stream.engine.retry_failed());
    }

    /// Whether there is a tileset and the picture waits for none of them. Tiles that failed are not waited for.
    pub fn is_settled(&self) -> bool {
        !self.streams.is_empty() && self.streams.values().all(Stream::is_settled)
    }

    /// Tiles on screen.
    pub fn drawn(&self) -> impl Iterator<Item = TileRef> + '_ {
        self.residents().filter(|(_, r)| r.drawn).map(|(tile, _)| tile)
    }

    /// Tiles that a group of [`super::TileViews`] draws, by tileset and in tree order.
    pub fn drawn_by<'a>(&'a self, group: &'a str) -> impl Iterator<Item = TileRef> + 'a {
        let tiles = move |stream: &'a Stream| stream.drawn_by(group).iter();
        self.streams.iter().flat_map(move |(entity, stream)| tiles(stream).map(|tile| TileRef { tileset: *entity, tile: *tile }))
    }

    /// Whether a tile that a group draws is on its way into the picture or out of it ([`super::TileFade`]).
    pub(in crate::render) fn is_fading(&self, group: &str) -> bool {
        self.drawn_by(group).any(|tile| self.resident(tile).is_some_and(|r| r.fade.is_some()))
    }

    /// What is on screen: addresses of its contents below its root tileset's folder, sorted.
    pub fn drawn_addresses(&self) -> Vec<String> {
        let mut all: Vec<String> = self.streams.values().flat_map(addresses).collect();
        all.sort_unstable();
        all
    }

    /// The object under a ray, east-north-up metres of the scene's frame.
    pub fn pick(&self, frame: &SceneFrame, origin: DVec3, direction: DVec3) -> Option<Picked> {
        let (tileset, hit) = self.ray(frame, origin, direction)?;
        let engine = &self.streams.get(&tileset)?.engine;
        let attributes = engine.attributes(hit.tile, hit.feature_id);
        let id = attributes.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Picked { id, attributes, metadata: engine.place_metadata(&hit), at: ecef_to_geodetic(Ecef(hit.position)) })
    }

    /// Where a ray from an east-north-up point first meets what is drawn.
    pub fn hit(&self, frame: &SceneFrame, origin: DVec3, direction: DVec3) -> Option<DVec3> {
        self.ray(frame, origin, direction).map(|(_, hit)| frame.0.to_enu(Ecef(hit.position)))
    }

    /// Attributes of the object with a source id, if a tile that holds it is in memory.
    pub fn find(&self, id: &str) -> Option<Map<String, Value>> {
        let ids = HashSet::from([id.to_owned()]);
        self.residents().find_map(|(_, r)| selection::named(&r.styled.features, &ids).first().map(|f| r.styled.features.attributes(*f)))
    }

    /// The nearest drawn face on a ray, and the tileset it is of.
    pub(super) fn ray(&self, frame: &SceneFrame, origin: DVec3, direction: DVec3) -> Option<(Entity, Hit)> {
        let (origin, direction) = (frame.0.to_ecef(origin).0, frame.0.ecef_from_enu().transform_vector3(direction));
        let hits = self.streams.iter().filter_map(|(entity, stream)| Some((*entity, stream.engine.pick(origin, direction)?)));
        hits.min_by(|a, b| a.1.distance_m.total_cmp(&b.1.distance_m))
    }

    pub(super) fn residents(&self) -> impl Iterator<Item = (TileRef, &Resident)> {
        self.streams.iter().flat_map(|(entity, stream)| {
            stream.resident.iter().map(move |(tile, resident)| (TileRef { tileset: *entity, tile: *tile }, resident))
        })
    }

    pub(super) fn residents_mut(&mut self) -> impl Iterator<Item = &mut Resident> {
        self.streams.values_mut().flat_map(|stream| stream.resident.values_mut())
    }

    pub(super) fn resident(&self, of: TileRef) -> Option<&Resident> {
        self.streams.get(&of.tileset)?.resident.get(&of.tile)
    }

    /// What is kept of a tile that is in memory.
    pub(super) fn kept(&self, of: TileRef) -> Option<&KeptTile> {
        self.streams.get(&of.tileset)?.engine.content(of.tile).map(|kept| &**kept)
    }

    pub(super) fn add(&mut self, entity: Entity, stream: Stream) {
        self.streams.insert(entity, stream);
    }

    pub(super) fn remove(&mut self, entity: Entity) -> Option<Stream> {
        // Heights of the ground may have been its.
        self.ground = GroundCache::default();
        self.streams.remove(&entity)
    }

    /// The tilesets in the order in which they are served, another one first in each frame.
    pub(super) fn in_turn(&mut self) -> Vec<Entity> {
        let mut order: Vec<Entity> = self.streams.keys().copied().collect();
        if !order.is_empty() {
            self.turn = (self.turn + 1) % order.len();
            order.rotate_left(self.turn);
        }
        order
    }

    /// Adds up what the tilesets say of themselves.
    pub(super) fn sum_up(&mut self) {
        let mut all = Progress::default();
        (self.drawn_tiles, self.drawn_triangles) = (0, 0);
        for stream in self.streams.values() {
            let one = &stream.progress.figures;
            all.pending += one.pending;
            all.preloading += one.preloading;
            all.failed += one.failed;
            all.holes += one.holes;
            all.resident_tiles += one.resident_tiles;
            all.resident_bytes += one.resident_bytes;
            all.kept_bytes += one.kept_bytes;
            // Of the budget that they share.
            all.held_bytes = all.held_bytes.max(one.held_bytes);
            all.budget_bytes = all.budget_bytes.max(one.budget_bytes);
            all.sse_px = all.sse_px.max(one.sse_px);
            one.notes.iter().for_each(|(note, n)| *all.notes.entry(note.clone()).or_default() += n);
            all.recent_failures = one.recent_failures.iter().chain(all.recent_failures.iter()).cloned().collect();
            self.drawn_tiles += stream.progress.drawn_tiles;
            self.drawn_triangles += stream.progress.drawn_triangles;
        }
        self.progress = all;
    }
}

fn addresses(stream: &Stream) -> Vec<String> {
    let tree = stream.engine.tree();
    let folder = tree.tile(TileTree::ROOT).contents.first().map_or("", |c| c.url.rsplit_once('/').map_or("", |(folder, _)| folder));
    let drawn = stream.resident.iter().filter(|(_, r)| r.drawn).flat_map(|(id, _)| &tree.tile(*id).contents);
    drawn.map(|c| c.url.strip_prefix(folder).unwrap_or(&c.url).trim_start_matches('/').to_owned()).collect()
}
