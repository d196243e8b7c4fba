//! Open standards, pure: what the builder (`city`) and the engine (`tiles`) share of the formats of 3D Tiles, and the read side of
//! SensorThings ([`sensorthings`]) that the hub and the replay platform share. Floor 1, no Bevy, no sockets.
//!
//! [`archive`] reads and writes `.3tz`; [`subtree`](SubtreeFile) files, property tables ([`PropertyTable`]), the wrappings and batch
//! tables of 3D Tiles 1.0, meshopt-compressed buffer views ([`Meshopt`]) and Draco-compressed primitives ([`Draco`]) are taken from bytes and checked.
//! Never here: a tree of tiles, a mesh, an address on the network.

pub mod archive;
mod batch_table;
mod column;
mod described;
mod draco;
mod entity;
mod fault;
mod features;
mod implicit;
mod legacy;
mod meshopt;
mod property;
mod semantics;
pub mod sensorthings;
mod subtree;
mod texel;

pub use self::meshopt::Meshopt;
pub use batch_table::BatchTable;
pub use column::ViewBytes;
pub use described::{ClassName, Described, DescribedProperty};
pub use draco::{Draco, Named, Unpacked};
pub use entity::{described_entity, entity_properties};
pub use fault::Fault;
pub(crate) use features::Table;
pub use features::{FEATURES_MAX, FeatureTable, NO_FEATURE};
pub use implicit::{Coordinates, Scheme};
pub use legacy::{Batched, Batches, Instanced, Model, PointCloud, composite_parts, unwrap_b3dm, unwrap_i3dm, unwrap_pnts};
pub use property::{Metadata, PropertyTable, PropertyTableJson};
pub use semantics::{Packed, Semantics};
pub use subtree::{Availability, Bits, SubtreeFile};
pub use texel::TexelProperty;
