//! 3D Tiles 1.0 and 1.1: reading, choosing what to draw, loading it off-thread. Floor 2, no Bevy.
//!
//! [`Tileset`] is the whole engine: open one, call [`Tileset::update`] each frame with the [`View`]s, draw what its
//! [`Frame`] says. Inside, one noun a file, and data flows one way:
//! `fetch` (bytes) -> `content` (decoded meshes and features) or `tileset`/`subtree` (more tree) -> [`TileTree`] -> `select` -> `engine`.
//!
//! How tiles are chosen is told in `docs/tile-selection.md`: `select` is the rules, `walk` the way down the tree, `sight` what the views
//! see (`horizon`), `outcomes` what is remembered from the frame before, `groups` several independent groups of views over one cache.
//!
//! World = ECEF metres in f64, or the tileset's own frame when it has no georeference.
//! Never here: a GPU, a frame rate, a decision that depends on the clock (only the loader waits).

mod accessor;
mod budget;
mod cached;
mod clusters;
mod content;
mod disk_cache;
mod download;
mod engine;
mod error;
mod face_metadata;
mod features;
mod fetch;
mod glb;
mod gltf_json;
mod groups;
mod headers;
mod horizon;
mod i3dm;
mod implicit;
mod instances;
mod join;
mod kept;
mod ktx2;
mod ledger;
mod left_out;
mod legacy;
mod loader;
#[cfg(test)]
mod made_up;
mod mesh;
mod metadata;
mod outcomes;
mod outline;
mod pick;
mod picture;
mod place_metadata;
mod pnts;
mod prepared;
mod select;
mod shapes;
mod sight;
mod stated;
mod subtree;
mod texels;
mod texture;
mod tileset;
mod tree;
mod under_way;
mod view;
mod volume;
mod walk;

pub use crate::ogc::{ClassName, Described, DescribedProperty, FeatureTable, NO_FEATURE};
pub use budget::{GraphicsMemory, MemoryBudget, machine_bytes, memory_budget};
pub use clusters::{Cluster, ClusterEye, Sightline};
pub use content::{DecodeContext, Decoded, FACADE_STEPS_PER_M, TileContent, TileMesh, UpAxis, WALL, decode};
pub use disk_cache::{CacheFigures, CacheOptions};
pub use download::Download;
pub use engine::{Failure, Frame, Progress, Tileset, TilesetOptions};
pub use error::TileError;
pub use groups::{Purpose, ViewGroup};
pub use headers::Headers;
pub use kept::{KeptMesh, KeptTile};
pub use mesh::UNLIT;
pub use outcomes::SelectionState;
pub use pick::Hit;
pub use place_metadata::{FeatureIdSource, MetadataGroup, MetadataSource};
pub use prepared::{Prepare, Prepared};
pub use select::{Load, LoadClass, LoadState, SelectOptions, Selection, select};
pub use texture::{TileTexture, Wear};
pub use tree::{ContentRef, Refine, Tile, TileId, TileTree};
pub use view::{Plane, Tangents, View};
pub use volume::BoundingVolume;
