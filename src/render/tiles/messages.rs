//! What tilesets tell the app: read with `MessageReader`.

use super::picking::PickedFeature;
use crate::geo::Sphere;
use crate::tiles::{TileError, TileId};
use bevy::prelude::*;

/// The root of a tileset is read: how far it reaches is known, for framing a camera.
#[derive(Message, Clone, Copy, Debug)]
pub struct TilesetLoaded {
    pub tileset: Entity,
    /// Around all of it, ECEF metres.
    pub sphere: Sphere,
}

/// A tileset can't be opened, or its root can't be read.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct TilesetFailed {
    pub tileset: Entity,
    pub error: TileError,
}

/// A tile is on the graphics device; from now on it may be drawn.
#[derive(Message, Clone, Copy, Debug, PartialEq)]
pub struct TileLoaded {
    pub tileset: Entity,
    pub tile: TileId,
    /// Memory it takes, here and on the device.
    pub bytes: usize,
}

/// A tile gave way to others. It may come again.
#[derive(Message, Clone, Copy, Debug, PartialEq)]
pub struct TileEvicted {
    pub tileset: Entity,
    pub tile: TileId,
}

/// A tile is given up; its parent is drawn in its place where there is one.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct TileFailed {
    pub tileset: Entity,
    pub tile: TileId,
    pub error: TileError,
}

/// Somebody asked what is at a point of the picture ([`super::picking::PickRequest`]) and a feature is there.
#[derive(Message, Clone, Debug, PartialEq)]
pub struct FeaturePicked {
    /// As in the request.
    pub token: u64,
    /// The tileset and tile it is of, its number, attributes and the place that was met.
    pub feature: PickedFeature,
}

/// Adds all of them.
pub(super) fn build(app: &mut App) {
    app.add_message::<TilesetLoaded>()
        .add_message::<TilesetFailed>()
        .add_message::<TileLoaded>()
        .add_message::<TileEvicted>()
        .add_message::<TileFailed>()
        .add_message::<FeaturePicked>();
}
