//! What the builder (`city`) and the engine (`tiles`) share of the formats of 3D Tiles. Floor 1, no Bevy, no sockets.
//!
//! [`archive`] reads and writes `.3tz`; [`subtree`](SubtreeFile) files, property tables ([`PropertyTable`]), the wrappings and batch
//! tables of 3D Tiles 1.0 and meshopt-compressed buffer views ([`Meshopt`]) are taken from bytes and checked.
//! Never here: a tree of tiles, a mesh, an address on the network.

pub mod archive;
mod fault;
mod features;
mod implicit;
mod legacy;
mod meshopt;
mod property;
mod subtree;

pub use self::meshopt::Meshopt;
pub use fault::Fault;
pub(crate) use features::Table;
pub use features::{FeatureTable, NO_FEATURE};
pub use implicit::{Coordinates, Scheme};
pub use legacy::{BatchTable, Batched, Batches, composite_parts, unwrap_b3dm};
pub use property::{Metadata, PropertyTable, PropertyTableJson, ViewBytes};
pub use subtree::{Availability, Bits, SubtreeFile};
