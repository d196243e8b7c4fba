//! One tileset in the world: spawned, hidden and despawned like any entity.

use super::city::CityTiles;
use super::features::FeatureStates;
use super::messages::TilesetFailed;
use super::stream::Stream;
use crate::tiles::{self as engine, CacheOptions, Headers, MemoryBudget, Progress, SelectOptions, TileError, TilesetOptions};
use bevy::ecs::lifecycle::{Discard, Insert};
use bevy::math::DMat4;
use bevy::prelude::*;

/// A 3D Tiles tileset, or a model by itself, drawn where it stands on Earth.
///
/// Settings only, read when the component is inserted; what changes every frame is in [`TilesetProgress`], which Bevy adds for you. To change a
/// setting insert the component again: the tileset is opened anew. Its tiles are children of the entity: `Visibility::Hidden` hides them all, and
/// while hidden nothing is loaded; despawning the entity gives all it holds back. Leave the entity's `Transform` as it is: tiles know where they
/// stand, and [`Tileset::place`] is for those that don't.
#[derive(Component, Clone, Debug, Default)]
#[component(immutable)]
#[require(TilesetProgress, Transform, Visibility)]
pub struct Tileset {
    /// Path of a `tileset.json`, of its folder, of a `.3tz` or of a content by itself, or an http(s) address of one.
    pub address: String,
    /// Sent to its own server and to no other.
    pub headers: Headers,
    pub stands_for: StandsFor,
    /// How fine, and how far ahead.
    pub select: SelectOptions,
    /// Where its files from the network are kept between runs; tilesets may share one.
    pub cache: Option<CacheOptions>,
    /// World (ECEF, metres) from the tileset's own frame, for one that doesn't stand on Earth by itself.
    pub place: Option<DMat4>,
}

/// What a tileset is to those who stand on it, select in it and colour it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StandsFor {
    /// Buildings and ground told apart by `_SURFACE`, as `yiping build` writes them; faces of which nobody says so are buildings.
    #[default]
    City,
    /// Ground as a camera saw it, with all that stands there: photogrammetry, scanned terrain. Signs stand on it; it is neither coloured nor filtered.
    Ground,
}

/// What a tileset does now.
#[derive(Component, Clone, Debug, Default, PartialEq)]
pub struct TilesetProgress {
    pub figures: Progress,
    pub drawn_tiles: usize,
    pub drawn_triangles: usize,
    /// All that its views need is on screen; a hidden one needs nothing.
    pub is_settled: bool,
}

/// The memory that all tilesets of the app keep to together; by itself what suits the machine. Insert it before the first tileset.
#[derive(Resource, Clone, Debug)]
pub struct TileMemory(pub MemoryBudget);

impl Default for TileMemory {
    fn default() -> Self {
        Self(MemoryBudget::of_machine())
    }
}

/// A tileset that was opened before its entity was spawned: insert it together with [`Tileset`].
///
/// It keeps to the budget it was opened with; [`Tileset::open`] gives it the app's.
#[derive(Component)]
pub struct OpenedTileset(Option<engine::Tileset>);

impl OpenedTileset {
    pub fn new(tileset: engine::Tileset) -> Self {
        Self(Some(tileset))
    }
}

impl Tileset {
    /// The one at an address, with everything else as usual.
    pub fn at(address: impl Into<String>) -> Self {
        Self { address: address.into(), ..Self::default() }
    }

    /// Opens it at once, for those who want to know whether that works. Spawn what it gives.
    ///
    /// # Errors
    /// As [`engine::Tileset::open`].
    pub fn open(self, memory: &TileMemory) -> Result<(Self, OpenedTileset), TileError> {
        let opened = OpenedTileset::new(self.engine(memory)?);
        Ok((self, opened))
    }

    fn engine(&self, memory: &TileMemory) -> Result<engine::Tileset, TileError> {
        let options = TilesetOptions {
            select: self.select,
            memory: Some(memory.0.clone()),
            cache: self.cache.clone(),
            place: self.place,
            ..TilesetOptions::default()
        };
        engine::Tileset::open_with_headers(&self.address, options, self.headers.clone())
    }
}

/// Begins to stream what was inserted.
pub(super) fn open(
    inserted: On<Insert, Tileset>,
    mut tilesets: Query<(&Tileset, Option<&mut OpenedTileset>)>,
    memory: Res<TileMemory>,
    mut city: ResMut<CityTiles>,
    mut failed: MessageWriter<TilesetFailed>,
    mut commands: Commands,
) {
    let entity = inserted.entity;
    let Ok((tileset, opened)) = tilesets.get_mut(entity) else { return };
    let before = opened.and_then(|mut opened| opened.0.take());
    match before.map_or_else(|| tileset.engine(&memory), Ok) {
        Ok(engine) => city.add(entity, Stream::new(engine, tileset.stands_for)),
        Err(error) => {
            tracing::error!(address = tileset.address, %error, "a tileset can't be opened");
            failed.write(TilesetFailed { tileset: entity, error });
        }
    }
    commands.entity(entity).try_remove::<OpenedTileset>();
}

/// Lets go of what was removed, replaced or despawned.
pub(super) fn close(
    discarded: On<Discard, Tileset>,
    mut city: ResMut<CityTiles>,
    mut states: ResMut<FeatureStates>,
    mut commands: Commands,
) {
    let Some(stream) = city.remove(discarded.entity) else { return };
    for resident in stream.resident.into_values() {
        states.release(resident.first_state, resident.states);
        // A despawned tileset takes its tiles with it.
        resident.parts.iter().for_each(|part| commands.entity(part.entity).try_despawn());
    }
}
