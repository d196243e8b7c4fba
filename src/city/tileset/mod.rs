//! Existing 3D Tiles 1.0 and 1.1 as input: in a folder, as one `tileset.json`, or in a `.3tz` archive.
//!
//! [`files`] is where their bytes come from, [`tiles`] what a `tileset.json` or a subtree says, [`references`] what other files a content
//! needs, [`walk`] goes through all of it. On it stand [`existing`] (what is passed through into a package as it is) and [`retile`]
//! (contents as city objects). Names are paths below the tileset's folder; what leads out of it is refused.

mod existing;
mod files;
mod references;
mod retile;
#[cfg(test)]
mod tests;
pub(crate) mod tiles;
mod volume;
pub(crate) mod walk;

pub(crate) use existing::shown_name;
pub use existing::{Copied, ExistingTileset};
pub use files::{TilesetFiles, TilesetPlace, is_tileset};
pub(crate) use retile::Content;
pub(super) use retile::read;
pub(super) use tiles::{Reference, resolve, unescape};
pub(crate) use volume::region_of;
