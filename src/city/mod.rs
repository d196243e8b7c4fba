//! Cities in, city packages out: floor 2, no Bevy, no sockets.
//!
//! [`source`] holds the neutral shape every format is read into; one folder a format (`cityjson/`, `elevation/`) fills it;
//! [`package`] turns sources into 3D Tiles 1.1 plus `city.toml`; [`demo`] generates the demo city as files that enter
//! by the same door as real data. [`inspect`] says what is in a file before anything is built.

mod ahead;
mod citygml;
pub mod cityjson;
pub mod demo;
pub mod elevation;
pub mod error;
mod faces;
mod flat;
mod flatcitybuf;
mod flatgeobuf;
mod footprints;
mod gltf_model;
pub mod inspect;
pub(crate) mod level;
pub(crate) mod meaning;
pub mod ortho;
pub mod package;
mod part;
pub mod raster;
mod read;
pub mod report;
pub mod source;
pub mod tileset;

pub use error::CityError;
pub use gltf_model::ModelPlace;
pub use read::{ReadOptions, Sink, read_parts, read_source};
