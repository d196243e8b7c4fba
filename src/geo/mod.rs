//! Coordinate systems, the local frame and bounding volumes: floor 0, no I/O, no clock.
//!
//! World = Earth-centred, Earth-fixed (ECEF, EPSG:4978) in f64 metres. Drawing = f32 metres in a local
//! east-north-up [`LocalFrame`] at the scene's anchor. Anything else is converted at the edge by [`Crs`].

mod bounds;
mod china;
mod crs;
mod frame;
mod geoid;
mod patch;
mod sun;

pub use bounds::{Aabb, Region, Sphere};
pub use china::Shifted;
pub use crs::{Crs, CrsError};
pub use frame::{Ecef, Geodetic, LocalFrame, ecef_to_geodetic, geodetic_to_ecef};
pub use geoid::{Geoid, Heights, UndulationGrid};
pub use sun::{SunPosition, sun_position};
